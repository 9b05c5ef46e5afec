//! Who meets a guard that takes over, and who says a word at the moment in which its window closes: exactly one of two wins,
//! and the journal, the machine and what was said agree.

use super::crew;
use super::journal::Journals;
use super::races::{Bench, News, RESUME, ROLLBACK, RUN, Starter, TO_START, apart};
use super::random::Random;
use super::small::plan::{PHASES, Variant, WINDOW};
use super::small::sweep::orphans;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io;
use std::time::{Duration, Instant};

/// Who comes while a guard takes over.
const PEOPLE: [&[&str]; 3] = [RESUME, ROLLBACK, TO_START];
const KEEP: &[&str] = &["confirm", "--json"];
const REVERT: &[&str] = &["confirm", "--revert", "--json"];
/// What is said in a round, by one or by two.
const SAID: [&[&[&str]]; 4] = [&[KEEP], &[KEEP], &[REVERT], &[KEEP, REVERT]];

impl Bench {
    /// The runner is killed in a step, and its guard and a person come at the same moment.
    pub(super) fn takeover(
        &mut self,
        random: &mut Random,
        complaints: &mut Vec<String>,
    ) -> io::Result<String> {
        self.plan(Variant::Holding)?;
        self.begin("pristine")?;
        let mut starters = vec![self.stand(0, RUN, true)?];
        self.go(1)?;
        if self.next(&mut starters)? != News::There {
            return Err(io::Error::other(starters[0].told()?));
        }
        let (person, guarded) = (PEOPLE[random.below(PEOPLE.len())], random.below(2) == 0);
        starters.push(self.stand(1, person, guarded)?);
        let kill_first = random.below(3) > 0;
        if kill_first {
            killed(&starters[0])?;
            // Gone, and not only on its way: until then it holds what it holds.
            while starters[0].status.is_none() {
                self.next(&mut starters)?;
            }
            apart(random);
            self.go(1)?;
        } else {
            self.go(1)?;
            apart(random);
            killed(&starters[0])?;
        }
        self.finish(&mut starters, 0)?;
        crew::alive()?;
        // The guard is done as well when nobody is left.
        orphans()?;
        let status = starters[1].status;
        let held_up = !kill_first && status == Some(15);
        if !matches!(status, Some(0 | 12)) && !held_up {
            complaints.push(starters[1].told()?);
        }
        let journals = Journals::read(&self.world.state());
        let newest = journals.generations.last_key_value().map_or(&[][..], |(_, facts)| facts);
        let backs = newest.iter().filter(|fact| fact.name == "revert-began").count();
        if backs > 1 {
            complaints.push("the phase was taken back twice, by its guard and by a person".to_owned());
        }
        self.judged(&starters, complaints)?;
        self.nothing_half_written(complaints)?;
        let taken = if backs == 1 { "went back" } else { "went on" };
        let who = if held_up { ", before the kill" } else { "" };
        let status = status.map_or("none".to_owned(), |status| status.to_string());
        Ok(format!(
            "guard against {}{who}: {status}, the phase {taken}",
            person[..person.len() - 1].join(" ")
        ))
    }

    /// A window for a word closes, and somebody says one about then; at times the runner is killed meanwhile.
    pub(super) fn word(&mut self, random: &mut Random, complaints: &mut Vec<String>) -> io::Result<String> {
        self.plan(Variant::Asking)?;
        self.begin("pristine")?;
        let guarded = random.below(2) == 0;
        let dies = guarded && random.below(3) == 0;
        let said = SAID[random.below(SAID.len())];
        let mut starters = vec![self.stand(0, RUN, guarded)?];
        self.go(1)?;
        if self.next(&mut starters)? != News::There {
            return Err(io::Error::other(starters[0].told()?));
        }
        // The window opens about now.
        let opened = Instant::now();
        for (nth, words) in said.iter().enumerate() {
            starters.push(self.stand(1 + nth, words, false)?);
        }
        let at = if random.below(2) == 0 {
            Duration::from_micros(random.below(micros(WINDOW)) as u64)
        } else {
            // Whoever says it needs some time to do so.
            let early = WINDOW.saturating_sub(EDGE * 2);
            early + Duration::from_micros(random.below(3 * micros(EDGE)) as u64)
        };
        std::thread::sleep(at.saturating_sub(opened.elapsed()));
        self.go(said.len())?;
        if dies {
            apart(random);
            killed(&starters[0])?;
        }
        self.finish(&mut starters, 0)?;
        crew::alive()?;
        orphans()?;
        let journals = Journals::read(&self.world.state());
        let heard = decided(&journals, &starters, said, dies, complaints)?;
        self.judged(&starters, complaints)?;
        if !dies {
            // One that was killed behind its decision leaves it to whoever locks the folder next.
            self.nothing_half_written(complaints)?;
        }
        let words = starters[1..].iter().zip(said).map(|(one, words)| {
            let word = if words.contains(&"--revert") { "revert" } else { "keep" };
            format!("{word} {}", one.status.map_or("none".to_owned(), |status| status.to_string()))
        });
        let words: Vec<String> = words.collect();
        let killed = if dies { ", the runner killed" } else { "" };
        Ok(format!("{} at the end of a window{killed}: {heard}", words.join(" and ")))
    }
}

/// Exactly one of them is heard: the word to keep, the word to go back, the end of the window, or the guard of a runner that
/// is gone; and whoever was told that his word counts is right.
fn decided(
    journals: &Journals,
    starters: &[Starter],
    said: &[&[&str]],
    dies: bool,
    complaints: &mut Vec<String>,
) -> io::Result<&'static str> {
    let (_, facts) = journals.newest(PHASES[1]).ok_or_else(|| io::Error::other("no such phase"))?;
    let has = |name: &str| facts.iter().any(|fact| fact.name == name);
    let causes: Vec<String> = facts
        .iter()
        .filter(|fact| fact.name == "revert-began")
        .map(|fact| fact.of["cause"].as_str().map_or(fact.of["cause"].to_string(), str::to_owned))
        .collect();
    let declined = causes.iter().any(|cause| cause == "declined");
    let end = journals.end(PHASES[1]);
    if causes.len() > 1 || (has("confirmed") && causes.iter().any(|cause| cause != "runner-gone")) {
        complaints.push(format!("decided twice: confirmed {}, {causes:?}", has("confirmed")));
    }
    let due = if end == Some("committed") { 0 } else { 12 };
    if starters[0].status != Some(due) && !dies {
        complaints.push(format!("phase {} is {end:?}, and {}", PHASES[1], starters[0].told()?));
    }
    for (starter, words) in starters[1..].iter().zip(said) {
        let keep = !words.contains(&"--revert");
        let counts = if keep { has("confirmed") } else { !causes.is_empty() };
        match starter.status {
            Some(0) if counts => {}
            Some(0) => complaints.push(format!(
                "one was told that his word counts, confirmed {}, {causes:?}: {}",
                has("confirmed"),
                starter.told()?
            )),
            // It came too early or too late.
            Some(2 | 10) => {}
            _ => complaints.push(starter.told()?),
        }
    }
    Ok(match (has("confirmed"), declined, end) {
        (true, _, Some("committed")) => "kept",
        (true, ..) => "heard, and gone back since the runner was gone",
        (false, true, _) => "taken back as it was said",
        (false, false, _) if causes.iter().any(|cause| cause == "runner-gone") => "taken back by the guard",
        (false, false, _) => "silence",
    })
}

/// About so long somebody needs to say something.
const EDGE: Duration = Duration::from_millis(40);

fn micros(span: Duration) -> usize {
    usize::try_from(span.as_micros()).unwrap_or(usize::MAX)
}

fn killed(starter: &Starter) -> io::Result<()> {
    let pid = i32::try_from(starter.child.id()).map_err(io::Error::other)?;
    Ok(kill(Pid::from_raw(pid), Signal::SIGKILL)?)
}
