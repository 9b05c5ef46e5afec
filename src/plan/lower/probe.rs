//! Probes.

use super::Lowering;
use crate::model::{DesktopSetting, GenerationsOf, Ignored, Measured, NixQuestion, Parse, Probe, Span};
use crate::plan::raw::{
    CpuUseForm, DesktopSettingForm, GenerationsForm, JournalForm, MeasureForm, NixForm, ProbeForm,
    ProcessForm, Short,
};
use crate::plan::read::{At, read};
use crate::plan::tree::Place;
use std::path::PathBuf;

/// Priorities of the journal by name.
const PRIORITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

impl Lowering<'_> {
    pub(in crate::plan) fn probe(&mut self, written: &At<ProbeForm>) -> Option<Probe> {
        let form = &written.value;
        let mut probes = Vec::new();
        if let Some(argv) = &form.run {
            let command = self.command(argv, &form.env, form.folder.as_ref());
            probes.push(Probe::Run {
                command,
                parse: form.parse.as_ref().map_or(Parse::Text, |parse| parse.value),
            });
        } else if let Some(parse) = &form.parse {
            self.error("misplaced-field", parse.place, "`parse` belongs to a `run`");
        }
        if let Some(file) = &form.file {
            probes.push(Probe::File { path: self.path_of(&file.value.0.path, file.place) });
        }
        if let Some(mount) = &form.mount {
            probes.push(Probe::Mount { path: self.path_of(&mount.value.0.path, mount.place) });
        }
        probes.extend(form.applications.as_ref().map(|_| Probe::Applications));
        probes.extend(form.cpu.as_ref().map(|_| Probe::Cpu));
        probes.extend(form.gpu.as_ref().map(|gpu| Probe::Gpu { process: gpu.process.clone() }));
        if let Some(measure) = &form.measure {
            probes.extend(self.measure(&measure.value, measure.place));
        }
        probes.extend(form.memory.as_ref().map(|_| Probe::Memory));
        if let Some(process) = &form.process {
            probes.push(self.process(&process.value.0, process.place));
        }
        if let Some(units) = &form.units {
            probes.push(Probe::Units {
                manager: units.manager.unwrap_or_default(),
                names: units.names.0.clone(),
            });
        }
        if let Some(journal) = &form.journal {
            probes.push(self.journal(journal));
        }
        probes.extend(form.boot.as_ref().map(|_| Probe::Boot));
        if let Some(of) = &form.cpu_use {
            probes.push(self.cpu_use(&of.0));
        }
        probes.extend(form.disk.as_ref().map(|_| Probe::Disk));
        if let Some(generations) = &form.generations {
            probes.push(self.generations(&generations.value.0));
        }
        probes.extend(form.session.as_ref().map(|_| Probe::Session));
        if let Some(cgroup) = &form.cgroup {
            let names = cgroup.value.names.0.clone();
            if names.is_empty() {
                self.error("nothing-to-look-at", cgroup.place, "no `names`; `*` means all");
            }
            probes.push(Probe::Cgroup { manager: cgroup.value.manager.unwrap_or_default(), names });
        }
        if let Some(setting) = &form.desktop_setting {
            probes.push(self.desktop_setting(&setting.value));
        }
        if let Some(name) = &form.kernel_parameter {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | ':');
            if name.value.is_empty() || !name.value.chars().all(plain) || name.value.contains("..") {
                self.error("wrong-value", name.place, format!("`{}` is no kernel parameter", name.value));
            }
            probes.push(Probe::KernelParameter { name: name.value.clone() });
        }
        if let Some(nix) = &form.nix {
            probes.extend(self.nix(&nix.value, nix.place));
        }
        probes.extend(self.graphics(form).into_iter().map(Probe::Graphics));
        let one = probes.pop();
        if one.is_none() && form.nix.is_none() && form.measure.is_none() {
            self.error("nothing-to-look-at", written.place, "the probe looks at nothing");
        }
        if !probes.is_empty() {
            self.error("two-looks", written.place, "more than one probe; a check has one");
        }
        one
    }

    fn desktop_setting(&mut self, form: &DesktopSettingForm) -> Probe {
        let file = match &form.file {
            None => "kdeglobals".to_owned(),
            Some(file) => {
                if file.value.is_empty() || file.value.contains('/') {
                    let text = format!("`{}` is no file's name", file.value);
                    self.error_with_help("wrong-value", file.place, text, "write `kwinrc`, without a folder");
                }
                file.value.clone()
            }
        };
        if form.key.value.is_empty() {
            self.error("wrong-value", form.key.place, "the key is empty");
        }
        Probe::DesktopSetting(DesktopSetting {
            file,
            groups: form.group.0.clone(),
            key: form.key.value.clone(),
            home: self.around.home.clone().into(),
        })
    }

    fn measure(&mut self, form: &MeasureForm, place: Place) -> Option<Probe> {
        let what = match (&form.run, &form.probe) {
            (Some(argv), None) => {
                if form.field.is_some() {
                    self.error("misplaced-field", place, "`field` belongs to a `probe`");
                }
                Measured::Run {
                    command: self.command(argv, &form.env, form.folder.as_ref()),
                    number: form.number.as_ref().map(|pattern| self.pattern(pattern)),
                }
            }
            (None, Some(node)) => {
                if form.number.is_some() || !form.env.is_empty() || form.folder.is_some() {
                    self.error("misplaced-field", place, "`number`, `env` and `folder` belong to a `run`");
                }
                let written: At<Short<ProbeForm>> = read(node, "the probe", self.complaints)?;
                if written.value.0.measure.is_some() {
                    self.error("wrong-value", node.place, "a measurement does not measure itself");
                    return None;
                }
                let probe = self.probe(&At { value: written.value.0, place: node.place })?;
                let Some(field) = form.field.clone().filter(|field| !field.is_empty()) else {
                    self.error("wrong-value", place, "`probe` without a `field`: which number is it?");
                    return None;
                };
                Measured::Field { probe: Box::new(probe), field }
            }
            (Some(_), Some(_)) => {
                self.error("two-looks", place, "both `run` and `probe`");
                return None;
            }
            (None, None) => {
                self.error("nothing-to-look-at", place, "neither a `run` nor a `probe`");
                return None;
            }
        };
        let runs = matches!(what, Measured::Run { .. });
        let times = form.times.as_ref().map_or(10, |times| {
            if times.value.0 == 0 || times.value.0 > 10_000 {
                self.error("wrong-value", times.place, "`times` is from 1 to 10000");
            }
            times.value.0.clamp(1, 10_000)
        });
        let pause = if runs { Span::ZERO } else { Span::seconds(1) };
        Some(Probe::Measure {
            what,
            times,
            warmup: form.warmup.as_ref().map_or(u32::from(runs), |warmup| warmup.value.0.min(1000)),
            every: self.span(form.every.as_ref(), pause),
        })
    }

    fn cpu_use(&mut self, form: &CpuUseForm) -> Probe {
        let over = self.span(form.over.as_ref(), Span::seconds(5));
        if let Some(written) = form.over.as_ref().filter(|_| over < Span::seconds(1)) {
            let text = format!("{over} is too short to count processor time; `1s` at least");
            self.error("wrong-value", written.place, text);
        }
        Probe::CpuUse {
            // One that is empty is none, so that a library can leave it open.
            name: form.name.clone().filter(|name| !name.is_empty()),
            pattern: form.pattern.as_ref().map(|pattern| self.pattern(pattern)),
            over,
        }
    }

    fn process(&mut self, form: &ProcessForm, place: Place) -> Probe {
        if form.name.is_none() && form.pattern.is_none() {
            self.error("nothing-to-look-at", place, "neither a `name` nor a `pattern`");
        }
        if let Some(name) = &form.name
            && (name.is_empty() || name.len() > 15)
        {
            self.error_with_help(
                "wrong-value",
                place,
                format!("the process name `{name}` has {} bytes", name.len()),
                "the kernel keeps 1 to 15; use `pattern` for the command line",
            );
        }
        Probe::Process {
            name: form.name.clone(),
            pattern: form.pattern.as_ref().map(|pattern| self.pattern(pattern)),
        }
    }

    fn journal(&mut self, form: &JournalForm) -> Probe {
        let priority = match &form.priority {
            None => 3,
            Some(word) => {
                let name = word.value.0.as_str();
                let number = name.parse().ok().filter(|number| *number < 8_u8);
                let by_name =
                    || (0_u8..).zip(PRIORITIES).find(|(_, known)| *known == name).map(|(number, _)| number);
                number.or_else(by_name).unwrap_or_else(|| {
                    self.error_with_help(
                        "wrong-value",
                        word.place,
                        format!("`{name}` is no priority"),
                        format!("0 to 7, or {}", PRIORITIES.join(", ")),
                    );
                    3
                })
            }
        };
        let ignore = form
            .ignore
            .iter()
            .map(|ignored| Ignored {
                matches: self.pattern(&ignored.matches),
                reason: ignored.reason.clone(),
            })
            .collect();
        for field in &form.fields {
            let name = field.value.split_once('=').map(|(name, _)| name);
            let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            if field.value != "+" && !name.is_some_and(|name| !name.is_empty() && name.chars().all(plain)) {
                self.error_with_help(
                    "wrong-value",
                    field.place,
                    format!("`{}` is no match on a field", field.value),
                    "write `FIELD=value`, or `+` between alternatives",
                );
            }
        }
        Probe::Journal {
            priority,
            units: form.units.0.clone(),
            identifiers: form.identifiers.0.clone(),
            fields: form.fields.iter().map(|field| field.value.clone()).collect(),
            matches: form.matches.as_ref().map(|pattern| self.pattern(pattern)),
            ignore,
            since: form.since.as_ref().map(|since| self.span(Some(since), crate::model::Span::ZERO)),
            manager: form.manager.unwrap_or_default(),
            kernel: form.kernel.unwrap_or(false),
            folder: form.folder.as_ref().map(|folder| self.path_of(&folder.value, folder.place)),
        }
    }

    /// Where the profile may be: at the place that is stated, else where it is by custom, the newer place first.
    fn generations(&mut self, form: &GenerationsForm) -> Probe {
        let (home, user) = (&self.around.home, &self.around.user);
        let by_custom = match form.of {
            GenerationsOf::Nixos => vec!["/nix/var/nix/profiles/system".to_owned()],
            GenerationsOf::HomeManager => vec![
                format!("{home}/.local/state/nix/profiles/home-manager"),
                format!("/nix/var/nix/profiles/per-user/{user}/home-manager"),
            ],
            GenerationsOf::NixEnv => vec![
                format!("{home}/.nix-profile"),
                format!("{home}/.local/state/nix/profile"),
                format!("/nix/var/nix/profiles/per-user/{user}/profile"),
            ],
            GenerationsOf::RpmOstree | GenerationsOf::Bootc => Vec::new(),
        };
        let profiles = match &form.profile {
            None => by_custom.into_iter().map(PathBuf::from).collect(),
            Some(profile) if by_custom.is_empty() => {
                self.error("misplaced-field", profile.place, format!("{} has no profile", form.of.word()));
                Vec::new()
            }
            Some(profile) => vec![self.path(profile)],
        };
        Probe::Generations { of: form.of, profiles }
    }

    fn nix(&mut self, form: &NixForm, place: Place) -> Option<Probe> {
        if let Some(matches) = form.matches.as_ref().filter(|_| form.log.is_none()) {
            self.error("misplaced-field", matches.place, "`matches` belongs to a `log`");
        }
        let mut questions = Vec::new();
        questions.extend(form.profile.as_ref().map(|path| NixQuestion::Profile(self.path(path))));
        questions.extend(form.path.as_ref().map(|path| NixQuestion::Path(self.path(path))));
        questions.extend(form.derivation.as_ref().map(|path| NixQuestion::Derivation(self.path(path))));
        if let Some(log) = &form.log {
            // One that is empty asks for nothing, so that a library can leave it open.
            let matches = form.matches.as_ref().filter(|pattern| !pattern.value.is_empty());
            let matches = matches.map(|pattern| self.pattern(pattern));
            questions.push(NixQuestion::Log { path: self.path(log), matches });
        }
        match (&form.before, &form.after) {
            (Some(before), Some(after)) => {
                let (before, after) = (self.path(before), self.path(after));
                questions.push(NixQuestion::Closures { before, after });
            }
            (Some(one), None) | (None, Some(one)) => {
                self.error(
                    "wrong-value",
                    one.place,
                    "a closure differs from another: both `before` and `after`",
                );
                return None;
            }
            (None, None) => {}
        }
        let one = questions.pop();
        if one.is_none() {
            self.error(
                "nothing-to-look-at",
                place,
                "no `profile`, `path`, `derivation`, `log`, or `before` and `after`",
            );
        }
        if !questions.is_empty() {
            self.error("two-looks", place, "more than one question; a probe of Nix has one");
            return None;
        }
        one.map(Probe::Nix)
    }
}
