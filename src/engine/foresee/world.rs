//! What the world may say to each act: one row for each way in which it can end. A new act or a new word of the world is a
//! row here.

use crate::engine::act::{Action, Input};
use crate::engine::choose::{checks_of, may_accept};
use crate::model::{
    Act, Cause, Check, CheckReport, Choice, Deed, Digest, GenerationNumber, Guarded, Held, Item, LayerRecord,
    Moment, Outcome, Part, Phase, ProcessEnd, Reaction, Restored, Severity, Span, Step, StepOutcome,
    Timestamp, Weight,
};

/// One way in which an act may end.
pub(super) struct Way {
    /// What is said of it.
    pub(super) input: Input,
    /// What is to be told of it; nothing where all went well.
    pub(super) deed: Option<Deed>,
    /// How many things of those that may go wrong it takes.
    pub(super) wrong: u8,
    /// How many tries of a person it takes.
    pub(super) retry: u8,
    /// How many ways are like it.
    pub(super) alike: u128,
    /// The time afterwards, where it passed.
    pub(super) until: Option<Timestamp>,
}

impl Way {
    fn well(input: Input) -> Self {
        Self { input, deed: None, wrong: 0, retry: 0, alike: 1, until: None }
    }

    fn ill(input: Input, deed: Deed) -> Self {
        Self { deed: Some(deed), wrong: 1, ..Self::well(input) }
    }

    fn alike(self, alike: usize) -> Self {
        Self { alike: u128::try_from(alike).unwrap_or(1), ..self }
    }
}

/// How fine the ways of a step are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grain {
    /// What the engine treats alike is one way with a count.
    Coarse,
    /// Each for itself.
    #[cfg(test)]
    Fine,
}

/// A phase in which checks of the same weight stand for each other: the first of each, and how many there are.
pub(super) struct Phased {
    /// The phase, with these checks alone.
    pub(super) phase: Phase,
    preflight: Vec<usize>,
    validate: Vec<usize>,
}

impl Phased {
    pub(super) fn new(phase: &Phase, grain: Grain) -> Self {
        let (mut phase, whole) = (phase.clone(), phase);
        let (preflight, numbers) = representatives(&whole.preflight, grain);
        phase.preflight = preflight;
        let (validate, others) = representatives(&whole.validate, grain);
        phase.validate = validate;
        Self { phase, preflight: numbers, validate: others }
    }

    fn number(&self, moment: Moment, at: usize) -> usize {
        let of = match moment {
            Moment::Applies => return 1,
            Moment::Preflight => &self.preflight,
            Moment::Baseline | Moment::Validate | Moment::Reprobe => &self.validate,
        };
        of.get(at).copied().unwrap_or(1)
    }
}

fn representatives(checks: &[Check], grain: Grain) -> (Vec<Check>, Vec<usize>) {
    match grain {
        Grain::Coarse => {}
        #[cfg(test)]
        Grain::Fine => return (checks.to_vec(), vec![1; checks.len()]),
    }
    let (mut first, mut numbers): (Vec<Check>, Vec<usize>) = (Vec::new(), Vec::new());
    for check in checks {
        let alike = |other: &Check| is_critical(other) == is_critical(check);
        match first.iter().position(alike) {
            Some(at) => numbers.iter_mut().skip(at).take(1).for_each(|number| *number += 1),
            None => {
                first.push(check.clone());
                numbers.push(1);
            }
        }
    }
    (first, numbers)
}

fn is_critical(check: &Check) -> bool {
    check.severity == Severity::Critical
}

/// Every way in which an act may end.
pub(super) fn ways(phased: &Phased, action: &Action, opened: u32, grain: Grain) -> Vec<Way> {
    let phase = &phased.phase;
    let no = || "no".to_owned();
    match action {
        Action::Open { .. } => {
            let generation = GenerationNumber(opened + 1);
            let input =
                Input::Opened { generation, boot: Some(boot(0)), invoker: None, version: String::new() };
            vec![Way::well(input), Way::ill(Input::JournalLost(no()), Deed::NotOpened)]
        }
        Action::Judge { moment } => judged(phased, *moment),
        Action::AskGate => {
            vec![Way::well(Input::Answered(true)), Way::ill(Input::Answered(false), Deed::GateClosed)]
        }
        Action::Record { layer } => phase.layers.get(*layer).map_or_else(Vec::new, |spec| {
            let record = LayerRecord {
                kind: spec.kind(),
                target: String::new(),
                manifest: String::new(),
                sha256: Digest(String::new()),
            };
            let ill = Way::ill(Input::Recorded(Err(no())), Deed::NotRecorded(spec.kind()));
            vec![Way::well(Input::Recorded(Ok(record))), ill]
        }),
        Action::Seal => vec![
            Way::well(Input::Sealed(Ok(Vec::new()))),
            Way::ill(Input::Sealed(Err(no())), Deed::NotSealed),
        ],
        Action::Arm => vec![
            Way::well(Input::Armed(Ok(Guarded::BY_THE_RUNNER))),
            Way::ill(Input::Armed(Err(no())), Deed::NotArmed),
        ],
        Action::ArmFirst { asked } => {
            let armed = |guarded| Input::ArmedFirst { guarded, asked: asked.clone() };
            vec![Way::well(armed(Ok(Guarded::BY_THE_RUNNER))), Way::ill(armed(Err(no())), Deed::NotArmed)]
        }
        Action::Perform { part, step } => {
            phase.steps(*part).get(*step).map_or_else(Vec::new, |step| performed(*part, step, grain))
        }
        Action::Wait { until } => vec![Way { until: Some(*until), ..Way::well(Input::TimeReached) }],
        Action::Confirm { until } => vec![
            Way::well(Input::Answered(true)),
            Way::ill(Input::Answered(false), Deed::NotKeptByPerson),
            Way { until: Some(*until), ..Way::ill(Input::TimeReached, Deed::Silence) },
        ],
        Action::CompareBoot => {
            let wrong = vec![Item::new("what booted", "it is not what the phase had prepared")];
            vec![
                Way::well(Input::BootCompared(Vec::new())),
                Way::ill(Input::BootCompared(wrong), Deed::WrongBoot),
            ]
        }
        Action::Keep { layer } => phase.layers.get(*layer).map_or_else(Vec::new, |spec| {
            let ill = Way::ill(Input::Kept(Err(no())), Deed::NotKept(spec.kind()));
            vec![Way::well(Input::Kept(Ok(()))), ill]
        }),
        Action::Disarm => vec![Way::well(Input::Disarmed)],
        Action::Choose { may_accept, .. } => chosen(*may_accept),
        Action::EndChildren => vec![Way::well(Input::ChildrenGone { left: Vec::new(), unseen: false })],
        Action::Undo { part, step } => {
            phase.steps(*part).get(*step).map_or_else(Vec::new, |step| undone(*part, step, grain))
        }
        Action::Restore { layer } => phase.layers.get(*layer).map_or_else(Vec::new, |spec| {
            let restored = |failed| Input::Restored(Restored { changed: 0, failed });
            let item = Item::new(format!("layer {}", spec.kind()), "it could not be restored");
            let ill = Way::ill(restored(vec![item]), Deed::NotRestored(spec.kind()));
            vec![Way::well(restored(Vec::new())), ill]
        }),
        Action::Quarantine { .. } => vec![Way::well(Input::Quarantined)],
        Action::Stop(_) => Vec::new(),
    }
}

/// What may become of a committed phase that soaks.
pub(super) fn soak_failed(phase: &Phase) -> Option<(Input, Deed)> {
    phase.soak?;
    let checks = phase.validate.first().map(|check| vec![check.id.clone()])?;
    let cause = Cause::ChecksFailed(checks);
    let input = match phase.on.fail {
        Reaction::Pause => Input::SoakHeld(Held { since: Timestamp(0), cause, found: Vec::new() }),
        Reaction::Continue if may_accept(phase, Moment::Validate, &cause) => return None,
        Reaction::Continue | Reaction::Rollback => Input::SoakFailed { cause, boot: Some(boot(0)) },
    };
    Some((input, Deed::SoakFailed))
}

/// A boot id, by number.
pub(super) fn boot(number: u32) -> String {
    format!("boot-{number}")
}

fn chosen(may_accept: bool) -> Vec<Way> {
    let says = |choice: Choice, retry: u8| Way {
        retry,
        deed: Some(Deed::Chosen(choice.clone())),
        ..Way::well(Input::Chosen(choice))
    };
    let mut ways = vec![says(Choice::Rollback, 0), says(Choice::Pause, 0), says(Choice::Retry, 1)];
    if may_accept {
        ways.push(says(Choice::Accept { reason: "known".to_owned() }, 0));
    }
    ways
}

/// All hold; each kind of check otherwise, in each way.
fn judged(phased: &Phased, moment: Moment) -> Vec<Way> {
    let checks = checks_of(&phased.phase, moment);
    let all = |ill: Option<(usize, Outcome)>| {
        let outcome = |at: usize| ill.filter(|(which, _)| *which == at).map_or(Outcome::Pass, |(_, it)| it);
        Input::Judged(checks.iter().enumerate().map(|(at, check)| report(check, outcome(at))).collect())
    };
    let mut ways = vec![Way::well(all(None))];
    for (at, check) in checks.iter().enumerate() {
        let of = phased.number(moment, at);
        for outcome in [Outcome::Fail, Outcome::Error, Outcome::Inconclusive] {
            let (check, critical) = (check.id.clone(), is_critical(check));
            let deed = Deed::Check { moment, check, of, critical, outcome };
            ways.push(Way::ill(all(Some((at, outcome))), deed).alike(of));
        }
    }
    ways
}

fn report(check: &Check, outcome: Outcome) -> CheckReport {
    CheckReport {
        check: check.id.clone(),
        title: None,
        outcome,
        weight: Weight::Counts,
        severity: check.severity,
        reasons: Vec::new(),
        observed: None,
        hint: None,
        took: Span::ZERO,
    }
}

fn failed() -> StepOutcome {
    StepOutcome::Failed(ProcessEnd::Exited(1))
}

/// In how many ways an act ends badly after it began, and how each is told.
fn bad_ends(
    act: &Act,
    #[cfg_attr(not(test), expect(unused_variables, reason = "told apart in tests"))] timeout: Span,
    grain: Grain,
) -> Vec<(StepOutcome, usize)> {
    match act {
        Act::Run(_) | Act::Shell { .. } => match grain {
            Grain::Coarse => vec![(failed(), 2)],
            #[cfg(test)]
            Grain::Fine => vec![(failed(), 1), (StepOutcome::TimedOut(timeout), 1)],
        },
        Act::Install { .. } | Act::Set { .. } => {
            vec![(StepOutcome::Broken("it cannot be written".to_owned()), 1)]
        }
        Act::Ask { .. } => vec![(StepOutcome::Declined, 1)],
        // The machine does not go down.
        Act::Reboot { .. } => vec![(failed(), 1)],
    }
}

fn performed(part: Part, step: &Step, grain: Grain) -> Vec<Way> {
    let says = |outcome: StepOutcome| {
        let deed = Deed::Step { part, step: step.id.clone(), outcome: outcome.clone() };
        Way::ill(Input::Stepped(outcome), deed)
    };
    let mut ways = vec![Way::well(Input::Stepped(StepOutcome::Done))];
    ways.extend(bad_ends(&step.act, step.timeout, grain).into_iter().map(|(end, of)| says(end).alike(of)));
    ways.push(says(StepOutcome::NotStarted("it cannot be started".to_owned())));
    if step.when.is_some() {
        // That is no trouble, but another way.
        let skipped = says(StepOutcome::NotApplicable(String::new()));
        ways.push(Way { wrong: 0, ..skipped });
    }
    ways
}

fn undone(part: Part, step: &Step, grain: Grain) -> Vec<Way> {
    let crate::model::StepUndo::Act(act) = &step.undo else {
        return vec![Way::well(Input::Stepped(StepOutcome::Done))];
    };
    let says = |outcome: StepOutcome| {
        let deed = Deed::Undo { part, step: step.id.clone(), outcome: outcome.clone() };
        Way::ill(Input::Stepped(outcome), deed)
    };
    let mut ways = vec![Way::well(Input::Stepped(StepOutcome::Done))];
    let timeout = step.undo_timeout.unwrap_or(step.timeout);
    ways.extend(bad_ends(act, timeout, grain).into_iter().map(|(end, of)| says(end).alike(of)));
    ways.push(says(StepOutcome::NotStarted("it cannot be started".to_owned())));
    ways
}
