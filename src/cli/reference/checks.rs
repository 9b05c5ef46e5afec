//! The library of named checks.

use super::super::error::CliError;
use super::super::exit::Exit;
use super::cell;
use crate::plan;
use std::fmt::Write as _;

const HEAD: &str = "# Named checks\n\n\
    The library that is built in. A plan takes a check by its name, and what is stated beside `use` replaces what the \
    library says:\n\n\
    ```yaml\n\
    validate:\n  \
      - use: disk-free\n    \
        with: {path: /, at_least: 1GiB}\n    \
        severity: warn\n\
    ```\n\n\
    Made from the files in `checks/`. How a check is judged is told in [judging.md](judging.md), what a probe sees in \
    [probes.md](probes.md), and how a library of your own is written in [writing-plans.md](writing-plans.md).\n";

/// The page of named checks: one section a library, one entry a check.
pub(in crate::cli) fn checks_page() -> Result<String, CliError> {
    let checks = plan::shipped_checks().map_err(|why| {
        CliError::new(Exit::Internal, "a shipped library is not valid").because(why.lines())
    })?;
    let mut page = HEAD.to_owned();
    let mut library = String::new();
    for check in checks {
        if check.library != library {
            library.clone_from(&check.library);
            let file = library.trim_start_matches("built in: ");
            let _ = write!(page, "\n## {file}\n");
        }
        let about = check.about.trim();
        let _ = write!(page, "\n### {}\n\n{about} {}\n", check.name, crate::report::elsewhere(&check));
        if !check.parameters.is_empty() {
            page.push_str("\n| parameter | value | default | meaning |\n|---|---|---|---|\n");
        }
        for parameter in &check.parameters {
            let default = parameter.default.as_ref().map_or_else(
                || "must be stated".to_owned(),
                |value| format!("`{}`", bare(&value.to_string())),
            );
            let _ = writeln!(
                page,
                "| `{}` | {} | {default} | {} |",
                parameter.name,
                cell(&parameter.expects),
                cell(&parameter.about)
            );
        }
    }
    Ok(page)
}

/// A default as one writes it in a plan: a plain word without its quotes.
fn bare(value: &str) -> String {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(word) if !word.is_empty() && !word.contains(['"', '\\']) => word.to_owned(),
        Some(_) | None => cell(value),
    }
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn a_default_is_shown_as_one_writes_it() {
        for (json, shown) in [("\"100MiB\"", "100MiB"), ("\"\"", "\"\""), ("[\"a\"]", "[\"a\"]"), ("3", "3")]
        {
            assert_eq!(bare(json), shown);
        }
    }
}
