//! `free`: the table as printed, in whatever unit was asked for.

use super::observation;
use crate::model::Observation;
use serde::Serialize;
use std::collections::BTreeMap;

/// The table of `free`. Rows keep their printed values: the unit is in them or was chosen by a flag that nobody kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Free {
    /// The words of the heading.
    columns: Vec<String>,
    /// Each row under its label, a value for each column that it fills.
    #[serde(flatten)]
    rows: BTreeMap<String, BTreeMap<String, String>>,
    /// There is a heading and a row, and no cell of the first row is missing.
    complete: bool,
}

pub(super) fn read(text: &str) -> Observation {
    observation(&parse(text))
}

fn parse(text: &str) -> Free {
    let mut free = Free::default();
    let mut heading: Vec<String> = Vec::new();
    for line in text.lines() {
        // Other locales have other words: a heading is what stands right above the first row of numbers.
        let values = line.split_once(':').map(|(_, values)| values.trim_start());
        if free.columns.is_empty()
            && values.is_some_and(|values| values.starts_with(|c: char| c.is_ascii_digit()))
        {
            free.columns = std::mem::take(&mut heading);
        }
        match line.split_once(':') {
            Some((label, values)) if !free.columns.is_empty() => {
                let label = label.trim();
                let values: Vec<&str> = values.split_whitespace().collect();
                // procps before 3.3.10 has a row of its own for what remains without buffers and cache.
                let names: Vec<&str> = if label.starts_with("-/+") {
                    vec!["used", "free"]
                } else {
                    free.columns.iter().map(String::as_str).collect()
                };
                let row =
                    names.into_iter().zip(values).map(|(name, value)| (name.to_owned(), value.to_owned()));
                let row = row.collect();
                free.rows.insert(label.to_owned(), row);
            }
            Some(_) => {}
            None => {
                let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
                let number = |word: &String| word.starts_with(|c: char| c.is_ascii_digit());
                let set_in = line.starts_with(char::is_whitespace);
                if free.columns.is_empty() && words.first().is_some_and(|word| word == "total") {
                    free.columns = words;
                } else if set_in && words.len() >= 3 && !words.iter().any(number) {
                    heading = words;
                }
            }
        }
    }
    let of_memory = free.rows.get("Mem").or_else(|| free.rows.values().max_by_key(|row| row.len()));
    free.complete = of_memory.is_some_and(|row| row.len() == free.columns.len()) && free.rows.len() > 1;
    free
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_gives_a_value_for_each_column_that_it_fills() {
        let seen = read("       total used free\nMem:   31Gi  704Mi 30Gi\nSwap:  0B 0B\n");
        assert_eq!(seen.get("Mem"), Some(&json!({"total": "31Gi", "used": "704Mi", "free": "30Gi"})));
        assert_eq!(seen.get("Swap"), Some(&json!({"total": "0B", "used": "0B"})));
    }

    #[test]
    fn a_table_in_another_language_is_read_like_any_other() {
        let seen = read(
            "           gesamt  benutzt frei\nSpeicher:   16G    5,3G 2,1G\nSwap:      2,0G      0B 2,0G\n",
        );
        assert_eq!(seen.get("Speicher"), Some(&json!({"gesamt": "16G", "benutzt": "5,3G", "frei": "2,1G"})));
        assert_eq!(seen.get("columns"), Some(&json!(["gesamt", "benutzt", "frei"])));
    }

    #[test]
    fn what_is_no_table_gives_no_rows() {
        assert_eq!(
            read("free: not found\n"),
            Observation::new().with("columns", json!([])).with("complete", false)
        );
    }
}
