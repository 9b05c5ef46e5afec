//! The place where a built-in act writes, opened one name at a time: what the plan and its layers call a path is the
//! file that changes, whatever links somebody puts in the way meanwhile.

use super::files::{Access, FileError, failed, fill, read_open, temporary_name};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, readlinkat, renameat, statat, unlinkat};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use xattr::FileExt;

const STEP: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// A pipe at the name must not keep us waiting.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
const NEW: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Extended attributes: names and values. Access control lists are among them.
pub type Attributes = Vec<(OsString, Vec<u8>)>;

/// A name in a folder that is held open.
#[derive(Debug)]
pub struct Place {
    folder: File,
    name: OsString,
    path: PathBuf,
}

/// A file that is there.
#[derive(Debug)]
pub struct Present {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its permission bits and its owner.
    pub access: Access,
    /// Its extended attributes.
    pub attributes: Attributes,
}

impl Place {
    /// Opens the folder of an absolute path without following a link. Links of root in the root folder itself
    /// (`/bin` to `usr/bin`) are followed: they are the system's own other names of its folders.
    ///
    /// # Errors
    /// [`FileError::Linked`] where a name on the way, or the last one, is a link; [`FileError::Failed`].
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let place = Self::open_to_replace(path)?;
        match target_of(&place.folder, &place.name) {
            Ok(target) => Err(FileError::Linked { path: place.path, target }),
            // No link, or nothing there.
            Err(why) if matches!(why.raw_os_error(), Some(libc::EINVAL | libc::ENOENT)) => Ok(place),
            Err(why) => Err(failed("read", &place.path)(why)),
        }
    }

    /// The same, but the last name may be a link: what is written takes the place of the link itself, and what it
    /// leads to stays as it is.
    ///
    /// # Errors
    /// [`FileError::Linked`] where a name on the way is a link; [`FileError::Failed`].
    pub fn open_to_replace(path: &Path) -> Result<Self, FileError> {
        let invalid =
            |why: &'static str| failed("write to", path)(io::Error::new(io::ErrorKind::InvalidInput, why));
        let mut names = plain_names(path).ok_or_else(|| invalid("the path is not absolute and plain"))?;
        let Some(name) = names.pop_back() else {
            return Err(invalid("it is a folder"));
        };
        let root = || openat(CWD, "/", STEP | OFlags::DIRECTORY, Mode::empty());
        let (mut at, mut above) = (root().map_err(|why| opening(Path::new("/"), why))?, PathBuf::from("/"));
        // The system's own links are few; a second one on the same way would be a loop.
        let mut may_follow = true;
        while let Some(next) = names.pop_front() {
            let here = above.join(&next);
            let opened = openat(&at, &next, STEP, Mode::empty()).map_err(|why| opening(&here, why))?;
            let about = File::from(opened);
            let meta = about.metadata().map_err(failed("read", &here))?;
            if !meta.is_symlink() {
                (at, above) = (about.into(), here);
                continue;
            }
            let target = target_of(&at, &next).map_err(failed("read", &here))?;
            let systems = may_follow && meta.uid() == 0 && above == Path::new("/") && roots_own(&at);
            let Some(leads) = plain_names(&Path::new("/").join(&target)).filter(|_| systems) else {
                return Err(FileError::Linked { path: here, target });
            };
            may_follow = false;
            for name in leads.into_iter().rev() {
                names.push_front(name);
            }
        }
        // Only now for reading, which syncing needs: a folder on the way need not be readable.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(&at, ".", flags, Mode::empty()).map_err(|why| opening(&above, why))?;
        Ok(Self { folder: folder.into(), name, path: path.to_owned() })
    }

    /// Whether a folder is at the place, which no file takes the place of.
    ///
    /// # Errors
    /// [`FileError::NotAFile`] where one is; [`FileError::Failed`] where nobody can tell.
    pub fn is_no_folder(&self) -> Result<(), FileError> {
        match statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(seen) if FileType::from_raw_mode(seen.st_mode).is_dir() => {
                Err(FileError::NotAFile(self.path.clone()))
            }
            Ok(_) | Err(Errno::NOENT) => Ok(()),
            Err(why) => Err(failed("read", &self.path)(why.into())),
        }
    }

    /// The file at the place; `None` where nothing is.
    ///
    /// # Errors
    /// [`FileError::ManyNames`] where it has hard links: a new file in its place would part them.
    /// [`FileError::NotAFile`], [`FileError::TooLong`], [`FileError::Failed`].
    pub fn read(&self, limit: u64) -> Result<Option<Present>, FileError> {
        let mut file = match openat(&self.folder, &self.name, READ, Mode::empty()) {
            Ok(opened) => File::from(opened),
            Err(Errno::NOENT) => return Ok(None),
            Err(why) => return Err(opening(&self.path, why)),
        };
        let meta = file.metadata().map_err(failed("read", &self.path))?;
        if !meta.is_file() {
            return Err(FileError::NotAFile(self.path.clone()));
        }
        if meta.nlink() > 1 {
            return Err(FileError::ManyNames { path: self.path.clone(), names: meta.nlink() });
        }
        let bytes = read_open(&mut file, &self.path, limit)?;
        let attributes = attributes(&file).map_err(failed("read the attributes of", &self.path))?;
        let access = Access { mode: meta.mode() & 0o7777, owner: Some((meta.uid(), meta.gid())) };
        Ok(Some(Present { bytes, access, attributes }))
    }

    /// Puts a file in place in one step, as [`super::files::write_atomic`] does, in the folder that is held open.
    /// With attributes, it has these and no access control list besides; without, what the folder gives it.
    ///
    /// # Errors
    /// [`FileError::Failed`]. The old file is untouched where the error comes before the rename.
    pub fn write(
        &self,
        bytes: &[u8],
        access: Access,
        attributes: Option<&Attributes>,
    ) -> Result<(), FileError> {
        let (temporary, mut file) = loop {
            let candidate = temporary_name();
            match openat(&self.folder, &candidate, NEW, Mode::RUSR | Mode::WUSR) {
                Ok(opened) => break (candidate, File::from(opened)),
                // Left by a runner that died.
                Err(Errno::EXIST) => {}
                Err(why) => return Err(failed("create a file beside", &self.path)(why.into())),
            }
        };
        self.finish(&mut file, bytes, access, attributes)
            .and_then(|()| {
                renameat(&self.folder, &temporary, &self.folder, &self.name)
                    .map_err(|why| failed("rename to", &self.path)(why.into()))
            })
            .inspect_err(|_| {
                // The error that led here is the one to be told.
                let _ = unlinkat(&self.folder, &temporary, AtFlags::empty());
            })?;
        self.folder.sync_all().map_err(failed("sync the folder of", &self.path))
    }

    fn finish(
        &self,
        file: &mut File,
        bytes: &[u8],
        access: Access,
        wanted: Option<&Attributes>,
    ) -> Result<(), FileError> {
        let Some(wanted) = wanted else {
            return fill(file, &self.path, bytes, access);
        };
        // Before the mode: a list that the folder hands down would bend it.
        for (name, _) in attributes(file).map_err(failed("read the attributes of", &self.path))? {
            if name.as_bytes().starts_with(b"system.posix_acl")
                && !wanted.iter().any(|(kept, _)| *kept == name)
            {
                file.remove_xattr(&name).map_err(failed("change the attributes of", &self.path))?;
            }
        }
        fill(file, &self.path, bytes, access)?;
        // After owner and mode: both take capabilities and lists away.
        for (name, value) in wanted {
            let now = file.get_xattr(name).map_err(failed("read the attributes of", &self.path))?;
            if now.as_ref() != Some(value) {
                file.set_xattr(name, value).map_err(failed("change the attributes of", &self.path))?;
            }
        }
        file.sync_all().map_err(failed("sync", &self.path))
    }
}

/// The path with every link above and at its last name resolved; names that do not exist stay as they are.
///
/// Root follows a link that is not root's own only into a folder of the link's owner: otherwise a user could make root
/// record, and later put back, what lies elsewhere.
///
/// # Errors
/// A link that leads nowhere, in a circle, or as root into somebody else's folder; a folder that cannot be opened.
pub fn resolved(path: &Path) -> io::Result<PathBuf> {
    /// More links on one way are taken for a circle, as the kernel does.
    const MOST_LINKS: usize = 40;
    /// What is still to be walked.
    enum Ahead {
        Name(OsString),
        Up,
        /// Here a link has led: the link, and whose it is.
        Led(PathBuf, u32),
    }
    let ahead = |path: &Path| -> Vec<Ahead> {
        path.components()
            .filter_map(|part| match part {
                Component::Normal(name) => Some(Ahead::Name(name.to_owned())),
                Component::ParentDir => Some(Ahead::Up),
                Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
            })
            .collect()
    };
    let by_root = nix::unistd::geteuid().is_root();
    let root = || openat(CWD, "/", STEP | OFlags::DIRECTORY, Mode::empty());
    let (mut at, mut above, mut links) = (root()?, PathBuf::from("/"), 0);
    let mut names: VecDeque<Ahead> = ahead(path).into();
    while let Some(next) = names.pop_front() {
        let name = match next {
            Ahead::Name(name) => name,
            Ahead::Up => {
                at = openat(&at, "..", STEP, Mode::empty())?;
                above.pop();
                continue;
            }
            Ahead::Led(link, owner) => {
                let leads_to = rustix::fs::fstat(&at)?.st_uid;
                if by_root && owner != 0 && owner != leads_to {
                    return Err(io::Error::new(
                        io::ErrorKind::PermissionDenied,
                        format!(
                            "{} is a link of user {owner} to {}, which belongs to user {leads_to}",
                            link.display(),
                            above.display()
                        ),
                    ));
                }
                continue;
            }
        };
        let here = above.join(&name);
        let opened = match openat(&at, &name, STEP, Mode::empty()) {
            Ok(opened) => opened,
            Err(Errno::NOENT) if names.iter().all(|one| matches!(one, Ahead::Name(_))) => {
                let rest = names.into_iter().filter_map(|one| match one {
                    Ahead::Name(name) => Some(name),
                    Ahead::Up | Ahead::Led(..) => None,
                });
                return Ok(rest.fold(here, |path, name| path.join(name)));
            }
            Err(why) => return Err(why.into()),
        };
        let about = rustix::fs::fstat(&opened)?;
        if rustix::fs::FileType::from_raw_mode(about.st_mode) != rustix::fs::FileType::Symlink {
            (at, above) = (opened, here);
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(Errno::LOOP.into());
        }
        let target = target_of(&at, &name)?;
        if target.is_absolute() {
            (at, above) = (root()?, PathBuf::from("/"));
        }
        names.push_front(Ahead::Led(here, about.st_uid));
        for one in ahead(&target).into_iter().rev() {
            names.push_front(one);
        }
    }
    Ok(above)
}

fn opening(path: &Path, why: Errno) -> FileError {
    failed("open", path)(why.into())
}

/// The names of an absolute path; `None` where it is relative or goes up.
fn plain_names(path: &Path) -> Option<VecDeque<OsString>> {
    let mut parts = path.components();
    if parts.next() != Some(Component::RootDir) {
        return None;
    }
    parts
        .map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::RootDir | Component::CurDir | Component::ParentDir | Component::Prefix(_) => None,
        })
        .collect()
}

fn target_of(folder: impl std::os::fd::AsFd, name: &OsStr) -> io::Result<PathBuf> {
    let target = readlinkat(folder, name, Vec::new())?;
    Ok(PathBuf::from(OsStr::from_bytes(target.as_bytes())))
}

/// Whether root alone can put names into an open folder.
fn roots_own(folder: &OwnedFd) -> bool {
    rustix::fs::fstat(folder).is_ok_and(|about| about.st_uid == 0 && about.st_mode & 0o022 == 0)
}

fn attributes(file: &File) -> io::Result<Attributes> {
    let names = match file.list_xattr() {
        Ok(names) => names,
        // A file system without them.
        Err(why) if why.kind() == io::ErrorKind::Unsupported => return Ok(Vec::new()),
        Err(why) => return Err(why),
    };
    let mut all = Vec::new();
    for name in names {
        if let Some(value) = file.get_xattr(&name)? {
            all.push((name, value));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn world() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().canonicalize().expect("its path");
        (folder, path)
    }

    const ACCESS: Access = Access { mode: 0o644, owner: None };

    #[test]
    fn a_link_at_the_place_or_on_the_way_is_refused_by_name_and_its_target_stays() {
        let (_guard, top) = world();
        std::fs::create_dir(top.join("real")).expect("a folder");
        std::fs::write(top.join("real/secret"), "old").expect("a file");
        symlink(top.join("real/secret"), top.join("mine")).expect("a link");
        symlink("real", top.join("dir")).expect("a link");
        symlink("nowhere", top.join("dangling")).expect("a link");
        for (asked, link, target) in [
            ("mine", "mine", top.join("real/secret").display().to_string()),
            ("dir/secret", "dir", "real".to_owned()),
            ("dangling", "dangling", "nowhere".to_owned()),
        ] {
            let why = Place::open(&top.join(asked)).expect_err("a link").to_string();
            let told = format!("{} is a link to {target}", top.join(link).display());
            assert!(why.starts_with(&told), "{why}");
        }
        assert_eq!(std::fs::read(top.join("real/secret")).expect("read"), b"old");
    }

    #[test]
    fn what_is_written_in_the_place_of_a_link_leaves_what_it_led_to() {
        let (_guard, top) = world();
        std::fs::write(top.join("real"), "old").expect("a file");
        symlink("real", top.join("mine")).expect("a link");
        let place = Place::open_to_replace(&top.join("mine")).expect("opened");
        place.write(b"new", ACCESS, None).expect("written");
        assert_eq!(std::fs::read(top.join("real")).expect("read"), b"old");
        assert!(!top.join("mine").is_symlink());
        assert_eq!(std::fs::read(top.join("mine")).expect("read"), b"new");
        symlink(".", top.join("dir")).expect("a link");
        assert!(matches!(Place::open_to_replace(&top.join("dir/mine")), Err(FileError::Linked { .. })));
    }

    #[test]
    fn a_path_is_resolved_as_the_kernel_does_and_names_that_are_not_there_stay() {
        let (_guard, top) = world();
        std::fs::create_dir_all(top.join("real/deep")).expect("folders");
        symlink("real", top.join("dir")).expect("a link");
        symlink(top.join("dir/deep"), top.join("far")).expect("a link");
        symlink("../dir/deep", top.join("real/up")).expect("a link");
        symlink("nowhere", top.join("dangling")).expect("a link");
        symlink("circle", top.join("circle")).expect("a link");
        for (asked, wanted) in [
            ("real/deep", "real/deep"),
            ("dir/deep", "real/deep"),
            ("far", "real/deep"),
            ("dir/up", "real/deep"),
            ("far/not/there", "real/deep/not/there"),
            ("none/at/all", "none/at/all"),
        ] {
            assert_eq!(resolved(&top.join(asked)).expect(asked), top.join(wanted), "{asked}");
        }
        for asked in ["dangling", "dangling/below", "circle"] {
            assert!(resolved(&top.join(asked)).is_err(), "{asked}");
        }
    }

    #[test]
    fn root_follows_a_users_link_into_that_users_folders_alone() {
        if !nix::unistd::geteuid().is_root() {
            return crate::skipped::skipped(
                "root_follows_a_users_link_into_that_users_folders_alone",
                "this is not root",
            );
        }
        let (_guard, top) = world();
        for (name, owner) in [("theirs", 4321), ("ours", 0)] {
            std::fs::create_dir(top.join(name)).expect("a folder");
            std::os::unix::fs::chown(top.join(name), Some(owner), Some(owner)).expect("owner");
        }
        for (link, to, owner) in [("a", "theirs", 4321), ("b", "ours", 4321), ("c", "theirs", 0)] {
            symlink(to, top.join(link)).expect("a link");
            std::os::unix::fs::lchown(top.join(link), Some(owner), Some(owner)).expect("owner");
        }
        assert_eq!(resolved(&top.join("a/x")).expect("followed"), top.join("theirs/x"));
        assert_eq!(resolved(&top.join("c/x")).expect("followed"), top.join("theirs/x"));
        let why = resolved(&top.join("b/x")).expect_err("refused").to_string();
        assert!(why.contains("/b is a link of user 4321 to ") && why.ends_with("belongs to user 0"), "{why}");
    }

    #[test]
    fn the_systems_own_links_in_the_root_folder_are_followed() {
        let own = |name: &str| {
            let link = Path::new("/").join(name);
            std::fs::symlink_metadata(&link).is_ok_and(|meta| meta.is_symlink() && meta.uid() == 0)
        };
        if own("bin") {
            let place = Place::open(Path::new("/bin/switchback-is-not-here")).expect("opened");
            assert!(place.read(1).expect("read").is_none());
        }
    }

    #[test]
    fn a_link_put_in_after_the_place_was_opened_is_replaced_and_not_followed() {
        let (_guard, top) = world();
        std::fs::write(top.join("secret"), "old").expect("a file");
        let place = Place::open(&top.join("mine")).expect("opened");
        symlink(top.join("secret"), top.join("mine")).expect("a link");
        assert!(place.read(10).is_err());
        place.write(b"new", ACCESS, None).expect("written");
        assert_eq!(std::fs::read(top.join("secret")).expect("read"), b"old");
        assert_eq!(std::fs::read(top.join("mine")).expect("read"), b"new");
        assert_eq!(std::fs::read_dir(&top).expect("list").count(), 2);
    }

    #[test]
    fn paths_that_are_relative_or_go_up_and_things_that_are_no_files_are_refused() {
        for path in ["etc/passwd", "/etc/../etc/passwd", "/"] {
            assert!(Place::open(Path::new(path)).is_err(), "{path}");
        }
        let (_guard, top) = world();
        std::fs::write(top.join("file"), "").expect("a file");
        assert!(Place::open(&top.join("file/below")).is_err());
        assert!(Place::open(&top.join("missing/below")).is_err());
        nix::unistd::mkfifo(&top.join("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        let why = Place::open(&top.join("pipe")).expect("opened").read(10).expect_err("a pipe");
        assert!(why.to_string().ends_with("pipe is not a regular file"), "{why}");
    }

    #[test]
    fn a_file_written_again_keeps_its_attributes_and_its_access_control_list() {
        let (_guard, top) = world();
        let path = top.join("file");
        std::fs::write(&path, "old").expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("mode");
        if xattr::set(&path, "user.colour", b"blue").is_err() {
            return;
        }
        // Version 2: owner rw, user 4321 r, group r, mask r, others nothing.
        let acl: Vec<u8> = [
            (0x01_u16, 6_u16, u32::MAX),
            (0x02, 4, 4321),
            (0x04, 4, u32::MAX),
            (0x10, 4, u32::MAX),
            (0x20, 0, u32::MAX),
        ]
        .iter()
        .fold(2_u32.to_le_bytes().to_vec(), |mut acl, (tag, may, id)| {
            acl.extend(tag.to_le_bytes());
            acl.extend(may.to_le_bytes());
            acl.extend(id.to_le_bytes());
            acl
        });
        let with_acl = xattr::set(&path, "system.posix_acl_access", &acl).is_ok();
        let place = Place::open(&path).expect("opened");
        let before = place.read(10).expect("read").expect("there");
        place.write(b"new", before.access, Some(&before.attributes)).expect("written");
        let after = place.read(10).expect("read").expect("there");
        assert_eq!((after.bytes.as_slice(), after.access), (&b"new"[..], before.access));
        assert_eq!(after.attributes, before.attributes);
        assert_eq!(xattr::get(&path, "user.colour").expect("get"), Some(b"blue".to_vec()));
        assert_eq!(xattr::get(&path, "system.posix_acl_access").ok().flatten().is_some(), with_acl);
    }

    #[test]
    fn a_file_with_a_second_name_is_not_read_for_a_change() {
        let (_guard, top) = world();
        std::fs::write(top.join("one"), "old").expect("a file");
        std::fs::hard_link(top.join("one"), top.join("two")).expect("a second name");
        let why = Place::open(&top.join("one")).expect("opened").read(10).expect_err("two names");
        assert!(why.to_string().contains("one has 2 names (hard links)"), "{why}");
    }
}
