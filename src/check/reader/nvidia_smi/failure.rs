//! What `nvidia-smi` says where it cannot do its work, in classes.

use super::super::refusal::is_missing;
use serde::Serialize;

/// Why there is nothing to read, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub(in crate::check) enum Failure {
    /// The tool is there and no driver answers.
    DriverNotCommunicating,
    /// NVML finds no driver in the kernel.
    DriverNotLoaded,
    /// The libraries are of another version than the driver in the kernel: after an update without a reboot.
    DriverLibraryMismatch,
    /// The NVML library is missing.
    LibraryNotFound,
    /// The driver answers and knows no GPU.
    NoDevicesFound,
    /// A GPU fell off the bus or does not answer.
    GpuLost,
    /// Whoever asked may not.
    InsufficientPermissions,
    /// The memory on the card that describes it is damaged; the card works on.
    InforomCorrupted,
    /// The tool does not know a field that was asked for: it is older than the question, or the name is wrong.
    InvalidField,
    /// The tool is missing.
    NotInstalled,
    /// NVML says something else; its words, as one word.
    Other(String),
}

impl From<Failure> for String {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::DriverNotCommunicating => "driver_not_communicating".to_owned(),
            Failure::DriverNotLoaded => "driver_not_loaded".to_owned(),
            Failure::DriverLibraryMismatch => "driver_library_mismatch".to_owned(),
            Failure::LibraryNotFound => "library_not_found".to_owned(),
            Failure::NoDevicesFound => "no_devices_found".to_owned(),
            Failure::GpuLost => "gpu_lost".to_owned(),
            Failure::InsufficientPermissions => "insufficient_permissions".to_owned(),
            Failure::InforomCorrupted => "inforom_corrupted".to_owned(),
            Failure::InvalidField => "invalid_field".to_owned(),
            Failure::NotInstalled => "not_installed".to_owned(),
            Failure::Other(words) => words,
        }
    }
}

/// Parts of messages, in lower case, and what they mean. The first that fits counts.
const MESSAGES: [(&str, Failure); 15] = [
    ("communicate with the nvidia driver", Failure::DriverNotCommunicating),
    ("driver/library version mismatch", Failure::DriverLibraryMismatch),
    ("driver not loaded", Failure::DriverNotLoaded),
    ("gpu is lost", Failure::GpuLost),
    ("unable to determine the device handle", Failure::GpuLost),
    ("gpu requires reset", Failure::GpuLost),
    ("no devices were found", Failure::NoDevicesFound),
    ("couldn't find libnvidia-ml", Failure::LibraryNotFound),
    ("libnvidia-ml.so", Failure::LibraryNotFound),
    ("nvml shared library not found", Failure::LibraryNotFound),
    ("nvml: insufficient permissions", Failure::InsufficientPermissions),
    ("do not have permission", Failure::InsufficientPermissions),
    ("does not have permission", Failure::InsufficientPermissions),
    ("inforom is corrupted", Failure::InforomCorrupted),
    ("is not a valid field to query", Failure::InvalidField),
];

impl Failure {
    /// What a line of output says; nothing where it is no such message.
    pub(in crate::check) fn of(line: &str) -> Option<Self> {
        let lower = line.to_lowercase();
        if let Some((_, failure)) = MESSAGES.iter().find(|(part, _)| lower.contains(part)) {
            return Some(failure.clone());
        }
        if let Some((_, why)) = lower.split_once("failed to initialize nvml:") {
            return Some(Self::Other(one_word(why)));
        }
        if lower.contains("nvidia-smi has failed") || lower.contains("failed to process command line") {
            return Some(Self::Other("failed".to_owned()));
        }
        if lower.contains("not supported on the device") {
            return Some(Self::Other("not_supported".to_owned()));
        }
        (is_missing(line, "nvidia-smi") || is_missing(line, "nvidia-smi.exe")).then_some(Self::NotInstalled)
    }
}

/// `Unknown Error` as `unknown_error`.
fn one_word(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).take(8).collect();
    if words.is_empty() { "unknown".to_owned() } else { words.join("_") }
}

/// A failure as it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Told {
    error_class: Failure,
    /// The line that says so.
    error_text: String,
    /// The version of the library, where newer tools add it to a mismatch.
    nvml_library_version: Option<String>,
}

impl Told {
    /// The first failure that a text tells of.
    pub(super) fn of(text: &str) -> Option<Self> {
        let at = text.lines().position(|line| Failure::of(line).is_some());
        // A terminal or a mail may have broken the sentence into lines.
        let at =
            at.or_else(|| text.lines().position(|line| line.to_lowercase().contains("nvidia-smi has")))?;
        let line = text.lines().nth(at)?;
        let sentence: Vec<&str> = text.lines().skip(at).take(4).map(str::trim).collect();
        let told =
            Failure::of(line).filter(|told| !matches!(told, Failure::Other(words) if words == "failed"));
        let error_class = told.or_else(|| Failure::of(&sentence.join(" ")))?;
        let version = text.lines().find_map(|line| {
            let (_, rest) = line.split_once("NVML library version:")?;
            Some(rest.split_whitespace().next()?.trim_end_matches([')', ',']).to_owned())
        });
        Some(Self { error_class, error_text: line.trim().to_owned(), nvml_library_version: version })
    }
}
