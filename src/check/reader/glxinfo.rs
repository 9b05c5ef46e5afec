//! `glxinfo`, with or without `-B`: which renderer draws, and whether it is a GPU.

use super::crash;
use super::elided::elided;
use super::observation;
use super::refusal::is_missing;
use crate::model::Observation;
use serde::Serialize;

/// What was read. The upper fields are those of the fixtures' index.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Glxinfo {
    /// `OpenGL renderer string`.
    renderer: Option<String>,
    /// The device as Mesa names it.
    device: Option<String>,
    accelerated: Option<bool>,
    direct_rendering: Option<bool>,
    video_memory_mb: Option<u64>,
    /// The renderer computes on the processor; nothing where no renderer is named.
    software_rendering: Option<bool>,
    vendor: Option<String>,
    /// Version of Mesa.
    mesa_version: Option<String>,
    core_version: Option<String>,
    version: Option<String>,
    es_version: Option<String>,
    unified_memory: Option<bool>,
    failure: Option<Failure>,
    /// The signal that ended the tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    /// The part on OpenGL is there and nothing is left out.
    complete: bool,
}

/// Why there is nothing to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Failure {
    /// `glxinfo` itself could not be started.
    NotStarted,
    /// No X server answers.
    NoDisplay,
    /// The X server has no GLX, or no visual or context for it.
    NoGlx,
    /// A signal ended the tool; `signal` is its number.
    Crashed,
}

/// Names of renderers that use no GPU.
const SOFTWARE: [&str; 13] = [
    "llvmpipe",
    "softpipe",
    "swrast",
    "lavapipe",
    "swiftshader",
    "software rasterizer",
    "openswr",
    "mesa x11",
    "mesa offscreen",
    "swr (",
    "gdi generic",
    "apple software renderer",
    "microsoft basic render",
];

pub(super) fn read(text: &str) -> Observation {
    observation(&parse(text))
}

fn parse(text: &str) -> Glxinfo {
    let mut seen = Glxinfo::default();
    let mut gap = false;
    for line in text.lines() {
        if elided(line) {
            gap = true;
        } else {
            seen.signal = seen.signal.or_else(|| crash::signal(line));
            trouble(line, &mut seen);
            if let Some((name, value)) = line.split_once(':') {
                field(name.trim(), value.trim(), &mut seen);
            }
        }
    }
    let names: Vec<String> =
        [&seen.renderer, &seen.device].into_iter().flatten().map(|name| name.to_lowercase()).collect();
    let software = |name: &String| SOFTWARE.iter().any(|software| name.contains(software));
    seen.software_rendering = (!names.is_empty()).then(|| names.iter().any(software));
    if seen.signal.is_some() {
        seen.failure = Some(Failure::Crashed);
    }
    seen.complete = !gap
        && seen.signal.is_none()
        && (seen.failure.is_some() || (seen.renderer.is_some() && seen.version.is_some()));
    seen
}

fn field(name: &str, value: &str, seen: &mut Glxinfo) {
    let text = |slot: &mut Option<String>| {
        if !value.is_empty() {
            slot.get_or_insert_with(|| value.to_owned());
        }
    };
    let yes = |slot: &mut Option<bool>| {
        let word = value.to_ascii_lowercase();
        if word.starts_with("yes") {
            *slot = Some(true);
        } else if word.starts_with("no") {
            *slot = Some(false);
        }
    };
    match name {
        "OpenGL renderer string" => text(&mut seen.renderer),
        "OpenGL vendor string" => text(&mut seen.vendor),
        "OpenGL core profile version string" => text(&mut seen.core_version),
        "OpenGL version string" => text(&mut seen.version),
        "OpenGL ES profile version string" => text(&mut seen.es_version),
        "Device" => text(&mut seen.device),
        "Version" => text(&mut seen.mesa_version),
        "Accelerated" => yes(&mut seen.accelerated),
        "Unified memory" => yes(&mut seen.unified_memory),
        "direct rendering" => yes(&mut seen.direct_rendering),
        "Video memory" => seen.video_memory_mb = megabytes(value),
        // NVIDIA's own driver has no part of Mesa's.
        "Dedicated video memory" => seen.video_memory_mb = seen.video_memory_mb.or_else(|| megabytes(value)),
        _ => {}
    }
}

/// `512MB` and `6144 MB`.
fn megabytes(value: &str) -> Option<u64> {
    value.strip_suffix("MB")?.trim().parse().ok()
}

fn trouble(line: &str, seen: &mut Glxinfo) {
    let class = if line.contains("unable to open display") {
        Failure::NoDisplay
    } else if line.contains("couldn't find RGB GLX visual")
        || line.contains("GLX extension not found")
        || line.contains("missing GLX extension")
        || line.contains("extension \"GLX\" missing")
        || line.contains("couldn't create GLX context")
        || (line.contains("glX") && line.contains(" failed"))
        || (line.contains("X Error of failed request") && line.contains("GLX"))
        || (line.contains("opcode of failed request") && line.contains("(GLX)"))
    {
        Failure::NoGlx
    } else if is_missing(line, "glxinfo")
        || (line.contains("glxinfo") && line.contains("error while loading shared libraries"))
    {
        Failure::NotStarted
    } else {
        return;
    };
    seen.failure.get_or_insert(class);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::reader::Reader;
    use proptest::prelude::*;

    const GOOD: &str = "name of display: :0
display: :0  screen: 0
direct rendering: Yes
Extended renderer info (GLX_MESA_query_renderer):
    Vendor: Example (0x1002)
    Device: EXAMPLE (LLVM 1, DRM 2) (0x1)
    Version: 23.1.0
    Accelerated: yes
    Video memory: 2048MB
    Unified memory: no
OpenGL vendor string: Example
OpenGL renderer string: EXAMPLE (LLVM 1, DRM 2)
OpenGL core profile version string: 4.6 (Core Profile) Mesa 23.1.0

OpenGL version string: 4.6 (Compatibility Profile) Mesa 23.1.0
";

    #[test]
    fn a_tool_that_crashed_is_told_with_its_signal() {
        let seen = parse(&format!("{GOOD}Segmentation fault (core dumped)\n"));
        assert_eq!((seen.failure, seen.signal, seen.complete), (Some(Failure::Crashed), Some(11), false));
    }

    #[test]
    fn a_gpu_is_told_with_its_memory() {
        let seen = parse(GOOD);
        assert_eq!(seen.renderer.as_deref(), Some("EXAMPLE (LLVM 1, DRM 2)"));
        assert_eq!(seen.device.as_deref(), Some("EXAMPLE (LLVM 1, DRM 2) (0x1)"));
        assert_eq!(
            (seen.accelerated, seen.direct_rendering, seen.unified_memory),
            (Some(true), Some(true), Some(false))
        );
        assert_eq!((seen.video_memory_mb, seen.software_rendering), (Some(2048), Some(false)));
        assert!(seen.complete);
        let nvidia = parse("Memory info (GL_NVX_gpu_memory_info):\n    Dedicated video memory: 6144 MB\n");
        assert_eq!(nvidia.video_memory_mb, Some(6144));
    }

    #[test]
    fn a_renderer_on_the_processor_is_known_by_its_name_and_not_by_a_missing_one() {
        for (line, software) in [
            ("OpenGL renderer string: llvmpipe (LLVM 15.0.6, 256 bits)", Some(true)),
            ("OpenGL renderer string: zink Vulkan 1.3(llvmpipe (LLVM 17))", Some(true)),
            ("OpenGL renderer string: Software Rasterizer", Some(true)),
            ("OpenGL renderer string: SWR (LLVM 10.0, 256 bits)", Some(true)),
            ("OpenGL renderer string: GDI Generic", Some(true)),
            ("OpenGL renderer string: Apple Software Renderer", Some(true)),
            ("OpenGL renderer string: Microsoft Basic Render Driver", Some(true)),
            ("OpenGL renderer string: D3D12 (Microsoft Basic Render Driver)", Some(true)),
            ("OpenGL renderer string: SVGA3D; build: RELEASE;  LLVM;", Some(false)),
            ("    Device: llvmpipe (LLVM 1) (0xffffffff)", Some(true)),
            ("direct rendering: No (LIBGL_ALWAYS_INDIRECT set)", None),
        ] {
            assert_eq!(parse(line).software_rendering, software, "{line}");
        }
    }

    #[test]
    fn every_class_of_failure_is_told_apart() {
        for (line, failure) in [
            ("Error: unable to open display :9", Failure::NoDisplay),
            ("Error: couldn't find RGB GLX visual or fbconfig", Failure::NoGlx),
            ("Xlib:  extension \"GLX\" missing on display \":1\".", Failure::NoGlx),
            ("bash: glxinfo: command not found", Failure::NotStarted),
            (
                "X Error of failed request:  BadValue (integer parameter out of range for operation)\n  Major opcode of failed request:  150 (GLX)\n",
                Failure::NoGlx,
            ),
            ("X Error of failed request:  GLXBadFBConfig\n", Failure::NoGlx),
            ("Error: glXCreateContext failed\n", Failure::NoGlx),
        ] {
            let seen = parse(line);
            assert_eq!((seen.failure, seen.complete, seen.software_rendering), (Some(failure), true, None));
        }
    }

    #[test]
    fn what_breaks_off_is_not_complete() {
        let head: Vec<&str> = GOOD.lines().take(10).collect();
        assert!(!parse(&head.join("\n")).complete);
        assert!(!parse(&format!("{GOOD}...\n")).complete);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0usize..900) {
            let reader = Reader::named("glxinfo").expect("a reader");
            let _ = reader.read(&mut bytes.as_slice());
            let text: String = GOOD.chars().take(cut).collect();
            prop_assert!(parse(&text).video_memory_mb.is_none_or(|size| size == 2048));
        }
    }
}
