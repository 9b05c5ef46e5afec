//! What to type where switchback itself cannot run: one shell line a thing.

use super::entry::{Entry, Meta, What};
use crate::layer::LayerError;
use crate::layer::capsule::Manifest;
use crate::layer::raw::Raw;
use std::path::Path;

/// The lines. Trees are moved aside and made anew, so that what a phase created is gone from them.
pub(super) fn lines(capsule: &Path, manifest: &Manifest) -> Result<Vec<String>, LayerError> {
    let originals = capsule.join("originals");
    let mut lines = vec![format!(
        "# The name of each saved file is the sha256sum of its bytes: sha256sum {}/*",
        quoted(&Raw::from(originals.as_path()))
    )];
    let mut folders: Vec<(Raw, Meta)> = Vec::new();
    let mut closing: Vec<String> = Vec::new();
    let mut tree: Option<std::path::PathBuf> = None;
    manifest.each(|Entry { path, what }: Entry| {
        while let Some((done, meta)) = folders.pop_if(|(above, _)| !path.path().starts_with(above.path())) {
            lines.push(folder_end(&done, &meta));
        }
        let inside = tree.as_ref().is_some_and(|above| path.path().starts_with(above));
        let at = quoted(&path);
        // Inside a tree that was made anew nothing is in the way.
        let clear = if inside { String::new() } else { format!("rm -rf -- {at} && ") };
        match &what {
            What::Way { meta } => {
                lines.push(format!("mkdir -p -m {:04o} -- {at}", meta.mode));
            }
            What::Folder { meta, .. } => {
                if !inside {
                    let aside = quoted(&Raw([path.0.as_slice(), b".before-undo"].concat()));
                    lines.push(format!("mv -T -- {at} {aside}"));
                    tree = Some(path.to_path());
                }
                lines.push(format!("mkdir -- {at}"));
                folders.push((path.clone(), meta.clone()));
            }
            What::File { meta, sha256, .. } => {
                let saved = quoted(&Raw::from(originals.join(&sha256.0).as_path()));
                lines.push(format!("{clear}cp -- {saved} {at} && {}", dressed(&at, meta)));
            }
            What::SameFile { first } => lines.push(format!("{clear}ln -- {} {at}", quoted(first))),
            What::Link { meta, to } => lines.push(format!(
                "{clear}ln -s -T -- {} {at} && chown -h {}:{} -- {at} && touch -h -d @{}.{:09} -- {at}",
                quoted(to),
                meta.uid,
                meta.gid,
                meta.mtime.0,
                meta.mtime.1
            )),
            What::Pipe { meta } => lines.push(format!("{clear}mkfifo -- {at} && {}", dressed(&at, meta))),
            What::Absent { .. } => lines.push(format!("rm -rf -- {at}")),
            What::Glob { pattern, matched, .. } => closing.push(format!(
                "# Remove what matches {}/{} and is not among these {}: {}",
                at,
                pattern.join("/"),
                matched.len(),
                matched.iter().map(quoted).collect::<Vec<_>>().join(" ")
            )),
        }
        if let What::Folder { meta, .. } | What::File { meta, .. } | What::Pipe { meta } = &what {
            for (name, value) in &meta.attributes {
                let value = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &value.0);
                closing.push(format!("# attribute: setfattr -n {} -v 0s{value} -- {at}", quoted(name)));
            }
        }
        Ok(())
    })?;
    for (done, meta) in folders.iter().rev() {
        lines.push(folder_end(done, meta));
    }
    lines.extend(closing);
    Ok(lines)
}

fn folder_end(path: &Raw, meta: &Meta) -> String {
    dressed(&quoted(path), meta)
}

fn dressed(at: &str, meta: &Meta) -> String {
    let Meta { mode, uid, gid, mtime, .. } = meta;
    // Owner first: it takes the set-user-id bit away.
    format!(
        "chown {uid}:{gid} -- {at} && chmod {mode:04o} -- {at} && touch -d @{}.{:09} -- {at}",
        mtime.0, mtime.1
    )
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
