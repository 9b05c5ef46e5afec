//! The walks: each a small plan and what may happen to it.

use crate::explore::{Budget, Engine, Seen, Walk};
use crate::kit::{check, layer, own, phase, plan, reboot, step};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use switchback::engine::{ASIDE, BACK, FORWARD, SKIPPED};
use switchback::model::*;

const BOTH: &[Guidance] = &[Guidance::Guided, Guidance::Unattended];
const ALONE: &[Guidance] = &[Guidance::Unattended];
const ASKED: &[Guidance] = &[Guidance::Guided];

/// How wide the walks are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// A few seconds.
    Narrow,
    /// All that is claimed.
    Whole,
}

/// One more in the whole walk.
fn whole(width: Width) -> u8 {
    u8::from(width == Width::Whole)
}

/// Three phases, two crashes, an interrupt.
fn three_phases(engine: Engine, width: Width) -> Walk {
    let mut one = phase("one");
    one.layers = vec![layer()];
    one.apply = vec![step("a", own())];
    let mut two = phase("two");
    two.apply = vec![step("b", own())];
    two.rollback = vec![step("r", StepUndo::NotNeeded)];
    let mut three = phase("three");
    three.layers = vec![layer()];
    three.apply = vec![step("c", StepUndo::Layer)];
    three.validate = vec![check("v", Severity::Fail)];
    let crashes = 1 + whole(width);
    Walk {
        name: "three phases, two crashes, an interrupt",
        plan: plan(vec![one, two, three]),
        guidance: ALONE,
        budget: Budget { crashes, interrupts: 1, lost: 0, faults: 1, retries: 0, asks: 0, ..Budget::NONE },
        engine,
        guards: true,
        limit: 400_000,
        aloud: Cell::new(false),
        moved: RefCell::default(),
    }
}

/// One phase with all that acts.
fn steps(engine: Engine, _: Width) -> Walk {
    let mut one = phase("one");
    one.layers = vec![layer(), layer()];
    let mut again = step("b", own());
    again.idempotent = true;
    one.apply = vec![step("a", own()), again];
    one.commit = vec![step("c", own())];
    one.rollback = vec![step("r", StepUndo::NotNeeded)];
    one.validate = vec![check("v", Severity::Fail)];
    Walk {
        name: "one phase with all that acts, unattended, a lost record",
        plan: plan(vec![one]),
        guidance: ALONE,
        budget: Budget { crashes: 1, interrupts: 0, lost: 1, faults: 1, retries: 0, asks: 1, ..Budget::NONE },
        engine,
        guards: true,
        limit: 400_000,
        aloud: Cell::new(false),
        moved: RefCell::default(),
    }
}

/// One phase with all that is asked.
fn questions(engine: Engine, width: Width) -> Walk {
    let mut one = phase("one");
    one.applies_if = Some(check("when", Severity::Fail));
    one.preflight = vec![check("p", Severity::Fail), check("q", Severity::Critical)];
    one.layers = vec![layer()];
    one.apply = vec![step("a", own())];
    one.validate = vec![check("v", Severity::Fail)];
    let crashes = whole(width);
    Walk {
        name: "one phase with all that is asked, guided, an interrupt",
        plan: plan(vec![one]),
        guidance: ASKED,
        budget: Budget { crashes, interrupts: 1, lost: 0, faults: 1, retries: 1, asks: 1, ..Budget::NONE },
        engine,
        guards: true,
        limit: 400_000,
        aloud: Cell::new(false),
        moved: RefCell::default(),
    }
}

/// Two phases with all that waits, taken up by whoever is there.
fn waits(engine: Engine, width: Width) -> Walk {
    let mut one = phase("one");
    one.apply = vec![step("a", own())];
    one.settle = Span(5);
    one.validate = vec![check("v", Severity::Fail)];
    one.confirm = Some(Span(7));
    one.on = OnOutcome { fail: Reaction::Continue, inconclusive: Reaction::Pause, error: Reaction::Pause };
    one.soak = Some(Soak { length: Span(9), every: None });
    let mut two = phase("two");
    two.layers = vec![layer()];
    Walk {
        name: "two phases with all that waits, guided and unattended",
        plan: plan(vec![one, two]),
        guidance: BOTH,
        budget: Budget {
            crashes: whole(width),
            interrupts: 1,
            lost: 0,
            faults: 1,
            retries: 0,
            asks: 1,
            ..Budget::NONE
        },
        engine,
        guards: true,
        limit: 400_000,
        aloud: Cell::new(false),
        moved: RefCell::default(),
    }
}

/// Two phases, of which the second may not apply, and a journal that cannot be written.
fn records(engine: Engine, width: Width) -> Walk {
    let mut one = phase("one");
    one.layers = vec![layer()];
    one.apply = vec![step("a", own())];
    let mut two = phase("two");
    two.applies_if = Some(check("when", Severity::Fail));
    let for_good = StepUndo::None { reason: "it is sent".into() };
    two.apply = vec![step("b", own()), step("d", for_good)];
    Walk {
        name: "two phases, a lost record, a crash",
        plan: plan(vec![one, two]),
        guidance: ALONE,
        budget: Budget {
            crashes: 1,
            interrupts: whole(width),
            lost: 1,
            faults: 1,
            retries: 0,
            asks: 1,
            ..Budget::NONE
        },
        engine,
        guards: true,
        limit: 400_000,
        aloud: Cell::new(false),
        moved: RefCell::default(),
    }
}

/// A runner that dies again and again.
fn limits(engine: Engine, _: Width) -> Walk {
    let mut one = phase("one");
    one.apply = vec![step("a", own())];
    Walk {
        name: "a runner that dies thirteen times",
        plan: plan(vec![one]),
        guidance: ALONE,
        budget: Budget { crashes: 13, ..Budget::NONE },
        engine,
        guards: false,
        limit: 400_000,
        aloud: Cell::new(false),
        moved: RefCell::default(),
    }
}

/// One phase that asks for a reboot between its steps.
fn reboots(engine: Engine, width: Width) -> Walk {
    let mut one = phase("one");
    one.layers = vec![layer()];
    one.apply = vec![step("a", own()), reboot("now"), step("b", own())];
    one.validate = vec![check("v", Severity::Fail)];
    Walk {
        name: "one phase with a reboot between its steps, and reboots",
        plan: plan(vec![one]),
        guidance: ALONE,
        budget: Budget { crashes: 1, faults: 1, asks: 1, boots: 1 + whole(width), ..Budget::NONE },
        engine,
        guards: true,
        limit: 400_000,
        aloud: Cell::new(false),
        moved: RefCell::default(),
    }
}

/// One phase that needs a reboot, and one that expects it.
fn planned_reboots(engine: Engine, width: Width) -> Walk {
    let mut one = phase("one");
    one.reboot = Reboot::Required;
    one.apply = vec![step("a", own())];
    one.settle = Span(5);
    one.commit = vec![step("c", own())];
    let mut two = phase("two");
    two.reboot = Reboot::Expected;
    let mut again = step("b", own());
    again.idempotent = true;
    two.apply = vec![again, reboot("now")];
    two.confirm = Some(Span(7));
    Walk {
        name: "a phase that needs a reboot and one that expects it",
        plan: plan(vec![one, two]),
        guidance: ASKED,
        budget: Budget {
            crashes: 1,
            faults: 1,
            retries: whole(width),
            asks: 1,
            boots: 2 + whole(width),
            ..Budget::NONE
        },
        engine,
        guards: true,
        limit: 400_000,
        aloud: Cell::new(false),
        moved: RefCell::default(),
    }
}

/// A person who takes up an awaited reboot again and again.
fn patience(engine: Engine, _: Width) -> Walk {
    let mut one = phase("one");
    one.reboot = Reboot::Required;
    one.apply = vec![step("a", own())];
    Walk {
        name: "a reboot that is awaited for long",
        plan: plan(vec![one]),
        guidance: ALONE,
        budget: Budget { crashes: 1, asks: 5, boots: 1, ..Budget::NONE },
        engine,
        guards: true,
        limit: 400_000,
        aloud: Cell::new(false),
        moved: RefCell::default(),
    }
}

/// A record that is found damaged, at any point.
fn damage(engine: Engine, _: Width) -> Walk {
    let mut one = phase("one");
    one.layers = vec![layer()];
    one.apply = vec![step("a", own())];
    one.rollback = vec![step("r", StepUndo::NotNeeded)];
    one.soak = Some(Soak { length: Span(9), every: None });
    let mut two = phase("two");
    two.apply = vec![step("b", own())];
    Walk {
        name: "two phases and a damaged record",
        plan: plan(vec![one, two]),
        guidance: ALONE,
        budget: Budget { crashes: 2, asks: 1, damaged: 1, ..Budget::NONE },
        engine,
        guards: true,
        limit: 400_000,
        aloud: Cell::new(false),
        moved: RefCell::default(),
    }
}

/// A phase that soaks: what is found of it is left to a person, or to a later look.
fn soaks(engine: Engine, width: Width) -> Walk {
    let mut one = phase("one");
    one.layers = vec![layer()];
    one.soak = Some(Soak { length: Span(9), every: None });
    let mut two = phase("two");
    two.apply = vec![step("b", own())];
    Walk {
        name: "a phase that soaks, and what is found of it",
        plan: plan(vec![one, two]),
        guidance: ALONE,
        budget: Budget { crashes: 1, lost: 1, asks: 3 + whole(width), ..Budget::NONE },
        engine,
        guards: true,
        limit: 400_000,
        aloud: Cell::new(false),
        moved: RefCell::default(),
    }
}

/// Every walk.
pub(crate) fn walks(engine: Engine, width: Width) -> Vec<Walk> {
    let all = [
        patience,
        soaks,
        reboots,
        planned_reboots,
        damage,
        records,
        questions,
        steps,
        waits,
        three_phases,
        limits,
    ];
    all.into_iter().map(|walk| walk(engine, width)).collect()
}

const ENDS: [&str; 6] = ["Committed", "NotApplicable", "Refused", "Reverted", "Inconsistent", "Resolved"];

/// Whether the picture shows the way: along the order, past stages that may be left out, or aside.
fn is_drawn(from: &str, to: &str) -> bool {
    let begins =
        ["idle", "Committed", "NotApplicable"].contains(&from) && ["applies", "preflight"].contains(&to);
    let along = |order: &[&str]| {
        let place = |stage: &str| order.iter().position(|name| *name == stage);
        place(from).zip(place(to)).is_some_and(|(from, to)| {
            order.get(from + 1..to).is_some_and(|between| between.iter().all(|stage| SKIPPED.contains(stage)))
        })
    };
    let within = |drawn: &str, stage: &str| {
        drawn == stage
            || drawn == "forward" && FORWARD.contains(&stage)
            || drawn == "back" && BACK.contains(&stage)
    };
    let aside = ASIDE.iter().any(|arrow| within(arrow.from, from) && arrow.to == to);
    // Asked for where nothing was touched: it is said again that nothing was.
    let nothing = ["Refused", "NotApplicable"].contains(&from) && ["lowering", "ending"].contains(&to);
    let exhausted = from == "lowering" && ENDS.contains(&to);
    begins || along(&FORWARD) || along(&BACK) || aside || nothing || exhausted
}

#[expect(clippy::disallowed_methods, reason = "whoever measures mutants asks for the narrow walk here")]
fn width() -> Width {
    if std::env::vars_os().any(|(name, _)| name == "SWITCHBACK_NARROW_WALK") {
        Width::Narrow
    } else {
        Width::Whole
    }
}

#[test]
fn every_state_keeps_the_promises() {
    let mut all = Seen::default();
    let mut moved = BTreeSet::new();
    for walk in walks(Engine::REAL, width()) {
        println!("walking: {}", walk.name);
        let seen = match walk.run() {
            Ok(seen) => seen,
            Err(why) => panic!("{why}"),
        };
        println!("{:7} states {:7} edges {:7} crashes: {}", seen.states, seen.edges, seen.crashes, walk.name);
        moved.extend(walk.moved.take());
        all.states += seen.states;
        all.edges += seen.edges;
        all.crashes += seen.crashes;
        all.acts.extend(seen.acts);
        all.stages.extend(seen.stages);
        all.verdicts.extend(seen.verdicts);
    }
    println!("{:7} states {:7} edges {:7} crashes in all", all.states, all.edges, all.crashes);
    println!("acts: {:?}\nstages: {:?}", all.acts, all.stages);
    let acts: BTreeSet<String> = [
        "Open",
        "Judge",
        "AskGate",
        "Record",
        "Seal",
        "Arm",
        "ArmFirst",
        "Perform",
        "Wait",
        "Confirm",
        "Keep",
        "Disarm",
        "Choose",
        "CompareBoot",
        "EndChildren",
        "Undo",
        "Restore",
        "Quarantine",
    ]
    .map(str::to_owned)
    .into();
    assert_eq!(all.acts, acts, "every act is owed somewhere");
    let drawn: BTreeSet<&str> = FORWARD.into_iter().chain(BACK).chain(ENDS).collect();
    // Nothing stays in `sealed`: the fact that is owed there follows at once.
    let unseen: Vec<_> = drawn.difference(&all.stages).filter(|stage| **stage != "sealed").collect();
    println!("stages planned {}, visited {}; moves {}", drawn.len(), all.stages.len(), moved.len());
    assert!(unseen.iter().all(|stage| ["sealed", "ending"].contains(stage)), "never visited: {unseen:?}");
    // A person who looked at all that a damaged record may have told of settles it from wherever it breaks off.
    let settled = |to: &str| to == "Resolved";
    let undrawn: Vec<_> =
        moved.iter().filter(|(from, to)| from != to && !settled(to) && !is_drawn(from, to)).collect();
    assert!(undrawn.is_empty(), "not in the picture: {undrawn:?}");
    let verdicts =
        [Verdict::Committed, Verdict::Refused, Verdict::RolledBack, Verdict::Inconsistent, Verdict::Resolved];
    assert_eq!(all.verdicts, verdicts.into(), "every verdict is reached");
}
