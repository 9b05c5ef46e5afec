//! `bootc status`: JSON, YAML, and what it prints for people.

use crate::check::reader::elided::trails_off;
use crate::check::reader::refusal::Refusal;
use crate::check::reader::{document, is_elision, observation};
use crate::model::{Observation, Value};
use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Entry {
    image: Option<String>,
    version: Option<String>,
    digest: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Status {
    format: &'static str,
    staged: Option<Entry>,
    booted: Option<Entry>,
    rollback: Option<Entry>,
    /// Nothing was left out, and the tool did its work.
    complete: bool,
    /// What the tool said instead.
    #[serde(flatten)]
    refusal: Option<Refusal>,
}

pub(in crate::check::reader) fn read(text: &str) -> Observation {
    let document = match document(text, &['{']) {
        Some(document) => Some(("json", document)),
        None => serde_saphyr::from_str(written(text)).ok().map(|document| ("yaml", document)),
    };
    let status = match document {
        Some((format, document)) if document.get("status").is_some() => Status { format, ..of(&document) },
        Some(_) | None if text.trim_start().starts_with('{') => {
            Status { format: "json", ..Status::default() }
        }
        Some(_) | None if text.contains("apiVersion:") => Status { format: "yaml", ..Status::default() },
        Some(_) | None => for_people(text),
    };
    observation(&status)
}

/// The part of a text that is YAML: from its first key on, up to what begins a line and is no key, as a prompt is.
fn written(text: &str) -> &str {
    let is_key = |line: &str| {
        let name = line.split(':').next().unwrap_or_default();
        line.contains(':') && !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let mut begin = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let set_in = line.starts_with([' ', '-', '#', '\n']);
        match begin {
            None if line.starts_with("---")
                || ["apiVersion:", "kind:", "status:"].iter().any(|key| line.starts_with(key)) =>
            {
                begin = Some(at);
            }
            Some(begin) if !set_in && !is_key(line.trim_end()) => return text.get(begin..at).unwrap_or(text),
            None | Some(_) => {}
        }
        at += line.len();
    }
    text.get(begin.unwrap_or(0)..).unwrap_or(text)
}

/// A `BootcHost` of `org.containers.bootc`; `cachedUpdate` and the like are passed over.
fn of(document: &Value) -> Status {
    let entry = |name: &str| {
        let entry = document.pointer(&format!("/status/{name}")).filter(|entry| entry.is_object())?;
        let text = |path: &str| entry.pointer(path).and_then(Value::as_str).map(str::to_owned);
        Some(Entry {
            image: text("/image/image/image"),
            version: text("/image/version"),
            digest: text("/image/imageDigest"),
        })
    };
    Status {
        format: "",
        staged: entry("staged"),
        booted: entry("booted"),
        rollback: entry("rollback"),
        complete: true,
        refusal: None,
    }
}

/// `● Booted image: NAME`, then `Digest:` and `Version:`; older versions say `Current booted image:`, `Image version:`
/// and `Image digest:`.
fn for_people(text: &str) -> Status {
    let mut status = Status { format: "text", complete: true, ..Status::default() };
    let mut at: Option<Slot> = None;
    let (mut told, mut cut) = (false, false);
    for line in text.lines() {
        status.complete &= !is_elision(line);
        let body = line.trim_start_matches(|c: char| !c.is_alphanumeric());
        // What older versions say of a slot that is empty.
        told |= ["No staged image", "No rollback image", "Current booted state is native ostree"]
            .iter()
            .any(|words| body.starts_with(words));
        let Some((key, value)) = body.split_once(':') else { continue };
        // A backslash keeps lines apart in markup; the kind of machine stands behind a digest.
        let value = value.trim().trim_end_matches('\\').trim_end();
        let first = value.split_whitespace().next().unwrap_or_default();
        let key = key.trim().to_ascii_lowercase();
        if let Some(slot) = Slot::of(&key) {
            told = true;
            at = Some(slot);
            let image = (!value.is_empty() && value != "none").then(|| value.to_owned());
            *status.slot(slot) = image.map(|image| Entry { image: Some(image), ..Entry::default() });
        } else if let Some(entry) = at.and_then(|slot| status.slot(slot).as_mut()) {
            match key.as_str() {
                "digest" | "image digest" => {
                    cut |= trails_off(first);
                    entry.digest = Some(first.to_owned());
                }
                "version" | "image version" => {
                    entry.version = value.split_whitespace().next().map(str::to_owned);
                }
                _ => {}
            }
        }
    }
    status.refusal = Refusal::of(text, &["bootc"]);
    status.complete &= told && !cut && status.refusal.is_none();
    status
}

#[derive(Debug, Clone, Copy)]
enum Slot {
    Staged,
    Booted,
    Rollback,
}

impl Slot {
    fn of(key: &str) -> Option<Self> {
        let words = key.strip_suffix(" image")?;
        match words.strip_prefix("current ").unwrap_or(words) {
            "staged" => Some(Self::Staged),
            "booted" => Some(Self::Booted),
            "rollback" => Some(Self::Rollback),
            _ => None,
        }
    }
}

impl Status {
    const fn slot(&mut self, slot: Slot) -> &mut Option<Entry> {
        match slot {
            Slot::Staged => &mut self.staged,
            Slot::Booted => &mut self.booted,
            Slot::Rollback => &mut self.rollback,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_words_for_people_say_what_the_document_says() {
        let document = json!({"status": {"staged": null, "booted": {"image": {
            "image": {"image": "q.io/a:1"}, "version": "1.2", "imageDigest": "sha256:ab"}}, "rollback": null}});
        let expected = json!({"image": "q.io/a:1", "version": "1.2", "digest": "sha256:ab"});
        let yaml = "apiVersion: org.containers.bootc/v1\nstatus:\n  staged: null\n  booted:\n    image:\n      image: {image: 'q.io/a:1'}\n      version: '1.2'\n      imageDigest: sha256:ab\n";
        let newer = "● Booted image: q.io/a:1\n        Digest: sha256:ab\n       Version: 1.2 (2026-01-01)\n";
        let older = "Current staged image: none\nCurrent booted image: q.io/a:1\n    Image version: 1.2 (x)\n    Image digest: sha256:ab\n";
        let prompted = |text: &str| format!("[mo@host ~]$ sudo bootc status\n{text}\n[mo@host ~]$ \n");
        let colon = |text: &str| format!("mo@host:~$ sudo bootc status --json\n{text}\nmo@host:~$ \n");
        let json = document.to_string();
        for (format, text) in [
            ("json", json.as_str()),
            ("yaml", yaml),
            ("json", &prompted(&json)),
            ("yaml", &prompted(yaml)),
            ("json", &colon(&json)),
            ("yaml", &colon(yaml)),
            ("text", newer),
            ("text", older),
        ] {
            let seen = read(text);
            assert_eq!(seen.get("booted"), Some(&expected), "{text}");
            assert_eq!((seen.get("format"), seen.get("staged")), (Some(&json!(format)), Some(&json!(null))));
        }
    }

    #[test]
    fn a_document_that_breaks_off_says_nothing() {
        let seen = read("{\"apiVersion\": \"org.containers.bootc/v1\", \"status\": {\"booted\": {");
        assert_eq!((seen.get("booted"), seen.get("complete")), (Some(&json!(null)), Some(&json!(false))));
    }
}
