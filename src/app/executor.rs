//! Every act the engine can owe, carried out. It cannot fail: every way of failing is an input.

use super::acts::{Acted, Hands, RunTime};
use super::asking::{ask, asked};
use super::deadline::Deadline;
use super::evidence::{moment_word, of_trouble, part_word};
use super::filled::{filled_check, filled_question};
use super::front::Front;
use super::session::{Session, in_full};
use super::underway::Underway;
use super::undo_page::{command_of, undo_page};
use super::watch::{BackWatch, BreakOff, Desk, StepWatch};
use super::{printed, questions};
use crate::check::{self, CheckWatch, LookCx};
use crate::engine::{Action, Heard, Input, RunState};
use crate::layer::{LayerCx, layer_for};
use crate::model::{
    Cause, Check, CheckReport, Choice, Invoker, Item, Moment, Notice, Outcome, Part, Phase, Plan,
    QuarantineLine, Restored, Span, Step, StepOutcome, StepUndo, Timestamp, Toward, WAITS, Weight,
    with_run_time,
};
use crate::prompt::{Chosen, Kept, Operator, Reply, Trouble};
use crate::report::{self, Style};
use crate::system::process::{Crew, News};
use crate::system::{below, clock, process};
use std::collections::BTreeMap;
use std::time::Duration;

impl Session<'_> {
    pub(super) fn carry_out(&mut self, plan: &Plan, state: &RunState, action: &Action) -> Input {
        if let Action::Open { .. } = action {
            return self.open_generation();
        }
        let Some(phase) = state.phase().and_then(|id| plan.phase(id)) else {
            return Input::JournalLost("no phase is open".to_owned());
        };
        if let Some(guard) = &mut self.front.guard {
            guard.look();
        }
        match action {
            Action::Open { .. } | Action::Stop(_) => Input::Nothing,
            Action::Judge { moment } => self.judge(phase, *moment),
            Action::AskGate => self.ask_gate(phase),
            Action::Record { layer } => Input::Recorded(self.record_layer(phase, *layer)),
            Action::Seal => Input::Sealed(self.seal(state, phase)),
            Action::Arm => {
                let toward = if state.going_back() { Toward::Back } else { Toward::On };
                Input::Armed(self.arm(phase, toward))
            }
            Action::ArmFirst { asked } => {
                Input::ArmedFirst { guarded: self.arm(phase, Toward::Back), asked: asked.clone() }
            }
            Action::Perform { part, step } => self.perform_step(phase, *part, *step),
            Action::Wait { until } => self.wait(*until, phase.settle, Waits::ForTime),
            Action::Confirm { until } => self.confirm(phase, *until),
            Action::CompareBoot => Input::BootCompared(self.compare_boot(phase)),
            Action::Keep { layer } => Input::Kept(self.keep(phase, *layer)),
            Action::Disarm => {
                self.disarm();
                Input::Disarmed
            }
            Action::Choose { cause, may_accept } => self.choose(cause, *may_accept),
            Action::EndChildren => {
                self.turn_around(phase);
                Input::ChildrenGone { left: end_children(), unseen: process::unseen() }
            }
            Action::Undo { part, step } => self.undo_step(phase, *part, *step),
            Action::Restore { layer } => Input::Restored(self.restore(phase, *layer)),
            Action::Quarantine { cause } => self.quarantine(state, cause),
        }
    }

    fn open_generation(&mut self) -> Input {
        let opened = self.folder.open_generation(&self.approved).and_then(|capsule| {
            let generation = capsule.number();
            self.opened(capsule)?;
            Ok(generation)
        });
        match opened {
            Ok(generation) => {
                let who = &self.host.invoker;
                Input::Opened {
                    generation,
                    boot: self.host.boot_id.clone(),
                    invoker: Some(Invoker { uid: who.ids.uid, name: who.name.clone() }),
                    version: self.version.clone(),
                }
            }
            Err(why) => {
                let why = in_full(&why);
                self.not_begun.get_or_insert_with(|| why.clone());
                Input::JournalLost(why)
            }
        }
    }

    fn ask_gate(&mut self, phase: &Phase) -> Input {
        let question = asked(report::question::gate(phase, &self.style));
        match ask(&mut self.front, |operator| operator.gate(&question), self.operator) {
            Reply::Yes => Input::Answered(true),
            Reply::No => Input::Answered(false),
            Reply::Nobody => {
                self.front.stop_for_lack_of_anybody();
                Input::Nothing
            }
            Reply::Interrupted => Input::Nothing,
        }
    }

    fn judge(&mut self, phase: &Phase, moment: Moment) -> Input {
        let checks: &[Check] = match moment {
            Moment::Applies => phase.applies_if.as_slice(),
            Moment::Preflight => &phase.preflight,
            Moment::Baseline | Moment::Validate | Moment::Reprobe => &phase.validate,
        };
        let (mut checks, unasked) = match moment {
            Moment::Baseline | Moment::Reprobe => questions::put_aside(checks),
            Moment::Applies | Moment::Preflight | Moment::Validate => (checks.to_vec(), Vec::new()),
        };
        if moment == Moment::Baseline {
            // One look: what is broken before the phase must not make it wait.
            checks = checks.iter().map(Check::once).collect();
        }
        if moment == Moment::Reprobe {
            // What was not good before need not become good: nobody waits for that.
            let as_before =
                |check: &Check| if self.recall.was_good(&check.id) { check.clone() } else { check.once() };
            checks = checks.iter().map(as_before).collect();
        }
        let mut reports = if below::withheld().is_some() {
            checks.iter().map(waiting).collect()
        } else {
            self.look(&checks, moment)
        };
        if self.front.heard() == Heard::Twice && moment != Moment::Reprobe {
            return Input::Nothing;
        }
        if moment == Moment::Baseline {
            // Compared with itself, a baseline says what the way back must give again.
            let today = clock::today();
            for (check, report) in checks.iter().zip(&mut reports) {
                let Some(seen) = report.observed.clone() else { continue };
                let judged = check::judge(check, &Ok(seen.clone()), Some(&seen), &today);
                report.outcome = judged.outcome;
                report.weight = judged.weight;
                report.reasons = judged.reasons;
            }
        }
        for (at, report) in unasked {
            reports.insert(at.min(reports.len()), report);
        }
        Input::Judged(reports)
    }

    fn look(&mut self, checks: &[Check], moment: Moment) -> Vec<CheckReport> {
        let values = self.run_time();
        let checks: &[Check] = &checks.iter().map(|check| filled_check(check, &values)).collect::<Vec<_>>();
        let empty = BTreeMap::new();
        let baseline = match moment {
            Moment::Validate | Moment::Reprobe => &self.recall.baseline,
            Moment::Applies | Moment::Preflight | Moment::Baseline => &empty,
        };
        let capsule = self.capsule.as_ref();
        let mut evidence = |check: &crate::model::CheckId, name: &str, bytes: &[u8]| {
            if let Some(capsule) = capsule {
                // Evidence that cannot be kept does not decide anything.
                let _ = capsule.evidence(&format!("{}-{check}.{name}", moment_word(moment)), bytes);
            }
        };
        let ends = match moment {
            Moment::Applies | Moment::Preflight | Moment::Baseline | Moment::Validate => BreakOff::AskedTwice,
            Moment::Reprobe => BreakOff::AskedTwiceSince(self.front.wishes()),
        };
        let mut watch = Looking {
            front: &mut self.front,
            operator: self.operator,
            style: &self.style,
            ends,
            of: checks.len(),
            done: 0,
            underway: Underway::default(),
        };
        let mut cx = LookCx {
            host: &self.host,
            today: clock::today(),
            phase_started: match moment {
                Moment::Validate | Moment::Reprobe => self.recall.acted,
                Moment::Applies | Moment::Preflight | Moment::Baseline => None,
            },
            baseline,
            cores: self.cores,
            watch: &mut watch,
            evidence: &mut evidence,
        };
        let reports = check::look(checks, &mut cx);
        self.front.notice(&Notice::Ended);
        reports
    }

    fn record_layer(&mut self, phase: &Phase, layer: usize) -> Result<crate::model::LayerRecord, String> {
        let capsule = self.capsule.as_ref().ok_or("no capsule is open")?;
        let mut watch = StepWatch { desk: &mut self.front, ends: BreakOff::AskedTwice };
        let mut cx = LayerCx { host: &self.host, capsule: capsule.folder(), watch: &mut watch };
        if layer == 0 {
            // All that cannot be saved, by name, before the first layer is.
            let refused: Vec<String> = phase
                .layers
                .iter()
                .flat_map(|spec| layer_for(spec).refusals(&mut cx))
                .map(|item| format!("{}: {}", item.name, item.why))
                .collect();
            if !refused.is_empty() {
                return Err(refused.join("; "));
            }
        }
        let spec = phase.layers.get(layer).ok_or("no such layer")?;
        layer_for(spec).record(&mut cx, layer).map_err(|why| in_full(&why))
    }

    fn seal(&mut self, state: &RunState, phase: &Phase) -> Result<Vec<crate::model::SealedFile>, String> {
        let capsule = self.capsule.as_ref().ok_or("no capsule is open")?;
        let header = state.header.as_deref().ok_or("no phase is open")?;
        let mut layers = Vec::new();
        for (spec, record) in phase.layers.iter().zip(self.recall.records.values()) {
            let lines = layer_for(spec).by_hand(capsule.folder(), record).map_err(|why| in_full(&why))?;
            layers.push((format!("{}: {}", record.kind, record.target), lines));
        }
        capsule.seal(&undo_page(header, phase, &layers)).map_err(|why| in_full(&why))
    }

    fn perform_step(&mut self, phase: &Phase, part: Part, at: usize) -> Input {
        let Some(step) = phase.steps(part).get(at) else {
            return Input::Stepped(StepOutcome::NotStarted("no such step".to_owned()));
        };
        if let Some(when) = &step.when {
            let moment = if part == Part::Rollback { Moment::Reprobe } else { Moment::Validate };
            let reports = self.look(std::slice::from_ref(when.as_ref()), moment);
            let Some(report) = reports.into_iter().next() else { return Input::Nothing };
            let why = report.reasons.join("; ");
            match report.outcome {
                Outcome::Pass | Outcome::Warn => {}
                Outcome::Fail | Outcome::Skipped => {
                    return Input::Stepped(StepOutcome::NotApplicable(why));
                }
                Outcome::Error | Outcome::Inconclusive => {
                    let why = format!("whether it applies could not be measured: {why}");
                    return Input::Stepped(StepOutcome::NotStarted(why));
                }
            }
        }
        let ends = match part {
            Part::Apply | Part::Commit => BreakOff::AskedTwice,
            Part::Rollback => BreakOff::AskedTwiceSince(self.front.wishes()),
        };
        let outcome = self.act(&step.act, step, part_word(part), step.timeout, ends);
        Input::Stepped(match part {
            Part::Apply | Part::Commit => outcome,
            Part::Rollback => self.with_command(outcome, &step.act),
        })
    }

    /// On the way back, what could not be started is for a person to do: the exact command is part of what is said.
    fn with_command(&self, outcome: StepOutcome, act: &crate::model::Act) -> StepOutcome {
        let StepOutcome::NotStarted(why) = outcome else { return outcome };
        let values = self.run_time();
        let fill = |text: &str| with_run_time(text, &values.generation, &values.phase_started);
        StepOutcome::NotStarted(match command_of(act, &fill) {
            Some(command) if why == WAITS => format!("{why}: {command}"),
            Some(command) => format!("{why}; not run: {command}"),
            None => why,
        })
    }

    fn undo_step(&mut self, phase: &Phase, part: Part, at: usize) -> Input {
        let Some(step) = phase.steps(part).get(at) else {
            return Input::Stepped(StepOutcome::NotStarted("no such step".to_owned()));
        };
        match &step.undo {
            StepUndo::Act(act) => {
                let ends = BreakOff::AskedTwiceSince(self.front.wishes());
                let timeout = step.undo_timeout.unwrap_or(step.timeout);
                let outcome = self.act(act, step, "undo", timeout, ends);
                Input::Stepped(self.with_command(outcome, act))
            }
            StepUndo::Layer | StepUndo::None { .. } | StepUndo::NotNeeded => {
                Input::Stepped(StepOutcome::Done)
            }
        }
    }

    fn act(
        &mut self,
        act: &crate::model::Act,
        step: &Step,
        part: &str,
        timeout: Span,
        ends: BreakOff,
    ) -> StepOutcome {
        let values = self.run_time();
        let title = step.title.clone().unwrap_or_else(|| step.id.to_string());
        self.front.notice(&Notice::Began { what: title, ago: Span::default() });
        let mut so_far =
            self.capsule.as_ref().map(|capsule| capsule.so_far(&format!("{part}-{}.so-far", step.id)));
        let mut hands = Hands {
            host: &self.host,
            front: &mut self.front,
            operator: self.operator,
            style: &self.style,
            step,
            values: &values,
            timeout,
            ends,
            so_far: so_far.as_mut(),
        };
        let Acted { outcome, printed } = hands.act(&filled_question(act, &values));
        self.front.notice(&Notice::Ended);
        if let Some(ended) = printed {
            if !ended.left.is_empty() {
                let left = ended.left.iter().map(ToString::to_string).collect();
                self.front.notice(&Notice::LeftBehind { step: step.id.clone(), left });
            }
            if let Some(capsule) = &self.capsule {
                let stem = format!("{part}-{}", step.id);
                printed::keep(capsule, &stem, &ended, so_far);
                let said = outcome.ended_badly().then(|| capsule.last_words(&stem)).flatten();
                if let Some(said) = said {
                    self.front.notice(&Notice::Said { step: step.id.clone(), said });
                }
            }
        }
        outcome
    }

    fn run_time(&self) -> RunTime {
        let generation = self.capsule.as_ref().map(|capsule| capsule.number().to_string());
        RunTime {
            generation: generation.unwrap_or_default(),
            phase_started: self.recall.began.map(|began| began.to_string()).unwrap_or_default(),
        }
    }

    /// The wait until then: one that this process began itself, or else takes up now.
    fn deadline(&mut self, until: Timestamp, length: Span) -> Deadline {
        let known = self.deadline.filter(|deadline| deadline.is(until));
        let began = self.wait_began.filter(|(began, _)| *began == until);
        let deadline = match (known, began) {
            (Some(known), _) => known,
            (None, Some((_, up))) => Deadline::begun(until, length, up),
            (None, None) => Deadline::taken_up(until, length, clock::now(), clock::up()),
        };
        self.deadline = Some(deadline);
        deadline
    }

    /// Waits for so long as is left, in pieces, so that an interrupt is heard and a sleep of the machine is seen.
    fn wait(&mut self, until: Timestamp, length: Span, waits: Waits) -> Input {
        let deadline = self.deadline(until, length);
        let heard = self.front.heard();
        loop {
            if let (Waits::ForAWord, Some(said)) = (waits, self.word(until)) {
                return said;
            }
            let left = deadline.left(clock::up());
            if left == Span::ZERO {
                return Input::TimeReached;
            }
            let piece = left.duration().min(Duration::from_millis(100));
            let mut watch = StepWatch { desk: &mut self.front, ends: BreakOff::AskedTwice };
            match Crew::new().wait(Some(clock::tick() + piece), &mut watch) {
                News::Reached | News::Interrupted | News::Ended(_, _) => {}
            }
            self.front.notice(&Notice::Tick);
            if self.front.heard() > heard {
                return Input::Nothing;
            }
        }
    }

    fn confirm(&mut self, phase: &Phase, until: Timestamp) -> Input {
        let window = phase.confirm.unwrap_or_default();
        let question = asked(report::question::confirm(phase, window, &self.style));
        if self.front.hung_up() {
            return self.wait(until, window, Waits::ForAWord);
        }
        self.front.notice(&Notice::Ended);
        if self.front.unheard() {
            return Input::Nothing;
        }
        let before = self.front.signals.count();
        let signals = self.front.signals;
        let deadline = self.deadline(until, window);
        let capsule = self.capsule.as_ref();
        let word = || capsule.and_then(|capsule| capsule.word(until));
        // What is said at another login ends the question here.
        let mut left = || (signals.count() == before && word().is_none()).then(|| deadline.left(clock::up()));
        match self.operator.confirm(&question, &mut left) {
            Kept::Keep => {
                let who = &self.host.invoker;
                Input::KeptBy(Invoker { uid: who.ids.uid, name: who.name.clone() })
            }
            Kept::Revert => Input::Answered(false),
            Kept::Silence => Input::TimeReached,
            Kept::Nobody => self.wait(until, window, Waits::ForAWord),
            Kept::Interrupted => match self.word(until) {
                Some(said) => said,
                None if self.front.interrupted_at_prompt(before) => Input::Nothing,
                None => self.wait(until, window, Waits::ForAWord),
            },
        }
    }

    /// What somebody said at another login about the window that closes then.
    fn word(&self, until: Timestamp) -> Option<Input> {
        let word = self.capsule.as_ref()?.word(until)?;
        Some(if word.keep { Input::KeptBy(word.by) } else { Input::Answered(false) })
    }

    /// What booted otherwise than the layers had prepared; what nobody can tell is named as well.
    fn compare_boot(&mut self, phase: &Phase) -> Vec<Item> {
        let Some(capsule) = self.capsule.as_ref() else { return Vec::new() };
        let mut watch = StepWatch { desk: &mut self.front, ends: BreakOff::AskedTwice };
        let mut cx = LayerCx { host: &self.host, capsule: capsule.folder(), watch: &mut watch };
        let records = phase.layers.iter().zip(self.recall.records.values());
        let told = records.filter_map(|(spec, record)| {
            let told = layer_for(spec).booted_otherwise(&mut cx, record);
            told.unwrap_or_else(|why| Some(Item::new(record.kind.to_string(), in_full(&why))))
        });
        told.collect()
    }

    fn keep(&mut self, phase: &Phase, layer: usize) -> Result<(), String> {
        let capsule = self.capsule.as_ref().ok_or("no capsule is open")?;
        let spec = phase.layers.get(layer).ok_or("no such layer")?;
        let record = self.recall.records.get(&layer).ok_or("the layer was not recorded")?;
        let mut watch = StepWatch { desk: &mut self.front, ends: BreakOff::Never };
        let mut cx = LayerCx { host: &self.host, capsule: capsule.folder(), watch: &mut watch };
        layer_for(spec).keep(&mut cx, record).map_err(|why| format!("{}: {}", record.kind, in_full(&why)))
    }

    fn choose(&mut self, cause: &Cause, may_accept: bool) -> Input {
        let about = report::question::trouble(&self.scene, cause, &self.style);
        let capsule = self.capsule.as_ref();
        let mut evidence = || capsule.map(|capsule| of_trouble(capsule, cause)).unwrap_or_default();
        let mut trouble = Trouble { about, may_accept, evidence: &mut evidence };
        self.front.be_patient();
        self.front.notice(&Notice::Ended);
        let awake = self.front.signals.awake();
        if self.front.unheard() {
            return Input::Nothing;
        }
        let before = self.front.signals.count();
        // Where the terminal is gone, the next safe point is here.
        let chosen = if self.front.hung_up() { Chosen::Nobody } else { self.operator.choose(&mut trouble) };
        drop(awake);
        match chosen {
            Chosen::Choice(choice) => Input::Chosen(choice),
            Chosen::Interrupted if self.front.interrupted_at_prompt(before) => Input::Nothing,
            Chosen::Interrupted | Chosen::Nobody => Input::Chosen(Choice::Pause),
        }
    }

    fn restore(&mut self, phase: &Phase, layer: usize) -> Restored {
        let failed =
            |why: &str| Restored { changed: 0, failed: vec![Item::new(format!("layer {}", layer + 1), why)] };
        let Some(capsule) = self.capsule.as_ref() else { return failed("no capsule is open") };
        let Some(spec) = phase.layers.get(layer) else { return failed("the plan has no such layer") };
        let Some(record) = self.recall.records.get(&layer) else { return failed("it was not recorded") };
        capsule.make_room();
        self.front
            .notice(&Notice::Began { what: format!("restoring {}", record.kind), ago: Span::default() });
        let ends = BreakOff::AskedTwiceSince(self.front.wishes());
        let step = StepWatch { desk: &mut self.front, ends };
        let mut watch = BackWatch { step, changed: String::new(), more: 0 };
        let mut cx = LayerCx { host: &self.host, capsule: capsule.folder(), watch: &mut watch };
        let restored = layer_for(spec).restore(&mut cx, record);
        // What people made meanwhile is among it: they are told by name.
        capsule.keep_changed_back(layer + 1, &watch.told());
        self.front.notice(&Notice::Ended);
        restored
    }

    fn quarantine(&mut self, state: &RunState, cause: &Cause) -> Input {
        if let Some(header) = state.header.as_deref() {
            let line = QuarantineLine {
                plan: header.plan.clone(),
                revision: header.revision,
                digest: header.digest.clone(),
                phase: header.phase.clone(),
                generation: header.generation,
                cause: cause.clone(),
                at: clock::now(),
            };
            // The journal says it too; the file is what `run` reads first.
            let _ = self.folder.reject(&line);
        }
        Input::Quarantined
    }
}

/// What ends a wait besides its time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// Nothing.
    ForTime,
    /// What somebody says with `switchback confirm`.
    ForAWord,
}

/// A check of a machine that does not run.
fn waiting(check: &Check) -> CheckReport {
    CheckReport {
        check: check.id.clone(),
        title: check.title.clone(),
        outcome: Outcome::Error,
        weight: Weight::Counts,
        severity: check.severity,
        reasons: vec![WAITS.to_owned()],
        observed: None,
        hint: None,
        took: Span::ZERO,
    }
}

/// Ends every child; what cannot be ended is named.
fn end_children() -> Vec<Item> {
    match process::end_all_children() {
        Ok(()) => Vec::new(),
        Err(left) => left
            .0
            .iter()
            .map(|pid| {
                Item::new(format!("process {pid}"), "still alive after SIGKILL; it may go on changing things")
            })
            .collect(),
    }
}

/// Shows how far the checks have come, and asks what only a person can see.
struct Looking<'a, 'b> {
    front: &'a mut Front<'b>,
    operator: &'a mut dyn Operator,
    style: &'a Style,
    ends: BreakOff,
    of: usize,
    done: usize,
    underway: Underway,
}

impl CheckWatch for Looking<'_, '_> {
    fn started(&mut self, check: &Check) {
        let began = self.underway.started(check, clock::tick());
        began.iter().for_each(|notice| self.front.notice(notice));
    }

    fn judged(&mut self, report: &CheckReport) {
        self.done += 1;
        let next = self.underway.judged(&report.check, clock::tick());
        next.iter().for_each(|notice| self.front.notice(notice));
        self.front.notice(&Notice::Progress { done: self.done, of: self.of });
    }

    fn tick(&mut self) {
        self.front.notice(&Notice::Tick);
    }

    fn interrupted(&mut self) -> bool {
        self.ends.now(self.front)
    }

    fn ask(&mut self, check: &Check, question: &str) -> Option<bool> {
        let question = asked(report::question::ask_check(check, question, self.style));
        match ask(self.front, |operator| operator.yes(&question), self.operator) {
            Reply::Yes => Some(true),
            Reply::No => Some(false),
            Reply::Interrupted | Reply::Nobody => None,
        }
    }
}
