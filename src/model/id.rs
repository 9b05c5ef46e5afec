//! One newtype for each kind of name, parsed once, trusted inside.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A name that does not follow the rule for identifiers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an identifier: use 1 to 64 letters, digits, `-`, `_` or `.`, beginning with a letter or digit"
)]
pub struct BadId(pub String);

fn is_identifier(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    first
        && text.len() <= 64
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses an identifier.
            ///
            /// # Errors
            /// [`BadId`] where the text is not 1 to 64 letters, digits, `-`, `_` or `.`.
            pub fn new(text: impl Into<String>) -> Result<Self, BadId> {
                let text = text.into();
                if is_identifier(&text) { Ok(Self(text)) } else { Err(BadId(text)) }
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id_type! {
    /// Names a plan.
    PlanName
}
id_type! {
    /// Names a phase within a plan.
    PhaseId
}
id_type! {
    /// Names a step within a phase.
    StepId
}
id_type! {
    /// Names a check within a phase.
    CheckId
}
id_type! {
    /// Names one run of a plan.
    RunId
}

/// The number of a generation: strictly rising in one state folder, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GenerationNumber(pub u32);

impl fmt::Display for GenerationNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

/// A SHA-256 in lower-case hexadecimal, as `sha256sum` prints it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Digest(pub String);

impl Digest {
    /// The first twelve characters: enough for a person to compare.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_letters_digits_and_three_marks() {
        for good in ["a", "system-libs", "phase_1", "v1.2", "9lives"] {
            assert!(PhaseId::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a b", "a/b", "..", "ä", "a\u{202e}", &"x".repeat(65)] {
            assert!(PhaseId::new(bad).is_err(), "{bad:?}");
        }
    }
}
