//! Why a layer could not be recorded or read.

use crate::model::{Digest, Item, LayerKind};
use std::io;
use std::path::{Path, PathBuf};

/// Why a layer could not be recorded, kept or read.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// A file or folder could not be read or written.
    #[error("cannot {act} {}", path.display())]
    Io {
        /// What was tried: `read`, `write`.
        act: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        why: io::Error,
    },
    /// Things that this layer cannot save.
    #[error("{} cannot be saved: {}{}", .0.first().map_or("something", |item| item.name.as_str()),
        .0.first().map_or("", |item| item.why.as_str()), and_more(.0.len()))]
    CannotSave(Vec<Item>),
    /// A file was written to each time it was read.
    #[error("{} changed while it was read, {tries} times", path.display())]
    Unsteady {
        /// The file.
        path: PathBuf,
        /// How often it was read.
        tries: u32,
    },
    /// The manifest is not the one that was recorded.
    #[error("manifest {} has sha256 {now}, recorded {recorded}", path.display())]
    WrongManifest {
        /// The manifest.
        path: PathBuf,
        /// Its hash now.
        now: Digest,
        /// The hash in the journal.
        recorded: Digest,
    },
    /// The manifest cannot be understood.
    #[error("manifest {} cannot be read: {why}", path.display())]
    BadManifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The manifest belongs to another kind of layer.
    #[error("manifest {} records a {found} layer, not {wanted}", path.display())]
    OtherKind {
        /// The manifest.
        path: PathBuf,
        /// What it records.
        found: LayerKind,
        /// What was asked for.
        wanted: LayerKind,
    },
    /// A program that the layer needs is not there.
    #[error("{program} is not on this machine's path")]
    NoProgram {
        /// Its name.
        program: String,
    },
    /// A program did not do what it was asked.
    #[error("{what} {how}")]
    Program {
        /// The command as it was executed.
        what: String,
        /// How it ended, with the end of what it said.
        how: String,
    },
    /// A file of the capsule could not be written or read.
    #[error(transparent)]
    File(#[from] crate::system::files::FileError),
    /// A child cannot run as asked.
    #[error(transparent)]
    Identity(#[from] crate::system::host::IdentityError),
    /// What was read back is not what was set.
    #[error("{name} is {now}, not {wanted}")]
    NotSo {
        /// What was read.
        name: String,
        /// What it is.
        now: String,
        /// What it should be.
        wanted: String,
    },
    /// Something that must be there to be recorded is not.
    #[error("{name} {why}")]
    Missing {
        /// What was looked for.
        name: String,
        /// What was found instead.
        why: String,
    },
    /// A person interrupted it.
    #[error("interrupted")]
    Interrupted,
}

fn and_more(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        more => format!("; and {} more", more - 1),
    }
}

impl LayerError {
    /// An input or output error at a path.
    pub(crate) fn io(act: &'static str, path: &Path, why: impl Into<io::Error>) -> Self {
        Self::Io { act, path: path.to_owned(), why: why.into() }
    }
}

/// The error with its sources, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(why) = source {
        text.push_str(": ");
        text.push_str(&why.to_string());
        source = why.source();
    }
    text
}
