//! Layers.

use super::Lowering;
use crate::model::{CommandLine, LayerSpec};
use crate::plan::diagnostic::Complaint;
use crate::plan::raw::{CommandForm, FilesForm, LayerForm, Short};
use crate::plan::read::At;
use std::path::PathBuf;

const SYSTEM_PROFILE: &str = "/nix/var/nix/profiles/system";
const RUNNING_SYSTEM: &str = "/run/current-system";

impl Lowering<'_> {
    pub(super) fn layers(&mut self, written: &[At<Short<LayerForm>>]) -> Vec<LayerSpec> {
        let mut layers: Vec<LayerSpec> = Vec::new();
        for at in written {
            let Some(layer) = self.layer(at) else { continue };
            if layers.contains(&layer) {
                self.error("duplicate-id", at.place, format!("the layer `{}` is there twice", layer.kind()));
            }
            layers.push(layer);
        }
        layers
    }

    fn layer(&mut self, at: &At<Short<LayerForm>>) -> Option<LayerSpec> {
        let form = &at.value.0;
        let mut layers = Vec::new();
        if let Some(nixos) = &form.nixos {
            let profile =
                nixos.profile.as_ref().map_or_else(|| PathBuf::from(SYSTEM_PROFILE), |path| self.path(path));
            let running =
                nixos.running.as_ref().map_or_else(|| PathBuf::from(RUNNING_SYSTEM), |path| self.path(path));
            layers.push(LayerSpec::Nixos { profile, running });
        }
        if let Some(home) = &form.home_manager {
            let profile = home.profile.as_ref().map(|path| self.path(path));
            layers.push(LayerSpec::HomeManager { user: home.user.clone(), profile });
        }
        if let Some(profile) = &form.nix_profile {
            let activate = profile.activate.as_ref().map(|argv| self.words(argv));
            layers.push(LayerSpec::NixProfile { path: self.path(&profile.path), activate });
        }
        layers.extend(form.files.as_ref().map(|files| self.files_layer(files)));
        layers.extend(form.command.as_ref().map(|command| self.command_layer(command)));
        if layers.len() != 1 {
            self.error(
                "layer-names",
                at.place,
                format!("a layer has one name, and this has {}", layers.len()),
            );
        }
        layers.pop()
    }

    fn files_layer(&mut self, form: &FilesForm) -> LayerSpec {
        if form.paths.value.is_empty() {
            self.error("wrong-value", form.paths.place, "the layer `files` names no path");
        }
        let paths = form
            .paths
            .value
            .iter()
            .map(|path| {
                // `PathBuf` would lose the trailing slash that means the whole tree.
                let absolute = crate::plan::paths::absolute(&path.value, &self.around.home);
                if absolute.is_none() {
                    self.path(path);
                }
                let text = absolute.unwrap_or_else(|| path.value.clone());
                if text.trim_matches('/').is_empty() {
                    self.error("wrong-value", path.place, "the whole machine is no layer");
                }
                if let Err(why) = glob::Pattern::new(&text) {
                    self.error("bad-pattern", path.place, format!("no glob: {}", why.msg));
                }
                if has_braces(&text) {
                    self.complaints.push(
                        Complaint::warning(
                            "braces",
                            path.place,
                            format!("braces are no pattern: `{text}` is recorded as one path of that name"),
                        )
                        .help("name each of the paths"),
                    );
                }
                text
            })
            .collect();
        LayerSpec::Files { paths }
    }

    fn command_layer(&mut self, form: &CommandForm) -> LayerSpec {
        let env = self.env(&form.env, form.record.place);
        let mut command = |argv| CommandLine { argv: self.words(argv), env: env.clone(), folder: None };
        LayerSpec::Command {
            name: form.name.clone().unwrap_or_else(|| "command".to_owned()),
            record: command(&form.record),
            restore: command(&form.restore),
            verify: form.verify.as_ref().map(command),
        }
    }
}

/// Whether a shell would make several words of it.
fn has_braces(text: &str) -> bool {
    let inside = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    inside.into_iter().any(|(choices, _)| choices.contains(',') || choices.contains(".."))
}
