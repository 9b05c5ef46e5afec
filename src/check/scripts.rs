//! A folder of health scripts: those in `required.d` must succeed, those in `wanted.d` should. In the order of their
//! names, required ones first; a script that fails does not keep the next from running.

use super::ProbeError;
use super::probe::{Given, Looking, Need, last_line, process_end, status};
use crate::model::{CommandLine, Observation, Value};
use crate::system::process::Ended;
use crate::system::trust;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const KEPT: usize = 64 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Duty {
    Required,
    Wanted,
}

impl Duty {
    /// Its place in what is kept of both.
    const fn place(self) -> usize {
        match self {
            Self::Required => 0,
            Self::Wanted => 1,
        }
    }
}

#[derive(Debug, Clone)]
struct Script {
    path: PathBuf,
    /// `required.d/10-network`
    name: String,
    duty: Duty,
}

/// What lies in a folder.
struct Found {
    scripts: VecDeque<Script>,
    /// Scripts that nobody may execute.
    dead: Vec<Script>,
}

/// Runs the scripts of a folder one after another.
pub(super) struct Scripts<'a> {
    folder: &'a Path,
    /// Where root looks: who else may own a script.
    trusting: Option<u32>,
    running: Option<Script>,
    waiting: VecDeque<Script>,
    lines: Vec<Value>,
    passed_over: usize,
    failed: [Vec<Value>; 2],
    unmeasured: [Vec<Value>; 2],
}

impl<'a> Scripts<'a> {
    pub(super) fn new(folder: &'a Path, trusting: Option<u32>) -> Self {
        Self {
            folder,
            trusting,
            running: None,
            waiting: VecDeque::new(),
            lines: Vec::new(),
            passed_over: 0,
            failed: Default::default(),
            unmeasured: Default::default(),
        }
    }

    fn note(&mut self, script: Script, ended: &Ended) {
        let Script { name, duty, .. } = script;
        let at = duty.place();
        let words = match process_end(&name, ended).map(status) {
            Ok(0) => "succeeded".to_owned(),
            Ok(code) => {
                self.failed[at].push(Value::from(name.as_str()));
                let said =
                    [&ended.stderr, &ended.stdout].map(last_line).into_iter().find(|line| !line.is_empty());
                format!(
                    "failed with exit {code}{}",
                    said.map_or_else(String::new, |line| format!(": {line}"))
                )
            }
            Err(why) => {
                self.unmeasured[at].push(Value::from(name.as_str()));
                format!("could not be judged: {why}")
            }
        };
        self.lines.push(Value::from(format!("{name} {words}")));
    }

    /// It is not run, and that is told: it was meant to say something.
    fn pass_over(&mut self, script: Script) {
        let Script { name, duty, .. } = script;
        self.unmeasured[duty.place()].push(Value::from(name.as_str()));
        self.lines.push(Value::from(format!("{name} is not executable, and was not run")));
        self.passed_over += 1;
    }

    fn go_on(&mut self) -> Need {
        if let Some(script) = self.waiting.pop_front() {
            let command = CommandLine::new([script.path.to_string_lossy()]);
            self.running = Some(script);
            return Need::Child(command, KEPT);
        }
        let mut lines = std::mem::take(&mut self.lines);
        // What went wrong comes first.
        lines.sort_by_key(|line| line.as_str().is_some_and(|line| line.ends_with(" succeeded")));
        let [required_failed, wanted_failed] = std::mem::take(&mut self.failed);
        let [required_unmeasured, wanted_unmeasured] = std::mem::take(&mut self.unmeasured);
        let seen = Observation::new()
            .with("ran", lines.len().saturating_sub(self.passed_over))
            .with("lines", lines)
            .with("required_failed", required_failed)
            .with("wanted_failed", wanted_failed)
            .with("required_unmeasured", required_unmeasured)
            .with("wanted_unmeasured", wanted_unmeasured);
        Need::Seen(Ok(seen))
    }
}

impl Looking for Scripts<'_> {
    fn next(&mut self, given: Given) -> Need {
        match (given, self.running.take()) {
            (Given::Ended(ended), Some(script)) => {
                if matches!(process_end(&script.name, &ended), Err(ProbeError::Interrupted)) {
                    return Need::Seen(Err(ProbeError::Interrupted));
                }
                self.note(script, &ended);
                self.go_on()
            }
            (Given::Nothing | Given::Ended(_) | Given::Answered(_), _) => {
                match found(self.folder, self.trusting) {
                    Ok(Found { scripts, dead }) => {
                        *self = Self { waiting: scripts, ..Self::new(self.folder, self.trusting) };
                        dead.into_iter().for_each(|script| self.pass_over(script));
                        self.go_on()
                    }
                    Err(why) => Need::Seen(Err(why)),
                }
            }
        }
    }
}

/// Whether a file that nobody may execute is a script all the same, and no note beside the scripts.
fn was_meant(path: &Path) -> bool {
    let mut start = [0; 2];
    let shebang = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_set_aside = name.starts_with('.') || name.ends_with('~');
    !is_set_aside && (name.ends_with(".sh") || (shebang.is_ok() && start == *b"#!"))
}

/// The executable files of both folders, and the scripts that are not executable. One of the folders may be missing; the
/// folder itself may not.
fn found(folder: &Path, trusting: Option<u32>) -> Result<Found, ProbeError> {
    let unreadable = |path: &Path, why: &str| ProbeError::Unreadable {
        what: path.display().to_string(),
        why: why.to_owned(),
    };
    if !folder.is_dir() {
        return Err(unreadable(folder, "it is not a folder"));
    }
    let (mut scripts, mut dead) = (VecDeque::new(), Vec::new());
    for (part, duty) in [("required.d", Duty::Required), ("wanted.d", Duty::Wanted)] {
        let inside = folder.join(part);
        let entries = match std::fs::read_dir(&inside) {
            Ok(entries) => entries,
            Err(why) if why.kind() == ErrorKind::NotFound => continue,
            Err(why) => return Err(unreadable(&inside, &why.kind().to_string())),
        };
        let mut paths: Vec<PathBuf> = Vec::new();
        for entry in entries {
            let path = entry.map_err(|why| unreadable(&inside, &why.kind().to_string()))?.path();
            let runs = |file: std::fs::Metadata| file.is_file() && file.permissions().mode() & 0o111 != 0;
            if path.metadata().is_ok_and(runs) {
                // Root runs nothing that somebody else may have put there.
                if let Some(user) = trusting {
                    let path = std::path::absolute(&path)
                        .map_err(|why| unreadable(&path, &why.kind().to_string()))?;
                    trust::judge_file(&path, user).map_err(|why| unreadable(&inside, &why.to_string()))?;
                }
                paths.push(path);
            } else if path.is_file() && was_meant(&path) {
                dead.push(script(part, path, duty));
            }
        }
        paths.sort();
        scripts.extend(paths.into_iter().map(|path| script(part, path, duty)));
    }
    dead.sort_by(|one: &Script, other| one.name.cmp(&other.name));
    Ok(Found { scripts, dead })
}

fn script(part: &str, path: PathBuf, duty: Duty) -> Script {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    Script { name: format!("{part}/{file}"), path, duty }
}

#[cfg(test)]
mod tests {
    use super::super::probe::ended;
    use super::*;
    use crate::model::{ProcessEnd, Span};
    use crate::system::process::End;
    use serde_json::json;

    fn script(folder: &Path, name: &str, mode: u32) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, "#!/bin/sh\n").expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("mode");
    }

    #[test]
    fn scripts_run_in_order_and_each_has_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["required.d/20-b", "required.d/10-a", "wanted.d/05-c", "wanted.d/06-d"] {
            script(folder.path(), name, 0o755);
        }
        std::fs::write(folder.path().join("required.d/README"), "What these are.\n").expect("written");
        script(folder.path(), "required.d/.30-off", 0o644);
        let mut look = Scripts::new(folder.path(), None);
        let mut given = Given::Nothing;
        let mut ends = VecDeque::from([
            ended(End::Process(ProcessEnd::Exited(0)), "", ""),
            ended(End::Process(ProcessEnd::Exited(2)), "out\n", "no route\n\n"),
            ended(End::Process(ProcessEnd::Exited(1)), "only out\n", ""),
            ended(End::TimedOut(Span::seconds(3)), "", ""),
        ]);
        let seen = loop {
            match look.next(given) {
                Need::Child(command, _) => {
                    assert!(command.argv[0].starts_with('/'));
                    given = Given::Ended(Box::new(ends.pop_front().expect("four scripts")));
                }
                Need::Seen(seen) => break seen.expect("seen"),
                other @ (Need::Answer(_) | Need::Stream(_) | Need::Pause(_)) => panic!("{other:?}"),
            }
        };
        let expected = json!([
            "required.d/20-b failed with exit 2: no route",
            "wanted.d/05-c failed with exit 1: only out",
            "wanted.d/06-d could not be judged: `wanted.d/06-d` did not end within 3s",
            "required.d/10-a succeeded"
        ]);
        assert_eq!(seen.get("lines"), Some(&expected));
        assert_eq!(seen.get("ran"), Some(&json!(4)));
        assert_eq!(seen.get("required_failed"), Some(&json!(["required.d/20-b"])));
        assert_eq!(seen.get("wanted_failed"), Some(&json!(["wanted.d/05-c"])));
        assert_eq!(seen.get("wanted_unmeasured"), Some(&json!(["wanted.d/06-d"])));
    }

    #[test]
    fn a_script_that_nobody_may_execute_is_told_and_not_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        script(folder.path(), "required.d/10-dead", 0o644);
        script(folder.path(), "wanted.d/20-lives", 0o755);
        let mut look = Scripts::new(folder.path(), None);
        assert!(matches!(look.next(Given::Nothing), Need::Child(..)));
        let done = Given::Ended(Box::new(ended(End::Process(ProcessEnd::Exited(0)), "", "")));
        let Need::Seen(Ok(seen)) = look.next(done) else { panic!("it is the only one") };
        let expected =
            json!(["required.d/10-dead is not executable, and was not run", "wanted.d/20-lives succeeded"]);
        assert_eq!(seen.get("lines"), Some(&expected));
        assert_eq!(seen.get("ran"), Some(&json!(1)));
        assert_eq!(seen.get("required_unmeasured"), Some(&json!(["required.d/10-dead"])));
    }

    #[test]
    fn root_runs_no_script_that_others_may_write() {
        let folder = tempfile::tempdir().expect("a folder");
        script(folder.path(), "required.d/10-open", 0o777);
        let me = nix::unistd::geteuid().as_raw();
        match Scripts::new(folder.path(), Some(me)).next(Given::Nothing) {
            Need::Seen(Err(why)) => {
                // The temporary folder is everybody's, or at the latest the script is.
                assert!(why.to_string().contains("neither group nor others may write it"), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_a_folder_is_an_error_and_an_empty_one_is_seen_empty() {
        let folder = tempfile::tempdir().expect("a folder");
        let absent = folder.path().join("none");
        assert!(matches!(Scripts::new(&absent, None).next(Given::Nothing), Need::Seen(Err(_))));
        match Scripts::new(folder.path(), None).next(Given::Nothing) {
            Need::Seen(Ok(seen)) => assert_eq!(seen.get("ran"), Some(&json!(0))),
            other => panic!("{other:?}"),
        }
    }
}
