//! `cgroup`: the limits of services and scopes, and what they use now. What is stated is not always enforced (the
//! controller may not be delegated, or the kernel has none), so the limits are read from the control groups themselves.
//! A limit is effective where the unit or anything above it has it.

use super::{Given, Looking, Need, process_end, status, tool, units, whole};
use crate::check::ProbeError;
use crate::model::{CommandLine, Manager, Observation, Value};
use crate::system::process::Ended;
use serde_json::Map;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const KEPT: usize = 4 << 20;
const PROPERTIES: &str = "--property=Id,ActiveState,ControlGroup,MemoryHigh,MemoryMax,MemorySwapMax,MemoryCurrent,\
MemorySwapCurrent,CPUQuotaPerSecUSec,CPUUsageNSec,TasksCurrent,TasksMax,OOMScoreAdjust";

/// Asks for the properties of units by name or glob.
pub(super) struct Cgroup<'a> {
    manager: Manager,
    names: &'a [String],
}

impl<'a> Cgroup<'a> {
    pub(super) fn new(manager: Manager, names: &'a [String]) -> Self {
        Self { manager, names }
    }

    fn command(&self) -> CommandLine {
        let mut argv = vec!["systemctl"];
        argv.extend((self.manager == Manager::User).then_some("--user"));
        argv.extend(["--no-pager", "--no-ask-password", "show", PROPERTIES, "--"]);
        argv.extend(self.names.iter().map(String::as_str));
        // Limits of what lies above.
        argv.push("*.slice");
        tool(argv)
    }

    fn observed(&self, root: &Path, ended: &Ended) -> Result<Observation, ProbeError> {
        let code = status(process_end("systemctl", ended)?);
        let text = whole(&ended.stdout).ok_or(ProbeError::TooMuch {
            what: "systemctl".to_owned(),
            bytes: ended.stdout.total,
            kept: KEPT,
        })?;
        if code != 0 {
            return Err(units::refused(ended));
        }
        let shown: Vec<Shown> = text.split("\n\n").filter_map(Shown::read).collect();
        if shown.is_empty() {
            // Every manager has a slice.
            return Err(ProbeError::Malformed {
                what: "what systemctl says of units".to_owned(),
                why: "it ended well and named none, not even a slice".to_owned(),
            });
        }
        Ok(seen(root, &shown, self.names))
    }
}

impl Looking for Cgroup<'_> {
    fn next(&mut self, given: Given) -> Need {
        match given {
            Given::Ended(ended) => Need::Seen(self.observed(Path::new("/"), &ended)),
            Given::Nothing | Given::Answered(_) => Need::Child(self.command(), KEPT),
        }
    }
}

/// A unit with its properties, as printed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown(BTreeMap<String, String>);

impl Shown {
    fn read(block: &str) -> Option<Self> {
        let pairs = block.lines().filter_map(|line| line.split_once('='));
        let map: BTreeMap<String, String> =
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        map.contains_key("Id").then_some(Self(map))
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A number; `infinity` and `[not set]` are none.
    fn number(&self, name: &str) -> Option<u64> {
        self.text(name).parse().ok().filter(|number| *number < u64::MAX)
    }

    fn id(&self) -> &str {
        self.text("Id")
    }

    fn group(&self) -> &str {
        self.text("ControlGroup")
    }

    /// Processor seconds a second.
    fn quota(&self) -> Option<f64> {
        seconds(self.text("CPUQuotaPerSecUSec"))
    }
}

/// `1s`, `200ms`, `1min 30s` or microseconds; `infinity` is none.
fn seconds(text: &str) -> Option<f64> {
    if text.is_empty() || text == "infinity" {
        return None;
    }
    if let Ok(micros) = text.parse::<u32>() {
        return Some(f64::from(micros) / 1e6);
    }
    let mut sum = 0.0;
    for word in text.split_whitespace() {
        let (number, unit) = word.split_at(word.find(|c: char| c.is_ascii_alphabetic())?);
        let factor = match unit {
            "min" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" => 1e-6,
            _ => return None,
        };
        sum += number.parse::<f64>().ok()? * factor;
    }
    Some(sum)
}

fn seen(root: &Path, shown: &[Shown], names: &[String]) -> Observation {
    let wanted = |unit: &&Shown| {
        let named = names.iter().any(|name| {
            glob::Pattern::new(name).map_or(name == unit.id(), |pattern| pattern.matches(unit.id()))
        });
        named && unit.text("ActiveState") == "active"
    };
    let mut maps: BTreeMap<&'static str, Map<String, Value>> = BTreeMap::new();
    let mut without: BTreeMap<&'static str, Vec<Value>> = BTreeMap::new();
    let mut units = Vec::new();
    let (mut unenforced, mut unknown): (Vec<Value>, Vec<(&str, String)>) = Default::default();
    for field in ["memory_high", "memory_max", "cpu_quota"] {
        maps.insert(field, Map::new());
        without.insert(field, Vec::new());
    }
    let mut ids: Vec<&Shown> = shown.iter().filter(wanted).collect();
    ids.sort_by(|one, other| one.id().cmp(other.id()));
    ids.dedup_by(|one, other| one.id() == other.id());
    for unit in ids {
        units.push(Value::from(unit.id()));
        let folders = folders(&root.join("sys/fs/cgroup"), unit.group());
        let mut put = |field: &'static str, value: Option<Value>| {
            if let Some(value) = value {
                maps.entry(field).or_default().insert(unit.id().to_owned(), value);
            } else if let Some(without) = without.get_mut(field) {
                without.push(Value::from(unit.id()));
            }
        };
        let bytes = |property: &str| unit.number(property).is_some();
        let limits = [
            ("memory_high", bytes("MemoryHigh"), limit(root, unit.group(), &MEMORY_HIGH).map(whole_number)),
            ("memory_max", bytes("MemoryMax"), limit(root, unit.group(), &MEMORY_MAX).map(whole_number)),
            ("cpu_quota", unit.quota().is_some(), limit(root, unit.group(), &CPU_QUOTA).map(Value::from)),
        ];
        for (field, is_stated, enforced) in limits {
            match enforced {
                Limit::Of(value) => put(field, Some(value)),
                Limit::None => {
                    put(field, None);
                    if is_stated {
                        unenforced.push(Value::from(format!("{} {field}", unit.id())));
                    }
                }
                Limit::Unknown => {
                    unknown
                        .push((field, format!("what the kernel enforces for {} cannot be read", unit.id())));
                }
            }
        }
        let own = folders.last();
        let used = |property: &str, file: &str| {
            unit.number(property).or_else(|| number(&own?.join(file))).map(Value::from)
        };
        put("memory_current", used("MemoryCurrent", "memory.current"));
        put("swap_current", used("MemorySwapCurrent", "memory.swap.current"));
        put("tasks", used("TasksCurrent", "pids.current"));
        #[expect(
            clippy::cast_precision_loss,
            reason = "nanoseconds of processor time, below 2^53 for 100 days"
        )]
        put("cpu_seconds", unit.number("CPUUsageNSec").map(|nanos| Value::from(nanos as f64 / 1e9)));
        let score = oom_score(root, unit);
        put("oom_score_adjust", score.adjust.map(Value::from));
        if score.hidden > 0 {
            let why = format!("{} processes of {} cannot be read", score.hidden, unit.id());
            unknown.push(("oom_score_adjust", why));
        }
    }
    let largest = |field: &str| {
        let values = maps.get(field).into_iter().flat_map(Map::values);
        values.filter_map(Value::as_f64).reduce(f64::max)
    };
    let smallest = |field: &str| {
        let values = maps.get(field).into_iter().flat_map(Map::values);
        values.filter_map(Value::as_f64).reduce(f64::min)
    };
    let largests: Vec<(&str, f64)> = [
        ("memory_high_largest", largest("memory_high")),
        ("memory_high_smallest", smallest("memory_high")),
        ("memory_max_largest", largest("memory_max")),
        ("memory_max_smallest", smallest("memory_max")),
        ("cpu_quota_largest", largest("cpu_quota")),
        ("cpu_quota_smallest", smallest("cpu_quota")),
        ("memory_current_largest", largest("memory_current")),
        ("oom_score_adjust_largest", largest("oom_score_adjust")),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    let mut seen = Observation::new().with("count", units.len()).with("units", units);
    for (name, value) in largests {
        seen = seen.with(name, value);
    }
    for (field, list) in without {
        seen = seen.with(&format!("without_{field}"), list);
    }
    seen = seen.with("unenforced", unenforced);
    seen = maps.into_iter().fold(seen, |seen, (field, map)| seen.with(field, map));
    unknown.into_iter().fold(seen, |seen, (field, why)| {
        let ends = ["largest", "smallest"].map(|end| format!("{field}_{end}"));
        let [largest, smallest] = ends;
        let fields = [field.to_owned(), format!("without_{field}"), largest, smallest];
        seen.unseen(&fields.each_ref().map(String::as_str), &[why])
    })
}

/// What the kernel enforces.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit<T> {
    Of(T),
    None,
    /// Its control group is not where it is looked for.
    Unknown,
}

impl<T> Limit<T> {
    fn map<U>(self, of: impl FnOnce(T) -> U) -> Limit<U> {
        match self {
            Self::Of(value) => Limit::Of(of(value)),
            Self::None => Limit::None,
            Self::Unknown => Limit::Unknown,
        }
    }
}

/// Where a limit is kept: below which folder of the control groups, and how it is read there. Version 2 has one tree,
/// version 1 one for each controller.
type Kept = (&'static str, fn(&Path) -> Option<f64>);

const MEMORY_HIGH: [Kept; 2] = [("", |folder| bytes(&folder.join("memory.high"))), ("memory", |_| None)];
const MEMORY_MAX: [Kept; 2] = [
    ("", |folder| bytes(&folder.join("memory.max"))),
    ("memory", |folder| bytes(&folder.join("memory.limit_in_bytes"))),
];
const CPU_QUOTA: [Kept; 3] = [
    ("", |folder| cpu_max(&folder.join("cpu.max"))),
    ("cpu,cpuacct", |folder| cfs_quota(folder)),
    ("cpu", |folder| cfs_quota(folder)),
];

/// The smallest limit of a control group and of all above it, where its own folder is there.
fn limit(root: &Path, group: &str, kept: &[Kept]) -> Limit<f64> {
    for (tree, read) in kept {
        let folders = folders(&root.join("sys/fs/cgroup").join(tree), group);
        if folders.last().is_some_and(|own| own.is_dir()) {
            let least = folders.iter().filter_map(|folder| read(folder)).reduce(f64::min);
            return least.map_or(Limit::None, Limit::Of);
        }
    }
    Limit::Unknown
}

/// A size; version 1 writes the largest that fits where there is none.
#[expect(clippy::cast_precision_loss, reason = "no machine has 2^53 bytes of memory")]
fn bytes(path: &Path) -> Option<f64> {
    number(path).filter(|size| *size < 1 << 60).map(|size| size as f64)
}

/// Microseconds of version 1; -1 where there is no limit.
fn cfs_quota(folder: &Path) -> Option<f64> {
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).ok()?.trim().parse::<f64>().ok();
    let (quota, period) = (read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "read as a whole number")]
fn whole_number(size: f64) -> Value {
    Value::from(size as u64)
}

/// The folders of a control group and of all above it, the outermost first.
fn folders(tree: &Path, group: &str) -> Vec<PathBuf> {
    let mut folder = tree.to_owned();
    let mut folders = Vec::new();
    for part in group.split('/').filter(|part| !part.is_empty() && *part != "..") {
        folder.push(part);
        folders.push(folder.clone());
    }
    folders
}

fn number(path: &Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// `20000 100000`: so many microseconds in so many.
fn cpu_max(path: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(path).ok()?;
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period) = (quota.parse::<f64>().ok()?, period.parse::<f64>().ok()?);
    (period > 0.0).then(|| quota / period)
}

/// What the process has that is the first to be ended; of a unit that has none here, what is set.
struct Score {
    adjust: Option<i64>,
    /// Processes of which nobody here is told.
    hidden: usize,
}

fn oom_score(root: &Path, unit: &Shown) -> Score {
    let mut adjust = None;
    let mut unread = std::collections::BTreeSet::new();
    for pid in processes(root, unit.group()) {
        let text = std::fs::read_to_string(root.join("proc").join(&pid).join("oom_score_adj"));
        match text.ok().and_then(|text| text.trim().parse::<i64>().ok()) {
            Some(score) => adjust = adjust.max(Some(score)),
            None => {
                unread.insert(pid);
            }
        }
    }
    if !unread.is_empty() {
        // Who ended meanwhile hides nothing.
        unread = processes(root, unit.group()).into_iter().filter(|pid| unread.contains(pid)).collect();
    }
    let adjust = adjust.or_else(|| unit.text("OOMScoreAdjust").parse().ok());
    Score { adjust, hidden: unread.len() }
}

/// The processes of a control group and of all below it, in the tree in which systemd keeps them. One that is of no name
/// here, since it belongs to another container, is `0`.
fn processes(root: &Path, group: &str) -> Vec<String> {
    for tree in ["", "systemd", "unified"] {
        let own = folders(&root.join("sys/fs/cgroup").join(tree), group).pop();
        let Some(own) = own.filter(|own| own.join("cgroup.procs").is_file()) else { continue };
        let mut pids = Vec::new();
        let mut open = vec![own];
        while let Some(folder) = open.pop() {
            let list = std::fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
            pids.extend(list.lines().map(str::to_owned));
            let below = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            open.extend(
                below
                    .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                    .map(|entry| entry.path()),
            );
        }
        return pids;
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::super::ended;
    use super::*;
    use crate::model::ProcessEnd;
    use crate::system::process::End;
    use serde_json::json;
    use std::fs;

    const SHOWN: &str = "Id=app-code.scope\nActiveState=active\nControlGroup=/app.slice/app-code.scope\nMemoryHigh=infinity\nMemoryMax=4294967296\n\
MemoryCurrent=1048576\nCPUQuotaPerSecUSec=infinity\nCPUUsageNSec=2500000000\nTasksCurrent=[not set]\n\nId=app-mail.service\nActiveState=active\n\
ControlGroup=/app.slice/app-mail.service\nMemoryMax=infinity\nMemoryHigh=infinity\nCPUQuotaPerSecUSec=1.5s\nOOMScoreAdjust=300\n\n\
Id=app-dead.service\nActiveState=inactive\nControlGroup=\n\nId=other.service\nActiveState=active\nControlGroup=/other.service\n\n\
Id=app.slice\nActiveState=active\nControlGroup=/app.slice\nMemoryHigh=8589934592\nCPUQuotaPerSecUSec=2s\n";

    fn observed(root: &Path, names: &[&str]) -> Observation {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let child = ended(End::Process(ProcessEnd::Exited(0)), SHOWN, "");
        Cgroup::new(Manager::User, &names).observed(root, &child).expect("seen")
    }

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join("sys/fs/cgroup").join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    #[test]
    fn a_limit_that_is_stated_and_not_enforced_is_none() {
        for (tree, file, text, enforced, without, is_unknown) in [
            // No control group of this unit is to be seen.
            ("other", "memory.max", "max", None, json!([]), true),
            // Delegated without the controller.
            ("app.slice/app-code.scope", "pids.max", "max", None, json!(["app-code.scope"]), false),
            ("app.slice/app-code.scope", "memory.max", "max", None, json!(["app-code.scope"]), false),
            ("app.slice/app-code.scope", "memory.max", "4096", Some(4096), json!([]), false),
            (
                "memory/app.slice/app-code.scope",
                "memory.limit_in_bytes",
                "8192",
                Some(8192),
                json!([]),
                false,
            ),
            (
                "memory/app.slice/app-code.scope",
                "memory.limit_in_bytes",
                "9223372036854771712",
                None,
                json!(["app-code.scope"]),
                false,
            ),
        ] {
            let root = tempfile::tempdir().expect("a folder");
            put(root.path(), &format!("{tree}/{file}"), &format!("{text}\n"));
            let seen = observed(root.path(), &["app-code.scope"]);
            let told = seen.get("memory_max.app-code.scope").and_then(Value::as_u64);
            assert_eq!(told, enforced, "{tree} {text}");
            assert_eq!(seen.get("without_memory_max"), Some(&without), "{tree} {text}");
            assert_eq!(seen.why_unseen("without_memory_max").is_some(), is_unknown, "{tree} {text}");
            let refused = enforced.is_none() && !is_unknown;
            let stated = json!("app-code.scope memory_max");
            let listed =
                seen.get("unenforced").and_then(Value::as_array).is_some_and(|all| all.contains(&stated));
            assert_eq!(listed, refused, "{tree} {text}");
        }
    }

    #[test]
    fn a_manager_that_names_nothing_is_no_answer() {
        let names = ["app-*".to_owned()];
        let silent = ended(End::Process(ProcessEnd::Exited(0)), "", "");
        let why = Cgroup::new(Manager::User, &names).observed(Path::new("/nowhere"), &silent);
        assert!(matches!(why, Err(ProbeError::Malformed { .. })), "{why:?}");
    }

    #[test]
    fn limits_are_those_of_the_unit_and_of_all_above_it() {
        let root = tempfile::tempdir().expect("a folder");
        for (path, text) in [
            ("app.slice/memory.high", "8589934592\n"),
            ("app.slice/cpu.max", "200000 100000\n"),
            ("app.slice/app-code.scope/memory.max", "4294967296\n"),
            ("app.slice/app-code.scope/memory.high", "max\n"),
            ("app.slice/app-mail.service/memory.max", "max\n"),
            ("app.slice/app-mail.service/cpu.max", "150000 100000\n"),
        ] {
            put(root.path(), path, text);
        }
        let seen = observed(root.path(), &["app-*"]);
        assert_eq!(seen.get("units"), Some(&json!(["app-code.scope", "app-mail.service"])));
        assert_eq!(seen.get("memory_max"), Some(&json!({"app-code.scope": 4_294_967_296_u64})));
        assert_eq!(seen.get("without_memory_max"), Some(&json!(["app-mail.service"])));
        assert_eq!(seen.get("without_memory_high"), Some(&json!([])));
        assert_eq!(seen.get("memory_high_largest"), Some(&json!(8_589_934_592.0)));
        assert_eq!(seen.get("cpu_quota"), Some(&json!({"app-code.scope": 2.0, "app-mail.service": 1.5})));
        assert_eq!(seen.get("memory_current.app-code.scope"), Some(&json!(1_048_576)));
        assert_eq!(seen.get("cpu_seconds.app-code.scope"), Some(&json!(2.5)));
        assert_eq!(seen.get("oom_score_adjust"), Some(&json!({"app-mail.service": 300})));
        assert_eq!(seen.get("oom_score_adjust_largest"), Some(&json!(300.0)));
        assert_eq!(seen.get("cpu_quota_smallest"), Some(&json!(1.5)));
        assert_eq!(seen.get("tasks"), None);
    }

    #[test]
    fn the_control_groups_themselves_are_read_where_the_kernel_has_them() {
        let root = tempfile::tempdir().expect("a folder");
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        put("sys/fs/cgroup/app.slice/memory.max", "2147483648\n");
        put("sys/fs/cgroup/app.slice/app-code.scope/cpu.max", "50000 100000\n");
        put("sys/fs/cgroup/app.slice/app-code.scope/memory.max", "max\n");
        put("sys/fs/cgroup/app.slice/app-code.scope/pids.current", "9\n");
        put("sys/fs/cgroup/app.slice/app-code.scope/cgroup.procs", "77\n");
        put("proc/77/oom_score_adj", "200\n");
        let seen = observed(root.path(), &["app-code.scope"]);
        assert_eq!(seen.get("memory_max.app-code.scope"), Some(&json!(2_147_483_648_u64)));
        assert_eq!(seen.get("cpu_quota.app-code.scope"), Some(&json!(0.5)));
        assert_eq!(seen.get("tasks.app-code.scope"), Some(&json!(9)));
        assert_eq!(seen.get("oom_score_adjust.app-code.scope"), Some(&json!(200)));
        assert_eq!(seen.get("memory_current.app-code.scope"), Some(&json!(1_048_576)));
    }

    #[test]
    fn all_processes_of_a_unit_count_for_which_is_ended_first() {
        use crate::check::library_tests::{judged, shipped};
        use crate::model::Outcome;
        let own = "sys/fs/cgroup/app.slice/app-code.scope";
        for (lists, scores, largest, outcome) in [
            // The first is as it should be, and a later one is not.
            (vec![("", "77\n78\n")], vec![("77", "-100"), ("78", "300")], 300, Outcome::Warn),
            (vec![("", "77\n78\n")], vec![("77", "-100"), ("78", "-200")], -100, Outcome::Pass),
            // In a control group below.
            (vec![("", ""), ("/tab", "79\n")], vec![("79", "300")], 300, Outcome::Warn),
            // It belongs to another container.
            (vec![("", "77\n0\n")], vec![("77", "-100")], -100, Outcome::Inconclusive),
        ] {
            let root = tempfile::tempdir().expect("a folder");
            let put = |path: String, text: &str| {
                let path = root.path().join(path);
                fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
                fs::write(path, text).expect("a file");
            };
            for (below, list) in &lists {
                put(format!("{own}{below}/cgroup.procs"), list);
            }
            for (pid, score) in scores {
                put(format!("proc/{pid}/oom_score_adj"), score);
            }
            let seen = observed(root.path(), &["app-code.scope"]);
            assert_eq!(seen.get("oom_score_adjust_largest"), Some(&json!(f64::from(largest))), "{lists:?}");
            assert_eq!(judged(&shipped("app-oom-score", ""), &seen, None), outcome, "{lists:?}");
        }
    }

    #[test]
    fn where_nothing_fits_the_count_is_none_and_no_limit_is_told() {
        let root = tempfile::tempdir().expect("a folder");
        let seen = observed(root.path(), &["absent-*"]);
        assert_eq!(seen.get("count"), Some(&json!(0)));
        assert_eq!(seen.get("memory_max_largest"), None);
    }

    #[test]
    fn spans_of_processor_time_are_read_in_every_unit() {
        for (text, expected) in [
            ("200ms", Some(0.2)),
            ("1s 500ms", Some(1.5)),
            ("1500000", Some(1.5)),
            ("infinity", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
