//! The layers of a KDE configuration file: which of them a key comes from. `[$i]` after a file, a group or a key locks
//! it against the layers above, `[$d]` takes a key away, `[$e]` asks for variables, which are left as written.

use std::path::PathBuf;

/// One file of the cascade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// The value that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) text: String,
    pub(super) path: PathBuf,
    /// Whether a layer locked it.
    pub(super) locked: bool,
}

/// What one layer says of a key.
#[derive(Debug, Default)]
struct Said {
    /// The last line with it; `None` inside where it is taken away.
    value: Option<Option<String>>,
    locks: bool,
}

/// The key as the layers give it, the weakest first.
pub(super) fn find(layers: &[Layer], groups: &[&str], key: &str) -> Option<Value> {
    let mut found: Option<Value> = None;
    let mut locked = false;
    for layer in layers {
        let said = say(&layer.text, groups, key);
        if locked {
            break;
        }
        locked = said.locks;
        match said.value {
            Some(Some(text)) => {
                found = Some(Value { text, path: layer.path.clone(), locked });
            }
            Some(None) => found = None,
            None => {
                if let Some(found) = &mut found {
                    found.locked = locked;
                }
            }
        }
    }
    found
}

fn say(text: &str, groups: &[&str], key: &str) -> Said {
    let mut said = Said::default();
    let mut here = groups.is_empty() || groups == ["<default>"];
    let mut begun = false;
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('[') {
            let (names, flags) = heading(line);
            if names.is_empty() {
                // `[$i]` alone before the first group locks the file.
                said.locks |= !begun && flags.contains('i');
                continue;
            }
            begun = true;
            here = names == groups;
            said.locks |= here && flags.contains('i');
            continue;
        }
        let Some((name, value)) = line.split_once('=').filter(|_| here) else {
            // A key may be taken away without a value.
            if here && flagged(line).is_some_and(|(name, flags)| name == key && flags.contains('d')) {
                said.value = Some(None);
            }
            continue;
        };
        let (name, flags) = flagged(name.trim()).unwrap_or((name.trim(), ""));
        if name == key {
            said.locks |= flags.contains('i');
            said.value = Some((!flags.contains('d')).then(|| unescaped(value.trim_start())));
        }
    }
    said
}

/// `[One][Two][$i]`: the names of the group, and its flags.
fn heading(line: &str) -> (Vec<&str>, &str) {
    let mut names = Vec::new();
    let mut flags = "";
    for part in line.split('[').skip(1) {
        let part = part.trim_end().trim_end_matches(']');
        match part.strip_prefix('$') {
            Some(found) => flags = found,
            None => names.push(part),
        }
    }
    (names, flags)
}

/// `Key[$ie]`: the key without its flags. A key in a language, `Key[de]`, is another key.
fn flagged(name: &str) -> Option<(&str, &str)> {
    let (key, flags) = name.strip_suffix(']')?.rsplit_once("[$")?;
    Some((key.trim_end(), flags))
}

/// A value with `\s`, `\t`, `\n`, `\r`, `\\` and `\xHH` as the characters that they stand for.
fn unescaped(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let escape = (*byte == b'\\').then(|| after.first()).flatten();
        let stands_for = match escape {
            Some(b's') => b' ',
            Some(b't') => b'\t',
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b'\\') => b'\\',
            Some(b'x') => {
                let digits = after.get(1..3).and_then(|digits| std::str::from_utf8(digits).ok());
                let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                bytes.push(code.unwrap_or(b'\\'));
                rest = if code.is_some() { after.get(3..).unwrap_or_default() } else { after };
                continue;
            }
            Some(_) | None => {
                bytes.push(*byte);
                continue;
            }
        };
        bytes.push(stands_for);
        rest = after.get(1..).unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn layers(texts: &[&str]) -> Vec<Layer> {
        let layer = |(at, text): (usize, &&str)| Layer {
            path: PathBuf::from(format!("/{at}")),
            text: (*text).to_owned(),
        };
        texts.iter().enumerate().map(layer).collect()
    }

    #[test]
    fn the_strongest_layer_counts_unless_a_weaker_one_locked_it() {
        for (texts, expected) in [
            (vec!["[G]\nk=1\n", "[G]\nk=2\n"], Some(("2", "/1", false))),
            (vec!["[G]\nk=1\n", "[H]\nk=2\n"], Some(("1", "/0", false))),
            (vec!["[G]\nk[$i]=1\n", "[G]\nk=2\n"], Some(("1", "/0", true))),
            (vec!["[G][$i]\nk=1\n", "[G]\nk=2\n"], Some(("1", "/0", true))),
            (vec!["[$i]\n[G]\nk=1\n", "[G]\nk=2\n"], Some(("1", "/0", true))),
            (vec!["[G][$i]\n", "[G]\nk=2\n"], None),
            (vec!["[G]\nk=1\n", "[G]\nk[$d]\n"], None),
            (vec!["[G]\nk=1\n", "[G]\nk[$d]\n", "[G]\nk=3\n"], Some(("3", "/2", false))),
            (vec!["[G]\nk[$e]=$HOME/x\n"], Some(("$HOME/x", "/0", false))),
            (vec!["[G]\nk[de]=1\nk = 2\n"], Some(("2", "/0", false))),
            (vec!["[G]\n# k=1\n"], None),
            (vec!["[G][Sub]\nk=1\n"], None),
            (vec!["[G]\nk=a\\sb\\\\n\\x41\\q\n"], Some(("a b\\nA\\q", "/0", false))),
            (vec![], None),
        ] {
            let found = find(&layers(&texts), &["G"], "k");
            let found = found.as_ref();
            let seen =
                found.map(|found| (found.text.as_str(), found.path.to_str().expect("a path"), found.locked));
            assert_eq!(seen, expected, "{texts:?}");
        }
    }

    #[test]
    fn groups_lie_in_groups() {
        let found = find(&layers(&["[A][B]\nk=1\n[A]\nk=2\n"]), &["A", "B"], "k");
        assert_eq!(found.map(|found| found.text), Some("1".to_owned()));
        let without = find(&layers(&["k=0\n[A]\nk=2\n"]), &[], "k");
        assert_eq!(without.map(|found| found.text), Some("0".to_owned()));
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(text in "(\\[|\\]|\\$i|\\$d|G|k|=|\\\\x|\\\\|é|\\n| ){0,60}") {
            let found = find(&layers(&[&text, &text]), &["G"], "k");
            prop_assert!(found.is_none_or(|found| found.text.len() <= text.len() * 3));
        }
    }
}
