//! Our own program, for a child with another user's ids.

use rustix::fs::{MemfdFlags, Mode, fchmod, memfd_create};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The kernel's name of the program that runs.
const OURSELVES: &str = "/proc/self/exe";

/// The program that runs now, where any user may execute it.
#[derive(Debug)]
pub struct OwnProgram {
    /// A copy in memory, where the file itself is not for every user: the one in a capsule is for its owner alone.
    copy: Option<File>,
}

impl OwnProgram {
    /// Takes the file itself where every user may execute it, and a copy in memory otherwise. The folders above it
    /// do not matter: the kernel leads to the file.
    ///
    /// # Errors
    /// The file cannot be read, or there is no memory for a copy.
    pub fn for_any_user() -> io::Result<Self> {
        Self::of(Path::new(OURSELVES))
    }

    fn of(program: &Path) -> io::Result<Self> {
        let mut file = File::open(program)?;
        if file.metadata()?.permissions().mode() & 0o001 != 0 {
            return Ok(Self { copy: None });
        }
        let flags = MemfdFlags::CLOEXEC;
        let memory = match memfd_create("switchback", flags | MemfdFlags::EXEC) {
            // A kernel older than the flag, in which memory is executable without it.
            Err(Errno::INVAL) => memfd_create("switchback", flags),
            made => made,
        }?;
        let mut copy = File::from(memory);
        io::copy(&mut file, &mut copy)?;
        fchmod(&copy, Mode::from_raw_mode(0o555))?;
        Ok(Self { copy: Some(copy) })
    }

    /// What a child started by this process executes, while this value lives.
    #[must_use]
    pub fn name(&self) -> String {
        self.copy
            .as_ref()
            .map_or_else(|| OURSELVES.to_owned(), |copy| format!("/proc/self/fd/{}", copy.as_raw_fd()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CommandLine, ProcessEnd, Span};
    use crate::system::process::{End, Ids, Spec, Unwatched, run};
    use std::collections::BTreeMap;

    #[test]
    fn a_program_for_its_owner_alone_runs_as_another_user_from_a_copy_in_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("program");
        std::fs::copy("/bin/sh", &program).expect("a program");
        for (mode, copied) in [(0o755, false), (0o700, true)] {
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(mode)).expect("mode");
            let own = OwnProgram::of(&program).expect("taken");
            assert_eq!(own.copy.is_some(), copied);
            if !copied {
                assert_eq!(own.name(), OURSELVES);
                continue;
            }
            let spec = Spec {
                command: CommandLine::new([own.name().as_str(), "-c", "id -u; ls /proc/$$/fd; :"]),
                env: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
                ids: nix::unistd::geteuid().is_root().then(|| Ids {
                    uid: 4321,
                    gid: 4321,
                    groups: Vec::new(),
                }),
                timeout: Span::seconds(60),
                keep: 4096,
                input: None,
            };
            let ended = run(&spec, &mut Unwatched);
            assert_eq!(ended.end, End::Process(ProcessEnd::Exited(0)), "{ended:?}");
            let user = spec.ids.map_or_else(|| nix::unistd::geteuid().as_raw(), |ids| ids.uid);
            // Three streams: the copy itself is not left open. No pipe in the shell, which would be a fourth for a moment.
            assert_eq!(ended.stdout.text(), format!("{user}\n0\n1\n2\n"));
        }
    }
}
