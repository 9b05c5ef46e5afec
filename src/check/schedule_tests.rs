//! Checks of this machine, with real children.

use super::*;
use crate::model::{
    Direction, FieldRule, Look, Manager, Matcher, Mode, NixQuestion, Parse, Probe, Samples, Severity, Span,
    TreatAs, Use, Value, Weight,
};
use serde_json::json;

fn host() -> Host {
    Host::discover([]).expect("an account")
}

fn id(name: &str) -> CheckId {
    CheckId::new(name).expect("id")
}

fn check(name: &str, look: Look) -> Check {
    Check {
        id: id(name),
        title: None,
        look,
        expect: Vec::new(),
        tolerate: Vec::new(),
        fail_if: Vec::new(),
        severity: Severity::Fail,
        mode: Mode::Enforce,
        waiver: None,
        on_no_data: TreatAs::Inconclusive,
        on_error: TreatAs::Error,
        applies_if: None,
        needs: Vec::new(),
        who: RunAs::Runner,
        hint: None,
        tags: Vec::new(),
        timeout: Span::seconds(20),
        settle: Span::ZERO,
        within: None,
        every: Span(1),
        consecutive: 1,
        samples: None,
        floor: None,
        direction: Direction::Lower,
    }
}

fn shell(name: &str, text: &str) -> Check {
    let command = CommandLine::new(["/bin/sh", "-c", text]);
    check(name, Look::Probe(Probe::Run { command, parse: Parse::Json }))
}

#[derive(Default)]
struct Log {
    words: Vec<String>,
    answers: VecDeque<bool>,
    interrupt_after: Option<usize>,
    open: usize,
    most_open: usize,
}

impl CheckWatch for Log {
    fn started(&mut self, check: &Check) {
        self.words.push(format!("started {}", check.id));
        self.open += 1;
        self.most_open = self.most_open.max(self.open);
    }
    fn judged(&mut self, report: &CheckReport) {
        self.words.push(format!("{} {}", report.check, report.outcome.word()));
        self.open = self.open.saturating_sub(1);
    }
    fn tick(&mut self) {}
    fn interrupted(&mut self) -> bool {
        self.interrupt_after.is_some_and(|count| self.words.len() >= count)
    }
    fn ask(&mut self, check: &Check, question: &str) -> Option<bool> {
        self.words.push(format!("asked {}: {question}", check.id));
        self.answers.pop_front()
    }
}

type Kept = Vec<(String, Vec<u8>)>;

fn looked_with(checks: &[Check], cores: usize, log: &mut Log) -> (Vec<CheckReport>, Kept) {
    let host = host();
    let baseline = BTreeMap::new();
    let mut kept: Kept = Vec::new();
    let mut evidence =
        |check: &CheckId, name: &str, bytes: &[u8]| kept.push((format!("{check}/{name}"), bytes.to_vec()));
    let mut cx = LookCx {
        host: &host,
        today: "2026-01-05".to_owned(),
        phase_started: None,
        baseline: &baseline,
        cores,
        watch: log,
        evidence: &mut evidence,
    };
    let reports = look(checks, &mut cx);
    (reports, kept)
}

fn looked(checks: &[Check]) -> Vec<CheckReport> {
    looked_with(checks, 2, &mut Log::default()).0
}

fn words(reports: &[CheckReport]) -> Vec<(&str, Outcome, &str)> {
    reports
        .iter()
        .map(|report| {
            (report.check.as_str(), report.outcome, report.reasons.first().map_or("", String::as_str))
        })
        .collect()
}

/// A program that passes only from its n-th run on, counted in a file.
fn counting(folder: &tempfile::TempDir, passes: &str) -> String {
    let file = folder.path().join("count");
    format!("echo x >> {0}; n=$(wc -l < {0}); {passes}", file.display())
}

#[test]
fn reports_come_in_the_order_of_the_checks_and_their_outcomes_are_told_apart() {
    let missing = CommandLine::new(["/no/such/program"]);
    let checks = [
        shell("slow", "sleep 0.1; echo 1"),
        shell("bad", "echo broken >&2; exit 3"),
        check("absent", Look::Probe(Probe::Run { command: missing, parse: Parse::Text })),
        Check { timeout: Span(50), ..shell("late", "sleep 20") },
        Check {
            expect: vec![FieldRule { field: "used_ratio".to_owned(), matchers: vec![Matcher::Lt(1.0)] }],
            ..check("memory", Look::Probe(Probe::Memory))
        },
        check("file", Look::Probe(Probe::File { path: "/".into() })),
    ];
    let (reports, kept) = looked_with(&checks, 2, &mut Log::default());
    let outcomes: Vec<(&str, Outcome)> =
        reports.iter().map(|report| (report.check.as_str(), report.outcome)).collect();
    assert_eq!(
        outcomes,
        [
            ("slow", Outcome::Pass),
            ("bad", Outcome::Fail),
            ("absent", Outcome::Error),
            ("late", Outcome::Error),
            ("memory", Outcome::Pass),
            ("file", Outcome::Inconclusive),
        ]
    );
    assert_eq!(reports[1].reasons, ["`exit` is 3, not 0", "it said \"broken\""]);
    assert!(kept.contains(&("bad/stderr".to_owned(), b"broken\n".to_vec())), "{kept:?}");
    assert!(reports[0].took >= Span(100));
}

#[test]
fn no_more_checks_are_open_than_there_are_cores() {
    let checks: Vec<Check> = (0..12).map(|at| shell(&format!("c{at}"), "echo 1")).collect();
    for cores in [0, 1, 3] {
        let mut log = Log::default();
        let (reports, _) = looked_with(&checks, cores, &mut log);
        assert!(reports.iter().all(|report| report.outcome == Outcome::Pass));
        assert_eq!(log.most_open, cores.max(1));
    }
}

#[test]
fn a_check_waits_for_what_it_needs_and_is_blocked_by_its_failure() {
    let needing =
        |check: Check, needs: &[&str]| Check { needs: needs.iter().map(|n| id(n)).collect(), ..check };
    let checks = [
        needing(shell("third", "echo 1"), &["second"]),
        needing(shell("second", "echo 1"), &["first"]),
        shell("first", "sleep 0.05; echo 1"),
        shell("bad", "exit 1"),
        needing(shell("blocked", "echo 1"), &["first", "bad"]),
        needing(shell("further", "echo 1"), &["blocked"]),
        needing(shell("stranger", "echo 1"), &["nobody"]),
        needing(shell("left", "echo 1"), &["right"]),
        needing(shell("right", "echo 1"), &["left"]),
    ];
    let mut log = Log::default();
    let (reports, _) = looked_with(&checks, 4, &mut log);
    assert_eq!(
        words(&reports),
        [
            ("third", Outcome::Pass, "`exit` is 0"),
            ("second", Outcome::Pass, "`exit` is 0"),
            ("first", Outcome::Pass, "`exit` is 0"),
            ("bad", Outcome::Fail, "`exit` is 1, not 0"),
            ("blocked", Outcome::Skipped, "blocked by `bad` (fail)"),
            ("further", Outcome::Skipped, "blocked by `blocked` (skipped)"),
            ("stranger", Outcome::Skipped, "blocked by `nobody`, which is not among these checks"),
            ("left", Outcome::Skipped, "needs itself in a circle"),
            ("right", Outcome::Skipped, "needs itself in a circle"),
        ]
    );
    let at = |word: &str| log.words.iter().position(|said| said == word);
    assert!(
        at("first pass") < at("started second") && at("second pass") < at("started third"),
        "{log:?}",
        log = log.words
    );
}

#[test]
fn a_check_that_does_not_apply_is_skipped() {
    let guarded =
        |name: &str, guard: Check| Check { applies_if: Some(Box::new(guard)), ..shell(name, "echo 1") };
    let missing = CommandLine::new(["/no/such/program"]);
    let absent = check("g", Look::Probe(Probe::Run { command: missing, parse: Parse::Text }));
    let told = Check { on_error: TreatAs::Fail, ..absent.clone() };
    let value = |on_no_data| Check {
        expect: vec![FieldRule { field: "nothing".to_owned(), matchers: vec![Matcher::Ge(1.0)] }],
        on_no_data,
        ..shell("g", "echo 1")
    };
    let reports = looked(&[
        guarded("yes", shell("g", "echo 1")),
        guarded("no", shell("g", "exit 1")),
        guarded("unknown", absent),
        guarded("told", told),
        guarded("undecided", value(TreatAs::Inconclusive)),
        guarded("lacking", value(TreatAs::Fail)),
    ]);
    assert_eq!(reports[0].outcome, Outcome::Pass);
    assert_eq!(reports[1].outcome, Outcome::Skipped);
    assert_eq!(reports[1].reasons, ["does not apply (fail: `exit` is 1, not 0)"]);
    assert_eq!(reports[2].outcome, Outcome::Error);
    assert!(reports[2].reasons[0].starts_with("whether it applies cannot be told: "), "{:?}", reports[2]);
    assert_eq!(reports[3].outcome, Outcome::Skipped);
    assert_eq!(reports[4].outcome, Outcome::Inconclusive, "what settles nothing is no clear no");
    assert_eq!(reports[4].reasons, ["whether it applies cannot be told: `nothing` has no value"]);
    assert_eq!(reports[5].outcome, Outcome::Skipped);
}

#[test]
fn it_looks_again_until_it_passes_often_enough() {
    let folder = || tempfile::tempdir().expect("a folder");
    let within = Some(Span::seconds(10));
    let (a, b) = (folder(), folder());
    let again = Check { within, ..shell("again", &counting(&a, "test $n -ge 3 && echo $n")) };
    let streak =
        Check { within, consecutive: 3, ..shell("streak", &counting(&b, "test $n -ne 2 && echo $n")) };
    let reports = looked(&[again, streak]);
    let value = |at: usize| reports[at].observed.as_ref().and_then(|seen| seen.get("value")).cloned();
    assert_eq!((reports[0].outcome, value(0)), (Outcome::Pass, Some(json!(3))));
    // Passed, failed, then three in a row.
    assert_eq!((reports[1].outcome, value(1)), (Outcome::Pass, Some(json!(5))));
}

#[test]
fn when_the_time_is_up_what_went_wrong_stands() {
    let folder = tempfile::tempdir().expect("a folder");
    let short = Some(Span(150));
    let never = Check { within: short, ..shell("never", "exit 1") };
    let flaky = Check {
        within: short,
        consecutive: 1000,
        ..shell("flaky", &counting(&folder, "test $n -ne 1 && echo 1"))
    };
    let steady = Check { within: short, consecutive: 1000, ..shell("steady", "echo 1") };
    let reports = looked(&[never, flaky, steady]);
    assert_eq!(reports[0].outcome, Outcome::Fail);
    assert!(reports[0].took >= Span(150), "{}", reports[0].took);
    assert_eq!(reports[1].outcome, Outcome::Fail);
    assert!(reports[1].reasons[0].contains("of 1000 times in a row"), "{:?}", reports[1].reasons);
    assert_eq!(reports[1].reasons[1], "`exit` is 1, not 0");
    assert_eq!(reports[2].outcome, Outcome::Inconclusive);
}

#[test]
fn several_in_a_row_without_a_time_limit_end_at_the_first_that_does_not_pass() {
    let folder = || tempfile::tempdir().expect("a folder");
    let (a, b) = (folder(), folder());
    let good = Check { consecutive: 3, ..shell("good", &counting(&a, "echo $n")) };
    let bad = Check { consecutive: 3, ..shell("bad", &counting(&b, "test $n -ne 2 && echo $n")) };
    let reports = looked(&[good, bad]);
    assert_eq!(reports[0].observed.as_ref().and_then(|seen| seen.get("value")), Some(&json!(3)));
    assert_eq!((reports[0].outcome, reports[1].outcome), (Outcome::Pass, Outcome::Fail));
}

#[test]
fn a_sample_whose_command_failed_is_not_hidden_by_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let samples = Some(Samples { count: 3, every: Span(1), take: Use::Median });
    let expect = vec![FieldRule { field: "value".to_owned(), matchers: vec![Matcher::Ge(1.0)] }];
    let script = counting(&folder, "echo $n; test $n -ne 2");
    let reports = looked(&[Check { samples, expect, ..shell("c", &script) }]);
    assert_eq!(reports[0].outcome, Outcome::Error, "{reports:?}");
    assert_eq!(reports[0].reasons[0], "it ended with 1, and no rule says what that means");
}

#[test]
fn samples_become_one_value() {
    let folder = tempfile::tempdir().expect("a folder");
    let samples = Some(Samples { count: 3, every: Span(1), take: Use::Max });
    let expect = vec![FieldRule { field: "value".to_owned(), matchers: vec![Matcher::Lt(3.0)] }];
    let reports = looked(&[Check { samples, expect, ..shell("c", &counting(&folder, "echo $n")) }]);
    assert_eq!(reports[0].reasons, ["`value` 3 >= 3"]);
    let observed = reports[0].observed.as_ref().expect("an observation");
    assert_eq!(observed.get("value"), Some(&json!(3)));
}

#[test]
fn a_person_is_asked_one_question_at_a_time_when_nothing_runs() {
    let ask = |name: &str| check(name, Look::Ask("Is it on?".to_owned()));
    let mut log = Log { answers: VecDeque::from([true, false]), ..Log::default() };
    let checks = [ask("a"), shell("child", "echo 1"), ask("b"), ask("c")];
    let (reports, _) = looked_with(&checks, 4, &mut log);
    let outcomes: Vec<Outcome> = reports.iter().map(|report| report.outcome).collect();
    assert_eq!(outcomes, [Outcome::Pass, Outcome::Pass, Outcome::Fail, Outcome::Inconclusive]);
    let tail = log.words.split_off(log.words.len() - 7);
    assert_eq!(
        tail,
        [
            "child pass",
            "asked a: Is it on?",
            "a pass",
            "asked b: Is it on?",
            "b fail",
            "asked c: Is it on?",
            "c inconclusive"
        ]
    );
}

#[test]
fn an_interrupt_ends_the_children_and_what_is_not_judged_is_an_error() {
    let lenient = Check { on_error: TreatAs::Pass, ..shell("running", "sleep 60") };
    let shadow = Check { mode: Mode::Shadow, ..shell("waiting", "echo 1") };
    let mut log = Log { interrupt_after: Some(3), ..Log::default() };
    let (reports, _) = looked_with(&[shell("quick", "echo 1"), lenient, shadow], 2, &mut log);
    assert_eq!(
        words(&reports).iter().map(|(name, outcome, _)| (*name, *outcome)).collect::<Vec<_>>()[..2],
        [("quick", Outcome::Pass), ("running", Outcome::Error)]
    );
    assert_eq!(reports[1].reasons, ["interrupted"]);
    assert_eq!(reports[2].outcome, Outcome::Error);
    assert_eq!(reports[2].weight, Weight::Shadow);
}

#[test]
fn evidence_says_how_much_is_left_out() {
    let stream = |total| Captured { head: b"ab".to_vec(), tail: b"yz".to_vec(), total };
    assert_eq!(evidence(&stream(4)), b"abyz");
    assert_eq!(evidence(&stream(10)), b"ab\n[... 6 bytes left out ...]\nyz");
}

#[test]
fn a_real_plugin_is_judged_by_its_exit_status_and_its_figures_become_fields() {
    let program = "/usr/lib/nagios/plugins/check_disk";
    if !std::path::Path::new(program).exists() {
        crate::skipped::skipped(
            "a_real_plugin_is_judged_by_its_exit_status_and_its_figures_become_fields",
            &format!("no {program}"),
        );
        return;
    }
    let plugin = |name: &str, words: &[&str]| {
        check(name, Look::Plugin(CommandLine::new([program].iter().chain(words).copied())))
    };
    let (reports, _) = looked_with(
        &[
            plugin("ok", &["-w", "1", "-c", "0", "-p", "/"]),
            plugin("critical", &["-c", "99999999999", "-p", "/"]),
            plugin("unknown", &["-p", "/no/such/place", "-w", "1", "-c", "1"]),
            plugin("usage", &["--no-such-flag"]),
        ],
        2,
        &mut Log::default(),
    );
    let outcomes: Vec<Outcome> = reports.iter().map(|report| report.outcome).collect();
    assert_eq!(outcomes[0], Outcome::Pass, "{:?}", reports[0]);
    assert_eq!(outcomes[1], Outcome::Fail, "{:?}", reports[1]);
    assert_eq!(outcomes[3], Outcome::Error, "{:?}", reports[3]);
    assert!(matches!(outcomes[2], Outcome::Error | Outcome::Fail), "{:?}", reports[2]);
    let used = reports[0].observed.as_ref().and_then(|seen| seen.get("perf./")).and_then(Value::as_f64);
    assert!(used.is_some_and(|used| used > 1_048_576.0), "{:?}", reports[0]);
}

#[test]
fn without_systemd_its_units_and_its_journal_are_errors() {
    if std::path::Path::new("/run/systemd/system").exists() {
        crate::skipped::skipped("without_systemd_its_units_and_its_journal_are_errors", "systemd runs here");
        return;
    }
    let units = Probe::Units { manager: Manager::System, names: Vec::new() };
    let journal = Probe::Journal {
        priority: 3,
        units: Vec::new(),
        identifiers: Vec::new(),
        fields: Vec::new(),
        matches: None,
        ignore: Vec::new(),
        since: None,
        manager: Manager::System,
        kernel: false,
        folder: None,
    };
    for report in looked(&[check("units", Look::Probe(units)), check("journal", Look::Probe(journal))]) {
        assert_eq!(report.outcome, Outcome::Error, "{report:?}");
        // What is wrong, and what to do.
        assert_eq!(report.reasons.len(), 2, "{report:?}");
    }
}

#[test]
fn a_store_path_that_is_not_there_is_seen_without_asking_the_store() {
    let path = Probe::Nix(NixQuestion::Path("/nix/store/00000000000000000000000000000000-none".into()));
    let expect =
        vec![FieldRule { field: "exists".to_owned(), matchers: vec![Matcher::Equals(json!(false))] }];
    let reports = looked(&[Check { expect, ..check("path", Look::Probe(path)) }]);
    assert_eq!(reports[0].outcome, Outcome::Pass);
}

#[test]
fn health_scripts_run_and_a_wanted_failure_warns() {
    use std::os::unix::fs::PermissionsExt as _;
    // Root runs scripts only from where nobody else may write on the way.
    let base = if nix::unistd::geteuid().is_root() { "/var/lib" } else { "/tmp" };
    let folder = tempfile::tempdir_in(base).expect("a folder");
    let script = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("mode");
    };
    script("required.d/10-root", "test -d /");
    let look = || check("health", Look::Scripts(folder.path().into()));
    assert_eq!(looked(&[look()])[0].outcome, Outcome::Pass);
    script("wanted.d/10-no", "echo no link >&2; exit 1");
    let report = looked(&[look()]).remove(0);
    assert_eq!(report.outcome, Outcome::Warn);
    assert_eq!(report.reasons[0], "wanted.d/10-no failed with exit 1: no link");
    script("required.d/20-no", "exit 7");
    assert_eq!(looked(&[look()])[0].outcome, Outcome::Fail);
}

#[test]
fn a_hint_is_told_where_something_was_measured_and_does_not_hold() {
    let exits = |status: f64| {
        let rule = FieldRule { field: "value".to_owned(), matchers: vec![Matcher::Ge(status)] };
        vec![rule]
    };
    let hinted = |name: &str, text: &str| Check {
        hint: Some("mend it".to_owned()),
        expect: exits(3.0),
        ..shell(name, text)
    };
    let blind =
        Look::Probe(Probe::Run { command: CommandLine::new(["no-such-program"]), parse: Parse::Json });
    let checks = [
        hinted("holds", "echo 5"),
        hinted("fails", "echo 1"),
        Check { severity: Severity::Warn, ..hinted("warns", "echo 1") },
        Check { look: blind, ..hinted("blind", "") },
        Check { look: Look::Probe(Probe::File { path: "/none".into() }), ..hinted("no-data", "") },
        Check {
            fail_if: vec![FieldRule { field: "value".to_owned(), matchers: vec![Matcher::Lt(0.0)] }],
            ..hinted("between", "echo 1")
        },
    ];
    let reports = looked(&checks);
    let told: Vec<(&str, bool)> =
        reports.iter().map(|report| (report.check.as_str(), report.hint.is_some())).collect();
    let expected = [
        ("holds", false),
        ("fails", true),
        ("warns", true),
        ("blind", false),
        ("no-data", false),
        ("between", true),
    ];
    assert_eq!(told, expected, "{reports:?}");
}
