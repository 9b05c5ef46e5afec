//! `kernel_parameter`: below `/proc/sys`, else on the kernel's command line.

use super::read_text;
use crate::check::ProbeError;
use crate::model::Observation;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The parameter now.
pub(super) fn read(name: &str) -> Result<Observation, ProbeError> {
    if let Some(path) = sysctl_path(name) {
        match std::fs::read_to_string(&path) {
            Ok(value) => {
                let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
                return Ok(Observation::new()
                    .with("present", true)
                    .with("value", value)
                    .with("source", "sysctl"));
            }
            Err(why) if matches!(why.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(why) if why.kind() == ErrorKind::IsADirectory => {}
            Err(why) => {
                return Err(ProbeError::Unreadable {
                    what: path.display().to_string(),
                    why: why.kind().to_string(),
                });
            }
        }
    }
    Ok(parse(&read_text(Path::new("/proc/cmdline"))?, name))
}

/// `vm.swappiness` and `vm/swappiness` are the same file. A name that leads elsewhere has none.
fn sysctl_path(name: &str) -> Option<PathBuf> {
    let separator = if name.contains('/') { '/' } else { '.' };
    let mut path = PathBuf::from("/proc/sys");
    for part in name.split(separator) {
        if part.is_empty() || part == ".." || part == "." || part.contains('/') {
            return None;
        }
        path.push(part);
    }
    Some(path)
}

/// A parameter on a command line: the last one counts; `-` and `_` are the same to the kernel.
fn parse(cmdline: &str, name: &str) -> Observation {
    let plain = |text: &str| text.replace('-', "_");
    let mut found: Option<Option<String>> = None;
    for word in words(cmdline) {
        let (key, value) = match word.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (word.as_str(), None),
        };
        if plain(key) == plain(name) {
            found = Some(value.map(str::to_owned));
        }
    }
    match found {
        None => Observation::new().with("present", false),
        Some(value) => {
            let seen = Observation::new().with("present", true).with("source", "cmdline");
            match value {
                Some(value) => seen.with("value", value),
                None => seen,
            }
        }
    }
}

/// Words between spaces; quotes keep spaces together and are dropped. What follows `--` is for init.
fn words(cmdline: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in cmdline.trim().chars() {
        match (c, words.last_mut()) {
            ('"', _) => quoted = !quoted,
            (c, Some(_)) if c.is_whitespace() && !quoted => words.push(String::new()),
            (c, Some(word)) => word.push(c),
            (_, None) => {}
        }
    }
    words.retain(|word| !word.is_empty());
    if let Some(end) = words.iter().position(|word| word == "--") {
        words.truncate(end);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_parameter_is_found_on_the_command_line() {
        let cmdline =
            "quiet nvidia-drm.modeset=0 dyndbg=\"file a.c +p\" nvidia_drm.modeset=1 x= -- inner=1\n";
        for (name, present, value) in [
            ("quiet", true, None),
            ("nvidia-drm.modeset", true, Some("1")),
            ("nvidia_drm.modeset", true, Some("1")),
            ("dyndbg", true, Some("file a.c +p")),
            ("x", true, Some("")),
            ("modeset", false, None),
            ("inner", false, None),
        ] {
            let seen = parse(cmdline, name);
            assert_eq!(seen.get("present"), Some(&json!(present)), "{name}");
            assert_eq!(seen.get("value").and_then(serde_json::Value::as_str), value, "{name}");
        }
    }

    #[test]
    fn a_name_cannot_lead_out_of_proc_sys() {
        assert_eq!(sysctl_path("vm.swappiness"), Some("/proc/sys/vm/swappiness".into()));
        assert_eq!(sysctl_path("net/ipv4/conf/a.b/x"), Some("/proc/sys/net/ipv4/conf/a.b/x".into()));
        for bad in ["../../etc/passwd", "/etc/passwd", "vm..x", "", "a/./b"] {
            assert_eq!(sysctl_path(bad), None, "{bad}");
        }
    }

    #[test]
    fn this_kernel_has_a_host_name_setting() {
        let seen = read("kernel.ostype").expect("seen");
        assert_eq!(seen.get("value"), Some(&json!("Linux")));
        assert_eq!(read("no.such-parameter").expect("seen").get("present"), Some(&json!(false)));
    }
}
