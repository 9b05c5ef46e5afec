//! The lab: what the promises are worth where the power goes, disks fail, runners race and somebody kills them.
//!
//! `cargo test --test lab` runs every layer as it is run for each commit; `LAB=full cargo test --test lab` runs the long
//! form, `LAB_PIECES` no more of it than so many pieces. A word behind `--` chooses layers (`power`). Each layer prints what it planned and what it executed, and fails
//! where they differ. `LAB_SEED` gives a printed seed again; `SWITCHBACK_BIN` names another binary to try.
//! `docs/reliability.md` has the promises and the figures.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command that shows what it did")]
#![expect(clippy::disallowed_methods, reason = "a command of its own: reads its environment and the clock")]
#![expect(clippy::duplicate_mod, reason = "the sweep's judge is of one plan at a time, and the lab has two")]

#[path = "../sweep/claims.rs"]
mod claims;
mod crew;
mod damage;
mod errors;
mod guest;
mod interrupts;
#[path = "../sweep/journal.rs"]
mod journal;
#[path = "../sweep/judge.rs"]
mod judge;
mod meetings;
#[path = "../sweep/plan.rs"]
mod plan;
#[path = "../sweep/points.rs"]
#[expect(dead_code, reason = "the sweep uses what the lab does not")]
mod points;
mod power;
mod races;
mod random;
#[path = "../support/skipped.rs"]
mod skipped;
mod small;
#[path = "../sweep/sweep.rs"]
#[expect(dead_code, reason = "the sweep uses what the lab does not")]
mod sweep;
#[path = "../sweep/tracer.rs"]
mod tracer;
#[path = "../sweep/tree.rs"]
mod tree;
#[path = "../sweep/words.rs"]
mod words;
#[path = "../sweep/workers.rs"]
mod workers;
#[path = "../sweep/world.rs"]
mod world;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What is to be done, as it was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// The long form.
    pub(crate) full: bool,
    /// Where chance begins.
    pub(crate) seed: u64,
    /// The program to try.
    pub(crate) binary: PathBuf,
    /// No more pieces of a layer than so many.
    pub(crate) most: Option<usize>,
}

/// What a layer came to.
#[derive(Debug, Default)]
pub(crate) struct Count {
    /// How much was to be done.
    pub(crate) planned: usize,
    /// How much of it was done.
    pub(crate) executed: usize,
    /// What was found wrong.
    pub(crate) complaints: Vec<String>,
}

impl Count {
    /// With what another part of the layer came to.
    pub(crate) fn add(&mut self, other: Self) {
        self.planned += other.planned;
        self.executed += other.executed;
        self.complaints.extend(other.complaints);
    }
}

/// A layer of the bench.
struct Layer {
    name: &'static str,
    what: &'static str,
    run: fn(&Wish) -> io::Result<Option<Count>>,
    /// What a process of its own does of it.
    share: Option<fn(&mut crew::Share) -> io::Result<()>>,
}

const LAYERS: [Layer; 5] = [
    Layer { name: "power", what: "power cuts of user-mode Linux on ext4", run: power::layer, share: None },
    Layer {
        name: "damage",
        what: "journals with a cut or a flipped bit",
        run: damage::layer,
        share: Some(damage::share),
    },
    Layer { name: "races", what: "several runners at once", run: races::layer, share: Some(races::share) },
    Layer {
        name: "interrupts",
        what: "runs interrupted at any moment",
        run: interrupts::layer,
        share: Some(interrupts::share),
    },
    Layer { name: "errors", what: "system calls that fail", run: errors::layer, share: Some(errors::share) },
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    if words.first().is_some_and(|word| word == guest::NAME) {
        return guest::main();
    }
    match words.get(1).map(String::as_str) {
        Some("--list") => {
            println!("lab: test");
            ExitCode::SUCCESS
        }
        Some("model") => small::model::main(&words[2..]).map_or(ExitCode::FAILURE, ExitCode::from),
        Some("worker") => match crew::work(&words[2..]) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("a worker of the lab failed: {why}");
                ExitCode::FAILURE
            }
        },
        Some(_) | None => match layers(&words[1..]) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(why) => {
                eprintln!("the lab failed: {why}");
                ExitCode::FAILURE
            }
        },
    }
}

fn layers(words: &[String]) -> io::Result<bool> {
    let filters: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let wanted =
        |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
    let seed = std::env::var("LAB_SEED").ok().and_then(|seed| seed.parse().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::from(since.subsec_nanos()));
    let binary =
        std::env::var("SWITCHBACK_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_switchback").to_owned());
    let wish = Wish {
        full: std::env::var("LAB").is_ok_and(|mode| mode == "full"),
        seed: seed.unwrap_or(now / 1000),
        binary: std::fs::canonicalize(binary)?,
        most: std::env::var("LAB_PIECES").ok().and_then(|most| most.parse().ok()),
    };
    println!("LAB_SEED={}", wish.seed);
    let mut bad = Vec::new();
    for layer in LAYERS.iter().filter(|layer| wanted(layer.name)) {
        let began = Instant::now();
        let Some(count) = (layer.run)(&wish)? else { continue };
        println!("{}, {:.0} s", summary(layer, &count), began.elapsed().as_secs_f64());
        complain(&count, 40);
        if count.planned != count.executed || count.planned == 0 || !count.complaints.is_empty() {
            bad.push((layer, count));
        }
    }
    // Once more where everybody looks first, and where a record that was cut in front still has it.
    for (layer, count) in &bad {
        println!("NOT GOOD: {}", summary(layer, count));
        complain(count, 5);
    }
    Ok(bad.is_empty())
}

fn summary(layer: &Layer, count: &Count) -> String {
    let Count { planned, executed, complaints } = count;
    let wrong = complaints.len();
    format!("{}: {} ({planned} planned, {executed} executed, {wrong} wrong)", layer.name, layer.what)
}

fn complain(count: &Count, most: usize) {
    for complaint in count.complaints.iter().take(most) {
        let complaint: String = complaint.chars().take(6000).collect();
        println!("  WRONG: {}", complaint.replace('\n', "\n         "));
    }
}
