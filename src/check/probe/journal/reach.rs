//! How far back a journal reaches, from what `journalctl --header` tells of its files. Old files are removed to make
//! room, so "nothing was said" may mean that it was said and is gone.

use crate::model::Timestamp;

/// How far a journal reaches back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Reach {
    /// When the oldest entry that is left was made; nothing where no file tells.
    pub(super) oldest: Option<Timestamp>,
    /// Whether there are files that are full: only such are ever removed. A user's begins when he first comes.
    pub(super) is_archived: bool,
}

/// What the files tell. journald fills the system's all the time and a user's only while he is there: where there are any
/// of the system, these tell.
pub(super) fn reach(header: &str) -> Reach {
    let mut of_system = None;
    let mut of_all = None;
    let mut is_system = false;
    let mut is_archived = false;
    for line in header.lines() {
        if let Some(path) = line.strip_prefix("File path: ") {
            let name = path.trim().rsplit('/').next().unwrap_or_default();
            is_archived |= name.contains('@');
            is_system = name.starts_with("system.") || name.starts_with("system@");
        } else if let Some(at) = line.strip_prefix("Head realtime timestamp: ").and_then(time) {
            let earlier = |known: Option<i64>| Some(known.map_or(at, |known| known.min(at)));
            of_all = earlier(of_all);
            if is_system {
                of_system = earlier(of_system);
            }
        }
    }
    Reach { oldest: of_system.or(of_all).map(Timestamp), is_archived }
}

/// Milliseconds since 1970, from `Mon 2026-01-05 10:00:00 UTC (64713bf517000)`. Versions before 250 leave the number
/// out. A file without entries has none.
fn time(text: &str) -> Option<i64> {
    let text = text.trim();
    let ms = match text.rsplit_once('(') {
        Some((_, number)) => i64::from_str_radix(number.strip_suffix(')')?, 16).ok()? / 1000,
        None => {
            let (_, date) = text.strip_suffix(" UTC")?.split_once(' ')?;
            let at = chrono::NaiveDateTime::parse_from_str(date, "%Y-%m-%d %H:%M:%S").ok()?;
            at.and_utc().timestamp_millis()
        }
    };
    (ms > 0).then_some(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_system_tell_how_far_a_journal_reaches_and_others_where_there_are_none() {
        let file = |name: &str, head: &str| {
            format!(
                "File path: /var/log/journal/0/{name}\nState: ARCHIVED\nHead realtime timestamp: {head}\n\n"
            )
        };
        let user = file("user-1000.journal", "Mon 2025-12-29 09:20:00 UTC (64713bf517000)");
        let system = file("system@1-2-3.journal", "Mon 2025-12-29 09:21:40 UTC (64713c5475100)");
        let later = file("system.journal", "Mon 2025-12-29 09:23:20 UTC (64713cb3d3200)");
        let old = file("system.journal", "Mon 2025-12-29 09:20:00 UTC");
        let empty = file("system.journal", "n/a");
        for (header, ms) in [
            (format!("{user}{later}{system}"), Some(1_767_000_100_000)),
            (user.clone(), Some(1_767_000_000_000)),
            (old, Some(1_767_000_000_000)),
            (format!("{empty}{system}"), Some(1_767_000_100_000)),
            (empty, None),
            (file("system.journal", "Thu 1970-01-01 00:00:00 UTC (0)"), None),
            (file("a.journal", "(not a number"), None),
            ("No journal files were found.\n".to_owned(), None),
        ] {
            let told = reach(&header);
            assert_eq!(told.oldest, ms.map(Timestamp), "{header}");
            assert_eq!(told.is_archived, header.contains('@'), "{header}");
        }
    }
}
