//! What `nvidia-smi` is asked, and what its answers say of GPUs and of the processes on them.

use super::sysfs::Card;
use crate::check::probe::{status, whole};
use crate::check::reader::nvidia_smi::{Csv, Failure, Monitor, Table};
use crate::system::process::{End, Ended};
use std::collections::{BTreeMap, BTreeSet};

/// A question, the best first: older tools know less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// Everything, engines for video included.
    Full,
    /// What every tool of the last ten years knows.
    Short,
    /// The table for people.
    Table,
    /// Who runs on it, with engines and memory.
    Processes,
}

/// The class of a single value that the driver could not read. Every other class is of the whole driver or GPU.
const VALUE: &str = "err_value";

const SHORT: &str =
    "index,name,pci.bus_id,driver_version,memory.used,memory.total,utilization.gpu,utilization.memory";
const VIDEO: &str = "utilization.encoder,utilization.decoder";

impl Question {
    /// The words of the command.
    pub(super) fn words(self) -> Vec<String> {
        let query = |fields: &str| vec![format!("--query-gpu={fields}"), "--format=csv".to_owned()];
        let mut words = vec!["nvidia-smi".to_owned()];
        words.extend(match self {
            Self::Full => query(&format!("{SHORT},{VIDEO}")),
            Self::Short => query(SHORT),
            Self::Table => Vec::new(),
            Self::Processes => ["pmon", "-c", "1", "-s", "um"].map(str::to_owned).to_vec(),
        });
        words
    }

    /// What is asked where there was no answer.
    pub(super) const fn simpler(self) -> Option<Self> {
        match self {
            Self::Full => Some(Self::Short),
            Self::Short => Some(Self::Table),
            Self::Table | Self::Processes => None,
        }
    }
}

/// One process on an NVIDIA GPU.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct OnNvidia {
    pub(super) name: String,
    /// Engines that it holds or uses.
    pub(super) engines: BTreeSet<&'static str>,
    /// The load that it makes, 0 to 100, by engine.
    pub(super) percent: BTreeMap<&'static str, f64>,
    /// In bytes.
    pub(super) memory: Option<u64>,
}

/// All that was answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Answers {
    pub(super) cards: Vec<Card>,
    /// Who runs on it; nothing where that was not told.
    pub(super) processes: Option<BTreeMap<u32, OnNvidia>>,
    /// Classes of failure.
    pub(super) failures: BTreeSet<String>,
    /// What the driver does not tell of a GPU.
    pub(super) unknown: BTreeSet<String>,
}

impl Answers {
    /// Takes an answer; says whether it was one.
    pub(super) fn take(&mut self, question: Question, ended: &Ended) -> bool {
        let text = |stream| whole(stream).unwrap_or_default();
        let (out, errors) = (text(&ended.stdout), text(&ended.stderr));
        // Where the tool does not know a field, it is asked for less.
        let said = out.lines().chain(errors.lines()).filter_map(Failure::of);
        let told: Vec<Failure> = said.filter(|told| *told != Failure::InvalidField).collect();
        // It may print what it knows and tell by its status alone that a GPU did not answer.
        let code = match &ended.end {
            End::Process(end) => status(*end),
            End::TimedOut(_) | End::Interrupted | End::NotStarted(_) => 0,
        };
        let answered = match question {
            Question::Processes if code != 0 => false,
            Question::Full | Question::Short => Csv::of(&out).is_some_and(|csv| self.rows(&csv)),
            Question::Table => Table::of(&out).is_some_and(|table| self.table(table)),
            Question::Processes => Monitor::of(&out).is_some_and(|monitor| self.processes_of(&monitor)),
        };
        // That nobody can be listed is no failure of the GPU.
        if question != Question::Processes {
            let untold = told.is_empty() && answered;
            self.failures.extend(told.into_iter().map(String::from));
            self.failures.extend(class_of(code).filter(|_| untold));
        }
        answered || !self.failures.is_empty()
    }

    fn rows(&mut self, csv: &Csv) -> bool {
        // Of a GPU whose row is cut nothing is known, and all of them are asked about.
        if !csv.is_complete() {
            return false;
        }
        for row in 0..csv.len() {
            let text = |name: &str| csv.cell(row, name).map(str::to_owned);
            let of = |name: &str, unit: &str| {
                let cell = csv.cell(row, name)?;
                let (number, told) = cell.split_once(' ').unwrap_or((cell, unit));
                number.parse::<f64>().ok().filter(|_| told.trim() == unit)
            };
            let percent = |name: &str| of(name, "%").filter(|load| (0.0..=100.0).contains(load));
            let size = |name: &str| of(name, "MiB").and_then(mebibytes);
            let total = size("memory.total");
            let used = size("memory.used").filter(|used| total.is_none_or(|total| *used <= total));
            self.cards.push(Card {
                address: csv.cell(row, "pci.bus_id").map_or_else(|| format!("nvidia{row}"), short_address),
                vendor: Some("nvidia".to_owned()),
                driver: Some("nvidia".to_owned()),
                driver_version: text("driver_version"),
                name: text("name"),
                memory_used: used,
                memory_total: total,
                utilisation_percent: percent("utilization.gpu"),
                encode_percent: percent("utilization.encoder"),
                decode_percent: percent("utilization.decoder"),
            });
        }
        for refusal in csv.refusals() {
            let words = refusal.trim_matches(['[', ']']);
            match words {
                "N/A" | "Not Supported" => {}
                other => {
                    // `ERR!`, `Unknown Error`: this value could not be read, the GPU answers.
                    let of_gpu = Failure::of(other).map(String::from);
                    self.failures.insert(of_gpu.unwrap_or_else(|| VALUE.to_owned()));
                }
            }
        }
        self.unknown.extend(csv.unknown().map(str::to_owned));
        csv.len() > 0
    }

    fn table(&mut self, table: Table) -> bool {
        if table.err_values > 0 {
            self.failures.insert(VALUE.to_owned());
        }
        let any = !table.gpus.is_empty();
        for gpu in table.gpus {
            let size = |mebi: Option<u64>| mebi?.checked_mul(1 << 20);
            self.cards.push(Card {
                address: gpu.bus_id.as_deref().map_or_else(|| format!("nvidia{}", gpu.index), short_address),
                vendor: Some("nvidia".to_owned()),
                driver: Some("nvidia".to_owned()),
                driver_version: table.driver_version.clone(),
                name: Some(gpu.name),
                memory_used: size(gpu.memory_used_mib),
                memory_total: size(gpu.memory_total_mib),
                #[expect(clippy::cast_precision_loss, reason = "0 to 100")]
                utilisation_percent: gpu.utilization_percent.map(|percent| percent as f64),
                encode_percent: None,
                decode_percent: None,
            });
        }
        for process in table.processes.into_iter().flatten() {
            let Ok(pid) = u32::try_from(process.pid) else { continue };
            let known = self.processes.get_or_insert_default().entry(pid).or_default();
            known.name = process.name.rsplit('/').next().unwrap_or_default().to_owned();
            known.engines.extend(held(process.kind.as_deref().unwrap_or("C")));
            known.memory = process.memory_mib.and_then(|mebi| mebi.checked_mul(1 << 20));
        }
        any
    }

    fn processes_of(&mut self, monitor: &Monitor) -> bool {
        let processes = self.processes.get_or_insert_default();
        for row in &monitor.rows {
            let cell = |column: &str| row.get(column).map_or("-", String::as_str);
            let Ok(pid) = cell("pid").parse::<u32>() else { continue };
            let known = processes.entry(pid).or_default();
            cell("command").clone_into(&mut known.name);
            known.engines.extend(held(cell("type")));
            let compute = cell("type") == "C";
            let columns =
                [("sm", if compute { "compute" } else { "graphics" }), ("enc", "encode"), ("dec", "decode")];
            for (column, engine) in columns {
                let Ok(load) = cell(column).parse::<f64>() else { continue };
                *known.percent.entry(engine).or_insert(0.0) += load;
                if load > 0.0 {
                    known.engines.insert(engine);
                }
            }
            if let Some(more) = cell("fb").parse::<f64>().ok().and_then(mebibytes) {
                known.memory = Some(known.memory.unwrap_or(0).saturating_add(more));
            }
        }
        true
    }
}

/// What an exit status says where the words do not, by NVIDIA's manual.
fn class_of(status: i32) -> Option<String> {
    let class = match status {
        0 => return None,
        4 => "insufficient_permissions",
        8 => "external_power",
        9 => "driver_not_loaded",
        10 => "interrupt_issue",
        12 => "library_not_found",
        14 => "inforom_corrupted",
        15 => "gpu_lost",
        other => return Some(format!("exit_{other}")),
    };
    Some(class.to_owned())
}

/// `C` holds a context for computing, `G` one for drawing.
fn held(kind: &str) -> impl Iterator<Item = &'static str> {
    let parts: Vec<&'static str> = kind
        .split('+')
        .filter_map(|part| match part {
            "C" | "M" => Some("compute"),
            "G" => Some("graphics"),
            _ => None,
        })
        .collect();
    parts.into_iter()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size that was printed whole")]
fn mebibytes(size: f64) -> Option<u64> {
    (size.is_finite() && (0.0..1e12).contains(&size)).then(|| (size as u64).saturating_mul(1 << 20))
}

/// `00000000:01:00.0` as the kernel writes it: `0000:01:00.0`.
fn short_address(address: &str) -> String {
    let lower = address.to_lowercase();
    match lower.split_once(':') {
        Some((domain, rest)) if domain.len() > 4 => {
            format!("{}:{rest}", domain.get(domain.len() - 4..).unwrap_or(domain))
        }
        Some(_) | None => lower,
    }
}
