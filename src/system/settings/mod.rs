//! Settings files, edited as text: what is not the setting stays byte for byte (comments, order, spacing, line ends, a
//! missing last newline). Pure: text in, text out.

mod json;
mod lines;
mod toml;

use crate::model::{Setting, SettingsFormat, Value};

/// Why a text cannot be edited as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The path to a key has no element, or an empty one.
    #[error("the path {0:?} is empty or has an empty element")]
    EmptyPath(Vec<String>),
    /// A path that the format cannot express.
    #[error("the path {path:?} does not fit: {why}")]
    BadPath {
        /// The path.
        path: Vec<String>,
        /// What the format allows.
        why: &'static str,
    },
    /// A value that the format cannot express.
    #[error("the value of {path:?} does not fit: {why}")]
    BadValue {
        /// The path.
        path: Vec<String>,
        /// What the format allows.
        why: &'static str,
    },
    /// On the way to the key there is something that has no keys.
    #[error("{path:?} leads through {at:?}, which has no keys")]
    NotATable {
        /// The path.
        path: Vec<String>,
        /// Where it ends.
        at: String,
    },
    /// The text does not follow the format.
    #[error("line {line}: {why}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

/// The text with every setting made, in the given order. An empty text is a file without settings.
///
/// # Errors
/// [`SettingsError`]; nothing is edited then.
pub fn edit(format: SettingsFormat, text: &str, settings: &[Setting]) -> Result<String, SettingsError> {
    let (mark, text) = byte_order_mark(text);
    let edited = settings.iter().try_fold(text.to_owned(), |text, setting| {
        let path = &setting.path;
        if path.is_empty() || path.iter().any(String::is_empty) {
            return Err(SettingsError::EmptyPath(path.clone()));
        }
        match format {
            SettingsFormat::Ini => lines::edit(lines::Dialect::Ini, &text, setting),
            SettingsFormat::Kde => lines::edit(lines::Dialect::Kde, &text, setting),
            SettingsFormat::Json => json::edit(&text, setting),
            SettingsFormat::Toml => toml::edit(&text, setting),
        }
    })?;
    Ok(format!("{mark}{edited}"))
}

/// The mark that some editors put before the text, and the text.
fn byte_order_mark(text: &str) -> (&str, &str) {
    text.split_at(if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 })
}

/// The value at a path; none where the key is not there. INI and KDE know only strings.
///
/// # Errors
/// [`SettingsError`] where the text does not follow the format or the path does not fit it.
pub fn read(format: SettingsFormat, text: &str, path: &[String]) -> Result<Option<Value>, SettingsError> {
    if path.is_empty() || path.iter().any(String::is_empty) {
        return Err(SettingsError::EmptyPath(path.to_owned()));
    }
    let (_, text) = byte_order_mark(text);
    match format {
        SettingsFormat::Ini => lines::read(lines::Dialect::Ini, text, path),
        SettingsFormat::Kde => lines::read(lines::Dialect::Kde, text, path),
        SettingsFormat::Json => json::read(text, path),
        SettingsFormat::Toml => toml::read(text, path),
    }
}

/// Whether the text holds the setting already: to see afterwards that it took effect.
///
/// # Errors
/// As [`read`].
pub fn holds(format: SettingsFormat, text: &str, setting: &Setting) -> Result<bool, SettingsError> {
    let seen = read(format, text, &setting.path)?;
    Ok(match format {
        SettingsFormat::Ini | SettingsFormat::Kde => {
            seen == lines::plain(&setting.path, &setting.value)?.map(Value::String)
        }
        SettingsFormat::Json | SettingsFormat::Toml => seen.unwrap_or(Value::Null) == setting.value,
    })
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
