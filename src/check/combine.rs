//! Several samples into one value.

use crate::model::{Observation, Use, Value};
use serde_json::Map;

/// One observation of several: numbers become the median (or what else is asked for), also those inside maps; other
/// fields are those of the last sample. A field that is a number in some samples and not in others is left out:
/// the rest would be no median of all.
pub(super) fn combined(mut samples: Vec<Observation>, how: Use) -> Option<Observation> {
    let last = samples.pop()?;
    if samples.is_empty() || how == Use::Last {
        return Some(last);
    }
    let earlier: Vec<Value> =
        samples.into_iter().map(|seen| Value::Object(seen.0.into_iter().collect())).collect();
    let refs: Vec<Option<&Value>> = earlier.iter().map(Some).collect();
    let last: Map<String, Value> = last.0.into_iter().collect();
    match one(&refs, &Value::Object(last), how) {
        Some(Value::Object(map)) => Some(Observation(map.into_iter().collect())),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) | None => {
            None
        }
    }
}

fn one(earlier: &[Option<&Value>], last: &Value, how: Use) -> Option<Value> {
    match last {
        Value::Number(number) => {
            let mut all: Vec<f64> =
                earlier.iter().map(|value| value.and_then(Value::as_f64)).collect::<Option<_>>()?;
            all.push(number.as_f64()?);
            Some(whole_or_not(reduce(all, how)?))
        }
        Value::Object(map) => {
            let inner = map.iter().filter_map(|(key, value)| {
                let earlier: Vec<Option<&Value>> =
                    earlier.iter().map(|value| value.and_then(|value| value.get(key))).collect();
                Some((key.clone(), one(&earlier, value, how)?))
            });
            Some(Value::Object(inner.collect()))
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => Some(last.clone()),
    }
}

/// Counts stay whole numbers.
#[expect(clippy::cast_possible_truncation, reason = "it is whole and below 2^53")]
fn whole_or_not(x: f64) -> Value {
    if x.fract() == 0.0 && x.abs() < 9e15 { Value::from(x as i64) } else { Value::from(x) }
}

#[expect(clippy::cast_precision_loss, reason = "nobody takes 2^52 samples")]
fn reduce(mut all: Vec<f64>, how: Use) -> Option<f64> {
    all.sort_by(f64::total_cmp);
    let middle = all.len() / 2;
    match how {
        Use::Median if all.len() % 2 == 1 => all.get(middle).copied(),
        Use::Median => Some(f64::midpoint(*all.get(middle.checked_sub(1)?)?, *all.get(middle)?)),
        Use::Mean => Some(all.iter().sum::<f64>() / all.len() as f64),
        Use::Min => all.first().copied(),
        Use::Max | Use::Last => all.last().copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_combined_as_asked() {
        let samples = |values: &[f64]| -> Vec<Observation> {
            values.iter().map(|value| Observation::new().with("x", *value)).collect()
        };
        for (how, values, x) in [
            (Use::Median, &[5.0, 1.0, 3.0][..], json!(3)),
            (Use::Median, &[1.0, 2.0, 4.0, 9.0], json!(3)),
            (Use::Median, &[1.0, 2.0], json!(1.5)),
            (Use::Mean, &[1.0, 2.0, 6.0], json!(3)),
            (Use::Min, &[2.0, 1.0, 3.0], json!(1)),
            (Use::Max, &[2.0, 3.0, 1.0], json!(3)),
            (Use::Last, &[2.0, 3.0, 1.0], json!(1.0)),
            (Use::Median, &[7.0], json!(7.0)),
        ] {
            let seen = combined(samples(values), how).expect("an observation");
            assert_eq!(seen.get("x"), Some(&x), "{how:?} {values:?}");
        }
        assert_eq!(combined(Vec::new(), Use::Median), None);
    }

    #[test]
    fn maps_are_entered_and_other_fields_are_the_last() {
        let samples = [1, 5, 3].map(|x| {
            Observation::new().with("value", json!({"rss": x, "name": format!("n{x}")})).with("list", vec![x])
        });
        let seen = combined(samples.to_vec(), Use::Median).expect("an observation");
        assert_eq!(seen.get("value"), Some(&json!({"rss": 3, "name": "n3"})));
        assert_eq!(seen.get("list"), Some(&json!([3])));
    }

    #[test]
    fn a_number_that_was_not_always_there_is_left_out() {
        let samples = vec![Observation::new(), Observation::new().with("pss", 5).with("count", 1)];
        let seen = combined(samples, Use::Median).expect("an observation");
        assert_eq!(seen, Observation::new());
    }
}
