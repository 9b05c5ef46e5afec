//! Texts of several tools under the one name of the probe that asks them: which it is, the text itself says.

use super::generations::{bootc, home_manager, nix_env, nixos, rpm_ostree};
use super::{document, systemctl};
use crate::model::{GenerationsOf, Observation};

/// `units`: a list, properties or the status of one.
pub(super) fn units(text: &str) -> Observation {
    let any = |is: &dyn Fn(&str) -> bool| text.lines().map(str::trim).any(is);
    let is_property = |line: &str| {
        let name = line.split_once('=').map_or("", |(name, _)| name);
        name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if any(&|line| {
        line.starts_with("Loaded: ") || line.starts_with("State: ") || line.ends_with("could not be found.")
    }) {
        systemctl::status(text)
    } else if any(&is_property) {
        systemctl::show(text)
    } else {
        systemctl::failed(text)
    }
}

/// `generations`: of whatever keeps them; `kind` says of which, as it does in the probe.
pub(super) fn generations(text: &str) -> Observation {
    let of = kind(text);
    let seen = match of {
        GenerationsOf::Nixos => nixos::read(text),
        GenerationsOf::HomeManager => home_manager::read(text),
        GenerationsOf::NixEnv => nix_env::read(text),
        GenerationsOf::RpmOstree => rpm_ostree::read(text),
        GenerationsOf::Bootc => bootc::read(text),
    };
    seen.with("kind", of.word())
}

fn kind(text: &str) -> GenerationsOf {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let starts = |words: &[&str]| {
        text.lines().map(str::trim_start).any(|line| words.iter().any(|word| line.starts_with(word)))
    };
    if let Some(document) = document(text, &['{', '[']) {
        if document.is_array() {
            return GenerationsOf::Nixos;
        }
        let is_ostree = document.get("deployments").is_some();
        return if is_ostree { GenerationsOf::RpmOstree } else { GenerationsOf::Bootc };
    }
    if text.lines().any(|line| line.contains(": id ") && line.contains("->")) {
        GenerationsOf::HomeManager
    } else if starts(&["Deployments:", "State: ", "TIMESTAMP (UTC)"]) {
        GenerationsOf::RpmOstree
    } else if has(&["apiVersion:", "ooted image", "taged image", "ollback image"]) {
        GenerationsOf::Bootc
    } else if starts(&["Generation "]) || has(&["nixos-rebuild"]) {
        GenerationsOf::Nixos
    } else if has(&["home-manager"]) {
        GenerationsOf::HomeManager
    } else if has(&["rpm-ostree", "libostree"]) {
        GenerationsOf::RpmOstree
    } else if has(&["bootc"]) {
        GenerationsOf::Bootc
    } else {
        GenerationsOf::NixEnv
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_keeps_generations_is_told_by_what_it_prints() {
        for (text, kind, field) in [
            (
                "Generation  Build-date  NixOS version  Kernel\n8 current 2026-01-02 03:04:05 26.05.1 6.12.1\n",
                "nixos",
                "generations.0.kernel",
            ),
            (
                "[{\"generation\":8,\"date\":\"x\",\"nixosVersion\":\"26\",\"kernelVersion\":\"6\",\"current\":true}]\n",
                "nixos",
                "generations.0.id",
            ),
            ("2026-01-01 03:04 : id 7 -> /nix/store/x-home\n", "home-manager", "generations.0.id"),
            ("   1   2026-01-01 03:04:05   (current)\n", "nix-env", "generations.0.id"),
            (
                "State: idle\nDeployments:\n● a:b/1\n     Version: 1.2\n      Commit: abc\n",
                "rpm-ostree",
                "deployments.0.ref",
            ),
            ("{\"deployments\":[{\"origin\":\"a:b\"}]}\n", "rpm-ostree", "deployments.0.ref"),
            (
                "apiVersion: org.containers.bootc/v1\nkind: BootcHost\nstatus:\n  booted:\n    image:\n      image:\n        image: x\n",
                "bootc",
                "booted.image",
            ),
            ("bash: rpm-ostree: command not found\n", "rpm-ostree", "failure"),
            ("error: This system was not booted via libostree.\n", "rpm-ostree", "failure"),
        ] {
            let seen = generations(text);
            assert_eq!(seen.get("kind"), Some(&json!(kind)), "{text}");
            assert!(seen.get(field).is_some_and(|value| !value.is_null()), "{text}{seen:?}");
        }
    }

    #[test]
    fn units_are_read_from_a_list_from_properties_and_from_a_status() {
        for (text, field, value) in [
            (
                "● a.service loaded failed failed A=b\n\n1 loaded units listed.\n",
                "failed_units.0",
                json!("a.service"),
            ),
            (
                "  UNIT LOAD ACTIVE SUB DESCRIPTION\n● a.service loaded failed failed A\n\nLOAD   = Reflects\n1 loaded units listed.\n",
                "failed_units.0",
                json!("a.service"),
            ),
            ("Id=a.service\nNRestarts=3\n", "units.0.NRestarts", json!("3")),
            ("● a.service - A\n     Loaded: loaded\n     Active: failed\n", "active", json!("failed")),
            ("Unit a.service could not be found.\n", "found", json!(false)),
            (
                "System has not been booted with systemd as init system (PID 1). Can't operate.\n",
                "failure",
                json!("not_of_this_kind"),
            ),
        ] {
            assert_eq!(units(text).get(field), Some(&value), "{text}");
        }
    }
}
