//! Text in, model out.

use super::catalog::{Catalog, SHIPPED};
use super::characters::{check_source, check_values, without_deceptive};
use super::diagnostic::{Complaint, Complaints, Diagnostics, SourceText};
use super::digest;
use super::lint::lint;
use super::lower::Lowering;
use super::parse::{MAX_BYTES, parse};
use super::raw::PlanForm;
use super::read::read;
use super::recover::{Recovered, recovered};
use super::tree::{Kind, Node, Place};
use super::unread::Loss;
use super::variables::{replace_in_plan, scope_of_plan, written};
use crate::model::{Digest, NamedCheck, Plan, PlanName, Setting, SettingsFormat, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a plan asks of the outside: the files that it names, and what settings files can hold. Reading, and refusing
/// what others may write, is done there.
pub trait Sources {
    /// The bytes of a file; the path is absolute or relative to the plan.
    ///
    /// # Errors
    /// Why it cannot be read, as a lowercase fragment.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;

    /// Whether a settings file of this format can hold the setting. Where nothing is ever set, nobody need know.
    ///
    /// # Errors
    /// What of it does not fit.
    fn fits(&self, format: SettingsFormat, setting: &Setting) -> Result<(), Misfit> {
        let _ = (format, setting);
        Ok(())
    }
}

/// What of a setting no file of its format can hold, and why, as a lowercase fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// The way to its key.
    Key(String),
    /// Its value.
    Value(String),
}

/// Who loads a plan, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// The invoking user's home, which `~/` stands for.
    pub home: String,
    /// The invoking user's name.
    pub user: String,
    /// Whether the runner is root.
    pub is_root: bool,
    /// The plan's folder, absolute.
    pub folder: String,
}

/// A plan that was read and is valid.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The plan.
    pub plan: Plan,
    /// What is legal and unwise.
    pub warnings: Diagnostics,
    /// Every file that was read besides the plan, with its SHA-256.
    pub files: Vec<(String, Digest)>,
    /// The plan's variables with their values.
    pub variables: BTreeMap<String, Value>,
    written: Vec<Written>,
    waived: Vec<Waived>,
}

/// A waiver and where its end is stated.
#[derive(Debug, Clone)]
pub(super) struct Waived {
    pub(super) place: Place,
    pub(super) check: String,
    /// Its last day, `YYYY-MM-DD`.
    pub(super) until: String,
}

/// A path that a built-in act writes.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) place: Place,
    pub(super) path: PathBuf,
    /// Whether a link at the last name gives way.
    pub(super) replaces: bool,
}

impl Loaded {
    /// Adds a warning for every path of a built-in act that a link bars on this machine now. `look` is told the path
    /// and whether a link at its last name gives way, and says what bars it.
    pub fn warn_of_places(&mut self, look: impl Fn(&Path, bool) -> Option<String>) {
        for one in &self.written {
            if let Some(why) = look(&one.path, one.replaces) {
                self.warnings.add(
                    Complaint::warning("barred-place", one.place, why)
                        .help("the step will refuse it, unless a step before it puts something else there"),
                );
            }
        }
    }
}

impl Loaded {
    /// Adds a warning for every waiver that ended before this day, `YYYY-MM-DD`.
    pub fn warn_of_ended_waivers(&mut self, today: &str) {
        // Days of this form follow each other as their texts do.
        for one in self.waived.iter().filter(|one| one.until.as_str() < today) {
            let what =
                format!("the waiver of `{}` ended on {}: its failure counts again", one.check, one.until);
            self.warnings.add(
                Complaint::warning("waiver-ended", one.place, what)
                    .help("mend what it finds and take the waiver out, or state a later day"),
            );
        }
    }
}

/// Reads a plan, its profile, its libraries and the files that it installs.
///
/// # Errors
/// Every mistake that was found, sorted by place.
pub fn load(
    name: &str,
    text: &str,
    sources: &dyn Sources,
    around: &Surroundings,
    overrides: &[(String, String)],
) -> Result<Loaded, Diagnostics> {
    let mut reading = Reading {
        sources,
        texts: vec![SourceText { name: name.to_owned(), text: text.to_owned() }],
        files: Vec::new(),
        complaints: Complaints::default(),
        content: Vec::new(),
        written: Vec::new(),
        waived: Vec::new(),
    };
    let loaded = reading.load(text, around, overrides);
    let Reading { texts, complaints, files, written, waived, .. } = reading;
    let failed = complaints.has_errors();
    let diagnostics = complaints.finish(texts);
    match loaded {
        Some((plan, variables)) if !failed => {
            Ok(Loaded { plan, warnings: diagnostics, files, variables, written, waived })
        }
        Some(_) | None => Err(diagnostics),
    }
}

/// Every named check that is built in.
///
/// # Errors
/// The mistakes in a shipped library; there are none in a release.
pub fn shipped_checks() -> Result<Vec<NamedCheck>, Diagnostics> {
    let mut texts = Vec::new();
    let mut complaints = Complaints::default();
    let catalog = shipped(&mut texts, &mut complaints);
    if complaints.has_errors() {
        return Err(complaints.finish(texts));
    }
    Ok(catalog.listed(|place| texts.get(place.file).map(|source| source.name.clone()).unwrap_or_default()))
}

/// Every named check that is built in, and those of these libraries, given by name and text; with what is unwise in
/// them.
///
/// # Errors
/// The mistakes in a library.
pub fn named_checks(own: &[(String, String)]) -> Result<(Vec<NamedCheck>, Diagnostics), Diagnostics> {
    let mut texts = Vec::new();
    let mut complaints = Complaints::default();
    let mut catalog = shipped(&mut texts, &mut complaints);
    for (name, text) in own {
        let file = texts.len();
        texts.push(SourceText { name: name.clone(), text: text.clone() });
        if let Some(tree) = parsed(file, text, LIBRARY, &mut complaints) {
            catalog.add(&tree, false, &mut complaints);
        }
    }
    let failed = complaints.has_errors();
    let name = |place: Place| texts.get(place.file).map(|source| source.name.clone()).unwrap_or_default();
    let listed = catalog.listed(name);
    let diagnostics = complaints.finish(texts);
    if failed { Err(diagnostics) } else { Ok((listed, diagnostics)) }
}

fn shipped(texts: &mut Vec<SourceText>, complaints: &mut Complaints) -> Catalog {
    let mut catalog = Catalog::default();
    for (name, text) in SHIPPED {
        let file = texts.len();
        texts.push(SourceText { name: format!("built in: {name}"), text: text.to_owned() });
        if let Some(tree) = parsed(file, text, LIBRARY, complaints) {
            catalog.add(&tree, true, complaints);
        }
    }
    catalog
}

/// The names by which parts of the files go in what depends on them.
const PLAN: &[&str] = &["the plan"];
const LIBRARY: &[&str] = &["the plan", "checks#"];
const PROFILE: &[&str] = &["the plan", "profile"];

/// The tree of a file, or what could be read of it, with complaints about its characters and its form.
fn parsed(file: usize, text: &str, names: &[&str], complaints: &mut Complaints) -> Option<Node> {
    let deceptive = text.len() <= MAX_BYTES && check_source(file, text, complaints);
    let mut why = match parse(file, text) {
        Ok(tree) => {
            check_values(&tree, text, complaints);
            return Some(tree);
        }
        Err(why) => why,
    };
    let masked = deceptive.then(|| without_deceptive(text));
    if let Some(masked) = &masked {
        // A control character was named already; the parser stumbles over it as well.
        match parse(file, masked) {
            Ok(tree) => return Some(tree).filter(|tree| matches!(tree.kind, Kind::Map(_))),
            Err(other) => why = other,
        }
    }
    let whole = why.place;
    let Recovered { tree, mistakes, losses } = recovered(file, masked.as_deref().unwrap_or(text), why, names);
    for why in mistakes {
        complaints.push(Complaint::error("not-yaml", why.place, why.message).help_if_any(why.help));
    }
    for loss in losses {
        complaints.losses.push(loss);
    }
    match &tree {
        Some(tree) => check_values(tree, text, complaints),
        None => complaints.losses.push(lost(names, whole)),
    }
    tree
}

/// A whole file that could not be read.
fn lost(names: &[&str], place: Place) -> Loss {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Loss { parent: place, names, place, starts: place.start }
}

struct Reading<'a> {
    sources: &'a dyn Sources,
    texts: Vec<SourceText>,
    files: Vec<(String, Digest)>,
    complaints: Complaints,
    /// Canonical content of what was read, for the digest.
    content: Vec<String>,
    /// Where the built-in acts write.
    written: Vec<Written>,
    waived: Vec<Waived>,
}

impl Reading<'_> {
    fn load(
        &mut self,
        text: &str,
        around: &Surroundings,
        overrides: &[(String, String)],
    ) -> Option<(Plan, BTreeMap<String, Value>)> {
        let tree = parsed(0, text, PLAN, &mut self.complaints)?;
        self.complaints.survey(&tree);
        self.takes_in(&tree);
        let profile = tree.get("profile").and_then(|path| self.named_file(path, "profile", PROFILE));
        let libraries: Vec<Node> = tree
            .get("checks")
            .map_or(&[] as &[Node], Node::elements)
            .iter()
            .filter_map(|path| self.named_file(path, "library of checks", LIBRARY))
            .collect();
        let overrides = self.overrides(overrides);
        let mut catalog = shipped(&mut self.texts, &mut self.complaints);
        for library in &libraries {
            catalog.add(library, false, &mut self.complaints);
        }
        let scope = scope_of_plan(&tree, profile, &overrides, &around.home, &mut self.complaints);
        let resolved = replace_in_plan(&tree, &scope, &mut self.complaints);
        let form: PlanForm = read(&resolved, "the plan", &mut self.complaints)?;
        let plan_name = self.name(&form);
        let installed_from = self.files.len();
        let mut lowering = Lowering {
            catalog: &catalog,
            around,
            sources: self.sources,
            files: &mut self.files,
            written: &mut self.written,
            waived: &mut self.waived,
            complaints: &mut self.complaints,
            environment: scope.environment(),
            unmeasured: None,
        };
        let phases = lowering.phases(&form.phases);
        let calendar = form.calendar.as_ref().and_then(|calendar| lowering.calendar(calendar));
        lint(&form, &mut self.complaints);
        let plan = Plan {
            name: plan_name?,
            revision: form.revision.as_ref().map_or(1, |revision| revision.value.0),
            title: form.title.clone(),
            digest: self.digest(installed_from),
            phases,
            calendar,
        };
        Some((plan, scope.values()))
    }

    /// What a file says goes into the digest, and of numbers also their spelling: that is what a shell is given.
    fn takes_in(&mut self, tree: &Node) {
        self.content.push(tree.value().to_string());
        let spellings: Vec<String> = tree.respelled().into_iter().filter_map(written).collect();
        if !spellings.is_empty() {
            self.content.push(spellings.join(" "));
        }
    }

    fn name(&mut self, form: &PlanForm) -> Option<PlanName> {
        if form.switchback.value.0 != 1 {
            self.complaints.push(
                Complaint::error(
                    "unknown-format",
                    form.switchback.place,
                    format!("format {} is not known; there is only 1", form.switchback.value.0),
                )
                .help("write `switchback: 1`, or use a newer switchback"),
            );
        }
        PlanName::new(form.name.value.clone())
            .map_err(|why| self.complaints.push(Complaint::error("bad-id", form.name.place, why.to_string())))
            .ok()
    }

    /// A YAML file that the plan names.
    fn named_file(&mut self, path: &Node, what: &str, names: &[&str]) -> Option<Node> {
        let name = path.text()?;
        let unreadable = |why: String| {
            Complaint::error("unreadable-file", path.place, format!("cannot read the {what} `{name}`: {why}"))
        };
        let bytes = match self.sources.read(name) {
            Ok(bytes) => bytes,
            Err(why) => {
                self.complaints.push(unreadable(why));
                self.complaints.losses.push(lost(names, path.place));
                return None;
            }
        };
        self.files.push((name.to_owned(), digest::of(&bytes)));
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => {
                self.complaints.push(unreadable("it is not UTF-8".to_owned()));
                self.complaints.losses.push(lost(names, path.place));
                return None;
            }
        };
        let file = self.texts.len();
        self.texts.push(SourceText { name: name.to_owned(), text: text.clone() });
        let tree = parsed(file, &text, names, &mut self.complaints)?;
        self.takes_in(&tree);
        Some(tree)
    }

    /// What the command line sets, each as a source of its own, so that a complaint can point at it.
    fn overrides(&mut self, overrides: &[(String, String)]) -> Vec<(String, String, Place)> {
        overrides
            .iter()
            .map(|(name, value)| {
                let file = self.texts.len();
                let text = format!("{name}={value}");
                let end = text.len();
                self.content.push(text.clone());
                self.texts.push(SourceText { name: "--set".to_owned(), text });
                let place = Place { file, start: 0, end };
                let node = Node { place, kind: Kind::Text(value.clone()) };
                check_values(&node, "", &mut self.complaints);
                (name.clone(), value.clone(), place)
            })
            .collect()
    }

    /// Over what was said, not how it was written: comments, order of keys and line endings do not count.
    fn digest(&self, installed_from: usize) -> Digest {
        let mut content = self.content.clone();
        content
            .extend(self.files.iter().skip(installed_from).map(|(name, digest)| format!("{name} {digest}")));
        digest::of(content.join("\n").as_bytes())
    }
}
