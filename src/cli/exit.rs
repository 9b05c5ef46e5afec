//! How outcomes become exit statuses: one table, one exhaustive match each.

use crate::engine::Ended;
use crate::model::Verdict;
use std::process::ExitCode;

/// An exit status, by meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Committed, healthy, or nothing to do.
    Done,
    /// Internal error.
    Internal,
    /// Usage, or the plan is invalid.
    Usage,
    /// Preflight refused; nothing changed.
    Refused,
    /// Paused or inconclusive; waiting for a person.
    Paused,
    /// Rolled back; the machine is as before.
    RolledBack,
    /// Rollback failed; inconsistent, items named.
    Inconsistent,
    /// Quarantined revision.
    Quarantined,
    /// Another run holds the lock.
    Locked,
    /// A validation found something that does not hold; nothing was touched.
    Failing,
    /// The machine is to go down; the run goes on when it is up again.
    AwaitingReboot,
    /// The run that was asked about goes on.
    StillGoing,
    /// As a monitoring plugin: 0 to 3.
    Plugin(u8),
}

/// Every exit status of this version with its meaning, for the documents.
pub(crate) const TABLE: [(Exit, &str); 12] = [
    (Exit::Done, "committed, healthy, or nothing to do"),
    (Exit::Internal, "internal error, or the state folder cannot be used"),
    (Exit::Usage, "usage, or the plan is invalid"),
    (Exit::Refused, "preflight refused; nothing changed"),
    (Exit::Paused, "paused, held or inconclusive; waiting for a person"),
    (
        Exit::RolledBack,
        "rolled back; the machine is as before, but for steps that the plan says cannot be undone",
    ),
    (Exit::Inconsistent, "rollback failed; inconsistent, items named"),
    (Exit::Quarantined, "quarantined revision"),
    (Exit::Locked, "another run holds the lock"),
    (Exit::Failing, "validation or rehearsal: something does not hold; nothing was touched"),
    (Exit::AwaitingReboot, "awaiting reboot"),
    (Exit::StillGoing, "`wait`, `attach`, `status --run-id`: the run goes on"),
];

impl Exit {
    pub(crate) const fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Refused => 10,
            Self::Paused => 11,
            Self::RolledBack => 12,
            Self::Inconsistent => 13,
            Self::Quarantined => 14,
            Self::Locked => 15,
            Self::Failing => 20,
            Self::AwaitingReboot => 30,
            Self::StillGoing => 75,
            Self::Plugin(status) => status,
        }
    }
}

impl Exit {
    /// The meaning of a status that another process of ours ended with.
    pub(crate) fn of_status(status: u8) -> Option<Self> {
        TABLE.iter().map(|(exit, _)| *exit).find(|exit| exit.status() == status)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.status())
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Committed | Verdict::Resolved => Self::Done,
            Verdict::Refused => Self::Refused,
            Verdict::RolledBack => Self::RolledBack,
            Verdict::Inconsistent => Self::Inconsistent,
        }
    }
}

impl From<&Ended> for Exit {
    fn from(ended: &Ended) -> Self {
        match ended {
            Ended::Finished(verdict) => (*verdict).into(),
            Ended::Paused(_) => Self::Paused,
            Ended::AwaitingReboot => Self::AwaitingReboot,
        }
    }
}
