//! Parts of a plan that could not be read, and which complaints would only follow from that.

use super::tree::{Node, Place};

/// Marks a name that stands for an element of the list of that name.
pub(super) const ELEMENT: char = '#';

/// Marks the name of a map or element that had a field of an unknown name.
pub(super) const MISNAMED: char = '?';

/// A part that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loss {
    /// The place of the map or list that it was taken from.
    pub(super) parent: Place,
    /// The names on the way to it, outermost first; elements of a list go by its marked name.
    pub(super) names: Vec<String>,
    /// Where the mistake is.
    pub(super) place: Place,
    /// Where the part begins in its file.
    pub(super) starts: usize,
}

/// How far the reach of a loss goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The whole plan.
    Plan,
    /// The phase that it is in.
    Phase,
    /// The step, check, layer or field of a phase that it is in.
    Item,
}

/// What a complaint depends on.
#[derive(Debug, Clone, Copy)]
struct Dependence {
    code: &'static str,
    reach: Reach,
    /// Names of parts: a loss of such a part, or of something in it, makes the complaint doubtful.
    within: &'static [&'static str],
    /// Names of parts, elements marked: only a loss of the whole part does.
    whole: &'static [&'static str],
    /// What is told instead, once; nothing where the mistake itself says enough.
    instead: Option<&'static str>,
}

const fn local(code: &'static str, within: &'static [&'static str]) -> Dependence {
    Dependence { code, reach: Reach::Item, within, whole: &[], instead: None }
}

const ACTS: &[&str] = &["run", "shell", "install", "set", "ask", "reboot", "undo"];
const LOOKS: &[&str] = &["probe", "plugin", "scripts", "ask", "use"];

const DEPENDENCES: &[Dependence] = &[
    Dependence {
        code: "no-phases",
        reach: Reach::Plan,
        within: &[],
        whole: &["phases", "phases#"],
        instead: None,
    },
    Dependence {
        code: "no-apply",
        reach: Reach::Phase,
        within: &[],
        whole: &["apply", "apply#", "<<", "?phases#"],
        instead: None,
    },
    Dependence {
        code: "unknown-phase",
        reach: Reach::Plan,
        within: &[],
        whole: &["phases", "phases#", "id"],
        instead: Some("the phases that others need were not all checked"),
    },
    Dependence {
        code: "unknown-need",
        reach: Reach::Phase,
        within: &[],
        whole: &["preflight", "preflight#", "validate", "validate#", "id", "use"],
        instead: Some("the checks that others need were not all checked"),
    },
    Dependence {
        code: "unknown-check",
        reach: Reach::Plan,
        within: &["checks"],
        whole: &[],
        instead: Some("the names of checks were not all checked"),
    },
    Dependence {
        code: "undeclared-variable",
        reach: Reach::Plan,
        within: &["vars"],
        whole: &[],
        instead: Some("the names of variables were not all checked"),
    },
    Dependence {
        code: "undeclared-variable",
        reach: Reach::Plan,
        within: &["profile"],
        whole: &[],
        instead: Some("the variables of the profile were not checked"),
    },
    Dependence {
        code: "no-way-back",
        reach: Reach::Phase,
        within: &["layers"],
        whole: &[],
        instead: Some("the ways back of this phase's steps were not all checked"),
    },
    local("no-way-back", &["undo", "changes", "reason"]),
    local("layer-names", &["layers"]),
    local(
        "empty-command",
        &["run", "plugin", "shell", "probe", "record", "restore", "verify", "activate", "undo"],
    ),
    local("nothing-to-do", ACTS),
    local("nothing-to-look-at", LOOKS),
    local("missing-parameter", &["with"]),
    local("empty-expectation", &["expect", "tolerate", "fail_if", "probe", "use"]),
];

/// The parts that were left out of all files of one load.
#[derive(Debug, Default)]
pub(super) struct Losses {
    list: Vec<Loss>,
    /// Where phases begin in the plan.
    phases: Vec<usize>,
    /// Where phases, their fields and the elements of these begin in the plan.
    items: Vec<usize>,
}

/// What becomes of a complaint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It holds whatever was lost.
    None,
    /// It may only follow from a loss that was told.
    Follows,
    /// As before, and this is told instead at the place of the loss.
    NotChecked(Place, &'static str),
}

impl Losses {
    pub(super) fn push(&mut self, loss: Loss) {
        self.list.push(loss);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether a field of the map at a place was left out.
    pub(super) fn has_field(&self, parent: Place, field: &str) -> bool {
        self.list
            .iter()
            .any(|loss| loss.parent == parent && loss.names.last().is_some_and(|name| name == field))
    }

    /// Learns where the parts of the plan begin.
    pub(super) fn survey(&mut self, plan: &Node) {
        for phase in plan.get("phases").map_or(&[] as &[Node], Node::elements) {
            self.phases.push(phase.place.start);
            for entry in phase.entries() {
                self.items.push(entry.key_place.start);
                self.items.extend(entry.value.elements().iter().map(|element| element.place.start));
            }
        }
        // What follows the phases is in none of them.
        let after = plan.entries().iter().skip_while(|entry| entry.key != "phases").nth(1);
        self.phases.extend(after.map(|entry| entry.key_place.start));
        // A lost field of a phase, or element of one, ends the item before it.
        let fields = self.list.iter().filter(|loss| loss.place.file == 0 && loss.names.len() == 3);
        self.items.extend(fields.map(|loss| loss.starts));
        self.items.sort_unstable();
        self.phases.sort_unstable();
    }

    /// What becomes of a complaint with this code and message at this place.
    pub(super) fn doubt(&self, code: &str, place: Place, message: &str) -> Doubt {
        for dependence in DEPENDENCES.iter().filter(|one| one.code == code) {
            let of_profile = message.contains("`profile.");
            if code == "undeclared-variable" && of_profile != dependence.within.contains(&"profile") {
                continue;
            }
            let found = self
                .list
                .iter()
                .find(|loss| loss.concerns(dependence) && self.reaches(dependence.reach, loss, place));
            if let Some(loss) = found {
                return dependence.instead.map_or(Doubt::Follows, |text| Doubt::NotChecked(loss.place, text));
            }
        }
        Doubt::None
    }

    fn reaches(&self, reach: Reach, loss: &Loss, place: Place) -> bool {
        let same = |starts: &[usize]| {
            let number = |at: usize| starts.partition_point(|start| *start <= at);
            loss.place.file == place.file && (place.file != 0 || number(loss.starts) == number(place.start))
        };
        match reach {
            Reach::Plan => true,
            Reach::Phase => same(&self.phases),
            Reach::Item => loss.parent == place || same(&self.items),
        }
    }
}

impl Loss {
    fn concerns(&self, dependence: &Dependence) -> bool {
        let part = |name: &String| name.trim_end_matches(ELEMENT).to_owned();
        let last = self.names.last().map(String::as_str).unwrap_or_default();
        let misnamed = dependence.reach == Reach::Item && last.starts_with(MISNAMED);
        misnamed
            || dependence.whole.contains(&last)
            || self.names.iter().skip(1).any(|name| dependence.within.contains(&part(name).as_str()))
    }
}
