//! `ffmpeg -hwaccels`: the acceleration methods that this build knows, be there a device for them or not.

use super::elided::elided;
use super::observation;
use crate::model::Observation;
use serde::Serialize;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Hwaccels {
    methods: Vec<String>,
    /// The heading is there and nothing is left out.
    complete: bool,
}

pub(super) fn read(text: &str) -> Observation {
    observation(&parse(text))
}

fn parse(text: &str) -> Hwaccels {
    let mut seen = Hwaccels::default();
    let mut headed = false;
    let mut gap = false;
    for line in text.lines().map(str::trim) {
        if line == "Hardware acceleration methods:" {
            headed = true;
        } else if elided(line) {
            gap = true;
        } else if headed && line.is_empty() && !seen.methods.is_empty() {
            break;
        } else if headed && !line.is_empty() && line.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            seen.methods.push(line.to_owned());
        }
    }
    seen.complete = headed && !gap;
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn methods_follow_their_heading() {
        let text = "ffmpeg version 6.0 Copyright\n  built with gcc\nHardware acceleration methods:\nvdpau\nvaapi\n\nfile.mkv\n";
        assert_eq!(
            parse(text),
            Hwaccels { methods: vec!["vdpau".to_owned(), "vaapi".to_owned()], complete: true }
        );
        assert_eq!(parse("ffmpeg: command not found"), Hwaccels::default());
        assert!(!parse("Hardware acceleration methods:\nvdpau\n...\n").complete);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "(?s).{0,200}") {
            prop_assert!(parse(&text).methods.iter().all(|method| !method.is_empty()));
        }
    }
}
