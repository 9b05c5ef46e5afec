//! Words for the small things: outcomes, causes, ends, sizes, layers. Words about runs are made in this room and
//! nowhere else, so that what is shown live and what `history` shows are the same.

use super::line::Tone;
use crate::model::{
    Act, Cause, CheckId, CheckReport, GuardKind, Guarded, Guidance, Held, Invoker, Item, LayerSpec, Moment,
    Outcome, Part, Phase, PhaseEnd, ProcessEnd, Reaction, Risk, RunAs, Severity, Span, Step, StepOutcome,
    Tally, Timestamp, Validation, Verdict, Weight, counted,
};

/// A size in bytes, rounded to three digits: `812 MiB`, `1.04 GiB`.
#[must_use]
pub fn bytes(size: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if size < 1024 {
        return format!("{size} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = size as f64 / 1024.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// A point in time for people: to the second, in UTC, and said to be.
#[must_use]
pub fn when(at: Timestamp) -> String {
    at.in_words()
}

/// The tone of an outcome.
#[must_use]
pub const fn outcome_tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Pass => Tone::Good,
        Outcome::Warn | Outcome::Inconclusive => Tone::Caution,
        Outcome::Fail | Outcome::Error => Tone::Bad,
        Outcome::Skipped => Tone::Quiet,
    }
}

/// How many there are of each outcome that there is: `3 pass, 1 fail`.
#[must_use]
pub fn tally(counts: impl IntoIterator<Item = (Outcome, usize)>) -> String {
    let there = counts.into_iter().filter(|(_, number)| *number > 0);
    there.map(|(outcome, number)| format!("{number} {}", outcome.word())).collect::<Vec<_>>().join(", ")
}

/// The same of a validation; what decides nothing is told apart, and as it is: `1 pass, 2 that do not count: 1 fail,
/// 1 error`. Where nothing at all was measured, that comes first.
#[must_use]
pub fn tallied(validation: &Validation) -> String {
    let Tally { counted, excused } = validation.tally();
    let apart: usize = excused.iter().map(|(_, number)| number).sum();
    let verb = if apart == 1 { "does" } else { "do" };
    let apart = (apart > 0).then(|| format!("{apart} that {verb} not count: {}", tally(excused)));
    let counts = [Some(tally(counted)).filter(|text| !text.is_empty()), apart];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    match (counts.is_empty(), validation.is_measured()) {
        (true, _) => "there was nothing to check".to_owned(),
        (false, true) => counts.join(", "),
        (false, false) => format!("nothing was measured: {}", counts.join(", ")),
    }
}

/// Whether an outcome is one that counts against a phase.
#[must_use]
pub const fn bad(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Fail | Outcome::Error | Outcome::Inconclusive => true,
        Outcome::Pass | Outcome::Warn | Outcome::Skipped => false,
    }
}

/// Observed value and rule of a check result, with what takes weight from it.
#[must_use]
pub fn findings(report: &CheckReport) -> String {
    let mut text = report.reasons.first().cloned().unwrap_or_default();
    let note = match (&report.weight, report.outcome) {
        (_, Outcome::Pass | Outcome::Skipped) | (Weight::Counts, _) => None,
        (Weight::Shadow, _) => Some("shown only, does not count".to_owned()),
        (Weight::Waived(reason), _) => Some(format!("waived: {reason}")),
    };
    if let Some(note) = note {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&format!("({note})"));
    }
    text
}

/// A check's name, with its sentence where the plan gives it one.
#[must_use]
pub fn titled(report: &CheckReport) -> String {
    match &report.title {
        Some(title) => format!("{}: {title}", report.check),
        None => report.check.to_string(),
    }
}

/// A moment in one word.
#[must_use]
pub const fn moment(moment: Moment) -> &'static str {
    match moment {
        Moment::Applies => "applies",
        Moment::Preflight => "preflight",
        Moment::Baseline => "baseline",
        Moment::Validate => "validate",
        Moment::Reprobe => "reprobe",
    }
}

/// What a moment is for.
#[must_use]
pub const fn moment_purpose(moment: Moment) -> &'static str {
    match moment {
        Moment::Applies => "whether the phase applies here",
        Moment::Preflight => "before anything is recorded",
        Moment::Baseline => "as it is before the phase; nothing counts yet",
        Moment::Validate => "after the phase acted",
        Moment::Reprobe => "whether the way back held",
    }
}

/// The list of a phase that a step belongs to.
#[must_use]
pub const fn part(part: Part) -> &'static str {
    match part {
        Part::Apply => "apply",
        Part::Commit => "commit",
        Part::Rollback => "rollback",
    }
}

/// A step by name: `step build`, `commit step boot`. By its place where the plan does not know it.
#[must_use]
pub fn step_name(phase: Option<&Phase>, list: Part, step: usize) -> String {
    let name = match phase.and_then(|phase| phase.steps(list).get(step)) {
        Some(step) => step.id.to_string(),
        None => format!("number {}", step + 1),
    };
    match list {
        Part::Apply => format!("step {name}"),
        Part::Commit => format!("commit step {name}"),
        Part::Rollback => format!("rollback step {name}"),
    }
}

/// A layer by its place in the phase's list.
#[must_use]
pub fn layer_name(phase: Option<&Phase>, layer: usize) -> String {
    match phase.and_then(|phase| phase.layers.get(layer)) {
        Some(LayerSpec::Command { name, .. }) => format!("layer {name}"),
        Some(
            spec @ (LayerSpec::Nixos { .. }
            | LayerSpec::HomeManager { .. }
            | LayerSpec::NixProfile { .. }
            | LayerSpec::Files { .. }),
        ) => format!("layer {}", spec.kind()),
        None => format!("layer number {}", layer + 1),
    }
}

/// What a layer records, in one line.
#[must_use]
pub fn layer_spec(spec: &LayerSpec) -> String {
    match spec {
        LayerSpec::Nixos { profile, running } => {
            format!("nixos: profile {}, running system {}", profile.display(), running.display())
        }
        LayerSpec::HomeManager { user, profile } => {
            let whose = user.as_deref().unwrap_or("the invoking user");
            let kept = match profile {
                Some(profile) => format!("profile {}", profile.display()),
                None => "profile in either known place".to_owned(),
            };
            format!("home-manager of {whose}: {kept}")
        }
        LayerSpec::NixProfile { path, .. } => format!("nix-profile: {}", path.display()),
        LayerSpec::Files { paths } => format!("files: {}", paths.join(", ")),
        LayerSpec::Command { name, .. } => format!("command {name}"),
    }
}

/// How a process ended.
#[must_use]
pub fn process_end(end: ProcessEnd) -> String {
    match end {
        ProcessEnd::Exited(status) => format!("exit status {status}"),
        ProcessEnd::Signaled(signal) => format!("ended by signal {signal}"),
    }
}

/// How a step ended: a tone, a word, and what else is to be said.
#[must_use]
pub fn step_outcome(outcome: &StepOutcome) -> (Tone, &'static str, String) {
    match outcome {
        StepOutcome::Done => (Tone::Good, "done", String::new()),
        StepOutcome::NotApplicable(why) => {
            (Tone::Quiet, "skipped", format!("its `when` does not hold: {why}"))
        }
        StepOutcome::Failed(end) => (Tone::Bad, "failed", process_end(*end)),
        StepOutcome::NotStarted(why) => (Tone::Bad, "not begun", why.clone()),
        StepOutcome::Broken(why) => (Tone::Bad, "broken", why.clone()),
        StepOutcome::TimedOut(after) => (Tone::Bad, "timed out", format!("killed after {after}")),
        StepOutcome::Declined => (Tone::Bad, "declined", "a person said no".to_owned()),
        StepOutcome::Interrupted => (Tone::Bad, "broken off", "a person interrupted it".to_owned()),
        StepOutcome::Lost => {
            (Tone::Bad, "lost", "the runner was gone before it ended; nobody knows how".to_owned())
        }
    }
}

/// How a step ended, as the end of a sentence: `failed with exit status 3`.
#[must_use]
pub fn step_ended(outcome: &StepOutcome) -> String {
    match outcome {
        StepOutcome::Done => "is done".to_owned(),
        StepOutcome::NotApplicable(why) => format!("was skipped: {why}"),
        StepOutcome::Failed(ProcessEnd::Exited(status)) => format!("failed with exit status {status}"),
        StepOutcome::Failed(ProcessEnd::Signaled(signal)) => format!("was ended by signal {signal}"),
        StepOutcome::NotStarted(why) => format!("was not begun: {why}"),
        StepOutcome::Broken(why) => format!("broke: {why}"),
        StepOutcome::TimedOut(after) => format!("was killed after {after}"),
        StepOutcome::Declined => "was declined by a person".to_owned(),
        StepOutcome::Interrupted => "was interrupted".to_owned(),
        StepOutcome::Lost => "was lost: the runner was gone before it ended".to_owned(),
    }
}

fn checks(ids: &[CheckId], one: &str, many: &str) -> String {
    let names: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
    match names.as_slice() {
        [only] => format!("check {only} {one}"),
        several => format!("checks {} {many}", several.join(", ")),
    }
}

/// Why a phase does not go on, in one sentence without a full stop.
#[must_use]
pub fn cause(cause: &Cause) -> String {
    match cause {
        Cause::ChecksFailed(ids) => checks(ids, "failed", "failed"),
        Cause::ChecksBroken(ids) => checks(ids, "could not be measured", "could not be measured"),
        Cause::ChecksUndecided(ids) => checks(ids, "is undecided", "are undecided"),
        Cause::StepFailed { part, step, outcome } => {
            let list = match part {
                Part::Apply => "",
                Part::Commit => "commit ",
                Part::Rollback => "rollback ",
            };
            format!("{list}step `{step}` {}", step_ended(outcome))
        }
        Cause::NotRecorded(why) => match super::refused::refusals(why).as_slice() {
            [_, _, ..] => "it could not be begun, for several reasons".to_owned(),
            [] | [_] => format!("it could not be begun: {why}"),
        },
        Cause::NotKept(why) => format!("a layer could not be made permanent: {why}"),
        Cause::NotArmed(why) => format!("the guard could not be armed: {why}"),
        Cause::JournalLost(why) => format!("the journal could not be written: {why}"),
        Cause::NotConfirmed => "nobody said keep within the confirm window".to_owned(),
        Cause::Declined => "a person said no".to_owned(),
        Cause::Interrupted => "the run was interrupted".to_owned(),
        Cause::Asked => "a person asked for the way back".to_owned(),
        Cause::TooManyResumptions(times) => {
            format!("the run was taken up again {} without an end", counted(*times, "time"))
        }
        Cause::RunnerGone => "the runner was gone before the phase was decided".to_owned(),
        Cause::DeadlinePassed => "the runner did not decide the phase in the time that it had".to_owned(),
        Cause::WrongBoot(items) => {
            let items: Vec<String> =
                items.iter().map(|item| format!("{}: {}", item.name, item.why)).collect();
            format!("something else booted than what the phase had prepared: {}", items.join("; "))
        }
        Cause::Rebooted => "the machine went down before the phase was decided".to_owned(),
    }
}

/// What a phase that is held keeps waiting, and for what.
#[must_use]
pub fn held(held: &Held) -> String {
    let until = if held.cause.is_open() {
        "until a later look finds it well, or a person says so"
    } else {
        "until a person says so"
    };
    format!("{}; no phase of the plan begins {until}", cause(&held.cause))
}

/// Why the plan goes on, and by whose word; without one, a later look found it well.
#[must_use]
pub fn released(reason: &str, by: Option<&str>) -> (Tone, String) {
    match by {
        Some(name) => (Tone::Caution, format!("by {name}: {reason}")),
        None => (Tone::Good, reason.to_owned()),
    }
}

/// Where a way back leaves the machine that left something by design.
const BUT_FOR: &str = "the machine is as before the phase, but for what the plan says cannot be undone";
const BY_HAND: &str = "a person says that what the way back could not restore was put right by hand";

/// What an end must not be told without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum But {
    /// There is nothing.
    Nothing,
    /// The plan says of something that acted that it cannot be undone.
    Left,
    /// Checks that did not pass were accepted.
    Accepted,
}

impl But {
    /// Of what was left by design, and what was accepted; a phase that went back has nothing accepted.
    #[must_use]
    pub const fn of(left: &[Item], accepted: &[Item]) -> Self {
        match (left, accepted) {
            (_, [_, ..]) => Self::Accepted,
            ([_, ..], []) => Self::Left,
            ([], []) => Self::Nothing,
        }
    }
}

/// How a phase ended: a tone, a word, and where that leaves the machine.
#[must_use]
pub const fn phase_end(end: PhaseEnd, but: But) -> (Tone, &'static str, &'static str) {
    match (end, but) {
        (PhaseEnd::Committed, But::Accepted) => {
            (Tone::Caution, "committed", "permanent, with an accepted failure")
        }
        (PhaseEnd::Committed, But::Nothing | But::Left) => {
            (Tone::Good, "committed", "validated and permanent")
        }
        (PhaseEnd::NotApplicable, _) => (Tone::Quiet, "skipped", "it does not apply to this machine"),
        (PhaseEnd::Refused, _) => (Tone::Caution, "refused", "nothing was changed"),
        (PhaseEnd::Reverted, But::Left) => (Tone::Caution, "reverted", BUT_FOR),
        (PhaseEnd::Reverted, But::Nothing | But::Accepted) => {
            (Tone::Caution, "reverted", "the machine is as before the phase")
        }
        (PhaseEnd::Inconsistent, _) => (Tone::Bad, "inconsistent", "the way back failed for named items"),
        (PhaseEnd::Resolved, _) => (Tone::Caution, "resolved", BY_HAND),
    }
}

/// How a run ended: a tone, words, and where that leaves the machine.
#[must_use]
pub const fn verdict(verdict: Verdict, but: But) -> (Tone, &'static str, &'static str) {
    match (verdict, but) {
        (Verdict::Committed, But::Accepted) => {
            (Tone::Caution, "committed", "what was due is permanent, with an accepted failure")
        }
        (Verdict::Committed, But::Nothing | But::Left) => {
            (Tone::Good, "committed", "what was due is validated and permanent")
        }
        (Verdict::Refused, _) => (Tone::Caution, "refused", "nothing was changed"),
        (Verdict::RolledBack, But::Left) => (Tone::Caution, "rolled back", BUT_FOR),
        (Verdict::RolledBack, But::Nothing | But::Accepted) => {
            (Tone::Caution, "rolled back", "the machine is as before the phase")
        }
        (Verdict::Inconsistent, _) => (Tone::Bad, "inconsistent", "the way back failed for named items"),
        (Verdict::Resolved, _) => (Tone::Caution, "resolved", BY_HAND),
    }
}

/// How dangerous a phase is.
#[must_use]
pub const fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
    }
}

/// As whom a child runs.
#[must_use]
pub const fn run_as(who: RunAs) -> &'static str {
    match who {
        RunAs::Runner => "as whoever runs switchback",
        RunAs::Root => "as root",
        RunAs::User => "as the invoking user",
        RunAs::Session => "as the invoking user, in the desktop session",
    }
}

/// How much a failing check weighs.
#[must_use]
pub const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warn => "warn",
        Severity::Fail => "fail",
        Severity::Critical => "critical",
    }
}

/// What is done in trouble where nobody is asked.
#[must_use]
pub const fn reaction(reaction: Reaction) -> &'static str {
    match reaction {
        Reaction::Rollback => "roll back",
        Reaction::Pause => "pause",
        Reaction::Continue => "go on",
    }
}

/// What stands behind the runner.
#[must_use]
pub fn guard(guarded: &Guarded) -> String {
    let by = match guarded.kind {
        GuardKind::Runner => return "by the runner's own supervision".to_owned(),
        GuardKind::Watchdog => "a watchdog takes it back should the runner be gone",
        GuardKind::Timer => "a watchdog and a timer take it back should the runner be gone",
    };
    let boot = if guarded.at_boot { "; after a reboot, the boot unit does" } else { "" };
    format!("{by}{boot}")
}

/// Whether somebody is asked.
#[must_use]
pub const fn guidance(guidance: Guidance) -> &'static str {
    match guidance {
        Guidance::Guided => "guided",
        Guidance::Unattended => "unattended",
    }
}

/// What a step does, short enough for the line that shows progress: its title, or the act itself.
#[must_use]
pub fn step_short(step: &Step) -> String {
    step.title.clone().unwrap_or_else(|| act_short(&step.act))
}

/// An act in one line: its command, or the first line of its text.
#[must_use]
pub fn act_short(act: &Act) -> String {
    match act {
        Act::Run(command) => super::shell_words::shell_words(&command.argv),
        Act::Shell { text, .. } => {
            text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
        }
        Act::Install { to, .. } => format!("install {}", to.display()),
        Act::Set { file, .. } => format!("set keys in {}", file.display()),
        Act::Ask { text } => text.clone(),
        Act::Reboot { why } => format!("reboot: {why}"),
    }
}

/// Who said keep.
#[must_use]
pub fn said_keep(who: Option<&Invoker>) -> String {
    match who {
        Some(who) if who.name.is_empty() => format!("user {} said keep", who.uid),
        Some(who) => format!("{} (user {}) said keep", who.name, who.uid),
        None => "somebody said keep".to_owned(),
    }
}

/// A span that an act took, for the end of a line; nothing where it is too short to matter.
#[must_use]
pub fn took(span: Span) -> Option<String> {
    (span.0 >= 100).then(|| span.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_and_a_unit() {
        for (size, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (812 << 20, "812 MiB"),
            (1_116_691_497, "1.04 GiB"),
            (61 << 30, "61.0 GiB"),
            (1_048_575, "1.00 MiB"),
            (u64::MAX, "16384 PiB"),
        ] {
            assert_eq!(bytes(size), text, "{size}");
        }
    }

    #[test]
    fn a_cause_names_the_thing_and_what_became_of_it() {
        let id = |name: &str| CheckId::new(name).expect("an identifier");
        let step = crate::model::StepId::new("boot").expect("an identifier");
        let failed = StepOutcome::Failed(ProcessEnd::Exited(3));
        for (given, text) in [
            (Cause::ChecksFailed(vec![id("a")]), "check `a` failed"),
            (Cause::ChecksUndecided(vec![id("a"), id("b")]), "checks `a`, `b` are undecided"),
            (
                Cause::StepFailed { part: Part::Commit, step, outcome: failed },
                "commit step `boot` failed with exit status 3",
            ),
            (
                Cause::NotRecorded("/a: is a pipe; or so".to_owned()),
                "it could not be begun: /a: is a pipe; or so",
            ),
            (
                Cause::NotRecorded("/a: x; or so; /b: y; and 3 more: z".to_owned()),
                "it could not be begun, for several reasons",
            ),
            (Cause::TooManyResumptions(1), "the run was taken up again 1 time without an end"),
        ] {
            assert_eq!(cause(&given), text);
        }
    }

    #[test]
    fn a_step_is_done_or_skipped_and_everything_else_is_bad_in_a_word_of_its_own() {
        let mut words = std::collections::BTreeSet::new();
        for (outcome, tone) in [
            (StepOutcome::Done, Tone::Good),
            (StepOutcome::NotApplicable("why".to_owned()), Tone::Quiet),
            (StepOutcome::Failed(ProcessEnd::Exited(1)), Tone::Bad),
            (StepOutcome::NotStarted("why".to_owned()), Tone::Bad),
            (StepOutcome::Broken("why".to_owned()), Tone::Bad),
            (StepOutcome::TimedOut(Span::seconds(1)), Tone::Bad),
            (StepOutcome::Declined, Tone::Bad),
            (StepOutcome::Interrupted, Tone::Bad),
            (StepOutcome::Lost, Tone::Bad),
        ] {
            let (got, word, _) = step_outcome(&outcome);
            assert_eq!(got, tone, "{outcome:?}");
            assert!(words.insert(word), "{word} is said of two outcomes");
        }
    }

    #[test]
    fn nothing_but_a_commit_is_told_as_good() {
        for (end, good) in [
            (Verdict::Committed, true),
            (Verdict::Refused, false),
            (Verdict::RolledBack, false),
            (Verdict::Inconsistent, false),
            (Verdict::Resolved, false),
        ] {
            assert_eq!(verdict(end, But::Nothing).0 == Tone::Good, good, "{end:?}");
            assert_ne!(verdict(end, But::Accepted).0, Tone::Good, "{end:?}");
            assert_ne!(verdict(end, But::Left).2, "the machine is as before the phase", "{end:?}");
        }
        assert_eq!(phase_end(PhaseEnd::Inconsistent, But::Nothing).0, Tone::Bad);
        assert_eq!(phase_end(PhaseEnd::Reverted, But::Left).2, verdict(Verdict::RolledBack, But::Left).2);
    }

    #[test]
    fn a_point_in_time_is_shown_to_the_second_in_utc() {
        assert_eq!(when(Timestamp(1_795_365_118_042)), "2026-11-22 16:31:58 UTC");
    }
}
