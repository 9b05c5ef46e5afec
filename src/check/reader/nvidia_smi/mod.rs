//! `nvidia-smi` in each of its forms: the table, `-L`, `--query-gpu` as CSV, `pmon` and `dmon`, `-q`, and the messages
//! that it prints where it cannot do its work. What the driver does not know (`N/A`, `[Not Supported]`, `ERR!`) is
//! nothing, never 0.

mod csv;
mod failure;
mod list;
mod log;
mod monitor;
mod table;

#[cfg(test)]
mod tests;

pub(in crate::check) use csv::Csv;
pub(in crate::check) use failure::Failure;
pub(in crate::check) use monitor::Monitor;
pub(in crate::check) use table::Table;

use super::observation;
use crate::model::{Observation, Value};
use serde::Serialize;

/// What an output is, and what is in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Output {
    /// The table with its boxes.
    Table(Table),
    /// A line for each GPU.
    List(list::List),
    /// What was asked for by name.
    Csv(Csv),
    /// Processes, a line each.
    Pmon(Monitor),
    /// Devices, a line each.
    Dmon(Monitor),
    /// The indented report.
    QueryLog(log::Log),
    /// It says why it could not.
    Error(failure::Told),
    /// Nothing that it prints.
    Unknown {},
}

pub(super) fn read(text: &str) -> Observation {
    let told = failure::Told::of(text);
    let output = understood(text, told.clone());
    let ok = told.is_none() && !matches!(output, Output::Error(_) | Output::Unknown {});
    let mut seen = observation(&output).with("ok", ok);
    for (field, value) in observation(&told).0 {
        seen.0.entry(field).or_insert(value);
    }
    seen.0.entry("error_class".to_owned()).or_insert(Value::Null);
    seen
}

fn understood(text: &str, told: Option<failure::Told>) -> Output {
    if let Some(table) = Table::of(text) {
        return Output::Table(table);
    }
    if let Some(monitor) = Monitor::of(text) {
        return if monitor.of_processes() { Output::Pmon(monitor) } else { Output::Dmon(monitor) };
    }
    if let Some(log) = log::Log::of(text) {
        return Output::QueryLog(log);
    }
    if let Some(list) = list::List::of(text) {
        return Output::List(list);
    }
    if let Some(csv) = Csv::of(text) {
        return Output::Csv(csv);
    }
    told.map_or(Output::Unknown {}, Output::Error)
}

/// The whole number at the beginning of a value with its unit: `81559 MiB`, `158MiB`, `36%`.
fn whole(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

/// `0000:05:00.0`, `00000000:B3:00.0`.
fn is_bus_id(word: &str) -> bool {
    let parts: Vec<&str> = word.split([':', '.']).collect();
    let hexadecimal = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    parts.len() >= 3 && word.matches(':').count() == 2 && parts.iter().all(hexadecimal)
}
