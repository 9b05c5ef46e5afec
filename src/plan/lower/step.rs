//! Steps, and how each of them is undone.

use super::Lowering;
use crate::model::{
    Act, Changes, LayerSpec, Part, RunAs, Setting, SettingsFormat, Span, Step, StepId, StepUndo, Value,
};
use crate::plan::diagnostic::Complaint;
use crate::plan::load::{Misfit, Written};
use crate::plan::paths::covers;
use crate::plan::raw::{InstallForm, SetForm, Short, StepForm, UndoForm, Word};
use crate::plan::read::At;
use crate::plan::tree::{Entry, Kind, Node, Place};
use crate::plan::variables;
use base64::Engine as _;
use std::collections::BTreeMap;
use std::path::Path;

/// When a step is killed where the plan says nothing.
const TIMEOUT: Span = Span::seconds(3_600);
/// The same on the way back, where everything behind a step that hangs waits to go back too.
const TIMEOUT_BACK: Span = Span::seconds(600);
/// The largest file that a step puts in place.
const MAX_INSTALL: usize = 16 * 1024 * 1024;
/// The permission bits of an installed file where the plan says nothing.
const MODE: u32 = 0o644;

const ACTS: &str = "`run`, `shell`, `install`, `set`, `ask` and `reboot`";

/// The acts of a step or an undo, as written.
struct Acts<'a> {
    run: Option<&'a At<Vec<Word>>>,
    shell: Option<&'a At<String>>,
    install: Option<&'a At<InstallForm>>,
    set: Option<&'a At<SetForm>>,
    ask: Option<&'a At<String>>,
    reboot: Option<&'a At<String>>,
}

impl Lowering<'_> {
    /// The steps of one list; ids are unique within the phase.
    pub(super) fn steps(
        &mut self,
        part: Part,
        written: &[At<StepForm>],
        layers: &[LayerSpec],
        seen: &mut BTreeMap<String, Place>,
    ) -> Vec<Step> {
        let list = match part {
            Part::Apply => "apply",
            Part::Commit => "commit",
            Part::Rollback => "rollback",
        };
        let mut steps = Vec::with_capacity(written.len());
        for (number, at) in (1..).zip(written) {
            let Some(step) = self.step(part, &format!("{list}-{number}"), at, layers) else { continue };
            let place = at.value.id.as_ref().map_or(at.place, |id| id.place);
            if let Some(first) = seen.insert(step.id.to_string(), place) {
                self.complaints.push(
                    Complaint::error("duplicate-id", place, format!("two steps are called `{}`", step.id))
                        .also(first, "the first"),
                );
            }
            steps.push(step);
        }
        steps
    }

    fn step(&mut self, part: Part, name: &str, at: &At<StepForm>, layers: &[LayerSpec]) -> Option<Step> {
        let form = &at.value;
        let written = form.id.as_ref().map_or(name, |id| id.value.as_str());
        let id = StepId::new(written);
        if let Err(why) = &id {
            self.error("bad-id", form.id.as_ref().map_or(at.place, |id| id.place), why.to_string());
        }
        // What else is wrong with a step of a bad name, or of no act, is told all the same.
        let id = id.or_else(|_| StepId::new(name)).ok()?;
        let acts = Acts {
            run: form.run.as_ref(),
            shell: form.shell.as_ref(),
            install: form.install.as_ref(),
            set: form.set.as_ref(),
            ask: form.ask.as_ref(),
            reboot: form.reboot.as_ref(),
        };
        if let (Some(reboot), Part::Commit | Part::Rollback) = (&form.reboot, part) {
            self.error("misplaced-field", reboot.place, "a `reboot` belongs to `apply`");
        }
        if let (Some(reboot), Some(_)) = (&form.reboot, &form.when) {
            self.error_with_help(
                "misplaced-field",
                reboot.place,
                "a `reboot` has no `when`",
                "put it into a phase of its own with `applies_if`",
            );
        }
        let act = self.act(&acts, form, at.place, "the step does nothing");
        if form.run.is_none() {
            if let Some(folder) = &form.folder {
                self.error("misplaced-field", folder.place, "`folder` belongs to a `run`");
            }
            if form.shell.is_none() && !form.env.is_empty() {
                self.error("misplaced-field", at.place, "`env` belongs to a `run` or a `shell`");
            }
        }
        let changes = form.changes.as_ref().map_or(Changes::Machine, |at| at.value);
        let undo = self.undo(part, &id, at, act.as_ref(), changes, layers);
        let when = form.when.as_ref().and_then(|node| self.lone_check("when", node)).map(Box::new);
        let unstated = if part == Part::Rollback { TIMEOUT_BACK } else { TIMEOUT };
        let timeout = self.timeout(form.timeout.as_ref(), unstated);
        let undo_timeout =
            (form.timeout.is_none() && matches!(undo, StepUndo::Act(_))).then_some(TIMEOUT_BACK);
        Some(Step {
            title: form.title.clone(),
            who: form.who.as_ref().map_or(RunAs::Runner, |at| at.value),
            timeout,
            undo_timeout,
            undo,
            idempotent: form.idempotent.unwrap_or(false),
            changes,
            when,
            id,
            act: act?,
        })
    }

    fn act(&mut self, acts: &Acts<'_>, form: &StepForm, place: Place, nothing: &str) -> Option<Act> {
        let mut all = Vec::new();
        if let Some(argv) = acts.run {
            all.push(Some(Act::Run(self.command(argv, &form.env, form.folder.as_ref()))));
        }
        if let Some(text) = acts.shell {
            if text.value.trim().is_empty() {
                self.error("empty-command", text.place, "the text for the shell is empty");
            }
            let mut env = self.environment.clone();
            env.extend(self.env(&form.env, text.place));
            all.push(Some(Act::Shell { text: text.value.clone(), env }));
        }
        if let Some(install) = acts.install {
            all.push(self.install(&install.value));
        }
        if let Some(set) = acts.set {
            all.push(self.set(set));
        }
        if let Some(text) = acts.ask {
            if text.value.trim().is_empty() {
                self.error("wrong-value", text.place, "what a person has to do is empty");
            }
            all.push(Some(Act::Ask { text: text.value.clone() }));
        }
        if let Some(why) = acts.reboot {
            if why.value.trim().is_empty() {
                self.error("wrong-value", why.place, "why the machine has to reboot is empty");
            }
            all.push(Some(Act::Reboot { why: why.value.clone() }));
        }
        match all.len() {
            0 => self.error_with_help("nothing-to-do", place, nothing, format!("state one of {ACTS}")),
            1 => {}
            number => {
                self.error(
                    "two-acts",
                    place,
                    format!("{number} acts in one place; {ACTS} exclude each other"),
                );
            }
        }
        all.pop().flatten()
    }

    fn install(&mut self, form: &InstallForm) -> Option<Act> {
        let to = self.path(&form.to);
        self.written.push(Written { place: form.to.place, path: to.clone(), replaces: true });
        if form.to.value.ends_with('/') {
            self.error(
                "wrong-value",
                form.to.place,
                format!("`{}` is a folder; name the file", form.to.value),
            );
        }
        let mode = form.mode.as_ref().map_or(Some(MODE), |mode| {
            let text = mode.value.0.as_str();
            let digits = text.strip_prefix("0o").unwrap_or(text);
            let bits =
                u32::from_str_radix(digits, 8).ok().filter(|bits| *bits <= 0o7777 && digits.len() >= 3);
            if bits.is_none() {
                self.error_with_help(
                    "bad-mode",
                    mode.place,
                    format!("`{text}` are no permission bits"),
                    "three or four octal digits: `0644`",
                );
            }
            bits
        });
        if let Some(owner) = &form.owner
            && !is_owner(&owner.value.0)
        {
            self.error_with_help(
                "bad-owner",
                owner.place,
                format!("`{}` is no owner", owner.value.0),
                "`user`, `user:group`, or numbers",
            );
        }
        let bytes = match self.sources.read(&form.from.value) {
            Ok(bytes) => bytes,
            Err(why) => {
                self.error(
                    "unreadable-file",
                    form.from.place,
                    format!("cannot read `{}`: {why}", form.from.value),
                );
                return None;
            }
        };
        if bytes.len() > MAX_INSTALL {
            self.error(
                "too-large",
                form.from.place,
                format!(
                    "`{}` has {} bytes; at most {MAX_INSTALL} are installed",
                    form.from.value,
                    bytes.len()
                ),
            );
            return None;
        }
        self.files.push((form.from.value.clone(), crate::plan::digest::of(&bytes)));
        Some(Act::Install {
            from: form.from.value.clone().into(),
            content: base64::engine::general_purpose::STANDARD.encode(&bytes),
            to,
            mode: mode?,
            owner: form.owner.as_ref().map(|owner| owner.value.0.clone()),
        })
    }

    fn set(&mut self, at: &At<SetForm>) -> Option<Act> {
        let form = &at.value;
        let file = self.path(&form.file);
        self.written.push(Written { place: form.file.place, path: file.clone(), replaces: false });
        let by_name = || match file.extension().and_then(|ending| ending.to_str()) {
            Some("ini") => Some(SettingsFormat::Ini),
            Some("json") => Some(SettingsFormat::Json),
            Some("toml") => Some(SettingsFormat::Toml),
            Some(_) | None => None,
        };
        let format = form.format.or_else(by_name);
        if format.is_none() {
            self.error_with_help(
                "missing-field",
                form.file.place,
                format!("the name `{}` does not tell its format", form.file.value),
                "add `format: ini`, `json`, `toml` or `kde`",
            );
        }
        let mut settings = Vec::new();
        self.settings(&form.keys, &mut Vec::new(), format, &mut settings);
        if form.keys.entries().is_empty() {
            self.error("nothing-to-do", form.keys.place, "`keys` names no key");
        }
        Some(Act::Set { file, format: format?, settings })
    }

    fn settings(
        &mut self,
        node: &Node,
        way: &mut Vec<String>,
        format: Option<SettingsFormat>,
        settings: &mut Vec<Setting>,
    ) {
        for entry in node.entries() {
            way.push(entry.key.clone());
            match &entry.value.kind {
                Kind::Map(inner) if !inner.is_empty() => self.settings(&entry.value, way, format, settings),
                Kind::Map(_) => {
                    self.error("wrong-value", entry.key_place, format!("`{}` sets nothing", entry.key))
                }
                kind => {
                    let setting = Setting { path: way.clone(), value: entry.value.value() };
                    let flat = matches!(format, Some(SettingsFormat::Ini | SettingsFormat::Kde));
                    if flat && matches!(kind, Kind::List(_)) {
                        self.error(
                            "wrong-type",
                            entry.value.place,
                            format!("`{}` cannot be a list here", entry.key),
                        );
                    } else if format == Some(SettingsFormat::Ini) && way.len() > 2 {
                        self.error(
                            "wrong-type",
                            entry.key_place,
                            "INI has sections and keys, nothing deeper",
                        );
                    } else if let Some(format) = format {
                        self.fitting(format, &setting, entry);
                    }
                    self.respelled(&entry.value);
                    settings.push(setting);
                }
            }
            way.pop();
        }
    }

    /// Complains about numbers that would be set otherwise than they are written.
    fn respelled(&mut self, value: &Node) {
        for node in value.respelled() {
            let (Some(written), Value::Number(number)) = (variables::written(node), node.value()) else {
                continue;
            };
            self.error_with_help(
                "number-spelling",
                node.place,
                format!("the number `{written}` would be set as `{number}`"),
                format!("write `{number}`, or `\"{written}\"` where the text is meant"),
            );
        }
    }

    /// Complains about a setting that no file of the format can hold: the step could never be taken.
    fn fitting(&mut self, format: SettingsFormat, setting: &Setting, entry: &Entry) {
        let Err(misfit) = self.sources.fits(format, setting) else { return };
        let name = setting.path.join("` / `");
        let (place, what) = match misfit {
            Misfit::Key(why) => (entry.key_place, format!("`{name}` cannot be set: {why}")),
            Misfit::Value(why) => {
                let nothing =
                    entry.value.elements().iter().find(|element| matches!(element.kind, Kind::Null));
                let place = nothing.map_or(entry.value.place, |element| element.place);
                (place, format!("`{name}` cannot be set to this: {why}"))
            }
        };
        self.error("bad-setting", place, what);
    }

    fn undo(
        &mut self,
        part: Part,
        id: &StepId,
        at: &At<StepForm>,
        act: Option<&Act>,
        changes: Changes,
        layers: &[LayerSpec],
    ) -> StepUndo {
        let form = &at.value;
        if let Some(undo) = &form.undo {
            if let (Changes::Nothing, Some(stated)) = (changes, &form.changes) {
                self.complaints.push(
                    Complaint::error(
                        "undo-of-nothing",
                        undo.place,
                        format!("the step `{id}` changes nothing and has an `undo`"),
                    )
                    .also(stated.place, "what changes nothing is never undone")
                    .help("take one of the two out"),
                );
            }
            return self.stated_undo(form, undo);
        }
        if let Some(reason) = &form.reason {
            self.error_with_help(
                "misplaced-field",
                reason.place,
                "a `reason` without `undo: none`",
                "use `title` for what a person reads",
            );
        }
        let reboots = matches!(act, Some(Act::Reboot { .. }));
        if changes == Changes::Nothing || part == Part::Rollback || reboots {
            return StepUndo::NotNeeded;
        }
        let written_to = match act {
            // An act that cannot be read says nothing of where it writes.
            None => return StepUndo::Layer,
            Some(Act::Install { to, .. }) => Some(to.as_path()),
            Some(Act::Set { file, .. }) => Some(file.as_path()),
            Some(Act::Run(_) | Act::Shell { .. } | Act::Ask { .. } | Act::Reboot { .. }) => None,
        };
        let (covered, message) = match written_to {
            None => (!layers.is_empty(), format!("the step `{id}` has no way back")),
            Some(path) => (
                layers.iter().any(|layer| layer_covers(layer, path)),
                format!("the step `{id}` has no way back: no layer `files` covers `{}`", path.display()),
            ),
        };
        if !covered {
            self.error_with_help(
                "no-way-back",
                at.place,
                message,
                "add a layer to the phase, or `undo:`, or `undo: none` with a `reason`, or `changes: nothing`",
            );
        }
        StepUndo::Layer
    }

    fn stated_undo(&mut self, form: &StepForm, undo: &At<Short<UndoForm>>) -> StepUndo {
        let acts = &undo.value.0;
        if acts.none {
            return match &form.reason {
                Some(reason) if !reason.value.trim().is_empty() => {
                    StepUndo::None { reason: reason.value.clone() }
                }
                Some(_) | None => {
                    self.error_with_help(
                        "no-way-back",
                        undo.place,
                        "`undo: none` without a `reason`",
                        "say why it is acceptable that this cannot be undone",
                    );
                    StepUndo::None { reason: String::new() }
                }
            };
        }
        let acts = Acts {
            run: acts.run.as_ref(),
            shell: acts.shell.as_ref(),
            install: acts.install.as_ref(),
            set: acts.set.as_ref(),
            ask: acts.ask.as_ref(),
            reboot: None,
        };
        match self.act(&acts, form, undo.place, "the undo does nothing") {
            Some(act) => StepUndo::Act(act),
            None => StepUndo::NotNeeded,
        }
    }
}

fn layer_covers(layer: &LayerSpec, path: &Path) -> bool {
    match layer {
        LayerSpec::Files { paths } => {
            path.to_str().is_some_and(|path| paths.iter().any(|layer| covers(layer, path)))
        }
        LayerSpec::Nixos { .. }
        | LayerSpec::HomeManager { .. }
        | LayerSpec::NixProfile { .. }
        | LayerSpec::Command { .. } => false,
    }
}

fn is_owner(text: &str) -> bool {
    let name = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    match text.split_once(':') {
        Some((user, group)) => name(user) && name(group),
        None => name(text),
    }
}
