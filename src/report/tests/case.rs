//! A plan, and traces of it made by hand.

use crate::model::*;

fn id<T, E: std::fmt::Debug>(made: Result<T, E>) -> T {
    made.expect("an identifier")
}

pub(super) fn check_id(name: &str) -> CheckId {
    id(CheckId::new(name))
}

fn phase_id(name: &str) -> PhaseId {
    id(PhaseId::new(name))
}

fn check(name: &str, look: Look, expect: Vec<Matcher>) -> Check {
    Check {
        id: check_id(name),
        title: None,
        look,
        expect: vec![FieldRule { field: "available".to_owned(), matchers: expect }],
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
        timeout: Span::seconds(10),
        settle: Span::ZERO,
        within: None,
        every: Span::seconds(1),
        consecutive: 1,
        samples: None,
        floor: None,
        direction: Direction::Lower,
    }
}

fn step(name: &str, act: Act, undo: StepUndo) -> Step {
    Step {
        id: id(StepId::new(name)),
        title: None,
        act,
        who: RunAs::Root,
        timeout: Span::seconds(1_800),
        undo_timeout: None,
        undo,
        idempotent: false,
        changes: Changes::Machine,
        when: None,
    }
}

fn run<const N: usize>(argv: [&str; N]) -> Act {
    Act::Run(CommandLine::new(argv))
}

/// Two phases; the texts hold what a hostile author would put there.
pub(super) fn plan() -> Plan {
    let disk = check("disk-free", Look::Probe(Probe::Mount { path: "/nix".into() }), vec![Matcher::Ge(2e10)]);
    let vaapi = Look::Probe(Probe::Run { command: CommandLine::new(["vainfo"]), parse: Parse::Lines });
    let mut profiles = check("va-profiles", vaapi, vec![Matcher::NoneMissing]);
    profiles.hint = Some("look at `vainfo` by hand".to_owned());
    let units = Probe::Units { manager: Manager::System, names: Vec::new() };
    let units = check("units", Look::Probe(units), vec![Matcher::NoNew, Matcher::Empty(true)]);
    let settings = Act::Set {
        file: "/etc/xdg/kwinrc".into(),
        format: SettingsFormat::Kde,
        settings: vec![Setting {
            path: vec!["Compositing".to_owned(), "Backend".to_owned()],
            value: serde_json::json!("OpenGL"),
        }],
    };
    let first = Phase {
        id: phase_id("vaapi"),
        title: Some("VA-API with the NVIDIA driver \u{1b}[31mred\u{202e}".to_owned()),
        why: Some(
            "Video is decoded by the processor today, which costs 40 W and makes the fans loud.".to_owned(),
        ),
        week: Some(2),
        days: Some("1-3".to_owned()),
        risk: Risk::High,
        needs: Vec::new(),
        layers: vec![
            LayerSpec::Nixos {
                profile: "/nix/var/nix/profiles/system".into(),
                running: "/run/current-system".into(),
            },
            LayerSpec::Files { paths: vec!["/etc/xdg/kwinrc".to_owned()] },
        ],
        preflight: vec![disk],
        apply: vec![
            step("activate", run(["nixos-rebuild", "test", "--flake", "/etc/nixos#a host"]), StepUndo::Layer),
            step("settings", settings, StepUndo::Layer),
            step(
                "notify",
                run(["systemctl", "start", "decoder"]),
                StepUndo::Act(run(["systemctl", "stop", "decoder"])),
            ),
        ],
        settle: Span::seconds(30),
        validate: vec![profiles, units],
        commit: vec![step("boot", run(["nixos-rebuild", "boot"]), StepUndo::Layer)],
        rollback: vec![step("reload", run(["systemctl", "daemon-reload"]), StepUndo::NotNeeded)],
        soak: Some(Soak { length: Span::seconds(172_800), every: Some(Span::seconds(3_600)) }),
        confirm: Some(Span::seconds(600)),
        reboot: Reboot::default(),
        on: OnOutcome::default(),
        applies_if: None,
    };
    let note = Act::Shell {
        text: "echo \"$NAME\"\nsync\n".to_owned(),
        env: [("NAME".to_owned(), "a b".to_owned())].into(),
    };
    let second = Phase {
        id: phase_id("desktop"),
        title: None,
        why: None,
        week: None,
        days: None,
        risk: Risk::Low,
        needs: vec![phase_id("vaapi")],
        layers: Vec::new(),
        preflight: Vec::new(),
        apply: vec![Step { changes: Changes::Nothing, ..step("note", note, StepUndo::NotNeeded) }],
        settle: Span::ZERO,
        validate: Vec::new(),
        commit: Vec::new(),
        rollback: Vec::new(),
        soak: None,
        confirm: None,
        reboot: Reboot::default(),
        on: OnOutcome::default(),
        applies_if: None,
    };
    Plan {
        calendar: None,
        name: id(PlanName::new("shoshin")),
        revision: 3,
        title: Some("Hardware-aware optimisation".to_owned()),
        digest: Digest("3b5d5c3712955042212316173ccf37be8e2f2d1f0a8b4b1f6a7e0c9d8e7f6a5b".to_owned()),
        phases: vec![first, second],
    }
}

/// A trace: facts with a second between two.
#[derive(Default)]
pub(super) struct Trace(pub(super) Vec<Envelope>);

/// 2026-11-22 16:30:00 UTC.
pub(super) const START: i64 = 1_795_365_000_000;

impl Trace {
    fn and(mut self, event: Event) -> Self {
        let seq = self.0.len() as u64 + 1;
        let at = Timestamp(START + i64::try_from(seq).expect("a small number") * 1_000);
        self.0.push(Envelope { seq, at, event });
        self
    }

    fn judged(self, moment: Moment, reports: &[CheckReport]) -> Self {
        let each = |trace: Self, report: &CheckReport| {
            trace.and(Event::CheckJudged { moment, report: report.clone() })
        };
        reports.iter().fold(self, each).and(Event::MomentJudged { moment })
    }

    fn step(self, part: Part, step: usize, name: &str, outcome: StepOutcome) -> Self {
        self.and(Event::StepStarted { part, step, id: id(StepId::new(name)) }).and(Event::StepFinished {
            part,
            step,
            outcome,
        })
    }

    fn began(self) -> Self {
        self.and(Event::PhaseBegan(Box::new(PhaseHeader {
            run: id(RunId::new("r-20261122-1630")),
            generation: GenerationNumber(7),
            plan: id(PlanName::new("shoshin")),
            revision: 3,
            digest: plan().digest,
            phase: phase_id("vaapi"),
            queue: vec![phase_id("desktop")],
            done: Vec::new(),
            guidance: Guidance::Guided,
            boot: None,
            invoker: None,
            version: "0.1.0".to_owned(),
        })))
    }

    /// Up to the validation.
    fn applied() -> Self {
        Self::default()
            .began()
            .judged(Moment::Preflight, &[report("disk-free", Outcome::Pass, "61.0 GiB >= 20.0 GiB")])
            .and(Event::GateAnswered { go: true })
            .and(Event::LayerRecorded { layer: 0, record: record(LayerKind::Nixos, SYSTEM) })
            .and(Event::LayerRecorded { layer: 1, record: record(LayerKind::Files, "1 file, 412 B") })
            .judged(
                Moment::Baseline,
                &[good_profiles(), report("units", Outcome::Fail, "failed: [\"cups\"]")],
            )
            .and(Event::CapsuleSealed { files: Vec::new() })
            .and(Event::GuardArmed(Guarded::BY_THE_RUNNER))
            .step(Part::Apply, 0, "activate", StepOutcome::Done)
            .step(Part::Apply, 1, "settings", StepOutcome::Done)
            .step(Part::Apply, 2, "notify", StepOutcome::Done)
            .and(Event::SettleBegan { until: Timestamp(START + 60_000) })
            .and(Event::SettleEnded)
    }

    pub(super) fn committed() -> Self {
        Self::applied()
            .judged(Moment::Validate, &[good_profiles(), waived()])
            .and(Event::ConfirmOpened { until: Timestamp(START + 700_000) })
            .and(Event::Confirmed(Some(Invoker { uid: 1000, name: "ann".to_owned() })))
            .step(Part::Commit, 0, "boot", StepOutcome::Done)
            .and(Event::PhaseCommitted { soak_until: Some(Timestamp(START + 172_800_000)) })
            .and(Event::GuardDisarmed)
            .and(Event::PhaseEnded { end: PhaseEnd::Committed, items: Vec::new(), left: Vec::new() })
            .and(Event::RunFinished { verdict: Verdict::Committed })
    }

    fn turned_back() -> Self {
        let cause = Cause::ChecksFailed(vec![check_id("va-profiles")]);
        Self::applied()
            .judged(Moment::Validate, &[bad_profiles(), waived()])
            .and(Event::RevertBegan { cause })
            .and(Event::ChildrenEnded { left: Vec::new(), unseen: false })
            .and(Event::UndoStarted { part: Part::Apply, step: 2 })
    }

    pub(super) fn reverted() -> Self {
        Self::turned_back()
            .and(Event::UndoFinished { part: Part::Apply, step: 2, outcome: StepOutcome::Done })
            .and(restored(1, 1, Vec::new()))
            .and(restored(0, 3, Vec::new()))
            .step(Part::Rollback, 0, "reload", StepOutcome::Done)
            .judged(Moment::Reprobe, &[good_profiles(), report("units", Outcome::Fail, "failed: [\"cups\"]")])
            .and(Event::Quarantined { cause: Cause::ChecksFailed(vec![check_id("va-profiles")]) })
            .and(Event::GuardDisarmed)
            .and(Event::PhaseEnded { end: PhaseEnd::Reverted, items: Vec::new(), left: Vec::new() })
            .and(Event::RunFinished { verdict: Verdict::RolledBack })
    }

    pub(super) fn inconsistent() -> Self {
        let undo = Item::new("undo of step notify", "exit status 5");
        let file =
            Item::new("/etc/xdg/kwinrc", "cannot be written: read-only file system\ncommitted: all is well");
        Self::turned_back()
            .and(Event::UndoFinished {
                part: Part::Apply,
                step: 2,
                outcome: StepOutcome::Failed(ProcessEnd::Exited(5)),
            })
            .and(restored(1, 0, vec![file.clone()]))
            .and(restored(0, 3, Vec::new()))
            .step(Part::Rollback, 0, "reload", StepOutcome::TimedOut(Span::seconds(1_800)))
            .judged(Moment::Reprobe, &[good_profiles()])
            .and(Event::PhaseEnded { end: PhaseEnd::Inconsistent, items: vec![undo, file], left: Vec::new() })
            .and(Event::RunFinished { verdict: Verdict::Inconsistent })
    }

    pub(super) fn refused() -> Self {
        let cause = Cause::ChecksFailed(vec![check_id("disk-free")]);
        Self::default()
            .began()
            .judged(Moment::Preflight, &[report("disk-free", Outcome::Fail, "4.10 GiB < 20.0 GiB")])
            .and(Event::RevertBegan { cause })
            .and(Event::PhaseEnded { end: PhaseEnd::Refused, items: Vec::new(), left: Vec::new() })
            .and(Event::RunFinished { verdict: Verdict::Refused })
    }

    pub(super) fn paused() -> Self {
        let unknown = report("va-profiles", Outcome::Error, "`vainfo` could not be started: no such file");
        Self::applied()
            .judged(Moment::Validate, &[unknown])
            .and(Event::RetryChosen)
            .and(Event::StopWanted)
            .and(Event::RunPaused { cause: Cause::ChecksBroken(vec![check_id("va-profiles")]) })
    }

    /// Facts that the other traces do not hold.
    pub(super) fn odd() -> Self {
        let accepted = Event::ChecksAccepted {
            moment: Moment::Validate,
            checks: vec![check_id("units")],
            reason: "known".to_owned(),
        };
        Self::applied()
            .and(Event::RunResumed { boot: None, guidance: Guidance::Unattended, toward: Toward::On })
            .and(accepted)
            .and(Event::LayerKept { layer: 0 })
            .and(Event::SoakHeld(held()))
            .and(Event::SoakReleased { reason: "a later look found it well".to_owned(), by: None })
            .and(Event::SoakHeld(Held { cause: Cause::ChecksUndecided(vec![check_id("units")]), ..held() }))
            .and(Event::SoakReleased {
                reason: "looked at\u{1b}[2J".to_owned(),
                by: Some(Invoker { uid: 1000, name: "ann".to_owned() }),
            })
            .and(Event::GateAnswered { go: false })
            .and(Event::PhaseEnded { end: PhaseEnd::NotApplicable, items: Vec::new(), left: Vec::new() })
            .and(Event::RunFinished { verdict: Verdict::Committed })
    }
}

pub(super) const SYSTEM: &str =
    "/nix/store/0c8m9xv1k3jv4yh0z2f5rkz1m9d7nq4p-nixos-system-shoshin-25.05, generation 412";

pub(super) fn record(kind: LayerKind, target: &str) -> LayerRecord {
    LayerRecord { kind, target: target.to_owned(), manifest: format!("{kind}.json"), sha256: plan().digest }
}

pub(super) fn report(check: &str, outcome: Outcome, reason: &str) -> CheckReport {
    CheckReport {
        check: check_id(check),
        title: None,
        outcome,
        weight: Weight::Counts,
        severity: Severity::Fail,
        reasons: vec![reason.to_owned()],
        observed: None,
        hint: None,
        took: Span(1_234),
    }
}

/// What was found of the phase while it soaked.
pub(super) fn held() -> Held {
    Held {
        since: Timestamp(START + 7_200_000),
        cause: Cause::ChecksFailed(vec![check_id("units")]),
        found: vec![Item::new("check units", "fail: failed: [\"cups\"]; none are expected")],
    }
}

fn good_profiles() -> CheckReport {
    report("va-profiles", Outcome::Pass, "7 profiles, none missing")
}

pub(super) fn bad_profiles() -> CheckReport {
    let mut bad =
        report("va-profiles", Outcome::Fail, "2 profiles missing (VAProfileHEVCMain, VAProfileVP9Profile0)");
    bad.reasons.push("before: 7 profiles; now: 5".to_owned());
    bad.hint = Some("look at `vainfo` by hand".to_owned());
    bad
}

fn waived() -> CheckReport {
    let weight = Weight::Waived("the printer is gone, until 2026-12-31".to_owned());
    CheckReport { weight, ..report("units", Outcome::Fail, "failed: [\"cups\", \"\u{9b}31mevil\"]") }
}

fn restored(layer: usize, changed: u64, failed: Vec<Item>) -> Event {
    Event::LayerRestored { layer, restored: Restored { changed, failed } }
}
