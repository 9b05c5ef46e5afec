//! The lab: a folder that stands for a machine, and switchback run on it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Every phase, with the variable that makes it fail and the value that does.
pub(super) const PHASES: [&str; 6] = ["system-libs", "home-libs", "runtimes", "electron", "plasma", "video"];
/// What is built before anything else.
const START: [&str; 2] = ["system-start", "home-start"];
const SOURCES: [(&str, &str); 6] = [
    ("lab.nix", include_str!("lab/lab.nix")),
    ("build.sh", include_str!("lab/build.sh")),
    ("programs.sh", include_str!("lab/programs.sh")),
    ("nixos-rebuild", include_str!("lab/nixos-rebuild")),
    ("home-manager", include_str!("lab/home-manager")),
    ("nix-build-here", include_str!("lab/nix-build-here")),
];
const KWINRC: &str =
    "# by hand\n[Compositing]\nBackend=XRender\nLatencyPolicy=Low\n\n[Windows]\nFocusPolicy=Click\n";
/// A day in the past: a file that was written anew has another time.
const LONG_AGO: i64 = 1_700_000_000;

pub(super) struct Lab {
    pub(super) root: PathBuf,
    /// The values of the plan's variables, as last set.
    variables: BTreeMap<&'static str, String>,
    folder: tempfile::TempDir,
    shipped: tempfile::TempDir,
}

/// Everything about the machine that must come back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Machine {
    /// What the profile's link says, and the store path that it leads to.
    pub(super) system: (PathBuf, PathBuf),
    pub(super) home: (PathBuf, PathBuf),
    pub(super) runs: PathBuf,
    pub(super) boots: PathBuf,
    /// The programs of the home that are in use.
    pub(super) programs: PathBuf,
    /// Path, bytes, mode and time of every file of the settings.
    pub(super) settings: BTreeMap<PathBuf, (String, u32, i64)>,
}

/// How a program ended.
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) text: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = [output.stdout, output.stderr].concat();
        Self { code: output.status.code(), text: String::from_utf8_lossy(&text).into_owned() }
    }
}

#[expect(clippy::disallowed_methods, reason = "the programs under test")]
fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    // A session of root's own, so that the steps of the desktop session find one.
    command.env_clear().envs([
        ("PATH", "/usr/bin:/bin"),
        ("DISPLAY", ":99"),
        ("TERM", "dumb"),
        ("LANG", "C.UTF-8"),
    ]);
    command
}

/// As a person at the root of the source tree names it.
const PLAN: &str = "plans/shoshin.yaml";

/// The plan with the values that it has itself.
pub(super) fn asked(arguments: &[&str]) -> Ended {
    let shipped = shipped();
    let mut command = program(env!("CARGO_BIN_EXE_switchback"));
    command.current_dir(shipped.path()).args(arguments).arg(PLAN).output().expect("started").into()
}

/// The plans as they are shipped, in a folder that root trusts: the checkout may lie anywhere, also below /tmp.
fn shipped() -> tempfile::TempDir {
    let base = if nix::unistd::geteuid().is_root() { "/var/lib" } else { env!("CARGO_TARGET_TMPDIR") };
    let folder =
        tempfile::Builder::new().prefix("switchback-test-plans-").tempdir_in(base).expect("a folder");
    let plans = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
    let copied = program("cp").arg("-r").arg(plans).arg(folder.path()).status().expect("started");
    assert!(copied.success());
    // A checkout may be writable by its group; what is trusted may not.
    let tightened = program("chmod").args(["-R", "go-w"]).arg(folder.path()).status().expect("started");
    assert!(tightened.success());
    folder
}

/// Root does not read a plan that others may write; that is not what is tested here.
pub(super) fn trusted(linted: &Ended) -> bool {
    !linted.text.contains("must belong to root") && !linted.text.contains("may write it")
}

impl Lab {
    /// A machine before the first phase; nothing, and a line in the list of skipped tests, where this machine cannot carry one.
    pub(super) fn new(test: &str) -> Option<Self> {
        let skip = |why: &str| -> Option<Self> {
            crate::skipped::skipped(
                &format!("shoshin::{test} (plans/shoshin.yaml in a lab of real Nix profiles)"),
                why,
            );
            None
        };
        if !nix::unistd::geteuid().is_root() {
            return skip("the plan has steps of root, and this is no root");
        }
        if ["nix-build", "nix-env", "nix-store"].iter().any(|name| !Path::new("/usr/bin").join(name).exists())
        {
            return skip("there is no Nix in /usr/bin");
        }
        let folder = tempfile::Builder::new().prefix("switchback-lab-").tempdir().expect("folder");
        let root = folder.path().canonicalize().expect("path");
        let mut lab = Self { root, variables: BTreeMap::new(), folder, shipped: shipped() };
        lab.furnish();
        let built = match lab.build(&START) {
            Ok(built) => built,
            Err(why) => return skip(&format!("Nix cannot build here: {why}")),
        };
        let [system, home] = <[PathBuf; 2]>::try_from(built).expect("two paths");
        lab.set(&system, &home);
        let linted = lab.switchback(&["lint", PLAN]);
        if !trusted(&linted) {
            return skip(&format!("root may not trust this checkout: {}", linted.text));
        }
        assert_eq!(linted.code, Some(0), "{}", linted.text);
        Some(lab)
    }

    fn furnish(&mut self) {
        for folder in ["flake", "run", "boot/grub", "profiles", "home/.config/discord", "state"] {
            fs::create_dir_all(self.root.join(folder)).expect("folder");
        }
        fs::set_permissions(self.root.join("state"), fs::Permissions::from_mode(0o700)).expect("mode");
        let here = self.root.display().to_string();
        for (name, text) in SOURCES {
            let at = self.root.join("flake").join(name);
            fs::write(&at, text.replace("@LAB@", &here)).expect("written");
            fs::set_permissions(&at, fs::Permissions::from_mode(0o755)).expect("mode");
            symlink(&at, self.root.join(name)).expect("link");
        }
        fs::write(self.root.join("flake/flake.nix"), "{ }\n").expect("written");
        fs::write(self.root.join("boot/grub/grub.cfg"), "set timeout=5\n").expect("written");
        let stuck = self.root.join("stuck");
        nix::unistd::mkfifo(&stuck, nix::sys::stat::Mode::from_bits_truncate(0o600)).expect("pipe");
        for (name, text, mode) in
            [("kwinrc", KWINRC, 0o600), ("discord/settings.json", "{\"theme\": \"dark\"}\n", 0o640)]
        {
            let at = self.root.join("home/.config").join(name);
            fs::write(&at, text).expect("written");
            fs::set_permissions(&at, fs::Permissions::from_mode(mode)).expect("mode");
            let time = nix::sys::time::TimeSpec::new(LONG_AGO, 0);
            nix::sys::stat::utimensat(
                nix::fcntl::AT_FDCWD,
                &at,
                &time,
                &time,
                nix::sys::stat::UtimensatFlags::NoFollowSymlink,
            )
            .expect("time");
        }
        for (name, value) in [
            ("user", "root"),
            ("soak", "0s"),
            ("rest", "0s"),
            ("settle", "0s"),
            ("room", "1MiB"),
            ("unanswered", "warn"),
        ] {
            self.variables.insert(name, value.to_owned());
        }
        for (name, path) in [
            ("flake", "flake"),
            ("nixos_rebuild", "nixos-rebuild"),
            ("home_manager", "home-manager"),
            ("system_profile", "profiles/system"),
            ("running", "run/current-system"),
            ("booted", "boot/default"),
            ("home_profile", "profiles/home-manager"),
            ("store", ""),
            ("boot", "boot"),
            ("grub", "boot/grub/grub.cfg"),
            ("systemd", "no-systemd"),
            ("config", "home/.config"),
            ("workplace", ""),
            ("system_bin", "run/current-system/sw/bin/"),
            ("home_bin", "home/.nix-profile/bin/"),
        ] {
            self.variables.insert(name, self.root.join(path).display().to_string());
        }
        for phase in PHASES {
            self.mend(phase);
        }
    }

    /// The machine as it is before the first phase.
    fn set(&self, system: &Path, home: &Path) {
        let profile = self.root.join("profiles/system").display().to_string();
        let set =
            program("nix-env").args(["--profile", &profile, "--set"]).arg(system).output().expect("started");
        assert!(set.status.success(), "{}", Ended::from(set).text);
        for command in [
            [system.join("bin/switch-to-configuration"), "switch".into()],
            [home.join("activate"), "".into()],
        ] {
            let done = program(&command[0]).arg(&command[1]).env("USER", "root").output().expect("started");
            assert!(done.status.success(), "{}", Ended::from(done).text);
        }
    }

    /// The store paths of these attributes.
    pub(super) fn build(&self, names: &[&str]) -> Result<Vec<PathBuf>, String> {
        let built = program(self.root.join("nix-build-here")).args(names).output().expect("started");
        if !built.status.success() {
            return Err(Ended::from(built).text);
        }
        Ok(String::from_utf8_lossy(&built.stdout).lines().map(PathBuf::from).collect())
    }

    /// The store path of an attribute.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.build(&[name]).expect("built").pop().expect("a path")
    }

    /// From now on the change of this phase is a bad one.
    pub(super) fn spoil(&mut self, phase: &str) {
        match phase {
            "plasma" => fs::write(self.root.join("kwin-dislikes-opengl"), "").expect("written"),
            _ => self.name_flake(phase, &format!("{phase}-broken")),
        }
    }

    /// From now on the change of this phase is a good one.
    pub(super) fn mend(&mut self, phase: &str) {
        match phase {
            "plasma" => {
                let _ = fs::remove_file(self.root.join("kwin-dislikes-opengl"));
            }
            _ => self.name_flake(phase, phase),
        }
    }

    /// Which attribute a phase builds.
    pub(super) fn name_flake(&mut self, phase: &str, name: &str) {
        let variable = match phase {
            "system-libs" => "system_libs_flake",
            "home-libs" => "home_libs_flake",
            "runtimes" => "runtimes_flake",
            "electron" => "electron_flake",
            "video" => "video_flake",
            other => panic!("{other} builds nothing"),
        };
        self.variables.insert(variable, format!("{}#{name}", self.root.join("flake").display()));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(env!("CARGO_BIN_EXE_switchback"));
        command.current_dir(self.shipped.path());
        command.arg("--state").arg(self.root.join("state")).args(arguments);
        if arguments.contains(&PLAN) {
            command.args(
                self.variables
                    .iter()
                    .flat_map(|(name, value)| ["--set".to_owned(), format!("{name}={value}")]),
            );
        }
        command
    }

    pub(super) fn switchback(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).output().expect("started").into()
    }

    /// The plan, unattended.
    pub(super) fn run(&self, arguments: &[&str]) -> Ended {
        self.switchback(&[&["run", PLAN, "--unattended", "--user", "root"], arguments].concat())
    }

    /// The plan, unattended, while the test goes on.
    pub(super) fn start(&self, arguments: &[&str]) -> std::process::Child {
        // What takes it up again is the test's own doing.
        let mut command = self.command(&[&["run", PLAN, "--unattended", "--no-guard"], arguments].concat());
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null()).spawn().expect("started")
    }

    pub(super) fn machine(&self) -> Machine {
        let link = |name: &str| fs::read_link(self.root.join(name)).expect(name);
        let profile = |name: &str| (link(name), fs::canonicalize(self.root.join(name)).expect(name));
        let mut settings = BTreeMap::new();
        for folder in ["", "discord"] {
            for entry in fs::read_dir(self.root.join("home/.config").join(folder)).expect("folder") {
                let path = entry.expect("entry").path();
                let about = path.symlink_metadata().expect("metadata");
                if about.is_file() {
                    let text = fs::read_to_string(&path).expect("text");
                    settings.insert(path, (text, about.mode(), about.mtime()));
                }
            }
        }
        Machine {
            system: profile("profiles/system"),
            home: profile("profiles/home-manager"),
            runs: link("run/current-system"),
            boots: link("boot/default"),
            programs: link("home/.nix-profile"),
            settings,
        }
    }

    /// What activations and programs noted, in order.
    pub(super) fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.root.join("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// What was rejected on this machine.
    pub(super) fn rejected(&self) -> String {
        fs::read_to_string(self.root.join("state/quarantine")).expect("the list of what was rejected")
    }

    /// What a question to the store prints.
    pub(super) fn store(&self, arguments: &[&str]) -> String {
        let asked = program("nix-store").args(arguments).output().expect("started");
        assert!(asked.status.success(), "{}", Ended::from(asked).text);
        String::from_utf8_lossy(&asked.stdout).into_owned()
    }
}

/// The store of a machine that runs the tests every day does not fill up with labs.
impl Drop for Lab {
    fn drop(&mut self) {
        let lines = |command: &mut Command| -> Vec<String> {
            let output = command.output().map(|output| output.stdout).unwrap_or_default();
            String::from_utf8_lossy(&output).lines().map(str::to_owned).collect()
        };
        let built = lines(program("nix-instantiate").arg(self.folder.path().join("flake/lab.nix")));
        let outputs = lines(program("nix-store").args(["--query", "--outputs"]).args(&built));
        let _ = fs::remove_dir_all(self.folder.path());
        // What was never built cannot be deleted, and does not matter.
        let there: Vec<&String> =
            outputs.iter().chain(&built).filter(|path| Path::new(path).exists()).collect();
        let _ = program("nix-store").arg("--delete").args(there).output();
    }
}
