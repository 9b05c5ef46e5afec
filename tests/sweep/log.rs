//! The file of a full sweep: a line for each scenario that was swept to its end, with what was swept and by whom, so
//! that a sweep that was broken off goes on where it was.

use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

const COLUMNS: &str = "swept\tplanned\texecuted\twrong\tCPU s\tprogram\tharness\n";

/// The file, or none where none was asked for.
#[derive(Debug)]
pub(crate) struct Log {
    path: Option<PathBuf>,
    harness: String,
}

/// What a line says of one sweep.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What was swept.
    pub(crate) name: String,
    /// Kills planned.
    pub(crate) planned: usize,
    /// Kills executed.
    pub(crate) executed: usize,
    /// Complaints, those about the sweep itself included.
    pub(crate) wrong: usize,
    /// CPU time in seconds.
    pub(crate) seconds: f64,
}

impl Log {
    /// The file at `path`; it need not be there.
    ///
    /// # Errors
    /// That this program cannot be read.
    pub(crate) fn at(path: Option<PathBuf>) -> io::Result<Self> {
        Ok(Self { path, harness: hash(&std::env::current_exe()?)? })
    }

    /// What this harness found when it swept this program: it is not done again. A sweep with a complaint is.
    ///
    /// # Errors
    /// That the program or the file cannot be read.
    pub(crate) fn done(&self, name: &str, program: &Path) -> io::Result<Option<String>> {
        let Some(path) = self.path.as_ref().filter(|path| path.exists()) else { return Ok(None) };
        let tail = format!("\t{}\t{}", hash(program)?, self.harness);
        let lines = fs::read_to_string(path)?;
        let good = |line: &&str| {
            let words: Vec<&str> = line.split('\t').collect();
            words[0] == name
                && words.get(3) == Some(&"0")
                && words.get(1) == words.get(2)
                && line.ends_with(&tail)
        };
        Ok(lines.lines().find(good).map(|line| line.trim_end_matches(&tail).replace('\t', "  ")))
    }

    /// Adds a line, which is on disk when this returns.
    ///
    /// # Errors
    /// That the program cannot be read or the file not be written.
    pub(crate) fn add(&self, entry: &Entry, program: &Path) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let fresh = !path.exists();
        let mut file = File::options().create(true).append(true).open(path)?;
        if fresh {
            file.write_all(COLUMNS.as_bytes())?;
        }
        let Entry { name, planned, executed, wrong, seconds } = entry;
        let (program, harness) = (hash(program)?, &self.harness);
        writeln!(file, "{name}\t{planned}\t{executed}\t{wrong}\t{seconds:.0}\t{program}\t{harness}")?;
        file.sync_data()
    }
}

/// The first half of a file's SHA-256.
fn hash(file: &Path) -> io::Result<String> {
    Ok(Sha256::digest(fs::read(file)?).iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}
