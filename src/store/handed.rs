//! Runs that were handed over to go on by themselves: what was asked for, which process carries it, what it said, how it
//! ended. What such a run did is in the capsules; to go back, nothing of what is here is needed.

use super::{StateFolder, StoreError};
use crate::model::{Digest, Invoker, PlanName, RunId, Timestamp};
use crate::system::files::{self, Access};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const RUNS: &str = "runs";
const ORDER: &str = "order.json";
const CARRIER: &str = "carrier.json";
const DOING: &str = "doing.json";
const END: &str = "end.json";
const SAID: &str = "said";
/// No file here is longer, but for what the run said.
const LONGEST: u64 = 64 * 1024;
/// How many runs that ended are remembered.
const KEPT: usize = 50;

/// What was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The plan.
    pub plan: PlanName,
    /// Its digest.
    pub digest: Digest,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Invoker,
}

/// Who carries a run that was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carrier {
    /// The process: `PID:STARTED`.
    pub process: String,
    /// The kernel's boot id then, where there is one.
    pub boot: Option<String>,
    /// The unit of the service manager that it is in; without one it is a session of its own.
    pub unit: Option<String>,
}

/// What a run does right now, to be shown and forgotten. Not sanitised.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Doing {
    /// What goes on; nothing between two things.
    pub what: Option<String>,
    /// The last line of its output.
    pub line: Option<String>,
    /// How far a group has come, of how many.
    pub progress: Option<(usize, usize)>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The exit status.
    pub exit: u8,
    /// When.
    pub at: Timestamp,
}

/// What is known of a run that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOver {
    /// Its name.
    pub run: RunId,
    folder: PathBuf,
}

impl StateFolder {
    /// What is known of a run that was handed over; nothing where it was not.
    #[must_use]
    pub fn handed_over(&self, run: &RunId) -> Option<HandedOver> {
        let folder = self.root().join(RUNS).join(run.as_str());
        folder.is_dir().then(|| HandedOver { run: run.clone(), folder })
    }

    /// The run that was handed over last.
    #[must_use]
    pub fn newest_handed_over(&self) -> Option<HandedOver> {
        self.all_handed_over().into_iter().next_back()
    }

    /// Every run that was handed over and is remembered, the latest order last.
    fn all_handed_over(&self) -> Vec<HandedOver> {
        let entries = fs::read_dir(self.root().join(RUNS)).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| RunId::new(entry.file_name().to_str()?).ok());
        let mut all: Vec<HandedOver> = names.filter_map(|run| self.handed_over(&run)).collect();
        all.sort_by_key(|handed| (handed.order().map(|order| order.at), handed.run.clone()));
        all
    }

    /// Remembers that a run is handed over. What was known of an earlier order of this name is forgotten, and so are the
    /// oldest of those that ended. For whoever holds the lock.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was handed over then.
    pub fn hand_over(&self, run: &RunId, order: &Order) -> Result<HandedOver, StoreError> {
        let ended: Vec<HandedOver> =
            self.all_handed_over().into_iter().filter(|handed| handed.end().is_some()).collect();
        for old in ended.iter().take(ended.len().saturating_sub(KEPT - 1)) {
            // What stays takes room and nothing else.
            let _ = fs::remove_dir_all(&old.folder);
        }
        let folder = self.root().join(RUNS).join(run.as_str());
        match fs::remove_dir_all(&folder) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("remove", &folder)(why));
            }
            Ok(()) | Err(_) => {}
        }
        files::mkdir_private(&self.root().join(RUNS))?;
        files::mkdir_private(&folder)?;
        let handed = HandedOver { run: run.clone(), folder };
        handed.write(ORDER, order)?;
        Ok(handed)
    }
}

impl HandedOver {
    /// What was asked for.
    #[must_use]
    pub fn order(&self) -> Option<Order> {
        self.read(ORDER)
    }

    /// Who carries it; nobody yet, where nothing is said.
    #[must_use]
    pub fn carrier(&self) -> Option<Carrier> {
        self.read(CARRIER)
    }

    /// How it ended, for the process that carried it.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.read(END)
    }

    /// What it does right now, as far as it says so.
    #[must_use]
    pub fn doing(&self) -> Option<Doing> {
        self.read(DOING)
    }

    /// Where its output goes.
    #[must_use]
    pub fn said(&self) -> PathBuf {
        self.folder.join(SAID)
    }

    /// Says who carries it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn carried_by(&self, carrier: &Carrier) -> Result<(), StoreError> {
        self.write(CARRIER, carrier)
    }

    /// Says how it ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn ended(&self, end: End) -> Result<(), StoreError> {
        self.write(END, &end)
    }

    /// Says what it does. It is not made durable: who reads half of it passes over it.
    ///
    /// # Errors
    /// The system's.
    pub fn does(&self, doing: &Doing) -> io::Result<()> {
        fs::write(self.folder.join(DOING), serde_json::to_vec(doing)?)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let bytes = files::read_bounded(&self.folder.join(name), LONGEST).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    fn write(&self, name: &str, what: &impl Serialize) -> Result<(), StoreError> {
        let path: &Path = &self.folder.join(name);
        let bytes =
            serde_json::to_vec(what).map_err(|why| StoreError::io("write", path)(io::Error::other(why)))?;
        Ok(files::write_atomic(path, &bytes, Access::PRIVATE)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> (tempfile::TempDir, StateFolder) {
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateFolder::create(&folder.path().join("state")).expect("made");
        (folder, state)
    }

    fn order(at: i64) -> Order {
        let digest = files::sha256_bytes(b"plan");
        let by = Invoker { uid: 0, name: "root".to_owned() };
        Order { plan: PlanName::new("p").expect("a name"), digest, at: Timestamp(at), by }
    }

    fn run(name: &str) -> RunId {
        RunId::new(name).expect("a name")
    }

    #[test]
    fn what_was_said_of_a_run_is_found_by_its_name_until_it_is_handed_over_again() {
        let (_folder, state) = state();
        assert_eq!(state.newest_handed_over(), None);
        assert_eq!(state.handed_over(&run("a")), None);
        let handed = state.hand_over(&run("a"), &order(1)).expect("handed over");
        assert_eq!(handed.order(), Some(order(1)));
        assert_eq!((handed.carrier(), handed.end(), handed.doing()), (None, None, None));
        let carrier = Carrier { process: "4:5".to_owned(), boot: None, unit: Some("u".to_owned()) };
        handed.carried_by(&carrier).expect("written");
        handed.does(&Doing { what: Some("x".to_owned()), ..Doing::default() }).expect("written");
        handed.ended(End { exit: 12, at: Timestamp(2) }).expect("written");
        let found = state.handed_over(&run("a")).expect("known");
        assert_eq!(found.carrier(), Some(carrier));
        assert_eq!(found.end().map(|end| end.exit), Some(12));
        let again = state.hand_over(&run("a"), &order(3)).expect("handed over");
        assert_eq!((again.carrier(), again.end(), again.doing()), (None, None, None));
    }

    #[test]
    fn the_oldest_that_ended_are_forgotten_and_none_that_goes_on() {
        let (_folder, state) = state();
        let ends = |number: i64| number % 2 == 0;
        for number in 0..=2 * i64::try_from(KEPT).expect("small") + 40 {
            let handed = state.hand_over(&run(&format!("r{number}")), &order(number)).expect("handed over");
            if ends(number) {
                handed.ended(End { exit: 0, at: Timestamp(number) }).expect("written");
            }
        }
        let all = state.all_handed_over();
        let ended = all.iter().filter(|handed| handed.end().is_some()).count();
        assert_eq!((ended, all.len() - ended), (KEPT, KEPT + 20));
        assert!(state.handed_over(&run("r0")).is_none());
        assert!(state.handed_over(&run("r1")).is_some());
    }

    #[test]
    fn half_of_a_file_says_nothing() {
        let (_folder, state) = state();
        let handed = state.hand_over(&run("a"), &order(1)).expect("handed over");
        fs::write(handed.folder.join(DOING), b"{\"what\":\"x").expect("written");
        assert_eq!(handed.doing(), None);
    }
}
