//! What must not be read by whoever reads evidence: values that the plan names as secret, and what looks like one.

use crate::model::{Act, CommandLine, Look, Part, Phase, Plan, Probe, StepUndo};
use regex::{Captures, Regex};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// A shorter value is also an ordinary word: hiding it everywhere would make text unreadable.
const SHORTEST: usize = 4;

/// A line of such characters alone that is this long may be part of a key.
const ENCODED: usize = 40;

/// Words by which a name says that its value is secret.
const WORDS: [&str; 14] = [
    "secret",
    "secrets",
    "token",
    "tokens",
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "pass",
    "pwd",
    "key",
    "apikey",
    "credential",
    "credentials",
];

/// Whether a name says that its value is secret: one of its words does, as in `API_TOKEN`, `db-password`, `sshKey`.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let mut words = vec![String::new()];
    let mut before = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && before {
            words.push(String::new());
        }
        before = c.is_ascii_lowercase();
        match (c.is_ascii_alphanumeric(), words.last_mut()) {
            (true, Some(word)) => word.push(c.to_ascii_lowercase()),
            (true | false, _) => words.push(String::new()),
        }
    }
    words.iter().any(|word| WORDS.contains(&word.as_str()))
}

/// Takes secret values out of text.
#[derive(Debug, Default)]
pub struct Redactor {
    /// Exact values, each with the name that says so; the longest first, so that none is cut by another.
    values: Vec<(String, String)>,
}

impl Redactor {
    /// For the values that a plan states: variables (in its text), environment and settings with a secret name, and what
    /// follows an option with such a name.
    #[must_use]
    pub fn of(plan: &Plan, text: &str) -> Self {
        let mut found = BTreeMap::new();
        for phase in &plan.phases {
            of_phase(phase, &mut found);
        }
        for pair in stated().captures_iter(text) {
            let (Some(name), Some(value)) = (pair.get(1), pair.get(2)) else { continue };
            add(&mut found, name.as_str(), unquoted(value.as_str()));
        }
        let mut values: Vec<(String, String)> = found.into_iter().collect();
        values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        Self { values }
    }

    /// The names whose values are taken out.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        self.values.iter().map(|(_, name)| name.clone()).collect()
    }

    /// The text without what must not be read.
    #[must_use]
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for (value, name) in &self.values {
            if text.contains(value.as_str()) {
                text = Cow::Owned(text.replace(value.as_str(), &format!("[redacted: {name}]")));
            }
        }
        for (pattern, with) in patterns() {
            let known = |found: &Captures<'_>| {
                found.get(2).is_some_and(|value| value.as_str().starts_with("[redacted"))
            };
            let replaced = pattern.replace_all(&text, |found: &Captures<'_>| {
                let mut out = String::new();
                // What was taken out already stays as it is told.
                if known(found) {
                    out.push_str(found.get(0).map_or("", |whole| whole.as_str()));
                } else {
                    found.expand(with, &mut out);
                }
                out
            });
            if let Cow::Owned(changed) = replaced {
                text = Cow::Owned(changed);
            }
        }
        text
    }
}

impl Redactor {
    /// The same for text of which lines may be missing or stand apart, so that a secret of many lines is not known as
    /// one: each line of such a value is taken out, and whatever may be the body of a key.
    #[must_use]
    pub fn clean_apart(&self, text: &str) -> String {
        let mut clean = self.clean(text).into_owned();
        for (value, name) in self.values.iter().filter(|(value, _)| value.contains('\n')) {
            for line in value.lines().map(str::trim).filter(|line| line.len() >= SHORTEST) {
                clean = clean.replace(line, &format!("[redacted: {name}]"));
            }
        }
        let mut out = String::with_capacity(clean.len());
        let mut inside = false;
        for line in clean.split_inclusive('\n') {
            let encoded = line.trim_end();
            let encoded = !encoded.is_empty()
                && encoded.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
            inside = encoded && (inside || line.len() > ENCODED);
            out.push_str(if inside { "[redacted: may be a key]\n" } else { line });
        }
        out
    }

    /// A document without what must not be read: in every text of it, and whole where its name says that it is secret.
    pub fn clean_json(&self, document: &mut Json) {
        match document {
            Json::String(text) => {
                if let Cow::Owned(clean) = self.clean(text) {
                    *text = clean;
                }
            }
            Json::Array(list) => list.iter_mut().for_each(|it| self.clean_json(it)),
            Json::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Json::String(text) if text.len() >= SHORTEST && is_secret_name(name) => {
                            *text = "[redacted]".to_owned();
                        }
                        other => self.clean_json(other),
                    }
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }
}

fn add(found: &mut BTreeMap<String, String>, name: &str, value: &str) {
    if value.len() >= SHORTEST && is_secret_name(name) {
        found.entry(value.to_owned()).or_insert_with(|| name.to_owned());
    }
}

fn of_phase(phase: &Phase, found: &mut BTreeMap<String, String>) {
    for step in [Part::Apply, Part::Commit, Part::Rollback].into_iter().flat_map(|part| phase.steps(part)) {
        of_act(&step.act, found);
        if let StepUndo::Act(act) = &step.undo {
            of_act(act, found);
        }
    }
    let whens = phase.apply.iter().chain(&phase.commit).chain(&phase.rollback);
    let whens = whens.filter_map(|step| step.when.as_deref());
    for check in phase.applies_if.iter().chain(&phase.preflight).chain(&phase.validate).chain(whens) {
        match &check.look {
            Look::Probe(Probe::Run { command, .. }) | Look::Plugin(command) => of_command(command, found),
            Look::Probe(_) | Look::Scripts(_) | Look::Ask(_) => {}
        }
    }
}

fn of_act(act: &Act, found: &mut BTreeMap<String, String>) {
    match act {
        Act::Run(command) => of_command(command, found),
        Act::Shell { env, .. } => env.iter().for_each(|(name, value)| add(found, name, value)),
        Act::Set { settings, .. } => {
            for setting in settings {
                if let (Some(name), Json::String(value)) = (setting.path.last(), &setting.value) {
                    add(found, name, value);
                }
            }
        }
        Act::Install { .. } | Act::Ask { .. } | Act::Reboot { .. } => {}
    }
}

fn of_command(command: &CommandLine, found: &mut BTreeMap<String, String>) {
    command.env.iter().for_each(|(name, value)| add(found, name, value));
    let mut words = command.argv.iter().peekable();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix("--") else { continue };
        match (option.split_once('='), words.peek()) {
            (Some((name, value)), _) => add(found, name, value),
            (None, Some(value)) if !value.starts_with('-') => add(found, option, value),
            (None, Some(_) | None) => {}
        }
    }
}

fn unquoted(value: &str) -> &str {
    let inner = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

/// `name: value` in a plan, whatever it is part of.
fn stated() -> &'static Regex {
    static STATED: OnceLock<Regex> = OnceLock::new();
    STATED.get_or_init(|| {
        // A value in braces is no value but more of them.
        let value = r#"("[^"\n]*"|'[^'\n]*'|[^\s,{}\[\]#][^\s,}\]]*)"#;
        Regex::new(&format!(r#"["']?([A-Za-z0-9_.-]+)["']?[ \t]*:[ \t]+{value}"#)).expect("a fixed pattern")
    })
}

/// What looks like a secret wherever it stands.
fn patterns() -> &'static [(Regex, &'static str)] {
    static PATTERNS: OnceLock<Vec<(Regex, &'static str)>> = OnceLock::new();
    PATTERNS.get_or_init(|| {
        let word = "(?:secret|token|password|passwd|passphrase|api[_-]?key|private[_-]?key|access[_-]?key|credential)s?";
        let value = r#"("[^"\n]*"|'[^'\n]*'|[^\s,;"'&}\]]+)"#;
        [
            (
                "(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)".to_owned(),
                "[redacted: private key]",
            ),
            (r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s:@]*:[^/\s@]+@".to_owned(), "$1[redacted]@"),
            (r"(?i)\b(authorization\\?[\x22']?\s*[:=]\s*\\?[\x22']?(?:bearer|basic|token)\s+)[^\s\x22'\\]+".to_owned(), "$1[redacted]"),
            (format!(r#"(?i)(--[a-z0-9-]*{word}[a-z0-9-]*(?:=|[ \t]+)){value}"#), "$1[redacted]"),
            (format!(r#"(?i)\b([a-z0-9_.-]*{word}[a-z0-9_.-]*\\?["']?[ \t]*[=:][ \t]*){value}"#), "$1[redacted]"),
        ]
        .into_iter()
        .map(|(pattern, with)| (Regex::new(&pattern).expect("a fixed pattern"), with))
        .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_of(act: &Act) -> Plan {
        let step = serde_json::json!({
            "id": "a", "act": act, "who": "runner", "timeout": 1, "undo": "not-needed", "idempotent": false,
            "changes": "machine",
        });
        let phase = serde_json::json!({
            "id": "one", "risk": "low", "needs": [], "layers": [], "preflight": [], "apply": [step], "settle": 0,
            "validate": [], "commit": [], "rollback": [],
            "on": {"fail": "rollback", "inconclusive": "pause", "error": "pause"},
        });
        let plan = serde_json::json!({"name": "p", "revision": 1, "digest": "0", "phases": [phase]});
        serde_json::from_value(plan).expect("a plan")
    }

    #[test]
    fn names_say_by_a_word_of_theirs_that_a_value_is_secret() {
        for name in
            ["API_TOKEN", "db-password", "sshKey", "key", "SECRET", "aws.credentials", "PGPASSWORD_PASS"]
        {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["keyboard", "monkey", "PATH", "passenger", "tok", ""] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn exact_values_are_taken_out_wherever_they_stand() {
        let mut command =
            CommandLine::new(["curl", "--token", "canary-1", "--api-key=canary-2", "--fast", "word"]);
        command.env.insert("DB_PASSWORD".into(), "canary-3".into());
        command.env.insert("HOME".into(), "/home/canary".into());
        command.env.insert("PASS".into(), "on".into());
        let text = "vars: {vault_secret: 'canary-4', mode: fast}\n  api_key: canary-5 # note\n";
        let redactor = Redactor::of(&plan_of(&Act::Run(command)), text);
        let said = "canary-1 xcanary-2x\ncanary-3canary-4 canary-5 /home/canary fast word on";
        let clean = redactor.clean(said);
        assert!(!(1..=5).any(|n| clean.contains(&format!("canary-{n}"))), "{clean}");
        assert!(
            clean.ends_with("/home/canary fast word on") && clean.contains("[redacted: DB_PASSWORD]"),
            "{clean}"
        );
        assert_eq!(redactor.names().len(), 5);
    }

    #[test]
    fn what_was_taken_out_is_not_taken_out_again() {
        let mut command = CommandLine::new(["tool", "--password", "canary-1"]);
        command.env.insert("API_TOKEN".into(), "canary-2".into());
        let redactor = Redactor::of(&plan_of(&Act::Run(command)), "");
        let once = redactor.clean("API_TOKEN=canary-2 --password canary-1").into_owned();
        assert_eq!(once, "API_TOKEN=[redacted: API_TOKEN] --password [redacted: password]");
        assert_eq!(redactor.clean(&once), once);
    }

    #[test]
    fn a_document_stays_one() {
        let mut document = serde_json::json!({
            "token": "hunter22", "key": "ab", "n": [1, null, "x://u:p@h"], "of": {"said": "PASSWORD=hunter22, \"q\""},
        });
        Redactor::default().clean_json(&mut document);
        let clean = serde_json::json!({
            "token": "[redacted]", "key": "ab", "n": [1, null, "x://[redacted]@h"],
            "of": {"said": "PASSWORD=[redacted], \"q\""},
        });
        assert_eq!(document, clean);
    }

    #[test]
    fn what_looks_like_a_secret_is_taken_out_without_a_plan() {
        let none = Redactor::default();
        for (said, clean) in [
            ("git clone https://me:hunter2@host/x", "git clone https://[redacted]@host/x"),
            ("postgres://:pw@db", "postgres://[redacted]@db"),
            ("PASSWORD=hunter2 next", "PASSWORD=[redacted] next"),
            ("{\"token\": \"hunter2\", \"a\": 1}", "{\"token\": [redacted], \"a\": 1}"),
            ("tool --password hunter2 --fast", "tool --password [redacted] --fast"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nx",
                "[redacted: private key]\nx",
            ),
            ("key: a, keyboard: us, http://host/a:b", "key: a, keyboard: us, http://host/a:b"),
        ] {
            assert_eq!(none.clean(said), clean);
        }
    }
}
