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
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use switchback::store::Journal;

/// What is done to a journal: it loses its end, it loses its end and so does its head, one bit of it is another.
const KINDS: [&str; 3] = ["cut", "back", "flip"];
/// Journals that the whole program is given, of each kind, for each commit.
const SAMPLE: usize = 60;

/// The layer.
pub(crate) fn layer(wish: &Wish) -> io::Result<Option<Count>> {
    if workers::alone().is_empty() {
        skipped("lab damage", "no namespace of processes may be made here");
        return Ok(None);
    }
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
    crew::deal_listed("damage", wish, &pieces).map(Some)
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
            ["read", at, digits] => {
                let bytes: Vec<u8> = (0..digits.len() / 2)
                    .filter_map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok())
                    .collect();
                read(&file, &bytes, number_of(at)?, &mut wrong)?;
                share.done("read", wrong)?;
            }
            [kind, generation, at, of, bit] => {
                let generation = number_of(generation)?;
                let place = (number_of(at)?, number_of(of)?, number_of(bit)?);
                let end = through(&world, kind, generation, place, &mut wrong)?;
                let wrong = wrong.into_iter().map(|wrong| format!("{line}: {wrong}")).collect();
                share.done(&format!("{kind} of generation {generation}: {end}"), wrong)?;
            }
            _ => return Err(io::Error::other(format!("no piece: {line:?}"))),
        }
    }
    Ok(())
}

/// Cut before this byte, and with each of its bits flipped.
fn read(file: &Path, whole: &[u8], at: usize, wrong: &mut Vec<String>) -> io::Result<()> {
    let of = |bytes: &[u8]| -> io::Result<Journal> {
        fs::write(file, bytes)?;
        Journal::read(file).map_err(io::Error::other)
    };
    let good = of(whole)?;
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

/// The whole program, on a machine whose newest journals are good but for one byte.
fn through(
    world: &World,
    kind: &str,
    generation: usize,
    (at, of, bit): (usize, usize, usize),
    wrong: &mut Vec<String>,
) -> io::Result<String> {
    world.begin(Before::WholePlan)?;
    let path = journal_of(world, generation);
    let mut bytes = fs::read(&path)?;
    let at = (at * bytes.len() / of).min(bytes.len() - 1);
    match kind {
        "flip" => bytes[at] ^= 1 << bit,
        _ => bytes.truncate(at),
    }
    fs::write(&path, bytes)?;
    if kind == "back" {
        // Made anew by whoever reads the journal, as it was when the journal was so long.
        fs::remove_file(path.with_file_name("journal.head"))?;
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
    if orphans()? > 0 {
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
