//! A journal that is cut at every byte, and in which every bit is flipped, one at a time: what is read of it is always a
//! beginning of what was written, and no flipped bit goes unnoticed. A sample of them goes through the whole program: it
//! says how things stand, and its way back ends at the old machine or names what it cannot know. A journal is cut alone,
//! as by a disk that lost its end, and together with its head, as by a disk that went back in time as a whole: nothing in
//! the state folder tells of the latter, and they are counted by name.

use super::crew::{self, Share};
use super::random::Random;
use super::small::plan::Variant;
use super::small::sweep::orphans;
use super::small::world::{Before, World};
use super::{Count, Wish, skipped::skipped, tree, workers};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use switchback::store::Journal;

/// What is done to a journal: it loses its end, it loses its end and so does its head, one bit of it is another.
const KINDS: [&str; 3] = ["cut", "back", "flip"];
/// Journals that the whole program is given, of each kind, for each commit.
const SAMPLE: usize = 60;
/// In so many of them a program with a planted bug must be caught.
const TRIES: usize = 60;

/// A reader of journals.
type Read = fn(&Path, &[u8]) -> io::Result<Journal>;

/// Readers with a bug, that must be caught by a journal that is cut or flipped.
const READERS: [(&str, Read); 3] = [
    // Whoever does not look at the chain reads a damaged journal as he would read one that was written so.
    ("reader-without-chain", |file, bytes| real(file, &chained_anew(bytes))),
    ("reader-silent-of-damage", |file, bytes| Ok(Journal { damage: None, ..real(file, bytes)? })),
    ("reader-takes-a-torn-line", |file, bytes| real(file, &[bytes.trim_ascii_end(), b"\n"].concat())),
];
/// A program that goes on behind lines that it cannot read.
const PASSES_OVER: &str = "damaged-lines-passed-over";

/// The layer.
pub(crate) fn layer(wish: &Wish) -> io::Result<Option<Count>> {
    if workers::alone().is_empty() {
        skipped("lab damage", "no namespace of processes may be made here");
        return Ok(None);
    }
    let mut planted: Vec<String> = READERS.iter().map(|(name, _)| format!("planted {name}")).collect();
    planted.push(format!("planted {PASSES_OVER}"));
    let mut count = crew::deal_listed("damage", wish, &planted)?;
    let told = crew::ask("damage-count", wish)?;
    let journal = told.first().ok_or_else(|| io::Error::other("no journal"))?;
    let bytes = journal.len() / 2;
    let mut random = Random::new(wish.seed, "damage");
    let mut pieces: Vec<String> = (0..bytes).map(|at| format!("read {at} {journal}")).collect();
    // Which generation, whether it is cut or flipped, where in it as a share of its length, and which bit.
    if wish.full {
        for generation in 1..=2 {
            for kind in ["cut", "back"] {
                pieces.extend((0..bytes).map(|at| format!("{kind} {generation} {at} {bytes} 0")));
            }
            pieces
                .extend((0..8 * bytes).map(|at| format!("flip {generation} {} {bytes} {}", at / 8, at % 8)));
        }
    } else {
        for nth in 0..KINDS.len() * SAMPLE {
            let kind = KINDS[nth % KINDS.len()];
            let (generation, at, bit) = (1 + random.below(2), random.below(bytes), random.below(8));
            pieces.push(format!("{kind} {generation} {at} {bytes} {bit}"));
        }
    }
    println!(
        "damage: seed {}, a journal of {bytes} bytes: read cut at each of them and with each of its {} bits flipped; the \
         whole program with {} journals",
        wish.seed,
        8 * bytes,
        pieces.len() - bytes
    );
    count.add(crew::deal_listed("damage", wish, &pieces)?);
    Ok(Some(count))
}

/// Tells a journal, in hexadecimal digits.
///
/// # Errors
/// That the machinery failed.
pub(crate) fn count(share: &mut Share) -> io::Result<()> {
    let world = World::build(&share.root, &share.program, Variant::Good, Before::WholePlan, None)?;
    let bytes = fs::read(journal_of(&world, 1))?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    share.tell(&digits)
}

fn journal_of(world: &World, generation: usize) -> PathBuf {
    world.state().join(format!("generations/{generation:04}/journal"))
}

/// The journals of one process.
///
/// # Errors
/// That the machinery failed.
pub(crate) fn share(share: &mut Share) -> io::Result<()> {
    let world = World::build(&share.root, &share.program, Variant::Good, Before::WholePlan, None)?;
    let file = share.root.join("journal");
    for number in share.numbers() {
        let line = share.listed[number].clone();
        let words: Vec<&str> = line.split(' ').collect();
        let number_of = |word: &str| word.parse::<usize>().map_err(io::Error::other);
        let mut wrong = Vec::new();
        match words.as_slice() {
            ["planted", PASSES_OVER] => {
                let caught = catch_passing_over(&world, &mut Random::new(share.seed, PASSES_OVER))?;
                share.caught(PASSES_OVER, caught)?;
            }
            ["planted", bug] => {
                let caught = catch_reader(&world, &file, bug)?;
                share.caught(bug, caught)?;
            }
            ["read", at, digits] => {
                let bytes: Vec<u8> = (0..digits.len() / 2)
                    .filter_map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok())
                    .collect();
                read(real, &file, &bytes, number_of(at)?, &mut wrong)?;
                share.done("read", wrong)?;
            }
            [kind, generation, at, of, bit] => {
                let generation = number_of(generation)?;
                let place = (number_of(at)?, number_of(of)?, number_of(bit)?);
                let bytes = damaged(&world, kind, generation, place)?;
                let end = through(&world, kind, generation, &bytes, &mut wrong)?;
                let wrong = wrong.into_iter().map(|wrong| format!("{line}: {wrong}")).collect();
                share.done(&format!("{kind} of generation {generation}: {end}"), wrong)?;
            }
            _ => return Err(io::Error::other(format!("no piece: {line:?}"))),
        }
    }
    Ok(())
}

fn real(file: &Path, bytes: &[u8]) -> io::Result<Journal> {
    fs::write(file, bytes)?;
    Journal::read(file).map_err(io::Error::other)
}

/// Every line that can be read has the number and the hash that it should have.
fn chained_anew(bytes: &[u8]) -> Vec<u8> {
    let (mut prev, mut seq, mut anew) = ("0".repeat(64), 0, Vec::new());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let parts = std::str::from_utf8(line).ok().filter(|line| line.ends_with('\n')).and_then(|line| {
            let (body, _) = line.rsplit_once(",\"hash\":\"")?;
            Some(body.rsplit_once(",\"prev\":\"")?.0)
        });
        let numbered = parts.and_then(|facts| {
            let (_, rest) = facts.split_once("\"seq\":")?.1.split_once(',')?;
            seq += 1;
            Some(format!("{{\"v\":1,\"seq\":{seq},{rest}"))
        });
        let Some(facts) = numbered else {
            anew.extend_from_slice(line);
            continue;
        };
        let body = format!("{facts},\"prev\":\"{prev}\"");
        prev = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
        anew.extend_from_slice(format!("{body},\"hash\":\"{prev}\"}}\n").as_bytes());
    }
    anew
}

/// Gives a reader with a bug journals until one of them shows it: the ends of lines first.
fn catch_reader(world: &World, file: &Path, bug: &str) -> io::Result<Result<(usize, String), String>> {
    let (_, reader) = READERS
        .iter()
        .find(|(name, _)| *name == bug)
        .ok_or_else(|| io::Error::other(format!("no bug {bug}")))?;
    world.begin(Before::WholePlan)?;
    let whole = fs::read(journal_of(world, 1))?;
    let (ends, others): (Vec<usize>, Vec<usize>) = (0..whole.len()).partition(|at| whole[*at] == b'\n');
    for (nth, at) in ends.into_iter().chain(others).enumerate() {
        crew::alive()?;
        let mut wrong = Vec::new();
        read(*reader, file, &whole, at, &mut wrong)?;
        if let Some(wrong) = wrong.first() {
            return Ok(Ok((nth + 1, wrong.clone())));
        }
    }
    Ok(Err(format!("by {} journals", whole.len())))
}

/// Leaves out some lines, as they are for a program that passes over those that are damaged.
fn catch_passing_over(world: &World, random: &mut Random) -> io::Result<Result<(usize, String), String>> {
    let mut seen = Vec::new();
    for nth in 1..=TRIES {
        crew::alive()?;
        let generation = 1 + random.below(2);
        world.begin(Before::WholePlan)?;
        let bytes = fs::read(journal_of(world, generation))?;
        let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let first = 1 + random.below(lines.len() - 1);
        let many = (1 + random.below(3)).min(lines.len() - first);
        lines.drain(first..first + many);
        let bytes = lines.concat();
        let mut wrong = Vec::new();
        through(world, PASSES_OVER, generation, &chained_anew(&bytes), &mut wrong)?;
        let blame = "and of the machine differs: ";
        let meant = |wrong: &&String| wrong.split_once(blame).is_some_and(|(_, rest)| !rest.starts_with(';'));
        if let Some(wrong) = wrong.iter().find(meant) {
            return Ok(Ok((nth, wrong.clone())));
        }
        seen.append(&mut wrong);
    }
    Ok(Err(format!("by {TRIES} journals; seen were {:?}", seen.first())))
}

/// Cut before this byte, and with each of its bits flipped.
fn read(reader: Read, file: &Path, whole: &[u8], at: usize, wrong: &mut Vec<String>) -> io::Result<()> {
    let of = |bytes: &[u8]| reader(file, bytes);
    let good = real(file, whole)?;
    let cut = of(&whole[..at])?;
    let lines = whole[..at].iter().filter(|byte| **byte == b'\n').count();
    if cut.envelopes != good.envelopes[..lines.min(good.envelopes.len())] || cut.damage.is_some() {
        wrong.push(format!("cut at {at}: {} facts of {lines} lines, {:?}", cut.envelopes.len(), cut.damage));
    }
    let mut bytes = whole.to_vec();
    for bit in 0..8 {
        bytes[at] ^= 1 << bit;
        let flipped = of(&bytes)?;
        let prefix = good.envelopes.starts_with(&flipped.envelopes);
        // Without its newline the last line was never acknowledged, as far as anybody can tell.
        let noticed = flipped.damage.is_some() || (flipped.torn && at + 1 == whole.len());
        if !prefix || !noticed || flipped.envelopes.len() != lines.min(good.envelopes.len() - 1) {
            wrong.push(format!(
                "bit {bit} of byte {at}: {} facts, {:?}, torn {}",
                flipped.envelopes.len(),
                flipped.damage,
                flipped.torn
            ));
        }
        bytes[at] ^= 1 << bit;
    }
    Ok(())
}

/// A journal that is cut at a place, or has a flipped bit there; the place is a share of its length.
fn damaged(
    world: &World,
    kind: &str,
    generation: usize,
    (at, of, bit): (usize, usize, usize),
) -> io::Result<Vec<u8>> {
    world.begin(Before::WholePlan)?;
    let mut bytes = fs::read(journal_of(world, generation))?;
    let at = (at * bytes.len() / of).min(bytes.len() - 1);
    match kind {
        "flip" => bytes[at] ^= 1 << bit,
        _ => bytes.truncate(at),
    }
    Ok(bytes)
}

/// The whole program, on a machine whose newest journals are good but for one byte.
fn through(
    world: &World,
    kind: &str,
    generation: usize,
    bytes: &[u8],
    wrong: &mut Vec<String>,
) -> io::Result<String> {
    world.begin(Before::WholePlan)?;
    fs::write(journal_of(world, generation), bytes)?;
    if kind == "back" || kind == PASSES_OVER {
        // Made anew by whoever reads the journal, as it was when the journal was so long.
        fs::remove_file(journal_of(world, generation).with_file_name("journal.head"))?;
    }
    let status = world.run(&["status", "--json"])?;
    if !matches!(status.status, Some(0 | 11 | 13)) || status.output.contains("panicked") {
        wrong.push(format!("status ended with {:?}: {}", status.status, status.output));
    }
    let forward = world.run(&["run", "PLAN", "--unattended", "--json"])?;
    if forward.status.is_none() || forward.output.contains("panicked") {
        wrong.push(format!("run ended with {:?}: {}", forward.status, forward.output));
    }
    if kind != "back" && forward.status == Some(0) && forward.output.contains("step-started") {
        wrong.push(format!("it went forward on a damaged record: {}", forward.output));
    }
    let ran = world.run(&["rollback", "--to", "start", "--yes", "--json"])?;
    if !orphans()?.is_empty() {
        wrong.push("processes were alive afterwards".to_owned());
    }
    let differs = tree::differences(&world.states[0], &tree::read(&world.machine())?);
    match ran.status {
        Some(0 | 12) if differs.is_empty() => {}
        Some(0 | 12) if kind == "back" => {}
        Some(13) if ran.output.contains("\"name\":") || ran.output.contains("\"error\":") => {}
        other => wrong.push(format!(
            "rollback ended with {other:?}, and of the machine differs: {}; it printed: {}",
            differs.join("; "),
            ran.output
        )),
    }
    let old = match (differs.is_empty(), ran.status) {
        (true, _) => "all old",
        (false, Some(13)) => "not all old, and named",
        (false, _) if kind == "back" => "not all old, and nobody can know: nothing is left that tells of it",
        (false, _) => "NOT ALL OLD, and nobody knows",
    };
    Ok(format!("rollback ended with {}, {old}", ran.status.unwrap_or(-1)))
}
