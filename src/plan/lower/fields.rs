//! Which fields each probe gives.

use crate::model::{Look, NixQuestion, Parse, Probe};

/// The fields of an observation.
pub(super) struct Fields {
    /// All of them; none where they are not known before the probe looked.
    pub(super) known: Option<&'static [&'static str]>,
    /// The one that is meant where a matcher names none.
    pub(super) main: &'static str,
}

pub(super) fn fields_of(look: &Look) -> Fields {
    let (known, main): (&'static [&'static str], _) = match look {
        Look::Ask(_) => (&[], ""),
        Look::Plugin(_) => return Fields { known: None, main: "status" },
        Look::Scripts(_) => (
            &["ran", "lines", "required_failed", "wanted_failed", "required_unmeasured", "wanted_unmeasured"],
            "required_failed",
        ),
        Look::Probe(probe) => match probe {
            Probe::Run { parse: Parse::Text, .. } => {
                (&["exit", "signal", "stdout", "stderr", "duration", "truncated"], "stdout")
            }
            Probe::Run { parse: Parse::Json | Parse::Lines | Parse::Keyvalue, .. } => {
                (&["exit", "signal", "stdout", "stderr", "duration", "truncated", "value"], "value")
            }
            Probe::File { .. } => (
                &[
                    "exists",
                    "kind",
                    "size",
                    "mode",
                    "uid",
                    "gid",
                    "target",
                    "content",
                    "lines",
                    "sha256",
                    "readable",
                    "truncated",
                ],
                "content",
            ),
            Probe::Mount { .. } => (
                &[
                    "mounted",
                    "source",
                    "type",
                    "options",
                    "size",
                    "used",
                    "available",
                    "available_ratio",
                    "inodes_free",
                    "writable",
                ],
                "available",
            ),
            Probe::Memory => (
                &[
                    "total",
                    "available",
                    "used",
                    "used_ratio",
                    "swap_total",
                    "swap_used",
                    "pressure_some_avg10",
                ],
                "available",
            ),
            Probe::Process { .. } => (&["count", "pids", "pss", "pss_from", "rss", "names"], "count"),
            Probe::Units { .. } => {
                (&["failed", "active", "states", "sub_states", "not_found", "flapping", "restarts"], "failed")
            }
            Probe::Journal { .. } => (
                &[
                    "count",
                    "kinds",
                    "counts",
                    "samples",
                    "segfaults",
                    "traps",
                    "oom_kills",
                    "oomd_kills",
                    "coredumps",
                    "cursor",
                ],
                "kinds",
            ),
            Probe::KernelParameter { .. } => (&["present", "value", "source"], "value"),
            Probe::Nix(NixQuestion::Profile(_)) => {
                (&["exists", "store_path", "generation", "generations"], "store_path")
            }
            Probe::Nix(NixQuestion::Path(_)) => (&["exists", "valid", "references"], "valid"),
        },
    };
    Fields { known: Some(known), main }
}
