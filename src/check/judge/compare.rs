//! One observed value against what was there before.

use super::matchers::{Finding, Scope, Truth, as_number, elements, has, same};
use super::reasons::{Unit, listed, number, pair, shown};
use crate::check::bounded;
use crate::model::{Direction, Value};

/// What the baseline has to say about a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Before<'a> {
    /// There is no baseline.
    NoBaseline,
    /// There is one, of a command that ended badly: so.
    Ended(&'a str),
    /// There is one, and it lacks the field.
    Missing,
    /// The value then.
    Value(&'a Value),
    /// The length of the value then.
    Length(usize),
}

impl<'a> Before<'a> {
    /// The same question about lengths.
    pub(super) fn length(self, length: impl Fn(&Value) -> Option<usize>) -> Self {
        match self {
            Self::Value(value) => length(value).map_or(Self::Missing, Self::Length),
            Self::NoBaseline | Self::Ended(_) | Self::Missing | Self::Length(_) => self,
        }
    }

    fn read(self) -> Result<Value, Finding> {
        match self {
            Self::Value(value) if !value.is_null() => Ok(value.clone()),
            Self::Length(length) => Ok(Value::from(length)),
            Self::NoBaseline => Err(Finding::new(Truth::NoData, "has no baseline")),
            Self::Ended(how) => {
                Err(Finding::new(Truth::NoData, format!("has no baseline: before, the command ended {how}")))
            }
            Self::Missing | Self::Value(_) => {
                Err(Finding::new(Truth::NoData, "has no value in the baseline"))
            }
        }
    }
}

fn sets(now: &Value, before: &Value, unit: Unit) -> Result<(Vec<Value>, Vec<Value>), Finding> {
    // The baseline was bounded when it was kept; what is compared with it is bounded in the same way.
    let now = bounded(now.clone());
    match (elements(&now), elements(before)) {
        (Some(now), Some(before)) => Ok((now.into_owned(), before.into_owned())),
        (None, _) => Err(Finding::new(Truth::Undecided, format!("{} is not a list", shown(unit, &now)))),
        (Some(_), None) => Err(Finding::new(
            Truth::Undecided,
            format!("{} in the baseline is not a list", shown(unit, before)),
        )),
    }
}

/// What is in the first and not in the second, each once.
fn without(these: &[Value], those: &[Value]) -> Vec<Value> {
    let mut left: Vec<Value> = Vec::new();
    for one in these {
        if !has(those, one) && !has(&left, one) {
            left.push(one.clone());
        }
    }
    left
}

/// No element that was not there before.
pub(super) fn no_new(now: &Value, scope: Scope<'_>) -> Finding {
    let read = scope.before.read().and_then(|before| sets(now, &before, scope.unit));
    match read {
        Err(finding) => finding,
        Ok((now, before)) => {
            let new = without(&now, &before);
            let counts = format!("({} before, {} now)", before.len(), now.len());
            match new.is_empty() {
                true => Finding::new(Truth::Holds, format!("has nothing new {counts}")),
                false => {
                    Finding::new(Truth::Fails, format!("has {} new: {} {counts}", new.len(), listed(&new)))
                }
            }
        }
    }
}

/// Every element that was there before.
pub(super) fn none_missing(now: &Value, scope: Scope<'_>) -> Finding {
    let read = scope.before.read().and_then(|before| sets(now, &before, scope.unit));
    match read {
        Err(finding) => finding,
        Ok((now, before)) => {
            let gone = without(&before, &now);
            let counts = format!("({} before, {} now)", before.len(), now.len());
            match gone.is_empty() {
                true => Finding::new(Truth::Holds, format!("misses nothing {counts}")),
                false => {
                    Finding::new(Truth::Fails, format!("misses {}: {} {counts}", gone.len(), listed(&gone)))
                }
            }
        }
    }
}

/// Equal to what was there before; numbers may differ by less than the floor.
pub(super) fn unchanged(now: &Value, scope: Scope<'_>) -> Finding {
    let before = match scope.before.read() {
        Ok(before) => before,
        Err(finding) => return finding,
    };
    let now = bounded(now.clone());
    if same(&now, &before) {
        return Finding::new(Truth::Holds, format!("is unchanged, {}", shown(scope.unit, &now)));
    }
    if let (Value::Number(_), Value::Number(_), Some(x), Some(y)) =
        (&now, &before, as_number(&now), as_number(&before))
    {
        let truth = Truth::of(below_floor(x - y, scope.floor));
        let (then, current) = pair(scope.unit, y, x);
        return Finding::new(truth, format!("changed (before {then}, now {current}{})", tail(scope)));
    }
    let (then, current) = (shown(scope.unit, &before), shown(scope.unit, &now));
    Finding::new(Truth::Fails, format!("changed (before {then}, now {current})"))
}

fn below_floor(difference: f64, floor: Option<f64>) -> bool {
    floor.is_some_and(|floor| difference.abs() < floor)
}

/// Both numbers, or why they cannot be compared.
fn numbers(now: &Value, limit: f64, scope: Scope<'_>) -> Result<(f64, f64), Finding> {
    let before = scope.before.read()?;
    let undecided = |text: String| Finding::new(Truth::Undecided, text);
    let Some(x) = as_number(now) else {
        return Err(undecided(format!("{} is not a number", shown(scope.unit, now))));
    };
    let Some(y) = as_number(&before) else {
        return Err(undecided(format!("{} in the baseline is not a number", shown(scope.unit, &before))));
    };
    if limit.is_finite() { Ok((x, y)) } else { Err(undecided(format!("the limit {limit} is not a number"))) }
}

/// What stands behind the two values: how they were sampled.
fn tail(scope: Scope<'_>) -> String {
    scope.sampled.map_or_else(String::new, |how| format!(", {how}"))
}

fn within_floor(x: f64, y: f64, scope: Scope<'_>) -> Option<Finding> {
    let floor = scope.floor.filter(|_| below_floor(x - y, scope.floor))?;
    let (then, current) = pair(scope.unit, y, x);
    let words = format!("differs by less than the floor {}", number(scope.unit, floor));
    Some(Finding::new(Truth::Holds, format!("{words} (before {then}, now {current}{})", tail(scope))))
}

/// Differs by at most this much, in the direction that counts.
pub(super) fn delta_max(now: &Value, limit: f64, scope: Scope<'_>) -> Finding {
    let (x, y) = match numbers(now, limit, scope) {
        Ok(both) => both,
        Err(finding) => return finding,
    };
    if let Some(finding) = within_floor(x, y, scope) {
        return finding;
    }
    let (word, worse) = match scope.direction {
        Direction::Lower => ("growth", x - y),
        Direction::Higher => ("loss", y - x),
        Direction::Either => ("difference", (x - y).abs()),
    };
    let holds = worse <= limit;
    let sign = if holds { "<=" } else { ">" };
    let (worse, limit) = pair(scope.unit, worse, limit);
    let (then, current) = pair(scope.unit, y, x);
    Finding::new(
        Truth::of(holds),
        format!("{word} {worse} {sign} {limit} (before {then}, now {current}{})", tail(scope)),
    )
}

/// At most this many times as much; at least, where more is better; both, where any change counts.
pub(super) fn ratio_max(now: &Value, limit: f64, scope: Scope<'_>) -> Finding {
    let (x, y) = match numbers(now, limit, scope) {
        Ok(both) => both,
        Err(finding) => return finding,
    };
    if limit <= 0.0 {
        return Finding::new(Truth::Undecided, format!("the limit {limit} is not above zero"));
    }
    if let Some(finding) = within_floor(x, y, scope) {
        return finding;
    }
    let (then, current) = pair(scope.unit, y, x);
    let values = format!("(before {then}, now {current}{})", tail(scope));
    // No ratio to nothing: it would be infinite, and every change of an error count would fail.
    if y <= 0.0 {
        let truth = if (x - y).abs() <= 0.0 { Truth::Holds } else { Truth::Undecided };
        return Finding::new(truth, format!("has no ratio to {then} {values}"));
    }
    let ratio = x / y;
    // Growth is held against the upper bound and loss against the lower one; a direction has one of them or both.
    let (least, most) = match scope.direction {
        Direction::Lower => (None, Some(limit)),
        Direction::Higher => (Some(limit), None),
        Direction::Either => (Some(limit.min(limit.recip())), Some(limit.max(limit.recip()))),
    };
    let findings = [
        most.map(|most| bound(ratio, most, ratio <= most, ("<=", ">"), &values)),
        least.map(|least| bound(ratio, least, ratio >= least, (">=", "<"), &values)),
    ];
    Finding::all(findings.into_iter().flatten().collect())
}

fn bound(ratio: f64, bound: f64, holds: bool, signs: (&str, &str), values: &str) -> Finding {
    let (ratio, bound) = pair(Unit::Plain, ratio, bound);
    let sign = if holds { signs.0 } else { signs.1 };
    Finding::new(Truth::of(holds), format!("ratio {ratio} {sign} {bound} {values}"))
}
