//! The kill table: at every boundary of a phase something is killed, fails or hangs, once or for ever, and the journal that
//! comes of it is written down to the fact (`tests/golden/kills.txt`; `UPDATE_GOLDEN=1` writes it).
//!
//! Nothing is killed for real here: the core of the product runs on a scripted machine, and of a killed runner remains what
//! its journal holds, written and read back as the store writes and reads it. Real kills are the sweep's and the lab's.

use crate::kit::{check, layer, own, phase, plan, report, step};
use crate::machine::{Machine, Way};
use crate::mutants::{Decide, FAULTS as ENGINES};
use crate::plans::Told;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use switchback::engine::{Action, Ended, Heard, Input, decide};
use switchback::model::*;

/// A fault that never ends is met so often; then whoever started it gives up.
const FOR_EVER: u32 = 6;

/// How the phase would go if nothing were killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scene {
    /// All passes, and somebody says keep.
    Kept,
    /// All passes, and nobody says keep.
    Silence,
    /// A check fails.
    Fails,
    /// A step fails.
    Breaks,
    /// A commit step fails.
    CommitBreaks,
    /// A person goes back from what is committed.
    Back,
}

const SCENES: [Scene; 6] =
    [Scene::Kept, Scene::Silence, Scene::Fails, Scene::Breaks, Scene::CommitBreaks, Scene::Back];

/// What happens at the boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The runner is killed before its facts are durable.
    KillBefore,
    /// The runner is killed when half of its facts are durable.
    KillWithin,
    /// The runner is killed when its facts are durable, before the act.
    KillAfter,
    /// The runner is killed after the act, before its end is recorded.
    KillDone,
    /// The act fails.
    Error,
    /// The act never ends: its time is up, or the guard ends the runner and goes back.
    Hang,
}

/// Said of a row whose act has no way of failing: it is not in the table.
const CANNOT: &str = "it cannot fail";

const FAULTS: [Fault; 6] =
    [Fault::KillBefore, Fault::KillWithin, Fault::KillAfter, Fault::KillDone, Fault::Error, Fault::Hang];

/// One line of the table.
#[derive(Debug, Clone, Copy)]
struct Row {
    scene: Scene,
    /// The decision, from 0, at which it happens.
    at: usize,
    fault: Fault,
    for_ever: bool,
    /// Whoever comes after a kill goes back, and does not go on.
    back: bool,
}

/// What one ride came to.
struct Ride {
    told: Told,
    /// The act of each decision of the first life, in words.
    acts: Vec<String>,
    /// How often the fault was met.
    met: u32,
    end: String,
}

fn the_plan() -> Plan {
    let mut one = phase("one");
    one.preflight = vec![check("p", Severity::Fail)];
    one.layers = vec![layer()];
    one.apply = vec![step("a", own()), step("b", StepUndo::Layer)];
    one.validate = vec![check("v", Severity::Fail)];
    one.confirm = Some(Span(7));
    one.commit = vec![step("c", own())];
    one.rollback = vec![step("r", StepUndo::NotNeeded)];
    one.on =
        OnOutcome { fail: Reaction::Rollback, inconclusive: Reaction::Rollback, error: Reaction::Rollback };
    plan(vec![one])
}

/// The same act in another life has the same name.
fn name_of(action: &Action) -> String {
    match action {
        Action::Perform { part, step } => format!("{part:?} {step}").to_lowercase(),
        Action::Undo { part, step } => format!("undo {part:?} {step}").to_lowercase(),
        Action::Judge { moment } => format!("judge {moment:?}").to_lowercase(),
        Action::Record { layer } => format!("record {layer}"),
        Action::Restore { layer } => format!("restore {layer}"),
        Action::Keep { layer } => format!("keep {layer}"),
        Action::Wait { .. } => "wait".to_owned(),
        Action::Confirm { .. } => "confirm".to_owned(),
        Action::Quarantine { .. } => "quarantine".to_owned(),
        Action::Choose { .. } => "choose".to_owned(),
        Action::Stop(_) => "stop".to_owned(),
        Action::Open { .. } => "open".to_owned(),
        Action::AskGate => "gate".to_owned(),
        Action::Seal => "seal".to_owned(),
        Action::Arm => "arm".to_owned(),
        Action::ArmFirst { .. } => "arm first".to_owned(),
        Action::Disarm => "disarm".to_owned(),
        Action::CompareBoot => "compare boot".to_owned(),
        Action::EndChildren => "end children".to_owned(),
    }
}

/// How an act ends where nothing interferes.
fn usual(scene: Scene, action: &Action, mut ways: Vec<Way>) -> Way {
    let nth = match (scene, action) {
        (Scene::Silence, Action::Confirm { .. }) => {
            ways.iter().position(|way| way.input == Input::TimeReached)
        }
        (Scene::Fails, Action::Judge { moment: Moment::Validate })
        | (Scene::Breaks, Action::Perform { part: Part::Apply, step: 1 })
        | (Scene::CommitBreaks, Action::Perform { part: Part::Commit, .. }) => {
            ways.iter().position(|way| way.fault > 0)
        }
        // Unattended nobody is asked; whoever is asked all the same goes back.
        (_, Action::Choose { .. }) => Some(1),
        _ => None,
    };
    ways.swap_remove(nth.unwrap_or(0))
}

/// How an act ends that fails; nothing where it cannot.
fn failing(mut ways: Vec<Way>) -> Option<Way> {
    let nth = ways.iter().position(|way| way.fault > 0)?;
    Some(ways.swap_remove(nth))
}

/// How an act ends whose time is up; nothing where only the guard ends it.
fn timed_out(machine: &Machine, phase: &Phase, action: &Action, ways: Vec<Way>) -> Option<Way> {
    let over = |input: &Input| matches!(input, Input::Stepped(StepOutcome::TimedOut(_)) | Input::TimeReached);
    let way = |input| Way { machine: machine.clone(), input, fault: 1, retry: 0 };
    match action {
        Action::Perform { part: Part::Rollback, .. } => {
            Some(way(Input::Stepped(StepOutcome::TimedOut(Span(1)))))
        }
        Action::Perform { .. } | Action::Undo { .. } | Action::Confirm { .. } => {
            ways.into_iter().find(|way| over(&way.input))
        }
        Action::Judge { moment } => {
            let checks = crate::kit::checks_of(phase, *moment);
            let judged = checks.iter().map(|check| report(check, Outcome::Error)).collect();
            Some(way(Input::Judged(judged)))
        }
        _ => None,
    }
}

/// The journal as the store would give it back.
fn written_and_read(journal: &mut Vec<Event>) {
    for event in journal {
        let line = serde_json::to_string(event).expect("a fact can be written");
        *event = serde_json::from_str(&line).expect("a written fact can be read");
    }
}

/// Rides a scene through, with the fault of a row where there is one.
fn ride(scene: Scene, row: Option<&Row>) -> Ride {
    ride_with(decide, scene, row)
}

/// The same with another engine.
fn ride_with(decide: Decide, scene: Scene, row: Option<&Row>) -> Ride {
    let mut told = Told::new(the_plan(), Guidance::Unattended);
    let mut input = Input::Begin;
    if scene == Scene::Back {
        // What is committed stands already; the table is about the way back from it.
        let kept = ride_with(decide, Scene::Kept, None);
        told = kept.told;
        told.crash();
        input = Input::RollbackAsked { boot: None };
    }
    let mut ride = Ride { told, acts: Vec::new(), met: 0, end: String::new() };
    let mut struck: Option<String> = None;
    for nth in 0..500 {
        let told = &mut ride.told;
        let now = Timestamp(told.machine.clock);
        let made = decide(&told.plan, &told.state, &input, Heard::Nothing, now);
        let name = name_of(&made.action);
        if row.is_none() {
            ride.acts.push(name.clone());
        }
        let fault = row.filter(|row| match &struck {
            None => row.at == nth,
            Some(act) => row.for_ever && ride.met < FOR_EVER && *act == name,
        });
        if fault.is_some() {
            ride.met += 1;
            struck = Some(name);
        }
        let kept = match fault.map(|row| row.fault) {
            Some(Fault::KillBefore) => 0,
            Some(Fault::KillWithin) => made.events.len() / 2,
            Some(Fault::KillAfter | Fault::KillDone | Fault::Error | Fault::Hang) | None => made.events.len(),
        };
        told.learn(&made.events[..kept]);
        let phase = told.plan.phases[0].clone();
        let ways = |told: &Told| told.machine.ways(&told.plan, told.story.phase.unwrap_or(0), &made.action);
        let mut guard_goes_back = false;
        let way = match fault.map(|row| row.fault) {
            None => None,
            Some(Fault::KillBefore | Fault::KillWithin | Fault::KillAfter) => Some(None),
            Some(Fault::KillDone) => {
                let all = ways(told);
                if !all.is_empty() {
                    told.machine = usual(scene, &made.action, all).machine;
                }
                Some(None)
            }
            Some(Fault::Error) => match failing(ways(told)) {
                Some(way) => Some(Some(way)),
                None => {
                    CANNOT.clone_into(&mut ride.end);
                    return ride;
                }
            },
            Some(Fault::Hang) => {
                let over = timed_out(&told.machine, &phase, &made.action, ways(told));
                guard_goes_back = over.is_none();
                Some(over)
            }
        };
        input = match way {
            Some(None) => {
                written_and_read(&mut told.journal);
                if told.journal.is_empty() {
                    ride.end = "nothing had begun".to_owned();
                    return ride;
                }
                told.crash();
                let gives_up = ride.met >= FOR_EVER;
                if guard_goes_back || gives_up || row.is_some_and(|row| row.back) {
                    Input::RollbackAsked { boot: None }
                } else {
                    Input::Resumed { boot: None, guidance: Guidance::Unattended }
                }
            }
            Some(Some(way)) => {
                told.machine = way.machine;
                way.input
            }
            None => {
                told.story
                    .allows(&told.plan, &told.machine, &made.action, Heard::Nothing)
                    .unwrap_or_else(|why| panic!("{row:?}: {why}: {:?}", made.action));
                if let Action::Stop(ended) = &made.action {
                    ride.end = match ended {
                        Ended::Finished(verdict) => format!("{verdict:?}").to_lowercase(),
                        Ended::Paused(_) => "paused".to_owned(),
                        Ended::AwaitingReboot => "awaits a reboot".to_owned(),
                    };
                    return ride;
                }
                let way = usual(scene, &made.action, ways(told));
                told.machine = way.machine;
                way.input
            }
        };
    }
    panic!("{row:?} does not end: {}", facts(&ride.told.journal, 0));
}

/// The facts from one on, by name, with what tells two of a name apart.
fn facts(journal: &[Event], from: usize) -> String {
    let mut text = String::new();
    for event in &journal[from..] {
        let line = serde_json::to_value(event).expect("a fact can be written");
        let of = &line["of"];
        let _ = write!(text, " {}", line["fact"].as_str().unwrap_or("?"));
        let words = ["part", "step", "layer", "moment", "end", "verdict", "toward"];
        let mut said: Vec<String> = words
            .iter()
            .filter_map(|word| of.get(word))
            .map(|value| value.as_str().map_or(value.to_string(), str::to_owned))
            .collect();
        match of.get("outcome") {
            Some(outcome) if outcome.is_string() => {
                said.push(outcome.as_str().unwrap_or_default().to_owned())
            }
            Some(outcome) => {
                said.extend(outcome.as_object().into_iter().flatten().map(|(name, _)| name.clone()))
            }
            None => {}
        }
        if !said.is_empty() {
            let _ = write!(text, "({})", said.join(","));
        }
    }
    text
}

/// How many facts two journals have in common at their beginning.
fn common(one: &[Event], other: &[Event]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// The table as it was written down.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/kills.txt");

/// Every row that there is. What scenes have in common at their beginning is in the table once.
fn table() -> Vec<(Row, String)> {
    let mut rows = Vec::new();
    let kept = ride(Scene::Kept, None);
    for scene in SCENES {
        let unharmed = ride(scene, None);
        let first = match scene {
            Scene::Kept | Scene::Back => 0,
            _ => {
                let both = unharmed.acts.iter().zip(&kept.acts);
                both.take_while(|(one, other)| one == other).count().saturating_sub(1)
            }
        };
        for (at, act) in unharmed.acts.iter().enumerate().skip(first) {
            for fault in FAULTS {
                for for_ever in [false, true] {
                    for back in [false, true] {
                        let killed = !matches!(fault, Fault::Error);
                        // Who comes afterwards matters only where there was a kill.
                        let row = Row { scene, at, fault, for_ever, back };
                        if (killed || !back) && ride(scene, Some(&row)).end != CANNOT {
                            rows.push((row, act.clone()));
                        }
                    }
                }
            }
        }
    }
    rows
}

/// A row as it is written down.
fn line(row: &Row, act: &str, unharmed: &[Ride], ridden: &Ride) -> String {
    let plain = &unharmed[SCENES.iter().position(|scene| *scene == row.scene).unwrap_or(0)];
    let same = common(&plain.told.journal, &ridden.told.journal);
    let Row { scene, at, fault, for_ever, back } = row;
    let often = if *for_ever { "for ever" } else { "once" };
    let then = match (fault, back) {
        (Fault::Error, _) => "",
        (_, true) => ", then rollback",
        (_, false) => ", then resume",
    };
    format!(
        "{scene:?} {at:02} {act}: {fault:?} {often}{then} => {}, met {}; {same}+{}",
        ridden.end,
        ridden.met,
        facts(&ridden.told.journal, same)
    )
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the tests' own environment")]
fn every_boundary_ends_as_the_table_says() {
    let rows = table();
    let unharmed: Vec<Ride> = SCENES.iter().map(|scene| ride(*scene, None)).collect();
    let mut lines = BTreeSet::new();
    let mut text = String::new();
    for (scene, ride) in SCENES.iter().zip(&unharmed) {
        let _ = writeln!(text, "{scene:?} unharmed: {};{}", ride.end, facts(&ride.told.journal, 0));
    }
    let mut executed = 0;
    for (row, act) in &rows {
        let ridden = ride(row.scene, Some(row));
        assert!(ridden.met > 0, "{row:?} was never met");
        executed += 1;
        let things = &ridden.told.machine.things[0];
        let old = things.all_old();
        let named = ridden.told.journal.iter().any(|event| {
            matches!(event, Event::PhaseEnded { end: PhaseEnd::Inconsistent, items, .. } if !items.is_empty())
        });
        match ridden.end.as_str() {
            "committed" => assert!(!old, "{row:?}: committed, and all is old"),
            "rolledback" | "refused" | "nothing had begun" => {
                assert!(old, "{row:?}: {}, {things:?}", ridden.end)
            }
            "inconsistent" => assert!(named, "{row:?}: inconsistent, and nothing is named"),
            "paused" => {}
            other => panic!("{row:?} ends with {other:?}"),
        }
        let line = line(row, act, &unharmed, &ridden);
        assert!(lines.insert(line.clone()), "two rows are one: {line}");
        let _ = writeln!(text, "{line}");
    }
    println!("kill table: {} rows planned, {executed} executed", rows.len());
    assert!(executed >= 500 && executed == rows.len(), "{executed} of {} rows", rows.len());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(GOLDEN, &text).expect("the table can be written");
    }
    let kept = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    for (kept, now) in kept.lines().zip(text.lines()) {
        assert_eq!(kept, now, "UPDATE_GOLDEN=1 writes the table");
    }
    assert_eq!(kept.lines().count(), text.lines().count(), "UPDATE_GOLDEN=1 writes the table");
}

/// Engines with a fault that the table must show, by what they do otherwise.
const PLANTED: [&str; 10] = [
    "act without intent",
    "undo without intent",
    "disarm before commit",
    "children left alive",
    "restore skipped",
    "undo skipped",
    "guard not armed",
    "always committed",
    "silence confirms",
    "crash forgotten",
];

/// The first row of the table that such an engine does not keep; nothing where it keeps all of them.
fn first_other_row(engine: Decide, rows: &[(Row, String)], kept: &BTreeSet<&str>) -> Option<String> {
    // A ride that breaks a promise on its way panics; that is a catch as well.
    let ride = |scene, row| {
        let ridden = std::panic::AssertUnwindSafe(|| ride_with(engine, scene, row));
        std::panic::catch_unwind(ridden).map_err(|why| {
            let said = why.downcast_ref::<String>().cloned();
            said.unwrap_or_else(|| "a promise is broken".to_owned())
        })
    };
    let unharmed: Vec<Ride> = match SCENES.iter().map(|scene| ride(*scene, None)).collect() {
        Ok(unharmed) => unharmed,
        Err(why) => return Some(format!("unharmed: {why}")),
    };
    rows.iter().find_map(|(row, act)| match ride(row.scene, Some(row)) {
        Ok(ridden) => {
            let line = line(row, act, &unharmed, &ridden);
            (!kept.contains(line.as_str())).then_some(line)
        }
        Err(why) => Some(format!("{row:?}: {why}")),
    })
}

#[test]
fn every_planted_fault_changes_the_table() {
    let rows = table();
    let text = std::fs::read_to_string(GOLDEN).expect("the table is there");
    let kept: BTreeSet<&str> = text.lines().collect();
    assert_eq!(first_other_row(decide, &rows, &kept), None, "the real engine keeps the table");
    let mut missed = Vec::new();
    for name in PLANTED {
        let fault = ENGINES.iter().find(|(known, _)| *known == name);
        let (_, engine) = fault.unwrap_or_else(|| panic!("no fault {name}"));
        match first_other_row(*engine, &rows, &kept) {
            Some(row) => println!("{name}: {}", row.lines().next().unwrap_or_default()),
            None => missed.push(name),
        }
    }
    println!("kill table: {} planted faults, {} caught", PLANTED.len(), PLANTED.len() - missed.len());
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
