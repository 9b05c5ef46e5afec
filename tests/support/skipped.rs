//! A test that cannot run here says so by name; `tests/all.sh` shows them all in a closing list.

use std::io::Write as _;

/// Says that a test was skipped, and why.
#[expect(clippy::disallowed_methods, reason = "the tests' own environment")]
pub(crate) fn skipped(test: &str, why: &str) {
    let line = format!("{test}: {why}\n");
    // Not by `eprint!`, whose words nobody sees where the test passes.
    let _ = std::io::stderr().write_all(format!("skipped: {line}").as_bytes());
    if let Some(list) = std::env::var_os("SWITCHBACK_SKIPS") {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(list);
        file.and_then(|mut file| file.write_all(line.as_bytes()))
            .expect("the list of skipped tests can be written");
    }
}
