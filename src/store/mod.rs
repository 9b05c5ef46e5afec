//! REMEMBER: capsules, journal, quarantine, history. The journals and the capsules are the truth; everything else
//! here is an index of them and can be made again. What a function here has returned from is on the disk.

mod baselines;
mod bundle;
mod capsule;
mod database;
mod error;
mod evidence;
mod findings;
mod format;
mod handed;
mod head;
mod history;
mod journal;
mod loss;
mod quarantine;
mod record;
mod redact;
mod removed;
mod retention;
#[cfg(test)]
mod sample;
mod so_far;
mod state;
mod summary;
mod timetable;
mod word;

pub use baselines::{Baseline, Baselines};
pub use bundle::Bundle;
pub use capsule::{Approved, Capsule};
pub use error::StoreError;
pub use findings::{FINDINGS, FindingFilter, Limits, ToldOf};
pub use format::{Hex, VERSION};
pub use handed::{Carrier, Doing, End, HandedOver, Order};
pub use history::{History, HistoryFilter};
pub use journal::{Damage, Journal, JournalWriter, Skipped};
pub use loss::Loss;
pub use quarantine::Quarantine;
pub use redact::{Redactor, is_secret_name};
pub use removed::Removed;
pub use retention::{SPENT_BYTES, SPENT_KEPT};
pub use so_far::SoFar;
pub use state::StateFolder;
pub use summary::{Summary, summarise};
pub use timetable::{Timetable, Wishes};
pub use word::Word;

use std::path::{Path, PathBuf};

/// A name beside `path` that is not taken: `journal.damaged-1`.
fn free_name(path: &Path, word: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut number = 0_u32;
    loop {
        number = number.saturating_add(1);
        let candidate = path.with_file_name(format!("{name}.{word}-{number}"));
        if candidate.symlink_metadata().is_err() || number == u32::MAX {
            return candidate;
        }
    }
}
