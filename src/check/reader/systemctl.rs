//! `systemctl`: lists of failed units, properties of units, and the status of one.

use super::observation;
use super::refusal::Refusal;
use crate::model::Observation;
use serde::Serialize;
use serde_json::{Map, Value};

/// The endings of unit names.
const KINDS: [&str; 12] = [
    ".service",
    ".socket",
    ".target",
    ".device",
    ".mount",
    ".automount",
    ".swap",
    ".timer",
    ".path",
    ".slice",
    ".scope",
    ".snapshot",
];

pub(super) fn is_unit(word: &str) -> bool {
    KINDS.iter().any(|kind| word.len() > kind.len() && word.ends_with(kind))
}

/// `systemctl --failed`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Failed {
    /// Nothing where the tool did not do its work.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_units: Option<Vec<String>>,
    /// How many units the legend says are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    listed: Option<usize>,
    /// Whether the list is there to its end.
    complete: bool,
    /// What the tool said instead.
    #[serde(flatten)]
    refusal: Option<Refusal>,
}

/// A list of units, of which those that failed are told.
pub(super) fn failed(text: &str) -> Observation {
    if let Ok(Value::Array(units)) = serde_json::from_str(text.trim()) {
        let name = |unit: &Value| {
            let failed = unit.get("active").and_then(Value::as_str) == Some("failed");
            failed.then(|| unit.get("unit").and_then(Value::as_str).unwrap_or_default().to_owned())
        };
        let failed_units = Some(units.iter().filter_map(name).collect());
        return observation(&Failed {
            failed_units,
            listed: Some(units.len()),
            complete: true,
            refusal: None,
        });
    }
    let mut failed = Failed::default();
    let mut failed_units = Vec::new();
    let (mut rows, mut heading) = (0, false);
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let headed = words.first() == Some(&"UNIT") || (words.len() >= 5 && words.contains(&"SUB"));
        heading |= headed;
        // A mark may stand before the name, however a terminal or a forum shows it.
        let Some(at) = words.iter().take(2).position(|word| is_unit(word)) else {
            if !headed && (heading || rows > 0 || words.first() == Some(&"0")) {
                failed.listed = failed.listed.or_else(|| legend(line));
            }
            continue;
        };
        let [unit, _load, active, ..] = words.get(at..).unwrap_or_default() else { continue };
        rows += 1;
        if *active == "failed" {
            failed_units.push((*unit).to_owned());
        }
    }
    // Without a legend a list is whole; what is no list at all is an error of the tool, and tells of no unit.
    let is_list = rows > 0 || text.trim().is_empty();
    failed.complete = failed.listed.map_or(!heading && is_list, |listed| listed == rows);
    if rows == 0 && failed.listed.is_none() {
        failed.refusal = Refusal::of(text, &["systemctl"]);
    }
    failed.failed_units = failed.refusal.is_none().then_some(failed_units);
    observation(&failed)
}

/// How many units the last line says are listed: `2 loaded units listed.`, `1 geladene Units aufgelistet.`, in whatever
/// language. `LOAD = ...` explains a column, and a prompt names a host.
pub(super) fn legend(line: &str) -> Option<usize> {
    let bare = line.trim();
    if bare.contains(['=', '@', '$', '#', '/', ':']) || !bare.contains(' ') {
        return None;
    }
    let mut numbers = bare
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.')))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let (first, another) = (numbers.next()?, numbers.next());
    first.parse().ok().filter(|_| another.is_none())
}

/// `systemctl show`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Shown {
    /// The properties of each unit, as printed.
    units: Vec<Map<String, Value>>,
    /// Not where there is no unit. The properties have no end that could be missed, so that they are all there nobody
    /// can tell.
    complete: Option<bool>,
}

/// Beginnings of properties of which one unit may have several lines, one below the other.
const REPEATED: [&str; 27] = [
    "BPFProgram",
    "Bind",
    "BlockIO",
    "Device",
    "Environment",
    "Exec",
    "Extension",
    "IO",
    "IPAddress",
    "IPEgress",
    "IPIngress",
    "ImportCredential",
    "Listen",
    "LoadCredential",
    "LogExtraFields",
    "LogFilter",
    "MountImages",
    "NFTSet",
    "Open",
    "Paths",
    "RootImageOptions",
    "RuntimeDirectorySymlink",
    "SetCredential",
    "SocketBind",
    "StateDirectorySymlink",
    "TemporaryFileSystem",
    "Timers",
];

/// Whether a property that comes once more belongs to the same unit. The values of a list stand right below each other;
/// a list alone is known by its name.
fn goes_on(name: &str, last: &str, unit: &Map<String, Value>) -> bool {
    REPEATED.iter().any(|start| name.starts_with(start)) || (name == last && unit.len() > 1)
}

/// `name=value` lines, with an empty line between units.
pub(super) fn show(text: &str) -> Observation {
    let mut shown = Shown::default();
    let mut unit = Map::new();
    let mut last = String::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            shown.units.extend((!unit.is_empty()).then(|| std::mem::take(&mut unit)));
            last.clear();
            continue;
        }
        let Some((name, value)) = line.split_once('=') else { continue };
        let name = name.trim_start();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            continue;
        }
        let before_goes_on = goes_on(name, &last, &unit);
        name.clone_into(&mut last);
        match unit.get_mut(name) {
            Some(Value::String(before)) if before_goes_on => {
                before.push('\n');
                before.push_str(value);
            }
            // The empty line between two units was lost.
            Some(_) => {
                shown.units.push(std::mem::take(&mut unit));
                unit.insert(name.to_owned(), Value::from(value));
            }
            None => {
                unit.insert(name.to_owned(), Value::from(value));
            }
        }
    }
    shown.units.extend((!unit.is_empty()).then_some(unit));
    shown.complete = shown.units.is_empty().then_some(false);
    observation(&shown)
}

/// `systemctl status` of one unit, or of a manager.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Status {
    unit: Option<String>,
    description: Option<String>,
    /// Whether the manager knows the unit.
    found: bool,
    loaded: Option<String>,
    active: Option<String>,
    since: Option<String>,
    main_pid: Option<u64>,
    tasks: Option<u64>,
    tasks_limit: Option<String>,
    memory: Option<String>,
    cpu: Option<String>,
    cgroup: Option<String>,
    status: Option<String>,
    /// Of a manager: `running`, `degraded`.
    state: Option<String>,
    jobs: Option<u64>,
    failed: Option<u64>,
    complete: bool,
}

/// The status of the first unit that is told of.
pub(super) fn status(text: &str) -> Observation {
    let mut status = Status { complete: true, ..Status::default() };
    let mut units = 0_u32;
    for line in text.lines() {
        status.complete &= !line.trim_end().ends_with('>');
        if let Some(unit) = not_found(line) {
            status.unit.get_or_insert_with(|| unit.to_owned());
            continue;
        }
        let marked = line.starts_with(['●', '○', '×', '↻', '*', '⨯']);
        let bare = line.trim_start_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_' | '@'));
        let first = bare.split_whitespace().next().unwrap_or_default();
        if marked || is_unit(first) && !line.starts_with(char::is_whitespace) {
            units += 1;
            if units == 1 {
                status.found = true;
                status.unit = Some(first.to_owned());
                let said = bare.get(first.len()..).unwrap_or_default().trim_start();
                status.description = said.strip_prefix("- ").map(whole_words);
            }
        } else if units == 1
            && let Some((label, value)) = line.split_once(':')
        {
            status.field(label.trim(), value.trim());
        }
    }
    observation(&status)
}

fn not_found(line: &str) -> Option<&str> {
    let unit = line.trim().strip_prefix("Unit ")?;
    unit.strip_suffix(" could not be found.").or_else(|| unit.strip_suffix(" not found."))
}

fn whole_words(text: &str) -> String {
    text.trim_end_matches('>').trim_end().to_owned()
}

impl Status {
    /// A field keeps its first value: what follows is the log.
    fn field(&mut self, label: &str, value: &str) {
        let first = value.split_whitespace().next().unwrap_or_default();
        let number = || first.parse::<u64>().ok();
        let put = |into: &mut Option<String>, value: &str| {
            if into.is_none() {
                *into = Some(whole_words(value));
            }
        };
        match label {
            "Loaded" => put(&mut self.loaded, value),
            "Active" if self.active.is_none() => {
                let value = value.strip_suffix(" since").unwrap_or(value);
                let (active, since) = value.split_once(" since ").unwrap_or((value, ""));
                put(&mut self.active, active);
                self.since = (!since.is_empty()).then(|| whole_words(since));
            }
            "Main PID" => self.main_pid = self.main_pid.or_else(number),
            "Tasks" if self.tasks.is_none() => {
                self.tasks = number();
                let limit = value.split_once("(limit: ").map(|(_, limit)| limit);
                self.tasks_limit = limit.and_then(|limit| limit.split(')').next()).map(str::to_owned);
            }
            "Memory" => put(&mut self.memory, first),
            "CPU" => put(&mut self.cpu, value),
            "CGroup" => put(&mut self.cgroup, value),
            "Status" => put(&mut self.status, value.trim_matches('"')),
            "State" => put(&mut self.state, value),
            "Jobs" => self.jobs = self.jobs.or_else(number),
            "Failed" => self.failed = self.failed.or_else(number),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn an_error_of_the_tool_is_no_list_of_no_units() {
        let seen = failed("System has not been booted with systemd as init system (PID 1). Can't operate.\n");
        assert_eq!(seen.get("complete"), Some(&Value::Bool(false)));
        assert_eq!(seen.get("failure"), Some(&json!("not_of_this_kind")));
        assert_eq!(seen.get("failed_units"), None);
        for (text, class) in [
            ("Failed to connect to bus: Host is down\n", "service_unreachable"),
            ("Failed to list units: Access denied\n", "failed"),
            ("bash: systemctl: command not found\n", "not_started"),
        ] {
            let seen = failed(text);
            assert_eq!(seen.get("failure"), Some(&json!(class)), "{text}");
            assert_eq!(
                (seen.get("failed_units"), seen.get("complete")),
                (None, Some(&json!(false))),
                "{text}"
            );
        }
        assert_eq!(failed("").get("complete"), Some(&Value::Bool(true)));
    }

    #[test]
    fn the_line_below_the_list_is_read_in_every_language() {
        let rows = "● smb.service loaded failed failed Samba\n";
        for (heading, legend) in [
            ("  UNIT GELADEN AKTIV SUB BESCHREIBUNG\n", "1 geladene Units aufgelistet."),
            (
                "  UNIT CHARGÉ ACTIF SUB DESCRIPTION\n",
                "1 unités listées. Ajouter --all pour voir les autres.",
            ),
            ("  ЮНИТ ЗАГРУЖЕН АКТИВЕН SUB ОПИСАНИЕ\n", "показано 1 юнитов."),
            ("  单元 已加载 活动 SUB 描述\n", "已列出 1 个单元。"),
        ] {
            let seen = failed(&format!("{heading}{rows}\n{legend}\n"));
            assert_eq!(
                (seen.get("listed"), seen.get("complete")),
                (Some(&json!(1)), Some(&json!(true))),
                "{heading}"
            );
            let cut = failed(&format!("{heading}{rows}"));
            assert_eq!(cut.get("complete"), Some(&json!(false)), "{heading}");
            let less = failed(&format!("{heading}{rows}\n{}\n", legend.replace('1', "2")));
            assert_eq!(less.get("complete"), Some(&json!(false)), "{heading}");
        }
        let prompt = failed(&format!("  UNIT LOAD ACTIVE SUB DESCRIPTION\n{rows}user@host2:~$ \n"));
        assert_eq!((prompt.get("listed"), prompt.get("complete")), (None, Some(&json!(false))));
    }

    #[test]
    fn failed_units_are_listed_whatever_the_table_looks_like() {
        let table = "  UNIT      LOAD   ACTIVE SUB    DESCRIPTION\n● a.service loaded failed failed A\n\
                     * b.mount   not-found failed failed b\n? c.service loaded failed failed c\n\n\
                     LOAD   = Reflects whether\n3 loaded units listed.\n";
        let plain = "a.service loaded failed failed A\nb.mount not-found failed failed b\nc.service loaded failed failed\n";
        let json = r#"[{"unit":"a.service","active":"failed"},{"unit":"b.mount","active":"failed"},
            {"unit":"d.service","active":"active"},{"unit":"c.service","active":"failed"}]"#;
        for text in [table, plain, json] {
            let seen = failed(text);
            assert_eq!(
                seen.get("failed_units"),
                Some(&json!(["a.service", "b.mount", "c.service"])),
                "{text}"
            );
            assert_eq!(seen.get("complete"), Some(&json!(true)), "{text}");
        }
        let none = failed("  UNIT LOAD ACTIVE SUB DESCRIPTION\n0 loaded units listed.\n");
        assert_eq!(none.get("failed_units"), Some(&json!([])));
        assert_eq!(none.get("complete"), Some(&json!(true)));
        let cut = table.split_once("\n\n").map_or("", |(rows, _)| rows);
        assert_eq!(failed(cut).get("complete"), Some(&json!(false)));
    }

    #[test]
    fn only_units_that_failed_are_told() {
        let seen = failed("a.service loaded active running A\nb.service loaded failed failed B\n");
        assert_eq!(seen.get("failed_units"), Some(&json!(["b.service"])));
    }

    #[test]
    fn properties_are_told_unit_by_unit() {
        let expected = json!([{"Id": "a", "MemoryMax": "infinity"}, {"Id": "b", "MemoryMax": "1"}]);
        for text in [
            "Id=a\nMemoryMax=infinity\n\nId=b\nMemoryMax=1\n",
            "Id=a\nMemoryMax=infinity\nId=b\nMemoryMax=1\n",
            "$ systemctl show --property=Id a b\nId=a\nMemoryMax=infinity\n\n\nId=b\nMemoryMax=1",
        ] {
            assert_eq!(show(text).get("units"), Some(&expected), "{text}");
        }
        let devices = "DeviceAllow=/dev/a rw\nDeviceAllow=/dev/b r\nDeviceAllow=/dev/c r\n";
        let binds = "SocketBindAllow=tcp:1\nSocketBindAllow=tcp:2\n";
        let odd = "NewerList=a\nNewerList=b\n";
        for text in [
            format!("Id=a\n{devices}{binds}{odd}"),
            format!("{devices}{binds}{odd}Id=a\n"),
            devices.to_owned(),
        ] {
            let seen = show(&text);
            assert_eq!(seen.get("units").and_then(Value::as_array).map(Vec::len), Some(1), "{text}");
            assert_eq!(
                seen.get("units.0.DeviceAllow"),
                Some(&json!("/dev/a rw\n/dev/b r\n/dev/c r")),
                "{text}"
            );
        }
        assert_eq!(show("A=1\nA=2\n").get("units"), Some(&json!([{"A": "1"}, {"A": "2"}])));
        let two = show("Id=a\nExecStart={ path=/a }\nExecStart={ path=/b }\nStatusText=\n");
        assert_eq!(two.get("units.0.ExecStart"), Some(&json!("{ path=/a }\n{ path=/b }")));
        assert_eq!(two.get("units.0.StatusText"), Some(&json!("")));
        assert_eq!(show("").get("units"), Some(&json!([])));
    }

    #[test]
    fn a_status_is_read_field_by_field() {
        let text = "● a@b.service - What it is\n     Loaded: loaded (/etc/a.service; enabled; preset: enabled)\n     \
                    Active: failed (Result: exit-code) since Mon 2026-01-05 10:00:00 CET; 5min ago\n   \
                    Main PID: 77 (code=exited, status=1/FAILURE)\n      Tasks: 4 (limit: 4600)\n     \
                    Memory: 18.3M (peak: 20.0M)\n        CPU: 386ms\n\nJan 05 10:00:00 host a[77]: Memory: 5M\n";
        let seen = status(text);
        for (field, value) in [
            ("unit", json!("a@b.service")),
            ("description", json!("What it is")),
            ("active", json!("failed (Result: exit-code)")),
            ("main_pid", json!(77)),
            ("tasks", json!(4)),
            ("tasks_limit", json!("4600")),
            ("memory", json!("18.3M")),
            ("cpu", json!("386ms")),
            ("found", json!(true)),
            ("complete", json!(true)),
        ] {
            assert_eq!(seen.get(field), Some(&value), "{field}");
        }
        let seen = status("● a.timer - A\n   Active: active (waiting) since\n");
        assert_eq!(seen.get("active"), Some(&json!("active (waiting)")));
        let seen = status("Unit a.service could not be found.\n");
        assert_eq!(seen.get("unit"), Some(&json!("a.service")));
        assert_eq!(seen.get("found"), Some(&json!(false)));
        let manager = status("● host\n    State: degraded\n     Jobs: 0 queued\n   Failed: 2 units\n");
        assert_eq!(manager.get("state"), Some(&json!("degraded")));
        assert_eq!(manager.get("failed"), Some(&json!(2)));
    }

    proptest! {
        #[test]
        fn no_text_makes_them_panic(text in "([●×>=:\\n ]|[a-zé]{1,9}|\\.service|loaded|failed|Memory: |Tasks: \\(limit: |\\{\"unit\"|[0-9]){0,60}") {
            let seen = [failed(&text), show(&text), status(&text)];
            prop_assert!(seen.iter().all(|seen| !seen.0.is_empty()));
        }
    }
}
