//! One observed value against one matcher.

use super::compare::{self, Before};
use super::reasons::{Unit, listed, number, pair, quoted, shown};
use super::version::{Version, satisfies};
use crate::model::{Direction, Matcher, Value};
use regex::Regex;
use std::borrow::Cow;

/// Whether something holds. In a conjunction the least one decides: one failure settles it, whatever else is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Truth {
    /// It was measured and does not hold.
    Fails,
    /// There is a value, and it cannot be compared.
    Undecided,
    /// There is no value to compare.
    NoData,
    /// It holds.
    Holds,
}

impl Truth {
    pub(super) fn of(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }

    fn negated(self) -> Self {
        match self {
            Self::Fails => Self::Holds,
            Self::Holds => Self::Fails,
            Self::Undecided => Self::Undecided,
            Self::NoData => Self::NoData,
        }
    }
}

/// A truth and the observed facts that make it so, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) truth: Truth,
    pub(super) reasons: Vec<String>,
}

impl Finding {
    pub(super) fn new(truth: Truth, reason: impl Into<String>) -> Self {
        Self { truth, reasons: vec![reason.into()] }
    }

    fn negated(self) -> Self {
        Self { truth: self.truth.negated(), reasons: self.reasons }
    }

    /// All of them: the least truth, with the reasons of those that have it.
    pub(super) fn all(findings: Vec<Self>) -> Self {
        let truth = findings.iter().map(|finding| finding.truth).min().unwrap_or(Truth::Undecided);
        let decisive = findings.into_iter().filter(|finding| finding.truth == truth);
        Self { truth, reasons: decisive.flat_map(|finding| finding.reasons).collect() }
    }

    /// At least one of them.
    fn any(findings: Vec<Self>) -> Self {
        Self::all(findings.into_iter().map(Self::negated).collect()).negated()
    }
}

/// What a matcher is judged with, besides the value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) unit: Unit,
    pub(super) before: Before<'a>,
    pub(super) floor: Option<f64>,
    pub(super) direction: Direction,
    /// How the value was made of several: `median of 5`.
    pub(super) sampled: Option<&'a str>,
    /// Why the value may be less than the truth.
    pub(super) unseen: Option<&'a str>,
}

/// All matchers of one field.
pub(super) fn all_hold(matchers: &[Matcher], now: Option<&Value>, scope: Scope<'_>) -> Finding {
    Finding::all(matchers.iter().map(|matcher| holds(matcher, now, scope)).collect())
}

/// A number, or a text that is wholly one. Not-a-number and infinities are no numbers: nothing passes with them.
pub(super) fn as_number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number.filter(|x: &f64| x.is_finite())
}

/// Equality of values, where 1 and 1.0 are the same number.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        // Whole numbers exactly: beyond 2^53 neighbours share a floating-point number.
        (Value::Number(a), Value::Number(b)) => match (a.as_i128(), b.as_i128()) {
            (Some(a), Some(b)) => a == b,
            (Some(_) | None, Some(_) | None) => a.as_f64() == b.as_f64(),
        },
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(x, y)| same(x, y)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, x)| b.get(key).is_some_and(|y| same(x, y)))
        }
        (left, right) => left == right,
    }
}

/// The elements of a list, or the keys of a map.
pub(super) fn elements(value: &Value) -> Option<Cow<'_, [Value]>> {
    match value {
        Value::Array(list) => Some(Cow::Borrowed(list)),
        Value::Object(map) => Some(map.keys().map(|key| Value::from(key.as_str())).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Whether a list has this element.
pub(super) fn has(list: &[Value], wanted: &Value) -> bool {
    list.iter().any(|element| same(element, wanted))
}

/// The texts of a value: one of a scalar, each of a list of scalars.
fn texts(value: &Value) -> Option<Vec<Cow<'_, str>>> {
    match value {
        Value::String(text) => Some(vec![Cow::Borrowed(text)]),
        Value::Number(number) => Some(vec![Cow::Owned(number.to_string())]),
        Value::Bool(yes) => Some(vec![Cow::Owned(yes.to_string())]),
        Value::Array(list) => {
            list.iter().map(texts).collect::<Option<Vec<_>>>().map(|all| all.into_iter().flatten().collect())
        }
        Value::Null | Value::Object(_) => None,
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(list) => Some(list.len()),
        Value::Object(map) => Some(map.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn undecided(unit: Unit, value: &Value, what: &str) -> Finding {
    Finding::new(Truth::Undecided, format!("{} {what}", shown(unit, value)))
}

/// One matcher. A value that is not there, or null, is absence. A value that is less than the truth settles only what
/// more of it would not change.
pub(super) fn holds(matcher: &Matcher, now: Option<&Value>, scope: Scope<'_>) -> Finding {
    let finding = as_seen(matcher, now, scope);
    let unsettled = match matcher {
        // These judge through others.
        Matcher::Not(_) | Matcher::AllOf(_) | Matcher::AnyOf(_) | Matcher::Len(_) => return finding,
        Matcher::Gt(_)
        | Matcher::Ge(_)
        | Matcher::Matches(_)
        | Matcher::Prefix(_)
        | Matcher::Suffix(_)
        | Matcher::Contains(_)
        | Matcher::ContainsAll(_)
        | Matcher::HasKey(_)
        | Matcher::Exists(true)
        | Matcher::Empty(false)
        | Matcher::NoneMissing => Truth::Fails,
        Matcher::Equals(_)
        | Matcher::Lt(_)
        | Matcher::Le(_)
        | Matcher::Between(..)
        | Matcher::Exactly(_)
        | Matcher::Version(_)
        | Matcher::Exists(false)
        | Matcher::Empty(true)
        | Matcher::NoNew
        | Matcher::Unchanged
        | Matcher::DeltaMax(_)
        | Matcher::RatioMax(_) => Truth::Holds,
    };
    match scope.unseen {
        Some(why) if finding.truth == unsettled => {
            let reasons =
                finding.reasons.iter().map(|reason| format!("{reason}, but not all was seen: {why}"));
            Finding { truth: Truth::NoData, reasons: reasons.collect() }
        }
        Some(_) | None => finding,
    }
}

fn as_seen(matcher: &Matcher, now: Option<&Value>, scope: Scope<'_>) -> Finding {
    let unit = scope.unit;
    match (matcher, now.filter(|value| !value.is_null())) {
        (Matcher::Not(inner), _) => {
            Finding::all(inner.iter().map(|one| forbidden(holds(one, now, scope))).collect())
        }
        (Matcher::AllOf(groups), _) => {
            Finding::all(groups.iter().map(|group| all_hold(group, now, scope)).collect())
        }
        (Matcher::AnyOf(groups), _) => {
            Finding::any(groups.iter().map(|group| all_hold(group, now, scope)).collect())
        }
        (matcher, None) => absent(matcher),
        (Matcher::Equals(wanted), Some(now)) => match same(now, wanted) {
            true => Finding::new(Truth::Holds, format!("is {}", shown(unit, now))),
            false => Finding::new(Truth::Fails, differs(unit, now, wanted)),
        },
        (Matcher::Lt(limit), Some(now)) => ordered(now, *limit, unit, ("<", ">="), |x, y| x < y),
        (Matcher::Le(limit), Some(now)) => ordered(now, *limit, unit, ("<=", ">"), |x, y| x <= y),
        (Matcher::Gt(limit), Some(now)) => ordered(now, *limit, unit, (">", "<="), |x, y| x > y),
        (Matcher::Ge(limit), Some(now)) => ordered(now, *limit, unit, (">=", "<"), |x, y| x >= y),
        (Matcher::Between(low, high), Some(now)) => match as_number(now) {
            Some(x) => {
                let within = x >= *low && x <= *high;
                let word = if within { "within" } else { "outside" };
                let range = format!("{} to {}", number(unit, *low), number(unit, *high));
                Finding::new(Truth::of(within), format!("{} is {word} {range}", number(unit, x)))
            }
            None => undecided(unit, now, "is not a number"),
        },
        (Matcher::Matches(pattern), Some(now)) => match Regex::new(pattern) {
            Ok(regex) => {
                textual(now, unit, ("matches", "does not match"), pattern, |text| regex.is_match(text))
            }
            Err(_) => Finding::new(Truth::Undecided, format!("`{pattern}` is not a regular expression")),
        },
        (Matcher::Prefix(prefix), Some(now)) => {
            let words = ("begins with", "does not begin with");
            textual(now, unit, words, prefix, |text| text.starts_with(prefix.as_str()))
        }
        (Matcher::Suffix(suffix), Some(now)) => {
            let words = ("ends with", "does not end with");
            textual(now, unit, words, suffix, |text| text.ends_with(suffix.as_str()))
        }
        (Matcher::Contains(wanted), Some(now)) => contains(now, std::slice::from_ref(wanted), unit),
        (Matcher::ContainsAll(wanted), Some(now)) => contains(now, wanted, unit),
        (Matcher::Exactly(wanted), Some(now)) => exactly(now, wanted, unit),
        (Matcher::Len(inner), Some(now)) => match length(now) {
            Some(length) => {
                let scope = Scope { unit: Unit::Plain, before: scope.before.length(self::length), ..scope };
                let mut finding = all_hold(inner, Some(&Value::from(length)), scope);
                finding.reasons = finding.reasons.iter().map(|reason| format!("length {reason}")).collect();
                finding
            }
            None => undecided(unit, now, "has no length"),
        },
        (Matcher::HasKey(key), Some(now)) => match now {
            Value::Object(map) if map.contains_key(key) => {
                Finding::new(Truth::Holds, format!("has the key `{key}`"))
            }
            Value::Object(_) => Finding::new(Truth::Fails, format!("has no key `{key}`")),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                undecided(unit, now, "is not a map")
            }
        },
        (Matcher::Version(constraint), Some(now)) => versioned(now, constraint, unit),
        (Matcher::Exists(wanted), Some(now)) => {
            Finding::new(Truth::of(*wanted), format!("is there: {}", shown(unit, now)))
        }
        (Matcher::Empty(wanted), Some(now)) => match length(now) {
            Some(0) => Finding::new(Truth::of(*wanted), "is empty"),
            Some(_) => Finding::new(Truth::of(!*wanted), format!("is {}, not empty", shown(unit, now))),
            None => undecided(unit, now, "is neither empty nor full"),
        },
        (Matcher::NoNew, Some(now)) => compare::no_new(now, scope),
        (Matcher::NoneMissing, Some(now)) => compare::none_missing(now, scope),
        (Matcher::Unchanged, Some(now)) => compare::unchanged(now, scope),
        (Matcher::DeltaMax(limit), Some(now)) => compare::delta_max(now, *limit, scope),
        (Matcher::RatioMax(limit), Some(now)) => compare::ratio_max(now, *limit, scope),
    }
}

/// What may not hold, turned round. What holds and may not says so.
fn forbidden(inner: Finding) -> Finding {
    let mut finding = inner.negated();
    if finding.truth == Truth::Fails {
        finding.reasons =
            finding.reasons.iter().map(|reason| format!("{reason}, which must not be")).collect();
    }
    finding
}

/// A matcher on a value that is not there.
fn absent(matcher: &Matcher) -> Finding {
    match matcher {
        Matcher::Exists(wanted) => Finding::new(Truth::of(!*wanted), "is not there"),
        Matcher::Empty(wanted) => Finding::new(Truth::of(*wanted), "is not there"),
        Matcher::Equals(Value::Null) => Finding::new(Truth::Holds, "is not there"),
        _ => Finding::new(Truth::NoData, "has no value"),
    }
}

fn differs(unit: Unit, now: &Value, wanted: &Value) -> String {
    match (now, wanted) {
        (Value::Number(_), Value::Number(_)) => match (as_number(now), as_number(wanted)) {
            (Some(x), Some(y)) if x.total_cmp(&y).is_ne() => {
                let (x, y) = pair(unit, x, y);
                format!("is {x}, not {y}")
            }
            _ => format!("is {now}, not {wanted}"),
        },
        _ => format!("is {}, not {}", shown(unit, now), shown(unit, wanted)),
    }
}

fn ordered(
    now: &Value,
    limit: f64,
    unit: Unit,
    signs: (&str, &str),
    compare: impl Fn(f64, f64) -> bool,
) -> Finding {
    let Some(x) = as_number(now) else { return undecided(unit, now, "is not a number") };
    if !limit.is_finite() {
        return Finding::new(Truth::Undecided, format!("the limit {limit} is not a number"));
    }
    let (left, right) = pair(unit, x, limit);
    let holds = compare(x, limit);
    let sign = if holds { signs.0 } else { signs.1 };
    Finding::new(Truth::of(holds), format!("{left} {sign} {right}"))
}

fn textual(now: &Value, unit: Unit, words: (&str, &str), rule: &str, fits: impl Fn(&str) -> bool) -> Finding {
    let Some(texts) = texts(now) else { return undecided(unit, now, "is not text") };
    let value = shown(unit, now);
    match texts.iter().find(|text| fits(text)) {
        Some(_) => Finding::new(Truth::Holds, format!("{value} {} `{rule}`", words.0)),
        None => Finding::new(Truth::Fails, format!("{value} {} `{rule}`", words.1)),
    }
}

fn contains(now: &Value, wanted: &[Value], unit: Unit) -> Finding {
    let missing: Vec<Value> = match now {
        Value::String(text) => {
            let mut missing = Vec::new();
            for one in wanted {
                match texts(one).as_deref() {
                    Some([part]) if text.contains(part.as_ref()) => {}
                    Some(_) | None => missing.push(one.clone()),
                }
            }
            missing
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            let Some(list) = elements(now) else {
                return undecided(unit, now, "is neither text nor a list");
            };
            wanted.iter().filter(|one| !has(&list, one)).cloned().collect()
        }
    };
    match missing.is_empty() {
        true => Finding::new(Truth::Holds, format!("contains {}", listed(wanted))),
        false => Finding::new(Truth::Fails, format!("lacks {}; is {}", listed(&missing), shown(unit, now))),
    }
}

fn exactly(now: &Value, wanted: &[Value], unit: Unit) -> Finding {
    let Some(list) = elements(now) else { return undecided(unit, now, "is not a list") };
    let mut surplus = list.to_vec();
    let mut missing = Vec::new();
    for one in wanted {
        match surplus.iter().position(|element| same(element, one)) {
            Some(at) => {
                surplus.remove(at);
            }
            None => missing.push(one.clone()),
        }
    }
    match (missing.is_empty(), surplus.is_empty()) {
        (true, true) => Finding::new(Truth::Holds, format!("is exactly {}", shown(unit, now))),
        (false, true) => Finding::new(Truth::Fails, format!("lacks {}", listed(&missing))),
        (true, false) => Finding::new(Truth::Fails, format!("has more than asked: {}", listed(&surplus))),
        (false, false) => Finding::new(
            Truth::Fails,
            format!("lacks {} and has more than asked: {}", listed(&missing), listed(&surplus)),
        ),
    }
}

fn versioned(now: &Value, constraint: &str, unit: Unit) -> Finding {
    let text = match now {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Cow::Borrowed(""),
    };
    let Some(version) = Version::find(&text) else { return undecided(unit, now, "holds no version") };
    match satisfies(&version, constraint) {
        Some(true) => Finding::new(Truth::Holds, format!("version {} is {constraint}", quoted(&text))),
        Some(false) => Finding::new(Truth::Fails, format!("version {} is not {constraint}", quoted(&text))),
        None => Finding::new(Truth::Undecided, format!("`{constraint}` is not a version constraint")),
    }
}
