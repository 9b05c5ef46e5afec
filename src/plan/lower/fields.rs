//! Which fields each probe gives.

use crate::model::{Look, NixQuestion, Parse, Probe};

/// The fields of an observation.
pub(super) struct Fields {
    /// All of them; none where they are not known before the probe looked.
    pub(super) known: Option<&'static [&'static str]>,
    /// The one that is meant where a matcher names none.
    pub(super) main: &'static str,
}

/// What there is of GPUs.
const GPU: &[&str] = &[
    "count",
    "drivers",
    "driver_version",
    "cards",
    "failures",
    "unknown",
    "memory_used",
    "memory_total",
    "memory_used_ratio",
    "utilisation_percent",
    "encode_percent",
    "decode_percent",
    "clients",
    "client_count",
];

/// The same, and what there is of a process.
const GPU_AND_PROCESS: &[&str] = &[
    "count",
    "drivers",
    "driver_version",
    "cards",
    "failures",
    "unknown",
    "memory_used",
    "memory_total",
    "memory_used_ratio",
    "utilisation_percent",
    "encode_percent",
    "decode_percent",
    "clients",
    "client_count",
    "process_running",
    "process_pids",
    "on_gpu",
    "process_engines",
    "process_memory",
];

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
            Probe::Applications => (&["count", "names", "pss", "total", "pss_from"], "total"),
            Probe::Cpu => (
                &[
                    "model",
                    "vendor",
                    "count",
                    "cores",
                    "microcode",
                    "flags",
                    "bugs",
                    "vulnerable",
                    "governor",
                    "governors",
                    "driver",
                    "energy_preference",
                    "boost",
                    "frequency_mhz",
                    "frequency_max_mhz",
                    "load1",
                    "load5",
                    "load15",
                    "pressure_some_avg10",
                ],
                "model",
            ),
            Probe::Gpu { process: None } => (GPU, "failures"),
            Probe::Gpu { process: Some(_) } => (GPU_AND_PROCESS, "on_gpu"),
            Probe::Measure { .. } => {
                (&["samples", "count", "median", "mean", "mad", "iqr", "min", "max", "failed"], "median")
            }
            Probe::Memory => (
                &[
                    "total",
                    "available",
                    "used",
                    "used_ratio",
                    "swap_total",
                    "swap_used",
                    "swap_used_ratio",
                    "swaps",
                    "zram",
                    "zram_ratio",
                    "pressure_some_avg10",
                    "pressure_full_avg10",
                    "cpu_pressure_some_avg10",
                    "io_pressure_some_avg10",
                    "io_pressure_full_avg10",
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
