//! Checks, as written.

use super::{Amount, Count, Length, ProbeForm, Short, Word};
use crate::model::{Direction, Mode, RunAs, Severity, TreatAs, Use};
use crate::plan::read::At;
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
    /// Judged only where this check passes; skipped where it does not, and an error where it could not look.
    #[schemars(with = "Option<Box<CheckForm>>")]
    pub(in crate::plan) applies_if: Option<Node>,
    /// Checks of the same list that must pass or warn before this one is judged.
    #[serde(default)]
    pub(in crate::plan) needs: Vec<At<String>>,
    /// As whom children run. As whoever runs switchback where it is not stated.
    #[serde(rename = "as")]
    pub(in crate::plan) who: Option<At<RunAs>>,
    /// Shown where it fails or warns, and where it lies between `expect` and `fail_if`: what a person can do.
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
    /// Against the baseline: grows by at most this much (shrinks, where more is better; differs, where any change counts).
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
