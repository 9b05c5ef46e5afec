//! Probes that start no program: as another user, and on a file system that never answers.

use super::trust::unwrapped;
use crate::world::{World, finished, is_root};
use std::ffi::CString;
use std::fs;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

fn checks(world: &World, checks: &str) {
    world.plan(&format!(
        "  - id: only\n    apply: [{{run: [\"true\"], changes: nothing}}]\n    validate:\n{checks}    \"on\": {{error: pause, fail: pause}}\n"
    ));
}

#[test]
fn a_probe_looks_as_the_user_that_it_is_told() {
    if !is_root("a_probe_looks_as_the_user_that_it_is_told") {
        return;
    }
    let world = World::new();
    fs::set_permissions(world.data().join("one"), fs::Permissions::from_mode(0o600)).expect("mode");
    checks(
        &world,
        "      - {id: root, probe: {file: @/data/one}, expect: {readable: true, content: \"one\\n\"}}
      - {id: user, as: user, probe: {file: @/data/one}, expect: {readable: false, exists: true}}
      - {id: way, as: user, probe: {mount: @/data}, expect: {writable: false}}
      - {id: kernel, as: user, probe: {kernel_parameter: kernel.ostype}, expect: {value: Linux}}
      - {id: guarded, probe: {file: @/data/one}, applies_if: {as: user, probe: {file: @/data/one}, expect: {readable: true}}, expect: {exists: false}}
      - {id: behind, as: user, probe: {file: @/data/one}, applies_if: {probe: {file: @/data/one}, expect: {readable: true}}, expect: {readable: false}}
      - {id: program, probe: {run: [\"true\"]}, applies_if: {as: user, probe: {file: @/data/one}, expect: {exists: true}}, expect: {exit: 0}}
",
    );
    let mut command = world.command();
    command.args(["run", "plan.yaml", "--unattended"]);
    command.env("SUDO_UID", "65534").env("SUDO_GID", "65534").env("SUDO_USER", "nobody");
    finished(command.spawn().expect("started")).ended(0);
}

/// A FUSE mount that nobody serves: whoever asks it waits until killed.
struct Silent {
    at: PathBuf,
    _device: fs::File,
}

impl Silent {
    #[expect(unsafe_code, reason = "mount(2) itself: no program serves this file system")]
    fn mount(at: &Path) -> Option<Self> {
        let device = fs::File::options().read(true).write(true).open("/dev/fuse").ok()?;
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
        let (options, point) = (CString::new(options).ok()?, CString::new(at.as_os_str().as_bytes()).ok()?);
        // SAFETY: four strings that end in NUL and live until the call returns.
        let done = unsafe {
            libc::mount(c"silent".as_ptr(), point.as_ptr(), c"fuse".as_ptr(), 0, options.as_ptr().cast())
        };
        (done == 0).then(|| Self { at: at.to_owned(), _device: device })
    }
}

impl Drop for Silent {
    #[expect(unsafe_code, reason = "as above")]
    fn drop(&mut self) {
        if let Ok(point) = CString::new(self.at.as_os_str().as_bytes()) {
            // SAFETY: a string that ends in NUL and lives until the call returns.
            unsafe { libc::umount2(point.as_ptr(), libc::MNT_DETACH) };
        }
    }
}

#[test]
fn a_file_system_that_never_answers_costs_a_check_its_timeout_and_no_more() {
    const NAME: &str = "a_file_system_that_never_answers_costs_a_check_its_timeout_and_no_more";
    if !is_root(NAME) {
        return;
    }
    let world = World::new();
    fs::create_dir(world.at("far")).expect("a folder");
    std::os::unix::fs::symlink("far/deep", world.at("near")).expect("a link");
    let Some(silent) = Silent::mount(&world.at("far")) else {
        return crate::skipped::skipped(NAME, "FUSE cannot be mounted here");
    };
    checks(
        &world,
        "      - {id: file, timeout: 1s, probe: {file: @/far/x}, expect: {exists: true}}
      - {id: link, timeout: 1s, probe: {file: @/near}, expect: {exists: true}}
      - {id: mount, timeout: 1s, probe: {mount: @/far}, expect: {mounted: true}}
      - {id: here, probe: {file: @/data/one}, expect: {exists: true}}
",
    );
    let ran = world.run().ended(11);
    let said = unwrapped(&ran.said());
    for name in ["far/x", "near", "far"] {
        let late = format!("looking at {} did not end within 1s", world.at(name).display());
        assert!(said.contains(&late), "{name}: {ran:#?}");
    }
    assert!(ran.took < std::time::Duration::from_secs(60), "{ran:#?}");
    drop(silent);
}

#[test]
fn a_place_on_a_file_system_that_never_answers_is_named_before_anything_is_touched() {
    const NAME: &str = "a_place_on_a_file_system_that_never_answers_is_named_before_anything_is_touched";
    if !is_root(NAME) {
        return;
    }
    let world = World::new();
    fs::create_dir(world.at("far")).expect("a folder");
    let Some(silent) = Silent::mount(&world.at("far")) else {
        return crate::skipped::skipped(NAME, "FUSE cannot be mounted here");
    };
    world.write("new", "new");
    world.steps("      - {id: put, install: {from: new, to: @/far/rc}, undo: none, reason: a test}\n");
    for words in [&["run", "plan.yaml", "--unattended"][..], &["run", "plan.yaml", "--dry-run"]] {
        let ran = world.switchback(words).ended(10);
        let said = unwrapped(&ran.said());
        assert!(said.contains("step `put`:") && said.contains("did not answer within"), "{ran:#?}");
    }
    let lint = world.switchback(&["lint", "plan.yaml"]).ended(0);
    assert!(unwrapped(&lint.said()).contains("did not answer within"), "{lint:#?}");
    drop(silent);
}
