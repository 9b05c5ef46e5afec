//! Checks, as written.

use super::{Amount, Count, FromWord, Length, OneOrMany, Short, Word};
use crate::model::{Direction, Manager, Mode, Parse, RunAs, Severity, TreatAs, Use};
use crate::plan::read::{At, unknown_name};
use crate::plan::tree::Node;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Probe, expectation, severity, and when to look. Exactly one of `use`, `probe`, `plugin`, `scripts` and `ask` says
/// what is looked at.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with the fields of a check")]
#[schemars(rename = "Check", extend("oneOf" = [
    {"required": ["use"]}, {"required": ["probe"]}, {"required": ["plugin"]}, {"required": ["scripts"]},
    {"required": ["ask"]}
]))]
pub(in crate::plan) struct CheckForm {
    /// Its name, unique within its list. Where it is not stated: the name of the named check, or the list and the
    /// place (`validate-1`).
    pub(in crate::plan) id: Option<At<String>>,
    /// One line for people.
    pub(in crate::plan) title: Option<String>,
    /// A named check of a library. What is stated beside it replaces what the library says.
    #[serde(rename = "use")]
    pub(in crate::plan) named: Option<At<String>>,
    /// The parameters of the named check.
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    pub(in crate::plan) with: Option<Node>,
    /// What is read from the machine.
    pub(in crate::plan) probe: Option<At<Short<ProbeForm>>>,
    /// A monitoring plugin: exit 0, 1, 2 and 3 mean ok, warning, critical and unknown; perfdata become fields.
    pub(in crate::plan) plugin: Option<At<Vec<Word>>>,
    /// A folder of health scripts, with `required.d` and `wanted.d`.
    pub(in crate::plan) scripts: Option<At<String>>,
    /// A question that a person answers.
    pub(in crate::plan) ask: Option<At<String>>,
    /// Must hold, else the check fails. A probe `run` without it must exit with 0.
    #[schemars(with = "Option<RulesSchema>")]
    pub(in crate::plan) expect: Option<Node>,
    /// Where `expect` does not hold but this does, the check warns.
    #[schemars(with = "Option<RulesSchema>")]
    pub(in crate::plan) tolerate: Option<Node>,
    /// Where this is stated, the check fails only if it holds; what lies between it and `expect` is inconclusive.
    #[schemars(with = "Option<RulesSchema>")]
    pub(in crate::plan) fail_if: Option<Node>,
    /// How much a failure weighs. `fail` where it is not stated.
    pub(in crate::plan) severity: Option<At<Severity>>,
    /// `shadow`: measured and shown, decides nothing. `enforce` where it is not stated.
    pub(in crate::plan) mode: Option<Mode>,
    /// A failing check that was accepted beforehand.
    pub(in crate::plan) waiver: Option<At<WaiverForm>>,
    /// What a missing field or an absent baseline means. `inconclusive` where it is not stated.
    pub(in crate::plan) on_no_data: Option<TreatAs>,
    /// What a probe that could not look means. `error` where it is not stated.
    pub(in crate::plan) on_error: Option<TreatAs>,
    /// Judged only where this check passes; skipped otherwise.
    #[schemars(with = "Option<Box<CheckForm>>")]
    pub(in crate::plan) applies_if: Option<Node>,
    /// Checks of the same list that must pass or warn before this one is judged.
    #[serde(default)]
    pub(in crate::plan) needs: Vec<At<String>>,
    /// As whom children run. As whoever runs switchback where it is not stated.
    #[serde(rename = "as")]
    pub(in crate::plan) who: Option<At<RunAs>>,
    /// Shown when it fails: what a person can do.
    pub(in crate::plan) hint: Option<String>,
    /// For selection and reports.
    #[serde(default)]
    pub(in crate::plan) tags: Vec<String>,
    /// When a child of the probe is killed. `30s` where it is not stated.
    pub(in crate::plan) timeout: Option<At<Length>>,
    /// Wait before the first look. No wait where it is not stated.
    pub(in crate::plan) settle: Option<At<Length>>,
    /// Look again until it passes, at most this long. One look where it is not stated.
    pub(in crate::plan) within: Option<At<Length>>,
    /// The pause between two looks. `1s` where it is not stated.
    pub(in crate::plan) every: Option<At<Length>>,
    /// It must pass this many times in a row. 1 where it is not stated.
    #[schemars(with = "Option<Count>")]
    pub(in crate::plan) consecutive: Option<At<Count>>,
    /// Several samples make one look.
    pub(in crate::plan) samples: Option<SamplesForm>,
    /// Differences from the baseline smaller than this do not count.
    #[schemars(with = "Option<Amount>")]
    pub(in crate::plan) floor: Option<At<Amount>>,
    /// In which direction the number gets better. `lower` where it is not stated.
    pub(in crate::plan) direction: Option<Direction>,
}

/// A failing check that was accepted beforehand.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `reason` and `until`")]
#[schemars(rename = "Waiver")]
pub(in crate::plan) struct WaiverForm {
    /// Why.
    pub(in crate::plan) reason: String,
    /// The last day on which it holds, `YYYY-MM-DD`.
    pub(in crate::plan) until: At<String>,
}

/// Take several samples.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `count`, `every` and `use`")]
#[schemars(rename = "Samples")]
pub(in crate::plan) struct SamplesForm {
    /// How many, at least 1.
    #[schemars(with = "Count")]
    pub(in crate::plan) count: At<Count>,
    /// The pause between two. `1s` where it is not stated.
    pub(in crate::plan) every: Option<At<Length>>,
    /// How they become one value. `median` where it is not stated.
    #[serde(rename = "use")]
    pub(in crate::plan) take: Option<Use>,
}

/// What is read from the machine: exactly one probe, with the fields that it gives. `memory`, `units` and `journal` may stand alone as words.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a probe's name or a map of it")]
#[schemars(rename = "Probe")]
pub(in crate::plan) struct ProbeForm {
    /// Runs a program: `exit signal stdout stderr duration`, and `value` where `parse` says so.
    pub(in crate::plan) run: Option<At<Vec<Word>>>,
    /// With `run`: how stdout is read. `text` where it is not stated.
    pub(in crate::plan) parse: Option<At<Parse>>,
    /// With `run`: variables added to the fixed environment.
    #[serde(default)]
    pub(in crate::plan) env: BTreeMap<String, Word>,
    /// With `run`: the working folder.
    pub(in crate::plan) folder: Option<At<String>>,
    /// A file: `exists kind target size mode uid gid readable content lines sha256`.
    pub(in crate::plan) file: Option<At<Short<PathForm>>>,
    /// The file system at a path: `mounted source type options size used available available_ratio inodes_free
    /// writable`.
    pub(in crate::plan) mount: Option<At<Short<PathForm>>>,
    /// Memory of the machine in bytes: `total available used used_ratio swap_total swap_used pressure_some_avg10`.
    pub(in crate::plan) memory: Option<MemoryForm>,
    /// Processes by name or command line: `count pids names pss rss pss_from`.
    pub(in crate::plan) process: Option<At<Short<ProcessForm>>>,
    /// Units of a service manager: `failed active states sub_states not_found flapping restarts`.
    pub(in crate::plan) units: Option<UnitsForm>,
    /// Messages of the journal: `count kinds counts samples segfaults traps oom_kills oomd_kills coredumps cursor`.
    pub(in crate::plan) journal: Option<JournalForm>,
    /// A parameter on the kernel's command line or below `/proc/sys`: `present value source`.
    pub(in crate::plan) kernel_parameter: Option<At<String>>,
    /// A Nix profile (`exists store_path generation generations`) or store path (`exists valid references`).
    pub(in crate::plan) nix: Option<At<NixForm>>,
}

impl FromWord for ProbeForm {
    const EXPECTED: &'static str = "a probe's name or a map of it";
    const WORDS: &'static [&'static str] = &["memory", "units", "journal"];

    fn from_word<E: serde::de::Error>(word: &str) -> Result<Self, E> {
        match word {
            "memory" => Ok(Self { memory: Some(MemoryForm::default()), ..Self::default() }),
            "units" => Ok(Self { units: Some(UnitsForm::default()), ..Self::default() }),
            "journal" => Ok(Self { journal: Some(JournalForm::default()), ..Self::default() }),
            "run" | "file" | "mount" | "process" | "kernel_parameter" | "nix" => {
                Err(E::custom(format!("wrong-value|the probe `{word}` needs settings|write `{word}: ...`")))
            }
            other => Err(unknown_name(
                "unknown-probe",
                "probe",
                other,
                &["run", "file", "mount", "memory", "process", "units", "journal", "kernel_parameter", "nix"],
            )),
        }
    }
}

/// A path: a text, or a map with `path`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a path, or a map with `path`")]
#[schemars(rename = "ProbedPath")]
pub(in crate::plan) struct PathForm {
    /// An absolute path or one from `~/`.
    pub(in crate::plan) path: String,
}

impl FromWord for PathForm {
    const EXPECTED: &'static str = "a path, or a map with `path`";

    fn from_word<E: serde::de::Error>(word: &str) -> Result<Self, E> {
        Ok(Self { path: word.to_owned() })
    }
}

/// Memory of the machine; there is nothing to set.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an empty map")]
#[schemars(rename = "MemoryProbe")]
pub(in crate::plan) struct MemoryForm {}

/// Processes by name, by command line, or both.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a process name, or a map with `name` and `pattern`")]
#[schemars(rename = "ProcessProbe", extend("minProperties" = 1))]
pub(in crate::plan) struct ProcessForm {
    /// The process name, exactly, as `/proc/PID/comm` has it (at most 15 characters).
    pub(in crate::plan) name: Option<String>,
    /// A regular expression on the command line.
    pub(in crate::plan) pattern: Option<At<String>>,
}

impl FromWord for ProcessForm {
    const EXPECTED: &'static str = "a process name, or a map with `name` and `pattern`";

    fn from_word<E: serde::de::Error>(word: &str) -> Result<Self, E> {
        Ok(Self { name: Some(word.to_owned()), pattern: None })
    }
}

/// Units of a service manager.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `manager` and `names`")]
#[schemars(rename = "UnitsProbe")]
pub(in crate::plan) struct UnitsForm {
    /// Which manager. `system` where it is not stated.
    pub(in crate::plan) manager: Option<Manager>,
    /// Unit names or globs; all where it is not stated.
    #[serde(default)]
    pub(in crate::plan) names: OneOrMany,
}

/// Messages of the journal.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with the settings of `journal`")]
#[schemars(rename = "JournalProbe")]
pub(in crate::plan) struct JournalForm {
    /// The least important messages that count: `emerg alert crit err warning notice info debug` or 0 to 7. `err`
    /// where it is not stated.
    pub(in crate::plan) priority: Option<At<Word>>,
    /// Unit names; all where it is not stated.
    #[serde(default)]
    pub(in crate::plan) units: OneOrMany,
    /// A regular expression on the message.
    pub(in crate::plan) matches: Option<At<String>>,
    /// Messages that do not count, each with its reason.
    #[serde(default)]
    pub(in crate::plan) ignore: Vec<IgnoreForm>,
    /// How far back to look where nothing was recorded before the phase.
    pub(in crate::plan) since: Option<At<Length>>,
    /// Which manager's journal. `system` where it is not stated.
    pub(in crate::plan) manager: Option<Manager>,
    /// Kernel messages only.
    pub(in crate::plan) kernel: Option<bool>,
}

/// A message that does not count, and why.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `matches` and `reason`")]
#[schemars(rename = "IgnoredMessage")]
pub(in crate::plan) struct IgnoreForm {
    /// A regular expression.
    pub(in crate::plan) matches: At<String>,
    /// Why it does not count.
    pub(in crate::plan) reason: String,
}

/// A Nix profile or a store path.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `profile` or `path`")]
#[schemars(rename = "NixProbe", extend("minProperties" = 1, "maxProperties" = 1))]
pub(in crate::plan) struct NixForm {
    /// A profile: `exists store_path generation generations`.
    pub(in crate::plan) profile: Option<At<String>>,
    /// A store path: `exists valid references`.
    pub(in crate::plan) path: Option<At<String>>,
}

/// Matchers on one field; all must hold.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a value or a map of matchers")]
#[schemars(rename = "Matchers", extend("minProperties" = 1))]
pub(in crate::plan) struct MatchersForm {
    /// Equal to the value.
    pub(in crate::plan) equals: Option<Node>,
    /// None of these holds.
    #[schemars(with = "Option<ValueOrMatchers>")]
    pub(in crate::plan) not: Option<Node>,
    /// All of these groups hold.
    #[schemars(with = "Option<Vec<ValueOrMatchers>>", length(min = 1))]
    pub(in crate::plan) all_of: Option<Vec<Node>>,
    /// At least one of these groups holds.
    #[schemars(with = "Option<Vec<ValueOrMatchers>>", length(min = 1))]
    pub(in crate::plan) any_of: Option<Vec<Node>>,
    /// Less than.
    #[schemars(with = "Option<Amount>")]
    pub(in crate::plan) lt: Option<At<Amount>>,
    /// At most.
    #[schemars(with = "Option<Amount>")]
    pub(in crate::plan) le: Option<At<Amount>>,
    /// Greater than.
    #[schemars(with = "Option<Amount>")]
    pub(in crate::plan) gt: Option<At<Amount>>,
    /// At least.
    #[schemars(with = "Option<Amount>")]
    pub(in crate::plan) ge: Option<At<Amount>>,
    /// From the first to the second, both included.
    #[schemars(with = "Option<[Amount; 2]>")]
    pub(in crate::plan) between: Option<At<Vec<At<Amount>>>>,
    /// The regular expression finds something.
    pub(in crate::plan) matches: Option<At<String>>,
    /// Begins with.
    pub(in crate::plan) prefix: Option<String>,
    /// Ends with.
    pub(in crate::plan) suffix: Option<String>,
    /// Contains the text or the element.
    pub(in crate::plan) contains: Option<Node>,
    /// Contains each of these.
    pub(in crate::plan) contains_all: Option<Vec<Node>>,
    /// The same elements in any order, each as often.
    pub(in crate::plan) exactly: Option<Vec<Node>>,
    /// The length equals the number, or satisfies the matchers.
    #[schemars(with = "Option<ValueOrMatchers>")]
    pub(in crate::plan) len: Option<Node>,
    /// The map has this key.
    pub(in crate::plan) has_key: Option<String>,
    /// A version constraint: `>=1.2, <2`.
    pub(in crate::plan) version: Option<At<Word>>,
    /// Is there (`true`) or is not (`false`).
    pub(in crate::plan) exists: Option<bool>,
    /// Is empty (`true`) or is not (`false`).
    pub(in crate::plan) empty: Option<bool>,
    /// Against the baseline: no element that was not there before.
    #[schemars(with = "Option<True>")]
    pub(in crate::plan) no_new: Option<At<bool>>,
    /// Against the baseline: every element that was there before.
    #[schemars(with = "Option<True>")]
    pub(in crate::plan) none_missing: Option<At<bool>>,
    /// Against the baseline: equal.
    #[schemars(with = "Option<True>")]
    pub(in crate::plan) unchanged: Option<At<bool>>,
    /// Against the baseline: differs by at most this much.
    #[schemars(with = "Option<Amount>")]
    pub(in crate::plan) delta_max: Option<At<Amount>>,
    /// Against the baseline: at most this many times as much (at least this many times, where more is better).
    #[schemars(with = "Option<Amount>")]
    pub(in crate::plan) ratio_max: Option<At<Amount>>,
}

/// The names of the matchers.
pub(in crate::plan) const MATCHERS: [&str; 25] = [
    "equals",
    "not",
    "all_of",
    "any_of",
    "lt",
    "le",
    "gt",
    "ge",
    "between",
    "matches",
    "prefix",
    "suffix",
    "contains",
    "contains_all",
    "exactly",
    "len",
    "has_key",
    "version",
    "exists",
    "empty",
    "no_new",
    "none_missing",
    "unchanged",
    "delta_max",
    "ratio_max",
];

/// The matchers whose value is `true` (or, for the first two, `false`).
pub(in crate::plan) const FLAGS: [&str; 5] = ["exists", "empty", "no_new", "none_missing", "unchanged"];

/// Only `true` says anything.
struct True;

impl JsonSchema for True {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "True".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"const": true})
    }
}

/// The value that it must equal, or matchers. A matcher's bare name is a mistake, so editors are told as well.
struct ValueOrMatchers;

impl JsonSchema for ValueOrMatchers {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ValueOrMatchers".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": ["string", "number", "boolean", "array", "null"], "not": {"enum": MATCHERS}},
            generator.subschema_for::<MatchersForm>(),
        ]})
    }
}

/// Fields of the probe with what must hold for them.
struct RulesSchema;

impl JsonSchema for RulesSchema {
    fn schema_name() -> Cow<'static, str> {
        "Rules".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Fields of the probe with matchers, or with the value that they must equal. A matcher in \
                            place of a field means the probe's main field: `{no_new: true}`.",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": generator.subschema_for::<ValueOrMatchers>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_matchers_is_that_of_the_form() {
        let schema = SchemaGenerator::default().into_root_schema_for::<MatchersForm>();
        let properties =
            schema.as_value().get("properties").and_then(|all| all.as_object()).expect("properties");
        let mut known = MATCHERS.to_vec();
        known.sort_unstable();
        let mut written: Vec<&str> = properties.keys().map(String::as_str).collect();
        written.sort_unstable();
        assert_eq!(known, written);
    }
}
