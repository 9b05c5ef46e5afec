//! `nvidia-smi -L`: a line for each GPU, and one for each part where it is divided.

use serde::Serialize;

/// The list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(super) struct List {
    /// Their names.
    gpus: Vec<String>,
    /// The UUID of each, nothing where it is not told.
    uuids: Vec<Option<String>>,
    /// How many parts (MIG devices) they are divided into.
    mig_devices: usize,
}

impl List {
    /// The list in a text, where there is one.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut list = Self::default();
        for line in text.lines().map(str::trim) {
            if let Some((name, uuid)) = gpu(line) {
                list.gpus.push(name);
                list.uuids.push(uuid);
            } else if line.starts_with("MIG ") && line.contains("UUID: MIG-") {
                list.mig_devices += 1;
            }
        }
        (!list.gpus.is_empty()).then_some(list)
    }
}

/// `GPU 0: Tesla V100 (UUID: GPU-...)`; old drivers have `(S/N: ...)`.
fn gpu(line: &str) -> Option<(String, Option<String>)> {
    let (number, rest) = line.strip_prefix("GPU ")?.split_once(": ")?;
    number.parse::<u64>().ok()?;
    let name = rest.split(" (UUID:").next()?.split(" (S/N:").next()?.trim();
    let uuid = rest.split_once("(UUID:").map(|(_, uuid)| uuid.trim().trim_end_matches(')').to_owned());
    (!name.is_empty()).then(|| (name.to_owned(), uuid))
}
