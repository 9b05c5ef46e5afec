//! What messages say of crashed and killed programs, of the kernel's own troubles, and of NVIDIA's.

use super::named::{Name, before, in_parentheses};
use super::speaker::Speaker;
use super::xid;
use crate::check::wrapped::unwrapped;
use crate::model::Observation;
use regex::bytes::Regex as Bytes;
use regex::{Captures, Match, Regex};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Most names that one list keeps; what is counted goes on being counted.
const MOST: usize = 1000;

/// One Xid that NVIDIA's driver told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::check) struct Xid {
    /// Its number.
    code: u32,
    /// The card, as the driver names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<String>,
    /// What NVIDIA says of this number.
    meaning: &'static str,
}

/// Crashes, kills and faults in the order of the messages; a program that crashed twice is there twice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(in crate::check) struct Faults {
    /// Segmentation faults that the kernel told of.
    segfaults: u64,
    segfault_processes: Vec<String>,
    /// x86: every trap that ended a process, whatever its kind.
    traps: Vec<String>,
    general_protection: Vec<String>,
    invalid_opcode: Vec<String>,
    divide_error: Vec<String>,
    /// ARM: instructions that the processor does not know, and faults of memory.
    undefined_instruction: Vec<String>,
    arm64_faults: Vec<String>,
    /// What other architectures print.
    unhandled_signals: Vec<String>,
    core_dumps: Vec<String>,
    /// Programs of which the kernel's audit says that a signal ended them (`type=1701`, `ANOM_ABEND`).
    audit_crashes: Vec<String>,
    /// Services of which the manager says that a signal ended them.
    crashed_units: Vec<String>,
    /// Processes killed by the kernel for want of memory.
    oom_kills: u64,
    oom_victims: Vec<String>,
    /// Units of which the manager says that the kernel killed in them.
    oom_units: Vec<String>,
    oomd_killed_cgroups: Vec<String>,
    oomd_killed_units: Vec<String>,
    xid_codes: Vec<u32>,
    xids: Vec<Xid>,
    /// Compositors and shells among the crashed, once for each process.
    desktop_crashes: Vec<String>,
    kernel_oopses: u64,
    gpu_hangs: u64,
    hung_tasks: Vec<String>,
    /// Messages of which the journal or the kernel says that it does not hold them.
    lost: u64,
    /// The kernel says two or three times of one process that it was killed.
    #[serde(skip)]
    killed: BTreeSet<(String, String)>,
    #[serde(skip)]
    desktop: BTreeSet<(String, String)>,
    /// The audit may speak twice as well: to the kernel's log, and to journald itself.
    #[serde(skip)]
    abended: BTreeSet<(String, String)>,
    /// By name: how many of its processes crashed, and how many of its services, which are the same ones told twice.
    #[serde(skip)]
    desktop_told: BTreeMap<String, (usize, usize)>,
    #[serde(skip)]
    dying: Dying,
    /// Of whom the kernel said that it, "or" a child of it, will be sacrificed, and where the list names it.
    #[serde(skip)]
    threatened: Option<(String, String, Option<usize>)>,
}

/// How far the kernel has told of an oops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Dying {
    #[default]
    Not,
    /// What went wrong was told, its number was not.
    Announced,
    /// Its number was told, or it has none.
    Died,
}

/// Compositors, shells, panels and display servers, as the kernel cuts their names: also those of the `session` probe.
pub(in crate::check) const DESKTOP: &[&str] = &[
    "Hyprland",
    "Xorg",
    "Xwayland",
    "budgie-panel",
    "budgie-wm",
    "cinnamon",
    "compiz",
    "compiz.real",
    "cosmic-comp",
    "cosmic-panel",
    "gala",
    "gnome-shell",
    "i3",
    "kwin_wayland",
    "kwin_wayland_wr",
    "kwin_x11",
    "labwc",
    "lxqt-panel",
    "marco",
    "mate-panel",
    "muffin",
    "mutter",
    "niri",
    "openbox",
    "plasmashell",
    "river",
    "sway",
    "waybar",
    "wayfire",
    "weston",
    "xfce4-panel",
    "xfwm4",
];

#[expect(clippy::expect_used, reason = "the patterns are constants, and a test compiles each")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

/// Nearly every message has none of these, and is not looked at any further.
#[expect(clippy::expect_used, reason = "a constant, and a test compiles it")]
static TELLING: LazyLock<Bytes> = LazyLock::new(|| {
    Bytes::new(concat!(
        "segfault |: segfault|\\] trap |general protection|control protection|[Uu]nhandled |undefined instruction|",
        "ill process |illed process |reaped process |exited, code=|dumped core|dumping core|terminated abnormally|Xid|Killed /|",
        "oomd killed|OOM killer|oom-kill|Oops|BUG: |kernel BUG|GPU HANG|gpu hang|blocked for more than|",
        "ring [a-z0-9_.]+ timeout|GPU reset begin|KCrash: |hard LOCKUP|detected (?:expedited )?stall|",
        "ngine reset|flip_done timed out| \\[#|Kernel panic|Unable to handle|nouveau|GPU lockup|ring [0-9]+ stalled|",
        "declared device|Timedout job|job timed out|needs recovery|Linux version |messages from |kernel messages|callbacks suppressed|some messages lost|",
        "printk messages dropped|type=1701|ANOM_ABEND|of user [0-9]+ d[a-z ]*>"
    ))
    .expect("a constant pattern")
});

static SEGFAULT: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[(\d+)\]:? segfault (?:\(\d+\) )?at "));
static TRAP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\[(\d+)\]:? (?:trap ([a-zA-Z0-9 ]+?)|(general protection|control protection)(?: fault)?)(?: r?ip:|:| r?ip |$)",
    )
});
static UNDEFINED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\[(\d+)\]: (?:undefined instruction: pc|unhandled exception: .*undefined instruction)")
});
static UNHANDLED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\[(\d+)\]: unhandled (?:[a-z0-9 -]+ \(\d+\) at |exception: )"));
static SIGNAL: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[(\d+)\]: unhandled signal \d+ "));
static KILLED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)(?:kill(?:ed)?|reaped) process (\d+),?(?: UID \d+,)? (\()"));
static KILL_LINE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"oom-kill:constraint=.*?,task=(.*?),pid=(\d+),uid="));
static OOMD: LazyLock<Regex> = LazyLock::new(|| pattern(r"Killed (/[^\s>]*)(?:( due to )|[^\n]*)"));
static OOMD_UNIT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\S+): systemd-oomd killed \d+ process"));
static OOM_UNIT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(\S+): (?:A process of this unit has been killed by the OOM killer|Failed with result 'oom-kill')",
    )
});
static COREDUMP: LazyLock<Regex> = LazyLock::new(|| pattern(r"Process (\d+) (\()"));
static ABEND: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?:type=1701|ANOM_ABEND) .*?\bpid=(\d+) comm=(?:"([^"]{1,64})"|([0-9A-F]{2,64})) .*?\bsig=(\d+)"#,
    )
});
static CRASHED_UNIT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(\S+): (?:Main|Control) process exited, code=(?:dumped|killed), status=\d+/(?:SEGV|ABRT|ILL|BUS|FPE|TRAP|SYS)",
    )
});
static XID: LazyLock<Regex> = LazyLock::new(|| pattern(r"Xid(?: \(([^)]*)\))?: ?(\d+)"));
static KCRASH: LazyLock<Regex> = LazyLock::new(|| pattern(r"KCrash: Application (?:Name = |')([^' ]{1,64})"));
static HUNG: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"INFO: task (.{1,64}?):(\d+) blocked for more than"));
/// Where an oops begins. Its second line, which may be the only one, has its number: [`DIES`].
static OOPS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"BUG: (?:unable to handle|kernel NULL)|kernel BUG at |Unable to handle kernel |Unhandled fault: .* at 0x",
    )
});
/// `general protection fault: 0000 [#1] SMP`, `Oops: 0002 [#2]`, `Internal error: Oops: 96000004 [#1]`.
static DIES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?:: [0-9a-fA-Fx]+|Oops.*|BUG.*|[Bb]ug .*|fault.*|error.*|exception.*|sig: \d+) ?\[#\d+\]")
});
/// An oops whose number was left out: of it alone, or of an old kernel.
static NUMBERLESS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"Oops(?: - [a-z ]+)?: |general protection fault(?:, [^:]*)?: "));
/// The kernel lives on, or says no more.
static STUCK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"BUG: soft lockup|detected hard LOCKUP|rcu: INFO: .*detected (?:expedited )?stall|INFO: rcu_\w+ .*detected (?:expedited )?stall",
    )
});
static PANIC: LazyLock<Regex> = LazyLock::new(|| pattern(r"Kernel panic - not syncing:? ?(.{0,24})"));
/// What the kernel keeps to itself: which of its functions, and how often.
pub(in crate::check) static SUPPRESSED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b(\w+): (\d+) callbacks suppressed"));
/// What a console could not print.
static UNPRINTED: LazyLock<Regex> = LazyLock::new(|| pattern(r"\*\* (\d+) printk messages dropped"));
static LOST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"Suppressed (\d+) messages from \S|Missed (\d+) kernel messages|/dev/kmsg buffer overrun, some messages lost",
    )
});
static HANG: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"GPU HANG|gpu hang|amdgpu.*ring [a-z0-9_.]+ timeout|amdgpu.*GPU reset begin|xe .*[eE]ngine reset|flip_done timed out|",
        r"nouveau .*(?:fifo: (?:fault|SCHED_ERROR)|GPU lockup|killed!)|GPU lockup|radeon .*ring \d+ stalled|xe .*declared device .* wedged|",
        // Its job that took too long, and what it does about a job of its own. A job that ended meanwhile is no hang.
        r"\bxe .*(?:Timedout job: |Kernel-submitted job timed out|VM job timed out|needs recovery)|device wedged, needs recovery",
    ))
});

impl Faults {
    /// Reads one message, or one line that holds one. What is not the speaker's business is hearsay and counts for
    /// nothing.
    pub(in crate::check) fn note(&mut self, speaker: Speaker<'_>, message: &[u8]) {
        if Self::may_tell(message) {
            self.tell(speaker, &String::from_utf8_lossy(message));
        }
    }

    /// Whether there may be anything in a message; quickly, for nearly every message has nothing.
    pub(super) fn may_tell(message: &[u8]) -> bool {
        TELLING.is_match(message)
    }

    /// The machine was started again: its processes are others, whatever their numbers and names.
    pub(in crate::check) fn booted(&mut self) {
        self.killed.clear();
        self.desktop.clear();
        self.desktop_told.clear();
        self.abended.clear();
        self.dying = Dying::default();
        self.threatened = None;
    }

    /// The observation with a field for each kind of fault.
    pub(in crate::check) fn into_fields(self, seen: Observation) -> Observation {
        super::super::observation(&self)
            .0
            .into_iter()
            .fold(seen, |seen, (name, value)| seen.with(&name, value))
    }

    fn tell(&mut self, speaker: Speaker<'_>, message: &str) {
        if speaker.may_be_kernel() {
            self.kernel(message);
        }
        if speaker.may_be_kernel() || speaker.may_be("audit") {
            self.abended(message);
        }
        if speaker.may_be("systemd-coredump") || speaker.may_be("abrt-hook-ccpp") || speaker.may_be("abrt") {
            self.dumped(message);
        }
        if speaker.may_be("systemd-oomd") {
            self.oomd(message, speaker);
        }
        if speaker.may_be("systemd-journald") {
            self.lost(&LOST, message, &[1, 2]);
        }
        if speaker.may_be("systemd") {
            for (regex, list) in [
                (&OOMD_UNIT, &mut self.oomd_killed_units),
                (&OOM_UNIT, &mut self.oom_units),
                (&CRASHED_UNIT, &mut self.crashed_units),
            ] {
                for found in regex.captures_iter(message) {
                    put_once(list, found.get(1));
                }
            }
            for found in CRASHED_UNIT.captures_iter(message) {
                if let Some(name) = desktop_of_unit(text(found.get(1))) {
                    self.desktop_crash(name, |(_, units)| *units += 1);
                }
            }
        }
        for found in KCRASH.captures_iter(message) {
            // KDE's own handler tells it before the kernel or systemd-coredump may, and names no process number.
            // It begins its message so; further behind somebody quotes it.
            let begins = found.get(0).is_some_and(|all| all.start() == 0);
            if begins || speaker == Speaker::Unknown {
                self.crashed(&Name { name: text(found.get(1)).to_owned(), pid: String::new() });
            }
        }
    }

    /// What is the kernel's to tell.
    fn kernel(&mut self, message: &str) {
        if message.starts_with("Linux version ") {
            self.booted();
        }
        let process = |found: &Captures<'_>| -> Name {
            let at = found.get(0).map_or(0, |all| all.start());
            Name { name: before(message.get(..at).unwrap_or_default()), pid: text(found.get(1)).to_owned() }
        };
        for found in SEGFAULT.captures_iter(message) {
            self.segfaults += 1;
            let name = process(&found);
            self.crashed(&name);
            put(&mut self.segfault_processes, name.name);
        }
        for found in TRAP.captures_iter(message) {
            let name = process(&found);
            self.crashed(&name);
            let kind = text(found.get(2).or_else(|| found.get(3)));
            let list = match kind {
                "general protection" => Some(&mut self.general_protection),
                "invalid opcode" => Some(&mut self.invalid_opcode),
                "divide error" => Some(&mut self.divide_error),
                _ => None,
            };
            if let Some(list) = list {
                put(list, name.name.clone());
            }
            put(&mut self.traps, name.name);
        }
        self.arm(message, &process);
        self.killed(message);
        for found in XID.captures_iter(message).filter(|_| message.contains("NVRM")) {
            let Ok(code) = text(found.get(2)).parse() else { continue };
            let card = found.get(1).map(|card| card.as_str().trim_start_matches("PCI:").to_owned());
            if self.xids.len() < MOST {
                self.xid_codes.push(code);
                self.xids.push(Xid { code, card, meaning: xid::meaning(code) });
            }
        }
        for found in HUNG.captures_iter(message) {
            put(&mut self.hung_tasks, text(found.get(1)).to_owned());
        }
        self.oops(message);
        self.lost(&SUPPRESSED, message, &[2]);
        self.lost(&UNPRINTED, message, &[1]);
        self.gpu_hangs += u64::from(HANG.is_match(message));
    }

    /// How many messages are told to be lost; one where that is not said.
    fn lost(&mut self, pattern: &Regex, message: &str, groups: &[usize]) {
        for found in pattern.captures_iter(message) {
            let count = groups.iter().find_map(|group| found.get(*group));
            let count = count.and_then(|count| count.as_str().parse().ok()).unwrap_or(1);
            self.lost = self.lost.saturating_add(count);
        }
    }

    /// An oops is told in several messages: what went wrong, a line with its number, and the panic that may follow.
    fn oops(&mut self, message: &str) {
        let numbered = DIES.is_match(message);
        if OOPS.is_match(message) {
            self.kernel_oopses += 1;
            self.dying = if numbered { Dying::Died } else { Dying::Announced };
        } else if numbered || NUMBERLESS.is_match(message) {
            self.kernel_oopses += u64::from(self.dying != Dying::Announced);
            self.dying = Dying::Died;
        } else if STUCK.is_match(message) {
            self.kernel_oopses += 1;
            self.dying = Dying::Died;
        } else if let Some(found) = PANIC.captures(message) {
            // What it panics over was told before.
            let why = text(found.get(1));
            let follows = [
                "Fatal exception",
                "softlockup",
                "hung_task",
                "Hard LOCKUP",
                "RCU Stall",
                "Attempted to kill",
            ]
            .iter()
            .any(|known| why.starts_with(known));
            self.kernel_oopses += u64::from(!follows || self.dying == Dying::Not);
            self.dying = Dying::Not;
        }
    }

    fn arm(&mut self, message: &str, process: &impl Fn(&Captures<'_>) -> Name) {
        for found in UNDEFINED.captures_iter(message) {
            let name = process(&found);
            self.crashed(&name);
            put(&mut self.undefined_instruction, name.name);
        }
        for found in SIGNAL.captures_iter(message) {
            let name = process(&found);
            self.crashed(&name);
            put(&mut self.unhandled_signals, name.name);
        }
        if UNDEFINED.is_match(message) {
            return;
        }
        for found in UNHANDLED.captures_iter(message) {
            let name = process(&found);
            self.crashed(&name);
            put(&mut self.arm64_faults, name.name);
        }
    }

    fn killed(&mut self, message: &str) {
        for found in KILLED.captures_iter(message) {
            let (pid, open) = (found.get(1), found.get(2));
            let at = open.map_or(message.len(), |open| open.start());
            let rest = message.get(at..).unwrap_or_default();
            if let (Some(pid), Some(name)) = (pid, in_parentheses(rest)) {
                if rest.get(name.len() + 2..).is_some_and(|rest| rest.contains("or sacrifice child")) {
                    self.threat(name, pid.as_str());
                } else {
                    self.victim(name, pid.as_str());
                }
            }
        }
        for found in KILL_LINE.captures_iter(message) {
            let (_, [name, pid]) = found.extract();
            self.victim(name, pid);
        }
    }

    fn oomd(&mut self, message: &str, speaker: Speaker<'_>) {
        for found in OOMD.captures_iter(message) {
            // A pager or a terminal may have cut the rest of the line: then somebody else must say who spoke.
            let told =
                found.get(2).is_some() || speaker != Speaker::Unknown || message.contains("systemd-oomd");
            if let Some(group) = found.get(1).filter(|_| told) {
                put(&mut self.oomd_killed_cgroups, group.as_str().to_owned());
            }
        }
    }

    /// Who is named counts until it is told who was killed.
    fn threat(&mut self, name: &str, pid: &str) {
        self.threatened = None;
        let (kills, listed) = (self.oom_kills, self.oom_victims.len());
        self.victim(name, pid);
        let at = (self.oom_victims.len() > listed).then_some(listed);
        self.threatened = (self.oom_kills > kills).then(|| (pid.to_owned(), name.to_owned(), at));
    }

    fn victim(&mut self, name: &str, pid: &str) {
        if self.killed.contains(&(pid.to_owned(), name.to_owned())) {
            self.threatened.take_if(|(threatened, ..)| threatened == pid);
            return;
        }
        if let Some((pid, name, at)) = self.threatened.take() {
            self.killed.remove(&(pid, name));
            self.oom_kills = self.oom_kills.saturating_sub(1);
            if let Some(at) = at.filter(|at| *at < self.oom_victims.len()) {
                self.oom_victims.remove(at);
            }
        }
        if self.killed.len() < MOST {
            self.killed.insert((pid.to_owned(), name.to_owned()));
        }
        self.oom_kills += 1;
        put(&mut self.oom_victims, name.to_owned());
    }

    fn abended(&mut self, message: &str) {
        for found in ABEND.captures_iter(message) {
            // These end a program with a core as well, and are no crash: somebody asked for it, or a limit was reached.
            if matches!(text(found.get(4)), "3" | "24" | "25") {
                continue;
            }
            let pid = text(found.get(1)).to_owned();
            let name =
                found.get(2).map_or_else(|| unhex(text(found.get(3))), |name| name.as_str().to_owned());
            if self.abended.len() < MOST && self.abended.insert((pid.clone(), name.clone())) {
                self.crashed(&Name { name: name.clone(), pid });
                put(&mut self.audit_crashes, name);
            }
        }
    }

    /// Whether somebody says that messages are missing.
    pub(super) const fn lacks(&self) -> bool {
        self.lost > 0
    }

    fn dumped(&mut self, message: &str) {
        for found in COREDUMP.captures_iter(message) {
            let at = found.get(2).map_or(message.len(), |open| open.start());
            let rest = message.get(at..).unwrap_or_default();
            let Some(name) = in_parentheses(rest) else { continue };
            // Of this process, and not of the next that is named on the line.
            let said = rest.split("Process ").next().unwrap_or_default();
            let dumped =
                said.contains("dumped core") || said.contains("dumping core") || is_cut_in_dump(said);
            // A core that is not kept, for want of room or because nobody wants one, is a crash all the same.
            if dumped || said.contains("terminated abnormally") {
                let pid = found.get(1).map_or("", |pid| pid.as_str());
                self.crashed(&Name { name: name.to_owned(), pid: pid.to_owned() });
            }
            if dumped {
                put(&mut self.core_dumps, name.to_owned());
            }
        }
    }

    /// A process that crashed: does the desktop stand on it?
    fn crashed(&mut self, of: &Name) {
        let key = (of.pid.clone(), of.name.clone());
        let name = unwrapped(&of.name);
        if DESKTOP.contains(&name) && self.desktop.len() < MOST && self.desktop.insert(key) {
            self.desktop_crash(name, |(processes, _)| *processes += 1);
        }
    }

    /// A crash of a part of the desktop, told of its process or of its service.
    fn desktop_crash(&mut self, name: &str, count: impl FnOnce(&mut (usize, usize))) {
        let told = self.desktop_told.entry(name.to_owned()).or_default();
        let before = told.0.max(told.1);
        count(told);
        if told.0.max(told.1) > before {
            put(&mut self.desktop_crashes, name.to_owned());
        }
    }
}

/// ` of user 1000 dum>`: a pager cut it at the edge of the screen.
fn is_cut_in_dump(said: &str) -> bool {
    let cut = said.trim_end().strip_suffix('>').and_then(|said| said.split_once(" of user "));
    let verb = cut.and_then(|(_, rest)| rest.split_once(' ')).map_or("", |(_, verb)| verb);
    !verb.is_empty() && ["dumped core", "dumping core"].iter().any(|words| words.starts_with(verb))
}

/// The audit writes a name with blanks as hexadecimal digits.
fn unhex(digits: &str) -> String {
    let bytes: Vec<u8> = digits
        .as_bytes()
        .chunks_exact(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The part of the desktop that a service starts: `plasma-kwin_wayland.service`, `org.gnome.Shell@wayland.service`,
/// `wayland-wm@sway.desktop.service`.
fn desktop_of_unit(unit: &str) -> Option<&'static str> {
    let bare = unit.strip_suffix(".service")?;
    if bare.starts_with("org.gnome.Shell@") {
        return Some("gnome-shell");
    }
    let (begin, instance) = bare.split_once('@').unwrap_or(("", bare));
    let name =
        if begin == "wayland-wm" { instance.strip_suffix(".desktop").unwrap_or(instance) } else { bare };
    let name = name.strip_prefix("plasma-").unwrap_or(name);
    DESKTOP.iter().find(|known| known.eq_ignore_ascii_case(name)).copied()
}

fn text(found: Option<Match<'_>>) -> &str {
    found.map_or("", |found| found.as_str())
}

fn put(list: &mut Vec<String>, name: String) {
    if list.len() < MOST {
        list.push(name);
    }
}

fn put_once(list: &mut Vec<String>, found: Option<Match<'_>>) {
    if let Some(name) = found
        && !list.iter().any(|known| known == name.as_str())
    {
        put(list, name.as_str().to_owned());
    }
}

#[cfg(test)]
#[path = "faults_tests.rs"]
mod tests;
