//! `vainfo`: what libva says while it looks for a driver, and which profiles that driver offers.
//!
//! The words are those of libva 0.31 to 2.24 and of libva-utils: `libva: ` before 1.0.16, `libva info: ` and
//! `libva error: ` since; one driver tried until 2.6, several since; `--all` prints pairs with a slash.

mod codecs;
mod failure;

use super::crash;
use super::elided::{elided, trails_off};
use super::folded::unfolded;
use super::observation;
use super::refusal::is_missing;
use crate::model::Observation;
use codecs::{Abilities, Decode, abilities, decode, listed};
use failure::Failure;
use serde::Serialize;
use std::collections::BTreeMap;

/// What was read. The upper fields are those of the fixtures' index.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Vainfo {
    /// A driver was loaded and answers.
    ok: bool,
    /// What the driver calls itself.
    driver: Option<String>,
    va_api_version: Option<String>,
    libva_version: Option<String>,
    profile_entrypoint_pairs: usize,
    decode: Decode,
    any_encode: bool,
    /// Pairs whose profile vainfo itself did not know.
    unknown_profile_lines: usize,
    error_code: Option<i64>,
    error_text: Option<String>,
    /// What libva called errors, without its prefix.
    libva_errors: Vec<String>,
    driver_files_tried: Vec<String>,
    /// Nothing is missing at the end or in between.
    complete: bool,
    /// The display that was looked at last, where it is said.
    display: Option<String>,
    /// The driver that `LIBVA_DRIVER_NAME` or a program asked for.
    requested_driver: Option<String>,
    /// `H264High/VLD` and so on, as listed.
    pairs: Vec<String>,
    /// What can be decoded and encoded, by codec; at least those of `decode`, MPEG-2, VC-1 and the profiles of VP9.
    codecs: BTreeMap<String, Abilities>,
    /// The names in `codecs` that can be decoded.
    decodes: Vec<String>,
    /// The names in `codecs` that can be encoded.
    encodes: Vec<String>,
    /// The driver computes on the processor.
    software: Option<bool>,
    /// What went wrong, as a class.
    failure: Option<Failure>,
    /// The signal that ended the tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
}

/// Names of drivers that use no GPU.
const SOFTWARE: [&str; 4] = ["llvmpipe", "softpipe", "swrast", "lavapipe"];

/// How lines begin, where they became one.
const BEGINNINGS: [&str; 8] = [
    "libva info: ",
    "libva error: ",
    "libva: ",
    "vainfo: ",
    "vaInitialize failed",
    "Trying display: ",
    "VAProfile",
    "<unknown profile>",
];

pub(super) fn read(text: &str) -> Observation {
    observation(&parse(text))
}

/// One pair of a profile and an entrypoint.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pair {
    profile: String,
    entrypoint: String,
}

/// What the lines said, one by one.
#[derive(Debug, Default)]
struct Lines {
    /// The heading of the list was there.
    heading: bool,
    pairs: Vec<Pair>,
    /// Lines were left out, or a line breaks off.
    gap: bool,
    /// The last line says that the tool gave up.
    gave_up: bool,
    /// What `va_openDriver() returns` said, each time.
    opened: Vec<i64>,
    no_device: bool,
    no_display: bool,
    not_started: bool,
    /// The beginning of a line of the list, whose rest stands behind what libva said meanwhile.
    open: String,
    /// What earlier runs in this text tried.
    before: Tried,
    /// What had been tried when the last pair was listed.
    at_last_pair: Tried,
}

/// How many files were tried, and how many answers there were.
#[derive(Debug, Clone, Copy, Default)]
struct Tried {
    tried: usize,
    opened: usize,
}

impl Lines {
    fn tried(&self, seen: &Vainfo) -> Tried {
        Tried { tried: seen.driver_files_tried.len(), opened: self.opened.len() }
    }
}

fn parse(text: &str) -> Vainfo {
    let mut seen = Vainfo::default();
    let mut lines = Lines::default();
    for line in unfolded(text, &BEGINNINGS).lines().filter(|line| !line.trim().is_empty()) {
        piece_of(line, &mut seen, &mut lines);
    }
    lines.gap |= !lines.open.is_empty();
    concluded(seen, &lines)
}

/// A line, or what the other stream left of it: libva speaks on standard error, and may do so within a line of the list.
fn piece_of(line: &str, seen: &mut Vainfo, lines: &mut Lines) {
    let said = ["libva info: ", "libva error: "].iter().filter_map(|mark| line.find(mark)).min();
    if let Some((before, said)) = said.and_then(|at| line.split_at_checked(at))
        && is_of_list(before)
    {
        lines.open.push_str(before);
        line_of(said, seen, lines);
    } else if lines.open.is_empty() || said.is_some() {
        line_of(line, seen, lines);
    } else {
        let whole = std::mem::take(&mut lines.open) + line;
        line_of(&whole, seen, lines);
    }
}

/// Whether a line of the list begins so.
fn is_of_list(text: &str) -> bool {
    let bare = text.trim_start();
    bare.starts_with("VAProfile") || bare.starts_with("<unknown profile>")
}

fn line_of(line: &str, seen: &mut Vainfo, lines: &mut Lines) {
    let again = after(line, "vainfo: VA-API version: ").is_some() && lines.heading;
    if again || (lines.gave_up && begins(line)) {
        // It was tried once more; what was tried and what went wrong before stays told.
        let before = if again { lines.at_last_pair } else { lines.tried(seen) };
        *lines = Lines { opened: std::mem::take(&mut lines.opened), before, ..Lines::default() };
        let (driver_files_tried, libva_errors) =
            (std::mem::take(&mut seen.driver_files_tried), std::mem::take(&mut seen.libva_errors));
        *seen = Vainfo { driver_files_tried, libva_errors, ..Vainfo::default() };
    }
    if let Some(signal) = crash::signal(line) {
        seen.signal = Some(signal);
        lines.gave_up = true;
        return;
    }
    if elided(line) {
        lines.gap = true;
    } else if let Some(said) = after(line, "libva error: ") {
        seen.libva_errors.push(said.to_owned());
    } else if let Some(said) = after(line, "libva info: ").or_else(|| after(line, "libva: ")) {
        info(said, seen, lines);
    } else if let Some((code, text)) = gave_up(line) {
        lines.gave_up = true;
        seen.error_code = Some(code);
        seen.error_text = text;
    } else if let Some(pair) = pair(line) {
        lines.gap |= trails_off(line);
        lines.pairs.push(pair);
        lines.at_last_pair = lines.tried(seen);
    } else if let Some(name) = after(line, ": Driver version: ") {
        seen.driver = Some(name.to_owned()).filter(|name| name != "<unknown>");
    } else if let Some(versions) = after(line, "VA-API version: ").or_else(|| after(line, "VA API version: "))
    {
        let (api, libva) = versions.split_once('(').unwrap_or((versions, ""));
        seen.va_api_version = Some(api.trim().to_owned()).filter(|version| !version.is_empty());
        let libva = libva.trim().strip_prefix("libva ").and_then(|rest| rest.split([')', ' ']).next());
        // Distributions built it without its version: `(libva )`.
        seen.libva_version = libva.filter(|version| !version.is_empty()).map(str::to_owned);
    } else if line.contains(": Supported profile and entrypoints")
        || line.contains(": Supported config attributes per profile")
    {
        lines.heading = true;
    } else if let Some(name) = after(line, "Trying display: ") {
        seen.display = Some(name.to_owned());
    } else if breaks_off(line) {
        lines.gap = true;
    } else {
        trouble(line, seen, lines);
    }
}

/// The first lines of a run: what libva says of itself, or what vainfo says of the display.
fn begins(line: &str) -> bool {
    let bare = line.trim_start();
    bare.starts_with("Trying display: ")
        || ["libva info: VA-API version ", "libva: VA-API version ", "libva: libva version "]
            .iter()
            .any(|start| bare.starts_with(start))
        || after(line, "vainfo: VA-API version: ").is_some()
}

/// A line of the list without its end, be it only the beginning of the first word, or without its beginning.
fn breaks_off(line: &str) -> bool {
    const PROFILE: &str = "VAProfile";
    let bare = line.trim();
    let rest = bare.split_once(':').map_or(bare, |(_, rest)| rest.trim_start());
    let is_end = rest.starts_with("VAEntrypoint") && !rest.contains(' ');
    bare.starts_with(PROFILE) || (line.starts_with(' ') && PROFILE.starts_with(bare)) || is_end
}

/// What libva tells while it works.
fn info(said: &str, seen: &mut Vainfo, lines: &mut Lines) {
    if let Some(path) = said.strip_prefix("Trying to open ") {
        seen.driver_files_tried.push(path.trim().to_owned());
    } else if let Some(code) = said.strip_prefix("va_openDriver() returns ") {
        lines.opened.extend(code.trim().parse::<i64>());
    } else if said.starts_with("User ")
        && let Some((_, name)) = said.split_once("requested driver '")
    {
        seen.requested_driver = name.split('\'').next().map(str::to_owned);
    }
}

/// Where it ends before libva was asked.
fn trouble(line: &str, seen: &mut Vainfo, lines: &mut Lines) {
    let ended = if line.contains("Failed to open the given device")
        || line.contains("Failed to a DRM display")
        || line.contains("failed to initialize display 'drm'")
    {
        &mut lines.no_device
    } else if line.contains("error: failed to initialize display")
        || line.contains("vaGetDisplay() failed")
        || line.contains("Error, can't open display")
    {
        &mut lines.no_display
    } else if is_missing(line, "vainfo")
        || (line.contains("vainfo") && line.contains("error while loading shared libraries"))
    {
        &mut lines.not_started
    } else {
        return;
    };
    *ended = true;
    lines.gave_up = true;
    let said = line.rsplit_once("rror: ").map_or(line, |(_, said)| said);
    seen.error_text.get_or_insert_with(|| said.trim().to_owned());
}

/// `vaInitialize failed with error code -1 (unknown libva error),exit`.
fn gave_up(line: &str) -> Option<(i64, Option<String>)> {
    let said = after(line, " failed with error code ")?;
    let (code, text) = said.split_once(' ').unwrap_or((said, ""));
    let code = code.trim_end_matches([',', ';']).parse().ok()?;
    // The text may hold brackets itself.
    let text = text.strip_prefix('(').map(|text| match text.rfind("),") {
        Some(end) => text.get(..end).unwrap_or(text),
        None => text.rsplit_once(')').map_or(text, |(text, _)| text),
    });
    Some((code, text.map(str::to_owned)))
}

/// A line of the list: `VAProfileH264High : VAEntrypointVLD`, or with a slash.
fn pair(line: &str) -> Option<Pair> {
    let known = |text: &str| text.find("VAProfile").or_else(|| text.find("<unknown profile>"));
    let line = line.get(known(line)?..)?;
    let (profile, entrypoint) = line.split_once([':', '/'])?;
    let entrypoint = entrypoint.trim_start();
    let named = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let entrypoint = if entrypoint.starts_with("<unknown entrypoint>") {
        "<unknown entrypoint>"
    } else {
        let end = entrypoint.find(|c| !named(c)).unwrap_or(entrypoint.len());
        let name = entrypoint.get(..end)?.trim_end_matches('_');
        name.starts_with("VAEntrypoint").then_some(name)?
    };
    Some(Pair { profile: profile.trim().to_owned(), entrypoint: entrypoint.to_owned() })
}

fn after<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    line.find(mark).and_then(|at| line.get(at + mark.len()..)).map(str::trim)
}

fn concluded(mut seen: Vainfo, lines: &Lines) -> Vainfo {
    let pairs = &lines.pairs;
    seen.ok = !lines.gave_up && (seen.driver.is_some() || !pairs.is_empty());
    seen.profile_entrypoint_pairs = pairs.len();
    seen.unknown_profile_lines = pairs.iter().filter(|pair| pair.profile == "<unknown profile>").count();
    seen.decode = decode(pairs);
    seen.any_encode = pairs.iter().any(|pair| pair.entrypoint.starts_with("VAEntrypointEnc"));
    seen.codecs = abilities(pairs);
    seen.decodes = listed(&seen.codecs, |able| able.decode);
    seen.encodes = listed(&seen.codecs, |able| able.encode);
    seen.pairs = pairs
        .iter()
        .map(|pair| {
            let bare = |name: &str, prefix: &str| name.strip_prefix(prefix).unwrap_or(name).to_owned();
            format!("{}/{}", bare(&pair.profile, "VAProfile"), bare(&pair.entrypoint, "VAEntrypoint"))
        })
        .collect();
    seen.software = seen.driver.as_ref().map(|name| {
        let name = name.to_lowercase();
        SOFTWARE.iter().any(|software| name.contains(software))
    });
    if seen.error_code.is_none() && !seen.ok {
        seen.error_code = lines.opened.last().copied().filter(|code| *code != 0);
    }
    seen.complete = !lines.gap
        && seen.signal.is_none()
        && (lines.gave_up || (lines.heading && codecs::ends_whole(pairs)));
    seen.failure = failure::class(&seen, lines);
    seen
}

#[cfg(test)]
mod tests;
