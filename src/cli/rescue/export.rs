//! A capsule copied elsewhere: a state folder of its own, from which the way back works.

use super::{chosen, told, verify};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::out;
use crate::model::GenerationNumber;
use crate::store::StateFolder;
use crate::system::files;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink,
};
use std::path::Path;

pub(super) fn export(
    context: &Context,
    to: &Path,
    named: Option<GenerationNumber>,
) -> Result<Exit, CliError> {
    let folder = context.look_for("")?;
    let _lock = folder.lock("rescue export")?;
    let number = chosen(context, &folder, named)?;
    let to = std::path::absolute(to).map_err(|why| CliError::usage(format!("{}: {why}", to.display())))?;
    if fs::read_dir(&to).is_ok_and(|mut entries| entries.next().is_some()) {
        let text = format!("{} is there and not empty", to.display());
        return Err(CliError::usage(text).hint("name a folder that is not there yet"));
    }
    let from = folder.generation_folder(number);
    let copied = copy(&from, &to, number);
    copied.map_err(|why| {
        CliError::new(Exit::Internal, format!("{} could not be written", to.display())).because(why)
    })?;
    // What is not as recorded in the copy was not in the capsule either, or was damaged on the way: both are named.
    let copy = StateFolder::open(&to)?;
    let damage = verify::whole(&copy, number).unwrap_or_default();
    let exit = if damage.is_empty() { Exit::Done } else { Exit::Failing };
    if context.json {
        let shown = to.display().to_string();
        let told =
            serde_json::json!({ "exported": number, "to": shown, "damage": damage, "exit": exit.status() });
        out::json(context, &told);
        return Ok(exit);
    }
    out::line(context, &format!("Generation {number} is in {}.", to.display()));
    if damage.is_empty() {
        out::line(context, "It was read back to the last byte. From there:");
        let program = to.join("current/switchback");
        out::unbroken(context, &format!("  {} rollback --state {}", program.display(), to.display()));
    } else {
        out::line(context, "It is not whole:");
        told(context, &damage);
    }
    Ok(exit)
}

fn copy(from: &Path, to: &Path, number: GenerationNumber) -> io::Result<()> {
    match to.symlink_metadata() {
        // What is copied is as private as what it is copied from.
        Ok(seen) if seen.is_dir() && seen.uid() == nix::unistd::geteuid().as_raw() => {
            fs::set_permissions(to, fs::Permissions::from_mode(0o700))?;
        }
        Ok(_) => return Err(io::Error::other("it is no folder of whoever copies")),
        Err(_) => files::mkdir_private(to).map_err(io::Error::other)?,
    }
    let generations = to.join("generations");
    for folder in [&generations, &generations.join(number.to_string())] {
        DirBuilder::new().mode(0o700).create(folder)?;
    }
    copy_folder(from, &generations.join(number.to_string()))?;
    files::write_atomic(&to.join("highest"), format!("{number}\n").as_bytes(), files::Access::PRIVATE)
        .map_err(io::Error::other)?;
    symlink(Path::new("generations").join(number.to_string()), to.join("current"))?;
    File::open(&generations)?.sync_all()?;
    File::open(to)?.sync_all()
}

/// Files, folders and links; each file is durable when it returns. The ballast stays: it is room on its own disk.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let seen = entry.metadata()?;
        if entry.file_name() == "ballast" {
            continue;
        }
        if seen.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else if seen.is_dir() {
            DirBuilder::new().mode(0o700).create(&target)?;
            copy_folder(&source, &target)?;
        } else {
            let mut read = files::open_plain(&source)?;
            let mode = seen.permissions().mode() & 0o700;
            let mut write = OpenOptions::new().write(true).create_new(true).mode(mode).open(&target)?;
            io::copy(&mut read, &mut write)?;
            write.sync_all()?;
        }
    }
    File::open(to)?.sync_all()
}
