//! A model of the machine: what each act may do to it, and what the world may say then.

use crate::kit::{checks_of, record, report};
use switchback::engine::{Action, Input};
use switchback::model::*;

/// What a thing holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum Content {
    /// As before the phase.
    #[default]
    Old,
    /// Neither.
    Half,
    /// As the phase wants it.
    New,
}

/// The things of one phase: one for each step with an undo of its own, one for each layer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Things {
    /// By `apply`, then `commit`.
    pub(crate) steps: [Vec<Content>; 2],
    /// By layer.
    pub(crate) layers: Vec<Content>,
}

impl Things {
    fn of(phase: &Phase) -> Self {
        Self {
            steps: [vec![Content::Old; phase.apply.len()], vec![Content::Old; phase.commit.len()]],
            layers: vec![Content::Old; phase.layers.len()],
        }
    }

    /// Whether all is as before the phase.
    pub(crate) fn all_old(&self) -> bool {
        self.steps.iter().flatten().chain(&self.layers).all(|content| *content == Content::Old)
    }
}

/// The machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Machine {
    /// By phase.
    pub(crate) things: Vec<Things>,
    /// A guard stands: of this runner, or of one before it.
    pub(crate) guard: bool,
    /// One stands behind the runner that acts now.
    pub(crate) behind: bool,
    /// How often it went down.
    pub(crate) boots: u8,
    /// A child of a step is alive.
    pub(crate) child: bool,
    /// The time.
    pub(crate) clock: i64,
    /// Generations opened so far.
    pub(crate) opened: u32,
}

/// One way in which an act may end.
pub(crate) struct Way {
    /// The machine afterwards.
    pub(crate) machine: Machine,
    /// What is said of it.
    pub(crate) input: Input,
    /// How much of the budget of faults it takes; 0 where all went well.
    pub(crate) fault: u8,
    /// How much of the budget of retries it takes.
    pub(crate) retry: u8,
}

impl Machine {
    /// A machine before the plan.
    pub(crate) fn new(plan: &Plan) -> Self {
        let things = plan.phases.iter().map(Things::of).collect();
        Self { things, guard: false, behind: false, boots: 0, child: false, clock: 0, opened: 0 }
    }

    /// What tells this boot from the others.
    pub(crate) fn boot(&self) -> Option<String> {
        Some(format!("boot {}", self.boots))
    }

    /// It goes down and comes up again.
    pub(crate) fn reboot(&mut self) {
        self.boots += 1;
        self.child = false;
    }

    /// Another process is at work now: the guard of the one before watches that one.
    pub(crate) fn handed_over(&mut self) {
        self.child = false;
        self.behind = false;
    }

    /// A person puts all of a phase right by hand.
    pub(crate) fn put_right(&mut self, plan: &Plan, at: usize) {
        if let (Some(things), Some(phase)) = (self.things.get_mut(at), plan.phases.get(at)) {
            *things = Things::of(phase);
        }
    }

    fn with(&self, change: impl FnOnce(&mut Self), input: Input, fault: u8) -> Way {
        let mut machine = self.clone();
        change(&mut machine);
        Way { machine, input, fault, retry: 0 }
    }

    fn says(&self, input: Input, fault: u8) -> Way {
        self.with(|_| {}, input, fault)
    }

    /// Every way in which an act may end. `at` is the place of the phase that is open.
    pub(crate) fn ways(&self, plan: &Plan, at: usize, action: &Action) -> Vec<Way> {
        let mut no_phase = None;
        let phase = plan.phases.get(at).unwrap_or_else(|| no_phase.insert(crate::kit::phase("none")));
        match action {
            Action::Open { .. } => {
                let opened = |machine: &mut Self| machine.opened += 1;
                let generation = GenerationNumber(self.opened + 1);
                let boot = self.boot();
                let input = Input::Opened { generation, boot, invoker: None, version: "0".into() };
                vec![self.with(opened, input, 0), self.says(Input::JournalLost("full".into()), 1)]
            }
            Action::Judge { moment } => self.judged(checks_of(phase, *moment)),
            Action::AskGate => {
                vec![self.says(Input::Answered(true), 0), self.says(Input::Answered(false), 1)]
            }
            Action::Record { .. } => {
                vec![
                    self.says(Input::Recorded(Ok(record())), 0),
                    self.says(Input::Recorded(Err("no".into())), 1),
                ]
            }
            Action::Seal => {
                vec![
                    self.says(Input::Sealed(Ok(Vec::new())), 0),
                    self.says(Input::Sealed(Err("no".into())), 1),
                ]
            }
            Action::Arm => vec![
                self.with(
                    |m| (m.guard, m.behind) = (true, true),
                    Input::Armed(Ok(Guarded::BY_THE_RUNNER)),
                    0,
                ),
                self.with(|m| m.guard = true, Input::Armed(Err("no".into())), 1),
                self.says(Input::Armed(Err("no".into())), 1),
            ],
            Action::ArmFirst { asked } => {
                let armed = |guarded| Input::ArmedFirst { guarded, asked: asked.clone() };
                vec![
                    self.with(|m| (m.guard, m.behind) = (true, true), armed(Ok(Guarded::BY_THE_RUNNER)), 0),
                    self.with(|m| m.guard = true, armed(Err("no".into())), 1),
                    self.says(armed(Err("no".into())), 1),
                ]
            }
            Action::Perform { part: Part::Rollback, .. } => vec![
                self.says(Input::Stepped(StepOutcome::Done), 0),
                self.says(Input::Stepped(StepOutcome::Broken("no".into())), 1),
            ],
            Action::Perform { part, step } => self.performed(phase, at, *part, *step),
            Action::Wait { until } => vec![self.with(|m| m.clock = until.0, Input::TimeReached, 0)],
            Action::Confirm { until } => vec![
                self.says(Input::KeptBy(Invoker { uid: 1, name: "ann".into() }), 0),
                self.says(Input::Answered(false), 1),
                self.with(|m| m.clock = until.0, Input::TimeReached, 1),
            ],
            Action::CompareBoot => vec![
                self.says(Input::BootCompared(Vec::new()), 0),
                self.says(Input::BootCompared(vec![Item::new("system", "the old one booted")]), 1),
            ],
            Action::Keep { layer } => vec![
                self.with(|m| m.things[at].layers[*layer] = Content::New, Input::Kept(Ok(())), 0),
                self.with(|m| m.things[at].layers[*layer] = Content::Half, Input::Kept(Err("no".into())), 1),
            ],
            Action::Disarm => vec![self.with(|m| (m.guard, m.behind) = (false, false), Input::Disarmed, 0)],
            Action::Choose { may_accept, .. } => {
                let mut again = self.says(Input::Chosen(Choice::Retry), 0);
                again.retry = 1;
                let mut ways = vec![
                    again,
                    self.says(Input::Chosen(Choice::Rollback), 0),
                    self.says(Input::Chosen(Choice::Pause), 0),
                ];
                let mut accept = self.says(Input::Chosen(Choice::Accept { reason: "known".into() }), 0);
                // What is not on offer may be asked for all the same.
                accept.retry = u8::from(!may_accept);
                ways.push(accept);
                ways
            }
            Action::EndChildren => {
                vec![self.with(
                    |m| m.child = false,
                    Input::ChildrenGone { left: Vec::new(), unseen: false },
                    0,
                )]
            }
            Action::Undo { part, step } => {
                let place = (*part as usize, *step);
                let with = |content: Content, outcome: StepOutcome, fault: u8| {
                    let change = |m: &mut Self| m.things[at].steps[place.0][place.1] = content;
                    self.with(change, Input::Stepped(outcome), fault)
                };
                vec![
                    with(Content::Old, StepOutcome::Done, 0),
                    with(Content::Half, StepOutcome::Failed(ProcessEnd::Exited(1)), 1),
                    with(Content::Half, StepOutcome::TimedOut(Span(1)), 1),
                ]
            }
            Action::Restore { layer } => {
                let restored = |failed| Input::Restored(Restored { changed: 1, failed });
                vec![
                    self.with(|m| m.things[at].layers[*layer] = Content::Old, restored(Vec::new()), 0),
                    self.says(restored(vec![Item::new(format!("layer {layer}"), "still there")]), 1),
                ]
            }
            Action::Quarantine { .. } => vec![self.says(Input::Quarantined, 0)],
            Action::Stop(_) => Vec::new(),
        }
    }

    /// All pass; each one otherwise; two of them otherwise; nothing reported. Warned and skipped are passed here.
    fn judged(&self, checks: &[Check]) -> Vec<Way> {
        let all = |other: &[(usize, Outcome)]| {
            let outcome = |at: usize| {
                other.iter().find(|(other, _)| *other == at).map_or(Outcome::Pass, |(_, outcome)| *outcome)
            };
            Input::Judged(checks.iter().enumerate().map(|(at, check)| report(check, outcome(at))).collect())
        };
        let mut ways = vec![self.says(all(&[]), 0)];
        for at in 0..checks.len() {
            for outcome in [Outcome::Fail, Outcome::Error, Outcome::Inconclusive] {
                ways.push(self.says(all(&[(at, outcome)]), 1));
            }
        }
        if checks.len() > 1 {
            ways.push(self.says(all(&[(0, Outcome::Fail), (1, Outcome::Error)]), 1));
            ways.push(self.says(all(&[(0, Outcome::Inconclusive), (1, Outcome::Fail)]), 1));
        }
        if !checks.is_empty() {
            ways.push(self.says(Input::Judged(Vec::new()), 1));
        }
        ways
    }

    fn performed(&self, phase: &Phase, at: usize, part: Part, step: usize) -> Vec<Way> {
        let undo = phase.steps(part).get(step).map(|step| &step.undo);
        let acts = |alive: bool, content: Content, input: Input, fault: u8| {
            let change = |m: &mut Self| {
                m.child = alive;
                match undo {
                    Some(StepUndo::Act(_)) => m.things[at].steps[part as usize][step] = content,
                    Some(StepUndo::Layer) => {
                        m.things[at].layers.iter_mut().for_each(|layer| *layer = content)
                    }
                    Some(StepUndo::None { .. } | StepUndo::NotNeeded) | None => {}
                }
            };
            self.with(change, input, fault)
        };
        let says = |outcome: StepOutcome| Input::Stepped(outcome);
        let failed = StepOutcome::Failed(ProcessEnd::Exited(1));
        // Where it is half there already, "nothing to do" means that somebody finished it.
        let mut there = self.says(says(StepOutcome::NotApplicable("there".into())), 1);
        let things = &mut there.machine.things[at];
        for content in things.steps[part as usize].get_mut(step).into_iter().chain(&mut things.layers) {
            if *content == Content::Half {
                *content = Content::New;
            }
        }
        vec![
            acts(false, Content::New, says(StepOutcome::Done), 0),
            acts(false, Content::Half, says(failed.clone()), 1),
            self.says(says(failed), 1),
            acts(false, Content::New, says(StepOutcome::TimedOut(Span(1))), 1),
            acts(true, Content::Half, says(StepOutcome::Interrupted), 1),
            self.says(says(StepOutcome::Declined), 1),
            self.says(says(StepOutcome::NotStarted("no".into())), 1),
            there,
            acts(true, Content::Half, Input::Nothing, 1),
        ]
    }
}
