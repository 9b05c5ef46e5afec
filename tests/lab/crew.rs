//! A layer's work dealt out to processes of this binary, and what they say of it.

use super::{Count, Wish, workers};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The work of one process.
#[derive(Debug)]
pub(crate) struct Share {
    /// Which of all the pieces are its own: this one, and each so many behind it.
    pub(crate) first: usize,
    /// How many processes there are.
    pub(crate) of: usize,
    /// How many pieces there are in all.
    pub(crate) pieces: usize,
    /// What each piece is, where that is said.
    pub(crate) listed: Vec<String>,
    /// Where chance begins.
    pub(crate) seed: u64,
    /// A folder in memory.
    pub(crate) root: PathBuf,
    /// What is typed before the words of a command.
    pub(crate) program: Vec<String>,
    results: File,
}

impl Share {
    /// The pieces, each by its number.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = usize> + use<> {
        (self.first..self.pieces).step_by(self.of)
    }

    /// A piece was done, and it came to this.
    ///
    /// # Errors
    /// That it could not be written down.
    pub(crate) fn done(&mut self, end: &str, complaints: Vec<String>) -> io::Result<()> {
        writeln!(self.results, "done\t{end}")?;
        for complaint in complaints {
            writeln!(self.results, "wrong\t{}", complaint.replace('\n', "\u{b6}"))?;
        }
        alive()
    }

    /// A planted bug was looked for: it was caught by so many tries, with this complaint, or by none of them.
    ///
    /// # Errors
    /// That it could not be written down.
    pub(crate) fn caught(&mut self, bug: &str, found: Result<(usize, String), String>) -> io::Result<()> {
        match found {
            Ok((tries, complaint)) => {
                let first = complaint.lines().next().unwrap_or_default();
                self.tell(&format!("planted bug {bug}: caught by try {tries}: {first}"))?;
                self.done("a planted bug, caught", Vec::new())
            }
            Err(why) => self.done("a planted bug", vec![format!("planted bug {bug} NOT CAUGHT: {why}")]),
        }
    }

    /// Something that is worth printing.
    ///
    /// # Errors
    /// That it could not be written down.
    pub(crate) fn tell(&mut self, what: &str) -> io::Result<()> {
        writeln!(self.results, "tell\t{what}")
    }
}

/// Those who are alive in this namespace besides us and the guards that stand: after a command nobody is to be left, and a
/// guard that was sent home may still be on its way.
///
/// # Errors
/// That `/proc` cannot be read.
pub(crate) fn strangers() -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for (pid, words) in alive_here()? {
        if !is_guard(&words) {
            found.push(format!("process {pid}: {words}"));
        }
    }
    Ok(found)
}

/// Everybody in this namespace but us, and what each was started with; one that has ended has no words.
///
/// # Errors
/// That `/proc` cannot be read.
pub(crate) fn alive_here() -> io::Result<Vec<(i32, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<i32>() else { continue };
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if pid != 1 && !words.is_empty() {
            found.push((pid, String::from_utf8_lossy(&words).replace('\0', " ")));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Whether these are the words of a watchdog.
pub(crate) fn is_guard(words: &str) -> bool {
    words.contains(" guard stand ")
}

/// A sign of life for whoever waits.
///
/// # Errors
/// That nobody waits any more.
pub(crate) fn alive() -> io::Result<()> {
    io::stdout().write_all(b".")?;
    io::stdout().flush()
}

/// Lets one process find out what a layer needs to know before its work can be dealt out.
///
/// # Errors
/// That the machinery failed.
pub(crate) fn ask(what: &str, wish: &Wish) -> io::Result<Vec<String>> {
    let root = tempfile::Builder::new().prefix("lab-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let program = [wish.binary.display().to_string()];
    let words = ["worker", what, "0", "1", "1", "0"];
    let started = workers::start(&words, &root.path().join("0"), &program, root.path())?;
    let told = workers::attend(vec![started])?.concat();
    Ok(told.lines().filter_map(|line| line.strip_prefix("tell\t").map(str::to_owned)).collect())
}

/// Lets the processes do all pieces of a layer, of which each has a line that says what it is; prints how they ended, and
/// counts.
///
/// # Errors
/// That the machinery failed.
pub(crate) fn deal_listed(layer: &str, wish: &Wish, listed: &[String]) -> io::Result<Count> {
    let wanted = &listed[..wish.most.map_or(listed.len(), |most| most.min(listed.len()))];
    if wanted.len() < listed.len() {
        println!("    {} of these {} pieces, the first ones (LAB_PIECES)", wanted.len(), listed.len());
    }
    deal_with(layer, wish, wanted, &[wish.binary.display().to_string()])
}

/// The same with another program.
///
/// # Errors
/// That the machinery failed.
pub(crate) fn deal_with(
    layer: &str,
    wish: &Wish,
    listed: &[String],
    program: &[String],
) -> io::Result<Count> {
    let pieces = listed.len();
    // Not below a folder that everybody may write: a plan from there is refused.
    let root = tempfile::Builder::new().prefix("lab-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let of = workers::workers().min(pieces);
    let mut started = Vec::new();
    for first in 0..of {
        let told = [first, of, pieces].map(|number| number.to_string());
        let seed = wish.seed.to_string();
        let words = ["worker", layer, &told[0], &told[1], &told[2], &seed];
        let folder = root.path().join(first.to_string());
        fs::create_dir(&folder)?;
        fs::write(folder.join("pieces"), listed.join("\n"))?;
        started.push(workers::start(&words, &folder, program, root.path())?);
    }
    let mut count = Count { planned: pieces, ..Count::default() };
    let mut ends: BTreeMap<String, u32> = BTreeMap::new();
    for line in workers::attend(started)?.concat().lines() {
        match line.split_once('\t') {
            Some(("done", end)) => {
                count.executed += 1;
                *ends.entry(end.to_owned()).or_default() += 1;
            }
            Some(("wrong", complaint)) => count.complaints.push(complaint.replace('\u{b6}', "\n")),
            Some(("tell", what)) => println!("    {what}"),
            _ => return Err(io::Error::other(format!("a worker wrote {line:?}"))),
        }
    }
    for (end, times) in &ends {
        println!("    {times:5}  {end}");
    }
    Ok(count)
}

/// What a guard says to a console, to who is logged in and to who logs in next stays here; and there is no service
/// manager that would start one elsewhere.
fn to_ourselves() -> io::Result<()> {
    use nix::mount::{MsFlags, mount};
    if std::process::id() != 1 {
        return Ok(());
    }
    mount(Some("lab"), "/run", Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))?;
    if Path::new("/dev/console").exists() {
        mount(Some("/dev/null"), "/dev/console", None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    }
    Ok(())
}

/// A worker: does the pieces of its share.
///
/// # Errors
/// That the machinery failed.
pub(crate) fn work(words: &[String]) -> io::Result<()> {
    let [layer, first, of, pieces, seed, folder, program @ ..] = words else {
        return Err(io::Error::other("a worker needs its share"));
    };
    workers::hold_to(first)?;
    nix::sys::prctl::set_child_subreaper(true)?;
    to_ourselves()?;
    let number = |word: &String| word.parse::<usize>().map_err(io::Error::other);
    let (root, program) = workers::place(Path::new(folder), program)?;
    fs::create_dir_all(folder)?;
    let mut share = Share {
        first: number(first)?,
        of: number(of)?,
        pieces: number(pieces)?,
        listed: fs::read_to_string(Path::new(folder).join("pieces"))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect(),
        seed: seed.parse().map_err(io::Error::other)?,
        root,
        program,
        results: File::create(Path::new(folder).join("results"))?,
    };
    let layer = super::LAYERS.iter().find(|known| known.name == layer);
    match layer.and_then(|layer| layer.share) {
        Some(work) => work(&mut share),
        None => match words.first().map(String::as_str) {
            Some("errors-count") => super::errors::count(&mut share),
            Some("damage-count") => super::damage::count(&mut share),
            Some(_) | None => Err(io::Error::other("no such layer has shares")),
        },
    }
}
