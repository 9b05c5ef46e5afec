//! How a plan can end, before it is run: a table by ending, and for each phase the worst and its reason.

use super::explain_json::FORMAT;
use super::line::{Line, Tone, render};
use super::style::Style;
use super::table::{Column, Keep, table};
use super::text;
use crate::model::{
    Choice, Deed, Ending, EndingFound, Foreseen, Item, Moment, Outcome, PhaseForeseen, Plan, StepOutcome,
    counted,
};
use serde_json::{Value, json};

/// More ways than this are not told apart.
const MANY: u128 = 1_000_000_000_000_000;

/// An ending: a tone, a name, and where that leaves the machine.
const fn ending(ending: Ending) -> (Tone, &'static str, &'static str) {
    match ending {
        Ending::Committed => (Tone::Good, "committed", "validated and permanent"),
        Ending::NotApplicable => (Tone::Quiet, "not applicable", "the phase is left out on this machine"),
        Ending::NothingChanged => (Tone::Good, "nothing changed", "refused, or not begun"),
        Ending::RolledBack => (Tone::Good, "rolled back", "exactly as before the phase"),
        Ending::RolledBackBut => {
            (Tone::Caution, "rolled back, but", "as before, but for what the plan says cannot be undone")
        }
        Ending::AwaitingReboot => (Tone::Caution, "awaiting reboot", "goes on when the machine is up again"),
        Ending::Paused => (Tone::Caution, "paused", "waits for a person"),
        Ending::Inconsistent => (Tone::Bad, "inconsistent", "named items are neither old nor new"),
        Ending::Nameless => (Tone::Bad, "NO NAME", "nobody can say where that leaves the machine"),
    }
}

fn number(ways: u128) -> String {
    if ways >= MANY {
        return "10^15 or more".to_owned();
    }
    let digits = ways.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// As text.
#[must_use]
pub fn foreseen(plan: &Plan, found: &Foreseen, style: &Style) -> String {
    let heading = format!("plan {} revision {}", plan.name, plan.revision);
    let mut out = render(&[Line::new(Tone::Heading, heading, "how it can end"), Line::empty()], style);
    let columns = [
        Column { name: "ending", keep: Keep::Always },
        Column { name: "ways", keep: Keep::Always },
        Column { name: "phases", keep: Keep::WhereRoom },
        Column { name: "the shortest story that leads there", keep: Keep::Always },
    ];
    out.push_str(&table(&columns, &rows(found), style));
    let mut lines = vec![Line::empty()];
    for phase in &found.phases {
        lines.extend(worst(phase));
    }
    lines.push(Line::empty());
    lines.push(Line::new(
        Tone::Heading,
        "explored",
        "with the same decisions that a run makes; nothing was done",
    ));
    for phase in &found.phases {
        let ways = phase.endings.iter().fold(0_u128, |all, it| all.saturating_add(it.ways));
        let words = format!("{}, {} ways", counted(phase.states, "state"), number(ways));
        lines.push(Line::plain(words).about(format!("phase {}", phase.phase)).at(1));
        lines.extend(
            phase
                .cut
                .iter()
                .map(|what| Line::new(Tone::Caution, "cut", format!("too many states: {what}")).at(2)),
        );
    }
    lines.extend(found.explored.iter().map(|what| Line::plain(*what).at(1)));
    lines.push(Line::new(Tone::Heading, "taken for one", ""));
    lines.extend(found.together.iter().map(|what| Line::plain(*what).at(1)));
    out.push_str(&render(&lines, style));
    out
}

/// One row for each ending that some phase has, the best first.
fn rows(found: &Foreseen) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for which in Ending::ALL {
        let of: Vec<(&PhaseForeseen, &EndingFound)> = found
            .phases
            .iter()
            .filter_map(|phase| Some((phase, phase.endings.iter().find(|it| it.ending == which)?)))
            .collect();
        let weight = |it: &EndingFound| it.story.iter().map(Deed::weight).sum::<usize>();
        let Some((phase, shortest)) = of.iter().min_by_key(|(_, it)| weight(it)) else { continue };
        let (_, word, _) = ending(which);
        let ways = of.iter().fold(0_u128, |all, (_, it)| all.saturating_add(it.ways));
        rows.push(vec![
            word.to_owned(),
            number(ways),
            format!("{} of {}", of.len(), found.phases.len()),
            format!("{}: {}", phase.phase, story(&shortest.story)),
        ]);
    }
    rows
}

fn story(deeds: &[Deed]) -> String {
    if deeds.is_empty() {
        return "nothing goes wrong".to_owned();
    }
    deeds.iter().map(deed).collect::<Vec<_>>().join("; ")
}

/// The worst that can become of a phase, where one thing goes wrong and where more do; how one gets there, and what is
/// named then.
fn worst(phase: &PhaseForeseen) -> Vec<Line> {
    let mut lines = vec![Line::new(Tone::Heading, format!("phase {}", phase.phase), "")];
    let alone = phase.endings.iter().filter(|it| it.wrongs() <= 1).max_by_key(|it| it.ending);
    let worst = phase.endings.iter().max_by_key(|it| it.ending);
    lines.extend(alone.iter().flat_map(|it| one("worst, if one thing goes wrong", it)));
    lines.extend(worst.filter(|it| it.wrongs() > 1).iter().flat_map(|it| one("worst, if more do", it)));
    let named = |items: &[Item], tone, word: &str| {
        items.iter().map(|it| Line::new(tone, word, &it.why).about(&it.name).at(1)).collect::<Vec<_>>()
    };
    lines.extend(worst.iter().flat_map(|it| named(&it.items, Tone::Bad, "may name")));
    let by_design = phase.endings.iter().find(|it| it.ending == Ending::RolledBackBut);
    lines.extend(by_design.iter().flat_map(|it| named(&it.left, Tone::Caution, "by design")));
    lines
}

fn one(heading: &str, found: &EndingFound) -> Vec<Line> {
    let (tone, word, meaning) = ending(found.ending);
    let mut lines = vec![
        Line::plain(heading).at(1),
        Line::new(tone, word, meaning).at(2),
        Line::new(Tone::Plain, "story", story(&found.story)).at(2),
    ];
    lines.extend(found.why.iter().map(|why| Line::new(Tone::Bad, "because", why).at(2)));
    lines
}

const fn moment(moment: Moment) -> &'static str {
    match moment {
        Moment::Applies => "when it is asked whether the phase applies",
        Moment::Preflight => "before the phase",
        Moment::Baseline => "when the baseline is taken",
        Moment::Validate => "when the phase is validated",
        Moment::Reprobe => "after the way back",
    }
}

fn ends(outcome: &StepOutcome) -> String {
    match outcome {
        StepOutcome::Done => "is done".to_owned(),
        StepOutcome::NotApplicable(_) => "is skipped, since its `when` does not hold".to_owned(),
        StepOutcome::Failed(_) => "fails".to_owned(),
        StepOutcome::NotStarted(_) => "cannot be started".to_owned(),
        StepOutcome::Broken(why) => format!("breaks off: {why}"),
        StepOutcome::TimedOut(after) => format!("is killed after {after}"),
        StepOutcome::Declined => "is declined by a person".to_owned(),
        StepOutcome::Interrupted => "is interrupted".to_owned(),
        StepOutcome::Lost => "is lost with its runner".to_owned(),
    }
}

/// One thing that happens, as a clause.
fn deed(deed: &Deed) -> String {
    match deed {
        Deed::Step { part, step, outcome } => {
            let list = match part {
                crate::model::Part::Apply => "",
                crate::model::Part::Commit => "commit ",
                crate::model::Part::Rollback => "rollback ",
            };
            format!("{list}step `{step}` {}", ends(outcome))
        }
        Deed::Undo { step, outcome, .. } => format!("the undo of step `{step}` {}", ends(outcome)),
        Deed::Check { moment: at, check, of, critical, outcome } => {
            let others = if *of > 1 { format!(", or one of {} like it,", of - 1) } else { String::new() };
            let critical = if *critical { "critical " } else { "" };
            let what = match outcome {
                Outcome::Error => "cannot be measured",
                Outcome::Inconclusive => "is undecided",
                Outcome::Fail | Outcome::Pass | Outcome::Warn | Outcome::Skipped => "fails",
            };
            format!("{critical}check `{check}`{others} {what} {}", moment(*at))
        }
        Deed::NotRecorded(kind) => format!("layer {kind} cannot be recorded"),
        Deed::NotSealed => "the capsule cannot be completed".to_owned(),
        Deed::NotArmed => "the guard cannot be armed".to_owned(),
        Deed::NotKept(kind) => format!("layer {kind} cannot be made permanent"),
        Deed::NotRestored(kind) => format!("layer {kind} cannot be restored"),
        Deed::NotOpened => "no generation can be opened".to_owned(),
        Deed::Unrecorded => "the disk is full, and nothing can be recorded".to_owned(),
        Deed::Killed { at } => format!("the runner is killed ({at})"),
        Deed::TakenUp => "the run is taken up again".to_owned(),
        Deed::Rebooted => "the machine goes down, comes up, and the run is taken up".to_owned(),
        Deed::Booted => "the machine is rebooted".to_owned(),
        Deed::GuardFired => "the guard takes over".to_owned(),
        Deed::GuardFiredAtBoot => "the machine goes down, comes up, and the guard takes over".to_owned(),
        Deed::WrongBoot => "something else boots than was prepared".to_owned(),
        Deed::RollbackAsked => "somebody asks for the way back".to_owned(),
        Deed::StopAsked => "a person asks to stop".to_owned(),
        Deed::StopInsisted => "a person asks twice to stop".to_owned(),
        Deed::GateClosed => "a person says no before the phase begins".to_owned(),
        Deed::Silence => "nobody says keep in time".to_owned(),
        Deed::NotKeptByPerson => "a person says that it is not to be kept".to_owned(),
        Deed::Chosen(Choice::Retry) => "a person tries again".to_owned(),
        Deed::Chosen(Choice::Rollback) => "a person chooses the way back".to_owned(),
        Deed::Chosen(Choice::Pause) => "a person pauses it".to_owned(),
        Deed::Chosen(Choice::Accept { .. }) => "a person accepts it".to_owned(),
        Deed::SoakFailed => "it does not stay healthy while it soaks".to_owned(),
    }
}

/// For programs; `exit` is the status that follows.
#[must_use]
pub fn foreseen_json(plan: &Plan, found: &Foreseen, exit: u8) -> Value {
    let one = |it: &EndingFound| {
        let (_, word, meaning) = ending(it.ending);
        json!({
            "ending": it.ending,
            "words": format!("{word}: {meaning}"),
            // A number that every reader of JSON can hold, and whether there are more.
            "ways": u64::try_from(it.ways.min(MANY)).unwrap_or(u64::MAX),
            "more_ways": it.ways > MANY,
            "story": it.story,
            "story_words": story(&it.story),
            "cause": it.cause.as_ref().map(text::cause),
            "items": it.items,
            "left": it.left,
            "why": it.why,
        })
    };
    let phases = found.phases.iter().map(|phase| {
        json!({
            "phase": phase.phase,
            "worst": phase.endings.iter().map(|it| it.ending).max(),
            "endings": phase.endings.iter().map(one).collect::<Vec<_>>(),
            "states": phase.states,
            "cut": phase.cut,
        })
    });
    json!({
        "format": FORMAT,
        "rehearsal": "endings",
        "plan": plan.name,
        "revision": plan.revision,
        "digest": plan.digest,
        "named": found.named(),
        "phases": phases.collect::<Vec<_>>(),
        "explored": found.explored,
        "taken_for_one": found.together,
        "exit": exit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ending_that_can_be_named_is_in_the_document() {
        for which in Ending::ALL {
            let row = format!("| {} |", ending(which).1);
            assert!(include_str!("../../docs/rehearsing.md").contains(&row), "{row}");
        }
    }
}
