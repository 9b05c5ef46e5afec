//! What a message says of crashed and killed programs.

use crate::model::{Observation, Value};
use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Programs that crashed or were killed, in the order of the messages; a program that crashed twice is there twice.
#[derive(Debug, Default)]
pub(super) struct Crashes {
    segfaults: Vec<Value>,
    traps: Vec<Value>,
    oom_kills: Vec<Value>,
    oomd_kills: Vec<Value>,
    coredumps: Vec<Value>,
    /// The kernel says twice of one process that it was killed.
    killed: BTreeSet<(String, String)>,
}

#[expect(clippy::expect_used, reason = "the patterns are constants, and a test compiles each")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

static SEGFAULT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\S+)\[\d+\]: segfault at "));
static TRAP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:traps: )?(\S+)\[\d+\]:? (?:general protection|trap |unhandled level \d \S+ fault|undefined instruction)",
    )
});
static KILLED: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)kill(?:ed)? process (\d+),? \(([^)]*)\)"));
static OOMD: LazyLock<Regex> = LazyLock::new(|| pattern(r"Killed (/\S+) due to memory p"));
static COREDUMP: LazyLock<Regex> = LazyLock::new(|| pattern(r"Process \d+ \(([^)]*)\).* dumped core"));

impl Crashes {
    /// Reads one message.
    pub(super) fn note(&mut self, message: &str) {
        let first = |regex: &Regex| -> Option<Value> {
            let found = regex.captures(message)?;
            found.iter().skip(1).flatten().next().map(|name| Value::from(name.as_str()))
        };
        self.segfaults.extend(first(&SEGFAULT));
        self.traps.extend(first(&TRAP));
        self.oomd_kills.extend(first(&OOMD));
        self.coredumps.extend(first(&COREDUMP));
        for found in KILLED.captures_iter(message) {
            let (_, [pid, name]) = found.extract();
            if self.killed.insert((pid.to_owned(), name.to_owned())) {
                self.oom_kills.push(Value::from(name));
            }
        }
    }

    /// The observation with a list for each.
    pub(super) fn into_fields(self, seen: Observation) -> Observation {
        seen.with("segfaults", self.segfaults)
            .with("traps", self.traps)
            .with("oom_kills", self.oom_kills)
            .with("oomd_kills", self.oomd_kills)
            .with("coredumps", self.coredumps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn noted(messages: &[&str]) -> Observation {
        let mut crashes = Crashes::default();
        for message in messages {
            crashes.note(message);
        }
        crashes.into_fields(Observation::new())
    }

    #[test]
    fn crashes_are_told_apart() {
        for (message, field, name) in [
            (
                "chrome[2387]: segfault at 0 ip 09886038 sp bff58450 error 6 in chrome[8048000+2b83000]",
                "segfaults",
                "chrome",
            ),
            ("traps: guvcview[5354] general protection ip:7febb87b1d44 sp:7fff error:0", "traps", "guvcview"),
            ("udevd[1673]: unhandled level 2 translation fault (11) at 0x00000018", "traps", "udevd"),
            ("mkfs.ext4[2167]: undefined instruction: pc=0000007f939a0700", "traps", "mkfs.ext4"),
            (
                "Out of memory: Killed process 1669 (xdg-desktop-por) total-vm:105068kB",
                "oom_kills",
                "xdg-desktop-por",
            ),
            (
                "Killed /user.slice/a.scope due to memory pressure for /user.slice",
                "oomd_kills",
                "/user.slice/a.scope",
            ),
            ("Process 26338 (sigsegv) of user 1000 dumped core.", "coredumps", "sigsegv"),
            ("Process 8987 (kwin_wayland) dumped core.", "coredumps", "kwin_wayland"),
        ] {
            let seen = noted(&[message]);
            for (other, value) in &seen.0 {
                let expected = if other == field { json!([name]) } else { json!([]) };
                assert_eq!(*value, expected, "{other} of {message}");
            }
        }
    }

    #[test]
    fn a_process_that_is_killed_once_is_counted_once() {
        let seen = noted(&[
            "Out of memory: Kill process 18694 (perl) score 246 or sacrifice child",
            "Killed process 18694 (perl) total-vm:1972392kB",
            "perl invoked oom-killer: gfp_mask=0x280da",
        ]);
        assert_eq!(seen.get("oom_kills"), Some(&json!(["perl"])));
    }

    #[test]
    fn the_recorded_messages_are_read_rightly() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/journal");
        if !folder.is_dir() {
            crate::skipped::skipped(
                "the_recorded_messages_are_read_rightly",
                "no ../shared/fixtures/journal",
            );
            return;
        }
        for (file, field, expected) in [
            (
                "004-chrome-i386-five-segfaults-no-date.txt",
                "segfaults",
                json!(["chromium-browse", "chromium-browse", "chrome", "chrome", "chrome"]),
            ),
            ("017-quiet-sysstat-steam-no-errors.txt", "segfaults", json!([])),
            ("026-oom-java-container-glued-date.txt", "oom_kills", json!(["java"])),
            ("029-oom-qemu-lowercase-2.6.txt", "oom_kills", json!(["trashapplet", "qemu"])),
            (
                "010-oomd-killed-chromium-pager-cut.txt",
                "oomd_kills",
                json!([
                    "/user.slice/user-1000.slice/user@1000.service/app.slice/snap.chromium.chromium.00000000-0000-0000-0000-000000000001.scope"
                ]),
            ),
            ("008-coredump-sigsegv-with-modules.txt", "coredumps", json!(["sigsegv"])),
            ("022-traps-kactivitymanagerd-libqxcb.txt", "traps", json!(["kactivitymanage"])),
        ] {
            let text = std::fs::read_to_string(folder.join(file)).expect(file);
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(noted(&lines).get(field), Some(&expected), "{file}");
        }
    }
}
