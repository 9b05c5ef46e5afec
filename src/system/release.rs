//! What this machine is: kernel, distribution, architecture. For whoever reads a report.

use std::collections::BTreeMap;
use std::fs;

/// The kernel and the distribution, as they say themselves; empty where they do not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Release {
    /// The kernel's release: `6.12.1`.
    pub kernel: String,
    /// `PRETTY_NAME` of `os-release`, or else its `ID`.
    pub distribution: String,
    /// The processor that this program is for: `x86_64`.
    pub architecture: &'static str,
}

impl Release {
    /// Reads it.
    #[must_use]
    pub fn read() -> Self {
        let os =
            ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|path| fs::read_to_string(path).ok());
        Self {
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            distribution: distribution(&os.unwrap_or_default()),
            architecture: std::env::consts::ARCH,
        }
    }
}

fn distribution(os_release: &str) -> String {
    let fields: BTreeMap<&str, &str> = os_release.lines().filter_map(|line| line.split_once('=')).collect();
    let field = fields.get("PRETTY_NAME").or_else(|| fields.get("ID")).copied().unwrap_or_default();
    field.trim().trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_says_its_name_in_one_of_two_ways_or_not() {
        for (text, name) in [
            ("ID=nixos\nPRETTY_NAME=\"NixOS 25.11 (Xantusia)\"\n", "NixOS 25.11 (Xantusia)"),
            ("ID=void\n", "void"),
            ("nonsense", ""),
        ] {
            assert_eq!(distribution(text), name);
        }
    }
}
