//! Layers, as written.

use super::{FromWord, Word};
use crate::plan::read::{At, unknown_name};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One part of the machine that is recorded and restored: a bare name, or a map of the name to its settings.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a layer's name or a map of it")]
#[schemars(rename = "Layer", extend("minProperties" = 1, "maxProperties" = 1))]
pub(in crate::plan) struct LayerForm {
    /// The NixOS system profile: running system, boot default and profile by absolute store path.
    pub(in crate::plan) nixos: Option<NixosForm>,
    /// A user's home-manager profile.
    pub(in crate::plan) home_manager: Option<HomeManagerForm>,
    /// Any Nix profile.
    pub(in crate::plan) nix_profile: Option<NixProfileForm>,
    /// Files, folders and globs: bytes, kind, owner, mode, times, extended attributes, links and absence.
    pub(in crate::plan) files: Option<FilesForm>,
    /// A custom pair of commands.
    pub(in crate::plan) command: Option<CommandForm>,
}

impl FromWord for LayerForm {
    const EXPECTED: &'static str = "a layer's name or a map of it";
    const WORDS: &'static [&'static str] = &["nixos", "home-manager"];

    fn from_word<E: serde::de::Error>(word: &str) -> Result<Self, E> {
        match word {
            "nixos" => Ok(Self { nixos: Some(NixosForm::default()), ..Self::default() }),
            "home-manager" => Ok(Self { home_manager: Some(HomeManagerForm::default()), ..Self::default() }),
            "nix-profile" | "files" | "command" => Err(E::custom(format!(
                "wrong-value|the layer `{word}` needs settings|write `{word}: {{...}}`"
            ))),
            other => Err(unknown_name(
                "unknown-layer",
                "layer",
                other,
                &["nixos", "home-manager", "nix-profile", "files", "command"],
            )),
        }
    }
}

/// Settings of the `nixos` layer.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with the settings of `nixos`")]
#[schemars(rename = "NixosLayer")]
pub(in crate::plan) struct NixosForm {
    /// The profile; `/nix/var/nix/profiles/system` where it is not stated.
    pub(in crate::plan) profile: Option<At<String>>,
    /// Where the running system is read; `/run/current-system` where it is not stated.
    pub(in crate::plan) running: Option<At<String>>,
}

/// Settings of the `home-manager` layer.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with the settings of `home-manager`")]
#[schemars(rename = "HomeManagerLayer")]
pub(in crate::plan) struct HomeManagerForm {
    /// Whose; the invoking user where it is not stated.
    pub(in crate::plan) user: Option<String>,
    /// Where it is kept; looked for in both known places where it is not stated.
    pub(in crate::plan) profile: Option<At<String>>,
}

/// Settings of a `nix-profile` layer.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `path` and `activate`")]
#[schemars(rename = "NixProfileLayer")]
pub(in crate::plan) struct NixProfileForm {
    /// The profile link.
    pub(in crate::plan) path: At<String>,
    /// Run after the profile is set; `${profile}` stands for the store path that was set.
    pub(in crate::plan) activate: Option<At<Vec<Word>>>,
}

/// Settings of a `files` layer.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `paths`")]
#[schemars(rename = "FilesLayer")]
pub(in crate::plan) struct FilesForm {
    /// Absolute paths or paths from `~/`. A trailing `/` means the whole tree; `*`, `?` and `[` make a glob.
    pub(in crate::plan) paths: At<Vec<At<String>>>,
}

/// Settings of a `command` layer.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `record`, `restore` and `verify`")]
#[schemars(rename = "CommandLayer")]
pub(in crate::plan) struct CommandForm {
    /// What a person reads.
    pub(in crate::plan) name: Option<String>,
    /// Prints what must be known to go back.
    pub(in crate::plan) record: At<Vec<Word>>,
    /// Brings it back; `${recorded}` in an argument stands for what `record` printed.
    pub(in crate::plan) restore: At<Vec<Word>>,
    /// Prints the same kind of text as `record`; the revert held where both are equal. `record` where it is not stated.
    pub(in crate::plan) verify: Option<At<Vec<Word>>>,
    /// Environment of the three commands.
    #[serde(default)]
    pub(in crate::plan) env: BTreeMap<String, Word>,
}
