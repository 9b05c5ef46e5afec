//! Real outputs, broken in every way that a forum, a pager, a terminal or a full disk breaks them: whatever comes out, a
//! reader answers, in bounded memory, and does not call whole what breaks off in its middle.

use crate::fixtures::folder;
use crate::skipped::skipped;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use switchback::check::{READERS, Reader};

/// A recorded output, and the tool that printed it.
#[derive(Debug, Clone)]
struct Recorded {
    tool: String,
    bytes: Vec<u8>,
}

fn recorded(folder: &Path) -> Vec<Recorded> {
    let mut all: Vec<(PathBuf, String)> = Vec::new();
    for reader in READERS {
        let Ok(entries) = std::fs::read_dir(folder.join(reader.name)) else { continue };
        all.extend(entries.filter_map(|entry| Some((entry.ok()?.path(), reader.name.to_owned()))));
    }
    all.sort();
    all.into_iter()
        .map(|(path, tool)| Recorded { tool, bytes: std::fs::read(&path).expect("a recorded output") })
        .collect()
}

/// One way to break an output.
#[derive(Debug, Clone)]
enum Harm {
    /// It ends here, per mille of its length.
    Cut(u16),
    /// Its beginning is missing.
    Behead(u16),
    /// A byte is another.
    Byte(u16, u8),
    /// Lines of another output, or of its standard error, stand between its own.
    Interleave(u16, u16),
    /// Lines are shown twice.
    Repeat(u16, u8),
    /// Lines are in another order.
    Swap(u16, u16),
    /// Colours, as `grep` and terminals set them.
    Colour(u16),
    /// Line ends of another system.
    CarriageReturns,
    /// A reply quotes it.
    Quote,
    /// Runs of blanks became one.
    Collapse,
    /// Every digit is another: too large for any number.
    Digits,
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        (0_u16..1000).prop_map(Harm::Cut),
        (0_u16..1000).prop_map(Harm::Behead),
        (0_u16..1000, any::<u8>()).prop_map(|(at, byte)| Harm::Byte(at, byte)),
        (0_u16..1000, 0_u16..1000).prop_map(|(other, at)| Harm::Interleave(other, at)),
        (0_u16..1000, 1_u8..9).prop_map(|(at, times)| Harm::Repeat(at, times)),
        (0_u16..1000, 0_u16..1000).prop_map(|(one, other)| Harm::Swap(one, other)),
        (0_u16..1000).prop_map(Harm::Colour),
        Just(Harm::CarriageReturns),
        Just(Harm::Quote),
        Just(Harm::Collapse),
        Just(Harm::Digits),
    ]
}

fn at(per_mille: u16, length: usize) -> usize {
    usize::from(per_mille) * length / 1000
}

fn harmed(bytes: &[u8], harm: &Harm, all: &[Recorded]) -> Vec<u8> {
    let lines =
        |bytes: &[u8]| -> Vec<Vec<u8>> { bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect() };
    let mut own = lines(bytes);
    match harm {
        Harm::Cut(end) => return bytes.get(..at(*end, bytes.len())).unwrap_or_default().to_vec(),
        Harm::Behead(begin) => return bytes.get(at(*begin, bytes.len())..).unwrap_or_default().to_vec(),
        Harm::Byte(place, byte) => {
            let mut bytes = bytes.to_vec();
            let place = at(*place, bytes.len());
            if let Some(one) = bytes.get_mut(place) {
                *one = *byte;
            }
            return bytes;
        }
        Harm::Interleave(other, place) => {
            let other = all.get(at(*other, all.len())).map(|other| lines(&other.bytes)).unwrap_or_default();
            let place = at(*place, own.len());
            own.splice(place..place, other);
        }
        Harm::Repeat(place, times) => {
            if let Some(line) = own.get(at(*place, own.len())).cloned() {
                own.extend(std::iter::repeat_n(line, usize::from(*times)));
            }
        }
        Harm::Swap(one, other) => {
            let (one, other) = (at(*one, own.len()), at(*other, own.len()));
            own.swap(one, other);
        }
        Harm::Colour(place) => {
            let place = at(*place, own.len());
            if let Some(line) = own.get_mut(place) {
                *line = [b"\x1b[1;31m".as_slice(), line, b"\x1b[0m\x1b[K"].concat();
            }
        }
        Harm::CarriageReturns => own.iter_mut().for_each(|line| line.push(b'\r')),
        Harm::Quote => own.iter_mut().for_each(|line| *line = [b"> ".as_slice(), line].concat()),
        Harm::Collapse => {
            own.iter_mut().for_each(|line| line.dedup_by(|one, next| *one == b' ' && *next == b' '));
        }
        Harm::Digits => {
            let more = |byte: &u8| if byte.is_ascii_digit() { vec![b'9'; 5] } else { vec![*byte] };
            own = own.iter().map(|line| line.iter().flat_map(more).collect()).collect();
        }
    }
    own.join(&b'\n')
}

/// The whole answer, in bytes.
fn answered(reader: &Reader, bytes: &[u8]) -> Option<(usize, Value)> {
    let seen = reader.read(&mut &*bytes).ok()?;
    let seen = serde_json::to_value(seen).expect("a document");
    Some((seen.to_string().len(), seen))
}

#[test]
fn no_reader_panics_or_swells_on_a_real_output_that_was_broken() {
    let name = "no_reader_panics_or_swells_on_a_real_output_that_was_broken";
    let Some(folder) = folder() else {
        return skipped(name, "there is no ../shared/fixtures/INDEX.yaml");
    };
    let all = recorded(&folder);
    assert!(all.len() > 50, "{} outputs", all.len());
    let cases = u32::try_from(12 * all.len()).expect("a count");
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let strategy = (0..all.len(), proptest::collection::vec(harm(), 1..5));
    let ran = runner.run(&strategy, |(which, harms)| {
        let recorded = &all[which];
        let mut bytes = recorded.bytes.clone();
        for harm in &harms {
            bytes = harmed(&bytes, harm, &all);
        }
        for reader in READERS {
            // Its own reader, and everybody else's: who knows what a person gives to which.
            if let Some((length, _)) = answered(reader, &bytes) {
                let most = 64 * bytes.len() + 16 * 1024;
                prop_assert!(
                    length <= most,
                    "{} on {}: {length} of {}",
                    reader.name,
                    recorded.tool,
                    bytes.len()
                );
            }
        }
        Ok(())
    });
    if let Err(why) = ran {
        panic!("{why}");
    }
}

/// Tools whose output tells where it ends, or where each of its parts does.
const TELL_THEIR_END: [&str; 7] =
    ["bootc", "free", "glxinfo", "meminfo", "nvidia-smi", "vainfo", "vdpauinfo"];
/// Those of which nobody kept an output that people posted; their own tests break them.
const UNRECORDED: [&str; 5] = ["boot", "df", "generations", "session", "units"];
/// Into how many parts an output is cut.
const PARTS: usize = 24;

#[test]
fn what_breaks_off_in_the_middle_of_a_line_is_called_whole_by_no_reader() {
    let name = "what_breaks_off_in_the_middle_of_a_line_is_called_whole_by_no_reader";
    let Some(folder) = folder() else {
        return skipped(name, "there is no ../shared/fixtures/INDEX.yaml");
    };
    let mut tried: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for recorded in recorded(&folder) {
        let reader = Reader::named(&recorded.tool).expect("a reader");
        let length = recorded.bytes.len();
        for end in (1..PARTS).map(|part| part * length / PARTS) {
            let bytes = recorded.bytes.get(..end).expect("a part");
            // An object of JSON is closed by its own end.
            let closed = bytes.last().is_none_or(|last| matches!(last, b'\n' | b'}'));
            let Some((_, cut)) = answered(reader, bytes).filter(|_| !closed) else { continue };
            *tried.entry(recorded.tool.clone()).or_default() += 1;
            if cut.get("complete") != Some(&Value::Bool(false)) {
                wrong.push(format!("{}: {end} of {length} bytes are called whole", recorded.tool));
            }
        }
    }
    for reader in READERS {
        assert_ne!(
            tried.contains_key(reader.name),
            UNRECORDED.contains(&reader.name),
            "{}: {tried:?}",
            reader.name
        );
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_breaks_off_in_the_middle_of_a_record_is_not_called_whole() {
    let name = "what_breaks_off_in_the_middle_of_a_record_is_not_called_whole";
    let Some(folder) = folder() else {
        return skipped(name, "there is no ../shared/fixtures/INDEX.yaml");
    };
    let mut tried = 0;
    let mut wrong = Vec::new();
    for recorded in recorded(&folder).iter().filter(|one| TELL_THEIR_END.contains(&one.tool.as_str())) {
        let reader = Reader::named(&recorded.tool).expect("a reader");
        let Some((_, whole)) = answered(reader, &recorded.bytes) else { continue };
        if whole.get("complete") != Some(&Value::Bool(true)) {
            continue;
        }
        // In the first line that says something, and in the middle of what holds the facts.
        let length = recorded.bytes.len();
        for end in [length / 8, length / 4, length / 3, length / 2, 2 * length / 3] {
            let bytes = recorded.bytes.get(..end).expect("a part");
            let Some((_, cut)) = answered(reader, bytes) else { continue };
            tried += 1;
            // A part that lacks nothing of the whole was cut behind its end.
            let less = cut.get("complete") == Some(&Value::Bool(true)) && cut != whole;
            if less {
                wrong.push(format!("{}: {end} of {length} bytes are called whole", recorded.tool));
            }
        }
    }
    assert!(tried > 30, "{tried} cuts");
    assert!(wrong.is_empty(), "{} of {tried} cuts:\n{}", wrong.len(), wrong.join("\n"));
}
