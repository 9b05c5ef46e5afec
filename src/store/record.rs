//! A small file of facts, one JSON line each, read and written whole.

use super::StoreError;
use crate::system::files::{self, Access, FileError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::path::Path;

/// Some hundred thousand lines.
const LONGEST: u64 = 64 * 1024 * 1024;

/// All lines; none where the file is not there.
///
/// # Errors
/// [`StoreError::File`] where the file is there and cannot be read, [`StoreError::Damaged`] where a line of it cannot.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, StoreError> {
    let bytes = match files::read_bounded(path, LONGEST) {
        Ok(bytes) => bytes,
        Err(FileError::Failed { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(Vec::new());
        }
        Err(why) => return Err(why.into()),
    };
    let text = String::from_utf8_lossy(&bytes);
    let one = |(line, text): (u64, &str)| {
        serde_json::from_str(text).map_err(|why| StoreError::Damaged {
            path: path.to_owned(),
            line,
            why: why.to_string(),
        })
    };
    (1..).zip(text.lines()).map(one).collect()
}

/// Writes all lines in one step, durable when it returns.
///
/// # Errors
/// [`StoreError::File`].
pub(super) fn write<T: Serialize>(path: &Path, all: &[T]) -> Result<(), StoreError> {
    let mut text = String::new();
    for one in all {
        let line = serde_json::to_string(one)
            .map_err(|why| StoreError::Unreadable { path: path.to_owned(), why: why.to_string() })?;
        text.push_str(&line);
        text.push('\n');
    }
    files::write_atomic(path, text.as_bytes(), Access::PRIVATE)?;
    Ok(())
}
