//! Probes: what is read from the machine. Each reads a value and judges nothing.

use super::{CommandLine, Graphics, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How the output of a `run` probe is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Parse {
    /// As text only.
    #[default]
    Text,
    /// `value` is the JSON document.
    Json,
    /// `value` is the list of lines that are not empty.
    Lines,
    /// `value` maps keys to values of `key=value` or `key: value` lines.
    Keyvalue,
}

/// Which service manager is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "ServiceManager")]
pub enum Manager {
    /// The system manager.
    #[default]
    System,
    /// The invoking user's manager.
    User,
}

/// The fields of a `journal` probe that hold what the kernel tells of programs that crashed.
pub const CRASH_FIELDS: [&str; 9] = [
    "segfaults",
    "segfault_processes",
    "traps",
    "general_protection",
    "invalid_opcode",
    "divide_error",
    "undefined_instruction",
    "arm64_faults",
    "unhandled_signals",
];

/// What the `nix` probe reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NixQuestion {
    /// A profile: `exists store_path generation generations`.
    Profile(PathBuf),
    /// A store path: `exists valid references`.
    Path(PathBuf),
    /// How a store path was built: `exists deriver name system builder inputs outputs environment flags march mtune
    /// optimisation parallel tests`.
    Derivation(PathBuf),
    /// What differs between two closures: `same added removed changed rebuilt versions paths_before paths_after
    /// paths_added paths_removed size_delta`.
    Closures {
        /// A store path, or a link to one.
        before: PathBuf,
        /// The other.
        after: PathBuf,
    },
    /// The log of a build: `exists lines size march jobs`, and with a pattern `matched matches matching`.
    Log {
        /// The store path or derivation.
        path: PathBuf,
        /// A regular expression, looked for in each line.
        matches: Option<String>,
    },
}

/// Whose generations are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "GenerationsOf")]
pub enum GenerationsOf {
    /// The system profile of NixOS.
    Nixos,
    /// The user's home-manager profile.
    HomeManager,
    /// The user's own profile (`nix-env`, `nix profile`).
    NixEnv,
    /// Deployments of rpm-ostree.
    RpmOstree,
    /// Images of bootc.
    Bootc,
}

impl GenerationsOf {
    /// As it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nixos => "nixos",
            Self::HomeManager => "home-manager",
            Self::NixEnv => "nix-env",
            Self::RpmOstree => "rpm-ostree",
            Self::Bootc => "bootc",
        }
    }
}

/// A key of a KDE configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesktopSetting {
    /// The file's name, `kwinrc`.
    pub file: String,
    /// Its group, the outermost first.
    pub groups: Vec<String>,
    /// The key.
    pub key: String,
    /// Whose settings: the home folder.
    pub home: PathBuf,
}

/// What the `measure` probe takes samples of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measured {
    /// How long a command takes, in seconds; or the number that it prints.
    Run {
        /// The command. One that fails is no sample.
        command: CommandLine,
        /// A regular expression; its first group, or all of it, is the number.
        number: Option<String>,
    },
    /// A field of another probe.
    Field {
        /// The probe. It does not measure itself.
        probe: Box<Probe>,
        /// The field, dotted where it reaches into a map.
        field: String,
    },
}

/// Reads a value from the machine, judges nothing. Each names its fields in `docs/probes.md`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// Applications and the memory that each takes: `count names pss total pss_from`.
    Applications,
    /// The processors: `model vendor march count cores microcode flags bugs vulnerable governor governors driver
    /// energy_preference boost frequency_mhz frequency_max_mhz load1 load5 load15 pressure_some_avg10`.
    Cpu,
    /// Processor time over a while: `percent machine_percent processors over_seconds`, and of an application `count pids`.
    CpuUse {
        /// The process name, exactly; the whole machine where neither is stated.
        name: Option<String>,
        /// A regular expression on the command line.
        pattern: Option<String>,
        /// For how long.
        over: Span,
    },
    /// GPUs and who uses them: `count drivers driver_version cards failures unknown memory_used memory_total
    /// memory_used_ratio utilisation_percent encode_percent decode_percent clients client_count`, and with a process
    /// `process_running process_pids on_gpu process_engines process_memory`.
    Gpu {
        /// A process name: is it on a GPU?
        process: Option<String>,
    },
    /// A number many times: `samples count median mean mad iqr min max failed`.
    Measure {
        /// What is sampled.
        what: Measured,
        /// How many samples; at least 1.
        times: u32,
        /// How many are taken before and thrown away.
        warmup: u32,
        /// The pause between two.
        every: Span,
    },
    /// Runs a program: `exit stdout stderr duration`, `signal` where one ended it, and `value` where `parse` says so.
    Run {
        /// The program.
        command: CommandLine,
        /// How stdout is read.
        parse: Parse,
    },
    /// A file: `exists kind size mode uid gid target readable content lines sha256`.
    File {
        /// Absolute path.
        path: PathBuf,
    },
    /// The file system at a path: `mounted source type options size used available available_ratio inodes_free writable`.
    Mount {
        /// Absolute path.
        path: PathBuf,
    },
    /// Memory of the machine in bytes: `total available used used_ratio swap_total swap_used swap_used_ratio swaps zram
    /// zram_ratio pressure_some_avg10 pressure_full_avg10 cpu_pressure_some_avg10 io_pressure_some_avg10
    /// io_pressure_full_avg10`.
    Memory,
    /// Processes by name or command line: `count pids names pss rss pss_from`.
    Process {
        /// The process name (`comm`), exactly.
        name: Option<String>,
        /// A regular expression on the command line.
        pattern: Option<String>,
    },
    /// Units of a service manager: `failed active states sub_states not_found flapping restarts`.
    Units {
        /// Which manager.
        manager: Manager,
        /// Unit names or globs; all where empty.
        names: Vec<String>,
    },
    /// Messages of the journal, grouped by a fingerprint: `count kinds counts samples cursor`, and what they tell of
    /// crashes, kills and faults: `segfaults segfault_processes traps core_dumps oom_victims` and more.
    Journal {
        /// Highest priority number that counts: 0 (emerg) to 7 (debug).
        priority: u8,
        /// Unit names; all where empty.
        units: Vec<String>,
        /// Who spoke (`SYSLOG_IDENTIFIER`); all where empty.
        identifiers: Vec<String>,
        /// Matches on fields of the journal, `FIELD=value`, with `+` between alternatives.
        fields: Vec<String>,
        /// A regular expression on the message.
        matches: Option<String>,
        /// Regular expressions of messages that do not count, each with its reason.
        ignore: Vec<Ignored>,
        /// How far back to look where nothing was recorded before the phase.
        since: Option<Span>,
        /// Which manager's journal.
        manager: Manager,
        /// Kernel messages only.
        kernel: bool,
        /// Where the journal lies; this machine's own where absent.
        folder: Option<PathBuf>,
    },
    /// What was booted: `id kernel command_line parameters uptime generation booted_system current_system reboot_needed`
    /// and the times of its parts, `total_time` among them.
    Boot,
    /// Limits and use of services and scopes: `count units memory_high memory_max cpu_quota oom_score_adjust
    /// memory_current tasks cpu_seconds` by unit, and the units without limits.
    Cgroup {
        /// Which manager.
        manager: Manager,
        /// Unit names or globs.
        names: Vec<String>,
    },
    /// The root, the Nix store and the EFI system partition: `root store esp esp_mounted esp_device read_only fullest
    /// fullest_ratio`.
    Disk,
    /// Generations or deployments: `kind count ids list current`, `booted active` of NixOS, `staged pinned` of
    /// deployments.
    Generations {
        /// Of what.
        of: GenerationsOf,
        /// Where the profile may be; the first that is there counts.
        profiles: Vec<PathBuf>,
    },
    /// A key of a KDE configuration file as the running desktop sees it: `present value file locked source`.
    DesktopSetting(DesktopSetting),
    /// The compositor and the shell: `present parts has_shell shell_due compositor shell type desktop compositor_alive shell_alive`
    /// with their `_pid _age _pss`, `restarts failed_units`.
    Session,
    /// A parameter on the kernel's command line or below `/proc/sys`: `present value source`.
    KernelParameter {
        /// `nvidia-drm.modeset` or `vm.swappiness`.
        name: String,
    },
    /// Nix profiles, store paths, how they were built and what differs between two.
    Nix(NixQuestion),
    /// Drivers that draw and decode, and browsers.
    Graphics(Graphics),
}

/// A message that a journal probe leaves out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    /// A regular expression.
    pub matches: String,
    /// Why it does not count.
    pub reason: String,
}

impl Probe {
    /// Whether a field is a number of bytes.
    #[must_use]
    pub(super) fn is_size(&self, field: &str) -> bool {
        match (self, field) {
            (Self::Measure { .. }, "count" | "failed") => false,
            (Self::Measure { what: Measured::Field { probe, field }, .. }, _) => probe.is_size(field),
            (Self::Measure { what: Measured::Run { .. }, .. }, _) => false,
            (Self::Memory, "total" | "available" | "used" | "swap_total" | "swap_used")
            | (Self::Mount { .. }, "size" | "used" | "available")
            | (Self::Process { .. }, "pss" | "rss")
            | (Self::Gpu { .. }, "memory_used" | "memory_total" | "process_memory")
            | (Self::Applications, "total")
            | (Self::Nix(_), "size_delta")
            | (Self::File { .. }, "size") => true,
            (Self::Applications, field) if field.starts_with("pss.") => true,
            (Self::Disk, field)
                if [".size", ".used", ".available"].iter().any(|end| field.ends_with(end)) =>
            {
                true
            }
            (_, field) => field.ends_with("bytes"),
        }
    }
}
