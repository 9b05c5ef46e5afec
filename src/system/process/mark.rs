//! The mark that children carry in their environment, as another process sees it.
//!
//! A process that is just being replaced by another program (`execve`) has, for some microseconds, no environment that
//! anybody could read: the kernel has put its new memory in place and not yet said where in it the environment lies
//! (`env_end` in `fs/proc/base.c`, set by `create_elf_tables` in `fs/binfmt_elf.c`). It is looked at again until there is
//! one; a child of a dead runner that was taken for a stranger at that moment would go on during the undo.

use super::descent::nap;
use std::fs;

/// So often is a process looked at that is being replaced. It takes microseconds; the rest is for a program that is read
/// from a slow disk.
const LOOKS: u32 = 1000;

/// Whether one of the variables in a process' environment is such. A process that is gone, dead, or of somebody whose
/// processes may not be looked at has none.
pub(super) fn carries(pid: i32, such: impl Fn(&[u8]) -> bool) -> bool {
    for _ in 0..LOOKS {
        let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { return false };
        if !environment.is_empty() {
            return environment.split(|byte| *byte == 0).any(such);
        }
        if !is_replaced(pid) {
            return false;
        }
        nap();
    }
    false
}

/// Whether a process that showed no environment has one by now, or will have one: it has memory, and what the kernel says
/// of its environment is not that it is empty.
fn is_replaced(pid: i32) -> bool {
    // Threads of the kernel and the dead have no memory; this file costs less than the next.
    let memory = fs::read(format!("/proc/{pid}/statm")).unwrap_or_default();
    if memory.is_empty() || memory.starts_with(b"0 ") {
        return false;
    }
    let stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    environment_of(&String::from_utf8_lossy(&stat)).is_some_and(|(from, to)| to == 0 || from < to)
}

/// Where the environment begins and ends, from `/proc/PID/stat`: fields 50 and 51 (`proc(5)`). The name in it may contain
/// anything, so it is skipped from the right.
fn environment_of(stat: &str) -> Option<(u64, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(50 - 3);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::{Crew, crew::tests::sh};
    use super::*;
    use crate::system::clock;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// The process whose words have this one in them, as soon as there is one.
    fn with_word(word: &str) -> i32 {
        let begun = clock::tick();
        while clock::tick() - begun < PATIENCE {
            for entry in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
                let Ok(pid) = entry.file_name().into_string().unwrap_or_default().parse() else { continue };
                let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                if String::from_utf8_lossy(&words).contains(word) {
                    return pid;
                }
            }
        }
        panic!("{word} did not begin within {PATIENCE:?}");
    }

    #[test]
    fn a_child_is_known_by_its_mark_at_every_moment_of_becoming_another_program() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("again");
        fs::write(&program, "#!/bin/sh\nexec \"$0\"\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let mut crew = Crew::new();
        crew.start(&sh(&format!("exec {}", program.display())));
        let pid = with_word(program.to_str().unwrap());
        let marked = |pair: &[u8]| pair.starts_with(b"SWITCHBACK_JOB=");
        let unknown = (0..5000).filter(|_| !carries(pid, marked)).count();
        assert_eq!(unknown, 0, "of 5000 looks");
    }

    #[test]
    fn an_environment_that_is_empty_is_waited_for_by_nobody() {
        let mut crew = Crew::new();
        crew.start(&sh("exec env -i sleep 987654321"));
        let pid = with_word("987654321");
        // It may have been the shell when it was found, or `env`.
        let begun = clock::tick();
        while fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() != "sleep") {
            assert!(clock::tick() - begun < PATIENCE, "it is not the program that was asked for");
        }
        assert!(!carries(pid, |_| true));
    }

    #[test]
    fn where_an_environment_lies_is_read_whatever_the_name() {
        let fields: Vec<String> = (3..=52).map(|field| field.to_string()).collect();
        for name in ["sh", "a) S 1 2"] {
            let stat = format!("12 ({name}) {}", fields.join(" "));
            assert_eq!(environment_of(&stat), Some((50, 51)), "{stat}");
        }
        assert_eq!(environment_of("12 (sh) S 7"), None);
        assert_eq!(environment_of(""), None);
    }
}
