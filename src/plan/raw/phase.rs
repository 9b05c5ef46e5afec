//! The plan and its phases, as written.

use super::{CheckForm, Count, LayerForm, Length, One, Short, StepForm};
use crate::model::{Reaction, Reboot, Risk};
use crate::plan::read::At;
use crate::plan::tree::Node;
use schemars::JsonSchema;
use serde::Deserialize;

/// A staged change to a machine. It reads from top to bottom as what a careful person would do.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with the fields of a plan")]
#[schemars(rename = "Plan", title = "switchback plan")]
pub(in crate::plan) struct PlanForm {
    /// The version of this format. There is only 1.
    #[schemars(with = "One")]
    pub(in crate::plan) switchback: At<Count>,
    /// The plan's name: 1 to 64 letters, digits, `-`, `_` or `.`, beginning with a letter or digit.
    #[schemars(extend("pattern" = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))]
    pub(in crate::plan) name: At<String>,
    /// Raised by the author with every change of meaning. 1 where it is not stated.
    #[schemars(with = "Option<Count>")]
    pub(in crate::plan) revision: Option<At<Count>>,
    /// One line for people.
    pub(in crate::plan) title: Option<String>,
    /// A YAML file whose leaves are variables: `${profile.build.compiler.march}`. Relative to the plan.
    pub(in crate::plan) profile: Option<At<String>>,
    /// Variables: a name and its value. They may use the profile and variables above them; `--set NAME=VALUE` on the
    /// command line overrides them.
    #[schemars(with = "Option<std::collections::BTreeMap<String, serde_json::Value>>")]
    pub(in crate::plan) vars: Option<Node>,
    /// Files with named checks, relative to the plan. The shipped ones are always there.
    #[serde(default)]
    pub(in crate::plan) checks: Vec<At<String>>,
    /// When the phases are due. Shown, never enforced.
    pub(in crate::plan) calendar: Option<CalendarForm>,
    /// The phases, in the order in which they are taken unless `needs` says otherwise.
    #[schemars(length(min = 1))]
    pub(in crate::plan) phases: At<Vec<PhaseForm>>,
}

/// When the phases are due.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `starts`, `days` and `holidays`")]
#[schemars(rename = "Calendar")]
pub(in crate::plan) struct CalendarForm {
    /// The first day, `YYYY-MM-DD`.
    pub(in crate::plan) starts: At<String>,
    /// The days of the week that count: `Mon..Fri`, or a list such as `Mon,Wed`. Every day where it is not stated.
    pub(in crate::plan) days: Option<At<String>>,
    /// Days on which nothing is due all the same, `YYYY-MM-DD`. They keep their number in their week.
    pub(in crate::plan) holidays: Option<Vec<At<String>>>,
}

/// An ordered group of steps with its own preflight, validation and way back.
///
/// The way back is: the `undo` of every applied step in reverse order, then every layer restored to its recorded
/// generation in reverse order, then the `rollback` steps, then the baseline probed again.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with the fields of a phase")]
#[schemars(rename = "Phase")]
pub(in crate::plan) struct PhaseForm {
    /// Its name, unique within the plan.
    #[schemars(extend("pattern" = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))]
    pub(in crate::plan) id: At<String>,
    /// One line for people.
    pub(in crate::plan) title: Option<String>,
    /// Why it is done.
    pub(in crate::plan) why: Option<String>,
    /// The week of the calendar, from 1.
    #[schemars(with = "Option<Count>")]
    pub(in crate::plan) week: Option<At<Count>>,
    /// The days of that week: `1-4`, or `5`.
    #[schemars(with = "Option<DaysText>")]
    pub(in crate::plan) days: Option<At<super::Word>>,
    /// How dangerous it is. `medium` where it is not stated.
    pub(in crate::plan) risk: Option<Risk>,
    /// Phases that must be committed before. One that its `applies_if` left out counts as well.
    #[serde(default)]
    pub(in crate::plan) needs: Vec<At<String>>,
    /// The parts of the machine that are recorded before the phase and restored on the way back.
    #[serde(default)]
    pub(in crate::plan) layers: Vec<At<Short<LayerForm>>>,
    /// Checks that must pass before anything is recorded.
    #[serde(default)]
    #[schemars(with = "Vec<CheckForm>")]
    pub(in crate::plan) preflight: Vec<Node>,
    /// What is done.
    #[serde(default)]
    pub(in crate::plan) apply: Vec<At<StepForm>>,
    /// Wait before judging starts. No wait where it is not stated.
    pub(in crate::plan) settle: Option<At<Length>>,
    /// Checks that must hold afterwards. Their probes are asked before the phase as well: that is the baseline.
    #[serde(default)]
    #[schemars(with = "Vec<CheckForm>")]
    pub(in crate::plan) validate: Vec<Node>,
    /// What the phase is to gain: checks whose probe is a `measure`. They are taken before the phase and judged with
    /// `validate`: with an `expect` as `{ratio_max: 0.7}` the gain is demanded, without one it is told.
    #[serde(default)]
    #[schemars(with = "Vec<CheckForm>")]
    pub(in crate::plan) measure: Vec<Node>,
    /// Makes the validated state permanent. Where it is not stated, the layers' own way to keep it.
    #[serde(default)]
    pub(in crate::plan) commit: Vec<At<StepForm>>,
    /// Taken on the way back after the layers are restored.
    #[serde(default)]
    pub(in crate::plan) rollback: Vec<At<StepForm>>,
    /// The time it must stay healthy before the next phase may begin.
    pub(in crate::plan) soak: Option<SoakForm>,
    /// The time in which somebody must say "keep"; silence reverts.
    pub(in crate::plan) confirm: Option<ConfirmForm>,
    /// What a reboot in the middle of it means: `never` planned, so that the phase goes back (where it is not stated);
    /// `expected`, so that it goes on; `required` after its last step, before it settles.
    pub(in crate::plan) reboot: Option<Reboot>,
    /// What to do in trouble where nobody is asked.
    pub(in crate::plan) on: Option<OnForm>,
    /// The phase is left out where this check does not pass.
    #[schemars(with = "Option<CheckForm>")]
    pub(in crate::plan) applies_if: Option<Node>,
}

/// `1-4` or `5`.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "exists for the schema alone")]
enum DaysText {
    #[schemars(untagged)]
    Range(#[schemars(regex(pattern = r"^[1-7](-[1-7])?$"))] String),
    #[schemars(untagged)]
    Day(#[schemars(range(min = 1, max = 7))] u64),
}

/// The time a phase must stay healthy.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `for` and `every`")]
#[schemars(rename = "Soak")]
pub(in crate::plan) struct SoakForm {
    /// How long.
    #[serde(rename = "for")]
    pub(in crate::plan) length: At<Length>,
    /// How often its checks are to be judged meanwhile, by the timer that `switchback schedule install` sets up.
    pub(in crate::plan) every: Option<At<Length>>,
}

/// The time in which somebody must say "keep".
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `within`")]
#[schemars(rename = "Confirm")]
pub(in crate::plan) struct ConfirmForm {
    /// How long.
    pub(in crate::plan) within: At<Length>,
}

/// What to do in trouble where nobody is asked.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with `fail`, `inconclusive` and `error`")]
#[schemars(rename = "OnTrouble")]
pub(in crate::plan) struct OnForm {
    /// A check or step failed. `rollback` where it is not stated.
    pub(in crate::plan) fail: Option<Reaction>,
    /// A check is undecided. `pause` where it is not stated.
    pub(in crate::plan) inconclusive: Option<Reaction>,
    /// A check could not be measured. `pause` where it is not stated.
    pub(in crate::plan) error: Option<Reaction>,
}
