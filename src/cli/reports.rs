//! The forms that a validation is given in, several at once, each to a file or to standard output.

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::out;
use crate::model::{Validation, Value};
use crate::report;
use crate::system::files::{self, Access};
use std::io::Write as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

/// A form that a validation is given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Human,
    Json,
    Jsonl,
    Junit,
    Tap,
    Nagios,
    Prometheus,
}

const FORMATS: [(&str, Format); 7] = [
    ("human", Format::Human),
    ("json", Format::Json),
    ("jsonl", Format::Jsonl),
    ("junit", Format::Junit),
    ("tap", Format::Tap),
    ("nagios", Format::Nagios),
    ("prometheus", Format::Prometheus),
];

/// One form, and the file it goes to; standard output where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    pub(super) format: Format,
    pub(super) into: Option<PathBuf>,
}

/// The reports that are asked for, and the words for a person where none goes to standard output.
pub(super) fn reports(
    context: &Context,
    asked: &[String],
    plan: Option<&Path>,
) -> Result<Vec<Report>, CliError> {
    let mut reports = asked.iter().map(|word| Report::parse(word)).collect::<Result<Vec<_>, _>>()?;
    let files: Vec<&PathBuf> = reports.iter().filter_map(|report| report.into.as_ref()).collect();
    for (at, file) in files.iter().enumerate() {
        if files.iter().take(at).any(|earlier| is_same(earlier, file)) {
            return Err(CliError::usage(format!("two reports into {}", file.display())));
        }
        if plan.is_some_and(|plan| is_same(plan, file)) {
            return Err(CliError::usage(format!(
                "{} is the plan, and no place for a report",
                file.display()
            )));
        }
        if !super::context::folder_of(file).is_dir() {
            return Err(CliError::usage(format!("there is no folder for the report {}", file.display())));
        }
    }
    let on_stdout = reports.iter().filter(|report| report.into.is_none()).count();
    if on_stdout > 1 || (on_stdout == 1 && context.json) {
        return Err(CliError::usage("two reports on standard output")
            .hint("give all but one a file: `--report junit=out.xml`"));
    }
    if on_stdout == 0 {
        let format = if context.json { Format::Json } else { Format::Human };
        reports.push(Report { format, into: None });
    }
    Ok(reports)
}

/// Those of a validation that comes by a timer: each goes to a file.
pub(super) fn of_timer(context: &Context, asked: &[String]) -> Result<Vec<Report>, CliError> {
    let mut all = reports(context, asked, None)?;
    if asked.iter().any(|word| Report::parse(word).is_ok_and(|report| report.into.is_none())) {
        return Err(CliError::usage("by a timer a report needs a file")
            .hint("standard output tells what is done: `--report junit=out.xml`"));
    }
    all.retain(|report| report.into.is_some());
    Ok(all)
}

/// Those of a validation that comes by a timer, as they stand in its unit: with whole paths, wherever it is begun.
pub(super) fn lasting(context: &Context, asked: &[String]) -> Result<Vec<String>, CliError> {
    let whole = |report: Report| {
        let name = FORMATS.iter().find(|(_, format)| *format == report.format).map_or("", |(name, _)| name);
        let into = report.into.unwrap_or_default();
        let path = std::path::absolute(&into).unwrap_or(into);
        match path.to_str().filter(|path| !path.contains(char::is_control)) {
            Some(path) => Ok(format!("{name}={path}")),
            None => Err(CliError::usage(format!("{} cannot be named in a unit", path.display()))
                .hint("name a file in plain text")),
        }
    };
    of_timer(context, asked)?.into_iter().map(whole).collect()
}

/// The validation was not begun: no report of an earlier one is left to be taken for its own. What goes for the plan is no
/// report.
pub(super) fn withdraw_all(asked: &[String], plan: Option<&Path>, why: &CliError) {
    let mut done: Vec<PathBuf> = plan.map(Path::to_owned).into_iter().collect();
    for report in asked.iter().filter_map(|word| Report::parse(word).ok()) {
        let Some(into) = report.into.clone() else { continue };
        if !done.iter().any(|earlier| is_same(earlier, &into)) {
            report.withdraw(why);
            done.push(into);
        }
    }
}

/// The same where the words could not be understood. A file that any other word may mean is left alone: it may be the plan.
pub(super) fn withdraw_typed(words: &[String], why: &CliError) {
    if !words.iter().any(|word| word == "validate") {
        return;
    }
    let (mut asked, mut others) = (Vec::new(), Vec::new());
    let mut rest = words.iter().skip(1);
    while let Some(word) = rest.next() {
        match word.strip_prefix("--report=") {
            Some(report) => asked.push(report.to_owned()),
            None if word == "--report" => asked.extend(rest.next().cloned()),
            None => others.push(word.split_once('=').map_or(word.as_str(), |(_, value)| value)),
        }
    }
    let free = |word: &String| {
        let into = Report::parse(word).ok().and_then(|report| report.into);
        into.is_some_and(|into| !others.iter().any(|other| is_same(Path::new(other), &into)))
    };
    asked.retain(free);
    withdraw_all(&asked, None, why);
}

/// Whether two names are of one file, however they are written, whether or not it is there.
fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let folder = super::context::folder_of(path).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    one == other || place(one).is_some_and(|one| place(other) == Some(one))
}

impl Report {
    fn parse(word: &str) -> Result<Self, CliError> {
        let (name, into) = word.split_once('=').map_or((word, None), |(name, file)| (name, Some(file)));
        let known = FORMATS.iter().find(|(known, _)| *known == name);
        let Some((_, format)) = known else {
            let names: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
            return Err(CliError::usage(format!("there is no report `{name}`"))
                .hint(format!("there are {}", names.join(", "))));
        };
        let into = match into {
            Some("") => return Err(CliError::usage(format!("`--report {word}` names no file"))),
            Some("-") | None => None,
            Some(file) => Some(PathBuf::from(file)),
        };
        Ok(Self { format: *format, into })
    }

    pub(super) fn is_stdout(&self, format: Format) -> bool {
        self.format == format && self.into.is_none()
    }

    /// Writes it into its file; the lines of a validation that is over are those of its checks.
    pub(crate) fn give_whole(&self, context: &Context, validation: &Validation) -> Result<(), CliError> {
        let line = |(phase, report)| report::validation_line(phase, report).to_string();
        let lines = validation.reports().map(line);
        let lines: Vec<String> =
            lines.map(|line| format!("{}\n", context.out_style().clean_json(&line))).collect();
        self.give(context, validation, &lines).map(|_| ())
    }

    /// In its file, that there was nothing to judge, which is no mistake; nothing where the form has no word for it.
    pub(crate) fn rest(&self, why: &str) {
        let text = match self.format {
            Format::Junit => Some(report::junit_nothing()),
            Format::Tap => Some(report::tap_nothing(why)),
            Format::Nagios => Some(report::nagios_nothing(why)),
            Format::Human | Format::Json | Format::Jsonl | Format::Prometheus => None,
        };
        self.replace(text.as_deref());
    }

    /// In the place of what was not found, in a file that may hold the report of an earlier validation: why, where the
    /// form has a word for it; nothing where it has none.
    pub(crate) fn withdraw(&self, why: &CliError) {
        let why = super::plugin::in_a_line(why);
        let text = match self.format {
            Format::Junit => Some(report::junit_error(&why)),
            Format::Tap => Some(report::tap_bail_out(&why)),
            Format::Nagios => Some(report::nagios_unknown(&why)),
            Format::Human | Format::Json | Format::Jsonl | Format::Prometheus => None,
        };
        self.replace(text.as_deref());
    }

    /// Takes an earlier report away, with or without another text in its place. The reason is the one to be told, and not
    /// that this failed too.
    fn replace(&self, text: Option<&str>) {
        let Some(path) = &self.into else { return };
        let there = path.symlink_metadata().is_ok_and(|there| there.is_file());
        let _ = match text {
            // CI looks for this one, and takes its absence for good.
            Some(text) if there || self.format == Format::Junit => written(path, text),
            None if there => std::fs::remove_file(path).map_err(|why| why.to_string()),
            Some(_) | None => Ok(()),
        };
    }

    /// Writes it, and says with which status to end where the form has its own.
    pub(super) fn give(
        &self,
        context: &Context,
        validation: &Validation,
        lines: &[String],
    ) -> Result<Option<Exit>, CliError> {
        let json = |value: &Value| context.out_style().clean_json(&value.to_string());
        let mut own = None;
        let text = match self.format {
            Format::Human => match &self.into {
                None => report::validation(validation, &context.out_style()),
                Some(_) => {
                    let style = report::Style::piped(crate::system::sanitise::sanitise);
                    report::validation(validation, &style)
                }
            },
            Format::Json => match serde_json::to_string_pretty(&report::validation_json(validation)) {
                Ok(text) => format!("{}\n", context.out_style().clean_json(&text)),
                Err(why) => return Err(CliError::new(Exit::Internal, "no JSON can be written").because(why)),
            },
            Format::Jsonl => {
                let last = report::validation_end(validation);
                let before: String = if self.into.is_some() { lines.concat() } else { String::new() };
                format!("{before}{}\n", json(&last))
            }
            Format::Junit => report::junit(validation),
            Format::Tap => report::tap(validation),
            Format::Nagios => {
                let (text, status) = report::nagios(validation);
                own = self.into.is_none().then_some(Exit::Plugin(status));
                text
            }
            Format::Prometheus => report::prometheus(validation),
        };
        match &self.into {
            None => out::put(&text),
            Some(path) => written(path, &text).map_err(|why| {
                CliError::new(Exit::Internal, format!("the report {} cannot be written", path.display()))
                    .because(why)
            })?,
        }
        Ok(own)
    }
}

/// A report is a file that is put in place whole. What is there and is no file stays what it is: a pipe or a terminal
/// is written into, anything else is refused.
fn written(path: &Path, text: &str) -> Result<(), String> {
    match path.symlink_metadata() {
        Ok(there) if there.file_type().is_file() => {}
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {}
        Err(why) => return Err(why.to_string()),
        Ok(_) => {
            let kind = path.metadata().map_err(|why| why.to_string())?.file_type();
            if !kind.is_fifo() && !kind.is_char_device() {
                return Err("it is there, and neither a file nor a pipe; links are not followed".to_owned());
            }
            let pipe = std::fs::OpenOptions::new().write(true).open(path);
            return pipe.and_then(|mut pipe| pipe.write_all(text.as_bytes())).map_err(|why| why.to_string());
        }
    }
    // Collectors and CI run as other users.
    files::write_atomic(path, text.as_bytes(), Access { mode: 0o644, owner: None })
        .map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_a_form_and_may_have_a_file() {
        let parsed = |word| Report::parse(word).map_err(|why| why.text);
        assert_eq!(parsed("tap"), Ok(Report { format: Format::Tap, into: None }));
        assert_eq!(parsed("tap=-"), Ok(Report { format: Format::Tap, into: None }));
        assert_eq!(
            parsed("junit=a=b.xml"),
            Ok(Report { format: Format::Junit, into: Some("a=b.xml".into()) })
        );
        assert!(parsed("xml").is_err() && parsed("junit=").is_err());
    }

    #[test]
    fn where_the_words_are_not_understood_no_earlier_report_stays_and_nothing_else_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        for name in ["a.xml", "b.tap", "c.json", "plan.yaml", "base"] {
            std::fs::write(path(name), "earlier").expect("written");
        }
        let text = |name: &str| std::fs::read_to_string(path(name)).ok();
        let why = CliError::usage("unexpected argument '--bogus'");
        let words = |verb: &str| {
            let words = [
                "switchback".to_owned(),
                verb.to_owned(),
                "--report".to_owned(),
                format!("junit={}", path("a.xml")),
                format!("--report=tap={}", path("b.tap")),
                "--report".to_owned(),
                format!("json={}", path("c.json")),
                format!("--report=json={}/./plan.yaml", folder.path().display()),
                format!("--report=human={}", path("base")),
                path("plan.yaml"),
                format!("--baseline={}", path("base")),
                "--bogus".to_owned(),
                "--report".to_owned(),
            ];
            words.to_vec()
        };
        withdraw_typed(&words("run"), &why);
        assert_eq!(text("a.xml").as_deref(), Some("earlier"));
        withdraw_typed(&words("validate"), &why);
        assert!(text("a.xml").is_some_and(|text| text.contains("<error") && text.contains("--bogus")));
        assert!(text("b.tap").is_some_and(|text| text.contains("Bail out!")));
        assert_eq!(text("c.json"), None);
        for name in ["plan.yaml", "base"] {
            assert_eq!(text(name).as_deref(), Some("earlier"), "{name}");
        }
    }
}
