//! The named checks that a plan may use: all of them, and one with its parameters.

use super::line::{Line, Tone, render};
use super::style::Style;
use crate::model::{NamedCheck, Value};
use unicode_width::UnicodeWidthStr;

/// Names and what they are good for, by library, in the order given.
#[must_use]
pub fn named_checks(checks: &[&NamedCheck], style: &Style) -> String {
    let align = checks.iter().map(|check| check.name.width()).max().unwrap_or(0);
    let mut lines = Vec::new();
    let mut library = "";
    for check in checks {
        if check.library != library {
            library = &check.library;
            lines.push(Line::new(Tone::Heading, library, ""));
        }
        let instead = check.shadows.as_ref().map_or_else(String::new, |it| format!(" (in place of {it})"));
        let about = format!("{}{instead}", check.about);
        lines.push(Line::plain(about).about(&check.name).aligned(align).at(1));
    }
    render(&lines, style)
}

/// One check: what it is good for, its parameters, and what it stands for.
#[must_use]
pub fn named_check(check: &NamedCheck, style: &Style) -> String {
    let mut lines = vec![Line::new(Tone::Heading, &check.name, format!("({})", check.library))];
    let mut tell = |text: String| lines.push(Line::plain(text).at(1));
    tell(check.about.clone());
    if let Some(shadowed) = &check.shadows {
        tell(format!("goes before the check of that name in {shadowed}"));
    }
    for parameter in &check.parameters {
        let default = parameter.default.as_ref();
        let default = default.map_or_else(|| "must be stated".to_owned(), |it| format!("default {it}"));
        tell(format!("{}: {}; {} ({default})", parameter.name, parameter.about, parameter.expects));
    }
    tell(elsewhere(check));
    for (field, value) in check.check.as_object().into_iter().flatten() {
        match value {
            Value::String(text) => tell(format!("{field}: {text}")),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                tell(format!("{field}: {value}"));
            }
        }
    }
    render(&lines, style)
}

/// How a check behaves on a machine where it does not apply or where its probe cannot look.
#[must_use]
pub fn elsewhere(check: &NamedCheck) -> String {
    let written = |field: &str| check.check.get(field).and_then(Value::as_str);
    if check.check.get("ask").is_some() {
        return "A person answers; `validate`, which asks nobody, skips it and says so.".to_owned();
    }
    let error = match written("on_error").unwrap_or("error") {
        "error" => "an error".to_owned(),
        other => format!("`{other}`"),
    };
    if check.check.get("applies_if").is_some() {
        return format!(
            "Skipped where its `applies_if` says that it does not apply; {error} where that or the value cannot be looked at, `inconclusive` where that is \
             not to be told."
        );
    }
    let is_run = check.check.pointer("/probe/run").is_some();
    if is_run {
        return format!("Where the program is missing or does not end in time it is {error}.");
    }
    let no_data = written("on_no_data").unwrap_or("inconclusive");
    format!(
        "Where there is nothing of what it judges it is `{no_data}`; where its probe cannot look it is {error}. Neither is a pass."
    )
}

#[cfg(test)]
mod tests {
    use super::super::style::Surroundings;
    use super::*;
    use crate::model::NamedParameter;
    use std::borrow::Cow;

    fn check(library: &str, name: &str) -> NamedCheck {
        NamedCheck {
            name: name.to_owned(),
            library: library.to_owned(),
            about: "A file system has room for what a phase will put there.".to_owned(),
            shadows: None,
            parameters: vec![NamedParameter {
                name: "at_least".to_owned(),
                expects: "a size".to_owned(),
                default: Some("1GiB".to_owned()),
                about: "So much must be free".to_owned(),
            }],
            check: serde_json::json!({"severity": "fail"}),
        }
    }

    #[test]
    fn a_list_of_checks_keeps_to_the_width_and_names_each_library_once() {
        let checks = [check("disk", "disk-free"), check("disk", "inodes-free"), check("own", "mine")];
        let all: Vec<&NamedCheck> = checks.iter().collect();
        let piped = named_checks(&all, &Style::piped(|text| Cow::Borrowed(text)));
        assert_eq!(piped.lines().next(), Some("disk"));
        assert_eq!((piped.lines().count(), piped.matches("disk\n").count()), (5, 1), "{piped}");
        let around =
            Surroundings { terminal: true, columns: Some(40), no_color: true, ..Surroundings::default() };
        let style = Style::new(&around, |text| Cow::Borrowed(text));
        for text in [named_checks(&all, &style), named_check(&checks[0], &style)] {
            assert!(text.lines().all(|line| line.width() <= 40), "{text}");
        }
        assert!(named_check(&checks[0], &style).contains("default 1GiB"));
    }

    #[test]
    fn how_a_check_behaves_where_it_does_not_apply_is_said_of_each() {
        for (written, words) in [
            (serde_json::json!({"ask": "Well?"}), "skips it"),
            (
                serde_json::json!({"probe": "memory", "applies_if": {"probe": "memory"}}),
                "Skipped where its `applies_if`",
            ),
            (serde_json::json!({"probe": {"run": ["true"]}}), "the program is missing"),
            (
                serde_json::json!({"probe": "memory"}),
                "it is `inconclusive`; where its probe cannot look it is an error",
            ),
            (
                serde_json::json!({"probe": "memory", "on_no_data": "pass", "on_error": "warn"}),
                "it is `pass`; where its probe cannot look it is `warn`",
            ),
        ] {
            let check = NamedCheck { check: written, ..check("own", "mine") };
            assert!(elsewhere(&check).contains(words), "{}", elsewhere(&check));
            assert!(named_check(&check, &Style::piped(|text| Cow::Borrowed(text))).contains(words));
        }
    }
}
