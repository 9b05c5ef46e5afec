//! Inode flags (`chattr`): those that a program can set and that say how a file is to be kept. Immutable and append-only are
//! no part of them: with these a file cannot be changed, and is refused.

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
use rustix::io::Errno;
use std::fs::File;
use std::io;

/// Each with the letter that `lsattr` and `chattr` have for it.
const KEPT: [(char, IFlags); 8] = [
    ('A', IFlags::NOATIME),
    ('C', IFlags::NOCOW),
    ('D', IFlags::DIRSYNC),
    ('S', IFlags::SYNC),
    ('T', IFlags::TOPDIR),
    ('c', IFlags::COMPRESSED),
    ('d', IFlags::NODUMP),
    ('t', IFlags::NOTAIL),
];

fn kept() -> IFlags {
    KEPT.iter().fold(IFlags::empty(), |all, (_, flag)| all | *flag)
}

fn now(file: &File) -> io::Result<Option<IFlags>> {
    match ioctl_getflags(file) {
        Ok(flags) => Ok(Some(flags)),
        // A file system without flags, or one that tells nobody.
        Err(Errno::NOTTY | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM | Errno::ACCESS) => {
            Ok(None)
        }
        Err(why) => Err(why.into()),
    }
}

/// The flags of an open file or folder, as bits of the kernel; nothing where the file system has no flags.
pub(super) fn read(file: &File) -> io::Result<Option<u32>> {
    Ok(now(file)?.map(|flags| (flags & kept()).bits()))
}

/// Sets exactly these, where any were recorded. What is not to be had is named.
pub(super) fn set(file: &File, wanted: Option<u32>) -> io::Result<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    let before = now(file)?.unwrap_or(IFlags::empty());
    let wanted = IFlags::from_bits_retain(wanted) & kept();
    if before & kept() == wanted {
        return Ok(());
    }
    ioctl_setflags(file, before.difference(kept()) | wanted).map_err(|why| {
        let why = io::Error::from(why);
        io::Error::new(why.kind(), format!("flags ={}: {why}", letters(wanted.bits())))
    })
}

/// As `chattr` writes them.
pub(super) fn letters(flags: u32) -> String {
    let flags = IFlags::from_bits_retain(flags);
    KEPT.iter().filter(|(_, flag)| flags.contains(*flag)).map(|(letter, _)| *letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_told_by_the_letters_of_chattr() {
        for (flags, told) in [
            (IFlags::NODUMP | IFlags::NOATIME, "Ad"),
            (IFlags::NOCOW, "C"),
            (IFlags::empty(), ""),
            (IFlags::IMMUTABLE, ""),
        ] {
            assert_eq!(letters(flags.bits()), told);
        }
    }

    #[test]
    fn a_file_without_flags_in_its_file_system_has_none_and_gets_none() {
        let null = File::open("/dev/null").expect("there");
        assert_eq!(read(&null).expect("read"), None);
        set(&null, None).expect("nothing to set");
        set(&null, Some(0)).expect("nothing to change");
    }
}
