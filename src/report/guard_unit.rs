//! The text of the unit that acts after a reboot. Pure.

use super::units::{exec, nix_string};

/// What is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootUnit {
    /// The state folder.
    pub state: String,
    /// For one's own service manager, not the system's.
    pub user: bool,
}

const ORIGIN: &str = "made by `switchback guard install`; `switchback guard remove` takes it away";
const ABOUT: &str = "Take back what switchback left undecided when the machine went down";
/// How a way back may end without the unit having failed: whoever counts failed units would blame the messenger.
const ENDS: &str = "10 11 12 30";

impl BootUnit {
    /// What it starts, as its `ExecStart` says it.
    #[must_use]
    pub fn starts(&self) -> String {
        exec(&self.argv())
    }

    fn argv(&self) -> Vec<String> {
        let program = format!("{}/current/switchback", self.state);
        [program.as_str(), "--state", &self.state, "guard", "boot"].map(str::to_owned).to_vec()
    }

    fn unit(&self) -> Vec<(&'static str, String)> {
        let mut unit = vec![
            ("Description", ABOUT.to_owned()),
            ("RequiresMountsFor", self.state.clone()),
            ("ConditionPathExists", format!("{}/current", self.state)),
        ];
        if !self.user {
            // Late enough for what a system's activation asks of the service manager, before anybody sees a desktop.
            unit.push(("After", "local-fs.target basic.target dbus.service nix-daemon.socket".to_owned()));
            unit.push(("Before", "display-manager.service".to_owned()));
        }
        unit
    }

    fn service(&self) -> Vec<(&'static str, String)> {
        vec![
            ("Type", "oneshot".to_owned()),
            ("ExecStart", self.starts()),
            ("SuccessExitStatus", ENDS.to_owned()),
            ("Restart", "on-failure".to_owned()),
            ("RestartSec", "2s".to_owned()),
            // A way back that has begun is not broken off.
            ("TimeoutStartSec", "infinity".to_owned()),
        ]
    }

    const fn wanted_by(&self) -> &'static str {
        if self.user { "default.target" } else { "multi-user.target" }
    }

    /// The unit.
    #[must_use]
    pub fn text(&self) -> String {
        let set = |pairs: Vec<(&'static str, String)>| -> Vec<String> {
            pairs.into_iter().map(|(key, value)| format!("{key}={value}")).collect()
        };
        let mut lines = vec![format!("# {ORIGIN}."), "[Unit]".to_owned()];
        lines.extend(set(self.unit()));
        lines.push("Documentation=man:switchback-guard(1)".to_owned());
        // A unit that fails again and again is left alone: the machine stays up.
        lines
            .extend(["StartLimitIntervalSec=10min", "StartLimitBurst=5", "", "[Service]"].map(str::to_owned));
        lines.extend(set(self.service()));
        lines.extend([
            String::new(),
            "[Install]".to_owned(),
            format!("WantedBy={}", self.wanted_by()),
            String::new(),
        ]);
        lines.join("\n")
    }

    /// The same as a NixOS module.
    #[must_use]
    pub fn nix_module(&self) -> String {
        let set = |pairs: Vec<(&'static str, String)>| -> Vec<String> {
            pairs.into_iter().map(|(key, value)| format!("      {key} = {};", nix_string(&value))).collect()
        };
        let below = if self.user { "systemd.user" } else { "systemd" };
        let mut lines = vec![
            format!("# {ORIGIN}, and you this module."),
            "{".to_owned(),
            format!("  {below}.services.switchback-guard = {{"),
            format!("    wantedBy = [ {} ];", nix_string(self.wanted_by())),
            "    startLimitIntervalSec = 600;".to_owned(),
            "    startLimitBurst = 5;".to_owned(),
            "    # It is not to be stopped or started again by an activation that it may be part of."
                .to_owned(),
            "    restartIfChanged = false;".to_owned(),
            "    unitConfig = {".to_owned(),
        ];
        lines.extend(set(self.unit()));
        lines.extend(["    };".to_owned(), "    serviceConfig = {".to_owned()]);
        lines.extend(set(self.service()));
        lines.extend(["    };", "  };", "}", ""].map(str::to_owned));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_runs_the_capsules_own_program_before_anybody_sees_a_desktop() {
        let text = BootUnit { state: "/var/lib/switchback".into(), user: false }.text();
        let exec = "ExecStart=\"/var/lib/switchback/current/switchback\" \"--state\" \"/var/lib/switchback\" \"guard\" \"boot\"\n";
        for line in
            [exec, "Before=display-manager.service\n", "WantedBy=multi-user.target\n", "Type=oneshot\n"]
        {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        let user = BootUnit { state: "/home/ann/.local/state/switchback".into(), user: true }.text();
        assert!(user.contains("WantedBy=default.target\n") && !user.contains("display-manager"), "{user}");
    }

    #[test]
    fn nixos_gets_a_module() {
        let module = BootUnit { state: "/var/lib/switchback".into(), user: false }.nix_module();
        assert!(module.contains("systemd.services.switchback-guard = {"), "{module}");
        assert!(module.contains("wantedBy = [ \"multi-user.target\" ];"), "{module}");
    }
}
