//! What the tests of this room are made of.

use super::{Approved, Capsule, StateFolder};
use crate::model::*;
use proptest::prelude::*;
use std::path::Path;

pub(super) fn digest(fill: char) -> Digest {
    Digest(fill.to_string().repeat(64))
}

pub(super) fn step_id(name: &str) -> StepId {
    StepId::new(name).expect("an identifier")
}

pub(super) fn check_id(name: &str) -> CheckId {
    CheckId::new(name).expect("an identifier")
}

pub(super) fn phase_id(name: &str) -> PhaseId {
    PhaseId::new(name).expect("an identifier")
}

pub(super) fn began(number: u32) -> Event {
    Event::PhaseBegan(Box::new(PhaseHeader {
        run: RunId::new("r1").expect("an identifier"),
        generation: GenerationNumber(number),
        plan: PlanName::new("tour").expect("an identifier"),
        revision: 1,
        digest: digest('d'),
        phase: phase_id("libs"),
        queue: vec![phase_id("desktop")],
        done: vec![(phase_id("first"), PhaseEnd::Committed)],
        guidance: Guidance::Unattended,
        boot: None,
        invoker: Some(Invoker { uid: 1000, name: "ann".to_owned() }),
        version: "0.1.0".to_owned(),
    }))
}

pub(super) fn report(name: &str, outcome: Outcome) -> CheckReport {
    CheckReport {
        check: check_id(name),
        title: None,
        outcome,
        weight: Weight::Counts,
        severity: Severity::Fail,
        reasons: vec!["5 > 4".to_owned()],
        observed: Some(Observation::new().with("count", 5).with("name", "x")),
        hint: None,
        took: Span(7),
    }
}

/// Facts in their places, a second apart.
pub(super) fn envelopes(from: u64, events: impl IntoIterator<Item = Event>) -> Vec<Envelope> {
    (from..)
        .zip(events)
        .map(|(seq, event)| Envelope {
            seq,
            at: Timestamp(1_795_365_118_042 + i64::try_from(seq).expect("small") * 1_000),
            event,
        })
        .collect()
}

/// A phase that was begun, acted, and came back.
pub(super) fn story(number: u32) -> Vec<Envelope> {
    let record = LayerRecord {
        kind: LayerKind::Files,
        target: "3 files, 12 bytes".to_owned(),
        manifest: "0-files".to_owned(),
        sha256: digest('a'),
    };
    envelopes(
        1,
        [
            began(number),
            Event::CheckJudged { moment: Moment::Preflight, report: report("space", Outcome::Pass) },
            Event::GateAnswered { go: true },
            Event::LayerRecorded { layer: 0, record },
            Event::StepStarted { part: Part::Apply, step: 0, id: step_id("build") },
            Event::StepFinished { part: Part::Apply, step: 0, outcome: StepOutcome::Done },
            Event::StepFinished {
                part: Part::Apply,
                step: 1,
                outcome: StepOutcome::NotApplicable("count 5 > 4".to_owned()),
            },
            Event::CheckJudged { moment: Moment::Validate, report: report("memory", Outcome::Fail) },
            Event::RevertBegan { cause: Cause::ChecksFailed(vec![check_id("memory")]) },
            Event::UndoStarted { part: Part::Apply, step: 0 },
            Event::UndoFinished { part: Part::Apply, step: 0, outcome: StepOutcome::Done },
            Event::PhaseEnded { end: PhaseEnd::Reverted, items: Vec::new(), left: Vec::new() },
            Event::RunFinished { verdict: Verdict::RolledBack },
        ],
    )
}

pub(super) fn approved() -> Approved {
    let plan = Plan {
        calendar: None,
        name: PlanName::new("tour").expect("an identifier"),
        revision: 1,
        title: Some("Tour".to_owned()),
        digest: digest('d'),
        phases: Vec::new(),
    };
    Approved { plan_yaml: b"switchback: 1\n".to_vec(), plan }
}

/// A state folder below `at` whose capsules keep a small program.
pub(super) fn state(at: &Path) -> StateFolder {
    let program = at.join("program");
    std::fs::write(&program, "#!small").expect("written");
    StateFolder::create(&at.join("state")).expect("made").with_program(&program)
}

/// One more generation, with this story.
pub(super) fn told(state: &StateFolder, story: impl Fn(u32) -> Vec<Envelope>) -> Capsule {
    let capsule = state.open_generation(&approved()).expect("opened");
    let (mut writer, _) = capsule.writer().expect("a journal");
    writer.append(&story(capsule.number().0)).expect("durable");
    capsule
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no others", |f| f.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_outcome() -> impl Strategy<Value = StepOutcome> {
    prop_oneof![
        Just(StepOutcome::Done),
        any::<String>().prop_map(StepOutcome::Broken),
        any::<String>().prop_map(StepOutcome::NotStarted),
        any::<i32>().prop_map(|status| StepOutcome::Failed(ProcessEnd::Exited(status))),
        any::<u64>().prop_map(|ms| StepOutcome::TimedOut(Span(ms))),
        Just(StepOutcome::Lost),
    ]
}

fn any_part() -> impl Strategy<Value = Part> {
    prop_oneof![Just(Part::Apply), Just(Part::Commit), Just(Part::Rollback)]
}

fn any_item() -> impl Strategy<Value = Item> {
    (any::<String>(), any::<String>()).prop_map(|(name, why)| Item { name, why })
}

/// Facts of every shape: without content, with text of any kind, with values of any kind, nested.
pub(super) fn any_event() -> impl Strategy<Value = Event> {
    let values = prop::collection::btree_map(any::<String>(), any_value(), 0..4);
    prop_oneof![
        (1_u32..9_999).prop_map(began),
        Just(Event::SettleEnded),
        any::<bool>().prop_map(|go| Event::GateAnswered { go }),
        (any_part(), any::<usize>(), "[a-z][a-z0-9._-]{0,20}")
            .prop_map(|(part, step, id)| Event::StepStarted { part, step, id: step_id(&id) }),
        (any_part(), 0..9_usize, any_outcome()).prop_map(|(part, step, outcome)| Event::StepFinished {
            part,
            step,
            outcome
        }),
        any::<String>().prop_map(|why| Event::RunPaused { cause: Cause::NotRecorded(why) }),
        prop::collection::vec(any_item(), 0..3).prop_map(|items| Event::PhaseEnded {
            end: PhaseEnd::Inconsistent,
            items,
            left: Vec::new()
        }),
        (0..4_000_000_000_000_i64).prop_map(|at| Event::SettleBegan { until: Timestamp(at) }),
        (values, prop::collection::vec(any::<String>(), 0..3)).prop_map(|(values, reasons)| {
            let observed = Some(Observation(values));
            let report = CheckReport { observed, reasons, ..report("any", Outcome::Inconclusive) };
            Event::CheckJudged { moment: Moment::Baseline, report }
        }),
    ]
}
