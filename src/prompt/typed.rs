//! Questions as plain lines, for terminals that cannot redraw (`TERM=dumb`).

use super::keyboard::{Redraw, Typed as Line};
use super::question::{Offer, quoted};
use super::{Chosen, Kept, Keyboard, Operator, Question, Reply, Sanitise, Trouble};
use crate::model::{Choice, Span};
use nix::poll::PollTimeout;
use std::io::{self, Write};

/// Asks in lines and reads lines.
#[derive(Debug)]
pub struct Typed<W: Write> {
    keyboard: Keyboard,
    out: W,
    sanitise: Sanitise,
}

impl<W: Write> Typed<W> {
    /// Questions on `out`, answers from the keyboard.
    pub fn new(keyboard: Keyboard, out: W, sanitise: Sanitise) -> Self {
        Self { keyboard, out, sanitise }
    }

    fn line(&mut self, ask: &str) -> io::Result<Line> {
        write!(self.out, "{ask}: ")?;
        self.out.flush()?;
        Ok(self.keyboard.line(&mut || Some(PollTimeout::NONE)))
    }

    fn trouble(&mut self, trouble: &mut Trouble<'_>) -> io::Result<Chosen> {
        let offers = Offer::all(trouble.may_accept);
        self.keyboard.forget_typed_ahead();
        write!(self.out, "{}", trouble.about)?;
        loop {
            for (at, offer) in offers.iter().enumerate() {
                writeln!(self.out, "  {} {}", at + 1, offer.words())?;
            }
            let line = match self.line("choose by number")? {
                Line::Line(line) => line,
                Line::Interrupted => return Ok(Chosen::Interrupted),
                Line::Silence | Line::Nobody => return Ok(Chosen::Nobody),
            };
            let number = line.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            match number.and_then(|at| offers.get(at)) {
                Some(Offer::Evidence) => {
                    write!(self.out, "{}", quoted(&(trouble.evidence)(), self.sanitise))?
                }
                Some(Offer::Retry) => return Ok(Chosen::Choice(Choice::Retry)),
                Some(Offer::Rollback) => return Ok(Chosen::Choice(Choice::Rollback)),
                Some(Offer::Pause) => return Ok(Chosen::Choice(Choice::Pause)),
                Some(Offer::Accept) => match self.line("the reason (empty: back)")? {
                    Line::Line(reason) if reason.trim().is_empty() => {}
                    Line::Line(reason) => {
                        let reason = reason.trim().to_owned();
                        return Ok(Chosen::Choice(Choice::Accept { reason }));
                    }
                    Line::Interrupted => return Ok(Chosen::Interrupted),
                    Line::Silence | Line::Nobody => return Ok(Chosen::Nobody),
                },
                None => writeln!(self.out, "please answer 1 to {}", offers.len())?,
            }
        }
    }
}

impl<W: Write> Operator for Typed<W> {
    fn yes(&mut self, question: &Question) -> Reply {
        let asked = write!(self.out, "{}", question.about);
        asked.and_then(|()| self.keyboard.yes(&mut self.out, &question.ask)).unwrap_or(Reply::Nobody)
    }

    fn choose(&mut self, trouble: &mut Trouble<'_>) -> Chosen {
        self.trouble(trouble).unwrap_or(Chosen::Nobody)
    }

    fn confirm(&mut self, question: &Question, left: &mut dyn FnMut() -> Option<Span>) -> Kept {
        let asked = write!(self.out, "{}", question.about);
        asked
            .and_then(|()| self.keyboard.keep(&mut self.out, question, left, Redraw::Never))
            .unwrap_or(Kept::Nobody)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn same(text: &str) -> Cow<'_, str> {
        Cow::Borrowed(text)
    }

    fn choose(text: &str, may_accept: bool) -> (Chosen, String) {
        let (read, write) = nix::unistd::pipe().expect("a pipe");
        nix::unistd::write(&write, text.as_bytes()).expect("typed");
        drop(write);
        let mut operator = Typed::new(Keyboard::on(read), Vec::new(), same);
        let mut evidence = || "it broke".to_owned();
        let mut trouble =
            Trouble { about: "check `a` failed\n".to_owned(), may_accept, evidence: &mut evidence };
        let chosen = operator.choose(&mut trouble);
        (chosen, String::from_utf8_lossy(&operator.out).into_owned())
    }

    #[test]
    fn each_offer_is_taken_by_its_number() {
        for (text, may_accept, chosen) in [
            ("2\n", false, Chosen::Choice(Choice::Retry)),
            ("3\n", false, Chosen::Choice(Choice::Rollback)),
            ("4\n", false, Chosen::Choice(Choice::Pause)),
            ("5\n", false, Chosen::Nobody),
            ("0\nx\n4\n", false, Chosen::Choice(Choice::Pause)),
            ("5\n\n5\n known \n", true, Chosen::Choice(Choice::Accept { reason: "known".to_owned() })),
            ("", true, Chosen::Nobody),
        ] {
            assert_eq!(choose(text, may_accept).0, chosen, "{text:?}");
        }
    }

    #[test]
    fn the_evidence_is_shown_and_the_question_asked_again() {
        let (chosen, shown) = choose("1\n3\n", false);
        assert_eq!(chosen, Chosen::Choice(Choice::Rollback));
        assert!(shown.contains("  | it broke\n  1 show the evidence\n"), "{shown}");
        assert_eq!(shown.matches("choose by number: ").count(), 2);
    }
}
