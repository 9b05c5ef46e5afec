//! Why a probe could not look. Never a pass, never a failure.

use crate::model::Span;
use crate::system::host::IdentityError;

/// Why a probe could not look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// A program is not there or cannot be started.
    #[error("cannot start {program}: {why}")]
    NotStarted {
        /// The program.
        program: String,
        /// What the system said.
        why: String,
    },
    /// A service does not answer.
    #[error("{what}")]
    Unreachable {
        /// What is unreachable, as a sentence fragment.
        what: String,
        /// What a person may do.
        hint: &'static str,
    },
    /// Something is there and cannot be read.
    #[error("cannot read {what}: {why}")]
    Unreadable {
        /// What.
        what: String,
        /// What the system said.
        why: String,
    },
    /// Something was read and is not what it should be.
    #[error("cannot understand {what}: {why}")]
    Malformed {
        /// What.
        what: String,
        /// Where it departs from the format.
        why: String,
    },
    /// It printed more than is kept, so that a judgement would rest on a part.
    #[error("{what} gave {bytes} bytes, of which {kept} are kept")]
    TooMuch {
        /// What.
        what: String,
        /// Length of the whole.
        bytes: u64,
        /// Length of what is kept.
        kept: usize,
    },
    /// There are more of them than can be told apart, so that a judgement would rest on a part.
    #[error("more than {most} {what}")]
    TooMany {
        /// What, in the plural.
        what: String,
        /// How many are told apart.
        most: usize,
    },
    /// A child was killed because its time was up.
    #[error("{what} did not end within {after}")]
    TimedOut {
        /// What.
        what: String,
        /// When it was killed.
        after: Span,
    },
    /// A child that looked for us could not.
    #[error("{0}")]
    Elsewhere(String),
    /// A person interrupted the look.
    #[error("interrupted")]
    Interrupted,
    /// A child cannot run as asked.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl ProbeError {
    /// What a person may do about it, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotStarted { .. } => Some("install it, or name it by its absolute path"),
            Self::Unreachable { hint, .. } => Some(hint),
            Self::TooMuch { .. } | Self::TooMany { .. } => {
                Some("ask for less: a higher priority, one unit, a pattern")
            }
            Self::TimedOut { .. } => Some("state a longer timeout if it is only slow"),
            Self::Unreadable { .. }
            | Self::Malformed { .. }
            | Self::Elsewhere(_)
            | Self::Interrupted
            | Self::Identity(_) => None,
        }
    }
}
