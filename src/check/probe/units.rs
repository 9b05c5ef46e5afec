//! `units`: what a service manager says of its units.

use super::{Given, Looking, Need, last_line, process_end, status, tool, whole};
use crate::check::ProbeError;
use crate::model::{CommandLine, Manager, Observation, Value};
use crate::system::process::Ended;
use serde::Deserialize;
use serde_json::Map;

const KEPT: usize = 4 << 20;

/// Lists the units, then asks how often each service was restarted.
pub(super) struct Units<'a> {
    manager: Manager,
    names: &'a [String],
    listed: Option<Observation>,
}

impl<'a> Units<'a> {
    pub(super) fn new(manager: Manager, names: &'a [String]) -> Self {
        Self { manager, names, listed: None }
    }

    fn command(&self, words: &[&str], names: &[String]) -> CommandLine {
        let mut argv = vec!["systemctl"];
        if self.manager == Manager::User {
            argv.push("--user");
        }
        argv.extend(["--no-pager", "--no-ask-password"]);
        argv.extend(words);
        argv.push("--");
        argv.extend(names.iter().map(String::as_str));
        tool(argv)
    }

    fn listing(&self, ended: &Ended) -> Result<Observation, ProbeError> {
        let code = status(process_end("systemctl", ended)?);
        let text = whole(&ended.stdout).ok_or(ProbeError::TooMuch {
            what: "systemctl".to_owned(),
            bytes: ended.stdout.total,
            kept: KEPT,
        })?;
        if code != 0 {
            return Err(refused(ended));
        }
        let units = parse(&text)?;
        // Every manager has units, `-.mount` at least; of names that it does not know it says nothing.
        if units.is_empty() && (self.names.is_empty() || !text.trim_matches(['[', ']', ' ', '\n']).is_empty())
        {
            return Err(malformed("it lists no unit"));
        }
        Ok(observed(&units, self.names))
    }
}

impl Looking for Units<'_> {
    fn next(&mut self, given: Given) -> Need {
        match (given, self.listed.take()) {
            (Given::Ended(ended), None) => match self.listing(&ended) {
                Err(why) => Need::Seen(Err(why)),
                Ok(seen) => {
                    self.listed = Some(seen);
                    let all = ["*.service".to_owned()];
                    let names = if self.names.is_empty() { &all } else { self.names };
                    Need::Child(self.command(&["show", "--property=Id,NRestarts"], names), KEPT)
                }
            },
            // Managers before version 235 count no restarts: the fields are left out.
            (Given::Ended(ended), Some(seen)) => match process_end("systemctl", &ended) {
                Err(why) => Need::Seen(Err(why)),
                Ok(end) => Need::Seen(Ok(match (status(end), whole(&ended.stdout)) {
                    (0, Some(text)) if text.contains("NRestarts=") => with_restarts(seen, &text),
                    (_, Some(_) | None) => seen,
                })),
            },
            (Given::Nothing | Given::Answered(_), _) => {
                let words = ["list-units", "--all", "--full", "--plain", "--no-legend", "--output=json"];
                Need::Child(self.command(&words, self.names), KEPT)
            }
        }
    }
}

/// Why a manager gave no list.
pub(super) fn refused(ended: &Ended) -> ProbeError {
    let said = last_line(&ended.stderr);
    let whole = String::from_utf8_lossy(&ended.stderr.head).into_owned();
    let unreachable = |what: String, hint| ProbeError::Unreachable { what, hint };
    if whole.contains("not been booted with systemd") || whole.contains("Host is down") {
        return unreachable(
            "systemd is not running here".to_owned(),
            "check this on the machine itself, not in a container",
        );
    }
    let bus =
        ["connect to bus", "connect to user scope bus", "connect to system scope bus", "XDG_RUNTIME_DIR"];
    if bus.iter().any(|part| whole.contains(part)) {
        return unreachable(
            format!("the service manager cannot be reached: {said}"),
            "for a user's manager say `as: session`, with that user logged in",
        );
    }
    unreachable(format!("systemctl failed: {said}"), "run the same systemctl command by hand")
}

/// One unit as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Unit {
    unit: String,
    load: String,
    active: String,
    sub: String,
}

fn malformed(why: &str) -> ProbeError {
    ProbeError::Malformed { what: "the list of units".to_owned(), why: why.to_owned() }
}

/// The listing as JSON, or as the table that older systemctl print in spite of it. One that is cut says nothing of the
/// units behind.
fn parse(text: &str) -> Result<Vec<Unit>, ProbeError> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(|why| malformed(&why.to_string()));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        return Err(malformed("its last line is cut"));
    }
    text.lines().filter_map(row).collect()
}

/// What a line says of a unit; nothing for headings, legends and blank lines, whose first word has no dot.
fn row(line: &str) -> Option<Result<Unit, ProbeError>> {
    let marks = |c: char| c.is_whitespace() || matches!(c, '●' | '○' | '*' | '×' | '↻');
    let words: Vec<&str> = line.trim_start_matches(marks).split_whitespace().collect();
    if !words.first()?.contains('.') {
        return None;
    }
    Some(match words[..] {
        [unit, load, active, sub, ..] => {
            let [unit, load, active, sub] = [unit, load, active, sub].map(str::to_owned);
            Ok(Unit { unit, load, active, sub })
        }
        [..] => Err(malformed(&format!("{line:?} does not say how a unit is"))),
    })
}

fn observed(units: &[Unit], asked: &[String]) -> Observation {
    let with = |active: &str| -> Vec<Value> {
        let mut names: Vec<&str> =
            units.iter().filter(|unit| unit.active == active).map(|unit| unit.unit.as_str()).collect();
        names.sort_unstable();
        names.into_iter().map(Value::from).collect()
    };
    let map = |of: fn(&Unit) -> &str| -> Map<String, Value> {
        units.iter().map(|unit| (unit.unit.clone(), Value::from(of(unit)))).collect()
    };
    let listed = |name: &String| units.iter().any(|unit| unit.unit == *name && unit.load != "not-found");
    let plain = |name: &&String| !name.contains(['*', '?', '[']);
    let not_found: Vec<Value> = asked
        .iter()
        .filter(plain)
        .filter(|name| !listed(name))
        .map(|name| Value::from(name.as_str()))
        .collect();
    Observation::new()
        .with("failed", with("failed"))
        .with("active", with("active"))
        .with("states", map(|unit| &unit.active))
        .with("sub_states", map(|unit| &unit.sub))
        .with("not_found", not_found)
}

/// Adds how often services were restarted by themselves.
fn with_restarts(seen: Observation, text: &str) -> Observation {
    let mut restarts: Map<String, Value> = Map::new();
    for block in text.split("\n\n") {
        let value = |key: &str| block.lines().find_map(|line| line.strip_prefix(key));
        if let (Some(id), Some(count)) =
            (value("Id="), value("NRestarts=").and_then(|n| n.parse::<u64>().ok()))
            && count > 0
        {
            restarts.insert(id.to_owned(), Value::from(count));
        }
    }
    let flapping: Vec<Value> = restarts.keys().map(|id| Value::from(id.as_str())).collect();
    seen.with("flapping", flapping).with("restarts", restarts)
}

#[cfg(test)]
mod tests {
    use super::super::ended;
    use super::*;
    use crate::model::ProcessEnd;
    use crate::system::process::End;
    use serde_json::json;

    const JSON: &str = r#"[{"unit":"a.service","load":"loaded","active":"active","sub":"running","description":"A"},
        {"unit":"b.service","load":"loaded","active":"failed","sub":"failed","description":"B"}]"#;
    const TABLE: &str = "  UNIT      LOAD   ACTIVE SUB    DESCRIPTION
  a.service loaded active running A
● b.service loaded failed failed B
x.mount not-found inactive dead x

LOAD   = Reflects whether the unit definition was properly loaded.
2 loaded units listed.
";

    #[test]
    fn both_listings_are_read_alike() {
        let json = parse(JSON).expect("json");
        let table = parse(TABLE).expect("table");
        assert_eq!(json.as_slice(), table.get(..2).expect("two rows"));
        let asked = ["a.service", "x.mount", "y.service", "z*.service"].map(str::to_owned);
        let seen = observed(&table, &asked);
        assert_eq!(seen.get("failed"), Some(&json!(["b.service"])));
        assert_eq!(seen.get("active"), Some(&json!(["a.service"])));
        assert_eq!(seen.get("not_found"), Some(&json!(["x.mount", "y.service"])));
        assert_eq!(seen.get("states.b.service"), Some(&json!("failed")));
        assert_eq!(seen.get("sub_states.a.service"), Some(&json!("running")));
    }

    #[test]
    fn a_manager_that_lists_nothing_or_half_of_it_is_an_error() {
        let asked = ["a.service".to_owned()];
        for (names, out, words) in [
            (&[][..], "", "lists no unit"),
            (&[], "[]", "lists no unit"),
            (&[], "UNIT LOAD ACTIVE SUB DESCRIPTION\n", "lists no unit"),
            (&asked, "System has not been booted with systemd as init system\n", "lists no unit"),
            (&[], "a.service loaded active running\nb.serv", "is cut"),
            (&[], "a.service loaded active running\nb.service\n", "does not say how"),
        ] {
            let mut units = Units::new(Manager::System, names);
            let child = ended(End::Process(ProcessEnd::Exited(0)), out, "");
            match units.next(Given::Ended(Box::new(child))) {
                Need::Seen(Err(why)) => assert!(why.to_string().contains(words), "{out:?}: {why}"),
                other => panic!("{out:?}: {other:?}"),
            }
        }
        // Of one name that it does not know it says nothing, and that is an answer.
        for out in ["", "[]\n"] {
            let mut units = Units::new(Manager::System, &asked);
            let child = ended(End::Process(ProcessEnd::Exited(0)), out, "");
            assert!(matches!(units.next(Given::Ended(Box::new(child))), Need::Child(..)), "{out:?}");
        }
    }

    #[test]
    fn restarts_are_counted_by_unit() {
        let text = "Id=a.service\nNRestarts=0\n\nNRestarts=3\nId=b.service\n\nId=c.slice\n";
        let seen = with_restarts(Observation::new(), text);
        assert_eq!(seen.get("flapping"), Some(&json!(["b.service"])));
        assert_eq!(seen.get("restarts"), Some(&json!({"b.service": 3})));
    }

    #[test]
    fn a_manager_that_is_not_there_is_an_error_with_a_hint() {
        for (said, words) in [
            (
                "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n",
                "systemd is not running here",
            ),
            (
                "Failed to connect to bus: $DBUS_SESSION_BUS_ADDRESS and $XDG_RUNTIME_DIR not defined\n",
                "cannot be reached",
            ),
            ("Unknown option\n", "systemctl failed: Unknown option"),
        ] {
            let mut units = Units::new(Manager::System, &[]);
            let child = ended(End::Process(ProcessEnd::Exited(1)), "", said);
            match units.next(Given::Ended(Box::new(child))) {
                Need::Seen(Err(why)) => {
                    assert!(why.to_string().contains(words), "{why}");
                    assert!(why.hint().is_some());
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_manager_is_asked_twice() {
        let names = ["a.service".to_owned()];
        let mut units = Units::new(Manager::User, &names);
        let exited = |out: &str| Given::Ended(Box::new(ended(End::Process(ProcessEnd::Exited(0)), out, "")));
        match units.next(Given::Nothing) {
            Need::Child(command, _) => {
                assert_eq!(command.argv.get(1).map(String::as_str), Some("--user"));
                assert_eq!(command.argv.last().map(String::as_str), Some("a.service"));
            }
            other => panic!("{other:?}"),
        }
        assert!(
            matches!(units.next(exited(JSON)), Need::Child(command, _) if command.argv.contains(&"show".to_owned()))
        );
        match units.next(exited("Id=a.service\nNRestarts=1\n")) {
            Need::Seen(Ok(seen)) => assert_eq!(seen.get("restarts.a.service"), Some(&json!(1))),
            other => panic!("{other:?}"),
        }
    }
}
