//! `vdpauinfo`: which decoders a VDPAU driver offers, with their levels and sizes.
//!
//! Until 0.1 the tool listed only what is supported; since 0.9 it lists every profile that it knows. Spaces may have
//! been collapsed by a forum.

use super::crash;
use super::elided::{elided, trails_off};
use super::folded::unfolded;
use super::observation;
use super::refusal::{is_absent, is_missing};
use crate::model::Observation;
use serde::Serialize;
use std::collections::BTreeMap;

/// What was read. The upper fields are those of the fixtures' index.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Vdpauinfo {
    /// A driver was opened and answers.
    device_created: bool,
    information_string: Option<String>,
    decoders_listed: usize,
    /// The names of those that are supported, as listed.
    decoders_supported: Vec<String>,
    decode: Decode,
    /// The `VdpStatus` with which no device could be created.
    error_code: Option<i64>,
    error_class: Option<ErrorClass>,
    /// The signal that ended the tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    /// The library that could not be opened.
    missing_backend: Option<String>,
    /// It ends as the tool ends.
    complete: bool,
    display: Option<String>,
    screen: Option<i64>,
    api_version: Option<i64>,
    /// The supported decoders by name.
    decoders: BTreeMap<String, Decoder>,
}

/// What can be decoded, as the fixtures' index puts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
struct Decode {
    #[serde(rename = "H264")]
    h264: bool,
    #[serde(rename = "HEVC_Main")]
    hevc_main: bool,
    #[serde(rename = "HEVC_Main10")]
    hevc_main10: bool,
    #[serde(rename = "VP9")]
    vp9: bool,
    #[serde(rename = "AV1")]
    av1: bool,
}

/// How far a decoder goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Decoder {
    /// -1 where the driver does not say.
    level: i64,
    macroblocks: i64,
    width: i64,
    height: i64,
}

/// Why nothing can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum ErrorClass {
    /// `vdpauinfo` itself could not be started.
    NotStarted,
    /// No X server answers.
    NoDisplay,
    /// The driver's library is not there.
    BackendLibraryMissing,
    /// The driver's library is there and cannot be loaded, or is no driver.
    BackendLibraryUnusable,
    /// The GPU has nothing that decodes.
    GpuWithoutVideoDecoder,
    /// The driver refused for another reason.
    DeviceCreationFailed,
    /// There is a device, and not one decoder.
    NoDecoderSupported,
    /// A signal ended the tool; `signal` is its number.
    Crashed,
}

/// What the lines said that is no field.
#[derive(Debug, Default)]
struct Lines {
    section: Section,
    ended: bool,
    gap: bool,
    trouble: Option<ErrorClass>,
}

/// Where in the output a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Section {
    #[default]
    Head,
    Decoders,
    Other,
}

/// Headings of the other sections.
const OTHERS: [&str; 4] = ["Video surface:", "Output surface:", "Bitmap surface:", "Video mixer:"];
/// The last row that the tool prints.
const LAST: &str = "LUMA_KEY_MAX_LUMA";

/// How lines begin, where they became one.
const BEGINNINGS: [&str; 13] = [
    "display: ",
    "Failed to open VDPAU backend",
    "Error creating VDPAU device",
    "GPU at BusId",
    "libva info: ",
    "libva error: ",
    "API version:",
    "Information string:",
    "Video surface:",
    "Decoder capabilities:",
    "Output surface:",
    "Bitmap surface:",
    "Video mixer:",
];

pub(super) fn read(text: &str) -> Observation {
    observation(&parse(text))
}

fn parse(text: &str) -> Vdpauinfo {
    let mut seen = Vdpauinfo::default();
    let mut lines = Lines::default();
    for line in unfolded(text, &BEGINNINGS).lines().map(str::trim).filter(|line| !line.is_empty()) {
        if elided(line) {
            lines.gap = true;
        } else if line == "Decoder capabilities:" {
            lines.section = Section::Decoders;
        } else if OTHERS.contains(&line) {
            lines.section = Section::Other;
        } else if lines.section != Section::Decoders || !decoder(line, &mut seen, &mut lines) {
            head(line, &mut seen, &mut lines);
        }
    }
    concluded(seen, &lines)
}

/// A row of the decoders; whether it is one.
fn decoder(line: &str, seen: &mut Vdpauinfo, lines: &mut Lines) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some((&name, rest)) = words.split_first() else { return false };
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if !name.chars().all(is_name) || !name.starts_with(|c: char| c.is_ascii_uppercase()) {
        return false;
    }
    lines.gap |= trails_off(line);
    if rest.first() == Some(&"---") {
        seen.decoders_listed += 1;
        return true;
    }
    let numbers: Vec<i64> = rest.iter().map_while(|word| word.parse().ok()).collect();
    if let [level, macroblocks, width, height, ..] = numbers[..] {
        seen.decoders_listed += 1;
        seen.decoders_supported.push(name.to_owned());
        seen.decoders.insert(name.to_owned(), Decoder { level, macroblocks, width, height });
        return true;
    }
    false
}

fn head(line: &str, seen: &mut Vdpauinfo, lines: &mut Lines) {
    let number = |text: &str| text.trim().parse().ok();
    if let Some(signal) = crash::signal(line) {
        seen.signal = Some(signal);
    } else if let Some(rest) = line.strip_prefix("display: ") {
        let (display, screen) = rest.split_once("screen:").unwrap_or((rest, ""));
        seen.display = Some(display.trim().to_owned());
        seen.screen = number(screen);
    } else if let Some(version) = line.strip_prefix("API version:") {
        seen.api_version = number(version);
    } else if let Some(said) = line.strip_prefix("Information string:") {
        seen.information_string = Some(said.trim().to_owned());
    } else if line.starts_with(LAST) {
        lines.ended = true;
    } else if let Some((_, code)) = line.split_once("Error creating VDPAU device:") {
        seen.error_code = code.split_whitespace().next().and_then(number);
        lines.ended = true;
        lines.trouble.get_or_insert(ErrorClass::DeviceCreationFailed);
    } else if let Some((_, said)) = line.split_once("Failed to open VDPAU backend ") {
        let library = said.split(':').next().unwrap_or(said).trim();
        // What cannot be opened is named first: the backend itself, or a library that it needs.
        let reason = said.split_once(':').map_or("", |(_, reason)| reason.trim());
        let mut parts = reason.splitn(2, ": ");
        let of_another = parts.next().is_some_and(|first| first.contains(".so") && !first.contains(' '));
        // Only the system's word for it is told apart: the loader says in every language what it could not do.
        let there = of_another || !parts.next().is_some_and(is_absent);
        seen.missing_backend = Some(library.to_owned()).filter(|_| !there);
        lines.trouble =
            Some(if there { ErrorClass::BackendLibraryUnusable } else { ErrorClass::BackendLibraryMissing });
    } else if line.contains("undefined symbol: vdp_imp_device_create_x11") {
        lines.trouble = Some(ErrorClass::BackendLibraryUnusable);
    } else if line.contains("have a supported video decoder") {
        lines.trouble = Some(ErrorClass::GpuWithoutVideoDecoder);
    } else if line.contains("cannot connect to X server") || line.to_lowercase().contains("open display") {
        lines.trouble = Some(ErrorClass::NoDisplay);
        lines.ended = true;
    } else if is_missing(line, "vdpauinfo")
        || (line.contains("vdpauinfo") && line.contains("error while loading shared libraries"))
    {
        lines.trouble = Some(ErrorClass::NotStarted);
        lines.ended = true;
    }
}

fn concluded(mut seen: Vdpauinfo, lines: &Lines) -> Vdpauinfo {
    seen.device_created = seen.error_code.is_none()
        && seen.signal.is_none()
        && (seen.api_version.is_some() || seen.information_string.is_some() || seen.decoders_listed > 0);
    let is = |test: &dyn Fn(&str) -> bool| seen.decoders_supported.iter().any(|name| test(name));
    seen.decode = Decode {
        h264: is(&|name| name.starts_with("H264_")),
        hevc_main: is(&|name| name == "HEVC_MAIN"),
        hevc_main10: is(&|name| name == "HEVC_MAIN_10"),
        vp9: is(&|name| name.starts_with("VP9_")),
        av1: is(&|name| name.starts_with("AV1_")),
    };
    seen.complete = lines.ended && !lines.gap && seen.signal.is_none();
    let none = seen.decoders_supported.is_empty() && (seen.decoders_listed > 0 || seen.complete);
    seen.error_class = if seen.signal.is_some() {
        Some(ErrorClass::Crashed)
    } else if seen.device_created {
        none.then_some(ErrorClass::NoDecoderSupported)
    } else {
        lines.trouble
    };
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::reader::Reader;
    use proptest::prelude::*;
    use serde_json::json;

    const GOOD: &str = "display: :0   screen: 1
API version: 1
Information string: Example VDPAU Driver 1.0

Video surface:

name   width height types
-------------------------------------------
420     4096  4096  NV12 YV12 

Decoder capabilities:

name                        level macbs width height
----------------------------------------------------
MPEG1                          --- not supported ---
H264_HIGH                      51 65536  4096  4080
HEVC_MAIN_10                  186 65536  8192  8192
VP9_PROFILE_0                   1 36864  4096  4096

Output surface:

name              width height nat types
----------------------------------------------------
B8G8R8A8         16384 16384    y  Y8U8V8A8 

Video mixer:

attribute name                  sup      min      max
-----------------------------------------------------
LUMA_KEY_MAX_LUMA                y  
";

    #[test]
    fn a_backend_that_lacks_a_library_is_not_itself_missing() {
        let said = |why: &str| read(&format!("Failed to open VDPAU backend libvdpau_x.so: {why}\n"));
        let gone = said("cannot open shared object file: No such file or directory");
        assert_eq!(gone.get("missing_backend"), Some(&serde_json::json!("libvdpau_x.so")));
        let lacking = said("libglcore.so.1: cannot open shared object file: No such file or directory");
        assert_eq!(lacking.get("error_class"), Some(&serde_json::json!("backend_library_unusable")));
    }

    #[test]
    fn a_backend_that_is_missing_is_told_in_every_language() {
        for why in [
            "cannot open shared object file: No such file or directory",
            "Kann die Shared-Object-Datei nicht öffnen: Datei oder Verzeichnis nicht gefunden",
            "Ne peut ouvrir le fichier d'objet partagé: Aucun fichier ou dossier de ce type",
            "ne peut ouvrir le fichier d'objet partagé: Aucun fichier ou dossier de ce nom",
            "невозможно открыть разделяемый объектный файл: Нет такого файла или каталога",
            "impossibile aprire il file oggetto condiviso: File o directory non esistente",
            "无法打开共享对象文件: 没有那个文件或目录",
            "no se puede abrir el fichero del objeto compartido: No existe el fichero o el directorio",
            "no se puede abrir el archivo del objeto compartido: No existe el archivo o el directorio",
            "não é possível abrir arquivo compartilhado: Arquivo ou diretório inexistente",
            "impossível abrir ficheiro-objecto partilhado: Ficheiro ou pasta inexistente",
        ] {
            let seen = read(&format!(
                "Failed to open VDPAU backend libvdpau_x.so: {why}\nError creating VDPAU device: 1\n"
            ));
            assert_eq!(seen.get("error_class"), Some(&json!("backend_library_missing")), "{why}");
            assert_eq!(seen.get("missing_backend"), Some(&json!("libvdpau_x.so")), "{why}");
        }
        for why in [
            "cannot open shared object file: Permission denied",
            "Kann die Shared-Object-Datei nicht öffnen: Keine Berechtigung",
            "falsche ELF-Klasse: ELFCLASS32",
            "undefined symbol: vdp_x",
            "file too short",
        ] {
            let seen = read(&format!("Failed to open VDPAU backend libvdpau_x.so: {why}\n"));
            assert_eq!(seen.get("error_class"), Some(&json!("backend_library_unusable")), "{why}");
        }
    }

    #[test]
    fn a_tool_that_crashed_is_told_with_its_signal() {
        for text in [
            "display: :0   screen: 0\nSegmentation fault (core dumped)\n",
            &format!("{GOOD}Segmentation fault\n"),
        ] {
            let seen = read(text);
            assert_eq!(seen.get("error_class"), Some(&json!("crashed")), "{text}");
            assert_eq!(
                (seen.get("signal"), seen.get("device_created")),
                (Some(&json!(11)), Some(&json!(false)))
            );
            assert_eq!(seen.get("complete"), Some(&json!(false)), "{text}");
        }
    }

    #[test]
    fn decoders_are_told_with_level_and_size() {
        let seen = parse(GOOD);
        assert!(seen.device_created && seen.complete, "{seen:?}");
        assert_eq!(seen.decoders_listed, 4);
        let unknown =
            parse(&GOOD.replace("H264_HIGH                      51", "H264_HIGH                      -1"));
        assert_eq!((unknown.decoders_listed, unknown.decoders_supported.len()), (4, 3));
        assert_eq!(seen.decoders_supported, ["H264_HIGH", "HEVC_MAIN_10", "VP9_PROFILE_0"]);
        assert_eq!((seen.display.as_deref(), seen.screen, seen.api_version), (Some(":0"), Some(1), Some(1)));
        assert_eq!(seen.information_string.as_deref(), Some("Example VDPAU Driver 1.0"));
        let decode =
            json!({"H264": true, "HEVC_Main": false, "HEVC_Main10": true, "VP9": true, "AV1": false});
        assert_eq!(read(GOOD).get("decode"), Some(&decode));
        let high = json!({"level": 51, "macroblocks": 65536, "width": 4096, "height": 4080});
        assert_eq!(read(GOOD).get("decoders.H264_HIGH"), Some(&high));
        assert_eq!(seen.error_class, None);
    }

    #[test]
    fn every_class_of_failure_is_told_apart() {
        let refused = |why: &str| format!("display: :0   screen: 0\n{why}Error creating VDPAU device: 1\n");
        for (text, class, library) in [
            ("vdpauinfo: cannot connect to X server :9\n".to_owned(), ErrorClass::NoDisplay, None),
            ("Could not open display ':9'\n".to_owned(), ErrorClass::NoDisplay, None),
            ("bash: vdpauinfo: command not found\n".to_owned(), ErrorClass::NotStarted, None),
            (refused(""), ErrorClass::DeviceCreationFailed, None),
            (
                refused("GPU at BusId 0x1 doesn't have a supported video decoder\n"),
                ErrorClass::GpuWithoutVideoDecoder,
                None,
            ),
            (
                refused(
                    "Failed to open VDPAU backend libvdpau_x.so: cannot open shared object file: No such file\n",
                ),
                ErrorClass::BackendLibraryMissing,
                Some("libvdpau_x.so"),
            ),
            (
                refused("Failed to open VDPAU backend libvdpau_x.so: wrong ELF class: ELFCLASS32\n"),
                ErrorClass::BackendLibraryUnusable,
                None,
            ),
        ] {
            let seen = parse(&text);
            assert_eq!((seen.error_class, seen.missing_backend.as_deref()), (Some(class), library), "{text}");
            assert!(seen.complete && !seen.device_created, "{text}");
        }
        let none: String = GOOD
            .lines()
            .filter(|line| !line.contains("65536") && !line.contains("36864"))
            .collect::<Vec<_>>()
            .join("\n");
        assert_eq!(parse(&none).error_class, Some(ErrorClass::NoDecoderSupported));
        assert!(parse(&none).device_created);
    }

    #[test]
    fn collapsed_spaces_and_line_ends_of_others_change_nothing() {
        let dressed: String = GOOD
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "   \r\n")
            .collect();
        let reader = Reader::named("vdpauinfo").expect("a reader");
        assert_eq!(reader.read(&mut dressed.as_bytes()).expect("read"), read(GOOD));
    }

    #[test]
    fn an_output_that_became_one_paragraph_is_read_like_any_other() {
        let seen = parse(
            "display: :0 screen: 0 Failed to open VDPAU backend libvdpau_x.so: cannot open shared object file: No such \
             file or directory Error creating VDPAU device: 1\n",
        );
        assert_eq!(seen.missing_backend.as_deref(), Some("libvdpau_x.so"));
        assert_eq!((seen.error_code, seen.error_class), (Some(1), Some(ErrorClass::BackendLibraryMissing)));
    }

    #[test]
    fn what_breaks_off_is_not_complete() {
        for kept in [0, 3, 12, 17] {
            let text: String = GOOD.lines().take(kept).collect::<Vec<_>>().join("\n");
            let seen = parse(&text);
            assert!(!seen.complete && seen.error_class.is_none(), "{text}");
        }
        assert!(!parse(&GOOD.replace("Video mixer:", "...")).complete);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let reader = Reader::named("vdpauinfo").expect("a reader");
            let _ = reader.read(&mut bytes.as_slice());
        }

        #[test]
        fn what_is_shuffled_and_cut_has_no_more_decoders(order in Just(GOOD.lines().collect::<Vec<_>>()).prop_shuffle(), cut in 0usize..900) {
            let text: String = order.join("\n").chars().take(cut).collect();
            prop_assert!(parse(&text).decoders_listed <= 4);
        }
    }
}
