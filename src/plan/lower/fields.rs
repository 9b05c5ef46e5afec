//! Which fields each probe gives.

use crate::model::{CRASH_FIELDS, GenerationsOf, Graphics, Look, NixQuestion, Parse, Probe};
use std::sync::LazyLock;

/// The fields of an observation.
pub(super) struct Fields {
    /// All of them; none where they are not known before the probe looked.
    pub(super) known: Option<&'static [&'static str]>,
    /// The one that is meant where a matcher names none.
    pub(super) main: &'static str,
}

/// The fields of `journal`.
static JOURNAL: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let before = ["count", "kinds", "counts", "samples", "cursor"];
    let after = [
        "core_dumps",
        "audit_crashes",
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
        "lost",
        "complete",
        "unseen",
    ];
    before.into_iter().chain(CRASH_FIELDS).chain(after).collect()
});

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
    "memory_high_smallest",
    "memory_max_largest",
    "memory_max_smallest",
    "cpu_quota_largest",
    "cpu_quota_smallest",
    "oom_score_adjust_largest",
    "memory_current_largest",
    "without_memory_high",
    "without_memory_max",
    "without_cpu_quota",
    "unenforced",
    "unseen",
];

/// The fields of `session`.
const SESSION: &[&str] = &[
    "present",
    "uid",
    "boot_id",
    "at_greeter",
    "missing",
    "replaced",
    "unseen",
    "compositor_exe",
    "shell_exe",
    "parts",
    "has_shell",
    "shell_due",
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

/// How a store path was built.
const DERIVATION: &[&str] = &[
    "exists",
    "deriver",
    "name",
    "system",
    "builder",
    "inputs",
    "outputs",
    "environment",
    "flags",
    "march",
    "mtune",
    "optimisation",
    "parallel",
    "tests",
];

/// What differs between two closures.
const CLOSURES: &[&str] = &[
    "same",
    "added",
    "removed",
    "changed",
    "rebuilt",
    "versions",
    "paths_before",
    "paths_after",
    "paths_added",
    "paths_removed",
    "size_delta",
];

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
    "unseen",
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
    "unseen",
    "process_running",
    "process_pids",
    "on_gpu",
    "process_engines",
    "process_working",
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
                    "march",
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
            Probe::CpuUse { name: None, pattern: None, .. } => {
                (&["percent", "machine_percent", "processors", "over_seconds"], "percent")
            }
            Probe::CpuUse { .. } => (
                &["percent", "machine_percent", "processors", "over_seconds", "count", "pids", "decodes"],
                "percent",
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
            Probe::Journal { .. } => (&JOURNAL, "kinds"),
            Probe::Boot => (BOOT, "generation"),
            Probe::Cgroup { .. } => (CGROUP, "without_memory_max"),
            Probe::Disk => (
                &[
                    "root",
                    "store",
                    "esp",
                    "esp_mounted",
                    "esp_device",
                    "read_only",
                    "fullest",
                    "fullest_ratio",
                ],
                "fullest_ratio",
            ),
            Probe::Generations {
                of: GenerationsOf::Nixos | GenerationsOf::HomeManager | GenerationsOf::NixEnv,
                ..
            } => (&["kind", "profile", "count", "ids", "list", "current", "booted", "active"], "current"),
            Probe::Generations { of: GenerationsOf::RpmOstree | GenerationsOf::Bootc, .. } => {
                (&["kind", "count", "ids", "list", "current", "booted", "staged", "pinned"], "current")
            }
            Probe::DesktopSetting(_) => (&["present", "value", "file", "locked", "source"], "value"),
            Probe::Session => (SESSION, "compositor_alive"),
            Probe::KernelParameter { .. } => (&["present", "value", "source"], "value"),
            Probe::Nix(NixQuestion::Profile(_)) => {
                (&["exists", "store_path", "generation", "generations"], "store_path")
            }
            Probe::Graphics(what) => graphics(what),
            Probe::Nix(NixQuestion::Derivation(_)) => (DERIVATION, "flags"),
            Probe::Nix(NixQuestion::Closures { .. }) => (CLOSURES, "changed"),
            Probe::Nix(NixQuestion::Log { matches: None, .. }) => {
                (&["exists", "lines", "size", "march", "jobs"], "march")
            }
            Probe::Nix(NixQuestion::Log { matches: Some(_), .. }) => {
                (&["exists", "lines", "size", "march", "jobs", "matched", "matches", "matching"], "matched")
            }
            Probe::Nix(NixQuestion::Path(_)) => (&["exists", "valid", "references"], "valid"),
        },
    };
    Fields { known: Some(known), main }
}

const fn graphics(what: &Graphics) -> (&'static [&'static str], &'static str) {
    match what {
        Graphics::Vainfo { .. } => (
            &[
                "ok",
                "driver",
                "va_api_version",
                "libva_version",
                "profile_entrypoint_pairs",
                "decode",
                "any_encode",
                "unknown_profile_lines",
                "error_code",
                "error_text",
                "libva_errors",
                "driver_files_tried",
                "complete",
                "display",
                "requested_driver",
                "pairs",
                "codecs",
                "decodes",
                "encodes",
                "software",
                "failure",
                "signal",
            ],
            "decodes",
        ),
        Graphics::Vdpauinfo { .. } => (
            &[
                "device_created",
                "information_string",
                "decoders_listed",
                "decoders_supported",
                "decode",
                "error_code",
                "error_class",
                "missing_backend",
                "complete",
                "display",
                "screen",
                "api_version",
                "decoders",
                "signal",
            ],
            "decoders_supported",
        ),
        Graphics::Opengl { .. } => (
            &[
                "renderer",
                "device",
                "accelerated",
                "direct_rendering",
                "video_memory_mb",
                "software_rendering",
                "vendor",
                "mesa_version",
                "core_version",
                "version",
                "es_version",
                "unified_memory",
                "failure",
                "complete",
                "signal",
            ],
            "renderer",
        ),
        Graphics::Lspci => {
            (&["gpus", "drivers_in_use", "devices", "without_driver", "complete"], "drivers_in_use")
        }
        Graphics::Firefox { .. } => (
            &[
                "hardware_h264_decoding",
                "driver",
                "codecs",
                "hardware_decodes",
                "hardware_video_decoding",
                "compositing",
                "adapter",
                "version",
                "age_seconds",
                "outdated",
            ],
            "hardware_decodes",
        ),
        Graphics::Chromium { .. } => (
            &[
                "features",
                "video_decode",
                "video_decode_hardware",
                "video_encode",
                "video_encode_hardware",
                "decode_profiles",
                "encode_profiles",
                "disabled_features",
                "version",
                "complete",
                "age_seconds",
                "outdated",
            ],
            "video_decode_hardware",
        ),
    }
}
