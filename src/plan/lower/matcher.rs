//! Expectations: fields of an observation with their matchers.

use super::Lowering;
use super::fields::Fields;
use crate::model::{Expectation, FieldRule, Matcher, Value};
use crate::plan::diagnostic::Complaint;
use crate::plan::quantity::{amount, is_constraint, percent};
use crate::plan::raw::{Amount, FLAGS, MATCHERS, MatchersForm};
use crate::plan::read::{At, read};
use crate::plan::suggest::did_you_mean;
use crate::plan::tree::{Entry, Kind, Node, Place};

/// A number as written, and the matcher that it makes.
type Bound<'a> = (&'a Option<At<Amount>>, fn(f64) -> Matcher);

/// Fields that are shares of a whole.
const SHARES: [&str; 5] =
    ["available_ratio", "fullest_ratio", "memory_used_ratio", "swap_used_ratio", "used_ratio"];

/// Matchers that hold a number against one that is written.
const HELD: [&str; 6] = ["lt", "le", "gt", "ge", "between", "delta_max"];

impl Lowering<'_> {
    /// The rules of `expect`, `tolerate` or `fail_if`.
    pub(super) fn expectation(&mut self, name: &str, written: &Node, fields: &Fields) -> Expectation {
        let Kind::Map(entries) = &written.kind else {
            self.error_with_help(
                "wrong-type",
                written.place,
                format!("`{name}` must be a map of fields to matchers, and is {}", written.described()),
                "write `{exit: 0}`, or a matcher for the main field: `{no_new: true}`",
            );
            return Vec::new();
        };
        if entries.is_empty() {
            self.error(
                "empty-expectation",
                written.place,
                format!("`{name}` is empty and would always hold"),
            );
        }
        let mut rules = Vec::new();
        let mut of_main: Vec<Entry> = Vec::new();
        for entry in entries {
            let first = entry.key.split('.').next().unwrap_or_default();
            let is_matcher = MATCHERS.contains(&entry.key.as_str());
            let is_field = fields.known.map_or(!is_matcher, |known| known.contains(&first));
            if is_field {
                let matchers = self.matchers_of(&entry.value, &entry.key);
                if fields.known.is_some() {
                    self.shares(entry, &matchers);
                    self.percents(&entry.key, &entry.value, fields);
                }
                rules.push(FieldRule { field: entry.key.clone(), matchers });
            } else if is_matcher {
                of_main.push(entry.clone());
            } else {
                self.unknown_field(entry, fields);
            }
        }
        if let Some(first) = of_main.first() {
            let node = Node { place: first.key_place, kind: Kind::Map(of_main) };
            let matchers = self.matchers_of(&node, fields.main);
            self.percents(fields.main, &node, fields);
            rules.push(FieldRule { field: fields.main.to_owned(), matchers });
        }
        rules
    }

    /// A share is held against a share: `90` for `90%` would always hold.
    fn shares(&mut self, entry: &Entry, matchers: &[Matcher]) {
        let last = entry.key.rsplit('.').next().unwrap_or_default();
        if !SHARES.contains(&last) {
            return;
        }
        for matcher in matchers {
            let (verb, limit) = match matcher {
                Matcher::Le(limit) | Matcher::Lt(limit) if *limit > 1.0 => ("always holds", limit),
                Matcher::Ge(limit) | Matcher::Gt(limit) if *limit > 1.0 => ("never holds", limit),
                _ => continue,
            };
            self.complaints.push(
                Complaint::warning(
                    "share",
                    entry.value.place,
                    format!("`{last}` is a share from 0 to 1, so that {limit} {verb}"),
                )
                .help(format!("write `{limit}%` or `{}`", limit / 100.0)),
            );
        }
    }

    /// `10%` is 0.1, and means that of a share alone: of bytes it would be a tenth of a byte.
    fn percents(&mut self, field: &str, written: &Node, fields: &Fields) {
        let last = field.rsplit('.').next().unwrap_or_default();
        // What a measurement is of, or a command prints, may be a share; a quota of processors is one, of one of them.
        let printed = fields.main == "exit" && last != "duration";
        let may_be_share = last.ends_with("_ratio")
            || field.starts_with("cpu_quota")
            || fields.main == "median"
            || printed
            || fields.known.is_none();
        let Kind::Map(entries) = &written.kind else { return };
        for Entry { key, value, .. } in entries.iter().filter(|entry| HELD.contains(&entry.key.as_str())) {
            let written = match &value.kind {
                Kind::List(both) => both.iter().collect(),
                Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::Map(_) => vec![value],
            };
            for Node { place, kind } in written {
                let Kind::Text(text) = kind else { continue };
                let Some(share) = percent(text).filter(|_| !may_be_share) else { continue };
                let help = if last.ends_with("percent") {
                    format!("write `{share}`: `{last}` counts in hundredths")
                } else if key == "delta_max" {
                    format!("write an amount such as `500MB`, or `ratio_max: {}`", 1.0 + share / 100.0)
                } else {
                    "write an amount such as `500MB`, or hold a share such as `used_ratio` against it"
                        .to_owned()
                };
                self.error_with_help(
                    "not-a-share",
                    *place,
                    format!("`{last}` is no share, and `{text}` is one"),
                    help,
                );
            }
        }
    }

    fn unknown_field(&mut self, entry: &Entry, fields: &Fields) {
        let key = entry.key.as_str();
        let help = match key {
            "floor" | "direction" => format!("state `{key}` beside `expect`, in the check itself"),
            other => did_you_mean(other, fields.known.unwrap_or_default().iter().copied().chain(MATCHERS)),
        };
        self.error_with_help(
            "unknown-observation",
            entry.key_place,
            format!("this probe has no field `{key}`, and there is no such matcher"),
            help,
        );
    }

    fn matchers_of(&mut self, written: &Node, name: &str) -> Vec<Matcher> {
        match &written.kind {
            Kind::Map(entries) if entries.is_empty() => {
                self.error("empty-expectation", written.place, format!("nothing is expected of `{name}`"));
                Vec::new()
            }
            Kind::Map(_) => match read::<MatchersForm>(written, name, self.complaints) {
                Some(form) => self.matchers(&form, written.place),
                None => Vec::new(),
            },
            Kind::Text(word) if MATCHERS.contains(&word.as_str()) => {
                self.matcher_as_value(word, written.place);
                Vec::new()
            }
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) => {
                vec![Matcher::Equals(written.value())]
            }
        }
    }

    /// `sha256: unchanged` would compare with the text `unchanged`, and nobody means that.
    fn matcher_as_value(&mut self, word: &str, place: Place) {
        let value = if FLAGS.contains(&word) { "true" } else { "..." };
        self.error_with_help(
            "matcher-as-value",
            place,
            format!("`{word}` is a matcher and stands here as a value"),
            format!("write `{{{word}: {value}}}`, or `{{equals: {word}}}` where the text is meant"),
        );
    }

    fn matchers(&mut self, form: &MatchersForm, place: Place) -> Vec<Matcher> {
        let mut all = Vec::new();
        all.extend(form.equals.as_ref().map(|node| Matcher::Equals(node.value())));
        if let Some(node) = &form.not {
            all.push(Matcher::Not(self.matchers_of(node, "not")));
        }
        if let Some(groups) = &form.all_of {
            all.push(Matcher::AllOf(self.groups(groups, "all_of", place)));
        }
        if let Some(groups) = &form.any_of {
            all.push(Matcher::AnyOf(self.groups(groups, "any_of", place)));
        }
        let bounds: [Bound<'_>; 6] = [
            (&form.lt, Matcher::Lt),
            (&form.le, Matcher::Le),
            (&form.gt, Matcher::Gt),
            (&form.ge, Matcher::Ge),
            (&form.delta_max, Matcher::DeltaMax),
            (&form.ratio_max, Matcher::RatioMax),
        ];
        for (written, name) in [(&form.delta_max, "delta_max"), (&form.ratio_max, "ratio_max")] {
            written.iter().for_each(|at| self.compared(name, at.place));
        }
        for (written, matcher) in bounds {
            all.extend(written.as_ref().map(|at| matcher(self.number(at))));
        }
        if let Some(pair) = &form.between {
            all.extend(self.between(pair));
        }
        all.extend(form.matches.as_ref().map(|pattern| Matcher::Matches(self.pattern(pattern))));
        all.extend(form.prefix.clone().map(Matcher::Prefix));
        all.extend(form.suffix.clone().map(Matcher::Suffix));
        all.extend(form.contains.as_ref().map(|node| Matcher::Contains(node.value())));
        if let Some(nodes) = &form.contains_all {
            if nodes.is_empty() {
                self.error("empty-expectation", place, "`contains_all` names nothing");
            }
            all.push(Matcher::ContainsAll(values(nodes)));
        }
        all.extend(form.exactly.as_ref().map(|nodes| Matcher::Exactly(values(nodes))));
        if let Some(node) = &form.len {
            all.push(Matcher::Len(self.matchers_of(node, "len")));
        }
        all.extend(form.has_key.clone().map(Matcher::HasKey));
        if let Some(version) = &form.version {
            if !is_constraint(&version.value.0) {
                self.error_with_help(
                    "bad-version",
                    version.place,
                    format!("`{}` is no version constraint", version.value.0),
                    "write `>=1.2, <2`",
                );
            }
            all.push(Matcher::Version(version.value.0.clone()));
        }
        all.extend(form.exists.map(Matcher::Exists));
        all.extend(form.empty.map(Matcher::Empty));
        for (written, name, matcher) in [
            (&form.no_new, "no_new", Matcher::NoNew),
            (&form.none_missing, "none_missing", Matcher::NoneMissing),
            (&form.unchanged, "unchanged", Matcher::Unchanged),
        ] {
            let Some(at) = written else { continue };
            self.compared(name, at.place);
            if !at.value {
                self.error("wrong-value", at.place, format!("`{name}` can only be `true`; leave it out"));
            }
            all.push(matcher);
        }
        all
    }

    /// A matcher that compares with the baseline needs one.
    fn compared(&mut self, name: &str, place: Place) {
        let Some(unmeasured) = &self.unmeasured else { return };
        // What a library says is told where the plan names it.
        let place = unmeasured.named.filter(|named| named.file != place.file).unwrap_or(place);
        let what =
            format!("`{name}` compares with the baseline, and `{}` is judged without one", unmeasured.part);
        self.error_with_help(
            "no-baseline",
            place,
            what,
            "state what the value must be, or put the check under `validate`",
        );
    }

    fn groups(&mut self, nodes: &[Node], name: &str, place: Place) -> Vec<Vec<Matcher>> {
        if nodes.is_empty() {
            self.error("empty-expectation", place, format!("`{name}` names nothing"));
        }
        nodes.iter().map(|node| self.matchers_of(node, name)).collect()
    }

    fn between(&mut self, pair: &At<Vec<At<Amount>>>) -> Option<Matcher> {
        let [low, high] = pair.value.as_slice() else {
            self.error(
                "wrong-type",
                pair.place,
                format!("`between` must be a list of 2, and is a list of {}", pair.value.len()),
            );
            return None;
        };
        let (low, high) = (self.number(low), self.number(high));
        if low > high {
            self.error("wrong-value", pair.place, format!("nothing is between {low} and {high}"));
        }
        Some(Matcher::Between(low, high))
    }

    pub(super) fn number(&mut self, written: &At<Amount>) -> f64 {
        match &written.value {
            Amount::Number(number) => *number,
            Amount::Text(text) => amount(text).unwrap_or_else(|| {
                self.error_with_help(
                    "bad-amount",
                    written.place,
                    format!("`{text}` is no amount"),
                    "a number, `20GiB`, `500MB`, `30%`, `5s`",
                );
                0.0
            }),
        }
    }
}

fn values(nodes: &[Node]) -> Vec<Value> {
    nodes.iter().map(Node::value).collect()
}
