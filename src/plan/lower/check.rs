//! Checks.

use super::fields::fields_of;
use super::{Lowering, Unmeasured};
use crate::model::{
    Check, CheckId, Direction, FieldRule, Look, Matcher, Mode, Probe, RunAs, Samples, Severity, Span,
    TreatAs, Value, Waiver,
};
use crate::plan::load::Waived;
use crate::plan::raw::{CheckForm, WaiverForm};
use crate::plan::read::{At, read};
use crate::plan::suggest::did_you_mean;
use crate::plan::tree::{Node, Place};
use std::collections::BTreeMap;

/// When a child of a probe is killed where the plan says nothing.
const TIMEOUT: Span = Span::seconds(30);
/// The pause between two looks where the plan says nothing.
const EVERY: Span = Span::seconds(1);

impl Lowering<'_> {
    /// The checks of one list, in which ids are unique and `needs` are known.
    pub(super) fn checks(&mut self, list: &str, nodes: &[Node]) -> Vec<Check> {
        let mut seen: BTreeMap<String, Place> = BTreeMap::new();
        let mut checks = Vec::new();
        let mut needs = Vec::new();
        for (number, node) in (1..).zip(nodes) {
            let unmeasured = (list == "preflight").then_some("preflight");
            let Some((check, place, needed)) = self.check(&format!("{list}-{number}"), node, unmeasured)
            else {
                // It is refused, and others may need it by its name.
                let name = node.get("id").or_else(|| node.get("use"));
                if let Some(name) = name.and_then(Node::text) {
                    seen.entry(name.to_owned()).or_insert(node.place);
                }
                continue;
            };
            if let Some(first) = seen.insert(check.id.to_string(), place) {
                self.complaints.push(
                    crate::plan::diagnostic::Complaint::error(
                        "duplicate-id",
                        place,
                        format!("two checks of `{list}` are called `{}`", check.id),
                    )
                    .also(first, "the first")
                    .help("give one of them an `id`"),
                );
            }
            needs.extend(needed.into_iter().map(|need| (check.id.clone(), need)));
            checks.push(check);
        }
        for (check, need) in &needs {
            if need.value == check.as_str() {
                self.error("cycle", need.place, format!("the check `{check}` needs itself"));
            } else if !seen.contains_key(&need.value) {
                self.error_with_help(
                    "unknown-need",
                    need.place,
                    format!("no check of `{list}` is called `{}`", need.value),
                    did_you_mean(&need.value, seen.keys().map(String::as_str)),
                );
            }
        }
        self.check_cycles(list, &checks, &needs);
        checks
    }

    fn check_cycles(&mut self, list: &str, checks: &[Check], needs: &[(CheckId, At<String>)]) {
        let edges: Vec<(String, Vec<String>)> = checks
            .iter()
            .map(|check| (check.id.to_string(), check.needs.iter().map(ToString::to_string).collect()))
            .collect();
        for cycle in crate::plan::order::ordered(&edges).err().into_iter().flatten() {
            let [first, second, ..] = cycle.as_slice() else { continue };
            let place = needs.iter().find(|(check, need)| check.as_str() == first && need.value == *second);
            // One that needs itself was told of already.
            if let Some((_, need)) = place.filter(|_| first != second) {
                self.error_with_help(
                    "cycle",
                    need.place,
                    format!("checks of `{list}` need each other: {}", cycle.join(" -> ")),
                    "take one of these `needs` out",
                );
            }
        }
    }

    /// A check that stands alone: `when` and `applies_if`. Nothing was measured before it.
    pub(super) fn lone_check(&mut self, name: &str, node: &Node) -> Option<Check> {
        self.alone(name, node, Some(if name == "when" { name } else { "applies_if" }))
    }

    fn alone(&mut self, name: &str, node: &Node, unmeasured: Option<&str>) -> Option<Check> {
        let (check, _, needs) = self.check(name, node, unmeasured)?;
        if let Some(need) = needs.first() {
            self.error("unknown-need", need.place, format!("`{name}` stands alone and needs nothing"));
        }
        Some(check)
    }

    /// One check; `unmeasured` names its part of the plan where that is judged without a baseline.
    fn check(
        &mut self,
        name: &str,
        node: &Node,
        unmeasured: Option<&str>,
    ) -> Option<(Check, Place, Vec<At<String>>)> {
        let expanded = self.catalog.expanded(node, &self.around.home, self.complaints);
        let form: CheckForm = read(expanded.as_ref().unwrap_or(node), name, self.complaints)?;
        // What else is wrong with a check is told even where nobody knows what it looks at.
        let look = expanded.as_ref().and_then(|_| self.look(&form, node.place));
        let place = form.id.as_ref().or(form.named.as_ref()).map_or(node.place, |at| at.place);
        let written = form.id.as_ref().or(form.named.as_ref()).map_or(name, |at| at.value.as_str());
        let id = CheckId::new(written);
        if let Err(why) = &id {
            self.error("bad-id", place, why.to_string());
        }
        let id = id.or_else(|_| CheckId::new(name)).ok()?;
        let needs = form
            .needs
            .iter()
            .filter_map(|need| match CheckId::new(need.value.clone()) {
                Ok(id) => Some(id),
                Err(why) => {
                    self.error("bad-id", need.place, why.to_string());
                    None
                }
            })
            .collect();
        let named = form.named.as_ref().map(|at| at.place);
        self.unmeasured = unmeasured.map(|part| Unmeasured { part: part.to_owned(), named });
        let [expect, tolerate, fail_if] = match &look {
            Some(look) => self.rules(&form, look, &id, place),
            None => [const { Vec::new() }; 3],
        };
        self.unmeasured = None;
        let severity = form.severity.as_ref().map_or(Severity::Fail, |at| at.value);
        let waiver = form.waiver.as_ref().and_then(|waiver| self.waiver(waiver, severity, &id));
        let consecutive = form.consecutive.as_ref().map_or(1, |at| {
            if at.value.0 == 0 {
                self.error("wrong-value", at.place, "`consecutive` is at least 1");
            }
            at.value.0.max(1)
        });
        // It is compared with what was measured for the check that it guards.
        let guard = |node| self.alone("applies-if", node, unmeasured);
        let applies_if = form.applies_if.as_ref().and_then(guard).map(Box::new);
        let timeout = self.timeout(form.timeout.as_ref(), TIMEOUT);
        let settle = self.span(form.settle.as_ref(), Span::ZERO);
        let within = form.within.as_ref().map(|within| self.span(Some(within), Span::ZERO));
        let every = self.pause(form.every.as_ref(), EVERY);
        let samples = form.samples.as_ref().map(|samples| self.samples(samples));
        let floor = form.floor.as_ref().map(|floor| self.number(floor));
        let check = Check {
            id,
            title: form.title.clone(),
            look: look?,
            expect,
            tolerate,
            fail_if,
            severity,
            mode: form.mode.unwrap_or(Mode::Enforce),
            waiver,
            on_no_data: form.on_no_data.unwrap_or(TreatAs::Inconclusive),
            on_error: form.on_error.unwrap_or(TreatAs::Error),
            applies_if,
            needs,
            who: form.who.as_ref().map_or(RunAs::Runner, |at| at.value),
            hint: form.hint.clone(),
            tags: form.tags.clone(),
            timeout,
            settle,
            within,
            every,
            consecutive,
            samples,
            floor,
            direction: form.direction.unwrap_or(Direction::Lower),
        };
        Some((check, place, form.needs))
    }

    /// What is expected, tolerated and failed on sight.
    fn rules(&mut self, form: &CheckForm, look: &Look, id: &CheckId, place: Place) -> [Vec<FieldRule>; 3] {
        let fields = fields_of(look);
        let mut rules = |name: &str, node: &Option<Node>| {
            node.as_ref().map_or_else(Vec::new, |node| {
                if matches!(look, Look::Ask(_)) {
                    self.error_with_help(
                        "expect-of-ask",
                        node.place,
                        format!("`{name}` of a question"),
                        "a person answers it with yes or no; take it out",
                    );
                    return Vec::new();
                }
                self.expectation(name, node, &fields)
            })
        };
        let mut expect = rules("expect", &form.expect);
        let tolerate = rules("tolerate", &form.tolerate);
        let fail_if = rules("fail_if", &form.fail_if);
        if let (Look::Plugin(_), Some(written)) = (look, &form.expect) {
            let mut all = expect.iter().chain(&tolerate).chain(&fail_if);
            if !all.any(|rule| rule.field == "status" || rule.field == "exit") {
                self.complaints.push(
                    crate::plan::diagnostic::Complaint::warning(
                        "plugin-verdict",
                        written.place,
                        format!("`{id}` passes also where its plugin says WARNING or CRITICAL"),
                    )
                    .help("rules go before what a plugin says; add `status: ok`, or leave `expect` out"),
                );
            }
        }
        if form.expect.is_none() {
            match look {
                Look::Probe(Probe::Run { .. }) => expect.push(FieldRule {
                    field: "exit".to_owned(),
                    matchers: vec![Matcher::Equals(Value::from(0))],
                }),
                // It tells what was gained; nothing need be expected of that.
                Look::Probe(Probe::Measure { .. }) => {}
                Look::Probe(_) => self.error_with_help(
                    "empty-expectation",
                    place,
                    format!("nothing is expected of `{id}`"),
                    "add `expect`; a check that always passes proves nothing",
                ),
                Look::Plugin(_) | Look::Scripts(_) | Look::Ask(_) => {}
            }
        }
        [expect, tolerate, fail_if]
    }

    /// A timeout of nothing would kill every child at once.
    pub(super) fn timeout(
        &mut self,
        written: Option<&At<crate::plan::raw::Length>>,
        otherwise: Span,
    ) -> Span {
        let span = self.span(written, otherwise);
        if let Some(at) = written
            && span == Span::ZERO
        {
            self.error("bad-length", at.place, "this length is 0, and must be more");
        }
        span
    }

    fn look(&mut self, form: &CheckForm, place: Place) -> Option<Look> {
        let mut looks = Vec::new();
        let mut stated = 0;
        if let Some(probe) = &form.probe {
            stated += 1;
            let probe = At { place: probe.place, value: probe.value.0.clone() };
            looks.extend(self.probe(&probe).map(Look::Probe));
        }
        if let Some(plugin) = &form.plugin {
            stated += 1;
            looks.push(Look::Plugin(self.command(plugin, &BTreeMap::new(), None)));
        }
        if let Some(scripts) = &form.scripts {
            stated += 1;
            looks.push(Look::Scripts(self.path(scripts)));
        }
        if let Some(ask) = &form.ask {
            stated += 1;
            if ask.value.trim().is_empty() {
                self.error("wrong-value", ask.place, "the question is empty");
            }
            looks.push(Look::Ask(ask.value.clone()));
        }
        match stated {
            0 => self.error_with_help(
                "nothing-to-look-at",
                place,
                "the check looks at nothing",
                "state one of `use`, `probe`, `plugin`, `scripts` and `ask`",
            ),
            1 => {}
            _ => self.error("two-looks", place, "the check looks at more than one thing"),
        }
        looks.pop()
    }

    fn waiver(&mut self, written: &At<WaiverForm>, severity: Severity, id: &CheckId) -> Option<Waiver> {
        let until = &written.value.until;
        if severity == Severity::Critical {
            self.error_with_help(
                "waived-critical",
                written.place,
                "a critical check cannot be waived",
                "lower its severity, or repair what it finds",
            );
        }
        if written.value.reason.trim().is_empty() {
            self.error("wrong-value", written.place, "the waiver states no reason");
        }
        if chrono::NaiveDate::parse_from_str(&until.value, "%Y-%m-%d").is_err() || until.value.len() != 10 {
            self.error_with_help(
                "bad-date",
                until.place,
                format!("`{}` is no day", until.value),
                "write `YYYY-MM-DD`",
            );
            return None;
        }
        self.waived.push(Waived { place: until.place, check: id.to_string(), until: until.value.clone() });
        Some(Waiver { reason: written.value.reason.clone(), until: until.value.clone() })
    }

    fn samples(&mut self, form: &crate::plan::raw::SamplesForm) -> Samples {
        if form.count.value.0 == 0 {
            self.error("wrong-value", form.count.place, "at least 1 sample is taken");
        }
        Samples {
            count: form.count.value.0.max(1),
            every: self.span(form.every.as_ref(), EVERY),
            take: form.take.unwrap_or_default(),
        }
    }
}
