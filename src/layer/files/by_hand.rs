//! What to type where switchback itself cannot run: one shell line a thing.

use super::entry::{Entry, Meta, Moment, What};
use super::flags;
use crate::layer::LayerError;
use crate::layer::capsule::Manifest;
use crate::layer::raw::Raw;
use crate::system::sanitise::sanitise_line;
use std::path::{Path, PathBuf};

/// The lines. Trees are moved aside and made anew, so that what a phase created is gone from them.
pub(super) fn lines(capsule: &Path, manifest: &Manifest) -> Result<Vec<String>, LayerError> {
    let originals = capsule.join("originals");
    let mut page = Page {
        lines: vec![format!(
            "# The name of each saved file is the sha256sum of its bytes: sha256sum {}/*",
            quoted(&Raw::from(originals.as_path()))
        )],
        originals,
        folders: Vec::new(),
        tree: None,
        ways: 0,
        others: Vec::new(),
        closing: Vec::new(),
    };
    manifest.each(|entry: Entry| {
        page.add(&entry);
        Ok(())
    })?;
    page.leave(None);
    let Page { mut lines, closing, .. } = page;
    lines.extend(closing);
    Ok(lines)
}

/// The lines so far, and what is open.
struct Page {
    originals: PathBuf,
    lines: Vec<String>,
    /// Recorded folders whose content is being written.
    folders: Vec<(Raw, Meta)>,
    /// The tree that is made anew: nothing is in the way inside.
    tree: Option<PathBuf>,
    /// Folders on the way to a recorded path, so far.
    ways: usize,
    /// Those of them in which somebody else than root may give names.
    others: Vec<PathBuf>,
    /// What comes when all is in place.
    closing: Vec<String>,
}

impl Page {
    fn add(&mut self, entry: &Entry) {
        let Entry { path, what } = entry;
        self.leave(Some(path.path()));
        let inside = self.tree.as_ref().is_some_and(|above| path.path().starts_with(above));
        let at = quoted(path);
        let clear = if inside { String::new() } else { format!("rm -rf -- {at} && ") };
        match what {
            What::Way { meta, .. } => self.way(path, &at, meta),
            What::Folder { meta, holds, mount } => {
                if *mount {
                    // Nobody can move it: what was not there goes by name.
                    self.lines.push(format!("test -d {at} || mkdir -- {at}"));
                    self.lines.push(but_these(path, holds));
                } else {
                    if !inside {
                        self.aside(path, &at);
                    }
                    self.lines.push(format!("mkdir -- {at}"));
                }
                self.folders.push((path.clone(), meta.clone()));
            }
            What::File { meta, sha256, .. } => {
                let saved = quoted(&Raw::from(self.originals.join(&sha256.0).as_path()));
                self.lines.push(format!("{clear}cp -- {saved} {at} && {}", dressed(&at, meta)));
                self.attributes(&at, meta);
            }
            What::SameFile { first } => {
                self.lines.push(format!("{clear}ln -- {} {at}", quoted(first)));
            }
            What::Link { meta, to } => {
                let Meta { uid, gid, mtime, .. } = meta;
                let (to, time) = (quoted(to), seconds(*mtime));
                self.lines.push(format!(
                    "{clear}ln -s -T -- {to} {at} && chown -h {uid}:{gid} -- {at} && touch -h -d {time} -- {at}"
                ));
            }
            What::Pipe { meta } => {
                self.lines.push(format!("{clear}mkfifo -- {at} && {}", dressed(&at, meta)));
                self.attributes(&at, meta);
            }
            What::Absent { above } => {
                self.lines.push(format!("rm -rf -- {at}"));
                self.were_not(above);
            }
            // Folders that were made to hold what matches stay: a line cannot tell them from somebody else's.
            What::Glob { pattern, matched, above, folders: _ } => {
                self.closing.push(unmatched(path, pattern, matched));
                self.were_not(above);
            }
        }
    }

    /// A folder on the way: left as it is where it is there, else made again; its time is set when all is in it. A link
    /// that somebody else than root can have put in its place is put aside: it would say where the lines below write.
    fn way(&mut self, path: &Raw, at: &str, meta: &Meta) {
        self.ways += 1;
        let (Meta { mode, uid, gid, mtime, .. }, made) = (meta, format!("made_{}", self.ways));
        if self.others.iter().any(|above| path.path().starts_with(above)) {
            self.lines.push(format!("test ! -L {at} || mv -T -- {at} {}", aside_of(path)));
        }
        if *uid != 0 || (mode & 0o022 != 0 && mode & 0o1000 == 0) {
            self.others.push(path.to_path());
        }
        self.lines.push(format!(
            "{made}=no; test -d {at} || {{ mkdir -- {at} && chown {uid}:{gid} -- {at} && chmod {mode:04o} -- {at} && {made}=yes; }}"
        ));
        // The outer ones last.
        self.closing
            .insert(0, format!("test \"${{{made}-no}}\" = no || touch -d {} -- {at}", seconds(*mtime)));
    }

    /// What stands there is kept beside it.
    fn aside(&mut self, path: &Raw, at: &str) {
        let aside = aside_of(path);
        self.lines.push(format!("{{ test ! -e {at} && test ! -L {at}; }} || mv -T -- {at} {aside}"));
        self.closing.push(format!("# when all is well: rm -rf -- {aside}"));
        self.tree = Some(path.to_path());
    }

    /// Folders that were not there: only where nobody put anything into them.
    fn were_not(&mut self, above: &[Raw]) {
        for folder in above.iter().rev().map(quoted) {
            let line = format!("test ! -d {folder} || rmdir -- {folder}");
            if !self.closing.contains(&line) {
                self.closing.push(line);
            }
        }
    }

    /// Folders that do not hold `next` are done.
    fn leave(&mut self, next: Option<&Path>) {
        while let Some((done, meta)) =
            self.folders.pop_if(|(above, _)| !next.is_some_and(|path| path.starts_with(above.path())))
        {
            let at = quoted(&done);
            self.lines.push(dressed(&at, &meta));
            self.attributes(&at, &meta);
        }
    }

    fn attributes(&mut self, at: &str, meta: &Meta) {
        for (name, value) in &meta.attributes {
            let value = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &value.0);
            self.lines.push(format!("setfattr -n {} -v 0s{value} -- {at}", quoted(name)));
        }
        if let Some(flags) = meta.flags.filter(|flags| *flags != 0) {
            self.lines.push(format!("chattr +{} -- {at}", flags::letters(flags)));
        }
    }
}

/// The name under which what stands there is kept.
fn aside_of(path: &Raw) -> String {
    quoted(&Raw([path.0.as_slice(), b".before-undo"].concat()))
}

/// Removes what a folder holds besides these names.
fn but_these(folder: &Raw, holds: &[Raw]) -> String {
    let at = quoted(folder);
    let known: Vec<Raw> =
        holds.iter().map(|name| Raw([folder.0.as_slice(), b"/", &name.0].concat())).collect();
    removing(&format!("{at}/* {at}/.[!.]* {at}/..?*"), &known)
}

/// Removes what a pattern matches besides these paths; in words where a shell reads the pattern otherwise.
fn unmatched(base: &Raw, pattern: &[String], matched: &[Raw]) -> String {
    match pattern {
        // Below a folder that matches, a shell follows links.
        [one] if shell_glob(one).is_some() => {
            let glob = shell_glob(one).unwrap_or_default();
            removing(&format!("{}/{glob}", quoted(base)), matched)
        }
        several if matched.len() <= NAMES && several.iter().all(|one| shell_glob(one).is_some()) => {
            format!("{} -exec rm -rf -- {{}} +", found(base, several, matched))
        }
        _ => {
            let words = format!(
                "# Remove what matches {}/{} and is not among these {}: {}",
                quoted(base),
                pattern.join("/"),
                matched.len(),
                matched.iter().map(quoted).collect::<Vec<_>>().join(" ")
            );
            // A newline in a name would end the remark, and what follows it would be typed.
            sanitise_line(&words).into_owned()
        }
    }
}

/// So many names are told to a program at most.
const NAMES: usize = 1000;

/// Finds what a pattern of several names matches, links not followed, besides these paths. At one depth a `*` cannot stand
/// for a slash; a name that begins with a dot is meant only where the pattern says the dot.
fn found(base: &Raw, pattern: &[String], known: &[Raw]) -> String {
    let (at, depth) = (quoted(base), pattern.len());
    let below = |parts: &[&str]| {
        let path = [literally(base).as_slice(), b"/", parts.join("/").as_bytes()].concat();
        quoted(&Raw(path))
    };
    let parts: Vec<&str> = pattern.iter().map(String::as_str).collect();
    let mut line =
        format!("test ! -d {at} || find {at} -mindepth {depth} -maxdepth {depth} -path {}", below(&parts));
    for hidden in (0..depth).filter(|one| parts.get(*one).is_some_and(|part| !part.starts_with('.'))) {
        let any: Vec<&str> = (0..depth).map(|one| if one == hidden { ".*" } else { "*" }).collect();
        line.push_str(&format!(" ! -path {}", below(&any)));
    }
    for path in known {
        line.push_str(&format!(" ! -path {}", quoted(&Raw(literally(path)))));
    }
    line
}

/// The bytes as a pattern that matches them alone.
fn literally(raw: &Raw) -> Vec<u8> {
    let special = |byte: &u8| matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\');
    raw.0.iter().flat_map(|byte| special(byte).then_some(b'\\').into_iter().chain([*byte])).collect()
}

fn removing(words: &str, known: &[Raw]) -> String {
    let kept = known.iter().map(quoted).collect::<Vec<_>>().join("|");
    let case = if kept.is_empty() { String::new() } else { format!("{kept}) ;; ") };
    format!("for name in {words}; do case \"$name\" in {case}*) rm -rf -- \"$name\" ;; esac; done")
}

/// A pattern of one name as a shell writes it; none where that is not surely the same.
fn shell_glob(pattern: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+:@%,*?".contains(c);
    (pattern != "**" && pattern.chars().all(plain)).then(|| pattern.to_owned())
}

/// A point in time as `touch -d` reads it.
fn seconds(Moment(seconds, nanos): Moment) -> String {
    if seconds < 0 && nanos > 0 {
        format!("@-{}.{:09}", -(seconds + 1), 1_000_000_000 - nanos)
    } else {
        format!("@{seconds}.{nanos:09}")
    }
}

fn dressed(at: &str, meta: &Meta) -> String {
    let Meta { mode, uid, gid, mtime, .. } = meta;
    // Owner first: it takes the set-user-id bit away.
    format!("chown {uid}:{gid} -- {at} && chmod {mode:04o} -- {at} && touch -d {} -- {at}", seconds(*mtime))
}

/// The bytes as one word of the POSIX shell; on one line unless they end in a newline.
pub(in crate::layer) fn quoted(raw: &Raw) -> String {
    let plain = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let Raw(bytes) = raw;
    if !bytes.iter().all(plain) {
        // `$( )` drops newlines at the end: they follow as they are.
        let length = bytes.iter().rposition(|byte| *byte != b'\n').map_or(0, |last| last + 1);
        let (start, newlines) = bytes.split_at(length);
        let mut word = String::from("\"$(printf '");
        for byte in start {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                    word.push(char::from(*byte));
                }
                other => word.push_str(&format!("\\{other:03o}")),
            }
        }
        word.push_str("')\"");
        if !newlines.is_empty() {
            word.push_str(&format!("'{}'", String::from_utf8_lossy(newlines)));
        }
        return word;
    }
    let text = String::from_utf8_lossy(bytes);
    let safe = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    if !text.is_empty() && text.chars().all(safe) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
