//! The runner is killed in the middle of an activation of the system.

use super::lab::Lab;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::AsFd as _;

/// Waits until the activation has done half of its work, and says which process does it.
fn stuck(pipe: &mut File) -> Option<i32> {
    let mut ready = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
    if poll(&mut ready, PollTimeout::from(60_000_u16)).expect("poll") == 0 {
        return None;
    }
    let mut bytes = [0; 32];
    let read = pipe.read(&mut bytes).expect("read");
    String::from_utf8_lossy(bytes.get(..read).unwrap_or_default()).trim().parse().ok()
}

/// Whether a process still does anything.
fn alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

#[test]
fn a_runner_that_was_killed_while_a_system_is_tried_or_committed_is_taken_back_exactly() {
    for act in ["test", "boot"] {
        let Some(mut lab) = Lab::new("killed") else { return };
        let before = lab.machine();
        lab.name_flake("system-libs", &format!("system-libs-stuck-{act}"));
        let half = lab.path(&format!("system-libs-stuck-{act}"));
        // Open for both, so that neither end waits for the other.
        let mut pipe = File::options().read(true).write(true).open(lab.root.join("stuck")).expect("pipe");
        let mut runner = lab.start(&["--phase", "system-libs"]);
        let Some(child) = stuck(&mut pipe) else {
            let _ = runner.kill();
            panic!("{act}: the activation was never reached; {}", lab.switchback(&["status"]).text);
        };
        kill(Pid::from_raw(i32::try_from(runner.id()).expect("pid")), Signal::SIGKILL).expect("killed");
        runner.wait().expect("ended");
        let between = lab.machine();
        assert_eq!(between.runs, half, "{act}: it runs");
        assert_eq!(between.system.1 == half, act == "boot", "{act}: the profile moves at the commit alone");
        assert_eq!(between.boots, before.boots, "{act}: the boot loader was not reached");

        // Nothing goes forward over it.
        let refused = lab.run(&[]);
        assert_eq!(refused.code, Some(11), "{act}: {}", refused.text);

        let ended = lab.switchback(&["rollback", "--yes"]);
        assert_eq!(ended.code, Some(12), "{act}: {}", ended.text);
        assert_eq!(lab.machine(), before, "{act}: {}", ended.text);
        assert!(!alive(child), "{act}: the activation still runs");
        let log: Vec<String> = lab.log().into_iter().filter(|line| line.starts_with("start ")).collect();
        // The first is the lab's own: that is how the machine came to be.
        assert_eq!(log, ["start switch", "start switch", "start boot"], "{act}");

        lab.mend("system-libs");
        let again = lab.run(&["--phase", "system-libs", "--override"]);
        assert_eq!(again.code, Some(0), "{act}: {}", again.text);
        assert_eq!(lab.machine().boots, lab.path("system-libs"), "{act}");
    }
}
