//! Which system calls there are to kill at. A point is a call by its name: "the 14th `openat` of the runner's second
//! child". Two runs differ in which of two processes is ahead, and in how often a wait was woken; neither moves the
//! name of any other call, so that a point is the same act in each run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;

/// The runner, in the name of a process.
pub(crate) const RUNNER: &str = "runner";

/// One system call of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    /// Who makes it: `runner`, `runner.2` for the second process that it started, `runner.2.1` for the first of that one.
    pub(crate) process: String,
    /// The call, as the kernel numbers it.
    pub(crate) call: u64,
    /// Which of the calls of this name that the process makes, from 1.
    pub(crate) nth: u64,
}

impl Point {
    /// In a word that [`Point::read`] understands.
    pub(crate) fn word(&self) -> String {
        format!("{}/{}/{}", self.process, self.call, self.nth)
    }

    /// What [`Point::word`] wrote.
    ///
    /// # Errors
    /// That it is something else.
    pub(crate) fn read(word: &str) -> io::Result<Self> {
        let mut parts = word.split('/');
        let point = (|| {
            let process = parts.next()?.to_owned();
            Some(Self { process, call: parts.next()?.parse().ok()?, nth: parts.next()?.parse().ok()? })
        })();
        point.ok_or_else(|| io::Error::other(format!("no point: {word:?}")))
    }
}

impl fmt::Display for Point {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} of {}", name_of(self.call), self.nth, self.process)
    }
}

/// The name of a system call.
pub(crate) fn name_of(call: u64) -> String {
    let known = usize::try_from(call).ok().and_then(syscalls::Sysno::new);
    known.map_or_else(|| format!("system call {call}"), |known| known.name().to_owned())
}

/// The points of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Plan {
    /// Those that every counted run had, in the order of the shortest one.
    pub(crate) always: Vec<Point>,
    /// Those that only some of the counted runs had: waits that were woken once more, and what is done then.
    pub(crate) at_times: Vec<Point>,
}

impl Plan {
    /// What the counted runs come to, each given as its calls in their order.
    pub(crate) fn of(runs: &[Vec<Point>]) -> Self {
        let sets: Vec<BTreeSet<&Point>> = runs.iter().map(|run| run.iter().collect()).collect();
        let everywhere = |point: &Point| sets.iter().all(|run| run.contains(point));
        let shortest = runs.iter().min_by_key(|run| run.len()).map_or(&[][..], Vec::as_slice);
        let all: BTreeSet<&Point> = sets.iter().flatten().copied().collect();
        Self {
            always: shortest.iter().filter(|point| everywhere(point)).cloned().collect(),
            at_times: all.into_iter().filter(|point| !everywhere(point)).cloned().collect(),
        }
    }

    /// Every `every`-th of those that each run has, from the `first` on.
    pub(crate) fn sample(&self, first: usize, every: usize) -> Self {
        let always = self.always.iter().skip(first % every.max(1)).step_by(every.max(1)).cloned().collect();
        Self { always, at_times: Vec::new() }
    }

    /// As lines.
    pub(crate) fn lines(&self) -> String {
        let line = |head: &str, point: &Point| format!("{head} {}\n", point.word());
        let always = self.always.iter().map(|point| line("always", point));
        always.chain(self.at_times.iter().map(|point| line("at-times", point))).collect()
    }

    /// What [`Plan::lines`] wrote.
    ///
    /// # Errors
    /// That it is something else.
    pub(crate) fn read(lines: &str) -> io::Result<Self> {
        let mut plan = Self::default();
        for line in lines.lines() {
            match line.split_once(' ') {
                Some(("always", word)) => plan.always.push(Point::read(word)?),
                Some(("at-times", word)) => plan.at_times.push(Point::read(word)?),
                Some(_) | None => return Err(io::Error::other(format!("no line of a plan: {line:?}"))),
            }
        }
        Ok(plan)
    }

    /// Dealt out to workers, one point each in turn.
    pub(crate) fn dealt(&self, workers: usize) -> Vec<Self> {
        let part = |points: &[Point], nth| points.iter().skip(nth).step_by(workers).cloned().collect();
        (0..workers)
            .map(|nth| Self { always: part(&self.always, nth), at_times: part(&self.at_times, nth) })
            .collect()
    }
}

/// The most frequent names among points, with how many there are of each.
pub(crate) fn by_name<'a>(points: impl Iterator<Item = &'a Point>) -> String {
    let mut names: BTreeMap<u64, u64> = BTreeMap::new();
    points.for_each(|point| *names.entry(point.call).or_default() += 1);
    let kinds = names.len();
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    let shown: Vec<String> =
        names.iter().take(12).map(|(call, times)| format!("{} {times}", name_of(*call))).collect();
    format!("{} ({kinds} names)", shown.join(", "))
}
