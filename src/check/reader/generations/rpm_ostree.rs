//! `rpm-ostree status`: text and `--json`.

use crate::check::reader::refusal::Refusal;
use crate::check::reader::{document, is_elision, observation};
use crate::model::{Observation, Value};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Deployment {
    r#ref: String,
    /// Nothing where no deployment is marked: then the marks were lost, not the boot.
    booted: Option<bool>,
    version: Option<String>,
    layered_packages: usize,
    pinned: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Status {
    format: &'static str,
    /// `idle` or `busy`.
    state: Option<String>,
    deployments: Vec<Deployment>,
    /// The checksum of each deployment's commit, in the same order.
    checksums: Vec<Option<String>>,
    /// Which of them is only staged, in the same order; nothing where that is not told, as in the text for people without
    /// `--verbose`.
    #[serde(skip_serializing_if = "Option::is_none")]
    staged: Option<Vec<bool>>,
    /// Nothing was left out, there is a deployment, and the tool did its work. Nothing where that cannot be told: the text
    /// for people has no end, and a deployment of it may be lost whole.
    complete: Option<bool>,
    /// What the tool said instead.
    #[serde(flatten)]
    refusal: Option<Refusal>,
}

pub(in crate::check::reader) fn read(text: &str) -> Observation {
    let status = match document(text, &['{']) {
        Some(document) => from_json(&document),
        None if text.trim_start().starts_with('{') => Status { complete: Some(false), ..empty("json") },
        None => from_table(text).unwrap_or_else(|| from_text(text)),
    };
    let refusal = Refusal::of(text, &["rpm-ostree"]).filter(|_| status.format == "text");
    let answered = refusal.is_none() && !status.deployments.is_empty();
    let complete = if answered { status.complete } else { Some(false) };
    observation(&Status { complete, refusal, ..status })
}

const fn empty(format: &'static str) -> Status {
    Status {
        format,
        state: None,
        deployments: Vec::new(),
        checksums: Vec::new(),
        staged: None,
        complete: Some(true),
        refusal: None,
    }
}

fn from_json(document: &Value) -> Status {
    let mut status = empty("json");
    status.state = document.get("transaction").map(|under_way| {
        let idle = under_way.is_null() || under_way.as_array().is_some_and(Vec::is_empty);
        (if idle { "idle" } else { "busy" }).to_owned()
    });
    let deployments = document.get("deployments").and_then(Value::as_array);
    for deployment in deployments.into_iter().flatten() {
        let text = |field: &str| deployment.get(field).and_then(Value::as_str).map(str::to_owned);
        let flag = |field: &str| deployment.get(field).and_then(Value::as_bool);
        let packages = deployment.get("requested-packages").and_then(Value::as_array);
        status.deployments.push(Deployment {
            r#ref: text("container-image-reference").or_else(|| text("origin")).unwrap_or_default(),
            booted: flag("booted"),
            version: text("version"),
            layered_packages: packages.map_or(0, Vec::len),
            pinned: flag("pinned").unwrap_or(false),
        });
        status.checksums.push(text("checksum"));
        status.staged.get_or_insert_default().push(flag("staged").unwrap_or(false));
    }
    status.complete = Some(deployments.is_some());
    status
}

/// A deployment as its lines come.
#[derive(Default)]
struct Block {
    r#ref: String,
    marked: bool,
    /// How far its name is set in.
    indent: usize,
    fields: BTreeMap<String, String>,
}

impl Block {
    /// Whether it says which commit it is, as each does behind its version: a container by its digest, before that.
    fn is_whole(&self) -> bool {
        let has = |name: &str| self.fields.contains_key(name);
        has("Commit") || has("BaseCommit") || (has("Digest") && has("Version"))
    }
}

fn from_text(text: &str) -> Status {
    let mut status = empty("text");
    let mut blocks: Vec<Block> = Vec::new();
    let mut last = String::new();
    let mut whole = true;
    for line in text.lines() {
        whole &= !is_elision(line);
        let body = line.trim_start_matches(|c: char| c.is_whitespace() || is_bullet(c)).trim_end();
        // What could be deployed is no deployment.
        if body.starts_with("AvailableUpdate:") || body.starts_with("Available update:") {
            break;
        }
        let indent = line.chars().take_while(|c| c.is_whitespace() || is_bullet(*c)).count();
        // With `--verbose` the number stands behind the name.
        let body = body.split_once(" (index: ").map_or(body, |(body, _)| body);
        if let Some((key, value)) = field(body) {
            match blocks.last_mut() {
                Some(block) => {
                    last = key.to_owned();
                    block.fields.insert(last.clone(), value.to_owned());
                }
                None if key == "State" => {
                    // What is done by itself stands behind it: `idle; auto updates disabled`.
                    let state = value.split(';').next().unwrap_or(value).trim();
                    status.state = Some(state.to_owned());
                }
                None => {}
            }
        } else if let Some(value) = blocks
            .last_mut()
            .filter(|block| indent > block.indent + 2)
            .and_then(|block| block.fields.get_mut(&last))
        {
            // A long list goes on below its beginning, also with the paths of what was installed from files.
            value.push(' ');
            value.push_str(body);
        } else if is_ref(body) {
            let marked = line.trim_start().starts_with(is_bullet);
            blocks.push(Block { r#ref: body.to_owned(), marked, indent, fields: BTreeMap::new() });
            last.clear();
        }
    }
    // Any word with a colon could be a name; a deployment says more of itself.
    whole &= blocks.iter().all(Block::is_whole);
    status.complete = (!whole).then_some(false);
    let told = blocks.iter().any(|block| block.fields.contains_key("Staged"));
    let any_marked = blocks.iter().any(|block| block.marked);
    for block in blocks {
        let get = |name: &str| block.fields.get(name);
        let first = |name: &str| get(name).and_then(|text| text.split_whitespace().next()).map(str::to_owned);
        status.deployments.push(Deployment {
            booted: any_marked.then_some(block.marked),
            version: first("Version"),
            layered_packages: get("LayeredPackages").map_or(0, |names| names.split_whitespace().count()),
            pinned: first("Pinned").as_deref() == Some("yes"),
            r#ref: block.r#ref.clone(),
        });
        status.checksums.push(first("Commit").or_else(|| first("BaseCommit")));
        if told {
            status.staged.get_or_insert_default().push(first("Staged").as_deref() == Some("yes"));
        }
    }
    status
}

/// `TIMESTAMP (UTC)  VERSION  ID  OSNAME  REFSPEC`, a line for each: until 2015.
fn from_table(text: &str) -> Option<Status> {
    let mut lines = text.lines().skip_while(|line| !line.trim_start().starts_with("TIMESTAMP"));
    let heading = lines.next()?;
    let has_version = heading.split_whitespace().any(|word| word == "VERSION");
    let mut status = empty("text");
    for line in lines {
        let marked = line.trim_start().starts_with(is_bullet);
        let words: Vec<&str> =
            line.split(|c: char| c.is_whitespace() || is_bullet(c)).filter(|word| !word.is_empty()).collect();
        let (Some(refspec), true) = (words.last().filter(|word| is_ref(word)), words.len() >= 5) else {
            continue;
        };
        let (version, id) = if has_version { (words.get(2), words.get(3)) } else { (None, words.get(2)) };
        let text = |word: Option<&&str>| word.map(|word| (*word).to_owned());
        status.deployments.push(Deployment {
            r#ref: (*refspec).to_owned(),
            booted: Some(marked),
            version: text(version),
            layered_packages: 0,
            pinned: false,
        });
        status.checksums.push(text(id));
    }
    status.complete = None;
    Some(status)
}

const fn is_bullet(c: char) -> bool {
    matches!(c, '●' | '*' | '•')
}

/// `Version: 40.1 (2026-01-01)`. A ref has a colon too, and no blank behind it.
fn field(body: &str) -> Option<(&str, &str)> {
    let (key, value) = body.split_once(':')?;
    let named =
        key.starts_with(|c: char| c.is_ascii_uppercase()) && key.chars().all(|c| c.is_ascii_alphanumeric());
    (named && (value.is_empty() || value.starts_with(' '))).then(|| (key, value.trim()))
}

fn is_ref(body: &str) -> bool {
    let is_prompt = body.ends_with(['$', '#', '%', '>']);
    let is_elsewhere = body.starts_with('/') || body.starts_with("http://") || body.starts_with("https://");
    !body.is_empty()
        && !body.contains(char::is_whitespace)
        && (body.contains(':') || body.contains('/'))
        && !is_prompt
        && !is_elsewhere
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TWO: &str = "State: idle\nDeployments:\n● a:b/1\n     Version: 1.2 (2026-01-01)\n      Commit: abc\n     LayeredPackages: one two\n                      three\n  a:b/0\n     Version: 1.1\n      Pinned: yes\n";

    #[test]
    fn each_deployment_has_its_own_lines() {
        let seen = read(TWO);
        assert_eq!(
            seen.get("deployments"),
            Some(&json!([
                {"ref": "a:b/1", "booted": true, "version": "1.2", "layered_packages": 3, "pinned": false},
                {"ref": "a:b/0", "booted": false, "version": "1.1", "layered_packages": 0, "pinned": true},
            ]))
        );
        assert_eq!(seen.get("checksums"), Some(&json!(["abc", null])));
    }

    #[test]
    fn what_stands_around_the_deployments_is_none_of_them() {
        let deployments = |text: &str| read(text).get("deployments").and_then(Value::as_array).map(Vec::len);
        for (before, behind) in [
            ("", "mo@host:~$\n"),
            ("", "mo@host:~$ \n"),
            ("https://example.org/a/thread\n", ""),
            ("mo@host:~$ rpm-ostree status\n", "[mo@host ~]$ \n"),
            ("", "https://example.org/x:y\n"),
        ] {
            let text = format!("{before}{TWO}{behind}");
            assert_eq!(deployments(&text), Some(2), "{text}");
        }
        for text in ["https://example.org/a\n", "a:b\n"] {
            assert_eq!(read(text).get("complete"), Some(&json!(false)), "{text}");
        }
        let idle = TWO.replace("idle", "idle; auto updates disabled");
        assert_eq!(read(&idle).get("state"), Some(&json!("idle")));
    }

    #[test]
    fn a_list_that_goes_on_below_may_hold_paths_and_colons() {
        let text = "Deployments:\n● a:b/1\n                  Version: 1.2\n          LayeredPackages: /usr/bin/vim one\n                                   /usr/bin/git a:b\n                                   two\n  a:b/0\n                  Version: 1.1\n";
        for text in [text.to_owned(), text.lines().map(|line| format!("    {line}\n")).collect()] {
            let seen = read(&text);
            assert_eq!(seen.get("deployments.0.layered_packages"), Some(&json!(5)), "{text}");
            assert_eq!(seen.get("deployments.1.ref"), Some(&json!("a:b/0")), "{text}");
            assert_eq!(seen.get("deployments.2"), None, "{text}");
        }
    }

    #[test]
    fn without_any_mark_nobody_knows_what_booted() {
        assert_eq!(read(&TWO.replace('●', " ")).get("deployments.0.booted"), Some(&json!(null)));
    }

    #[test]
    fn what_could_be_deployed_is_no_deployment_and_a_number_is_no_part_of_a_name() {
        let seen = read(&format!(
            "{TWO}  a:b/9 (index: 2)\n     Version: 0.9\n\nAvailableUpdate:\n     Version: 2.0\n      Commit: def\n"
        ));
        assert_eq!(seen.get("deployments.2.ref"), Some(&json!("a:b/9")));
        assert_eq!(seen.get("deployments.2.version"), Some(&json!("0.9")));
        assert_eq!(seen.get("deployments.1.version"), Some(&json!("1.1")));
        assert_eq!(seen.get("checksums"), Some(&json!(["abc", null, null])));
    }

    #[test]
    fn what_is_only_staged_is_told_where_the_text_tells_it() {
        assert_eq!(read(TWO).get("staged"), None);
        let long = TWO.replace("      Commit: abc\n", "      Commit: abc\n      Staged: yes\n");
        assert_eq!(read(&long).get("staged"), Some(&json!([true, false])));
    }

    #[test]
    fn the_old_table_is_read_row_by_row() {
        let seen = read(
            "  TIMESTAMP (UTC)         VERSION  ID          OSNAME  REFSPEC\n* 2015-01-01 00:00:00     22.1     1877f1fa64  atomic  f:x/y\n  2014-01-01 00:00:00     22.0     0877f1fa64  atomic  f:x/y\n",
        );
        let first = json!({"ref": "f:x/y", "booted": true, "version": "22.1", "layered_packages": 0, "pinned": false});
        assert_eq!(seen.get("deployments.0"), Some(&first));
        assert_eq!(seen.get("deployments.1.booted"), Some(&json!(false)));
        assert_eq!(
            (seen.get("checksums.1"), seen.get("complete")),
            (Some(&json!("0877f1fa64")), Some(&json!(null)))
        );
    }

    #[test]
    fn json_says_the_same_and_a_part_of_it_says_nothing() {
        let text = r#"{"deployments":[{"origin":"a:b","booted":true,"version":"1","requested-packages":["x"],"pinned":false,"checksum":"abc","staged":false}],"transaction":null}"#;
        let seen = read(text);
        let expected =
            json!({"ref": "a:b", "booted": true, "version": "1", "layered_packages": 1, "pinned": false});
        assert_eq!((seen.get("deployments.0"), seen.get("state")), (Some(&expected), Some(&json!("idle"))));
        let prompted = format!("mo@host:~$ rpm-ostree status --json\n{text}\nmo@host:~$ \n");
        assert_eq!(read(&prompted).get("deployments.0"), Some(&expected));
        assert_eq!(read(&text[..40]).get("complete"), Some(&json!(false)));
    }
}
