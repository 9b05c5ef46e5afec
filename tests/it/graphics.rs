//! Debian's own `vainfo`, `vdpauinfo` and `glxinfo`, on no display and on a virtual X server without a GPU.

#![expect(clippy::disallowed_methods, reason = "integration tests run programs")]

use crate::program::PROGRAM;
use crate::skipped::skipped;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// An X server without a screen, gone when this is dropped.
struct Screen {
    server: Child,
    display: String,
}

impl Screen {
    /// It chooses a number that is free, and says which when it is ready.
    fn open() -> Self {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb can be started");
        let mut number = String::new();
        let mut said = BufReader::new(server.stdout.take().expect("its output"));
        said.read_line(&mut number).expect("the number of the display");
        Self { server, display: format!(":{}", number.trim()) }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Whether the programs are there; says which test is skipped where they are not.
fn there(test: &str, programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = |program: &str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    match programs.iter().find(|program| !found(program)) {
        None => true,
        Some(missing) => {
            skipped(test, &format!("there is no {missing}"));
            false
        }
    }
}

/// What a probe saw, or what it complained of.
fn probed(display: Option<&str>, words: &[&str]) -> Result<Value, String> {
    let mut command = Command::new(PROGRAM);
    command.args(["probe", "--json"]).args(words).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    if let Some(display) = display {
        command.env("DISPLAY", display);
    }
    let output = command.stdin(Stdio::null()).output().expect("it can be started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.code() {
        Some(0) => Ok(serde_json::from_slice(&output.stdout).expect("JSON")),
        Some(11) => Err(text(&output.stdout) + &text(&output.stderr)),
        other => panic!("{other:?}: {}{}", text(&output.stdout), text(&output.stderr)),
    }
}

#[test]
fn a_tool_without_a_display_is_an_error_with_its_class_and_a_hint() {
    let test = "a_tool_without_a_display_is_an_error_with_its_class_and_a_hint";
    if !there(test, &["vainfo", "vdpauinfo", "glxinfo"]) {
        return;
    }
    for (words, class) in [
        (&["vainfo", "display=x11"][..], "vainfo: no_display"),
        (&["vainfo", "display=drm", "device=/dev/dri/none"], "vainfo: no_device"),
        (&["vdpauinfo"], "vdpauinfo: no_display"),
        (&["vdpauinfo", "display=:4294"], "vdpauinfo: no_display"),
        (&["opengl"], "glxinfo: no_display"),
    ] {
        let why = probed(None, words).expect_err("nothing can be seen");
        assert!(why.contains(class) && why.contains("hint"), "{words:?}: {why}");
    }
}

#[test]
fn va_api_without_a_gpu_is_a_failure_with_its_class() {
    let test = "va_api_without_a_gpu_is_a_failure_with_its_class";
    if !there(test, &["Xvfb", "vainfo"]) {
        return;
    }
    let screen = Screen::open();
    let look = |words: &[&str]| {
        let words: Vec<&str> =
            ["vainfo", "display=x11"].iter().chain(words).chain(&["--as", "session"]).copied().collect();
        probed(Some(&screen.display), &words).expect("a driver was looked for")
    };
    let alone = look(&[]);
    assert_eq!(
        (alone.get("ok"), alone.get("failure")),
        (Some(&json!(false)), Some(&json!("no_driver_name"))),
        "{alone}"
    );
    let wrong = look(&["driver=nosuchdriver"]);
    assert_eq!(wrong.get("failure"), Some(&json!("wrong_driver_name")), "{wrong}");
    assert_eq!(wrong.get("requested_driver"), Some(&json!("nosuchdriver")), "{wrong}");
    if Path::new("/usr/lib/x86_64-linux-gnu/dri/radeonsi_drv_video.so").exists() {
        let refused = look(&["driver=radeonsi"]);
        assert_eq!(refused.get("failure"), Some(&json!("init_failed")), "{refused}");
        assert_eq!(refused.get("error_code"), Some(&json!(2)), "{refused}");
    } else {
        skipped(test, "there is no radeonsi_drv_video.so (mesa-va-drivers) to refuse");
    }
}

#[test]
fn vdpau_is_told_with_and_without_a_backend() {
    let test = "vdpau_is_told_with_and_without_a_backend";
    if !there(test, &["Xvfb", "vdpauinfo"]) {
        return;
    }
    let screen = Screen::open();
    let look = |driver: &str| {
        let driver = format!("driver={driver}");
        probed(Some(&screen.display), &["vdpauinfo", &driver, "--as", "session"])
            .expect("a backend was looked for")
    };
    let none = look("nosuchdriver");
    assert_eq!(none.get("error_class"), Some(&json!("backend_library_missing")), "{none}");
    assert_eq!(none.get("missing_backend"), Some(&json!("libvdpau_nosuchdriver.so")), "{none}");
    if Path::new("/usr/lib/x86_64-linux-gnu/vdpau/libvdpau_va_gl.so.1").exists() {
        let software = look("va_gl");
        assert_eq!(software.get("device_created"), Some(&json!(true)), "{software}");
        assert_eq!(software.get("error_class"), Some(&json!("no_decoder_supported")), "{software}");
        assert_eq!(software.get("complete"), Some(&json!(true)), "{software}");
        assert!(software.get("decoders_listed").and_then(Value::as_u64) >= Some(29), "{software}");
    } else {
        skipped(test, "there is no libvdpau_va_gl.so.1 (libvdpau-va-gl1) to open");
    }
}

#[test]
fn opengl_on_the_processor_is_software_rendering() {
    if !there("opengl_on_the_processor_is_software_rendering", &["Xvfb", "glxinfo"]) {
        return;
    }
    let screen = Screen::open();
    let display = format!("display={}", screen.display);
    for words in [&["opengl", "--as", "session"][..], &["opengl", &display]] {
        let seen = probed(Some(&screen.display), words).expect("a renderer");
        assert_eq!(seen.get("software_rendering"), Some(&json!(true)), "{seen}");
        assert_eq!(seen.get("direct_rendering"), Some(&json!(true)), "{seen}");
    }
}

#[test]
fn the_bus_is_told_with_its_drivers() {
    if !there("the_bus_is_told_with_its_drivers", &["lspci"]) {
        return;
    }
    let seen = probed(None, &["lspci"]).expect("the bus");
    // The kernel's own account of the same bus.
    let devices = std::fs::read_dir("/sys/bus/pci/devices").into_iter().flatten().flatten();
    let is_gpu = |path: &Path| {
        std::fs::read_to_string(path.join("class")).is_ok_and(|class| class.starts_with("0x03"))
    };
    let mut known: Vec<String> = devices
        .map(|device| device.path())
        .filter(|path| is_gpu(path))
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    known.sort();
    let gpus = seen.get("gpus").and_then(Value::as_array).expect("a list");
    assert_eq!(gpus.len(), known.len(), "{seen} {known:?}");
    for (gpu, address) in gpus.iter().zip(&known) {
        let slot = gpu.get("slot").and_then(Value::as_str).expect("a slot");
        assert!(address.ends_with(slot), "{seen} {known:?}");
    }
    let drivers = seen.get("drivers_in_use").and_then(Value::as_array).expect("a list");
    let without = seen.get("without_driver").and_then(Value::as_array).expect("a list");
    assert!(drivers.len() <= gpus.len() && without.len() <= gpus.len(), "{seen}");
    if !known.is_empty() {
        assert_eq!(seen.get("complete"), Some(&json!(true)), "{seen}");
    }
}

#[test]
fn a_recorded_output_is_read_under_the_name_of_the_probe_and_of_the_tool() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("recorded.txt");
    std::fs::write(&file, "OpenGL renderer string: llvmpipe (LLVM 1)\n").expect("written");
    let path = file.to_str().expect("a plain path");
    for name in ["opengl", "glxinfo"] {
        let seen = probed(None, &[name, "--from", path]).expect("read");
        assert_eq!(seen.get("software_rendering"), Some(&json!(true)), "{name}");
    }
}
