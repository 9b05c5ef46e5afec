//! The table with its boxes, from driver 270 to this day. Its head may be missing and its end cut off.

use super::{is_bus_id, whole};
use serde::Serialize;

/// The table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(in crate::check) struct Table {
    /// The version of the driver in the kernel.
    pub(in crate::check) driver_version: Option<String>,
    /// The newest CUDA that the driver can serve.
    pub(in crate::check) cuda_version: Option<String>,
    /// The GPUs.
    pub(in crate::check) gpus: Vec<Gpu>,
    /// The processes; nothing where the output breaks off before them.
    pub(in crate::check) processes: Option<Vec<Process>>,
    /// How many values the driver could not read (`ERR!`).
    pub(in crate::check) err_values: usize,
    /// Whether it has a head and an end.
    complete: bool,
}

/// One GPU. What the driver does not tell is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::check) struct Gpu {
    pub(in crate::check) index: u64,
    /// As printed: long names end in `...`.
    pub(in crate::check) name: String,
    pub(in crate::check) memory_used_mib: Option<u64>,
    pub(in crate::check) memory_total_mib: Option<u64>,
    pub(in crate::check) utilization_percent: Option<u64>,
    /// Its place on the bus, as printed.
    #[serde(skip)]
    pub(in crate::check) bus_id: Option<String>,
}

/// One process on a GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::check) struct Process {
    pub(in crate::check) pid: u64,
    /// `C` computes, `G` draws; old drivers listed only what computes and said nothing.
    #[serde(rename = "type")]
    pub(in crate::check) kind: Option<String>,
    /// As printed: long paths begin with `...`.
    pub(in crate::check) name: String,
    pub(in crate::check) memory_mib: Option<u64>,
}

/// Which box a line is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Gpus,
    Mig,
    Processes,
}

/// Words of the persistence and driver model columns, which stand behind the name.
const BEHIND_THE_NAME: [&str; 9] = ["On", "Off", "N/A", "WDDM", "TCC", "MCDM", "ERR!", "Enabled", "Disabled"];

impl Table {
    /// The table in a text, where there is one.
    pub(in crate::check) fn of(text: &str) -> Option<Self> {
        let mut table = Self::default();
        let mut part = Part::Gpus;
        let mut open: Option<Gpu> = None;
        let mut headed = false;
        for line in text.lines() {
            let version = |labels: [&str; 2]| labels.iter().find_map(|label| after(line, label));
            if line.contains("NVIDIA-SMI")
                && let Some(driver) = version(["Driver Version:", "KMD Version:"])
            {
                headed = true;
                table.driver_version = version_of(driver);
                table.cuda_version = version(["CUDA Version:", "CUDA UMD Version:"]).and_then(version_of);
                continue;
            }
            let Some((_, boxed)) = line.split_once('|') else { continue };
            let cells: Vec<&str> = boxed.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect();
            let Some(first) = cells.first() else { continue };
            if first.contains("===") || first.starts_with("---") {
                continue;
            }
            if first.to_lowercase().contains("processes:") {
                part = Part::Processes;
                table.processes = Some(Vec::new());
            } else if first.starts_with("MIG devices:") {
                part = Part::Mig;
            } else if part == Part::Processes {
                let processes = table.processes.get_or_insert_default();
                processes.extend(process(first));
            } else if part == Part::Gpus {
                if let Some(begun) = begun(&cells) {
                    table.gpus.extend(open.replace(begun));
                } else if let Some(gpu) = open.take() {
                    table.gpus.push(finished(gpu, &cells));
                }
            }
            table.err_values += boxed.matches("ERR!").count();
        }
        table.gpus.extend(open);
        if !headed && table.gpus.is_empty() {
            return None;
        }
        table.complete = headed && table.processes.is_some() && ends_closed(text);
        Some(table)
    }
}

/// Whether the last box is closed.
fn ends_closed(text: &str) -> bool {
    let mut boxes = text.lines().map(str::trim).filter(|line| line.starts_with(['|', '+']));
    boxes.next_back().is_some_and(|line| line.starts_with("+-") && line.ends_with("-+"))
}

/// The word behind a label.
fn after<'a>(line: &'a str, label: &str) -> Option<&'a str> {
    line.split_once(label)?.1.split_whitespace().next()
}

fn version_of(word: &str) -> Option<String> {
    word.starts_with(|c: char| c.is_ascii_digit()).then(|| word.trim_end_matches('|').to_owned())
}

/// The first line of a GPU: its number, name and place on the bus. Driver 295 and older write `0.` for the number.
fn begun(cells: &[&str]) -> Option<Gpu> {
    let mut words = cells.first()?.split_whitespace();
    let index = words.next()?.trim_end_matches('.').parse().ok()?;
    // A GPU that is a part of the processor sits on no bus: `0 Orin (nvgpu) N/A | N/A N/A |`.
    let second = cells.get(1)?;
    let place = second.split_whitespace().find(|word| is_bus_id(word));
    if place.is_none() && !["N/A", "ERR!", "Unknown", "[N/A]"].iter().any(|word| second.starts_with(word)) {
        return None;
    }
    let mut name: Vec<&str> = words.collect();
    if name.len() > 1 && name.last().is_some_and(|last| BEHIND_THE_NAME.contains(last)) {
        name.pop();
    }
    Some(Gpu {
        index,
        name: name.join(" "),
        memory_used_mib: None,
        memory_total_mib: None,
        utilization_percent: None,
        bus_id: place.map(str::to_owned),
    })
}

/// The second line: `N/A 28C P0 72W / 235W | 1071MiB / 11439MiB | 30% Default`. Old drivers put a share before the
/// memory.
fn finished(mut gpu: Gpu, cells: &[&str]) -> Gpu {
    if let Some((used, total)) = cells.get(1).and_then(|cell| cell.split_once('/')) {
        gpu.memory_used_mib = used.split_whitespace().last().and_then(mebibytes);
        gpu.memory_total_mib = total.split_whitespace().next().and_then(mebibytes);
    }
    let load = cells.get(2).and_then(|cell| cell.split_whitespace().next());
    gpu.utilization_percent = load.filter(|word| word.ends_with('%')).and_then(whole);
    gpu
}

/// `158MiB`, and `182MB` of old drivers, which meant the same.
fn mebibytes(word: &str) -> Option<u64> {
    (word.ends_with("MiB") || word.ends_with("MB")).then(|| whole(word)).flatten()
}

/// `0 N/A N/A 1695 G /usr/lib/xorg/Xorg 59MiB`, `0 1039 G /usr/bin/X 158MiB`, `0 1234 ./a.out 76MiB`.
fn process(cell: &str) -> Option<Process> {
    let words: Vec<&str> = cell.split_whitespace().collect();
    words.first()?.trim_end_matches('.').parse::<u64>().ok()?;
    let typed = (1..words.len()).take(3).find(|at| {
        let number = words.get(*at).is_some_and(|word| word.parse::<u64>().is_ok());
        number && words.get(at + 1).is_some_and(|word| is_type(word))
    });
    let at = typed.unwrap_or(1);
    let pid = words.get(at)?.parse().ok()?;
    let kind = typed.and_then(|at| words.get(at + 1)).map(|word| (*word).to_owned());
    let mut rest: Vec<&str> = words.iter().skip(at + 1 + usize::from(kind.is_some())).copied().collect();
    let memory = rest.last().copied().filter(|last| *last == "N/A" || mebibytes(last).is_some());
    if memory.is_some() {
        rest.pop();
    }
    Some(Process { pid, kind, name: rest.join(" "), memory_mib: memory.and_then(mebibytes) })
}

/// `C`, `G`, `C+G`, `M+C`.
fn is_type(word: &str) -> bool {
    word.split('+').all(|part| matches!(part, "C" | "G" | "M" | "O"))
}
