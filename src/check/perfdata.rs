//! What monitoring plugins print after the bar: `label=value[unit];[warn];[crit];[min];[max]`.

use crate::model::{Observation, Value};

/// A value that could be read, in the base unit.
#[derive(Debug, Clone, PartialEq)]
struct Datum<'a> {
    label: String,
    value: f64,
    unit: &'static str,
    scale: f64,
    thresholds: Vec<&'a str>,
}

/// The observation with `perf.<label>` and, where they are stated, `unit.`, `warn.`, `crit.`, `min.` and `max.<label>`.
/// Values are in the base unit: seconds, bytes (KB counts 1024), percent. A value that is undetermined (`U`) or no number is left
/// out.
pub(super) fn with_perfdata(mut seen: Observation, text: &str) -> Observation {
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((label, after)) = label(rest) else { break };
        let end = after.find(char::is_whitespace).unwrap_or(after.len());
        let (body, next) = after.split_at(end);
        rest = next.trim_start();
        let Some(datum) = datum(label, body) else { continue };
        let mut put = |kind: &str, value: Value| seen.0.insert(format!("{kind}.{}", datum.label), value);
        put("perf", Value::from(datum.value));
        if !datum.unit.is_empty() {
            put("unit", Value::from(datum.unit));
        }
        for (kind, text) in ["warn", "crit", "min", "max"].into_iter().zip(&datum.thresholds) {
            match text.parse::<f64>() {
                Ok(number) if number.is_finite() => put(kind, Value::from(number * datum.scale)),
                _ if text.is_empty() => None,
                // A range: `10:20`, `@5:`; kept as it was written.
                _ => put(kind, Value::from(*text)),
            };
        }
    }
    seen
}

/// The label, with or without quotes, and what follows its `=`.
fn label(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('\'') else {
        let (label, after) = text.split_once('=')?;
        return Some((label.trim().to_owned(), after));
    };
    let mut label = String::new();
    loop {
        let (part, after) = rest.split_once('\'')?;
        label.push_str(part);
        match after.strip_prefix('\'') {
            // Two quotes stand for one.
            Some(more) => {
                label.push('\'');
                rest = more;
            }
            None => return Some((label, after.strip_prefix('=')?)),
        }
    }
}

fn datum(label: String, body: &str) -> Option<Datum<'_>> {
    let mut parts = body.split(';');
    let value = parts.next()?;
    let end = value
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | ',')))
        .unwrap_or(value.len());
    let (number, unit) = value.split_at(end);
    // Some locales print a decimal comma.
    let number: f64 = number.replace(',', ".").parse().ok()?;
    let (unit, scale) = base(unit);
    let value = number * scale;
    (value.is_finite() && !label.is_empty()).then(|| Datum {
        label,
        value,
        unit,
        scale,
        thresholds: parts.map(str::trim).collect(),
    })
}

fn base(unit: &str) -> (&'static str, f64) {
    match unit {
        "s" => ("s", 1.0),
        "ms" => ("s", 1e-3),
        "us" => ("s", 1e-6),
        "ns" => ("s", 1e-9),
        "B" => ("B", 1.0),
        "KB" | "KiB" | "kB" => ("B", 1024.0),
        "MB" | "MiB" => ("B", 1_048_576.0),
        "GB" | "GiB" => ("B", 1_073_741_824.0),
        "TB" | "TiB" => ("B", 1_099_511_627_776.0),
        "%" => ("%", 1.0),
        "c" => ("c", 1.0),
        _ => ("", 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_read_in_base_units_with_their_thresholds() {
        let text = "/=2MB;10;20;0;100 'free space'=50%;@10:20;~:5 'it''s'=250ms load1=0.360;5.000;4.000;0; time=1,5s n=3c u=U;1;2 x=abc";
        let seen = with_perfdata(Observation::new(), text);
        for (field, value) in [
            ("perf./", json!(2_097_152.0)),
            ("unit./", json!("B")),
            ("warn./", json!(10_485_760.0)),
            ("crit./", json!(20_971_520.0)),
            ("min./", json!(0.0)),
            ("max./", json!(104_857_600.0)),
            ("perf.free space", json!(50.0)),
            ("warn.free space", json!("@10:20")),
            ("crit.free space", json!("~:5")),
            ("perf.it's", json!(0.25)),
            ("perf.load1", json!(0.36)),
            ("perf.time", json!(1.5)),
            ("unit.n", json!("c")),
        ] {
            assert_eq!(seen.get(field), Some(&value), "{field}");
        }
        for absent in ["perf.u", "perf.x", "unit.load1", "max.load1", "warn.n"] {
            assert_eq!(seen.get(absent), None, "{absent}");
        }
    }

    #[test]
    fn nonsense_ends_the_reading_and_loses_nothing_before_it() {
        let seen = with_perfdata(Observation::new(), "a=1 'never closed=3");
        assert_eq!(seen, Observation::new().with("perf.a", 1.0));
        assert_eq!(with_perfdata(Observation::new(), "  "), Observation::new());
    }
}
