//! Questions on a terminal, by dialoguer.

use super::keyboard::Redraw;
use super::question::{Offer, quoted};
use super::{Chosen, Kept, Keyboard, Operator, Question, Reply, Sanitise, Trouble};
use crate::model::{Choice, Span};
use console::Term;
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Confirm, Input, Select};
use std::io;

/// Asks at a terminal that can redraw.
pub struct Dialog {
    term: Term,
    keyboard: Keyboard,
    theme: Box<dyn Theme>,
    sanitise: Sanitise,
}

/// Whether prompts are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Colour,
    Plain,
}

impl Dialog {
    /// Questions on `term` (stderr) in colour.
    #[must_use]
    pub fn coloured(term: Term, keyboard: Keyboard, sanitise: Sanitise) -> Self {
        Self::new(term, keyboard, sanitise, Look::Colour)
    }

    /// Questions on `term` (stderr) without colour.
    #[must_use]
    pub fn plain(term: Term, keyboard: Keyboard, sanitise: Sanitise) -> Self {
        Self::new(term, keyboard, sanitise, Look::Plain)
    }

    fn new(term: Term, keyboard: Keyboard, sanitise: Sanitise, look: Look) -> Self {
        let theme: Box<dyn Theme> = match look {
            Look::Colour => Box::new(ColorfulTheme::default()),
            Look::Plain => Box::new(SimpleTheme),
        };
        Self { term, keyboard, theme, sanitise }
    }

    fn show(&self, text: &str) -> io::Result<()> {
        self.term.write_str(text)?;
        self.term.flush()
    }

    /// The cursor is hidden while dialoguer asks, and it does not bring it back when it is broken off.
    fn broken_off(&self, why: &io::Error) -> Broken {
        // A terminal that is gone needs no cursor.
        let _ = self.term.show_cursor().and_then(|()| self.term.write_line(""));
        match why.kind() {
            io::ErrorKind::Interrupted => Broken::Interrupted,
            _ => Broken::Nobody,
        }
    }

    fn asked<T>(&self, result: dialoguer::Result<T>) -> Result<T, Broken> {
        match result {
            Ok(answer) => Ok(answer),
            Err(dialoguer::Error::IO(why)) => Err(self.broken_off(&why)),
        }
    }

    fn trouble(&mut self, trouble: &mut Trouble<'_>) -> Result<Choice, Broken> {
        let offers = Offer::all(trouble.may_accept);
        self.keyboard.forget_typed_ahead();
        self.show(&trouble.about).map_err(|why| self.broken_off(&why))?;
        loop {
            let select = Select::with_theme(self.theme.as_ref())
                .with_prompt("What now")
                .items(offers.iter().map(|offer| offer.words()))
                .default(0)
                .interact_on(&self.term);
            match offers.get(self.asked(select)?) {
                Some(Offer::Evidence) => {
                    let evidence = quoted(&(trouble.evidence)(), self.sanitise);
                    self.show(&evidence).map_err(|why| self.broken_off(&why))?;
                }
                Some(Offer::Retry) => return Ok(Choice::Retry),
                Some(Offer::Rollback) => return Ok(Choice::Rollback),
                Some(Offer::Pause) => return Ok(Choice::Pause),
                Some(Offer::Accept) => {
                    let input = Input::<String>::with_theme(self.theme.as_ref())
                        .with_prompt("The reason (empty: back)")
                        .allow_empty(true)
                        .interact_text_on(&self.term);
                    let reason = self.asked(input)?.trim().to_owned();
                    if !reason.is_empty() {
                        return Ok(Choice::Accept { reason });
                    }
                }
                None => return Err(Broken::Nobody),
            }
        }
    }
}

/// Why there is no answer.
enum Broken {
    Interrupted,
    Nobody,
}

impl Operator for Dialog {
    fn yes(&mut self, question: &Question) -> Reply {
        self.keyboard.forget_typed_ahead();
        if self.show(&question.about).is_err() {
            return Reply::Nobody;
        }
        // Enter is needed after the letter: a slip of one key begins nothing.
        let confirm = Confirm::with_theme(self.theme.as_ref())
            .with_prompt(&question.ask)
            .default(false)
            .wait_for_newline(true)
            .interact_on(&self.term);
        match self.asked(confirm) {
            Ok(true) => Reply::Yes,
            Ok(false) => Reply::No,
            Err(Broken::Interrupted) => Reply::Interrupted,
            Err(Broken::Nobody) => Reply::Nobody,
        }
    }

    fn choose(&mut self, trouble: &mut Trouble<'_>) -> Chosen {
        match self.trouble(trouble) {
            Ok(choice) => Chosen::Choice(choice),
            Err(Broken::Interrupted) => Chosen::Interrupted,
            Err(Broken::Nobody) => Chosen::Nobody,
        }
    }

    fn confirm(&mut self, question: &Question, left: &mut dyn FnMut() -> Option<Span>) -> Kept {
        if self.show(&question.about).is_err() {
            return Kept::Nobody;
        }
        let mut out = &self.term;
        self.keyboard.keep(&mut out, question, left, Redraw::InPlace).unwrap_or(Kept::Nobody)
    }
}
