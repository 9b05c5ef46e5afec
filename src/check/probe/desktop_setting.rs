//! `desktop_setting`: a key of a KDE configuration file as the running desktop sees it: the system's folders first, the
//! user's own last, and what a layer locked stays. `kreadconfig` is asked where it is there, since it knows best.

mod cascade;

use super::{Given, Looking, Need, process_end, status, tool, whole};
use crate::check::ProbeError;
use crate::model::{DesktopSetting, Observation};
use crate::system::process::Ended;
use cascade::{Layer, Value, find};
use std::path::{Path, PathBuf};

const KEPT: usize = 64 * 1024;
/// Longest configuration file that is read, in bytes.
const LONGEST: u64 = 4 << 20;
/// What `kreadconfig` says where the key is in no layer: nothing that anybody would set.
const ABSENT: &str = "switchback: no such key";
/// Newest first. They print nothing else than the value.
const TOOLS: [&str; 2] = ["kreadconfig6", "kreadconfig5"];

/// Reads the layers, then asks the desktop's own tool.
pub(super) struct Reading<'a> {
    of: &'a DesktopSetting,
    asked: usize,
}

impl<'a> Reading<'a> {
    pub(super) fn new(of: &'a DesktopSetting) -> Self {
        Self { of, asked: 0 }
    }

    fn command(&self) -> Option<Need> {
        let tool_name = TOOLS.get(self.asked)?;
        let mut argv = vec![(*tool_name).to_owned(), "--file".to_owned(), self.of.file.clone()];
        for group in &self.of.groups {
            argv.extend(["--group".to_owned(), group.clone()]);
        }
        argv.extend(["--key".to_owned(), self.of.key.clone(), "--default".to_owned(), ABSENT.to_owned()]);
        Some(Need::Child(tool(argv), KEPT))
    }

    fn by_files(&self) -> Result<Observation, ProbeError> {
        let mut layers = Vec::new();
        for folder in folders(&self.of.home) {
            // The global file lies below every other of its folder.
            let global = (self.of.file != GLOBAL).then(|| folder.join(GLOBAL));
            for path in global.into_iter().chain([folder.join(&self.of.file)]) {
                if let Some(text) = text_of(&path)? {
                    layers.push(Layer { path, text });
                }
            }
        }
        let groups: Vec<&str> = self.of.groups.iter().map(String::as_str).collect();
        let found = find(&layers, &groups, &self.of.key);
        let seen = Observation::new().with("present", found.is_some());
        Ok(match found {
            Some(Value { text, path, locked }) => {
                seen.with("value", text).with("file", path.display().to_string()).with("locked", locked)
            }
            None => seen,
        })
    }

    fn told(&self, ended: &Ended) -> Result<Option<Observation>, ProbeError> {
        let name = TOOLS.get(self.asked).copied().unwrap_or_default();
        let end = match process_end(name, ended) {
            Ok(end) => end,
            Err(ProbeError::NotStarted { .. }) => return Ok(None),
            Err(why) => return Err(why),
        };
        let Some(text) = whole(&ended.stdout).filter(|_| status(end) == 0) else { return Ok(None) };
        let value = text.strip_suffix('\n').unwrap_or(&text);
        let seen = self.by_files()?.with("source", name);
        if value == ABSENT {
            return Ok(Some(Observation::new().with("present", false).with("source", name)));
        }
        Ok(Some(seen.with("present", true).with("value", value)))
    }
}

const GLOBAL: &str = "kdeglobals";

impl Looking for Reading<'_> {
    fn next(&mut self, given: Given) -> Need {
        if let Given::Ended(ended) = given {
            match self.told(&ended) {
                Ok(Some(seen)) => return Need::Seen(Ok(seen)),
                Err(why) => return Need::Seen(Err(why)),
                Ok(None) => self.asked += 1,
            }
        } else {
            self.asked = 0;
        }
        self.command().unwrap_or_else(|| Need::Seen(self.by_files().map(|seen| seen.with("source", "files"))))
    }
}

/// Folders of configuration, the weakest first: the system's, what Plasma derives from the chosen theme, the user's.
fn folders(home: &Path) -> [PathBuf; 4] {
    [
        PathBuf::from("/etc/xdg"),
        PathBuf::from("/run/current-system/sw/etc/xdg"),
        home.join(".config/kdedefaults"),
        home.join(".config"),
    ]
}

/// The text of a layer; nothing where there is no such file.
fn text_of(path: &Path) -> Result<Option<String>, ProbeError> {
    let unreadable = |why: &std::io::Error| ProbeError::Unreadable {
        what: path.display().to_string(),
        why: why.kind().to_string(),
    };
    match std::fs::metadata(path) {
        Ok(meta) if meta.len() > LONGEST => Err(ProbeError::Malformed {
            what: path.display().to_string(),
            why: format!("{} bytes are no configuration", meta.len()),
        }),
        Ok(meta) if !meta.is_file() => Ok(None),
        Ok(_) => std::fs::read(path)
            .map(|bytes| Some(String::from_utf8_lossy(&bytes).into_owned()))
            .map_err(|why| unreadable(&why)),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(unreadable(&why)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ended;
    use super::*;
    use crate::model::ProcessEnd;
    use crate::system::process::End;
    use serde_json::json;

    fn setting(home: &Path) -> DesktopSetting {
        std::fs::create_dir_all(home.join(".config/kdedefaults")).expect("a folder");
        std::fs::write(
            home.join(".config/kdedefaults/kwinrc"),
            "[Compositing]\nLatencyPolicy=Low\nBackend=A\n",
        )
        .expect("a file");
        std::fs::write(home.join(".config/kwinrc"), "[Compositing]\nBackend=OpenGL\n").expect("a file");
        DesktopSetting {
            file: "kwinrc".to_owned(),
            groups: vec!["Compositing".to_owned()],
            key: "Backend".to_owned(),
            home: home.to_owned(),
        }
    }

    #[test]
    fn without_the_desktops_tool_the_files_are_read() {
        let home = tempfile::tempdir().expect("a folder");
        let setting = setting(home.path());
        let mut reading = Reading::new(&setting);
        let absent = || Given::Ended(Box::new(ended(End::NotStarted("not found".to_owned()), "", "")));
        for (given, program) in [(Given::Nothing, "kreadconfig6"), (absent(), "kreadconfig5")] {
            assert!(matches!(reading.next(given), Need::Child(command, _) if command.argv[0] == program));
        }
        match reading.next(absent()) {
            Need::Seen(Ok(seen)) => {
                assert_eq!(seen.get("value"), Some(&json!("OpenGL")));
                assert_eq!(seen.get("source"), Some(&json!("files")));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_the_desktops_tool_says_counts() {
        let home = tempfile::tempdir().expect("a folder");
        let setting = setting(home.path());
        for (said, present, value) in
            [("Vulkan\n", true, Some(json!("Vulkan"))), ("switchback: no such key\n", false, None)]
        {
            let mut reading = Reading::new(&setting);
            assert!(matches!(reading.next(Given::Nothing), Need::Child(..)));
            let child = ended(End::Process(ProcessEnd::Exited(0)), said, "");
            match reading.next(Given::Ended(Box::new(child))) {
                Need::Seen(Ok(seen)) => {
                    assert_eq!(seen.get("present"), Some(&json!(present)));
                    assert_eq!(seen.get("value"), value.as_ref());
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
