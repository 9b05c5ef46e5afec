//! The folder in which one worker kills: the machine, the plan, the state, and copies to begin again from.

use super::plan::{self, Variant};
use super::tracer;
use super::tree::{self, Tree};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// When every file of the machine was last modified, in seconds since 1970.
pub(crate) const LONG_AGO: i64 = 1_000_000_000;

/// What stands before the run that is swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// A machine on which nothing was ever run.
    Nothing,
    /// A machine that went through the whole plan.
    WholePlan,
}

/// A place to kill in.
#[derive(Debug)]
pub(crate) struct World {
    root: PathBuf,
    program: Vec<String>,
    /// The machine with no phase taken, one, two, three.
    pub(crate) states: Vec<Tree>,
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
    /// Builds it: the machine, the plan, the trees to expect, and what the sweep begins from.
    ///
    /// # Errors
    /// That the program does not take the plan through unharmed.
    pub(crate) fn build(
        root: &Path,
        program: &[String],
        variant: Variant,
        before: Before,
    ) -> io::Result<Self> {
        fs::create_dir_all(root.join("plan"))?;
        let mut world = Self { root: root.to_owned(), program: program.to_vec(), states: Vec::new() };
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
        if before == Before::WholePlan {
            fs::create_dir(root.join("whole"))?;
            world.copy(&root.join("machine"), &root.join("whole"))?;
            world.copy(&root.join("state"), &root.join("whole"))?;
        }
        plan::write_plan(&root.join("plan"), &world.machine(), variant)?;
        Ok(world)
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
            Before::WholePlan => "whole",
        })
    }

    fn begin_from(&self, what: &str) -> io::Result<()> {
        for folder in [self.machine(), self.state()] {
            match fs::remove_dir_all(&folder) {
                Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
                Ok(()) | Err(_) => {}
            }
        }
        self.copy(&self.root.join(what).join("."), &self.root)
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        let words = ["cp", "-a", &from.display().to_string(), &to.display().to_string()].map(str::to_owned);
        let status = tracer::command(&words, &self.root)?.status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("cp ended with {status}"))) }
    }

    /// The words of a command; `PLAN` stands for the plan.
    pub(crate) fn words(&self, words: &[&str]) -> Vec<String> {
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
        let output = self.root.join("recovery");
        let mut command = tracer::command(&self.words(words), &self.root)?;
        let status = command
            .stdout(fs::File::create(&output)?)
            .stderr(fs::File::options().append(true).open(&output)?)
            .status()?;
        Ok(Ran { status: status.code(), output: String::from_utf8_lossy(&fs::read(&output)?).into_owned() })
    }
}

fn make_old(folder: &Path) -> io::Result<()> {
    let old = UNIX_EPOCH + Duration::from_secs(LONG_AGO.unsigned_abs());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_old(&entry.path())?;
        } else if entry.file_type()?.is_file() {
            fs::File::open(entry.path())?.set_modified(old)?;
        }
    }
    Ok(())
}
