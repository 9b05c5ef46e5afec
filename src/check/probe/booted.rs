//! Since when this system is up.

use crate::model::Span;
use std::path::Path;

/// Clock ticks a second in `/proc`; fixed by the kernel's interface on Linux.
const TICKS: u64 = 100;

/// How long the manager of this system has been up, of a machine that was started so long ago: the kernel of a container is
/// that of its host, and its journal begins with its own manager.
pub(super) fn up(root: &Path, machine: Span) -> Span {
    let stat = std::fs::read_to_string(root.join("proc/1/stat")).unwrap_or_default();
    // Behind the name, which may hold anything: the state, and the start as the twentieth.
    let began = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(19)?.parse::<u64>().ok());
    let began = began.map_or(0, |ticks| ticks.saturating_mul(1000 / TICKS));
    // What cannot be is no start.
    if began > machine.0 { machine } else { Span(machine.0.saturating_sub(began)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_up_for_as_long_as_its_manager_and_a_machine_for_as_long_as_its_kernel() {
        let day = Span::seconds(86_400);
        let fields = "0 ".repeat(18);
        for (stat, expected) in [
            // A manager that was started five minutes ago, on a machine of yesterday.
            (Some(format!("1 (systemd) S {fields}8610000 0 0\n")), Span::seconds(300)),
            (Some(format!("1 (a) b) S {fields}8610000 0 0\n")), Span::seconds(300)),
            (Some(format!("1 (systemd) S {fields}150 0 0\n")), Span(86_398_500)),
            (Some(format!("1 (systemd) S {fields}99999999999999999999 0 0\n")), day),
            (Some(format!("1 (systemd) S {fields}9000000 0 0\n")), day),
            (Some("nonsense".to_owned()), day),
            (None, day),
        ] {
            let root = tempfile::tempdir().expect("a folder");
            if let Some(stat) = &stat {
                std::fs::create_dir_all(root.path().join("proc/1")).expect("a folder");
                std::fs::write(root.path().join("proc/1/stat"), stat).expect("stat");
            }
            assert_eq!(up(root.path(), day), expected, "{stat:?}");
        }
    }
}
