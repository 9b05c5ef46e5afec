//! The variables that have no value before a plan runs.

/// Names that stay in a loaded plan as `${name}`, in arguments and environment values of steps and checks.
pub const RUN_TIME_NAMES: [&str; 2] = ["generation", "phase.started"];

/// The text with the run-time variables replaced. `$${generation}` becomes `${generation}`; other `${...}` are left.
#[must_use]
pub fn with_run_time(text: &str, generation: &str, phase_started: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, reference) = rest.split_at(at);
        let end = reference.find('}').map_or(reference.len(), |end| end + 1);
        let (reference, after) = reference.split_at(end);
        let value = match reference {
            "${generation}" => Some(generation),
            "${phase.started}" => Some(phase_started),
            _ => None,
        };
        match (value, before.strip_suffix('$')) {
            (Some(_), Some(before)) => {
                out.push_str(before);
                out.push_str(reference);
            }
            (Some(value), None) => {
                out.push_str(before);
                out.push_str(value);
            }
            (None, _) => {
                out.push_str(before);
                out.push_str(reference);
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_run_time_names_are_replaced_and_their_escape_is_taken_off() {
        for (text, expected) in [
            ("no variable", "no variable"),
            ("g${generation}-${phase.started}", "g0007-T"),
            ("$${generation}", "${generation}"),
            ("${recorded} ${HOME", "${recorded} ${HOME"),
            ("$$ $${other}", "$$ $${other}"),
        ] {
            assert_eq!(with_run_time(text, "0007", "T"), expected);
        }
    }
}
