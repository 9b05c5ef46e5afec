//! `nix`: profiles by reading their links, store paths by asking the store.

mod aterm;
mod closures;
mod derivation;
mod log;

use super::{AtOnce, Given, Looking, Need, last_line, process_end, status, tool, whole};
use crate::check::ProbeError;
use crate::model::{NixQuestion, Observation, Value};
use crate::system::process::Ended;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// More links than this are a circle.
const LINKS: usize = 32;
const KEPT: usize = 4 << 20;

pub(super) fn begin(question: &NixQuestion) -> Box<dyn Looking + '_> {
    match question {
        NixQuestion::Profile(path) => Box::new(AtOnce(|| profile(path))),
        NixQuestion::Path(path) => Box::new(StorePath { path, valid: None }),
        NixQuestion::Derivation(path) => Box::new(derivation::Derivation { path }),
        NixQuestion::Closures { before, after } => Box::new(closures::Closures::new(before, after)),
        NixQuestion::Log { path, matches } => Box::new(log::Log::new(path, matches.as_deref())),
    }
}

/// Where a profile leads: absolute store path, generation, and the generations that are kept.
fn profile(path: &Path) -> Result<Observation, ProbeError> {
    let unreadable = |at: &Path, why: std::io::Error| ProbeError::Unreadable {
        what: at.display().to_string(),
        why: why.kind().to_string(),
    };
    let mut at = path.to_path_buf();
    let mut generation = None;
    for _ in 0..LINKS {
        let target = match fs::read_link(&at) {
            Ok(target) => target,
            Err(why) if why.kind() == ErrorKind::NotFound => {
                return Ok(Observation::new().with("exists", false));
            }
            // Not a link: the end of the way.
            Err(why) if why.kind() == ErrorKind::InvalidInput => return reached(&at, generation.as_ref()),
            Err(why) => return Err(unreadable(&at, why)),
        };
        let folder = at.parent().unwrap_or(Path::new("/")).to_path_buf();
        let name = at.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        at = folder.join(target);
        if let Some((profile, number)) = parse_generation(&name) {
            generation = Some((folder, profile.to_owned(), number));
            // What a generation points to is the store path, be it a link itself.
            return match at.symlink_metadata() {
                Ok(_) => reached(&at, generation.as_ref()),
                Err(why) if why.kind() == ErrorKind::NotFound => Ok(Observation::new().with("exists", false)),
                Err(why) => Err(unreadable(&at, why)),
            };
        }
    }
    Err(ProbeError::Malformed { what: path.display().to_string(), why: "its links form a circle".to_owned() })
}

fn reached(store: &Path, generation: Option<&(PathBuf, String, u64)>) -> Result<Observation, ProbeError> {
    let seen = Observation::new().with("exists", true).with("store_path", store.to_string_lossy());
    let Some((folder, name, number)) = generation else { return Ok(seen) };
    let entries = fs::read_dir(folder).map_err(|why| ProbeError::Unreadable {
        what: folder.display().to_string(),
        why: why.kind().to_string(),
    })?;
    let numbers: BTreeSet<u64> = entries
        .filter_map(|entry| {
            let file = entry.ok()?.file_name();
            parse_generation(file.to_str()?).filter(|(of, _)| of == name).map(|(_, number)| number)
        })
        .collect();
    let numbers: Vec<Value> = numbers.into_iter().map(Value::from).collect();
    Ok(seen.with("generation", *number).with("generations", numbers))
}

/// `system-412-link` is generation 412 of `system`.
pub(super) fn parse_generation(name: &str) -> Option<(&str, u64)> {
    let (profile, number) = name.strip_suffix("-link")?.rsplit_once('-')?;
    Some((profile, number.parse().ok()?))
}

/// Asks the store whether it knows a path, then what that refers to.
struct StorePath<'a> {
    path: &'a Path,
    valid: Option<bool>,
}

impl StorePath<'_> {
    fn child(&self, words: &[&str]) -> Need {
        let path = self.path.to_string_lossy();
        let argv = ["nix-store"].iter().chain(words).copied().chain([path.as_ref()]);
        Need::Child(tool(argv), KEPT)
    }

    fn answered(&mut self, ended: &Ended) -> Result<Option<Observation>, ProbeError> {
        let code = status(process_end("nix-store", ended)?);
        let failed = || ProbeError::Unreachable {
            what: format!("nix-store failed: {}", last_line(&ended.stderr)),
            hint: "is this a path of the store, and may this user ask the Nix daemon?",
        };
        let seen = |valid: bool| Observation::new().with("exists", true).with("valid", valid);
        match (self.valid, code) {
            (None, 0) => {
                self.valid = Some(true);
                Ok(None)
            }
            (None, _) if last_line(&ended.stderr).contains("is not valid") => Ok(Some(seen(false))),
            (Some(valid), 0) => {
                let text = whole(&ended.stdout).ok_or_else(failed)?;
                let references: Vec<Value> = text.lines().map(Value::from).collect();
                Ok(Some(seen(valid).with("references", references)))
            }
            (None | Some(_), _) => Err(failed()),
        }
    }
}

impl Looking for StorePath<'_> {
    fn next(&mut self, given: Given) -> Need {
        match given {
            Given::Ended(ended) => match self.answered(&ended) {
                Ok(None) => self.child(&["--query", "--references"]),
                Ok(Some(seen)) => Need::Seen(Ok(seen)),
                Err(why) => Need::Seen(Err(why)),
            },
            Given::Nothing | Given::Answered(_) => match self.path.symlink_metadata() {
                Ok(_) => self.child(&["--check-validity"]),
                Err(why) if why.kind() == ErrorKind::NotFound => {
                    Need::Seen(Ok(Observation::new().with("exists", false).with("valid", false)))
                }
                Err(why) => Need::Seen(Err(ProbeError::Unreadable {
                    what: self.path.display().to_string(),
                    why: why.kind().to_string(),
                })),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ended;
    use super::*;
    use crate::model::ProcessEnd;
    use crate::system::process::End;
    use serde_json::json;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_profile_is_followed_to_its_store_path_and_generation() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::create_dir(root.join("store")).expect("a folder");
        fs::create_dir(root.join("profiles")).expect("a folder");
        for (number, name) in [(9, "a"), (10, "b")] {
            fs::create_dir(root.join("store").join(name)).expect("a store path");
            symlink(root.join("store").join(name), root.join(format!("profiles/system-{number}-link")))
                .expect("a link");
        }
        symlink(root.join("store/a"), root.join("profiles/other-3-link")).expect("a link");
        symlink("system-10-link", root.join("profiles/system")).expect("a link");
        symlink("profiles/system", root.join("home")).expect("a link");
        let seen = profile(&root.join("home")).expect("seen");
        let expected = Observation::new()
            .with("exists", true)
            .with("store_path", root.join("store/b").to_string_lossy())
            .with("generation", 10)
            .with("generations", vec![9, 10]);
        assert_eq!(seen, expected);
        let direct = profile(&root.join("store/a")).expect("seen");
        assert_eq!(direct.get("generation"), None);
        assert_eq!(direct.get("exists"), Some(&json!(true)));
    }

    #[test]
    fn a_profile_that_leads_nowhere_is_absent_and_a_circle_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let absent = Observation::new().with("exists", false);
        assert_eq!(profile(&root.join("none")).expect("seen"), absent);
        symlink("/nix/store/gone", root.join("p-1-link")).expect("a link");
        symlink("p-1-link", root.join("p")).expect("a link");
        assert_eq!(profile(&root.join("p")).expect("seen"), absent);
        symlink("y", root.join("x")).expect("a link");
        symlink("x", root.join("y")).expect("a link");
        assert!(profile(&root.join("x")).is_err());
    }

    #[test]
    fn a_generation_is_the_number_in_its_name() {
        for (name, parsed) in [
            ("system-412-link", Some(("system", 412))),
            ("home-manager-7-link", Some(("home-manager", 7))),
            ("system", None),
            ("system-x-link", None),
        ] {
            assert_eq!(parse_generation(name), parsed);
        }
    }

    #[test]
    fn the_store_is_asked_for_validity_then_for_references() {
        let exited = |code, out: &str, err: &str| {
            Given::Ended(Box::new(ended(End::Process(ProcessEnd::Exited(code)), out, err)))
        };
        let mut look = StorePath { path: Path::new("/"), valid: None };
        assert!(
            matches!(look.next(Given::Nothing), Need::Child(command, _) if command.argv[1] == "--check-validity")
        );
        assert!(
            matches!(look.next(exited(0, "", "")), Need::Child(command, _) if command.argv[2] == "--references")
        );
        match look.next(exited(0, "/nix/store/a\n", "")) {
            Need::Seen(Ok(seen)) => assert_eq!(seen.get("references"), Some(&json!(["/nix/store/a"]))),
            other => panic!("{other:?}"),
        }
        let mut look = StorePath { path: Path::new("/"), valid: None };
        match look.next(exited(1, "", "error: path '/' is not valid\n")) {
            Need::Seen(Ok(seen)) => assert_eq!(seen.get("valid"), Some(&json!(false))),
            other => panic!("{other:?}"),
        }
        let mut look = StorePath { path: Path::new("/"), valid: None };
        assert!(matches!(look.next(exited(1, "", "error: no daemon\n")), Need::Seen(Err(_))));
    }
}
