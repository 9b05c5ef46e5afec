//! The looking verbs: `status`, `history`, `show`, `rollback --list`, and what a rollback will do. They build no words
//! of their own where a fact has words already.

use super::line::{Line, Tone, render};
use super::style::Style;
use super::table::{Column, Keep, table};
use super::text::But;
use super::{explain, fact, refused, summary, text};
use crate::model::{
    Act, Cause, Change, Changed, CheckLine, CurrentLine, HistoryLine, Hold, Item, Kept, Moment, PhaseLine,
    PreviewStep, QuarantineLine, Resolution, RollbackPreview, Showing, SoakWatch, Status, StepLine,
    Timestamp, Timing, Today, WayBackPreview, Weight, counted,
};
use unicode_width::UnicodeWidthStr;

/// Where we are.
#[must_use]
pub fn status(status: &Status, style: &Style) -> String {
    let mut lines = vec![Line::new(Tone::Plain, "state", status.state.clone())];
    lines.extend(status.holder.iter().map(|who| Line::new(Tone::Caution, "locked", format!("by {who}"))));
    match &status.current {
        Some(current) => lines.extend(current_lines(current)),
        None if status.damage.is_empty() => {
            lines.push(Line::new(Tone::Plain, "nothing", "was ever run here"));
        }
        None => lines.push(Line::new(Tone::Bad, "unknown", "what was run here cannot be read any more")),
    }
    if !status.phases.is_empty() {
        lines.extend(status.today.iter().map(today));
        lines.push(Line::new(Tone::Heading, "phases", ""));
        let align = status.phases.iter().map(|line| line.phase.as_str().width()).max().unwrap_or(0);
        lines.extend(status.phases.iter().map(|line| phase_line(line, align)));
    }
    if !status.quarantine.is_empty() {
        lines.push(Line::new(Tone::Heading, "rejected here", "(taken again only with `--override`)"));
        lines.extend(status.quarantine.iter().map(quarantine_line));
    }
    lines.extend(kept(&status.kept));
    lines.extend(damage(&status.damage));
    render(&lines, style)
}

fn kept(kept: &Kept) -> Option<Line> {
    let oldest = kept.oldest?;
    let words = format!(
        "{} from {oldest} on; of those that changed nothing, the newest {} and at most {}",
        counted(kept.generations, "generation"),
        kept.spent_at_most,
        text::bytes(kept.spent_bytes_at_most)
    );
    Some(Line::new(Tone::Quiet, "kept", words))
}

fn because(cause: Option<&Cause>, depth: usize) -> impl Iterator<Item = Line> {
    let reasons = cause.into_iter().flat_map(refused::reasons);
    reasons.map(move |why| Line::new(Tone::Caution, "because", why).at(depth))
}

fn current_lines(current: &CurrentLine) -> Vec<Line> {
    let plan = format!("{} revision {}", current.plan, current.revision);
    let phase = format!("{}, generation {}: {}", current.phase, current.generation, current.stage);
    let times = format!("{}, last fact {}", text::when(current.began), text::when(current.last));
    let mut lines = vec![
        Line::new(Tone::Plain, "plan", plan),
        Line::new(Tone::Plain, "phase", phase),
        Line::new(Tone::Plain, "began", times),
    ];
    if let Some(verdict) = current.verdict {
        let (tone, word, meaning) = text::verdict(verdict, But::of(&current.left, &current.accepted));
        lines.push(Line::new(tone, "ended", format!("{word}: {meaning}")));
    }
    lines.extend(summary::accepted(&current.accepted, 0));
    lines.extend(because(current.cause.as_ref(), 0));
    lines.extend(current.soak_until.map(|until| soaks(until, current.soak_watch.as_ref())));
    lines.extend(current.hold.iter().flat_map(|told| hold(told, 0)));
    lines.extend(current.waiting.iter().map(|who| Line::new(Tone::Caution, "waiting", who)));
    lines.extend(summary::items(&current.items, 0));
    lines.extend(summary::left(&current.left, 0));
    lines.extend(current.resolved.iter().flat_map(|resolved| resolution(resolved, 0)));
    lines
}

/// What was found while a phase soaked, and whose word let the plan go on.
fn hold(hold: &Hold, depth: usize) -> Vec<Line> {
    let since = text::when(hold.held.since);
    let mut lines = vec![match &hold.released {
        None => Line::new(Tone::Caution, "held", format!("since {since}: {}", text::held(&hold.held))),
        Some(_) => Line::new(Tone::Plain, "held", format!("{since}: {}", text::cause(&hold.held.cause))),
    }];
    lines.extend(hold.released.iter().map(|release| {
        let (tone, who) = text::released(&release.reason, release.by.as_deref());
        Line::new(tone, "released", format!("{}, {who}", text::when(release.at)))
    }));
    let mut lines: Vec<Line> = lines.into_iter().map(|line| line.at(depth)).collect();
    let item = |item: &Item| Line::plain(item.why.clone()).about(&item.name).at(depth + 1);
    lines.splice(1..1, hold.held.found.iter().map(item));
    lines
}

/// Until when a phase soaks, and who looks at it meanwhile.
fn soaks(until: Timestamp, watch: Option<&SoakWatch>) -> Line {
    let until = format!("until {}", text::when(until));
    let timer = "`switchback schedule install` sets up a timer";
    let (tone, who) = match watch {
        None => (Tone::Plain, String::new()),
        Some(SoakWatch::Timer(often)) => (Tone::Plain, format!("; a timer judges it {often}")),
        Some(SoakWatch::Nobody(Some(often))) => {
            (Tone::Caution, format!("; it is to be judged {often}, and nobody does: {timer}"))
        }
        Some(SoakWatch::Nobody(None)) => (Tone::Plain, format!("; nobody judges it meanwhile: {timer}")),
    };
    Line::new(tone, "soaks", format!("{until}{who}"))
}

/// What a person put right by hand, and whose word it is.
fn resolution(resolved: &Resolution, depth: usize) -> Vec<Line> {
    let who = format!("by {}, {}: {}", resolved.by, text::when(resolved.at), resolved.reason);
    let mut lines = vec![Line::new(Tone::Caution, "resolved", who).at(depth)];
    let item = |item: &Item| Line::plain(item.why.clone()).about(&item.name).at(depth + 1);
    lines.extend(resolved.items.iter().map(item));
    lines
}

/// Which day of the plan's calendar it is.
fn today(today: &Today) -> Line {
    let date = today.date.format("%a %Y-%m-%d");
    let words = match (today.week, today.day) {
        (Some(week), Some(day)) => format!("{date}, week {week}, day {day}"),
        (Some(week), None) => format!("{date}, week {week}, a day that does not count"),
        (None, _) => format!("{date}, before the plan's first day"),
    };
    Line::new(Tone::Plain, "today", words)
}

/// When a phase is due, and what it waits for; nothing where neither is known.
fn time(line: &PhaseLine) -> Option<String> {
    let days = match (line.time.first, line.time.last) {
        (Some(first), Some(last)) if first == last => Some(first.format("%a %Y-%m-%d").to_string()),
        (Some(first), Some(last)) => {
            Some(format!("{} to {}", first.format("%a %Y-%m-%d"), last.format("%a %Y-%m-%d")))
        }
        (Some(_) | None, Some(_) | None) => None,
    };
    let wait = match &line.time.timing {
        Timing::Settled | Timing::Due | Timing::Early => None,
        Timing::Late(days) => Some(format!("{} late", counted(days, "day"))),
        Timing::DayOff => Some("not today, which does not count".to_owned()),
        Timing::Soaks(until) => Some(format!("not before {}: what was committed soaks", text::when(*until))),
        Timing::Held(phase) => Some(format!("not before a person says so: {phase} is held")),
        Timing::After(phase) => Some(format!("after {phase}")),
    };
    let parts: Vec<String> = [days, wait].into_iter().flatten().collect();
    (!parts.is_empty() && line.time.timing != Timing::Settled).then(|| parts.join("; "))
}

fn phase_line(line: &PhaseLine, align: usize) -> Line {
    let waits =
        matches!(line.time.timing, Timing::Soaks(_) | Timing::Held(_) | Timing::Early | Timing::DayOff);
    let (tone, word) = match (line.due, line.end) {
        (true, _) if waits => (Tone::Plain, "next"),
        (true, _) => (Tone::Caution, "due"),
        (false, Some(end)) => {
            let (tone, word, _) = text::phase_end(end, But::Nothing);
            (tone, word)
        }
        (false, None) => (Tone::Quiet, "to come"),
    };
    let title = match (line.title.clone(), time(line)) {
        (Some(title), Some(time)) => format!("{title} ({time})"),
        (Some(text), None) | (None, Some(text)) => text,
        (None, None) => String::new(),
    };
    Line::new(tone, word, title).about(line.phase.as_str()).aligned(align).at(1)
}

fn quarantine_line(line: &QuarantineLine) -> Line {
    let what = format!("{} revision {} ({})", line.plan, line.revision, line.digest.short());
    let why = format!(
        "phase {}, generation {}, {}: {}",
        line.phase,
        line.generation,
        text::when(line.at),
        text::cause(&line.cause)
    );
    Line::plain(why).about(what).at(1)
}

fn damage(items: &[crate::model::Item]) -> Vec<Line> {
    let one = |item: &crate::model::Item| Line::new(Tone::Bad, "damaged", item.why.clone()).about(&item.name);
    items.iter().map(one).collect()
}

/// Why a phase went back or stopped, and what is left of it all the same.
fn why(line: &HistoryLine) -> String {
    let cause = line.cause.as_ref().map(text::cause);
    let names: Vec<&str> = line.left.iter().map(|item| item.name.as_str()).collect();
    let left = (!names.is_empty()).then(|| format!("left by design: {}", names.join(", ")));
    let resolved = line.resolved.as_ref().map(|resolved| format!("{}: {}", resolved.by, resolved.reason));
    let names: Vec<&str> = line.accepted.iter().map(|item| item.name.as_str()).collect();
    let accepted = (!names.is_empty()).then(|| format!("accepted all the same: {}", names.join(", ")));
    let hold = line.hold.as_ref().map(|hold| match &hold.released {
        None => format!("held: {}", text::cause(&hold.held.cause)),
        Some(_) => format!("held, and released: {}", text::cause(&hold.held.cause)),
    });
    [cause, accepted, hold, left, resolved].into_iter().flatten().collect::<Vec<String>>().join("; ")
}

fn end_word(line: &HistoryLine) -> String {
    let open = line.stage.as_deref().unwrap_or("open");
    let end = line.end.map_or(open, |end| text::phase_end(end, But::Nothing).1);
    if line.removed.is_some() { format!("{end}, removed") } else { end.to_owned() }
}

/// Every generation, in the order given.
#[must_use]
pub fn history(lines: &[HistoryLine], style: &Style) -> String {
    if lines.is_empty() {
        return render(&[Line::plain("no generation was ever recorded here")], style);
    }
    let columns = [
        Column { name: "number", keep: Keep::Always },
        Column { name: "phase", keep: Keep::Always },
        Column { name: "began", keep: Keep::WhereRoom },
        Column { name: "plan", keep: Keep::WhereRoom },
        Column { name: "took", keep: Keep::WhereRoom },
        Column { name: "end", keep: Keep::Always },
        Column { name: "why", keep: Keep::Always },
    ];
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            vec![
                line.generation.to_string(),
                line.phase.to_string(),
                text::when(line.began),
                format!("{} r{}", line.plan, line.revision),
                line.decided.unwrap_or(line.last).since(line.began).to_string(),
                end_word(line),
                why(line),
            ]
        })
        .collect();
    table(&columns, &rows, style)
}

/// How far back the machine can go: each generation is the state before its phase.
#[must_use]
pub fn rollback_list(lines: &[HistoryLine], style: &Style) -> String {
    if lines.is_empty() {
        return render(&[Line::plain("no generation was ever recorded here: there is no way back")], style);
    }
    let columns = [
        Column { name: "number", keep: Keep::Always },
        Column { name: "before phase", keep: Keep::Always },
        Column { name: "plan", keep: Keep::Always },
        Column { name: "recorded", keep: Keep::WhereRoom },
        Column { name: "phase is", keep: Keep::WhereRoom },
        Column { name: "layers", keep: Keep::Always },
    ];
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            let layers = if line.layers.is_empty() { "none".to_owned() } else { line.layers.join("; ") };
            let phase = line.phase.to_string();
            let plan = format!("{} r{}", line.plan, line.revision);
            vec![line.generation.to_string(), phase, plan, text::when(line.began), end_word(line), layers]
        })
        .collect();
    table(&columns, &rows, style)
}

/// How much of a long list is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// What a person looks through, and how many more there are.
    Short,
    /// All of it.
    Whole,
}

/// So many changed things are told at once.
const CHANGES: usize = 100;

/// One generation: what changed, all results, evidence.
#[must_use]
pub fn show(showing: &Showing, length: Length, style: &Style) -> String {
    let line = &showing.line;
    let mut lines = vec![
        Line::new(
            Tone::Heading,
            format!("generation {}", line.generation),
            format!("- phase {}", line.phase),
        ),
        Line::plain(format!("plan {} revision {}, run {}", line.plan, line.revision, line.run)).at(1),
        Line::plain(format!("began {}, last fact {}", text::when(line.began), text::when(line.last))).at(1),
    ];
    match line.end {
        Some(end) => {
            let (tone, word, meaning) = text::phase_end(end, But::of(&line.left, &line.accepted));
            lines.push(Line::new(tone, word, meaning).at(1));
        }
        None => {
            let stage = line.stage.as_deref().unwrap_or("open");
            lines.push(Line::new(Tone::Caution, stage, "the phase has not ended").at(1));
        }
    }
    lines.extend(because(line.cause.as_ref(), 1));
    lines.extend(summary::accepted(&line.accepted, 1));
    lines.extend(showing.confirmed.iter().map(|it| {
        let said = format!("{}, {}", text::said_keep(it.by.as_ref()), text::when(it.at));
        Line::new(Tone::Good, "confirmed", said).at(1)
    }));
    lines.extend(showing.line.hold.iter().flat_map(|told| hold(told, 1)));
    lines.extend(summary::items(&showing.items, 1));
    lines.extend(summary::left(&line.left, 1));
    lines.extend(line.resolved.iter().flat_map(|resolved| resolution(resolved, 1)));
    if !showing.records.is_empty() {
        lines.push(Line::new(Tone::Heading, "recorded", ""));
        let one = |record: &crate::model::LayerRecord| {
            Line::plain(record.target.clone()).about(format!("layer {}", record.kind)).at(1)
        };
        lines.extend(showing.records.iter().map(one));
    }
    if let Some(changes) = &showing.changes {
        lines.push(Line::new(Tone::Heading, "changed since", "(as it is now)"));
        if changes.is_empty() {
            lines.push(Line::plain("all of it is as recorded").at(1));
        }
        lines.extend(cut(changes.iter().map(change_line).collect(), length));
    }
    if !showing.changed_back.is_empty() {
        lines.push(Line::new(Tone::Heading, "changed back", "(what the layers did on the way back)"));
        lines.extend(cut(showing.changed_back.iter().map(|what| Line::plain(what).at(1)).collect(), length));
    }
    if !showing.steps.is_empty() {
        lines.push(Line::new(Tone::Heading, "steps", ""));
        lines.extend(showing.steps.iter().flat_map(step_lines));
    }
    let align = showing.checks.iter().map(|check| check.report.check.as_str().width()).max().unwrap_or(0);
    let mut moment = None;
    for check in &showing.checks {
        if moment != Some(check.moment) {
            moment = Some(check.moment);
            let purpose = format!("({})", text::moment_purpose(check.moment));
            lines.push(Line::new(Tone::Heading, text::moment(check.moment), purpose));
        }
        lines.extend(fact::check(&check.report, tone(check), align, 1));
        lines.extend(check.accepted.iter().map(|reason| Line::plain(format!("accepted: {reason}")).at(2)));
    }
    if !showing.evidence.is_empty() {
        lines.push(Line::new(Tone::Heading, "evidence", "(in the capsule)"));
        lines.extend(showing.evidence.iter().map(|name| Line::plain(name).at(1)));
    }
    lines.push(Line::new(Tone::Plain, "capsule", showing.capsule.clone()));
    lines.extend(damage(&showing.damage));
    render(&lines, style)
}

/// A result without weight, or one that was accepted, is no alarm; what the baseline saw is not even a caution.
fn tone(check: &CheckLine) -> Tone {
    let known = check.accepted.is_some() || check.report.weight != Weight::Counts;
    match text::outcome_tone(check.report.outcome) {
        Tone::Bad | Tone::Caution if check.moment == Moment::Baseline => Tone::Quiet,
        Tone::Bad if known => Tone::Caution,
        tone @ (Tone::Heading | Tone::Good | Tone::Caution | Tone::Bad | Tone::Quiet | Tone::Plain) => tone,
    }
}

/// The first of many lines, and that there are more.
fn cut(mut lines: Vec<Line>, length: Length) -> Vec<Line> {
    let told = match length {
        Length::Short => CHANGES,
        Length::Whole => lines.len(),
    };
    let more = lines.len().saturating_sub(told);
    lines.truncate(told);
    if more > 0 {
        let what = format!("{more} more are not shown; `--all` shows them, `--json` always does");
        lines.push(Line::new(Tone::Caution, "cut", what).at(1));
    }
    lines
}

fn step_lines(line: &StepLine) -> Vec<Line> {
    let name = format!("{} {}", line.part, line.step);
    let first = match &line.outcome {
        Some(outcome) => {
            let (tone, word, detail) = text::step_outcome(outcome);
            let detail = match (line.exit, detail.is_empty()) {
                (Some(status), true) => format!("exit status {status}"),
                (Some(_) | None, _) => detail,
            };
            let took = line.took.map(|took| format!("took {took}"));
            let parts: Vec<String> =
                [Some(detail).filter(|text| !text.is_empty()), took].into_iter().flatten().collect();
            Line::new(tone, word, parts.join("; ")).about(name).at(1)
        }
        None => Line::new(Tone::Caution, "begun", "its end was not recorded").about(name).at(1),
    };
    let mut lines = vec![first];
    lines.extend(line.said.as_ref().map(|said| Line::new(Tone::Plain, "said", said).at(2)));
    lines.extend(line.act.iter().flat_map(|act| explain::explain_act(act, 2)));
    lines
}

fn change_line(change: &Change) -> Line {
    let (tone, word) = match change.change {
        Changed::Created => (Tone::Plain, "created"),
        Changed::Changed => (Tone::Plain, "changed"),
        Changed::Removed => (Tone::Plain, "removed"),
        Changed::Unknown => (Tone::Caution, "unknown"),
    };
    let way = match (&change.from, &change.to) {
        (Some(from), Some(to)) => Some(format!("from {from} to {to}")),
        (Some(from), None) => Some(format!("was {from}")),
        (None, Some(to)) => Some(format!("is {to}")),
        (None, None) => None,
    };
    let words: Vec<String> = way.into_iter().chain(change.how.iter().cloned()).collect();
    Line::new(tone, word, words.join("; ")).about(&change.name).at(1)
}

/// What a rollback will do, before it does it.
#[must_use]
pub fn rollback_preview(preview: &RollbackPreview, style: &Style) -> String {
    if preview.generations.is_empty() {
        let nothing = Line::plain(format!("nothing to roll back in {}", preview.state));
        return render(&[nothing], style);
    }
    let mut lines: Vec<Line> = preview.generations.iter().flat_map(way_back).collect();
    if !preview.stays.is_empty() {
        lines.push(Line::new(Tone::Heading, "stays", "(not as it was recorded, after this either)"));
        let stays = preview.stays.iter();
        lines.extend(stays.map(|item| Line::plain(item.why.clone()).about(&item.name).at(1)));
    }
    render(&lines, style)
}

/// Who does it: what is asked for is done by a person, whoever runs the rest.
const fn by_whom(step: &PreviewStep) -> &'static str {
    match step.act {
        Act::Ask { .. } => "by a person",
        Act::Run(_) | Act::Shell { .. } | Act::Install { .. } | Act::Set { .. } | Act::Reboot { .. } => {
            text::run_as(step.who)
        }
    }
}

fn way_back(back: &WayBackPreview) -> Vec<Line> {
    let name = format!("generation {}", back.generation);
    let to = format!("- back to before phase {} (plan {} revision {})", back.phase, back.plan, back.revision);
    let mut lines = vec![Line::new(Tone::Heading, name, to)];
    if back.begun {
        lines.push(Line::plain("a way back was begun before and did not end; it is finished").at(1));
    }
    let mut number = 0;
    let mut next = |text: String| {
        number += 1;
        Line::plain(format!("{number}. {text}")).at(1)
    };
    for step in &back.undo {
        lines.push(next(format!("undo step {}, {}", step.step, by_whom(step))));
        lines.extend(explain::explain_act(&step.act, 2));
    }
    for layer in &back.layers {
        let record = &layer.record;
        lines.push(next(format!("restore layer {} to {}, and read it back", record.kind, record.target)));
        if layer.differences.is_empty() {
            lines.push(Line::plain("all of it is as recorded now").at(2));
        }
        lines.extend(layer.differences.iter().map(|line| Line::plain(line.clone()).at(2)));
    }
    for step in &back.rollback {
        lines.push(next(format!("rollback step {}, {}", step.step, by_whom(step))));
        lines.extend(explain::explain_act(&step.act, 2));
    }
    if !back.checks.is_empty() {
        let checks = counted(back.checks.len(), "check");
        lines.push(next(format!("probe {checks} again and compare with the baseline")));
    }
    if number == 0 {
        lines.push(Line::plain("nothing was changed: nothing is to be done").at(1));
    }
    lines
}
