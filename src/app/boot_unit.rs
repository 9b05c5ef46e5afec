//! The unit that acts after a reboot: whether it is there, for this state folder.

use crate::report::BootUnit;
use std::fs;
use std::path::{Path, PathBuf};

/// Its name.
pub const BOOT_UNIT: &str = "switchback-guard.service";

/// The unit that takes this state folder over after a reboot, where it is installed and wanted. `folder` is where the
/// service manager's units are configured.
#[must_use]
pub fn boot_unit(folder: &Path, state: &Path) -> Option<PathBuf> {
    let state = state.to_str()?;
    let wanted = ["multi-user.target.wants", "default.target.wants"]
        .iter()
        .map(|wants| folder.join(wants).join(BOOT_UNIT))
        .find(|link| link.exists())?;
    let text = fs::read_to_string(&wanted).ok()?;
    // Whom it is for is another line's matter.
    let starts = BootUnit { state: state.to_owned(), user: false }.starts();
    text.lines()
        .filter_map(|line| line.strip_prefix("ExecStart="))
        // One that a person wrote names the folder as a word of its own, without quotes.
        .any(|line| line == starts || line.split(' ').any(|word| word == state))
        .then_some(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_counts_for_the_folder_that_it_takes_over_and_only_where_it_is_wanted() {
        let units = tempfile::tempdir().expect("made");
        let mine = Path::new("/srv/a $HOME/\"b\"");
        let unit = BootUnit { state: mine.display().to_string(), user: true };
        let wants = units.path().join("default.target.wants");
        fs::create_dir(&wants).expect("made");
        fs::write(units.path().join(BOOT_UNIT), unit.text()).expect("written");
        assert_eq!(boot_unit(units.path(), mine), None, "installed and not wanted");
        std::os::unix::fs::symlink(units.path().join(BOOT_UNIT), wants.join(BOOT_UNIT)).expect("linked");
        assert_eq!(boot_unit(units.path(), mine), Some(wants.join(BOOT_UNIT)));
        for other in ["/srv/a", "/srv/a $HOME", "/srv"] {
            assert_eq!(boot_unit(units.path(), Path::new(other)), None, "{other}");
        }
        let plain = "[Service]\nExecStart=/usr/bin/switchback --state /srv/s guard boot\n";
        fs::write(units.path().join(BOOT_UNIT), plain).expect("written");
        assert_eq!(boot_unit(units.path(), Path::new("/srv/s")), Some(wants.join(BOOT_UNIT)));
        assert_eq!(boot_unit(units.path(), Path::new("/srv")), None);
    }
}
