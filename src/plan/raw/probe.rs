//! Probes, as written.

use super::{
    Count, FromWord, Length, LspciForm, OneOrMany, OpenglForm, Short, VainfoForm, VdpauinfoForm, Word,
};
use crate::model::{GenerationsOf, Manager, Parse};
use crate::plan::read::{At, unknown_name};
use crate::plan::tree::Node;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is read from the machine: exactly one probe, with the fields that it gives. `applications`, `cpu`, `gpu`, `memory`,
/// `units`, `journal`, `vainfo`, `vdpauinfo`, `opengl`, `lspci`, `boot`, `disk` and `session` may stand alone as words.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a probe's name or a map of it")]
#[schemars(rename = "Probe")]
pub(in crate::plan) struct ProbeForm {
    /// Runs a program: `exit signal stdout stderr duration`, and `value` where `parse` says so.
    pub(in crate::plan) run: Option<At<Vec<Word>>>,
    /// With `run`: how stdout is read. `text` where it is not stated.
    pub(in crate::plan) parse: Option<At<Parse>>,
    /// With `run`: variables added to the fixed environment.
    #[serde(default)]
    pub(in crate::plan) env: BTreeMap<String, Word>,
    /// With `run`: the working folder.
    pub(in crate::plan) folder: Option<At<String>>,
    /// Applications and the memory that each takes, by control group or process name: `count names pss total pss_from`.
    pub(in crate::plan) applications: Option<ApplicationsForm>,
    /// The processors: `model vendor march count cores microcode flags bugs vulnerable governor governors driver
    /// energy_preference boost frequency_mhz frequency_max_mhz load1 load5 load15 pressure_some_avg10`.
    pub(in crate::plan) cpu: Option<CpuForm>,
    /// Processor time over a while, of the machine or of an application with all that it started: `percent` (100 is one
    /// processor), `machine_percent`, `processors over_seconds count pids`.
    pub(in crate::plan) cpu_use: Option<Short<CpuUseForm>>,
    /// A file: `exists kind target size mode uid gid readable content lines sha256`.
    pub(in crate::plan) file: Option<At<Short<PathForm>>>,
    /// The file system at a path: `mounted source type options size used available available_ratio inodes_free
    /// writable`.
    pub(in crate::plan) mount: Option<At<Short<PathForm>>>,
    /// GPUs and who uses them: `count drivers driver_version cards failures unknown memory_used memory_total
    /// memory_used_ratio utilisation_percent encode_percent decode_percent clients client_count`, and with a `process`
    /// `process_running process_pids on_gpu process_engines process_memory`.
    pub(in crate::plan) gpu: Option<GpuForm>,
    /// A number many times, to be held against what it was before: `samples count median mean mad iqr min max failed`.
    pub(in crate::plan) measure: Option<At<MeasureForm>>,
    /// Memory of the machine in bytes: `total available used used_ratio swap_total swap_used swap_used_ratio swaps zram
    /// zram_ratio`, and
    /// in percent `pressure_some_avg10 pressure_full_avg10 cpu_pressure_some_avg10 io_pressure_some_avg10
    /// io_pressure_full_avg10`.
    pub(in crate::plan) memory: Option<MemoryForm>,
    /// Processes by name or command line: `count pids names pss rss pss_from`.
    pub(in crate::plan) process: Option<At<Short<ProcessForm>>>,
    /// Units of a service manager: `failed active states sub_states not_found flapping restarts`.
    pub(in crate::plan) units: Option<UnitsForm>,
    /// Messages of the journal: `count kinds counts samples cursor`, and crashes, kills and faults:
    /// `segfaults segfault_processes traps core_dumps oom_victims oomd_killed_cgroups xid_codes` and more.
    pub(in crate::plan) journal: Option<JournalForm>,
    /// What was booted: `id kernel command_line parameters uptime generation booted_system current_system
    /// current_is_booted reboot_needed ostree tainted`, and seconds: `total_time firmware_time loader_time kernel_time
    /// initrd_time userspace_time`.
    pub(in crate::plan) boot: Option<BootForm>,
    /// Limits and use of services and scopes: `count units`, by unit `memory_high memory_max cpu_quota oom_score_adjust
    /// memory_current swap_current tasks cpu_seconds`, `without_memory_high without_memory_max without_cpu_quota`, and the
    /// largest of each.
    pub(in crate::plan) cgroup: Option<At<CgroupForm>>,
    /// The file systems that a machine cannot do without: `root`, `store` and `esp`, each with `size used available
    /// used_ratio available_ratio inodes inodes_free type source mount_point read_only mounted_read_only`, and
    /// `esp_mounted esp_device read_only fullest fullest_ratio`.
    pub(in crate::plan) disk: Option<DiskForm>,
    /// Generations or deployments: `kind count ids list current`, of NixOS `booted active`, of deployments `booted
    /// staged pinned`.
    pub(in crate::plan) generations: Option<At<Short<GenerationsForm>>>,
    /// A key of a KDE configuration file as the running desktop sees it: `present value file locked source`.
    pub(in crate::plan) desktop_setting: Option<At<DesktopSettingForm>>,
    /// The compositor and the shell of a desktop: `present parts has_shell shell_due compositor shell type desktop compositor_alive
    /// shell_alive`, with `compositor_` and `shell_` before `pid age pss`, and `restarts restarts_by_unit failed_units`.
    pub(in crate::plan) session: Option<SessionForm>,
    /// A parameter on the kernel's command line or below `/proc/sys`: `present value source`.
    pub(in crate::plan) kernel_parameter: Option<At<String>>,
    /// A Nix profile (`exists store_path generation generations`), a store path (`exists valid references`), how one was
    /// built (`deriver flags march inputs environment` and more), the log of that (`exists matched march jobs` and more),
    /// or what differs between two closures (`same added removed changed rebuilt` and more).
    pub(in crate::plan) nix: Option<At<NixForm>>,
    /// The VA-API driver: `ok driver decodes encodes codecs pairs software failure error_code driver_files_tried` and more.
    pub(in crate::plan) vainfo: Option<VainfoForm>,
    /// The VDPAU driver: `device_created decoders_supported decoders information_string error_class` and more.
    pub(in crate::plan) vdpauinfo: Option<VdpauinfoForm>,
    /// The OpenGL renderer: `renderer software_rendering direct_rendering accelerated failure` and more.
    pub(in crate::plan) opengl: Option<OpenglForm>,
    /// The GPUs on the bus: `gpus drivers_in_use without_driver devices`.
    pub(in crate::plan) lspci: Option<LspciForm>,
    /// The saved text of Firefox's `about:support`: `hardware_decodes hardware_h264_decoding codecs age_seconds` and more.
    pub(in crate::plan) firefox: Option<At<Short<PathForm>>>,
    /// The saved text of `chrome://gpu`: `video_decode_hardware features age_seconds` and more.
    pub(in crate::plan) chromium: Option<At<Short<PathForm>>>,
}

/// How a probe is written that cannot stand alone.
fn example(word: &str) -> &'static str {
    match word {
        "run" => "`run: [ls, -l]`: a program and its words",
        "file" => "`file: /etc/hostname`: a path",
        "mount" => "`mount: /boot`: a path",
        "measure" => "`measure: {run: [true], times: 10}`, or `{probe: memory, field: used}`",
        "process" => "`process: {name: plasmashell}`, or `{pattern: ...}` for the command line",
        "kernel_parameter" => "`kernel_parameter: vm.swappiness`",
        "nix" => {
            "`nix: {path: ...}`, `{profile: ...}`, `{derivation: ...}`, `{log: ...}` or `{before: ..., after: ...}`"
        }
        "firefox" => "`firefox: {path: /home/me/support.txt}`: where the text of `about:support` was saved",
        "chromium" => "`chromium: {path: /home/me/gpu.txt}`: where the text of `chrome://gpu` was saved",
        "cgroup" => "`cgroup: {manager: user, names: \"app-*\"}`",
        "desktop_setting" => "`desktop_setting: {file: kwinrc, group: Compositing, key: Backend}`",
        _ => "`generations: {of: nixos}`, or `home-manager`, `nix-env`, `rpm-ostree`, `bootc`",
    }
}

impl FromWord for ProbeForm {
    const EXPECTED: &'static str = "a probe's name or a map of it";
    const WORDS: &'static [&'static str] = &[
        "applications",
        "cpu",
        "cpu_use",
        "gpu",
        "memory",
        "units",
        "journal",
        "vainfo",
        "vdpauinfo",
        "opengl",
        "lspci",
        "boot",
        "disk",
        "session",
    ];

    fn from_word<E: serde::de::Error>(word: &str) -> Result<Self, E> {
        match word {
            "applications" => Ok(Self { applications: Some(ApplicationsForm::default()), ..Self::default() }),
            "cpu" => Ok(Self { cpu: Some(CpuForm::default()), ..Self::default() }),
            "cpu_use" => Ok(Self { cpu_use: Some(Short(CpuUseForm::default())), ..Self::default() }),
            "gpu" => Ok(Self { gpu: Some(GpuForm::default()), ..Self::default() }),
            "memory" => Ok(Self { memory: Some(MemoryForm::default()), ..Self::default() }),
            "units" => Ok(Self { units: Some(UnitsForm::default()), ..Self::default() }),
            "boot" => Ok(Self { boot: Some(BootForm::default()), ..Self::default() }),
            "disk" => Ok(Self { disk: Some(DiskForm::default()), ..Self::default() }),
            "session" => Ok(Self { session: Some(SessionForm::default()), ..Self::default() }),
            "journal" => Ok(Self { journal: Some(JournalForm::default()), ..Self::default() }),
            "vainfo" => Ok(Self { vainfo: Some(VainfoForm::default()), ..Self::default() }),
            "vdpauinfo" => Ok(Self { vdpauinfo: Some(VdpauinfoForm::default()), ..Self::default() }),
            "opengl" => Ok(Self { opengl: Some(OpenglForm::default()), ..Self::default() }),
            "lspci" => Ok(Self { lspci: Some(LspciForm::default()), ..Self::default() }),
            "run" | "file" | "measure" | "mount" | "process" | "kernel_parameter" | "nix" | "firefox"
            | "chromium" | "cgroup" | "desktop_setting" | "generations" => {
                let example = example(word);
                Err(E::custom(format!("wrong-value|the probe `{word}` needs settings|write {example}")))
            }
            other => Err(unknown_name(
                "unknown-probe",
                "probe",
                other,
                &[
                    "run",
                    "applications",
                    "cpu",
                    "cpu_use",
                    "file",
                    "gpu",
                    "measure",
                    "mount",
                    "memory",
                    "process",
                    "units",
                    "journal",
                    "kernel_parameter",
                    "nix",
                    "vainfo",
                    "vdpauinfo",
                    "opengl",
                    "lspci",
                    "firefox",
                    "chromium",
                    "boot",
                    "cgroup",
                    "desktop_setting",
                    "disk",
                    "generations",
                    "session",
                ],
            )),
        }
    }
}

/// A path: a text, or a map with `path`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a path, or a map with `path`")]
#[schemars(rename = "ProbedPath")]
pub(in crate::plan) struct PathForm {
    /// An absolute path or one from `~/`.
    pub(in crate::plan) path: String,
}

impl FromWord for PathForm {
    const EXPECTED: &'static str = "a path, or a map with `path`";

    fn from_word<E: serde::de::Error>(word: &str) -> Result<Self, E> {
        Ok(Self { path: word.to_owned() })
    }
}

/// Applications; there is nothing to set.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an empty map")]
#[schemars(rename = "ApplicationsProbe")]
pub(in crate::plan) struct ApplicationsForm {}

/// The processors; there is nothing to set.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an empty map")]
#[schemars(rename = "CpuProbe")]
pub(in crate::plan) struct CpuForm {}

/// Processor time of the machine, or of an application with all that it started.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a process name, or a map with `name`, `pattern` and `over`")]
#[schemars(rename = "CpuUseProbe")]
pub(in crate::plan) struct CpuUseForm {
    /// The process name, or the program that it runs.
    pub(in crate::plan) name: Option<String>,
    /// A regular expression on the command line.
    pub(in crate::plan) pattern: Option<At<String>>,
    /// For how long is counted. 5 seconds where it is not stated.
    pub(in crate::plan) over: Option<At<Length>>,
}

impl FromWord for CpuUseForm {
    const EXPECTED: &'static str = "a process name, or a map with `name`, `pattern` and `over`";

    fn from_word<E: serde::de::Error>(word: &str) -> Result<Self, E> {
        Ok(Self { name: Some(word.to_owned()), ..Self::default() })
    }
}

/// GPUs, and whether an application is on one.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `process`")]
#[schemars(rename = "GpuProbe")]
pub(in crate::plan) struct GpuForm {
    /// The name of a process or of the program that it runs: is it on a GPU, on which engines, with how much memory?
    pub(in crate::plan) process: Option<String>,
}

/// A number many times: how long a command takes (`run`), the number that it prints (`run` and `number`), or a field of
/// a probe (`probe` and `field`).
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `run`, or with `probe` and `field`")]
#[schemars(rename = "MeasureProbe")]
pub(in crate::plan) struct MeasureForm {
    /// The program and its arguments. A run that fails is no sample.
    pub(in crate::plan) run: Option<At<Vec<Word>>>,
    /// With `run`: variables added to the fixed environment.
    #[serde(default)]
    pub(in crate::plan) env: BTreeMap<String, Word>,
    /// With `run`: the working folder.
    pub(in crate::plan) folder: Option<At<String>>,
    /// With `run`: a regular expression; its first group is the number. The duration in seconds where it is not stated.
    pub(in crate::plan) number: Option<At<String>>,
    /// A probe, one of whose fields is the number.
    #[schemars(with = "Option<Box<ProbeForm>>")]
    pub(in crate::plan) probe: Option<Node>,
    /// With `probe`: the field, dotted where it reaches into a map.
    pub(in crate::plan) field: Option<String>,
    /// How many samples. 10 where it is not stated; with fewer than 4 on each side no difference can be told.
    #[schemars(with = "Option<Count>")]
    pub(in crate::plan) times: Option<At<Count>>,
    /// How many are taken first and thrown away. 1 with `run`, 0 with `probe`.
    #[schemars(with = "Option<Count>")]
    pub(in crate::plan) warmup: Option<At<Count>>,
    /// The pause between two. None with `run`, `1s` with `probe`.
    pub(in crate::plan) every: Option<At<Length>>,
}

/// Memory of the machine; there is nothing to set.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an empty map")]
#[schemars(rename = "MemoryProbe")]
pub(in crate::plan) struct MemoryForm {}

/// What was booted; there is nothing to set.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an empty map")]
#[schemars(rename = "BootProbe")]
pub(in crate::plan) struct BootForm {}

/// Root, store and EFI system partition; there is nothing to set.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an empty map")]
#[schemars(rename = "DiskProbe")]
pub(in crate::plan) struct DiskForm {}

/// Generations: a word that says whose, or a map with `of` and `profile`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "`nixos`, `home-manager`, `nix-env`, `rpm-ostree` or `bootc`, or a map with `of`"
)]
#[schemars(rename = "GenerationsProbe")]
pub(in crate::plan) struct GenerationsForm {
    /// Whose.
    pub(in crate::plan) of: GenerationsOf,
    /// The profile's link, where it is not where it is by custom.
    pub(in crate::plan) profile: Option<At<String>>,
}

impl FromWord for GenerationsForm {
    const EXPECTED: &'static str =
        "`nixos`, `home-manager`, `nix-env`, `rpm-ostree` or `bootc`, or a map with `of`";
    const WORDS: &'static [&'static str] = &["nixos", "home-manager", "nix-env", "rpm-ostree", "bootc"];

    fn from_word<E: serde::de::Error>(word: &str) -> Result<Self, E> {
        let of = match word {
            "nixos" => GenerationsOf::Nixos,
            "home-manager" => GenerationsOf::HomeManager,
            "nix-env" => GenerationsOf::NixEnv,
            "rpm-ostree" => GenerationsOf::RpmOstree,
            "bootc" => GenerationsOf::Bootc,
            other => {
                return Err(E::custom(format!(
                    "wrong-value|nothing is known of generations of `{other}`|write one of {}",
                    Self::WORDS.join(", ")
                )));
            }
        };
        Ok(Self { of, profile: None })
    }
}

/// The desktop session; there is nothing to set.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an empty map")]
#[schemars(rename = "SessionProbe")]
pub(in crate::plan) struct SessionForm {}

/// Services and scopes.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `names` and `manager`")]
#[schemars(rename = "CgroupProbe")]
pub(in crate::plan) struct CgroupForm {
    /// Which manager. `system` where it is not stated.
    pub(in crate::plan) manager: Option<Manager>,
    /// Unit names or globs, `app-*`.
    #[serde(default)]
    pub(in crate::plan) names: OneOrMany,
}

/// A key of a KDE configuration file.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `file`, `group` and `key`")]
#[schemars(rename = "DesktopSettingProbe")]
pub(in crate::plan) struct DesktopSettingForm {
    /// The file's name in the folders of configuration. `kdeglobals` where it is not stated.
    pub(in crate::plan) file: Option<At<String>>,
    /// The group; several, where it lies in others, the outermost first.
    #[serde(default)]
    pub(in crate::plan) group: OneOrMany,
    /// The key.
    pub(in crate::plan) key: At<String>,
}

/// Processes by name, by command line, or both.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a process name, or a map with `name` and `pattern`")]
#[schemars(rename = "ProcessProbe", extend("minProperties" = 1))]
pub(in crate::plan) struct ProcessForm {
    /// The process name, exactly, as `/proc/PID/comm` has it (at most 15 characters).
    pub(in crate::plan) name: Option<String>,
    /// A regular expression on the command line.
    pub(in crate::plan) pattern: Option<At<String>>,
}

impl FromWord for ProcessForm {
    const EXPECTED: &'static str = "a process name, or a map with `name` and `pattern`";

    fn from_word<E: serde::de::Error>(word: &str) -> Result<Self, E> {
        Ok(Self { name: Some(word.to_owned()), pattern: None })
    }
}

/// Units of a service manager.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `manager` and `names`")]
#[schemars(rename = "UnitsProbe")]
pub(in crate::plan) struct UnitsForm {
    /// Which manager. `system` where it is not stated.
    pub(in crate::plan) manager: Option<Manager>,
    /// Unit names or globs; all where it is not stated.
    #[serde(default)]
    pub(in crate::plan) names: OneOrMany,
}

/// Messages of the journal.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with the settings of `journal`")]
#[schemars(rename = "JournalProbe")]
pub(in crate::plan) struct JournalForm {
    /// The least important messages that count: `emerg alert crit err warning notice info debug` or 0 to 7. `err`
    /// where it is not stated.
    pub(in crate::plan) priority: Option<At<Word>>,
    /// Unit names; all where it is not stated.
    #[serde(default)]
    pub(in crate::plan) units: OneOrMany,
    /// Who spoke, as the journal names them; all where it is not stated.
    #[serde(default)]
    pub(in crate::plan) identifiers: OneOrMany,
    /// Matches on fields of the journal, `FIELD=value`; `+` stands between alternatives.
    #[serde(default)]
    pub(in crate::plan) fields: Vec<At<String>>,
    /// A regular expression on the message.
    pub(in crate::plan) matches: Option<At<String>>,
    /// Messages that do not count, each with its reason.
    #[serde(default)]
    pub(in crate::plan) ignore: Vec<IgnoreForm>,
    /// How far back to look where nothing was recorded before the phase.
    pub(in crate::plan) since: Option<At<Length>>,
    /// Which manager's journal. `system` where it is not stated.
    pub(in crate::plan) manager: Option<Manager>,
    /// Kernel messages only.
    pub(in crate::plan) kernel: Option<bool>,
    /// The folder in which the journal lies, for one of another machine. This machine's own where it is not stated.
    pub(in crate::plan) folder: Option<At<String>>,
}

/// A message that does not count, and why.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `matches` and `reason`")]
#[schemars(rename = "IgnoredMessage")]
pub(in crate::plan) struct IgnoreForm {
    /// A regular expression.
    pub(in crate::plan) matches: At<String>,
    /// Why it does not count.
    pub(in crate::plan) reason: String,
}

/// A Nix profile, a store path, how one was built, its build log, or two closures.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a map with `profile`, `path`, `derivation`, `log`, or `before` and `after`"
)]
#[schemars(rename = "NixProbe", extend("minProperties" = 1, "maxProperties" = 2))]
pub(in crate::plan) struct NixForm {
    /// A profile: `exists store_path generation generations`.
    pub(in crate::plan) profile: Option<At<String>>,
    /// A store path: `exists valid references`.
    pub(in crate::plan) path: Option<At<String>>,
    /// A store path or a derivation, for how it was built: `exists deriver name system builder inputs outputs
    /// environment flags march mtune optimisation parallel tests`.
    pub(in crate::plan) derivation: Option<At<String>>,
    /// A store path or a derivation, for the log of its build: `exists lines size march jobs`.
    pub(in crate::plan) log: Option<At<String>>,
    /// With `log`: a regular expression that is looked for in each line: `matched matches matching`.
    pub(in crate::plan) matches: Option<At<String>>,
    /// With `after`: a store path or a link to one, for what differs between the two closures: `same added removed
    /// changed rebuilt versions paths_before paths_after paths_added paths_removed size_delta`.
    pub(in crate::plan) before: Option<At<String>>,
    /// With `before`: the other one.
    pub(in crate::plan) after: Option<At<String>>,
}
