//! The text of derivations: terms of texts, lists and tuples. A small part of the format called ATerm.

/// Deeper than any derivation nests.
const DEEPEST: u32 = 8;

/// A part of a derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// `"..."`
    Text(String),
    /// `[...]` or `(...)`
    List(Vec<Self>),
}

impl Value {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::List(_) => None,
        }
    }

    pub(super) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(list),
            Self::Text(_) => None,
        }
    }
}

/// The seven parts of a derivation. One with a version has that first, and it is left out.
pub(super) fn derivation(text: &str) -> Option<Vec<Value>> {
    let (rest, versioned) = match text.strip_prefix("DrvWithVersion(") {
        Some(rest) => (rest, true),
        None => (text.strip_prefix("Derive(")?, false),
    };
    let (mut parts, rest) = listed(rest, ')', 0)?;
    if versioned && !parts.is_empty() {
        parts.remove(0);
    }
    rest.trim().is_empty().then_some(parts)
}

/// Values up to the closing mark, and what follows it.
fn listed(text: &str, close: char, depth: u32) -> Option<(Vec<Value>, &str)> {
    let mut values = Vec::new();
    let mut rest = text;
    if let Some(after) = rest.strip_prefix(close) {
        return Some((values, after));
    }
    loop {
        let (one, after) = value(rest, depth)?;
        values.push(one);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Some((values, after.strip_prefix(close)?)),
        }
    }
}

fn value(text: &str, depth: u32) -> Option<(Value, &str)> {
    if let Some(rest) = text.strip_prefix('"') {
        let (text, rest) = quoted(rest)?;
        return Some((Value::Text(text), rest));
    }
    let close = match text.chars().next()? {
        '[' => ']',
        '(' => ')',
        _ => return None,
    };
    if depth == DEEPEST {
        return None;
    }
    let (values, rest) = listed(text.get(1..)?, close, depth + 1)?;
    Some((Value::List(values), rest))
}

/// A text up to its closing quote, its escapes undone.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, text.get(at + 1..)?)),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                't' => out.push('\t'),
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = r#"Derive([("out","/x","","")],[],["a"],"s","b",[],[("k","v\n\"w\\")])"#;

    #[test]
    fn a_derivation_has_its_parts_and_a_cut_one_is_none() {
        let parts = derivation(TEXT).expect("a derivation");
        assert_eq!(parts.len(), 7);
        let pair =
            parts.last().and_then(|env| env.list()?.first()?.list()?.get(1)?.text().map(str::to_owned));
        assert_eq!(pair.as_deref(), Some("v\n\"w\\"));
        let versioned = TEXT.replace("Derive(", "DrvWithVersion(\"xp-dyn-drv\",");
        assert_eq!(derivation(&versioned), Some(parts));
        for end in 0..TEXT.len() {
            assert_eq!(derivation(TEXT.get(..end).unwrap_or_default()), None, "{end}");
        }
        assert_eq!(derivation(&format!("Derive({}{})", "[".repeat(100), "]".repeat(100))), None);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "Derive\\(([\\[\\]\\(\\),\"]|\\\\|é|a){0,60}") {
            prop_assert!(derivation(&text).is_none_or(|parts| parts.len() <= text.len()));
        }
    }
}
