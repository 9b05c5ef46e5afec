//! `nvidia-smi -q`: the indented report. Whoever pasted it may have lost its indentation, so it is not counted on.

use super::{is_bus_id, whole};
use serde::Serialize;
use std::collections::BTreeMap;

/// The report. What there is of each GPU is told of the first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(super) struct Log {
    driver_version: Option<String>,
    cuda_version: Option<String>,
    attached_gpus: Option<u64>,
    /// Where the GPUs sit, as printed.
    gpu_bus_ids: Vec<String>,
    /// The product name of each GPU.
    product_names: Vec<String>,
    /// The frame buffer: `total`, `reserved`, `used`, `free`, those that are told.
    fb_memory_mib: Option<BTreeMap<String, Option<u64>>>,
    /// The temperature of the chip.
    temperature_c: Option<u64>,
    /// Whether there are as many GPUs as it says.
    complete: bool,
}

impl Log {
    /// The report in a text, where there is one.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut log = Self::default();
        let mut headed = false;
        let mut section = "";
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            headed |= line.contains("NVSMI LOG");
            if let Some(place) = line.strip_prefix("GPU ").filter(|place| is_bus_id(place)) {
                log.gpu_bus_ids.push(place.to_owned());
                section = "";
                continue;
            }
            match line.split_once(" : ").or_else(|| Some((line.strip_suffix(" :")?, ""))) {
                Some((key, value)) => log.take(section, key.trim(), value.trim()),
                None => section = line,
            }
        }
        if !headed && log.gpu_bus_ids.is_empty() {
            return None;
        }
        let listed = u64::try_from(log.gpu_bus_ids.len()).ok();
        log.complete = headed && log.attached_gpus == listed && listed > Some(0);
        Some(log)
    }

    fn take(&mut self, section: &str, key: &str, value: &str) {
        let known = || Some(value).filter(|value| value.starts_with(|c: char| c.is_ascii_digit()));
        let first = self.gpu_bus_ids.len() <= 1;
        match (section, key) {
            (_, "Driver Version") if self.driver_version.is_none() => {
                self.driver_version = known().map(str::to_owned);
            }
            (_, "CUDA Version") if self.cuda_version.is_none() => {
                self.cuda_version = known().map(str::to_owned);
            }
            (_, "Attached GPUs") => self.attached_gpus = whole(value),
            (_, "Product Name") => self.product_names.push(value.to_owned()),
            ("FB Memory Usage" | "Memory Usage", "Total" | "Reserved" | "Used" | "Free") if first => {
                let memory = self.fb_memory_mib.get_or_insert_default();
                memory.entry(key.to_lowercase()).or_insert_with(|| known().and_then(whole));
            }
            ("Temperature", "Gpu" | "GPU Current Temp") if first && self.temperature_c.is_none() => {
                self.temperature_c = known().and_then(whole);
            }
            _ => {}
        }
    }
}
