//! What a check looks at and expects, in words.

use super::shell_words::shell_words;
use super::text;
use crate::model::{
    Check, Direction, Expectation, FieldRule, Graphics, Look, Manager, Matcher, Measured, Mode, NixQuestion,
    Parse, Probe, Severity, TreatAs, Use, VaDisplay, Value,
};

/// What a check looks at.
#[must_use]
pub(super) fn look(look: &Look) -> String {
    match look {
        Look::Probe(of) => probe_words(of),
        Look::Plugin(command) => format!("plugin {}", shell_words(&command.argv)),
        Look::Scripts(folder) => format!("health scripts in {}", folder.display()),
        Look::Ask(text) => format!("a person: {text}"),
    }
}

fn probe_words(probe: &Probe) -> String {
    match probe {
        Probe::Run { command, parse } => {
            let read = match parse {
                Parse::Text => "",
                Parse::Json => ", read as JSON",
                Parse::Lines => ", read as lines",
                Parse::Keyvalue => ", read as keys and values",
            };
            format!("{}{read}", shell_words(&command.argv))
        }
        Probe::File { path } => format!("file {}", path.display()),
        Probe::Mount { path } => format!("file system at {}", path.display()),
        Probe::Applications => "memory by application".to_owned(),
        Probe::Cpu => "processors".to_owned(),
        Probe::CpuUse { name, pattern, over } => {
            let of = match (name, pattern) {
                (None, None) => "the machine".to_owned(),
                (Some(name), None) => name.clone(),
                (None, Some(pattern)) => format!("what matches /{pattern}/"),
                (Some(name), Some(pattern)) => format!("{name} matching /{pattern}/"),
            };
            format!("processor time of {of} over {over}")
        }
        Probe::Gpu { process: None } => "GPUs".to_owned(),
        Probe::Gpu { process: Some(name) } => format!("GPUs, and {name} on them"),
        Probe::Measure { what, times, .. } => match what {
            Measured::Run { command, number: None } => {
                format!("the duration of {}, {times} times", shell_words(&command.argv))
            }
            Measured::Run { command, number: Some(pattern) } => {
                format!("the number /{pattern}/ of {}, {times} times", shell_words(&command.argv))
            }
            Measured::Field { probe: of, field } => format!("{field} of {}, {times} times", probe_words(of)),
        },
        Probe::Memory => "memory".to_owned(),
        Probe::Process { name, pattern } => match (name, pattern) {
            (Some(name), None) => format!("processes named {name}"),
            (None, Some(pattern)) => format!("processes whose command line matches /{pattern}/"),
            (Some(name), Some(pattern)) => {
                format!("processes named {name} whose command line matches /{pattern}/")
            }
            (None, None) => "all processes".to_owned(),
        },
        Probe::Units { manager: of, names } => format!("{} units{}", manager(*of), named(names)),
        Probe::Journal { priority, units, matches, manager: of, kernel, .. } => {
            let what = if *kernel { "kernel messages" } else { "journal" };
            let text = matches.as_ref().map(|text| format!(" matching /{text}/")).unwrap_or_default();
            format!("{} {what} up to priority {priority}{}{text}", manager(*of), named(units))
        }
        Probe::Boot => "what was booted".to_owned(),
        Probe::Cgroup { manager: of, names } => format!("limits of {} units{}", manager(*of), named(names)),
        Probe::DesktopSetting(of) => {
            format!("desktop setting {} [{}] {}", of.file, of.groups.join("]["), of.key)
        }
        Probe::Session => "desktop session".to_owned(),
        Probe::KernelParameter { name } => format!("kernel parameter {name}"),
        Probe::Graphics(what) => graphics(what),
        Probe::Nix(NixQuestion::Profile(path)) => format!("Nix profile {}", path.display()),
        Probe::Nix(NixQuestion::Derivation(path)) => format!("how {} was built", path.display()),
        Probe::Nix(NixQuestion::Closures { before, after }) => {
            format!("what differs between {} and {}", before.display(), after.display())
        }
        Probe::Nix(NixQuestion::Log { path, matches: None }) => format!("build log of {}", path.display()),
        Probe::Nix(NixQuestion::Log { path, matches: Some(pattern) }) => {
            format!("/{pattern}/ in the build log of {}", path.display())
        }
        Probe::Disk => "root, store and EFI system partition".to_owned(),
        Probe::Generations { of, .. } => format!("generations of {}", of.word()),
        Probe::Nix(NixQuestion::Path(path)) => format!("Nix store path {}", path.display()),
    }
}

fn graphics(what: &Graphics) -> String {
    let with = |what: &str, name: &str, value: Option<&str>| match value {
        Some(value) => format!("{what}, {name} {value}"),
        None => what.to_owned(),
    };
    match what {
        Graphics::Vainfo { display, device, driver } => {
            let way = with("VA-API driver", "by", display.map(VaDisplay::word));
            let at = device.as_ref().map(|device| device.display().to_string());
            with(&with(&way, "at", at.as_deref()), "asking for", driver.as_deref())
        }
        Graphics::Vdpauinfo { display, driver } => {
            with(&with("VDPAU driver", "on display", display.as_deref()), "asking for", driver.as_deref())
        }
        Graphics::Opengl { display } => with("OpenGL renderer", "on display", display.as_deref()),
        Graphics::Lspci => "GPUs on the bus and their drivers".to_owned(),
        Graphics::Firefox { file } => format!("Firefox's support page in {}", file.display()),
        Graphics::Chromium { file } => format!("Chromium's GPU page in {}", file.display()),
    }
}

const fn manager(manager: Manager) -> &'static str {
    match manager {
        Manager::System => "system",
        Manager::User => "user",
    }
}

fn named(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(" of {}", names.join(", ")) }
}

/// Rules on what a look sees, which must all hold.
#[must_use]
pub(super) fn expectation(of: &Check, rules: &Expectation) -> String {
    expected(&of.look, of.direction, rules)
}

fn expected(look: &Look, direction: Direction, rules: &Expectation) -> String {
    let one = |rule: &FieldRule| {
        let number = if look.is_size(&rule.field) { size } else { plain };
        format!("{} {}", rule.field, all(&rule.matchers, Written { number, direction }))
    };
    rules.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn plain(number: f64) -> String {
    number.to_string()
}

/// A number of bytes as a person would have written it, where that says exactly the same.
fn size(bytes: f64) -> String {
    const UNITS: [(&str, f64); 8] = [
        ("TiB", 1_099_511_627_776.0),
        ("TB", 1e12),
        ("GiB", 1_073_741_824.0),
        ("GB", 1e9),
        ("MiB", 1_048_576.0),
        ("MB", 1e6),
        ("KiB", 1024.0),
        ("kB", 1e3),
    ];
    let exact = |unit: f64| {
        let hundredths = bytes / unit * 100.0;
        bytes.abs() >= unit && hundredths.fract() == 0.0 && hundredths.abs() < 1e6
    };
    let found = UNITS.iter().find(|(_, unit)| exact(*unit));
    match found {
        Some((name, unit)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} B"),
    }
}

/// How a rule is written.
#[derive(Clone, Copy)]
struct Written {
    number: fn(f64) -> String,
    /// In which direction the number gets better.
    direction: Direction,
}

fn all(matchers: &[Matcher], how: Written) -> String {
    matchers.iter().map(|one| matcher(one, how)).collect::<Vec<_>>().join(" and ")
}

fn groups(groups: &[Vec<Matcher>], between: &str, how: Written) -> String {
    let one = |group: &Vec<Matcher>| format!("({})", all(group, how));
    groups.iter().map(one).collect::<Vec<_>>().join(between)
}

fn list(values: &[Value]) -> String {
    values.iter().map(value).collect::<Vec<_>>().join(", ")
}

fn value(value: &Value) -> String {
    value.to_string()
}

fn matcher(of: &Matcher, how: Written) -> String {
    match of {
        Matcher::Equals(wanted) => format!("= {}", value(wanted)),
        Matcher::Not(none) => {
            let none: Vec<String> = none.iter().map(|one| matcher(one, how)).collect();
            format!("not ({})", none.join(" or "))
        }
        Matcher::AllOf(sets) => groups(sets, " and ", how),
        Matcher::AnyOf(sets) => groups(sets, " or ", how),
        Matcher::Lt(limit) => format!("< {}", (how.number)(*limit)),
        Matcher::Le(limit) => format!("<= {}", (how.number)(*limit)),
        Matcher::Gt(limit) => format!("> {}", (how.number)(*limit)),
        Matcher::Ge(limit) => format!(">= {}", (how.number)(*limit)),
        Matcher::Between(low, high) => format!("from {} to {}", (how.number)(*low), (how.number)(*high)),
        Matcher::Matches(pattern) => format!("matches /{pattern}/"),
        Matcher::Prefix(text) => format!("begins with {text:?}"),
        Matcher::Suffix(text) => format!("ends with {text:?}"),
        Matcher::Contains(wanted) => format!("contains {}", value(wanted)),
        Matcher::ContainsAll(wanted) => format!("contains all of {}", list(wanted)),
        Matcher::Exactly(wanted) => format!("is exactly {}", list(wanted)),
        Matcher::Len(rules) => format!("length {}", all(rules, Written { number: plain, ..how })),
        Matcher::HasKey(key) => format!("has key {key}"),
        Matcher::Version(rule) => format!("version {rule}"),
        Matcher::Exists(true) => "exists".to_owned(),
        Matcher::Exists(false) => "does not exist".to_owned(),
        Matcher::Empty(true) => "is empty".to_owned(),
        Matcher::Empty(false) => "is not empty".to_owned(),
        Matcher::NoNew => "has nothing that was not there before".to_owned(),
        Matcher::NoneMissing => "has everything that was there before".to_owned(),
        Matcher::Unchanged => "is as before".to_owned(),
        Matcher::DeltaMax(most) => {
            let most = (how.number)(*most);
            match how.direction {
                Direction::Lower => format!("grows by at most {most}"),
                Direction::Higher => format!("shrinks by at most {most}"),
                Direction::Either => format!("differs from before by at most {most}"),
            }
        }
        Matcher::RatioMax(most) => match how.direction {
            Direction::Lower => format!("is at most {most} times what it was before"),
            Direction::Higher => format!("is at least {most} times what it was before"),
            Direction::Either => format!("differs from before by a factor of at most {most}"),
        },
    }
}

/// What else is to be known of a check: when it looks, and what takes or gives weight. One line each.
#[must_use]
pub(super) fn terms(check: &Check) -> Vec<String> {
    let mut terms = Vec::new();
    match check.severity {
        // What everybody expects.
        Severity::Fail => {}
        Severity::Info | Severity::Warn | Severity::Critical => {
            terms.push(format!("severity {}", text::severity(check.severity)));
        }
    }
    match check.mode {
        Mode::Enforce => {}
        Mode::Shadow => terms.push("shadow: shown only, does not count".to_owned()),
    }
    if !check.tolerate.is_empty() {
        terms.push(format!("warns where only: {}", expectation(check, &check.tolerate)));
    }
    if !check.fail_if.is_empty() {
        terms.push(format!("fails only where: {}; else inconclusive", expectation(check, &check.fail_if)));
    }
    let mut looks = Vec::new();
    if check.settle.0 > 0 {
        looks.push(format!("waits {} first", check.settle));
    }
    if let Some(within) = check.within {
        looks.push(format!("looks again every {} for {within}", check.every));
    }
    if check.consecutive > 1 {
        looks.push(format!("must pass {} times in a row", check.consecutive));
    }
    if let Some(samples) = &check.samples {
        let take = match samples.take {
            Use::Median => "median",
            Use::Mean => "mean",
            Use::Min => "smallest",
            Use::Max => "largest",
            Use::Last => "last",
        };
        looks.push(format!("{take} of {} samples, every {}", samples.count, samples.every));
    }
    if !looks.is_empty() {
        terms.push(looks.join("; "));
    }
    if let Some(floor) = check.floor {
        let number =
            if check.expect.iter().all(|rule| check.look.is_size(&rule.field)) { size } else { plain };
        terms.push(format!("differences below {} do not count", number(floor)));
    }
    if let Some(only) = &check.applies_if {
        terms.push(format!("only where: {} {}", look(&only.look), expectation(only, &only.expect)));
    }
    if !check.needs.is_empty() {
        let names: Vec<&str> = check.needs.iter().map(|id| id.as_str()).collect();
        terms.push(format!("after: {}", names.join(", ")));
    }
    if let Some(waiver) = &check.waiver {
        terms.push(format!("waived until {}: {}", waiver.until, waiver.reason));
    }
    terms.extend(treated("no data", check.on_no_data, TreatAs::Inconclusive));
    terms.extend(treated("an error", check.on_error, TreatAs::Error));
    terms
}

/// Said only where it is not what everybody expects.
fn treated(what: &str, treat: TreatAs, usual: TreatAs) -> Option<String> {
    let word = match treat {
        TreatAs::Pass => "a pass",
        TreatAs::Warn => "a warning",
        TreatAs::Fail => "a failure",
        TreatAs::Error => "an error",
        TreatAs::Inconclusive => "inconclusive",
    };
    (treat != usual).then(|| format!("{what} counts as {word}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CommandLine;
    use serde_json::json;

    #[test]
    fn every_matcher_reads_as_the_end_of_a_sentence() {
        for (of, text) in [
            (Matcher::Equals(json!("on")), "= \"on\""),
            (Matcher::Not(vec![Matcher::Lt(1.0), Matcher::Gt(2.5)]), "not (< 1 or > 2.5)"),
            (Matcher::AllOf(vec![vec![Matcher::Le(1.0)], vec![Matcher::Ge(0.0)]]), "(<= 1) and (>= 0)"),
            (
                Matcher::AnyOf(vec![vec![Matcher::Prefix("a".to_owned())], vec![Matcher::NoNew]]),
                "(begins with \"a\") or (has nothing that was not there before)",
            ),
            (Matcher::Between(1.0, 2.0), "from 1 to 2"),
            (Matcher::Matches("^b".to_owned()), "matches /^b/"),
            (Matcher::Suffix("z".to_owned()), "ends with \"z\""),
            (Matcher::Contains(json!(3)), "contains 3"),
            (Matcher::ContainsAll(vec![json!("a"), json!("b")]), "contains all of \"a\", \"b\""),
            (Matcher::Exactly(vec![json!(1), json!(2)]), "is exactly 1, 2"),
            (Matcher::Len(vec![Matcher::Ge(2.0)]), "length >= 2"),
            (Matcher::HasKey("k".to_owned()), "has key k"),
            (Matcher::Version(">=1.2".to_owned()), "version >=1.2"),
            (Matcher::Exists(true), "exists"),
            (Matcher::Exists(false), "does not exist"),
            (Matcher::Empty(true), "is empty"),
            (Matcher::Empty(false), "is not empty"),
            (Matcher::NoneMissing, "has everything that was there before"),
            (Matcher::Unchanged, "is as before"),
        ] {
            assert_eq!(matcher(&of, Written { number: plain, direction: Direction::Lower }), text);
        }
        for (direction, delta, ratio) in [
            (Direction::Lower, "grows by at most 5", "is at most 1.25 times what it was before"),
            (Direction::Higher, "shrinks by at most 5", "is at least 1.25 times what it was before"),
            (
                Direction::Either,
                "differs from before by at most 5",
                "differs from before by a factor of at most 1.25",
            ),
        ] {
            let how = Written { number: plain, direction };
            assert_eq!(matcher(&Matcher::DeltaMax(5.0), how), delta);
            assert_eq!(matcher(&Matcher::RatioMax(1.25), how), ratio);
        }
    }

    #[test]
    fn a_size_is_written_as_a_person_writes_it_and_any_other_number_as_it_is() {
        for (bytes, written) in [
            (42_949_672_960.0, "40 GiB"),
            (500e6, "500 MB"),
            (1_610_612_736.0, "1.5 GiB"),
            (1_395_864_371.2, "1.3 GiB"),
            (2e12, "2 TB"),
            (1024.0, "1 KiB"),
            (1_000_003.0, "1000003 B"),
            (0.0, "0 B"),
        ] {
            assert_eq!(size(bytes), written);
        }
        let rule = |field: &str| {
            vec![FieldRule { field: field.to_owned(), matchers: vec![Matcher::Ge(1_048_576.0)] }]
        };
        let memory = Look::Probe(Probe::Memory);
        assert_eq!(expected(&memory, Direction::Lower, &rule("available")), "available >= 1 MiB");
        let parameter = Look::Probe(Probe::KernelParameter { name: "vm.max_map_count".to_owned() });
        assert_eq!(expected(&parameter, Direction::Lower, &rule("value")), "value >= 1048576");
    }

    #[test]
    fn what_is_looked_at_names_the_thing() {
        let journal = Probe::Journal {
            priority: 3,
            units: vec!["sshd.service".to_owned()],
            identifiers: Vec::new(),
            fields: Vec::new(),
            matches: Some("oom".to_owned()),
            ignore: Vec::new(),
            since: None,
            manager: Manager::User,
            kernel: false,
            folder: None,
        };
        let process = |name: Option<&str>, pattern: Option<&str>| {
            Look::Probe(Probe::Process { name: name.map(str::to_owned), pattern: pattern.map(str::to_owned) })
        };
        for (of, text) in [
            (Look::Probe(journal), "user journal up to priority 3 of sshd.service matching /oom/"),
            (Look::Probe(Probe::Memory), "memory"),
            (process(Some("kwin"), None), "processes named kwin"),
            (process(None, Some("^k")), "processes whose command line matches /^k/"),
            (
                Look::Probe(Probe::KernelParameter { name: "vm.swappiness".to_owned() }),
                "kernel parameter vm.swappiness",
            ),
            (Look::Plugin(CommandLine::new(["check_disk", "-w", "10%"])), "plugin check_disk -w 10%"),
            (Look::Scripts("/etc/health".into()), "health scripts in /etc/health"),
            (Look::Ask("Is it quiet?".to_owned()), "a person: Is it quiet?"),
        ] {
            assert_eq!(look(&of), text);
        }
    }
}
