//! `file`: what stands at a path. Links are followed, as `test -e` does; `kind` and `target` are of the path itself.

use crate::check::ProbeError;
use crate::model::{Observation, Value};
use nix::libc::O_NONBLOCK;
use sha2::{Digest as _, Sha256};
use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Content is given up to here.
const CONTENT: usize = 1 << 20;
/// The hash is given up to here: hashing more would hold up every other check.
const HASHED: u64 = 64 << 20;

/// What stands at the path.
pub(super) fn read(path: &Path) -> Result<Observation, ProbeError> {
    let unreadable = |why: std::io::Error| ProbeError::Unreadable {
        what: path.display().to_string(),
        why: why.kind().to_string(),
    };
    let own = match path.symlink_metadata() {
        Ok(own) => own,
        Err(why) if matches!(why.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Observation::new().with("exists", false));
        }
        Err(why) => return Err(unreadable(why)),
    };
    let mut seen = Observation::new().with("kind", kind(own.file_type()));
    if own.is_symlink() {
        seen = seen.with("target", path.read_link().map_err(unreadable)?.to_string_lossy());
    }
    let there = match path.metadata() {
        Ok(there) => there,
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(seen.with("exists", false)),
        Err(why) => return Err(unreadable(why)),
    };
    seen = seen
        .with("exists", true)
        .with("size", there.len())
        .with("mode", mode(&there))
        .with("uid", there.uid())
        .with("gid", there.gid());
    if !there.is_file() {
        return Ok(seen);
    }
    match open(path) {
        Err(why) if why.kind() == ErrorKind::PermissionDenied => Ok(seen.with("readable", false)),
        Err(why) => Err(unreadable(why)),
        Ok(file) => content(file, seen.with("readable", true)).map_err(unreadable),
    }
}

// Without waiting: the path may have become a pipe since it was looked at.
fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)
}

fn content(file: File, mut seen: Observation) -> std::io::Result<Observation> {
    let mut limited = file.take(HASHED + 1);
    let mut hash = Sha256::new();
    let mut head: Vec<u8> = Vec::new();
    let mut buffer = vec![0_u8; 64 << 10];
    let mut total = 0_u64;
    loop {
        let count = limited.read(&mut buffer)?;
        let Some(part) = buffer.get(..count).filter(|part| !part.is_empty()) else { break };
        hash.update(part);
        total += u64::try_from(count).unwrap_or(u64::MAX);
        if head.len() <= CONTENT {
            head.extend_from_slice(part);
        }
    }
    let mut left_out: Vec<Value> = Vec::new();
    if total <= HASHED {
        let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        seen = seen.with("sha256", hex);
    } else {
        left_out.push("sha256".into());
    }
    if head.len() <= CONTENT {
        let text = String::from_utf8_lossy(&head).into_owned();
        seen = seen.with("lines", text.lines().count()).with("content", text);
    } else {
        left_out.extend(["content".into(), "lines".into()]);
    }
    Ok(if left_out.is_empty() { seen } else { seen.with("truncated", left_out) })
}

/// Permission bits as `chmod` takes them: `0644`.
fn mode(metadata: &Metadata) -> String {
    format!("{:04o}", metadata.mode() & 0o7777)
}

fn kind(kind: FileType) -> &'static str {
    if kind.is_symlink() {
        "link"
    } else if kind.is_dir() {
        "folder"
    } else if kind.is_file() {
        "file"
    } else if kind.is_fifo() {
        "pipe"
    } else if kind.is_socket() {
        "socket"
    } else {
        "device"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_file_is_seen_with_its_content_and_mode() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        std::fs::write(&path, "one\ntwo\n").expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("mode");
        let seen = read(&path).expect("seen");
        let field = |name: &str| seen.get(name).cloned();
        assert_eq!(field("exists"), Some(json!(true)));
        assert_eq!(field("kind"), Some(json!("file")));
        assert_eq!(field("size"), Some(json!(8)));
        assert_eq!(field("mode"), Some(json!("0640")));
        assert_eq!(field("content"), Some(json!("one\ntwo\n")));
        assert_eq!(field("lines"), Some(json!(2)));
        assert_eq!(
            field("sha256"),
            Some(json!("c3f9c8c283a2b1f2f1896f27a01cbe3cddc0c9d93f752e4639035a0f5b36f6e8"))
        );
    }

    #[test]
    fn absence_is_seen_and_a_dangling_link_is_absence_with_a_target() {
        let folder = tempfile::tempdir().expect("a folder");
        let seen = read(&folder.path().join("nothing")).expect("seen");
        assert_eq!(seen, Observation::new().with("exists", false));
        let link = folder.path().join("link");
        symlink("nowhere", &link).expect("a link");
        let seen = read(&link).expect("seen");
        let expected =
            Observation::new().with("exists", false).with("kind", "link").with("target", "nowhere");
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_link_is_followed_and_says_where_it_leads() {
        let folder = tempfile::tempdir().expect("a folder");
        let link = folder.path().join("link");
        symlink(folder.path(), &link).expect("a link");
        let seen = read(&link).expect("seen");
        assert_eq!(seen.get("kind"), Some(&json!("link")));
        assert_eq!(seen.get("exists"), Some(&json!(true)));
        assert_eq!(seen.get("content"), None);
    }

    #[test]
    fn a_pipe_is_not_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        assert_eq!(read(&path).expect("seen").get("kind"), Some(&json!("pipe")));
    }

    #[test]
    fn a_long_content_is_left_out_and_named_while_its_hash_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("long");
        std::fs::write(&path, vec![b'x'; CONTENT + 1]).expect("written");
        let seen = read(&path).expect("seen");
        assert_eq!(seen.get("content"), None);
        assert_eq!(seen.get("truncated"), Some(&json!(["content", "lines"])));
        assert!(seen.get("sha256").is_some());
    }
}
