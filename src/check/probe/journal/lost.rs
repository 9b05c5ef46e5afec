//! What a journal says of messages that it does not hold: journald drops those of a service that says too much, misses
//! those of the kernel that come too fast, and the kernel keeps faults of programs to itself that come in a flood.

use crate::check::reader::journal::faults::SUPPRESSED;
use regex::Regex;
use std::sync::LazyLock;

/// What journald logs where it lost some itself: `SD_MESSAGE_JOURNAL_DROPPED`, `SD_MESSAGE_JOURNAL_MISSED`, and what it
/// writes into the kernel's log, for its own is the one that is overrun.
pub(super) const SAID: [&str; 5] = [
    "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e",
    "MESSAGE_ID=e9bf28e6e834481bb6f48f548ad13606",
    "+",
    "_TRANSPORT=kernel",
    "SYSLOG_IDENTIFIER=systemd-journald",
];
/// What systemd-coredump's own messages are known by.
const COREDUMP: &str = "MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1";
/// Where its processes are, as systemd puts the units of a template.
const COREDUMP_SLICE: &str = r"system-systemd\x2dcoredump.slice";
/// How a process of a unit ended (`SD_MESSAGE_UNIT_PROCESS_EXIT`, systemd's `sd-messages.h`).
const UNIT_EXIT: &str = "MESSAGE_ID=98e322203f7a4ed290d09fe03c09fe15";

/// Functions of the kernel that tell of a program's fault, on any processor: what they suppress are crashes.
const CRASHES: [&str; 12] = [
    "show_signal_msg",
    "show_signal",
    "arm64_show_signal",
    "do_trap",
    "do_error_trap",
    "do_general_protection",
    "signal_fault",
    "__do_user_fault",
    "do_undefinstr",
    "do_trap_no_signal",
    "report_user_fault",
    "_exception",
];

#[expect(clippy::expect_used, reason = "constants, and the test uses each")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

static DROPPED: LazyLock<Regex> = LazyLock::new(|| pattern(r"^Suppressed (\d+) messages from (\S+)"));
static MISSED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?:Missed (\d+) kernel messages|/dev/kmsg buffer overrun, some messages lost)")
});

/// Which of the messages a look asks for, as far as that decides whether a lost one may have been among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) units: Vec<String>,
    pub(super) identifiers: Vec<String>,
    pub(super) fields: Vec<String>,
    pub(super) kernel: bool,
    pub(super) user: bool,
}

impl Asked {
    /// What was lost of it, from what journald said: how many messages, and in words what.
    pub(super) fn lost(&self, said: &str) -> (u64, Vec<String>) {
        let mut from: Vec<(String, u64)> = Vec::new();
        for line in said.lines() {
            let (whose, count) = if let Some(found) = DROPPED.captures(line) {
                let unit = found.get(2).map_or("", |unit| unit.as_str());
                if !self.may_be_of(unit) {
                    continue;
                }
                (unit.to_owned(), found.get(1))
            } else if let Some(found) = MISSED.captures(line).filter(|_| self.may_be_kernel()) {
                ("the kernel".to_owned(), found.get(1))
            } else {
                continue;
            };
            let count = count.and_then(|count| count.as_str().parse().ok()).unwrap_or(1);
            match from.iter_mut().find(|(known, _)| *known == whose) {
                Some((_, sum)) => *sum = sum.saturating_add(count),
                None => from.push((whose, count)),
            }
        }
        let total = from.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
        let words =
            from.into_iter().map(|(whose, count)| format!("journald lost {count} messages of {whose}"));
        (total, words.collect())
    }

    /// Whether what the kernel says is asked for.
    pub(super) fn may_be_kernel(&self) -> bool {
        !self.user
            && self.units.is_empty()
            && (self.identifiers.is_empty() || self.identifiers.iter().any(|name| name == "kernel"))
            && (self.fields.is_empty() || self.fields.iter().any(|field| field == "_TRANSPORT=kernel"))
    }

    /// Whether messages of this unit are asked for. Programs of a session speak as its user's manager.
    fn may_be_of(&self, unit: &str) -> bool {
        if self.kernel {
            return false;
        }
        if self.user {
            return unit.starts_with("user@") || unit.starts_with("session-");
        }
        let is_program = |name: &str| {
            let rest = unit.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with('.') || rest.starts_with('@'))
        };
        let of_field = |field: &String| match field.split_once('=') {
            Some(("_TRANSPORT", "kernel")) | None => false,
            Some(("_SYSTEMD_UNIT", wanted)) => wanted == unit,
            Some(("_SYSTEMD_USER_UNIT", _)) => unit.starts_with("user@"),
            // The slice of a template's units, unless one is put elsewhere.
            Some(("_SYSTEMD_SLICE", COREDUMP_SLICE)) => is_program("systemd-coredump"),
            Some(("SYSLOG_IDENTIFIER", name)) => is_program(name),
            Some(_) if field == COREDUMP => is_program("systemd-coredump"),
            // Managers alone say how a process of a unit ended.
            Some(_) if field == UNIT_EXIT => unit == "init.scope" || unit.starts_with("user@"),
            Some(_) => true,
        };
        let is_unit = |wanted: &String| {
            let bare = wanted.strip_suffix(".service").unwrap_or(wanted);
            unit.strip_suffix(".service").unwrap_or(unit) == bare || wanted.contains(['*', '?', '['])
        };
        (self.units.is_empty() || self.units.iter().any(is_unit))
            && (self.identifiers.is_empty() || self.identifiers.iter().any(|name| is_program(name)))
            && (self.fields.is_empty()
                || self.fields.split(|field| field == "+").any(|all| may_fit(all, of_field)))
    }
}

/// Whether what stands between two `+` may fit: of one field any value does, and several fields must all.
fn may_fit(all: &[String], of_field: impl Fn(&String) -> bool) -> bool {
    let name = |field: &str| field.split('=').next().unwrap_or_default().to_owned();
    all.iter().all(|one| all.iter().any(|other| name(other) == name(one) && of_field(other)))
}

/// How many crashes the kernel kept to itself, where this message of its says so.
pub(super) fn crashes(message: &[u8]) -> Option<u64> {
    // Nearly no message has it.
    memchr::memmem::find(message, b" callbacks suppressed")?;
    let text = String::from_utf8_lossy(message);
    let found = SUPPRESSED.captures(&text)?;
    let by = found.get(1).map_or("", |by| by.as_str());
    let count = found.get(2)?.as_str().parse().unwrap_or(1);
    CRASHES.contains(&by).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(units: &[&str], identifiers: &[&str], fields: &[&str], kernel: bool, user: bool) -> Asked {
        let owned = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect();
        Asked { units: owned(units), identifiers: owned(identifiers), fields: owned(fields), kernel, user }
    }

    #[test]
    fn what_journald_lost_counts_where_it_may_have_been_asked_for() {
        let kwin = "Suppressed 5014 messages from plasma-kwin_wayland.service\n";
        let coredump = "Suppressed 3 messages from systemd-coredump@7-1-0.service\n";
        let session = "Suppressed 2 messages from user@1000.service\n";
        let missed = "Missed 12 kernel messages\n";
        let overrun = "/dev/kmsg buffer overrun, some messages lost.\n";
        let all = asked(&[], &[], &[], false, false);
        let kernel = asked(&[], &[], &["_TRANSPORT=kernel"], true, false);
        let crashes = asked(&[], &[], &["_TRANSPORT=kernel", "+", COREDUMP, UNIT_EXIT], false, false);
        let slice = format!("_SYSTEMD_SLICE={COREDUMP_SLICE}");
        let oomd_unit = asked(&[], &[], &["_SYSTEMD_UNIT=systemd-oomd.service"], false, false);
        let trusted = [
            "_TRANSPORT=kernel",
            "+",
            COREDUMP,
            &slice,
            "+",
            UNIT_EXIT,
            "_SYSTEMD_UNIT=init.scope",
            "+",
            UNIT_EXIT,
            "_SYSTEMD_USER_UNIT=init.scope",
        ];
        let trusted = asked(&[], &[], &trusted, false, false);
        let oomd = asked(&[], &["systemd-oomd"], &[], false, false);
        let unit = asked(&["plasma-kwin_wayland"], &[], &[], false, false);
        let user = asked(&[], &[], &[], false, true);
        for (asked, said, lost) in [
            (&all, kwin, 5014),
            (&all, missed, 12),
            (&all, overrun, 1),
            (&all, "Journal started\n", 0),
            (&all, "app: Suppressed 7 messages from x.service\n", 0),
            (&kernel, kwin, 0),
            (&kernel, missed, 12),
            (&crashes, kwin, 0),
            (&crashes, coredump, 3),
            (&crashes, session, 2),
            (&crashes, "Suppressed 9 messages from init.scope\n", 9),
            (&crashes, overrun, 1),
            (&trusted, kwin, 0),
            (&trusted, coredump, 3),
            (&trusted, session, 2),
            (&trusted, "Suppressed 9 messages from init.scope\n", 9),
            (&trusted, overrun, 1),
            (&oomd_unit, "Suppressed 4 messages from systemd-oomd.service\n", 4),
            (&oomd_unit, coredump, 0),
            (&oomd, coredump, 0),
            (&oomd, missed, 0),
            (&oomd, "Suppressed 4 messages from systemd-oomd.service\n", 4),
            (&unit, kwin, 5014),
            (&unit, coredump, 0),
            (&user, session, 2),
            (&user, kwin, 0),
            (&user, missed, 0),
        ] {
            let (count, words) = asked.lost(said);
            assert_eq!((count, words.is_empty()), (lost, lost == 0), "{asked:?} {said}");
        }
        let (count, words) = all.lost(&format!("{missed}{missed}{kwin}"));
        assert_eq!(count, 5038);
        assert_eq!(
            words,
            [
                "journald lost 24 messages of the kernel",
                "journald lost 5014 messages of plasma-kwin_wayland.service"
            ]
        );
    }

    #[test]
    fn of_what_the_kernel_keeps_to_itself_only_crashes_count() {
        for (message, count) in [
            ("show_signal_msg: 28 callbacks suppressed", Some(28)),
            ("arm64_show_signal: 3 callbacks suppressed", Some(3)),
            ("kauditd_printk_skb: 12 callbacks suppressed", None),
            ("net_ratelimit: 12 callbacks suppressed", None),
            ("app says: 3 callbacks suppressed", None),
            ("callbacks suppressed", None),
        ] {
            assert_eq!(crashes(message.as_bytes()), count, "{message}");
        }
    }
}
