//! Each fact in words.

use super::line::{Line, Tone};
use super::scene::Scene;
use super::text::But;
use super::{summary, text};
use crate::model::{
    CheckReport, Envelope, Event, Moment, Outcome, Phase, PhaseEnd, PhaseHeader, Plan, Restored, Span,
    StepId, Stopping, Toward, Weight, counted,
};

/// No column of names is wider than this; longer names push their text to the right.
const WIDEST_NAME: usize = 28;

/// The lines that a fact is shown as; none where it says nothing to a person. `scene` has taken in the fact already.
#[must_use]
pub fn words(plan: &Plan, scene: &Scene, envelope: &Envelope) -> Vec<Line> {
    let phase = scene.phase(plan);
    match &envelope.event {
        Event::PhaseBegan(header) => phase_began(plan, phase, header),
        Event::RunResumed { toward: Toward::Back, .. } => {
            let what = match scene.phase_id() {
                Some(id) => format!("phase {id}, to go back and not on"),
                None => "the run, to go back and not on".to_owned(),
            };
            vec![Line::new(Tone::Plain, "taken up", what)]
        }
        Event::RunResumed { guidance, toward: Toward::On, .. } => {
            let what = match scene.phase_id() {
                Some(id) => format!("phase {id} is taken up again, {}", text::guidance(*guidance)),
                None => format!("the run is taken up again, {}", text::guidance(*guidance)),
            };
            vec![Line::new(Tone::Plain, "resumed", what)]
        }
        Event::CheckJudged { moment, report } => {
            let mut lines = Vec::new();
            if scene.moment_opened {
                let heading = format!("({})", text::moment_purpose(*moment));
                lines.push(Line::new(Tone::Heading, text::moment(*moment), heading).at(1));
            }
            lines.extend(check(report, check_tone(scene, *moment, report), align(phase, *moment), 2));
            lines
        }
        Event::MomentJudged { moment } => moment_judged(scene, *moment),
        Event::GateAnswered { go: true } => vec![did(Tone::Plain, "go", "the phase may begin")],
        Event::GateAnswered { go: false } => {
            vec![did(Tone::Caution, "no", "the phase may not begin: a person said no")]
        }
        Event::LayerRecorded { layer, record } => {
            vec![did(Tone::Good, "recorded", record.target.clone()).about(text::layer_name(phase, *layer))]
        }
        Event::CapsuleSealed { .. } => {
            let which = scene.generation().map(|number| format!("generation {number}")).unwrap_or_default();
            vec![did(Tone::Good, "sealed", "all that the way back needs is on disk").about(which)]
        }
        Event::GuardArmed(guarded) => vec![did(Tone::Plain, "guarded", text::guard(guarded))],
        Event::GuardMissing { why } => {
            let text = format!("the way back goes on with nothing behind it: {why}");
            vec![did(Tone::Caution, "unguarded", text)]
        }
        Event::StepStarted { part, step, id } => {
            let short = phase.and_then(|phase| phase.steps(*part).get(*step)).map(text::step_short);
            let name = match phase {
                Some(_) => text::step_name(phase, *part, *step),
                None => format!("step {id}"),
            };
            vec![did(Tone::Plain, "begins", short.unwrap_or_default()).about(name)]
        }
        Event::StepFinished { part, step, outcome } => {
            vec![ended(scene, text::step_name(phase, *part, *step), text::step_outcome(outcome))]
        }
        Event::SettleBegan { until } => {
            let wait = phase.map_or_else(|| until.since(envelope.at), |phase| phase.settle);
            vec![did(Tone::Plain, "settling", format!("{wait}, until {}", text::when(*until)))]
        }
        Event::SettleEnded => vec![did(Tone::Plain, "settled", "judging begins")],
        Event::ChecksAccepted { checks, reason, .. } => {
            let names: Vec<&str> = checks.iter().map(|id| id.as_str()).collect();
            vec![did(Tone::Caution, "accepted", reason.clone()).about(names.join(", "))]
        }
        Event::RetryChosen => vec![did(Tone::Plain, "retry", "once more")],
        Event::RebootAwaited => {
            vec![did(Tone::Caution, "rebooting", "the phase goes on when the machine is up again")]
        }
        Event::MachineRebooted => vec![did(Tone::Good, "rebooted", "another boot; the phase goes on")],
        Event::BootCompared { wrong } if wrong.is_empty() => {
            vec![did(Tone::Good, "booted", "what the phase had prepared")]
        }
        Event::BootCompared { wrong } => wrong
            .iter()
            .map(|item| did(Tone::Bad, "booted", item.why.clone()).about(item.name.clone()))
            .collect(),
        Event::ConfirmOpened { until } => {
            let window = phase.and_then(|phase| phase.confirm).unwrap_or_else(|| until.since(envelope.at));
            let rule = format!(
                "somebody must say keep within {window}, until {}; silence reverts",
                text::when(*until)
            );
            vec![did(Tone::Caution, "confirm", rule)]
        }
        Event::Confirmed(who) => {
            vec![did(Tone::Good, "confirmed", text::said_keep(who.as_ref()))]
        }
        Event::LayerKept { layer } => {
            vec![did(Tone::Good, "kept", "as the phase left it").about(text::layer_name(phase, *layer))]
        }
        Event::PhaseCommitted { soak_until } => {
            let (tone, word, meaning) =
                text::phase_end(PhaseEnd::Committed, But::of(&[], &scene.accepted.items()));
            let soak = match soak_until {
                Some(until) => format!("{meaning}; soaks until {}", text::when(*until)),
                None => meaning.to_owned(),
            };
            vec![Line::new(tone, word, soak).about(phase_name(scene))]
        }
        Event::SoakHeld(held) => {
            let mut lines = vec![Line::new(Tone::Caution, "held", text::held(held)).about(phase_name(scene))];
            lines.extend(held.found.iter().map(|item| Line::plain(item.why.clone()).about(&item.name).at(1)));
            lines
        }
        Event::SoakReleased { reason, by } => {
            let (tone, what) = text::released(reason, by.as_ref().map(|by| by.name.as_str()));
            vec![Line::new(tone, "released", what).about(phase_name(scene))]
        }
        Event::GuardDisarmed if scene.begins_anew() => {
            vec![did(Tone::Quiet, "unguarded", "nothing was touched; the phase begins anew")]
        }
        Event::GuardDisarmed if scene.unrecorded => {
            vec![did(Tone::Caution, "unguarded", "the way back is taken, and the decision is not on disk")]
        }
        Event::GuardDisarmed => vec![did(Tone::Quiet, "unguarded", "the decision is on disk")],
        Event::StopWanted if scene.stopping_said => Vec::new(),
        Event::StopWanted => vec![Line::new(Tone::Caution, "stopping", "at the next safe point")],
        Event::RunPaused { .. } => summary::paused(scene),
        Event::RevertBegan { cause } if scene.touched => {
            vec![Line::new(Tone::Caution, "reverting", text::cause(cause)).about(phase_name(scene))]
        }
        Event::RevertBegan { cause } => {
            vec![Line::new(Tone::Caution, "refusing", text::cause(cause)).about(phase_name(scene))]
        }
        Event::FactsLost { .. } => {
            let what =
                "the journal is damaged, and what it said from here on is lost: all that can go back does";
            vec![Line::new(Tone::Caution, "damaged", what)]
        }
        Event::ChildrenEnded { left, unseen: false } if left.is_empty() => {
            vec![did(Tone::Quiet, "ended", "no child of the phase is left")]
        }
        Event::ChildrenEnded { left, unseen: true } if left.is_empty() => {
            let what = "no marked child of the phase is left; one that shed its environment cannot be told";
            vec![did(Tone::Caution, "ended", what)]
        }
        Event::ChildrenEnded { left, .. } => left
            .iter()
            .map(|item| did(Tone::Bad, "left", item.why.clone()).about(item.name.clone()))
            .collect(),
        Event::EarlierTakenBack { generation, phase, end } => {
            let (tone, word, _) = text::phase_end(*end, But::Nothing);
            vec![did(tone, word, format!("generation {generation}")).about(phase.to_string())]
        }
        Event::UndoStarted { part, step } => {
            vec![did(Tone::Plain, "undoing", "").about(text::step_name(phase, *part, *step))]
        }
        Event::UndoFinished { part, step, outcome } => {
            let name = format!("undo of {}", text::step_name(phase, *part, *step));
            vec![ended(scene, name, text::step_outcome(outcome))]
        }
        Event::LayerRestored { layer, restored } => restored_words(text::layer_name(phase, *layer), restored),
        // Its cause was said when the way back began, and the verdict says it again.
        Event::Quarantined { .. } => {
            let why = "not taken again here without `--override`";
            let what = format!("plan {} revision {}", plan.name, plan.revision);
            vec![did(Tone::Caution, "quarantine", why).about(what)]
        }
        Event::ItemsResolved { items, .. } => items
            .iter()
            .map(|item| did(Tone::Caution, "resolved", item.why.clone()).about(item.name.clone()))
            .collect(),
        Event::PhaseEnded { end, .. } => phase_ended(scene, *end),
        Event::RunFinished { verdict } => summary::finished(plan, scene, *verdict),
    }
}

/// What becomes of a wish to stop while something goes on.
pub(super) fn stopping(scene: &Scene, heard: Stopping) -> Line {
    let what = match heard {
        Stopping::AfterThis if scene.touched => {
            "when this is done; a second Ctrl-C ends it and rolls the phase back"
        }
        Stopping::AfterThis => "when this is done; a second Ctrl-C ends it, and nothing was changed",
        Stopping::WayBack => {
            "not now: the way back goes on; a second Ctrl-C breaks off this one act of it, by name, and the next follows"
        }
        Stopping::Permanent => "when this is done: what is validated is being made permanent",
    };
    Line::new(Tone::Caution, "stopping", what)
}

/// What a step left running, and was ended with it.
pub(super) fn left_behind(step: &StepId, left: &[String]) -> Vec<Line> {
    let one = |stray: &String| {
        did(Tone::Caution, "ended", format!("{stray}; the step is over and had left it running"))
            .about(format!("step {step}"))
    };
    left.iter().map(one).collect()
}

/// The last words of a step that ended badly.
pub(super) fn said(step: &StepId, said: &str) -> Line {
    did(Tone::Caution, "said", said).about(format!("step {step}"))
}

/// That facts of the way back are not on disk, where that is so.
pub(super) fn record(trouble: Option<&str>) -> Vec<Line> {
    let one =
        |why: &str| did(Tone::Caution, "unrecorded", format!("the way back goes on all the same: {why}"));
    trouble.map(one).into_iter().collect()
}

/// Something that was done inside a phase.
fn did(tone: Tone, word: &'static str, what: impl Into<String>) -> Line {
    Line::new(tone, word, what).at(1)
}

fn phase_name(scene: &Scene) -> String {
    scene.phase_id().map(|id| format!("phase {id}")).unwrap_or_default()
}

fn ended(scene: &Scene, name: String, (tone, word, detail): (Tone, &'static str, String)) -> Line {
    let took = scene.took.and_then(text::took).map(|took| format!("took {took}"));
    let parts: Vec<String> =
        [Some(detail).filter(|text| !text.is_empty()), took].into_iter().flatten().collect();
    did(tone, word, parts.join("; ")).about(name)
}

fn phase_began(plan: &Plan, phase: Option<&Phase>, header: &PhaseHeader) -> Vec<Line> {
    let place = plan.phases.iter().position(|phase| phase.id == header.phase);
    let place = place.map(|at| format!("{} of {}, ", at + 1, plan.phases.len())).unwrap_or_default();
    let title = phase.and_then(|phase| phase.title.clone()).unwrap_or_default();
    let risk = phase.map(|phase| format!(", risk {}", text::risk(phase.risk))).unwrap_or_default();
    let name = format!("phase {}", header.phase);
    let mut lines = vec![
        Line::new(Tone::Heading, name, if title.is_empty() { title } else { format!("- {title}") }),
        Line::plain(format!(
            "{place}plan {} revision {}, generation {}{risk}",
            header.plan, header.revision, header.generation
        ))
        .at(1),
    ];
    if let Some(why) = phase.and_then(|phase| phase.why.as_ref()) {
        lines.push(Line::plain(format!("why: {why}")).at(1));
    }
    lines
}

/// The width of the column of check names at a moment.
fn align(phase: Option<&Phase>, moment: Moment) -> usize {
    let checks = match (phase, moment) {
        (None, _) => return 0,
        (Some(phase), Moment::Applies) => phase.applies_if.as_slice(),
        (Some(phase), Moment::Preflight) => &phase.preflight,
        (Some(phase), Moment::Baseline | Moment::Validate | Moment::Reprobe) => &phase.validate,
    };
    // An id is of ASCII alone, so its bytes are its columns; this is asked for each check.
    checks.iter().map(|check| check.id.as_str().len()).max().unwrap_or(0).min(WIDEST_NAME)
}

/// A check result: one line, and where it did not pass, every further reason and the hint.
pub(super) fn check(report: &CheckReport, tone: Tone, align: usize, depth: usize) -> Vec<Line> {
    let took = (report.took >= Span::seconds(1)).then(|| format!("took {}", report.took));
    let found = [text::findings(report), took.unwrap_or_default()];
    let found: Vec<String> = found.into_iter().filter(|text| !text.is_empty()).collect();
    let found = match (&report.title, found.join("; ")) {
        (Some(title), found) if !found.is_empty() => format!("{}: {found}", title.trim_end_matches('.')),
        (Some(title), _) => title.clone(),
        (None, found) => found,
    };
    let first = Line::outcome(tone, report.outcome, found);
    let mut lines = vec![first.about(report.check.as_str()).aligned(align).at(depth)];
    match report.outcome {
        Outcome::Pass | Outcome::Skipped => {}
        Outcome::Warn | Outcome::Fail | Outcome::Error | Outcome::Inconclusive => {
            lines.extend(report.reasons.iter().skip(1).map(|why| Line::plain(why).at(depth + 1)));
            let hint = report.hint.iter().map(|hint| Line::plain(format!("hint: {hint}")).at(depth + 1));
            lines.extend(hint);
        }
    }
    lines
}

fn moment_judged(scene: &Scene, moment: Moment) -> Vec<Line> {
    if scene.tally.is_empty() {
        return Vec::new();
    }
    let faults = || scene.faults.iter().filter(|fault| fault.moment == moment);
    let well = if moment == Moment::Baseline { Tone::Plain } else { Tone::Good };
    let tone = faults().map(|fault| check_tone(scene, moment, &fault.report)).fold(well, worse);
    let light =
        faults().filter(|fault| text::bad(fault.report.outcome) && fault.report.weight != Weight::Counts);
    let light = match light.count() {
        0 => String::new(),
        number => format!(" ({number} of them without weight)"),
    };
    vec![
        did(
            tone,
            "judged",
            format!(
                "{}{light}",
                text::tally(scene.tally.iter().map(|(outcome, number)| (*outcome, *number)))
            ),
        )
        .about(text::moment(moment)),
    ]
}

/// The tone of a result in its place: what has no weight, or was no better before the phase, is no alarm. The baseline
/// is how things are and no reproach to anybody.
fn check_tone(scene: &Scene, moment: Moment, report: &CheckReport) -> Tone {
    let known = match moment {
        Moment::Baseline => false,
        Moment::Reprobe => scene.was_bad(&report.check),
        Moment::Applies | Moment::Preflight | Moment::Validate => false,
    };
    match text::outcome_tone(report.outcome) {
        Tone::Bad | Tone::Caution if moment == Moment::Baseline => Tone::Quiet,
        Tone::Bad if known || report.weight != Weight::Counts => Tone::Caution,
        tone @ (Tone::Heading | Tone::Good | Tone::Caution | Tone::Bad | Tone::Quiet | Tone::Plain) => tone,
    }
}

fn worse(one: Tone, other: Tone) -> Tone {
    match (one, other) {
        (Tone::Bad, _) | (_, Tone::Bad) => Tone::Bad,
        (Tone::Caution, _) | (_, Tone::Caution) => Tone::Caution,
        (
            Tone::Good | Tone::Heading | Tone::Quiet | Tone::Plain,
            Tone::Good | Tone::Heading | Tone::Quiet | Tone::Plain,
        ) => one,
    }
}

fn restored_words(name: String, restored: &Restored) -> Vec<Line> {
    let changed = match restored.changed {
        0 => "all was as recorded".to_owned(),
        number => {
            format!("{} changed back", counted(number, "thing"))
        }
    };
    if restored.failed.is_empty() {
        return vec![did(Tone::Good, "restored", format!("{changed}; read back, as recorded")).about(name)];
    }
    let failed = counted(restored.failed.len(), "thing");
    let mut lines =
        vec![did(Tone::Bad, "not back", format!("{changed}; {failed} not as recorded")).about(name)];
    lines.extend(summary::items(&restored.failed, 2));
    lines
}

fn phase_ended(scene: &Scene, end: PhaseEnd) -> Vec<Line> {
    let (tone, word, meaning) = text::phase_end(end, But::of(&scene.left, &[]));
    match end {
        PhaseEnd::NotApplicable => vec![Line::new(tone, word, meaning).about(phase_name(scene))],
        // Said already, when it became true.
        PhaseEnd::Committed => Vec::new(),
        // The verdict follows at once and says it with all its reasons.
        PhaseEnd::Refused | PhaseEnd::Reverted | PhaseEnd::Inconsistent | PhaseEnd::Resolved => Vec::new(),
    }
}
