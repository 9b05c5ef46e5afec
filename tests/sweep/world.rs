//! The folder in which one worker kills: the machine, the plan, the state, and copies to begin again from.

use super::journal::Journals;
use super::plan::{self, Variant};
use super::points::Point;
use super::tracer::{self, Scope, Stops};
use super::tree::{self, Tree};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// When every file of the machine was last modified, in seconds since 1970.
pub(crate) const LONG_AGO: i64 = 1_000_000_000;

/// What stands before the command that is swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// A machine on which nothing was ever run.
    Nothing,
    /// A machine that went through the whole plan.
    WholePlan,
    /// A machine on which the runner and all its descendants were killed as soon as this was recorded.
    Killed {
        /// The phase.
        phase: &'static str,
        /// The fact's name.
        fact: &'static str,
        /// The step of `apply` that it is about.
        step: u64,
    },
}

/// A place to kill in.
#[derive(Debug)]
pub(crate) struct World {
    /// The folder that holds all of it.
    pub(crate) root: PathBuf,
    /// What is typed before the words of a command.
    pub(crate) program: Vec<String>,
    /// The machine with no phase taken, one, two, three.
    pub(crate) states: Vec<Tree>,
    /// The journals from which the sweep begins.
    pub(crate) begun: Journals,
    /// Where the run was killed from whose wreck the sweep begins.
    pub(crate) wrecked_at: Option<Point>,
}

/// How a command ended and what it printed.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit status; absent where a signal ended it.
    pub(crate) status: Option<i32>,
    /// Standard output and error together.
    pub(crate) output: String,
}

impl World {
    /// Builds it: the machine, the plan, the trees to expect, and what the sweep begins from. Where that is the wreck of
    /// a run, the run is killed at `wreck_at`, which is looked for where it is not given.
    ///
    /// # Errors
    /// That the program does not take the plan through unharmed.
    pub(crate) fn build(
        root: &Path,
        program: &[String],
        variant: Variant,
        before: Before,
        wreck_at: Option<&Point>,
    ) -> io::Result<Self> {
        fs::create_dir_all(root.join("plan"))?;
        let mut world = Self {
            root: root.to_owned(),
            program: program.to_vec(),
            states: Vec::new(),
            begun: Journals::default(),
            wrecked_at: None,
        };
        let pristine = root.join("pristine");
        plan::make_machine(&pristine.join("machine"))?;
        make_old(&pristine)?;
        plan::write_plan(&root.join("plan"), &world.machine(), Variant::Good)?;
        world.begin_from("pristine")?;
        world.states.push(tree::read(&world.machine())?);
        for phase in plan::PHASES {
            let ran = world.run(&["run", "PLAN", "--unattended", "--until", phase])?;
            if ran.status != Some(0) {
                return Err(io::Error::other(format!(
                    "unharmed, phase {phase} ended with {:?}:\n{}",
                    ran.status, ran.output
                )));
            }
            world.states.push(tree::read(&world.machine())?);
        }
        plan::write_plan(&root.join("plan"), &world.machine(), variant)?;
        match before {
            Before::Nothing => return Ok(world),
            Before::WholePlan => {}
            Before::Killed { phase, fact, step } => {
                world.wrecked_at = Some(world.kill_once_recorded(phase, fact, step, wreck_at)?);
            }
        }
        fs::create_dir(root.join("begun"))?;
        world.copy_from("", "begun")?;
        world.begun = Journals::read(&world.state());
        Ok(world)
    }

    /// Kills a run at the first system call before which a fact is recorded, or at the one where that was found to be.
    fn kill_once_recorded(
        &self,
        phase: &str,
        fact: &str,
        step: u64,
        wreck_at: Option<&Point>,
    ) -> io::Result<Point> {
        let kill = |point: Option<&Point>| {
            self.begin_from("pristine")?;
            let words = self.words(&["run", "PLAN", "--unattended", "--json"]);
            let seen = tracer::run(&words, &self.root, &self.output(), Scope::Everybody, point, Stops::All)?;
            let journals = Journals::read(&self.state());
            let facts = journals.newest(phase).map_or(&[][..], |(_, facts)| facts);
            io::Result::Ok((facts.iter().any(|found| found.is_step(fact, "apply", step)), seen))
        };
        let holds = |point: &Point| {
            let (recorded, seen) = kill(Some(point))?;
            io::Result::Ok(recorded && seen.killed)
        };
        if let Some(point) = wreck_at {
            for _ in 0..super::sweep::TRIES {
                if holds(point)? {
                    return Ok(point.clone());
                }
            }
            return Err(io::Error::other(format!("no kill at {point} leaves what another one left")));
        }
        let made = kill(None)?.1.made;
        let (mut before, mut after) = (0, made.len());
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if kill(made.get(middle))?.0 { after = middle } else { before = middle }
        }
        // Runs differ a little in who is ahead: the next point does as well.
        for point in made.iter().skip(after).take(100) {
            if holds(point)? {
                return Ok(point.clone());
            }
        }
        Err(io::Error::other(format!("no kill leaves {fact} {step} of phase {phase} as it was asked for")))
    }

    /// The machine's folder.
    pub(crate) fn machine(&self) -> PathBuf {
        self.root.join("machine")
    }

    /// The state folder.
    pub(crate) fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    /// The file that takes what the traced run prints.
    pub(crate) fn output(&self) -> PathBuf {
        self.root.join("output")
    }

    /// The folder in which programs start.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Puts everything back to where the sweep begins.
    ///
    /// # Errors
    /// That a file could not be removed or copied.
    pub(crate) fn begin(&self, before: Before) -> io::Result<()> {
        self.begin_from(match before {
            Before::Nothing => "pristine",
            Before::WholePlan | Before::Killed { .. } => "begun",
        })
    }

    fn begin_from(&self, what: &str) -> io::Result<()> {
        for folder in [self.machine(), self.state()] {
            match fs::remove_dir_all(&folder) {
                Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
                Ok(()) | Err(_) => {}
            }
        }
        self.copy_from(what, "")
    }

    /// Copies machine and state, if there is one, from one folder below the root into another.
    ///
    /// # Errors
    /// That a file could not be copied.
    pub(crate) fn copy_from(&self, from: &str, to: &str) -> io::Result<()> {
        for name in ["machine", "state"] {
            let from = self.root.join(from).join(name);
            if from.exists() {
                copy(&from, &self.root.join(to).join(name))?;
            }
        }
        Ok(())
    }

    /// The words of a command; `PLAN` stands for the plan. What takes it up is the harness's own doing: no guard stands.
    pub(crate) fn words(&self, words: &[&str]) -> Vec<String> {
        let mut all = self.typed(words);
        if matches!(words.first(), Some(&("run" | "resume" | "rollback"))) {
            all.push("--no-guard".to_owned());
        }
        all
    }

    /// The words of a command as somebody types them: with a guard, where it has one.
    pub(crate) fn typed(&self, words: &[&str]) -> Vec<String> {
        let plan = self.root.join("plan/plan.yaml").display().to_string();
        let mut all = self.program.clone();
        all.extend(words.iter().map(|word| if *word == "PLAN" { plan.clone() } else { (*word).to_owned() }));
        all.extend(["--state".to_owned(), self.state().display().to_string()]);
        all
    }

    /// Runs a command to its end, traced by nobody.
    ///
    /// # Errors
    /// That it could not be started.
    pub(crate) fn run(&self, words: &[&str]) -> io::Result<Ran> {
        self.run_whole(&self.words(words))
    }

    /// The same with all its words.
    ///
    /// # Errors
    /// That it could not be started.
    pub(crate) fn run_whole(&self, words: &[String]) -> io::Result<Ran> {
        let output = self.root.join("recovery");
        let mut command = tracer::command(words, &self.root)?;
        let status = command
            .stdout(File::create(&output)?)
            .stderr(File::options().append(true).open(&output)?)
            .status()?;
        Ok(Ran { status: status.code(), output: String::from_utf8_lossy(&fs::read(&output)?).into_owned() })
    }
}

/// Everything below is old, the folder itself as well.
fn make_old(folder: &Path) -> io::Result<()> {
    let old = UNIX_EPOCH + Duration::from_secs(LONG_AGO.unsigned_abs());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_old(&entry.path())?;
        } else if entry.file_type()?.is_file() {
            File::open(entry.path())?.set_modified(old)?;
        }
    }
    File::open(folder)?.set_modified(old)
}

/// Copies a folder and what it holds, with modes and times. What has several names, which is the program that capsules
/// keep, gets one more instead: nothing may write into it, and its hash in the journal would tell.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target, meta) = (entry.path(), to.join(entry.file_name()), entry.metadata()?);
        if meta.is_dir() {
            copy(&source, &target)?;
        } else if meta.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source)?, &target)?;
        } else if meta.nlink() > 1 {
            fs::hard_link(&source, &target)?;
        } else {
            fs::copy(&source, &target)?;
            File::open(&target)?.set_modified(meta.modified()?)?;
        }
    }
    let meta = fs::metadata(from)?;
    fs::set_permissions(to, meta.permissions())?;
    File::open(to)?.set_modified(meta.modified()?)
}
