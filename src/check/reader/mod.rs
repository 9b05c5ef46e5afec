//! READERS: what a tool printed, understood. Pure: nothing is started or opened here, so that a recorded output and a
//! live one are read by the same function. A reader knows the format and not the samples: lines that it does not know
//! are passed over, an output that breaks off is told as such (`complete: false`), and nothing makes it panic.

pub(super) mod boot;
mod chrome_gpu;
pub(super) mod cpuinfo;
mod crash;
mod df;
mod elided;
mod firefox_support;
mod folded;
mod free;
mod generations;
mod glxinfo;
mod hwaccels;
pub(in crate::check) mod journal;
mod lspci;
mod march;
mod meminfo;
mod nix_diff_closures;
pub(super) mod nvidia_smi;
mod refusal;
mod session;
mod systemctl;
mod told_apart;
mod vainfo;
mod vdpauinfo;
mod zramctl;

pub(super) use march::Identity;

use super::ProbeError;
use crate::model::Observation;
use serde::Serialize;
use std::io::{BufRead, Read as _};

/// Longest output that is read as one text, in bytes. Tools print kilobytes; more is not theirs.
const LONGEST: usize = 16 << 20;

/// How a reader takes its input.
#[derive(Debug, Clone, Copy)]
enum Intake {
    /// All of it, as text.
    Text(fn(&str) -> Observation),
    /// As it comes: memory does not grow with it.
    Stream(fn(&mut dyn BufRead) -> Result<Observation, ProbeError>),
}

/// One reader, by the name of the tool whose output it understands.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    /// The tool, as `probe NAME --from FILE` takes it.
    pub name: &'static str,
    /// What is read, in a few words.
    pub about: &'static str,
    intake: Intake,
    /// Words that stand in an output of the tool whatever else does, and hardly anywhere else.
    words: &'static [&'static str],
}

const fn text(
    name: &'static str,
    about: &'static str,
    read: fn(&str) -> Observation,
    words: &'static [&'static str],
) -> Reader {
    Reader { name, about, intake: Intake::Text(read), words }
}

/// Every reader, by name.
pub const READERS: &[Reader] = &[
    text(
        "boot",
        "`systemd-analyze`, also `blame`, and `/proc/cmdline`: how long a start took, and its parameters",
        boot::read,
        &["systemd-analyze", "Startup finished in"],
    ),
    text(
        "bootc",
        "`bootc status`: staged, booted and rollback image",
        generations::bootc::read,
        &["bootc", "org.containers"],
    ),
    text(
        "chrome-gpu",
        "`chrome://gpu` as text: what Chromium accelerates",
        chrome_gpu::read,
        &["Graphics Feature Status", "chrome://gpu", "Video Decode:"],
    ),
    text("cpuinfo", "`/proc/cpuinfo`: the processors", cpuinfo::read, &["/proc/cpuinfo"]),
    text(
        "df",
        "`df`, also `-h`, `-T`, `-i`, and `findmnt --df`: how full file systems are",
        df::read,
        &["df: ", "findmnt: "],
    ),
    text(
        "ffmpeg-hwaccels",
        "`ffmpeg -hwaccels`: acceleration methods that it knows",
        hwaccels::read,
        &["Hardware acceleration methods", "ffmpeg"],
    ),
    text(
        "firefox-support",
        "`about:support`: whether Firefox decodes in hardware",
        firefox_support::read,
        &["about:support", "Application Basics", "HARDWARE_VIDEO_DECODING", "Firefox"],
    ),
    text("free", "`free`: memory and swap as printed", free::read, &["free: "]),
    text(
        "generations",
        "the states to go back to, as any of these tools lists them",
        told_apart::generations,
        &["generation"],
    ),
    text(
        "glxinfo",
        "`glxinfo`, also `-B`: the OpenGL renderer",
        glxinfo::read,
        &["OpenGL renderer string", "name of display:", "glxinfo"],
    ),
    text(
        "home-manager-generations",
        "`home-manager generations`",
        generations::home_manager::read,
        &["home-manager"],
    ),
    Reader {
        name: journal::NAME,
        about: "the journal or a kernel log, in any format: crashes, kills, faults",
        intake: Intake::Stream(journal::read),
        words: &[],
    },
    text(
        "lspci",
        "`lspci`: the GPUs and their drivers",
        lspci::read,
        &["VGA compatible controller", "lspci"],
    ),
    text("meminfo", "`/proc/meminfo`: memory and swap in kB", meminfo::read, &["/proc/meminfo"]),
    text(
        "nix-diff-closures",
        "`nix store diff-closures`: packages that differ",
        nix_diff_closures::read,
        &["nix store diff-closures"],
    ),
    text("nix-env-generations", "`nix-env --list-generations`", generations::nix_env::read, &["nix-env"]),
    text(
        "nixos-generations",
        "`nixos-rebuild list-generations`",
        generations::nixos::read,
        &["nixos-rebuild"],
    ),
    text(
        "nvidia-smi",
        "`nvidia-smi`: its table, `-L`, CSV, `pmon`, `-q`, its failures",
        nvidia_smi::read,
        &["NVIDIA-SMI", "nvidia-smi", "NVSMI LOG", "NVML"],
    ),
    text("rpm-ostree", "`rpm-ostree status`: deployments", generations::rpm_ostree::read, &["rpm-ostree"]),
    text(
        "session",
        "`loginctl list-sessions` and `show-session`: who is logged in, on what display",
        session::read,
        &["loginctl"],
    ),
    text(
        "systemctl-failed",
        "`systemctl --failed`: the units that failed",
        systemctl::failed,
        &["systemctl", "loaded units listed"],
    ),
    text("systemctl-show", "`systemctl show`: properties, unit by unit", systemctl::show, &["systemctl"]),
    text(
        "systemctl-user-status",
        "`systemctl status` of one unit or of a manager",
        systemctl::status,
        &["systemctl", "could not be found"],
    ),
    text(
        "units",
        "`systemctl`: a list of units, their properties, or the status of one",
        told_apart::units,
        &["systemctl", "loaded units listed"],
    ),
    text(
        "vainfo",
        "`vainfo`: the VA-API driver, what it decodes and encodes",
        vainfo::read,
        &["vainfo", "libva info: ", "libva error: ", "VAProfile", "VAEntrypoint"],
    ),
    text(
        "vdpauinfo",
        "`vdpauinfo`: the VDPAU driver and its decoders",
        vdpauinfo::read,
        &["vdpauinfo", "VDPAU", "Decoder capabilities:"],
    ),
    text("zramctl", "`zramctl`: compressed memory devices", zramctl::read, &["zramctl"]),
];

impl Reader {
    /// The reader of that name. A probe whose name is not its tool's goes by both.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        let name = match name {
            "cgroup" => "systemctl-show",
            "chromium" => "chrome-gpu",
            "cpu" => "cpuinfo",
            "disk" => "df",
            "firefox" => "firefox-support",
            "gpu" => "nvidia-smi",
            "memory" => "meminfo",
            "nix" => "nix-diff-closures",
            "opengl" => "glxinfo",
            other => other,
        };
        READERS.iter().find(|reader| reader.name == name)
    }

    /// Reads a recorded output to its end.
    ///
    /// # Errors
    /// Where it cannot be read, is longer than any output of the tool, or is nothing that the tool prints.
    pub fn read(&self, from: &mut dyn BufRead) -> Result<Observation, ProbeError> {
        self.taken(from, true)
    }

    /// Reads what the tool itself has just printed, whatever it is.
    ///
    /// # Errors
    /// Where it cannot be read, is longer than any output of the tool, or is nothing at all.
    pub(super) fn heard(&self, from: &mut dyn BufRead) -> Result<Observation, ProbeError> {
        self.taken(from, false)
    }

    fn taken(&self, from: &mut dyn BufRead, recorded: bool) -> Result<Observation, ProbeError> {
        match self.intake {
            Intake::Stream(read) => {
                if from.fill_buf().map_err(|why| self.unreadable(&why))?.is_empty() {
                    return Err(self.empty());
                }
                read(from)
            }
            Intake::Text(read) => {
                let text = plain(&self.whole(from)?);
                if text.trim().is_empty() {
                    return Err(self.empty());
                }
                let seen = read(&text);
                if recorded && !self.knows(&text, &seen, read) {
                    return Err(foreign(self.name, &text));
                }
                Ok(ended(&text, seen))
            }
        }
    }

    /// Whether anything in a text can be the tool's: something was understood, or a word of its own is there.
    fn knows(&self, text: &str, seen: &Observation, read: fn(&str) -> Observation) -> bool {
        let told = |seen: &Observation| {
            let mut fields = seen.0.clone();
            fields.remove("complete");
            fields
        };
        self.words.iter().any(|word| text.contains(word)) || told(seen) != told(&read(""))
    }

    /// Nothing at all is no output of any of the tools, but of a redirection that failed.
    fn empty(&self) -> ProbeError {
        ProbeError::Unreachable {
            what: format!("the output of {} is empty", self.name),
            hint: "was the tool started, and did its output go into this file? Its errors go to another stream: `2>&1` keeps both",
        }
    }

    fn unreadable(&self, why: &std::io::Error) -> ProbeError {
        ProbeError::Unreadable { what: format!("the output of {}", self.name), why: why.to_string() }
    }

    fn whole(&self, from: &mut dyn BufRead) -> Result<String, ProbeError> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(LONGEST + 1).unwrap_or(u64::MAX);
        from.take(limit).read_to_end(&mut bytes).map_err(|why| self.unreadable(&why))?;
        if bytes.len() > LONGEST {
            let total = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            return Err(ProbeError::TooMuch { what: self.name.to_owned(), bytes: total, kept: LONGEST });
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Why a text in which nothing is of this tool is not read: no answer is read out of it.
fn foreign(name: &str, text: &str) -> ProbeError {
    if name == "nvidia-smi" && text.contains("<nvidia_smi_log") {
        return ProbeError::Unreachable {
            what: "this is XML, as `nvidia-smi -q -x` prints it, which is not read".to_owned(),
            hint: "record `nvidia-smi -q` instead: it tells the same as text; or `nvidia-smi --query-gpu=... --format=csv`",
        };
    }
    let other = another(text).filter(|other| *other != name);
    let looks = other.map_or(String::new(), |other| format!("; it looks like an output of {other}"));
    ProbeError::Unreachable {
        what: format!("not one line of this is of {name}{looks}"),
        hint: "is it the right file? A recorded output is read under the name of the tool that printed it; `switchback probe x --from -` names them all",
    }
}

/// The tool of which a text holds words that hardly any other prints.
fn another(text: &str) -> Option<&'static str> {
    let own = |reader: &&Reader| reader.words.iter().any(|word| text.contains(word));
    READERS.iter().find(own).map(|reader| reader.name)
}

/// The text without colours, with plain line ends: what a terminal, a forum, a pager or a reply did to it is undone.
fn plain(text: &str) -> String {
    // Some editors put a mark of the byte order first.
    let text = text.trim_start_matches('\u{feff}');
    let text = console::strip_ansi_codes(text).replace("\r\n", "\n").replace('\r', "\n");
    if !text.lines().any(|line| line.starts_with('>')) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        out.push_str(unquoted(line));
    }
    out
}

/// The line without the marks that replies put before it.
fn unquoted(line: &str) -> &str {
    let mut line = line;
    while let Some(rest) = line.strip_prefix('>') {
        match rest.strip_prefix(' ') {
            Some(rest) => line = rest,
            None if rest.starts_with('>') || rest.trim().is_empty() => line = rest,
            None => break,
        }
    }
    line
}

/// Every tool ends its last line. Where that has no end, the output breaks off there, unless what it closes tells that it
/// is whole: a document or a box.
fn ended(text: &str, mut seen: Observation) -> Observation {
    let last = text.lines().next_back().unwrap_or_default().trim();
    let boxed = || last.starts_with('+') && last.ends_with("-+");
    let closed = || boxed() || (last.ends_with(['}', ']']) && document(text, &['{', '[']).is_some());
    let whole = seen.0.entry("complete".to_owned()).or_insert(serde_json::Value::Bool(true));
    if !text.ends_with('\n') && !closed() {
        *whole = serde_json::Value::Bool(false);
    }
    seen
}

/// The first JSON document in a text that begins a line with one of these; a prompt or a warning may stand around it.
fn document(text: &str, begins: &[char]) -> Option<serde_json::Value> {
    let mut at = 0;
    let mut tries = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with(begins) && tries < 64 {
            tries += 1;
            let rest = text.get(at..).unwrap_or_default();
            let first = serde_json::Deserializer::from_str(rest).into_iter().next();
            match first {
                Some(Ok(found @ (serde_json::Value::Object(_) | serde_json::Value::Array(_)))) => {
                    return Some(found);
                }
                // It breaks off; what lies within it is no document.
                Some(Err(why)) if why.is_eof() => return None,
                Some(_) | None => {}
            }
        }
        at += line.len();
    }
    None
}

/// Whether somebody left something out here: a line of dots, or of words that say so.
fn is_elision(line: &str) -> bool {
    let line = line.trim();
    let dots = |text: &str| text.contains("...") || text.contains('…');
    let only =
        line.chars().all(|c| matches!(c, '.' | '…' | '[' | ']' | '(' | ')' | '<' | '>' | '-' | '*' | ' '));
    let said = ["snip", "elided", "omitted", "truncated", "etc"];
    let words = line.trim_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase();
    (only && dots(line)) || said.contains(&words.as_str())
}

/// The fields of a reading.
fn observation(reading: &impl Serialize) -> Observation {
    match serde_json::to_value(reading) {
        Ok(serde_json::Value::Object(fields)) => Observation(fields.into_iter().collect()),
        // A reading is a struct of plain values: it is always an object.
        Ok(_) | Err(_) => Observation::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_of_dots_says_that_something_was_left_out() {
        for line in ["...", "…", "[...]", "<snip>", "  (...)", "etc..."] {
            assert!(is_elision(line), "{line}");
        }
        for line in ["", "---", "a...", "1.2.3"] {
            assert!(!is_elision(line), "{line}");
        }
    }

    #[test]
    fn the_marks_of_a_reply_are_no_part_of_the_output() {
        assert_eq!(plain("> a\n>\n> > b\n>> c\n>d\ne > f\n"), "a\n\nb\nc\n>d\ne > f\n");
        for (name, text, field, value) in [
            ("glxinfo", "> OpenGL renderer string: A\n", "renderer", serde_json::json!("A")),
            ("vdpauinfo", "> Information string: A\n", "information_string", serde_json::json!("A")),
            ("meminfo", "> MemTotal: 7 kB\n", "MemTotal_kb", serde_json::json!(7)),
            (
                "lspci",
                "> 01:00.0 VGA compatible controller [0300]: A [10de:1f06]\n",
                "gpus.0.ids",
                serde_json::json!("10de:1f06"),
            ),
            (
                "chrome-gpu",
                "> Graphics Feature Status\n> Video Decode: Unavailable\n",
                "video_decode_hardware",
                serde_json::json!(false),
            ),
        ] {
            let seen = Reader::named(name).expect("a reader").read(&mut text.as_bytes()).expect("read");
            assert_eq!(seen.get(field), Some(&value), "{name}");
        }
    }

    #[test]
    fn every_reader_says_whether_the_output_is_whole_and_a_line_without_its_end_is_not() {
        for reader in READERS {
            let seen = reader.heard(&mut &b"some words that no tool prints"[..]).expect("read");
            assert_eq!(seen.get("complete"), Some(&serde_json::json!(false)), "{}", reader.name);
        }
    }

    #[test]
    fn what_is_not_of_the_tool_is_no_answer() {
        let table = "| NVIDIA-SMI 525.60.11    Driver Version: 525.60.11    CUDA Version: 12.0     |\n";
        let page = "vainfo: VA-API version: 1.20 (libva 2.20.1)\n";
        let noise: String = (0..400_u32).filter_map(|at| char::from_u32(at * 7919 % 256)).collect();
        for reader in READERS {
            for text in [table, page, noise.as_str(), "some words that no tool prints\n"] {
                let named = reader.words.iter().any(|word| text.contains(word));
                let messages_alone = reader.name == journal::NAME && text.starts_with("some");
                let read = reader.read(&mut text.as_bytes());
                assert_eq!(read.is_ok(), named || messages_alone, "{}: {text}{read:?}", reader.name);
                assert!(read.is_ok() || read.is_err_and(|why| why.hint().is_some()), "{}", reader.name);
            }
        }
        let why =
            Reader::named("vainfo").expect("a reader").read(&mut table.as_bytes()).expect_err("an error");
        assert_eq!(
            why.to_string(),
            "not one line of this is of vainfo; it looks like an output of nvidia-smi"
        );
        let translated = "Status der Grafikfunktionen\nVideo Decode: Hardwarebeschleunigt\n";
        assert!(Reader::named("chromium").expect("a reader").read(&mut translated.as_bytes()).is_ok());
        for text in
            ["error: failed to initialize display\n", "libva info: VA-API version 1.20.0\n", "vainfo: x\n"]
        {
            assert!(Reader::named("vainfo").expect("a reader").read(&mut text.as_bytes()).is_ok(), "{text}");
        }
        let xml = "<?xml version=\"1.0\" ?>\n<nvidia_smi_log><driver_version>550</driver_version></nvidia_smi_log>\n";
        let why = Reader::named("gpu").expect("a reader").read(&mut xml.as_bytes()).expect_err("an error");
        assert!(
            why.to_string().contains("XML") && why.hint().is_some_and(|hint| hint.contains("nvidia-smi -q"))
        );
    }

    #[test]
    fn a_document_is_found_behind_a_prompt_and_before_one() {
        let list = serde_json::json!([{"a": 1}]);
        for text in [
            "[{\"a\": 1}]",
            "[mo@host:~]$ tool --json\n[{\"a\": 1}]\n[mo@host:~]$ ",
            "warning: x\n[\n{\"a\":1}\n]\n",
        ] {
            assert_eq!(document(text, &['[']), Some(list.clone()), "{text}");
        }
        assert_eq!(document("{\"a\": [\n{\"b\": 1},\n{\"c\"", &['[', '{']), None);
        assert_eq!(document("[mo@host:~]$ tool\n{\"a\":", &['[', '{']), None);
    }

    #[test]
    fn readers_are_sorted_by_name_and_each_is_there_once() {
        assert!(READERS.is_sorted_by(|one, next| one.name < next.name));
    }

    #[test]
    fn a_probe_is_read_under_its_own_name() {
        for name in [
            "boot",
            "cgroup",
            "chromium",
            "cpu",
            "disk",
            "firefox",
            "generations",
            "gpu",
            "journal",
            "lspci",
            "memory",
            "nix",
            "opengl",
            "session",
            "units",
            "vainfo",
            "vdpauinfo",
        ] {
            assert!(Reader::named(name).is_some(), "{name}");
        }
    }

    #[test]
    fn nothing_at_all_is_no_output_of_any_tool() {
        for reader in READERS {
            let why = reader.read(&mut &b""[..]).expect_err(reader.name);
            assert!(why.hint().is_some_and(|hint| hint.contains("2>&1")), "{why}");
        }
    }

    #[test]
    fn an_error_of_a_tool_is_never_an_empty_list() {
        for (name, tool) in [
            ("bootc", "bootc"),
            ("home-manager-generations", "home-manager"),
            ("nix-diff-closures", "nix"),
            ("nix-env-generations", "nix-env"),
            ("nixos-generations", "nixos-rebuild"),
            ("rpm-ostree", "rpm-ostree"),
        ] {
            let reader = Reader::named(name).expect("a reader");
            for (text, failure) in [
                (format!("bash: {tool}: command not found\n"), "not_started"),
                (format!("fish: Unknown command: {tool}\n"), "not_started"),
                ("error: something broke\n".to_owned(), "failed"),
                ("error: opening lock file '/x.lock': Permission denied\n".to_owned(), "permission_denied"),
                ("error: This system was not booted via libostree.\n".to_owned(), "not_of_this_kind"),
            ] {
                let seen = reader.read(&mut text.as_bytes()).expect("read");
                assert_eq!(seen.get("complete"), Some(&serde_json::json!(false)), "{name}: {text}");
                assert_eq!(seen.get("failure"), Some(&serde_json::json!(failure)), "{name}: {text}");
            }
            let seen = reader.heard(&mut &b"what is this\n"[..]).expect("read");
            assert_eq!(seen.get("complete"), Some(&serde_json::json!(false)), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_reader_panics_whatever_it_is_given(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            for reader in READERS {
                // Whether it can be understood is another question.
                let _ = reader.read(&mut bytes.as_slice());
            }
        }
    }
}
