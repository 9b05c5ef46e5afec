//! Who is told that a verdict changed: once, not with every validation.

use crate::model::{
    CommandLine, Health, Outcome, ProcessEnd, RunAs, Span, Told, Validation, Value, VerdictChange,
};
use crate::store::ToldOf;
use crate::system::host::{Host, IdentityError};
use crate::system::process::{self, End, Spec, Unwatched};
use crate::system::sanitise::sanitise;

/// Somebody is told that a check cannot be judged after so many times in a row: one that is busy once is no news.
const UNKNOWN_AFTER: u32 = 3;
/// How long a command that tells somebody may take.
const PATIENCE: Span = Span::seconds(60);
/// Longest text on a desktop, in characters.
const LONGEST: usize = 800;

/// What there is to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// The verdicts that changed.
    pub changes: Vec<VerdictChange>,
    /// What is remembered where somebody was told.
    pub heard: ToldOf,
    /// What is remembered where nobody could be told: the same news comes again with the next validation.
    pub unheard: ToldOf,
}

/// Compares a validation with what somebody was told before. A check that was skipped stands as it stood.
#[must_use]
pub fn news(validation: &Validation, told: &ToldOf) -> News {
    let mut news = News { changes: Vec::new(), heard: ToldOf::new(), unheard: ToldOf::new() };
    for (phase, report) in validation.reports() {
        let counted = report.counted();
        if counted == Outcome::Skipped {
            continue;
        }
        let key = (phase.clone(), report.check.clone());
        let (before, now) = (told.get(&key).copied(), Health::of(counted));
        // What was never looked at is taken for good until it is seen otherwise.
        let stood = before.unwrap_or(Told { health: Health::Healthy, at: validation.began, unknown: 0 });
        let unknown = if now == Health::Unknown { stood.unknown.saturating_add(1) } else { 0 };
        let waits = now == Health::Unknown && unknown < UNKNOWN_AFTER;
        let silent = Told { unknown, ..stood };
        if waits || now == stood.health {
            news.heard.insert(key.clone(), silent);
            news.unheard.insert(key, silent);
            continue;
        }
        news.changes.push(VerdictChange {
            phase: phase.clone(),
            check: report.check.clone(),
            before: before.map(|before| before.health),
            now,
            reason: report.reasons.first().cloned(),
        });
        news.heard.insert(key.clone(), Told { health: now, at: validation.began, unknown });
        if before.is_some() || unknown > 0 {
            news.unheard.insert(key, silent);
        }
    }
    news
}

/// What somebody is told: words for a desktop, a document for a program.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// One line.
    pub title: String,
    /// Some lines.
    pub text: String,
    /// Whether something is worse than it was.
    pub urgent: bool,
    /// For a command, on its standard input.
    pub document: Value,
}

/// By which ways somebody is told.
#[derive(Debug, Clone, Copy)]
pub struct Ways<'a> {
    /// The machine, and whose desktop it is.
    pub host: &'a Host,
    /// A command of the user's with its arguments; none where it is empty.
    pub command: &'a [String],
    /// By a notification on the desktop.
    pub desktop: bool,
}

/// Whether somebody was told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivered {
    /// At least one way led to somebody.
    pub reached: bool,
    /// Why others did not, in words.
    pub problems: Vec<String>,
}

/// Tells it by every way.
#[must_use]
pub fn deliver(message: &Message, ways: &Ways<'_>) -> Delivered {
    let mut delivered = Delivered::default();
    let mut note = |done: Result<(), String>| match done {
        Ok(()) => delivered.reached = true,
        Err(why) => delivered.problems.push(why),
    };
    if !ways.command.is_empty() {
        note(by_command(message, ways));
    }
    if ways.desktop {
        note(on_desktop(message, ways.host));
    }
    delivered
}

fn by_command(message: &Message, ways: &Ways<'_>) -> Result<(), String> {
    let (ids, env) = ways.host.identity(RunAs::Runner).map_err(|why| why.to_string())?;
    let name = ways.command.first().cloned().unwrap_or_default();
    let input = Some(format!("{}\n", message.document).into_bytes());
    let command = CommandLine::new(ways.command.iter().cloned());
    ended(&name, &Spec { command, env, ids, timeout: PATIENCE, keep: 4096, input })
}

fn on_desktop(message: &Message, host: &Host) -> Result<(), String> {
    let (ids, env) = host.identity(RunAs::Session).map_err(|why| match why {
        IdentityError::NoSession(user) => {
            format!("nobody was told on the desktop: user {user} has no session")
        }
        IdentityError::NotRoot(_) | IdentityError::NoAccount(_) | IdentityError::NoGroup(_) => {
            why.to_string()
        }
    })?;
    let urgency = if message.urgent { "--urgency=critical" } else { "--urgency=normal" };
    let text: String = message.text.chars().take(LONGEST).collect();
    let words =
        ["notify-send", "--app-name=switchback", urgency, "--", &plain(&message.title), &marked(&text)]
            .map(str::to_owned);
    let command = CommandLine::new(words);
    ended("notify-send", &Spec { command, env, ids, timeout: PATIENCE, keep: 4096, input: None })
}

fn ended(name: &str, spec: &Spec) -> Result<(), String> {
    let ended = process::run(spec, &mut Unwatched);
    let said = ended.stderr.text();
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let why = match ended.end {
        End::Process(ProcessEnd::Exited(0)) => return Ok(()),
        End::Process(ProcessEnd::Exited(status)) => format!("ended with {status}"),
        End::Process(ProcessEnd::Signaled(signal)) => format!("was ended by signal {signal}"),
        End::TimedOut(after) => format!("did not end within {after}"),
        End::Interrupted => "was interrupted".to_owned(),
        End::NotStarted(why) => return Err(format!("nobody was told by {name}: {why}")),
    };
    let said = if last.is_empty() { String::new() } else { format!(": {last}") };
    Err(format!("nobody was told by {name}: it {why}{said}"))
}

fn plain(text: &str) -> String {
    sanitise(text).replace(['\n', '\t'], " ")
}

/// A desktop reads markup in the text of a notification.
fn marked(text: &str) -> String {
    let safe = sanitise(text);
    safe.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        CheckId, CheckReport, Digest, JudgedPhase, PhaseId, PlanName, Severity, Timestamp, Weight,
    };

    fn seen(at: i64, outcome: Outcome, weight: Weight) -> Validation {
        let report = CheckReport {
            check: CheckId::new("c").expect("a name"),
            title: None,
            outcome,
            weight,
            severity: Severity::Fail,
            reasons: vec!["5 > 4".to_owned()],
            observed: None,
            hint: None,
            took: Span::ZERO,
        };
        Validation {
            plan: PlanName::new("desk").expect("a name"),
            revision: 1,
            digest: Digest("0".repeat(64)),
            machine: "m".to_owned(),
            began: Timestamp(at),
            took: Span::ZERO,
            baseline: None,
            kept: true,
            phases: vec![JudgedPhase {
                phase: PhaseId::new("p").expect("a name"),
                reports: vec![report],
                measures: std::collections::BTreeMap::new(),
            }],
        }
    }

    /// What is told of these outcomes, one after the other, where somebody hears it (or not).
    fn told(outcomes: &[Outcome], hears: bool) -> Vec<String> {
        let mut remembered = ToldOf::new();
        let mut all = Vec::new();
        for (at, outcome) in (0..).zip(outcomes) {
            let news = news(&seen(at, *outcome, Weight::Counts), &remembered);
            let before = |change: &VerdictChange| change.before.map_or("-", Health::word);
            all.extend(news.changes.iter().map(|it| format!("{at}: {} {}", before(it), it.now.word())));
            remembered.extend(if hears { news.heard } else { news.unheard });
        }
        all
    }

    #[test]
    fn a_change_is_told_once_and_what_stays_is_not_told() {
        use Outcome::{Error, Fail, Inconclusive, Pass, Skipped, Warn};
        for (outcomes, expected) in [
            (&[Pass, Pass, Pass][..], &[][..]),
            (&[Fail, Fail, Fail], &["0: - failing"]),
            (&[Pass, Fail, Fail, Pass, Pass], &["1: healthy failing", "3: failing healthy"]),
            (&[Pass, Warn, Warn, Fail], &["1: healthy degraded", "3: degraded failing"]),
            (&[Fail, Skipped, Fail], &["0: - failing"]),
            // What cannot be judged once is no news; three times in a row is.
            (&[Pass, Error, Inconclusive, Pass], &[]),
            (&[Pass, Error, Inconclusive, Error, Error], &["3: healthy unknown"]),
            (&[Error, Error, Error, Pass], &["2: healthy unknown", "3: unknown healthy"]),
            (&[Fail, Error, Fail, Error, Error, Fail], &["0: - failing"]),
            (
                &[Fail, Error, Error, Error, Fail],
                &["0: - failing", "3: failing unknown", "4: unknown failing"],
            ),
        ] {
            assert_eq!(told(outcomes, true), expected, "{outcomes:?}");
        }
    }

    #[test]
    fn what_nobody_heard_is_told_again() {
        use Outcome::{Fail, Pass};
        assert_eq!(told(&[Fail, Fail], false), ["0: - failing", "1: - failing"]);
        assert_eq!(told(&[Pass, Fail, Fail, Pass], false), ["1: healthy failing", "2: healthy failing"]);
    }

    #[test]
    fn what_does_not_count_is_no_news() {
        let remembered = ToldOf::new();
        let shadow = news(&seen(0, Outcome::Fail, Weight::Shadow), &remembered);
        assert_eq!(shadow.changes, []);
    }

    #[test]
    fn no_reason_is_markup_on_a_desktop() {
        assert_eq!(
            marked("<b>1 & 2</b>\u{1b}[2J"),
            "&lt;b&gt;1 &amp; 2&lt;/b&gt;\\x1b[2J".replace("\\x1b", &sanitise("\u{1b}"))
        );
    }
}
