//! Whose units a machine runs.

use std::fs;
use std::path::Path;

/// What kind of machine this is, as far as units go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// systemd runs, and its folder of units can be written.
    Systemd,
    /// NixOS: units come from its configuration.
    NixOs,
    /// No systemd runs.
    Bare,
}

impl Ground {
    /// Looks at the machine.
    #[must_use]
    pub fn find() -> Self {
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let is_nixos = release.lines().any(|line| line.replace('"', "") == "ID=nixos");
        if is_nixos || Path::new("/etc/NIXOS").exists() {
            Self::NixOs
        } else if Path::new("/run/systemd/system").is_dir() {
            Self::Systemd
        } else {
            Self::Bare
        }
    }
}
