//! Checks under way, for the one live line: the one that has gone on longest is what somebody waits for.

use crate::model::{Check, CheckId, Notice, Span};
use std::time::Instant;

/// Which checks go on, the oldest first.
#[derive(Debug, Default)]
pub struct Underway {
    running: Vec<(CheckId, String, Instant)>,
}

impl Underway {
    /// One begins; what is to be shown of it.
    pub fn started(&mut self, check: &Check, now: Instant) -> Option<Notice> {
        let what = check.title.clone().unwrap_or_else(|| check.id.to_string());
        self.began(check.id.clone(), what, now)
    }

    fn began(&mut self, check: CheckId, what: String, now: Instant) -> Option<Notice> {
        self.running.push((check, what, now));
        (self.running.len() == 1).then(|| self.longest(now)).flatten()
    }

    /// One is over; what is to be shown instead of it, where it was shown.
    pub fn judged(&mut self, check: &CheckId, now: Instant) -> Option<Notice> {
        let at = self.running.iter().position(|(id, _, _)| id == check)?;
        self.running.remove(at);
        (at == 0).then(|| self.longest(now)).flatten()
    }

    fn longest(&self, now: Instant) -> Option<Notice> {
        let (_, what, began) = self.running.first()?;
        let ago = Span::from(now.saturating_duration_since(*began));
        Some(Notice::Began { what: what.clone(), ago })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_live_line_names_the_check_that_has_gone_on_longest() {
        let (mut underway, zero) = (Underway::default(), crate::system::clock::tick());
        let at = |seconds| zero + Duration::from_secs(seconds);
        let id = |name: &str| CheckId::new(name).expect("an id");
        let told = |what: &str, ago| Some(Notice::Began { what: what.to_owned(), ago: Span::seconds(ago) });
        let mut begin = |name: &str, now| underway.began(id(name), name.to_owned(), at(now));
        assert_eq!(begin("slow", 0), told("slow", 0));
        assert_eq!(begin("quick", 1), None);
        assert_eq!(begin("middling", 2), None);
        let mut judged = |name: &str, now| underway.judged(&id(name), at(now));
        assert_eq!(judged("quick", 3), None);
        assert_eq!(judged("never-begun", 3), None);
        assert_eq!(judged("slow", 7), told("middling", 5));
        assert_eq!(judged("middling", 9), None);
    }
}
