//! Errors in words: what happened, its causes, and one hint.

use super::exit::Exit;
use crate::store::StoreError;
use crate::system::lock::LockError;
use std::path::Path;

/// What ends a verb early.
#[derive(Debug, Clone)]
pub(crate) struct CliError {
    pub(crate) exit: Exit,
    pub(crate) text: String,
    pub(crate) causes: Vec<String>,
    pub(crate) hint: Option<String>,
    /// Shown before the heading: the complaints about a plan.
    pub(crate) first: Option<Box<Complaints>>,
}

/// Complaints about a plan or a library.
#[derive(Debug, Clone)]
pub(crate) struct Complaints {
    /// As they are shown, made safe.
    pub(crate) text: String,
    /// As `lint --json` gives them.
    pub(crate) json: serde_json::Value,
}

impl CliError {
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into(), causes: Vec::new(), hint: None, first: None }
    }

    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(Exit::Usage, text)
    }

    /// A file or folder that somebody named cannot be written: a mistake in the name, where it is one.
    pub(crate) fn unwritten(to: &Path, errno: Option<i32>) -> Self {
        let text = format!("{} cannot be written", to.display());
        match errno {
            Some(
                libc::ENOENT
                | libc::ENOTDIR
                | libc::EEXIST
                | libc::EISDIR
                | libc::EACCES
                | libc::EPERM
                | libc::EROFS
                | libc::ELOOP
                | libc::ENAMETOOLONG,
            ) => Self::usage(text).hint("name a place in a folder that is there and that you may write"),
            Some(_) | None => Self::new(Exit::Internal, text),
        }
    }

    pub(crate) fn because(mut self, cause: impl std::fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn shown_first(mut self, complaints: Complaints) -> Self {
        self.first = Some(Box::new(complaints));
        self
    }

    /// Heading, numbered causes, hint.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("error: {}", self.text)];
        let causes = self.causes.iter().enumerate();
        lines.extend(causes.map(|(at, cause)| format!("  {}: {cause}", at + 1)));
        lines.extend(self.hint.iter().map(|hint| format!("  hint: {hint}")));
        lines
    }
}

impl From<StoreError> for CliError {
    fn from(why: StoreError) -> Self {
        let cause = std::error::Error::source(&why).map(ToString::to_string);
        let refused = cause.as_deref().is_some_and(|cause| cause.contains("Permission denied"));
        let denied = || Some("run it with sudo, or name a folder of yours with `--state DIR`".to_owned());
        let hint = match &why {
            StoreError::NoState(_) => {
                Some("nothing was ever run here; `--state DIR` names another state folder".to_owned())
            }
            StoreError::Damaged { .. } | StoreError::Newer { .. } => Some(
                "nothing goes forward on it; `switchback rollback` goes back with what is good of it, and `switchback status` \
                 says what else there is to do"
                    .to_owned(),
            ),
            StoreError::Loose { path, .. } | StoreError::Shut { path, .. } => Some(format!("chmod 700 {}", path.display())),
            StoreError::Foreign { owner: 0, .. } => denied(),
            StoreError::Foreign { owner, .. } => Some(format!(
                "`sudo -u '#{owner}'` runs it as that user; `--state DIR` names another state folder"
            )),
            _ if refused => denied(),
            _ => None,
        };
        // Nobody can tell from it how the machine stands.
        let exit =
            if matches!(why, StoreError::Damaged { .. }) { Exit::Inconsistent } else { Exit::Internal };
        let text = why.to_string();
        // What the text says already is not said again.
        let causes = cause.into_iter().filter(|cause| !text.contains(cause.as_str())).collect();
        Self { hint, causes, ..Self::new(exit, text) }
    }
}

impl From<LockError> for CliError {
    fn from(why: LockError) -> Self {
        match why {
            LockError::Held { .. } => Self::new(Exit::Locked, why.to_string())
                .hint("wait for it, or look at it with `switchback status`"),
            LockError::Failed { ref path, .. } => {
                let folder = path.parent().unwrap_or(path).display();
                let hint =
                    format!("whoever runs this must be able to read {folder} and the file `lock` in it");
                Self::new(Exit::Internal, why.to_string()).hint(hint)
            }
            LockError::Unstable(_) => Self::new(Exit::Internal, why.to_string()),
        }
    }
}

impl From<crate::app::SessionError> for CliError {
    fn from(why: crate::app::SessionError) -> Self {
        match why {
            crate::app::SessionError::Store(why) => why.into(),
            crate::app::SessionError::NotInconsistent(_) => {
                Self::usage(why.to_string()).hint("`switchback status` names what is inconsistent")
            }
            crate::app::SessionError::NotOver(_) => {
                Self::new(Exit::Locked, why.to_string()).hint("`switchback status` tells how it stands")
            }
            crate::app::SessionError::GoesDown => Self::new(Exit::AwaitingReboot, why.to_string()),
            crate::app::SessionError::Unrecorded(_) => Self::new(Exit::Internal, why.to_string())
                .hint("make the state folder writable and give it room; nothing was recorded"),
            crate::app::SessionError::Children(_) | crate::app::SessionError::Empty(_) => {
                Self::new(Exit::Internal, why.to_string()).hint("`switchback show` names what is damaged")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn a_state_folder_of_somebody_else_says_who_may() {
        for (owner, euid, hint) in [(0, 1001, "run it with sudo"), (1001, 0, "`sudo -u '#1001'`")] {
            let error = CliError::from(StoreError::Foreign { path: PathBuf::from("/s"), owner, euid });
            assert!(error.hint.as_deref().is_some_and(|it| it.contains(hint)), "{error:?}");
            assert_eq!(error.exit, Exit::Internal);
        }
    }
}
