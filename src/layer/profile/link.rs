//! Profile links: `profile -> profile-7-link -> /nix/store/...-name`. Reading is by links alone; no Nix is asked.

use crate::layer::LayerError;
use crate::layer::files::open_folder;
use crate::system::place::resolved;
use rustix::fs::{AtFlags, Gid, Uid, chownat, fstat, renameat, symlinkat, unlinkat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a profile is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    /// The link that is switched: the last one before the generation link.
    pub(super) profile: PathBuf,
    /// The absolute store path.
    pub(super) store: PathBuf,
    /// The number of the generation link, where there is one.
    pub(super) generation: Option<u64>,
}

/// Follows at most so many links.
const LINKS: usize = 16;

/// The number in `profile-7-link`.
pub(super) fn generation_number(profile: &OsStr, link: &OsStr) -> Option<u64> {
    let rest = link.to_str()?.strip_prefix(profile.to_str()?)?;
    let digits = rest.strip_prefix('-')?.strip_suffix("-link")?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The link of a generation.
pub(super) fn generation_link(profile: &Path, generation: u64) -> PathBuf {
    let mut name = profile.file_name().unwrap_or_default().to_owned();
    name.push(format!("-{generation}-link"));
    profile.with_file_name(name)
}

/// Whether a path is an object of a Nix store: 32 digits of base 32, a dash, a name.
pub(super) fn is_store_path(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(OsStr::to_str) else { return false };
    let digit = |byte: u8| byte.is_ascii_digit() || (byte.is_ascii_lowercase() && !b"eotu".contains(&byte));
    path.is_absolute()
        && name
            .split_once('-')
            .is_some_and(|(hash, name)| hash.len() == 32 && hash.bytes().all(digit) && !name.is_empty())
}

fn follow(path: &Path) -> io::Result<Option<PathBuf>> {
    match fs::read_link(path) {
        Ok(to) => Ok(Some(path.parent().unwrap_or_else(|| Path::new("/")).join(to))),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(why),
    }
}

/// Follows links up to the first store path.
pub(super) fn store_path(link: &Path) -> Result<Option<PathBuf>, LayerError> {
    let mut at = link.to_owned();
    for step in 0..LINKS {
        if is_store_path(&at) {
            return Ok(Some(at));
        }
        match follow(&at) {
            Ok(Some(next)) => at = next,
            Ok(None) if step == 0 => return Ok(None),
            Ok(None) => return Err(missing(link, format!("leads to {}, which is not there", at.display()))),
            Err(why) if why.kind() == io::ErrorKind::InvalidInput => {
                return Err(missing(link, format!("leads to {}, which is no store path", at.display())));
            }
            Err(why) => return Err(LayerError::io("read", &at, why)),
        }
    }
    Err(missing(link, format!("leads through more than {LINKS} links")))
}

/// What a profile is set to now; `None` where there is no such link.
pub(super) fn read(profile: &Path) -> Result<Option<Set>, LayerError> {
    let Some(store) = store_path(profile)? else { return Ok(None) };
    let mut at = profile.to_owned();
    for _ in 0..LINKS {
        let Some(next) = follow(&at).map_err(|why| LayerError::io("read", &at, why))? else { break };
        let same_folder = next.parent() == at.parent();
        let generation = match (at.file_name(), next.file_name()) {
            (Some(name), Some(link)) if same_folder => generation_number(name, link),
            (None | Some(_), None | Some(_)) => None,
        };
        if generation.is_some() || is_store_path(&next) {
            return Ok(Some(Set { profile: at, store, generation }));
        }
        at = next;
    }
    Err(missing(profile, "has no generation link and no store path".to_owned()))
}

/// The numbers of the generation links beside a profile.
pub(super) fn generations(profile: &Path) -> Result<Vec<u64>, LayerError> {
    let (Some(folder), Some(name)) = (profile.parent(), profile.file_name()) else { return Ok(Vec::new()) };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(why) => return Err(LayerError::io("read", folder, why)),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|why| LayerError::io("read", folder, why))?;
        numbers.extend(generation_number(name, &entry.file_name()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Puts a link in place of whatever link is there, by rename, durably. It belongs to whom its folder belongs. Root follows
/// a user's link above it into folders of that user alone, and is led nowhere else after that.
pub(super) fn switch(link: &Path, to: &Path) -> Result<(), LayerError> {
    let wrote = |why: io::Error| LayerError::io("switch", link, why);
    let (above, name) =
        (link.parent().unwrap_or_else(|| Path::new("/")), link.file_name().unwrap_or_default());
    let folder = resolved(above).and_then(|above| open_folder(&above)).map_err(wrote)?;
    let mut temporary = OsStr::new(".switchback-").to_owned();
    temporary.push(name);
    match unlinkat(&folder, &temporary, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(why) => return Err(wrote(why.into())),
    }
    symlinkat(to, &folder, &temporary).map_err(|why| wrote(why.into()))?;
    let owner = fstat(&folder).map_err(|why| wrote(why.into()))?;
    let (uid, gid) = (Uid::from_raw(owner.st_uid), Gid::from_raw(owner.st_gid));
    // An ordinary user's link is the user's already.
    match chownat(&folder, &temporary, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(()) | Err(Errno::PERM) => {}
        Err(why) => return Err(wrote(why.into())),
    }
    renameat(&folder, &temporary, &folder, name).map_err(|why| wrote(why.into()))?;
    fs::File::from(folder).sync_all().map_err(wrote)
}

fn missing(link: &Path, why: String) -> LayerError {
    LayerError::Missing { name: link.display().to_string(), why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const STORE: &str = "/nix/store/0c9a8hdg2l5w3q7r1x4v6z0ybnmkjpsf-tools-1.0";

    #[test]
    fn a_generation_link_is_told_by_its_name() {
        for (profile, link, number) in [
            ("profile", "profile-7-link", Some(7)),
            ("profile", "profile-007-link", Some(7)),
            ("profile", "other-7-link", None),
            ("profile", "profile--link", None),
            ("profile", "profile-x-link", None),
            ("profile", "profile-7-link.tmp", None),
            ("a", "a-b-1-link", None),
        ] {
            assert_eq!(generation_number(OsStr::new(profile), OsStr::new(link)), number, "{link}");
        }
    }

    #[test]
    fn a_link_is_switched_in_its_own_folder_whatever_a_user_puts_above_it() {
        let at = tempfile::tempdir().expect("folder");
        let path = |name: &str| at.path().canonicalize().expect("its path").join(name);
        for folder in ["house", "house/real", "others"] {
            std::fs::create_dir(path(folder)).expect("folder");
        }
        symlink("real", path("house/mine")).expect("link");
        symlink(path("others"), path("house/away")).expect("link");
        if nix::unistd::geteuid().is_root() {
            for name in ["house", "house/real", "house/mine", "house/away"] {
                std::os::unix::fs::lchown(path(name), Some(4321), Some(4321)).expect("owner");
            }
        }
        // What a killed run left is used again.
        symlink("left", path("house/real/.switchback-tools")).expect("link");
        switch(&path("house/mine/tools"), Path::new(STORE)).expect("switched");
        switch(&path("house/mine/tools"), Path::new("tools-7-link")).expect("switched again");
        assert_eq!(fs::read_link(path("house/real/tools")).expect("read"), Path::new("tools-7-link"));
        assert_eq!(fs::read_dir(path("house/real")).expect("listed").count(), 1);
        if nix::unistd::geteuid().is_root() {
            let meta = fs::symlink_metadata(path("house/real/tools")).expect("there");
            assert_eq!(std::os::unix::fs::MetadataExt::uid(&meta), 4321);
            assert!(switch(&path("house/away/tools"), Path::new(STORE)).is_err());
            assert_eq!(fs::read_dir(path("others")).expect("listed").count(), 0);
        }
    }

    #[test]
    fn a_profile_is_read_through_every_kind_of_link() {
        let at = tempfile::tempdir().expect("folder");
        let path = |name: &str| at.path().join(name);
        symlink(STORE, path("tools-7-link")).expect("link");
        symlink("tools-7-link", path("tools")).expect("link");
        symlink(path("tools"), path("alias")).expect("link");
        symlink(STORE, path("direct")).expect("link");
        symlink("gone-3-link", path("gone")).expect("link");
        std::fs::write(path("file"), "").expect("file");
        let set = |name: &str, generation| Set { profile: path(name), store: STORE.into(), generation };
        for (name, wanted) in [
            ("tools", Some(set("tools", Some(7)))),
            ("alias", Some(set("tools", Some(7)))),
            ("direct", Some(set("direct", None))),
            ("none", None),
        ] {
            assert_eq!(read(&path(name)).expect(name), wanted, "{name}");
        }
        for bad in ["gone", "file"] {
            assert!(read(&path(bad)).is_err(), "{bad}");
        }
        assert_eq!(generations(&path("tools")).expect("listed"), [7]);
    }
}
