//! How a store path was built: its derivation's inputs, environment and compiler flags. The file of the derivation is
//! read as it lies in the store, so that any version of Nix will do and no experimental feature is needed.

use super::super::{Given, Looking, Need, last_line, process_end, status, tool, whole};
use super::aterm::{self, Value as Term};
use crate::check::ProbeError;
use crate::model::{Observation, Value};
use crate::system::process::Ended;
use serde_json::Map;
use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

const KEPT: usize = 64 * 1024;
/// Longest derivation that is read, in bytes.
const LONGEST: u64 = 16 << 20;
/// A value of the environment that is longer, in bytes, is left out.
const VALUE: usize = 4096;

/// Variables that hold flags for compilers, linkers and what calls them.
const FLAGS: [&str; 14] = [
    "CFLAGS",
    "CXXFLAGS",
    "CPPFLAGS",
    "FFLAGS",
    "LDFLAGS",
    "GOFLAGS",
    "NIX_CFLAGS_COMPILE",
    "NIX_CXXSTDLIB_COMPILE",
    "NIX_LDFLAGS",
    "NIX_RUSTFLAGS",
    "RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "makeFlags",
];

/// Asks which derivation built a path, then reads it.
pub(super) struct Derivation<'a> {
    pub(super) path: &'a Path,
}

impl Looking for Derivation<'_> {
    fn next(&mut self, given: Given) -> Need {
        match given {
            Given::Ended(ended) => Need::Seen(self.answered(&ended)),
            Given::Nothing | Given::Answered(_) => match self.path.symlink_metadata() {
                Err(why) if why.kind() == ErrorKind::NotFound => {
                    Need::Seen(Ok(Observation::new().with("exists", false)))
                }
                Err(why) => Need::Seen(Err(unreadable(self.path, &why))),
                Ok(_) if self.path.extension().is_some_and(|ending| ending == "drv") => {
                    Need::Seen(of_file(self.path))
                }
                Ok(_) => {
                    let path = self.path.to_string_lossy();
                    Need::Child(tool(["nix-store", "--query", "--deriver", path.as_ref()]), KEPT)
                }
            },
        }
    }
}

impl Derivation<'_> {
    fn answered(&self, ended: &Ended) -> Result<Observation, ProbeError> {
        if status(process_end("nix-store", ended)?) != 0 {
            return Err(ProbeError::Unreachable {
                what: format!("nix-store failed: {}", last_line(&ended.stderr)),
                hint: "is this a path of the store, and may this user ask the Nix daemon?",
            });
        }
        let said = whole(&ended.stdout).unwrap_or_default();
        let deriver = PathBuf::from(said.trim());
        let known = deriver.extension().is_some_and(|ending| ending == "drv");
        // A path from a cache has a derivation that this store may never have seen: how it was built is not known.
        let seen = Observation::new().with("exists", true);
        if !known {
            return Ok(seen);
        }
        match of_file(&deriver) {
            Ok(seen) if seen.get("name").is_some() => Ok(seen),
            Ok(_) => Ok(seen.with("deriver", said.trim())),
            Err(why) => Err(why),
        }
    }
}

fn unreadable(path: &Path, why: &std::io::Error) -> ProbeError {
    ProbeError::Unreadable { what: path.display().to_string(), why: why.kind().to_string() }
}

/// Reads the file of a derivation.
fn of_file(path: &Path) -> Result<Observation, ProbeError> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(Observation::new().with("exists", false)),
        Err(why) => return Err(unreadable(path, &why)),
    };
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|why| unreadable(path, &why))?;
    let malformed =
        |why: &str| ProbeError::Malformed { what: path.display().to_string(), why: why.to_owned() };
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LONGEST {
        return Err(malformed("it is longer than any derivation"));
    }
    let text = String::from_utf8_lossy(&bytes);
    let parts = aterm::derivation(&text).ok_or_else(|| malformed("it is no derivation"))?;
    let seen = told(&parts).ok_or_else(|| malformed("it lacks parts of a derivation"))?;
    Ok(seen.with("exists", true).with("deriver", path.to_string_lossy()))
}

/// `[outputs], [inputs], [sources], system, builder, [arguments], [environment]`
fn told(parts: &[Term]) -> Option<Observation> {
    let [outputs, inputs, _, system, builder, _, environment] = parts else { return None };
    let mut variables = Map::new();
    let mut flags: Vec<String> = Vec::new();
    for pair in environment.list()? {
        let [name, value] = pair.list()? else { return None };
        let (name, value) = (name.text()?, value.text()?);
        if name == "__json" {
            // With structured attributes all of the environment is in one document.
            structured(value, &mut flags, &mut variables);
        } else {
            take(name, value, &mut flags);
            if value.len() <= VALUE {
                variables.insert(name.to_owned(), Value::from(value));
            }
        }
    }
    let names: BTreeSet<String> = inputs
        .list()?
        .iter()
        .filter_map(|input| Some(package(input.list()?.first()?.text()?.strip_suffix(".drv")?)))
        .collect();
    let outputs: Vec<Value> = outputs
        .list()?
        .iter()
        .filter_map(|output| Some(Value::from(output.list()?.get(1)?.text()?)))
        .collect();
    let name = variables.get("name").and_then(Value::as_str).map(str::to_owned);
    let mut seen = Observation::new()
        .with("name", name.unwrap_or_default())
        .with("system", system.text()?)
        .with("builder", builder.text()?)
        .with("inputs", names.into_iter().collect::<Vec<_>>())
        .with("outputs", outputs)
        .with("flags", flags.clone());
    let features = variables.get("requiredSystemFeatures").and_then(Value::as_str).unwrap_or_default();
    let by_feature = features.split_whitespace().find_map(|word| word.strip_prefix("gccarch-"));
    let last = |prefixes: &[&str]| {
        flags.iter().rev().find_map(|flag| prefixes.iter().find_map(|prefix| flag.strip_prefix(prefix)))
    };
    for (field, value) in [
        ("march", last(&["-march=", "-Ctarget-cpu=", "GOAMD64="]).or(by_feature)),
        ("mtune", last(&["-mtune="])),
        ("optimisation", last(&["-O"])),
    ] {
        if let Some(value) = value {
            seen = seen.with(field, value);
        }
    }
    for (field, variable) in [("parallel", "enableParallelBuilding"), ("tests", "doCheck")] {
        if let Some(value) = variables.get(variable).and_then(Value::as_str) {
            seen = seen.with(field, matches!(value, "1" | "true"));
        }
    }
    Some(seen.with("environment", variables))
}

/// Flags in a variable, where it is one that holds flags.
fn take(name: &str, value: &str, flags: &mut Vec<String>) {
    // Cross compilers have one for each kind of machine: `NIX_CFLAGS_COMPILE_x86_64_unknown_linux_gnu`.
    let holds = FLAGS
        .iter()
        .any(|known| name == *known || name.strip_prefix(known).is_some_and(|rest| rest.starts_with('_')));
    let mut after_codegen = false;
    for word in value.split(|c: char| c.is_whitespace() || c == '\u{1f}').filter(|_| holds) {
        if std::mem::take(&mut after_codegen) {
            flags.push(format!("-C{word}"));
        } else if word == "-C" {
            after_codegen = true;
        } else if word.starts_with('-') {
            flags.push(word.to_owned());
        }
    }
    if name == "GOAMD64" && !value.is_empty() {
        flags.push(format!("GOAMD64={value}"));
    }
}

/// The environment of a derivation with structured attributes.
fn structured(text: &str, flags: &mut Vec<String>, variables: &mut Map<String, Value>) {
    let Ok(Value::Object(document)) = serde_json::from_str(text) else { return };
    let mut each = |name: &str, value: &Value| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Bool(yes) => if *yes { "1" } else { "" }.to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
            Value::Null | Value::Object(_) => return,
        };
        take(name, &text, flags);
        if text.len() <= VALUE {
            variables.insert(name.to_owned(), Value::from(text));
        }
    };
    for (name, value) in &document {
        match value {
            Value::Object(inner) if name == "env" => {
                for (name, value) in inner {
                    each(name, value);
                }
            }
            value => each(name, value),
        }
    }
}

/// `glibc-2.40` of `/nix/store/HASH-glibc-2.40`.
pub(super) fn package(path: &str) -> String {
    let base = path.rsplit('/').next().unwrap_or(path);
    let hash = base.get(..32).filter(|hash| hash.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let name = hash.and_then(|_| base.get(32..)?.strip_prefix('-'));
    name.unwrap_or(base).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FILE: &str = r#"Derive([("dev","/nix/store/00000000000000000000000000000001-zlib-1.3-dev","",""),("out","/nix/store/00000000000000000000000000000002-zlib-1.3","","")],[("/nix/store/00000000000000000000000000000003-stdenv-linux.drv",["out"]),("/nix/store/00000000000000000000000000000004-zlib-1.3.tar.gz.drv",["out"])],["/nix/store/00000000000000000000000000000005-fix.patch"],"x86_64-linux","/bin/bash",["-e","x"],[("NIX_CFLAGS_COMPILE","-march=x86-64 -O2 \"quoted\"\n-march=skylake -mtune=skylake -O3"),("doCheck","1"),("enableParallelBuilding",""),("makeFlags","PREFIX=x -j4"),("name","zlib-1.3"),("other","-not-a-flag")])"#;

    fn seen(text: &str) -> Observation {
        told(&aterm::derivation(text).expect("a derivation")).expect("all its parts")
    }

    #[test]
    fn flags_inputs_and_environment_of_a_derivation_are_told() {
        let seen = seen(FILE);
        for (field, value) in [
            ("name", json!("zlib-1.3")),
            ("system", json!("x86_64-linux")),
            ("inputs", json!(["stdenv-linux", "zlib-1.3.tar.gz"])),
            ("march", json!("skylake")),
            ("mtune", json!("skylake")),
            ("optimisation", json!("3")),
            ("flags", json!(["-march=x86-64", "-O2", "-march=skylake", "-mtune=skylake", "-O3", "-j4"])),
            ("tests", json!(true)),
            ("parallel", json!(false)),
            ("environment.other", json!("-not-a-flag")),
            ("outputs.1", json!("/nix/store/00000000000000000000000000000002-zlib-1.3")),
        ] {
            assert_eq!(seen.get(field), Some(&value), "{field}");
        }
    }

    #[test]
    fn structured_attributes_and_other_compilers_say_the_same() {
        for (variables, march) in [
            (
                r#"("__json","{\"name\":\"a\",\"env\":{\"NIX_CFLAGS_COMPILE\":\"-march=znver3\"},\"doCheck\":true}")"#,
                "znver3",
            ),
            (r#"("RUSTFLAGS","-C target-cpu=skylake -C lto")"#, "skylake"),
            (r#"("GOAMD64","v3")"#, "v3"),
            (r#"("requiredSystemFeatures","big-parallel gccarch-skylake")"#, "skylake"),
            (r#"("NIX_CFLAGS_COMPILE_x86_64_unknown_linux_gnu","-march=native")"#, "native"),
        ] {
            let text = format!(r#"Derive([],[],[],"x","y",[],[{variables}])"#);
            assert_eq!(seen(&text).get("march"), Some(&json!(march)), "{variables}");
        }
        assert_eq!(seen(r#"Derive([],[],[],"x","y",[],[])"#).get("march"), None);
    }

    #[test]
    fn a_package_is_named_without_the_hash_of_its_path() {
        for (path, name) in [
            ("/nix/store/00000000000000000000000000000001-glibc-2.40", "glibc-2.40"),
            ("/nix/store/short-name", "short-name"),
            ("", ""),
        ] {
            assert_eq!(package(path), name);
        }
    }
}
