//! An argv as a line that a person could paste into a shell. For reading only: nothing is ever run from it.

use std::borrow::Cow;

/// The arguments, each quoted where a shell would read it otherwise.
#[must_use]
pub fn shell_words(argv: &[String]) -> String {
    argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// One word, in single quotes unless it is plain; with `$'...'` where it holds control characters.
fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| {
        c.is_ascii_alphanumeric() || "-_./:=@%+,#^".contains(c) || (!c.is_ascii() && c.is_alphanumeric())
    };
    // A `#` begins a comment only at the beginning of a word.
    if !word.is_empty() && !word.starts_with('#') && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    if word.chars().any(char::is_control) {
        let mut out = String::from("$'");
        for c in word.chars() {
            match c {
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\\' | '\'' => out.extend(['\\', c]),
                control if control.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(control))),
                other => out.push(other),
            }
        }
        out.push('\'');
        return Cow::Owned(out);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_read_it_otherwise() {
        for (word, shown) in [
            ("nixos-rebuild", "nixos-rebuild"),
            ("/etc/nixos#shoshin", "/etc/nixos#shoshin"),
            ("", "''"),
            ("a b", "'a b'"),
            ("#no", "'#no'"),
            ("it's", r"'it'\''s'"),
            ("$HOME;rm", "'$HOME;rm'"),
            ("a\nb'c\u{1b}", r"$'a\nb\'c\u001b'"),
            ("grün", "grün"),
        ] {
            assert_eq!(quoted(word), shown);
        }
        assert_eq!(shell_words(&["a".to_owned(), "b c".to_owned()]), "a 'b c'");
    }
}
