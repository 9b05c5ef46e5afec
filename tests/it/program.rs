//! Running the built program, and others beside it.

#![expect(clippy::disallowed_methods, reason = "integration tests run programs")]

use std::process::{Command, Stdio};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

/// What a program said and how it ended.
pub(crate) struct Said {
    pub(crate) status: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard output, then standard error.
    pub(crate) all: String,
}

/// Runs switchback without a terminal.
pub(crate) fn switchback(args: &[&str]) -> Said {
    run(PROGRAM, args)
}

/// Runs a program without a terminal.
pub(crate) fn run(program: &str, args: &[&str]) -> Said {
    finish(Command::new(program).args(args))
}

/// Runs a text in a shell that finds the program under test first, in this folder, which is its home too.
pub(crate) fn shell(text: &str, folder: &std::path::Path) -> Said {
    let bin = std::path::Path::new(PROGRAM).parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    finish(
        Command::new("/bin/sh")
            .args(["-c", text])
            .current_dir(folder)
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("HOME", folder)
            .env("SWITCHBACK_STATE", folder.join("state"))
            .env("LC_ALL", "C"),
    )
}

fn finish(command: &mut Command) -> Said {
    let output = command.stdin(Stdio::null()).output().expect("it can be started");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let all = format!("{out}{}", String::from_utf8_lossy(&output.stderr));
    Said { status: output.status.code().unwrap_or(-1), out, all }
}
