//! Layers: the parts of a machine that can be recorded and restored, as a plan names them.

use super::{CommandLine, Digest};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// A layer with its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerSpec {
    /// The NixOS system profile.
    Nixos {
        /// `/nix/var/nix/profiles/system` unless the plan says otherwise.
        profile: PathBuf,
        /// Where the running system is read; `/run/current-system` unless the plan says otherwise.
        running: PathBuf,
    },
    /// A user's home-manager profile.
    HomeManager {
        /// Whose; the invoking user where absent.
        user: Option<String>,
        /// Where it is kept; looked for in both known places where absent.
        profile: Option<PathBuf>,
    },
    /// Any Nix profile.
    NixProfile {
        /// The profile link.
        path: PathBuf,
        /// Run after the profile is set; `${profile}` stands for the store path that was set.
        activate: Option<Vec<String>>,
    },
    /// Files, folders and globs.
    Files {
        /// Absolute paths; a trailing `/` means the whole tree; `*`, `?` and `[` make a glob.
        paths: Vec<String>,
    },
    /// A custom pair of commands.
    Command {
        /// What a person reads.
        name: String,
        /// Prints what must be known to go back.
        record: CommandLine,
        /// Brings it back; `${recorded}` in an argument stands for what `record` printed.
        restore: CommandLine,
        /// Prints the same kind of text as `record`: the revert held where both are equal. Where absent, `record`.
        verify: Option<CommandLine>,
    },
}

/// The kinds of layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerKind {
    /// The NixOS system profile.
    Nixos,
    /// A home-manager profile.
    HomeManager,
    /// Any Nix profile.
    NixProfile,
    /// Files.
    Files,
    /// Custom commands.
    Command,
}

impl LayerKind {
    /// Every kind, in the order in which documents list them.
    pub const ALL: [Self; 5] = [Self::Nixos, Self::HomeManager, Self::NixProfile, Self::Files, Self::Command];

    /// The name that plans use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nixos => "nixos",
            Self::HomeManager => "home-manager",
            Self::NixProfile => "nix-profile",
            Self::Files => "files",
            Self::Command => "command",
        }
    }
}

impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl LayerSpec {
    /// Which kind of layer this is.
    #[must_use]
    pub const fn kind(&self) -> LayerKind {
        match self {
            Self::Nixos { .. } => LayerKind::Nixos,
            Self::HomeManager { .. } => LayerKind::HomeManager,
            Self::NixProfile { .. } => LayerKind::NixProfile,
            Self::Files { .. } => LayerKind::Files,
            Self::Command { .. } => LayerKind::Command,
        }
    }
}

/// What a layer recorded, as the journal keeps it. The manifest itself is a file in the capsule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LayerRecord {
    /// The kind of layer.
    pub kind: LayerKind,
    /// The recorded state in one absolute line: a store path with its generation number, a count of files and bytes.
    pub target: String,
    /// The manifest's name below `layers/` in the capsule.
    pub manifest: String,
    /// The manifest's SHA-256; a restore refuses a manifest with another.
    pub sha256: Digest,
}
