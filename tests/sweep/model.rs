//! A tiny runner that keeps the same protocol on the same journal, with bugs to order. It proves that the harness
//! catches them, and that it lets the correct one pass.

use super::plan::{EFFECTS, Effect, PHASES};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Nothing.
    None,
    /// A fact is printed before it is in the journal.
    MessageBeforeSync,
    /// A step acts before its intent is in the journal.
    ActBeforeIntent,
    /// The recovery takes a step without an end for one that never acted.
    InFlightNotUndone,
    /// The recovery undoes while children of the killed runner live on.
    OrphansLeftAlive,
    /// The phase is called committed before its checks are judged.
    CommitBeforeJudging,
}

impl Bug {
    /// All, with the name by which one orders them and the scenarios that must catch them.
    pub(crate) const ALL: [(Self, &'static str, &'static [&'static str]); 6] = [
        (
            Self::None,
            "none",
            &["everybody", "everybody-failing", "runner-only", "runner-only-failing", "rollback"],
        ),
        (Self::MessageBeforeSync, "message-before-sync", &["everybody", "runner-only"]),
        (Self::ActBeforeIntent, "act-before-intent", &["everybody", "runner-only"]),
        (Self::InFlightNotUndone, "in-flight-not-undone", &["everybody"]),
        (Self::OrphansLeftAlive, "orphans-left-alive", &["runner-only"]),
        (Self::CommitBeforeJudging, "commit-before-judging", &["everybody"]),
    ];
}

struct Model {
    bug: Bug,
    machine: PathBuf,
    state: PathBuf,
    generation: u32,
    phase: String,
    seq: u64,
    prev: String,
}

/// Runs it with the words behind its name: the bug, then what one types to switchback. Returns the exit status.
///
/// # Errors
/// Whatever goes wrong; nothing is handled.
pub(crate) fn main(words: &[String]) -> io::Result<u8> {
    let (bug, words) = words.split_first().ok_or_else(|| io::Error::other("which bug?"))?;
    let bug = Bug::ALL.iter().find(|(_, name, _)| name == bug).map_or(Bug::None, |(bug, _, _)| *bug);
    let after = |flag: &str| words.iter().position(|word| word == flag).and_then(|at| words.get(at + 1));
    let state = PathBuf::from(after("--state").ok_or_else(|| io::Error::other("no --state"))?);
    let mut model = Model {
        bug,
        machine: state.with_file_name("machine"),
        state,
        generation: 0,
        phase: String::new(),
        seq: 0,
        prev: "0".repeat(64),
    };
    model.load()?;
    match words.first().map(String::as_str) {
        Some("run") => {
            let plan = fs::read_to_string(&words[1])?;
            model.run(plan.contains("size = 3"), after("--until").map(String::as_str))
        }
        Some("resume") => model.resume(),
        Some("rollback") => model.rollback(after("--to").is_some()),
        Some("status") => model.status(),
        Some(_) | None => Ok(2),
    }
}

/// The lines of a journal, whole ones only.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    complete.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

impl Model {
    fn folder(&self) -> PathBuf {
        self.state.join(format!("generations/{:04}", self.generation))
    }

    fn facts(&self) -> Vec<Value> {
        lines(&self.folder().join("journal"))
    }

    fn has(&self, fact: &str) -> bool {
        self.facts().iter().any(|line| line["fact"] == fact)
    }

    fn newest(&self) -> u32 {
        let folders = fs::read_dir(self.state.join("generations")).into_iter().flatten().flatten();
        let numbers = folders.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok());
        numbers
            .filter(|number| !lines(&self.state.join(format!("generations/{number:04}/journal"))).is_empty())
            .max()
            .unwrap_or(0)
    }

    /// Stands at the end of the newest generation.
    fn load(&mut self) -> io::Result<()> {
        self.enter(self.newest())
    }

    fn enter(&mut self, generation: u32) -> io::Result<()> {
        self.generation = generation;
        let facts = self.facts();
        self.seq = facts.len() as u64;
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.prev = facts.last().map_or_else(|| "0".repeat(64), |last| word(&last["hash"]));
        self.phase = facts.first().map_or_else(String::new, |first| word(&first["of"]["phase"]));
        let path = self.folder().join("journal");
        if let Ok(text) = fs::read_to_string(&path)
            && !text.ends_with('\n')
        {
            let whole = text.rfind('\n').map_or(0, |end| end + 1) as u64;
            File::options().write(true).open(&path)?.set_len(whole)?;
        }
        Ok(())
    }

    fn record(&mut self, fact: &str, of: &Value) -> io::Result<()> {
        let seq = self.seq + 1;
        let at = "2026-01-01T00:00:00.000Z";
        let prev = &self.prev;
        let body = format!(r#"{{"v":1,"seq":{seq},"at":"{at}","fact":"{fact}","of":{of},"prev":"{prev}""#);
        let hash: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
        let line = format!("{body},\"hash\":\"{hash}\"}}\n");
        let row = json!({"generation": self.generation, "phase": self.phase,
            "envelope": {"seq": seq, "at": at, "event": {"fact": fact, "of": of}}});
        if self.bug == Bug::MessageBeforeSync {
            say(&row)?;
        }
        let mut journal = File::options().append(true).create(true).open(self.folder().join("journal"))?;
        journal.write_all(line.as_bytes())?;
        journal.sync_data()?;
        (self.seq, self.prev) = (seq, hash);
        if self.bug != Bug::MessageBeforeSync {
            say(&row)?;
        }
        Ok(())
    }

    fn run(&mut self, failing: bool, until: Option<&str>) -> io::Result<u8> {
        for phase in PHASES {
            if self.end_of(phase).as_deref() != Some("committed") && !self.take(phase, failing)? {
                return Ok(12);
            }
            if until == Some(phase) {
                break;
            }
        }
        self.record("run-finished", &json!({"verdict": "committed"}))?;
        Ok(0)
    }

    fn end_of(&self, phase: &str) -> Option<String> {
        let journals = super::journal::Journals::read(&self.state);
        journals.end(phase).map(str::to_owned)
    }

    /// Takes a phase. Says whether it held.
    fn take(&mut self, phase: &str, failing: bool) -> io::Result<bool> {
        self.generation = self.newest() + 1;
        (self.seq, self.prev, self.phase) = (0, "0".repeat(64), phase.to_owned());
        fs::create_dir_all(self.folder())?;
        self.record("phase-began", &json!({"phase": phase}))?;
        self.record("capsule-sealed", &json!({}))?;
        self.record("guard-armed", &json!({}))?;
        self.steps("apply")?;
        let fails = failing && phase == PHASES[2];
        if self.bug == Bug::CommitBeforeJudging && !fails {
            self.record("phase-committed", &json!({}))?;
        }
        self.record("moment-judged", &json!({"moment": "validate"}))?;
        if fails {
            self.go_back()?;
            return Ok(false);
        }
        self.steps("commit")?;
        if self.bug != Bug::CommitBeforeJudging {
            self.record("phase-committed", &json!({}))?;
        }
        self.record("phase-ended", &json!({"end": "committed"}))?;
        Ok(true)
    }

    fn steps(&mut self, part: &str) -> io::Result<()> {
        for step in 0..2 {
            let effects: Vec<&Effect> = self.effects().filter(|e| e.part == part && e.step == step).collect();
            if effects.is_empty() {
                continue;
            }
            let of = json!({"part": part, "step": step});
            if self.bug != Bug::ActBeforeIntent {
                self.record("step-started", &of)?;
            }
            for effect in effects {
                self.act(effect)?;
            }
            if self.bug == Bug::ActBeforeIntent {
                self.record("step-started", &of)?;
            }
            self.record("step-finished", &of)?;
        }
        Ok(())
    }

    fn effects(&self) -> impl Iterator<Item = &'static Effect> + use<> {
        let phase = self.phase.clone();
        EFFECTS.iter().filter(move |effect| effect.phase == phase)
    }

    fn act(&self, effect: &Effect) -> io::Result<()> {
        let path = self.machine.join(effect.path);
        match effect.after {
            // A child that outlives its runner, as real ones do.
            Some(content) if effect.path == "late/mark" => {
                let script = format!("sleep 0.02; printf '{content}' > \"$0\"");
                let words = ["sh", "-c", &script, &path.display().to_string()].map(str::to_owned);
                let mut child = super::tracer::command(&words, &self.machine)?;
                child.env("MODEL_OF", &self.state).status().map(|_| ())
            }
            Some(content) => write(&path, content),
            None => fs::remove_file(path),
        }
    }

    /// Where a fact stands last; nothing comes before everything.
    fn last(&self, fact: &str) -> Option<usize> {
        self.facts().iter().rposition(|line| line["fact"] == fact)
    }

    fn resume(&mut self) -> io::Result<u8> {
        // A rollback of several generations may have been in an earlier one.
        for generation in (1..=self.generation).rev() {
            self.enter(generation)?;
            if self.last("revert-began") > self.last("run-finished") {
                self.go_back()?;
                return Ok(12);
            }
        }
        self.enter(self.newest())?;
        if self.generation == 0 || self.has("run-finished") {
            return Ok(0);
        }
        self.record("run-resumed", &json!({}))?;
        if self.has("phase-committed") {
            if !self.has("phase-ended") {
                self.record("phase-ended", &json!({"end": "committed"}))?;
            }
            self.record("run-finished", &json!({"verdict": "committed"}))?;
            return Ok(0);
        }
        self.go_back()?;
        Ok(12)
    }

    fn rollback(&mut self, to_start: bool) -> io::Result<u8> {
        if self.generation == 0 {
            return Ok(0);
        }
        // The newest, all of them, and whatever an interrupted way back has left half done.
        let newest = self.generation;
        for generation in (1..=newest).rev() {
            self.enter(generation)?;
            let half_done = self.last("revert-began") > self.last("run-finished");
            let wanted = to_start || generation == newest;
            if half_done || wanted && self.end_of(&self.phase).as_deref() != Some("reverted") {
                self.go_back()?;
            }
        }
        Ok(12)
    }

    fn go_back(&mut self) -> io::Result<()> {
        self.record("revert-began", &json!({}))?;
        if self.bug != Bug::OrphansLeftAlive {
            end_children_of(&self.state)?;
        }
        self.record("children-ended", &json!({}))?;
        let facts = self.facts();
        let is = |line: &Value, name: &str, effect: &Effect| {
            line["fact"] == name && line["of"]["part"] == effect.part && line["of"]["step"] == effect.step
        };
        for effect in self.effects() {
            let finished = facts.iter().any(|line| is(line, "step-finished", effect));
            if self.bug == Bug::InFlightNotUndone && !finished {
                continue;
            }
            if facts.iter().any(|line| is(line, "step-started", effect)) {
                let path = self.machine.join(effect.path);
                match effect.before {
                    Some(content) => restore(&path, content, &self.state)?,
                    None if path.exists() => fs::remove_file(path)?,
                    None => {}
                }
            }
        }
        self.record("layer-restored", &json!({}))?;
        if !self.has("phase-ended") || self.end_of(&self.phase).as_deref() != Some("reverted") {
            self.record("phase-ended", &json!({"end": "reverted"}))?;
        }
        self.record("run-finished", &json!({"verdict": "rolled-back"}))
    }

    fn status(&self) -> io::Result<u8> {
        let facts = self.facts();
        let finished = facts.iter().rfind(|line| line["fact"] == "run-finished");
        let verdict = finished.map(|line| line["of"]["verdict"].clone());
        say(&json!({"current": {"verdict": verdict}, "holder": null, "damage": []}))?;
        Ok(0)
    }
}

fn say(row: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{row}")?;
    out.flush()
}

/// Bytes and times as the machine was made; mode and owner survive the overwriting.
fn restore(path: &Path, content: &str, state: &Path) -> io::Result<()> {
    let original = state.with_file_name("pristine/machine");
    let below = path.strip_prefix(state.with_file_name("machine")).map_err(io::Error::other)?;
    let original = original.join(below);
    write(path, content)?;
    let meta = fs::metadata(original)?;
    fs::set_permissions(path, meta.permissions())?;
    File::options().write(true).open(path)?.set_modified(meta.modified()?)
}

fn write(path: &Path, content: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_data()
}

/// Ends whatever carries the mark of this state folder, and what was forked by the runner and is no program yet.
fn end_children_of(state: &Path) -> io::Result<()> {
    let mark = format!("MODEL_OF={}", state.display());
    let state = state.display().to_string();
    loop {
        let mut found = 0;
        for entry in fs::read_dir("/proc")?.flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
            let has = |file: &str, wanted: &str| {
                let words = fs::read(entry.path().join(file)).unwrap_or_default();
                words.split(|byte| *byte == 0).any(|word| word == wanted.as_bytes())
            };
            let other = u32::try_from(pid).is_ok_and(|pid| pid != std::process::id());
            if other && (has("environ", &mark) || has("cmdline", &state)) {
                found += 1;
                // One that has just ended by itself is as good.
                let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::SIGKILL);
            }
        }
        if found == 0 {
            return Ok(());
        }
    }
}
