//! What a folder holds, to be compared: kinds, modes, owners, links, contents and targets; times where they are the
//! same in each run.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Path below the folder, and what is there in words.
pub(crate) type Tree = BTreeMap<String, String>;

/// Reads a folder.
///
/// # Errors
/// That something in it could not be read.
pub(crate) fn read(folder: &Path) -> io::Result<Tree> {
    let mut tree = Tree::new();
    visit(folder, "", &mut tree)?;
    Ok(tree)
}

fn visit(folder: &Path, below: &str, tree: &mut Tree) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        let meta = entry.metadata()?;
        let kind = if meta.is_dir() {
            visit(&entry.path(), &format!("{name}/"), tree)?;
            format!("folder{}", if TIMED.contains(&name.as_str()) { stamp(&meta) } else { String::new() })
        } else if meta.is_symlink() {
            format!("link to {}", fs::read_link(entry.path())?.display())
        } else if meta.is_file() {
            format!("{} x {:?}{}", meta.nlink(), fs::read_to_string(entry.path())?, stamp(&meta))
        } else {
            "neither file, folder nor link".to_owned()
        };
        tree.insert(name, format!("{:o} {}:{} {kind}", meta.mode(), meta.uid(), meta.gid()));
    }
    Ok(())
}

/// Folders whose times a layer restores; in the others a file is replaced, and that leaves its mark.
pub(crate) const TIMED: [&str; 3] = ["app", "app/data", "late"];

/// The times that the machine was made with are old and the same in each run; those of a run are not compared.
fn stamp(meta: &fs::Metadata) -> String {
    let at = if meta.mtime() == super::world::LONG_AGO { meta.mtime_nsec() } else { -1 };
    if at < 0 { " modified in the run".to_owned() } else { format!(" modified long ago and {at} ns") }
}

/// What differs, in words.
pub(crate) fn differences(expected: &Tree, found: &Tree) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    names
        .into_iter()
        .filter(|name| expected.get(*name) != found.get(*name))
        .map(|name| {
            let say = |tree: &Tree| tree.get(name).cloned().unwrap_or_else(|| "nothing".to_owned());
            format!("{name}: expected {}, found {}", say(expected), say(found))
        })
        .collect()
}
