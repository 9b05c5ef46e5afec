//! A probe as it is typed: `units`, `file /etc/hosts`, `journal priority=err since=1h`.

use super::catalog::Catalog;
use super::diagnostic::{Complaint, Complaints, Diagnostics, SourceText};
use super::load::{Sources, Surroundings};
use super::lower::Lowering;
use super::parse::parse;
use super::raw::{ProbeForm, Short};
use super::read::{At, read};
use super::tree::{Entry, Kind, Node, Place};
use crate::model::Probe;
use std::collections::BTreeMap;

/// A probe reads no files of a plan.
struct NoFiles;

impl Sources for NoFiles {
    fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("a probe reads no file of a plan".to_owned())
    }
}

/// The probe of that name with these settings: `setting=value` each, the value as in YAML; or one word, where the
/// probe has a short form; or, for `run`, the words of a command.
///
/// # Errors
/// What is wrong with them, pointing at the words as they were typed.
pub fn probe(name: &str, words: &[String], around: &Surroundings) -> Result<Probe, Diagnostics> {
    let mut typed = Typed { text: String::new(), complaints: Complaints::default() };
    let name_place = typed.put(name);
    let settings = typed.settings(name, name_place, words);
    let form = match settings {
        Some(value) => Node {
            place: name_place,
            kind: Kind::Map(vec![Entry { key: name.to_owned(), key_place: name_place, value }]),
        },
        None => Node { place: name_place, kind: Kind::Text(name.to_owned()) },
    };
    let Typed { text, mut complaints } = typed;
    let form: Option<At<Short<ProbeForm>>> = read(&form, "the probe", &mut complaints);
    let probe = form.and_then(|form| {
        let mut files = Vec::new();
        let mut lowering = Lowering {
            catalog: &Catalog::default(),
            around,
            sources: &NoFiles,
            files: &mut files,
            written: &mut Vec::new(),
            waived: &mut Vec::new(),
            complaints: &mut complaints,
            environment: BTreeMap::new(),
            unmeasured: None,
        };
        lowering.probe(&At { value: form.value.0, place: form.place })
    });
    let failed = complaints.has_errors();
    match probe {
        Some(probe) if !failed => Ok(probe),
        Some(_) | None => {
            Err(complaints.finish(vec![SourceText { name: "the command line".to_owned(), text }]))
        }
    }
}

/// The words on one line, so that a complaint can point at them.
struct Typed {
    text: String,
    complaints: Complaints,
}

impl Typed {
    fn put(&mut self, word: &str) -> Place {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let start = self.text.len();
        self.text.push_str(word);
        Place { file: 0, start, end: self.text.len() }
    }

    /// What the name maps to; nothing where it stands alone.
    fn settings(&mut self, name: &str, place: Place, words: &[String]) -> Option<Node> {
        if name == "run" {
            let argv =
                words.iter().map(|word| Node { place: self.put(word), kind: Kind::Text(word.clone()) });
            return Some(Node { place, kind: Kind::List(argv.collect()) });
        }
        let mut entries: Vec<Entry> = Vec::new();
        let mut short = None;
        for word in words {
            let at = self.put(word);
            match word.split_once('=').filter(|(key, _)| is_setting(key)) {
                Some((key, value)) => {
                    let value = self.value(value, at);
                    entries.push(Entry { key: key.to_owned(), key_place: at, value });
                }
                None if short.is_none() => short = Some(Node { place: at, kind: Kind::Text(word.clone()) }),
                None => self.complaints.push(
                    Complaint::error("wrong-value", at, "a second word; a probe takes at most one")
                        .help("write settings as `setting=value`"),
                ),
            }
        }
        match (short, entries.is_empty()) {
            (Some(word), true) => Some(word),
            (Some(word), false) => {
                self.complaints.push(
                    Complaint::error("wrong-value", word.place, "a word beside settings")
                        .help("write it as `setting=value` too"),
                );
                None
            }
            (None, false) => Some(Node { place, kind: Kind::Map(entries) }),
            (None, true) => None,
        }
    }

    /// A value as YAML reads it, so that `true`, `3` and `[a, b]` mean what they mean in a plan.
    fn value(&mut self, text: &str, at: Place) -> Node {
        match parse(0, text) {
            Ok(tree) => tree.moved_to(at),
            // What is no YAML is a text: `matches=[a` is a mistake of the pattern, and is told as such.
            Err(_) => Node { place: at, kind: Kind::Text(text.to_owned()) },
        }
    }
}

fn is_setting(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Graphics, Manager, VaDisplay};

    fn around() -> Surroundings {
        Surroundings {
            home: "/home/ada".to_owned(),
            user: "ada".to_owned(),
            is_root: false,
            folder: "/".to_owned(),
        }
    }

    fn typed(name: &str, words: &[&str]) -> Result<Probe, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        probe(name, &words, &around()).map_err(|why| why.lines())
    }

    #[test]
    fn a_probe_stands_alone_or_takes_a_word_or_settings() {
        assert_eq!(typed("memory", &[]), Ok(Probe::Memory));
        assert_eq!(typed("file", &["/etc/hosts"]), Ok(Probe::File { path: "/etc/hosts".into() }));
        assert_eq!(
            typed("units", &["manager=user", "names=[a.service, b.timer]"]),
            Ok(Probe::Units {
                manager: Manager::User,
                names: vec!["a.service".to_owned(), "b.timer".to_owned()]
            })
        );
    }

    #[test]
    fn drivers_and_browsers_take_their_settings() {
        let drm = Graphics::Vainfo {
            display: Some(VaDisplay::Drm),
            device: Some("/dev/dri/renderD128".into()),
            driver: None,
        };
        for (name, words, expected) in [
            ("vainfo", &["display=drm", "device=/dev/dri/renderD128", "driver=''"][..], drm),
            ("vainfo", &[], Graphics::Vainfo { display: None, device: None, driver: None }),
            (
                "vdpauinfo",
                &["driver=va_gl"],
                Graphics::Vdpauinfo { display: None, driver: Some("va_gl".to_owned()) },
            ),
            ("opengl", &["display=':0'"], Graphics::Opengl { display: Some(":0".to_owned()) }),
            ("lspci", &[], Graphics::Lspci),
            ("chromium", &["/a/b"], Graphics::Chromium { file: "/a/b".into() }),
        ] {
            assert_eq!(typed(name, words), Ok(Probe::Graphics(expected)), "{name} {words:?}");
        }
        for (name, words, expected) in [
            ("vainfo", &["device=/dev/dri/card0"][..], "`device` without `display: drm`"),
            ("vainfo", &["driver=../x"], "`../x` is no driver's name"),
            ("vainfo", &["display=windows"], "windows"),
            ("opengl", &["display=seven"], "`seven` is no X display"),
            ("firefox", &[], "needs settings"),
        ] {
            let why = typed(name, words).expect_err("a mistake");
            assert!(why.contains(expected), "{name} {words:?}: {why}");
        }
    }

    #[test]
    fn run_takes_the_words_of_a_command_as_they_are() {
        let Ok(Probe::Run { command, .. }) = typed("run", &["env", "A=b"]) else { panic!("a run") };
        assert_eq!(command.argv, ["env", "A=b"]);
    }

    #[test]
    fn what_is_wrong_points_at_the_word() {
        for (name, words, expected) in [
            ("fiel", &["/etc/hosts"][..], "fiel"),
            ("file", &["hosts"], "`hosts` is not an absolute path"),
            ("units", &["manger=user"], "manger"),
            ("file", &["/a", "/b"], "a second word"),
            ("process", &[], "needs settings"),
            ("process", &[], "{name: "),
            ("firefox", &[], "{path: "),
            ("chromium", &[], "{path: "),
            ("cgroup", &[], "names: "),
            ("nix", &[], "{derivation: "),
            ("generations", &[], "{of: nixos}"),
            ("measure", &[], "times: 10"),
            ("desktop_setting", &[], "key: "),
            ("journal", &["matches=[a"], "no regular expression"),
        ] {
            let why = typed(name, words).expect_err("a mistake");
            assert!(why.contains(expected), "{name} {words:?}: {why}");
        }
    }
}
