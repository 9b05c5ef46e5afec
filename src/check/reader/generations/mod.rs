//! Lists of generations and deployments, as the tools that keep them print them.

pub(super) mod bootc;
pub(super) mod home_manager;
pub(super) mod nix_env;
pub(super) mod nixos;
pub(super) mod rpm_ostree;

use super::refusal::Refusal;
use serde::Serialize;

/// A list of generations, newest first or last as the tool prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Generations<T> {
    generations: Vec<T>,
    /// The number of the generation that is marked; nothing where none is.
    current: Option<u64>,
    /// Somebody left a part out.
    elided: bool,
    /// Nothing was left out, there is a generation, and the tool did its work.
    complete: bool,
    /// What the tool said instead.
    #[serde(flatten)]
    refusal: Option<Refusal>,
}

impl<T> Generations<T> {
    const fn new() -> Self {
        Self { generations: Vec::new(), current: None, elided: false, complete: false, refusal: None }
    }

    /// With what the text says of itself, now that it is read.
    fn concluded(mut self, text: &str, tools: &[&str]) -> Self {
        self.refusal = Refusal::of(text, tools);
        self.complete = !self.elided && !self.generations.is_empty() && self.refusal.is_none();
        self
    }
}

/// A day and a time, `2025-02-02 04:29:41`, from two words.
fn date(day: Option<&str>, time: Option<&str>) -> Option<String> {
    let (day, time) = (day?, time?);
    let digits = |text: &str, mark| text.split(mark).all(|part| part.chars().all(|c| c.is_ascii_digit()));
    let is_day = day.len() == 10 && day.matches('-').count() == 2 && digits(day, '-');
    let is_time = time.contains(':') && digits(time, ':');
    (is_day && is_time).then(|| format!("{day} {time}"))
}
