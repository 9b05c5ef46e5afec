//! Who speaks. Programs quote the kernel (`sudo` logs command lines, a bug tracker its reports), so a fact is believed
//! only from whom it is the business of, where it is known who that is.

/// Who said a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::check) enum Speaker<'a> {
    /// Nobody says who: a line of `dmesg`, or the message alone.
    Unknown,
    /// The kernel itself.
    Kernel,
    /// A program, by the identifier that it logs with.
    Named(&'a [u8]),
}

/// Beginnings of the kernel's own messages that look like an identifier.
const KERNEL_WORDS: [&[u8]; 16] = [
    b"NVRM",
    b"nvidia-modeset",
    b"traps",
    b"oom_reaper",
    b"oom-kill",
    b"watchdog",
    b"rcu",
    b"INFO",
    b"BUG",
    b"Oops",
    b"WARNING",
    b"i915",
    b"amdgpu",
    b"xe",
    b"nouveau",
    b"memory",
];

impl<'a> Speaker<'a> {
    /// From the fields of an entry. The kernel is known by its transport: anybody may call himself `kernel`.
    pub(super) fn of_fields(transport: Option<&[u8]>, identifier: Option<&'a [u8]>) -> Self {
        match (transport, identifier) {
            (Some(b"kernel"), None | Some(b"kernel")) | (None, Some(b"kernel")) => Self::Kernel,
            (None, None) => Self::Unknown,
            // systemd and its parts speak to journald itself, or into the kernel's log while that is not up.
            (Some(b"syslog" | b"stdout"), Some(name)) if name.starts_with(b"systemd") => Self::Named(b""),
            (_, name) => Self::Named(name.unwrap_or_default()),
        }
    }

    /// From what stands before a message. journald puts a process number behind every name but the kernel's.
    pub(in crate::check) fn of_name(name: &'a [u8], with_pid: bool) -> Self {
        if name == b"kernel" && !with_pid { Self::Kernel } else { Self::Named(name) }
    }

    /// Whether this may be the kernel.
    pub(super) fn may_be_kernel(self) -> bool {
        matches!(self, Self::Unknown | Self::Kernel)
    }

    /// Whether this may be a program of this name. `--output=with-unit` says its unit instead.
    pub(super) fn may_be(self, program: &str) -> bool {
        let Self::Named(name) = self else { return self == Self::Unknown };
        let last = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let program = program.as_bytes();
        let unit = last.strip_suffix(b".service").unwrap_or(last);
        let unit = unit.split(|byte| *byte == b'@').next().unwrap_or_default();
        name == program || unit == program || (program == b"systemd" && last == b"init.scope")
    }
}

/// Who speaks in a line for people, and where the message begins; nothing where the line has no heading.
pub(super) fn heading(line: &[u8]) -> Option<(Speaker<'_>, &[u8])> {
    let quoted = line.iter().take_while(|byte| matches!(byte, b'>' | b'|' | b' ' | b'\t')).count();
    let line = line.get(quoted..).unwrap_or_default();
    if let Some(found) = numbered(line).or_else(|| structured(line)) {
        return Some(found);
    }
    if let Some(said) = behind_time(line) {
        return Some(who(said, true).unwrap_or((Speaker::Unknown, line)));
    }
    if let Some(said) = behind_seconds(line) {
        // A line of `dmesg`, unless a host and a name stand there as well.
        let (_, named) = word(said);
        let (name, _) = word(named);
        let told = name == b"kernel:" || is_with_pid(name);
        let told = told.then(|| who(said, true)).flatten();
        return Some(told.unwrap_or((Speaker::Unknown, line)));
    }
    let (first, _) = word(line);
    (first == b"kernel:" || is_with_pid(first)).then(|| who(line, false).unwrap_or((Speaker::Unknown, line)))
}

/// `6,1234,5678901,-;message`, as `/dev/kmsg` gives it: priority and facility, number, microseconds, flags.
fn numbered(line: &[u8]) -> Option<(Speaker<'_>, &[u8])> {
    if !line.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let at = memchr::memchr(b';', line.get(..80).unwrap_or(line))?;
    let (heading, message) = (line.get(..at)?, line.get(at + 1..)?);
    let mut fields = heading.split(|b| *b == b',');
    let digits = |field: Option<&[u8]>| {
        let field = field.filter(|field| !field.is_empty() && field.iter().all(u8::is_ascii_digit))?;
        std::str::from_utf8(field).ok()?.parse::<u64>().ok()
    };
    let level = digits(fields.next())?;
    digits(fields.next())?;
    digits(fields.next())?;
    fields.next()?;
    if level < 8 {
        return Some((Speaker::Kernel, message));
    }
    // A program wrote it there.
    Some(who(message, false).unwrap_or((Speaker::Named(b""), message)))
}

/// `<6>1 2026-01-05T12:00:00Z host name 12 - - message`, as RFC 5424 has it.
fn structured(line: &[u8]) -> Option<(Speaker<'_>, &[u8])> {
    let (priority, after) = word(line);
    let version = priority.strip_prefix(b"<")?.strip_suffix(b">1")?;
    if version.is_empty() || !version.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (time, after) = word(after);
    if time != b"-" && !is_time(time) {
        return None;
    }
    let (_, after) = word(after);
    let (name, after) = word(after);
    let (pid, after) = word(after);
    let (_, after) = word(after);
    let message = match after.strip_prefix(b"-") {
        Some(message) => message,
        // Data in brackets, one behind the other.
        None => {
            let end = memchr::memmem::find(after, b"] ")?;
            after.strip_prefix(b"[")?.get(end..)?
        }
    };
    let message = message.trim_ascii_start();
    let message = message.strip_prefix("\u{feff}".as_bytes()).unwrap_or(message);
    let with_pid = pid != b"-" && pid != b"0";
    let speaker = if name == b"-" { Speaker::Unknown } else { Speaker::of_name(name, with_pid) };
    Some((speaker, message))
}

/// The name before a message, behind a host where there is one.
fn who(said: &[u8], host: bool) -> Option<(Speaker<'_>, &[u8])> {
    let (first, mut rest) = word(said);
    if first.starts_with(b"[") {
        return None;
    }
    let mut name = first;
    let mut begin = said;
    if host && !first.ends_with(b":") {
        begin = rest;
        (name, rest) = word(rest);
        // Some write where it belongs and how much it matters before the name: `kern.info`.
        if !name.ends_with(b":")
            && name.contains(&b'.')
            && name.iter().all(|b| b.is_ascii_lowercase() || *b == b'.')
        {
            begin = rest;
            (name, rest) = word(rest);
        }
    }
    if !name.ends_with(b":") {
        // A name may have blanks; then only its number tells where it ends.
        let end = memchr::memmem::find(begin, b"]: ")?;
        name = begin.get(..end + 2)?;
        rest = begin.get(end + 3..)?;
        if !is_with_pid(name) {
            return None;
        }
    }
    let (name, pid) = parts(name.strip_suffix(b":").unwrap_or(name));
    if pid.is_some() && is_of_kernel(rest) {
        // Somebody left `kernel:` out: this is the process that the kernel speaks of.
        return None;
    }
    let kernel =
        matches!(name, b"kernel" | b"/kernel" | b"klogd" | b"vmunix") && pid.is_none_or(|pid| pid == b"0");
    if pid.is_none() && KERNEL_WORDS.contains(&name) {
        return None;
    }
    Some((if kernel { Speaker::Kernel } else { Speaker::of_name(name, pid.is_some()) }, rest))
}

/// What the kernel says of a process right behind its name and number.
fn is_of_kernel(message: &[u8]) -> bool {
    let text = String::from_utf8_lossy(message.get(..64).unwrap_or(message));
    let segfault = text.strip_prefix("segfault at ").and_then(|rest| rest.split_once(' '));
    segfault.is_some_and(|(_, rest)| ["ip ", "rip ", "nip ", "pc "].iter().any(|word| rest.starts_with(word)))
        || ["segfault (", "unhandled ", "undefined instruction: pc="]
            .iter()
            .any(|start| text.starts_with(start))
}

/// The name without its process number, and the number.
pub(in crate::check) fn parts(who: &[u8]) -> (&[u8], Option<&[u8]>) {
    let Some(open) = who.strip_suffix(b"]").and_then(|rest| memchr::memrchr(b'[', rest)) else {
        return (who, None);
    };
    let digits = who.get(open + 1..who.len() - 1).unwrap_or_default();
    if !digits.iter().all(u8::is_ascii_digit) {
        return (who, None);
    }
    (who.get(..open).unwrap_or(who), Some(digits))
}

/// `name[12]:`
fn is_with_pid(word: &[u8]) -> bool {
    word.strip_suffix(b":")
        .is_some_and(|word| matches!(parts(word), (name, Some(pid)) if !name.is_empty() && !pid.is_empty()))
}

/// The next word, and what is behind it.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii_start();
    let end = text.iter().position(|b| *b == b' ' || *b == b'\t').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, rest.trim_ascii_start())
}

/// What follows the time of day, which stands among the first words: `Jan 05 12:00:00`, `2026-01-05T12:00:00+0100`,
/// `Mon 2026-01-05 12:00:00 CET`, `Mon Jan  5 12:00:00 2026`, `1767000000.123456`.
fn behind_time(line: &[u8]) -> Option<&[u8]> {
    let mut rest = line;
    let mut before: &[u8] = b"";
    for at in 0..4 {
        let (found, after) = word(rest);
        if at == 0 && is_seconds(found) {
            return Some(after);
        }
        if is_time(found) {
            let (next, later) = word(after);
            let dated = before.len() == 10 && before.get(4) == Some(&b'-');
            let zone = dated
                && !next.ends_with(b":")
                && next.len() <= 6
                && next
                    .iter()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-'));
            let year = next.len() == 4 && next.iter().all(u8::is_ascii_digit);
            return Some(if zone || year { later } else { after });
        }
        before = found;
        rest = after;
    }
    None
}

/// `12:00:00`, with a fraction and a zone, behind a day and a `T`. A comma in the fraction is `dmesg`, who names nobody.
fn is_time(word: &[u8]) -> bool {
    let time = match word.get(10) {
        Some(b'T') if word.get(4) == Some(&b'-') => word.get(11..).unwrap_or_default(),
        Some(_) | None => word,
    };
    let digits = [0, 1, 3, 4, 6, 7].iter().all(|at| time.get(*at).is_some_and(u8::is_ascii_digit));
    let colons = time.get(2) == Some(&b':') && time.get(5) == Some(&b':');
    let rest = time.get(8..).unwrap_or_default();
    digits
        && colons
        && rest.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'+' | b'-' | b':' | b'Z'))
}

/// `1767000000.123456`
fn is_seconds(word: &[u8]) -> bool {
    let mut parts = word.split(|b| *b == b'.');
    let (Some(whole), Some(part), None) = (parts.next(), parts.next(), parts.next()) else { return false };
    whole.len() >= 9 && part.len() == 6 && whole.iter().chain(part).all(u8::is_ascii_digit)
}

/// What follows `[   12.345678]`.
fn behind_seconds(line: &[u8]) -> Option<&[u8]> {
    let inner = line.strip_prefix(b"[")?;
    let end = memchr::memchr(b']', inner)?;
    let (seconds, after) = inner.split_at(end);
    let fits = |b: &u8| b.is_ascii_digit() || matches!(b, b'.' | b' ' | b'<' | b'>' | b'+');
    let any = seconds.contains(&b'.') && seconds.iter().all(fits);
    any.then(|| after.get(1..).unwrap_or_default().trim_ascii_start())
}

/// The speaker of the line that the next ones continue.
#[derive(Debug, Default)]
pub(super) struct Last(Vec<u8>);

/// More than a heading takes, in bytes.
const HEAD: usize = 512;

impl Last {
    /// Who speaks in this line, and the message: its own heading counts, else that of the line that it continues.
    pub(super) fn speaker<'l>(&'l mut self, line: &'l [u8]) -> (Speaker<'l>, &'l [u8]) {
        if let Some(found) = heading(line) {
            return found;
        }
        let continues = line.first().is_some_and(u8::is_ascii_whitespace);
        let speaker = if continues { heading(&self.0).map(|(speaker, _)| speaker) } else { None };
        (speaker.unwrap_or(Speaker::Unknown), line)
    }

    /// Keeps the line's beginning, where it continues none.
    pub(super) fn keep(&mut self, line: &[u8]) {
        if line.first().is_some_and(|b| !b.is_ascii_whitespace()) {
            self.0.clear();
            self.0.extend_from_slice(line.get(..HEAD).unwrap_or(line));
        }
    }
}
