//! Which fields each probe gives.

use crate::model::{Look, NixQuestion, Parse, Probe};

/// The fields of an observation.
pub(super) struct Fields {
    /// All of them; none where they are not known before the probe looked.
    pub(super) known: Option<&'static [&'static str]>,
    /// The one that is meant where a matcher names none.
    pub(super) main: &'static str,
}

/// The fields of `journal`.
const JOURNAL: &[&str] = &[
    "count",
    "kinds",
    "counts",
    "samples",
    "cursor",
    "segfaults",
    "segfault_processes",
    "traps",
    "general_protection",
    "invalid_opcode",
    "divide_error",
    "undefined_instruction",
    "arm64_faults",
    "unhandled_signals",
    "core_dumps",
    "crashed_units",
    "oom_kills",
    "oom_victims",
    "oom_units",
    "oomd_killed_cgroups",
    "oomd_killed_units",
    "xid_codes",
    "xids",
    "desktop_crashes",
    "kernel_oopses",
    "gpu_hangs",
    "hung_tasks",
];

/// The fields of `boot`.
const BOOT: &[&str] = &[
    "id",
    "kernel",
    "command_line",
    "parameters",
    "uptime",
    "ostree",
    "tainted",
    "generation",
    "booted_system",
    "current_system",
    "current_is_booted",
    "reboot_needed",
    "firmware_time",
    "loader_time",
    "kernel_time",
    "initrd_time",
    "userspace_time",
    "total_time",
];

/// The fields of `cgroup`.
const CGROUP: &[&str] = &[
    "count",
    "units",
    "memory_high",
    "memory_max",
    "cpu_quota",
    "oom_score_adjust",
    "memory_current",
    "swap_current",
    "tasks",
    "cpu_seconds",
    "memory_high_largest",
    "memory_max_largest",
    "cpu_quota_largest",
    "memory_current_largest",
    "without_memory_high",
    "without_memory_max",
    "without_cpu_quota",
];

/// The fields of `session`.
const SESSION: &[&str] = &[
    "present",
    "compositor",
    "compositor_alive",
    "compositor_pid",
    "compositor_age",
    "compositor_pss",
    "shell",
    "shell_alive",
    "shell_pid",
    "shell_age",
    "shell_pss",
    "type",
    "desktop",
    "restarts",
    "restarts_by_unit",
    "failed_units",
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
            Probe::Journal { .. } => (JOURNAL, "kinds"),
            Probe::Boot => (BOOT, "generation"),
            Probe::Cgroup { .. } => (CGROUP, "without_memory_max"),
            Probe::DesktopSetting(_) => (&["present", "value", "file", "locked", "source"], "value"),
            Probe::Session => (SESSION, "compositor_alive"),
            Probe::KernelParameter { .. } => (&["present", "value", "source"], "value"),
            Probe::Nix(NixQuestion::Profile(_)) => {
                (&["exists", "store_path", "generation", "generations"], "store_path")
            }
            Probe::Nix(NixQuestion::Path(_)) => (&["exists", "valid", "references"], "valid"),
        },
    };
    Fields { known: Some(known), main }
}
