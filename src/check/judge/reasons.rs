//! Values and numbers in words, with their units.

use crate::model::{Look, Measured, Observation, Probe, Value, counted};

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Nothing in particular.
    Plain,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// Hundredths.
    Percent,
}

/// The unit of a field: stated by the plugin, known of the probe, or told by the end of the name.
pub(super) fn unit_of(look: &Look, field: &str, seen: &Observation) -> Unit {
    if let Some(Value::String(unit)) = seen.get(&field.replacen("perf.", "unit.", 1)) {
        return match unit.as_str() {
            "B" => Unit::Bytes,
            "s" => Unit::Seconds,
            "%" => Unit::Percent,
            _ => Unit::Plain,
        };
    }
    if let Look::Probe(Probe::Measure { what, .. }) = look {
        return match (what, field) {
            (_, "count" | "failed") => Unit::Plain,
            (Measured::Run { number: None, .. }, _) => Unit::Seconds,
            (Measured::Run { number: Some(_), .. }, _) => Unit::Plain,
            (Measured::Field { probe, field }, _) => unit_of(&Look::Probe((**probe).clone()), field, seen),
        };
    }
    if look.is_size(field) {
        return Unit::Bytes;
    }
    match (look, field) {
        (Look::Probe(Probe::Run { .. }), "duration") => Unit::Seconds,
        (Look::Probe(Probe::Memory | Probe::Cpu), field) if field.ends_with("_avg10") => Unit::Percent,
        _ if field.ends_with("seconds") => Unit::Seconds,
        _ if field.ends_with("percent") => Unit::Percent,
        _ => Unit::Plain,
    }
}

fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Whole numbers whole; others with two decimals, below one with four.
fn plain(x: f64) -> String {
    if x.abs() >= 1.0 { trimmed(format!("{x:.2}")) } else { trimmed(format!("{x:.4}")) }
}

const BINARY: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

fn bytes(x: f64) -> String {
    let mut size = x;
    let mut names = BINARY.iter();
    let mut name = names.next();
    while size.abs() >= 1024.0 {
        let Some(next) = names.next() else { break };
        size /= 1024.0;
        name = Some(next);
    }
    let digits = match size.abs() {
        large if large >= 100.0 => format!("{size:.0}"),
        middle if middle >= 10.0 => trimmed(format!("{size:.1}")),
        _ => trimmed(format!("{size:.2}")),
    };
    format!("{digits} {}", name.unwrap_or(&"B"))
}

/// A number with its unit.
pub(super) fn number(unit: Unit, x: f64) -> String {
    match unit {
        Unit::Plain => plain(x),
        Unit::Bytes => bytes(x),
        Unit::Seconds => format!("{} s", plain(x)),
        Unit::Percent => format!("{} %", plain(x)),
    }
}

/// Two numbers that are compared: with all their digits where rounding would make them look alike.
pub(super) fn pair(unit: Unit, left: f64, right: f64) -> (String, String) {
    let texts = (number(unit, left), number(unit, right));
    if texts.0 == texts.1 && left.total_cmp(&right).is_ne() {
        return (left.to_string(), right.to_string());
    }
    texts
}

const SHOWN: usize = 80;
const LISTED: usize = 5;

/// A text in quotes, its middle left to the imagination where it is long.
pub(super) fn quoted(text: &str) -> String {
    quoted_up_to(SHOWN, text)
}

/// The same with more or less room.
pub(super) fn quoted_up_to(room: usize, text: &str) -> String {
    let length = text.chars().count();
    if length <= room {
        return format!("{text:?}");
    }
    let head: String = text.chars().take(room).collect();
    format!("{head:?} and {}", counted(length - room, "more character"))
}

/// A list in words: the first five, then how many more.
pub(super) fn listed(values: &[Value]) -> String {
    let shown: Vec<String> = values.iter().take(LISTED).map(bare).collect();
    let shown = shown.join(", ");
    match values.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A value inside a list: texts without quotes.
fn bare(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let shown = quoted(text);
            match shown.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                Some(inside) => inside.to_owned(),
                None => shown,
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            shown(Unit::Plain, value)
        }
    }
}

/// A value in words.
pub(super) fn shown(unit: Unit, value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(true) => "true".to_owned(),
        Value::Bool(false) => "false".to_owned(),
        Value::Number(number_) => number_.as_f64().map_or_else(|| number_.to_string(), |x| number(unit, x)),
        Value::String(text) => quoted(text),
        Value::Array(list) if list.is_empty() => "an empty list".to_owned(),
        Value::Array(list) => format!("[{}]", listed(list)),
        Value::Object(map) => match map.len() {
            0 => "an empty map".to_owned(),
            1 => "a map with 1 key".to_owned(),
            many => format!("a map with {many} keys"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CommandLine;
    use serde_json::json;

    #[test]
    fn numbers_are_shown_with_their_unit() {
        for (unit, x, text) in [
            (Unit::Plain, 0.0, "0"),
            (Unit::Plain, 100.0, "100"),
            (Unit::Plain, 1.0, "1"),
            (Unit::Plain, 1.314, "1.31"),
            (Unit::Plain, -1.5, "-1.5"),
            (Unit::Plain, 0.123_45, "0.1235"),
            (Unit::Plain, -0.123_45, "-0.1235"),
            (Unit::Bytes, 0.0, "0 B"),
            (Unit::Bytes, 1023.0, "1023 B"),
            (Unit::Bytes, 1024.0, "1 KiB"),
            (Unit::Bytes, -2048.0, "-2 KiB"),
            (Unit::Bytes, 812.0 * 1_048_576.0, "812 MiB"),
            (Unit::Bytes, 100.0 * 1_048_576.0, "100 MiB"),
            (Unit::Bytes, 812.4 * 1_048_576.0, "812 MiB"),
            (Unit::Bytes, 10.04 * 1024.0, "10 KiB"),
            (Unit::Bytes, 10.44 * 1024.0, "10.4 KiB"),
            (Unit::Bytes, 10.0 * 1024.0, "10 KiB"),
            (Unit::Bytes, 1.04 * 1_073_741_824.0, "1.04 GiB"),
            (Unit::Bytes, 20.0 * 1_073_741_824.0, "20 GiB"),
            (Unit::Bytes, 3.0 * 1_099_511_627_776.0, "3 TiB"),
            (Unit::Bytes, 2_048.0 * 1_125_899_906_842_624.0, "2048 PiB"),
            (Unit::Seconds, 1.5, "1.5 s"),
            (Unit::Percent, 12.0, "12 %"),
        ] {
            assert_eq!(number(unit, x), text);
        }
    }

    #[test]
    fn numbers_that_differ_never_look_alike() {
        assert_eq!(pair(Unit::Plain, 1.2504, 1.25), ("1.2504".to_owned(), "1.25".to_owned()));
        assert_eq!(pair(Unit::Bytes, 1_048_577.0, 1_048_576.0), ("1048577".to_owned(), "1048576".to_owned()));
        assert_eq!(pair(Unit::Bytes, 1024.0, 1024.0), ("1 KiB".to_owned(), "1 KiB".to_owned()));
        assert_eq!(pair(Unit::Plain, 1.5, 1.25), ("1.5".to_owned(), "1.25".to_owned()));
    }

    #[test]
    fn long_values_are_elided() {
        assert_eq!(quoted(&"x".repeat(80)), format!("\"{}\"", "x".repeat(80)));
        assert_eq!(quoted(&"x".repeat(81)), format!("\"{}\" and 1 more character", "x".repeat(80)));
        assert_eq!(quoted("done\n"), "\"done\\n\"");
        assert_eq!(listed(&[json!("a"), json!(1), json!("c"), json!("d"), json!("e")]), "a, 1, c, d, e");
        assert_eq!(listed(&vec![json!("a"); 7]), "a, a, a, a, a and 2 more");
        assert_eq!(
            listed(&[json!("x".repeat(82))]),
            format!("\"{}\" and 2 more characters", "x".repeat(80)),
            "an elided element keeps its quotes"
        );
    }

    #[test]
    fn every_kind_of_value_has_words() {
        for (value, text) in [
            (json!(null), "nothing"),
            (json!(true), "true"),
            (json!(false), "false"),
            (json!(2048), "2 KiB"),
            (json!("a"), "\"a\""),
            (json!([]), "an empty list"),
            (json!([1, "a", [2]]), "[1, a, [2]]"),
            (json!({}), "an empty map"),
            (json!({"a": 1}), "a map with 1 key"),
            (json!({"a": 1, "b": 2}), "a map with 2 keys"),
        ] {
            assert_eq!(shown(Unit::Bytes, &value), text);
        }
    }

    #[test]
    fn the_unit_comes_from_plugin_probe_or_name() {
        let none = Observation::new();
        let run =
            Look::Probe(Probe::Run { command: CommandLine::new(["true"]), parse: crate::model::Parse::Text });
        let mount = Look::Probe(Probe::Mount { path: "/".into() });
        let process = Look::Probe(Probe::Process { name: None, pattern: None });
        let file = Look::Probe(Probe::File { path: "/".into() });
        let memory = Look::Probe(Probe::Memory);
        for (look, field, unit) in [
            (&memory, "total", Unit::Bytes),
            (&memory, "swap_used", Unit::Bytes),
            (&memory, "used_ratio", Unit::Plain),
            (&memory, "pressure_some_avg10", Unit::Percent),
            (&mount, "available", Unit::Bytes),
            (&mount, "inodes_free", Unit::Plain),
            (&process, "pss", Unit::Bytes),
            (&process, "count", Unit::Plain),
            (&file, "size", Unit::Bytes),
            (&file, "lines", Unit::Plain),
            (&run, "duration", Unit::Seconds),
            (&run, "exit", Unit::Plain),
            (&run, "value.cache_bytes", Unit::Bytes),
            (&run, "value.boot_seconds", Unit::Seconds),
            (&run, "value.load_percent", Unit::Percent),
            (&run, "size", Unit::Plain),
        ] {
            assert_eq!(unit_of(look, field, &none), unit, "{field}");
        }
        let plugin = Look::Plugin(CommandLine::new(["check_disk"]));
        for (unit, expected) in
            [("B", Unit::Bytes), ("s", Unit::Seconds), ("%", Unit::Percent), ("c", Unit::Plain)]
        {
            let seen = Observation::new().with("perf./", 1).with("unit./", unit);
            assert_eq!(unit_of(&plugin, "perf./", &seen), expected);
        }
    }
}
