//! `chrome://gpu`, as text: what Chromium and its kin accelerate. The page is in English everywhere.

use super::elided::elided;
use super::observation;
use crate::model::Observation;
use serde::Serialize;
use std::collections::BTreeMap;

/// What was read. The upper fields are those of the fixtures' index.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct ChromeGpu {
    /// The feature status, by feature.
    features: BTreeMap<String, String>,
    video_decode: Option<String>,
    video_decode_hardware: Option<bool>,
    video_encode: Option<String>,
    video_encode_hardware: Option<bool>,
    /// Codec profiles that a hardware decoder takes, as the page names them; nothing where the page has no such part.
    #[serde(skip_serializing_if = "Option::is_none")]
    decode_profiles: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encode_profiles: Option<Vec<String>>,
    /// Features that a known problem switches off.
    disabled_features: Vec<String>,
    /// `Chrome version`.
    version: Option<String>,
    /// The list of features is there to its end and nothing is left out of it.
    complete: bool,
}

/// Beginnings of every status that the page can show.
const STATUSES: [&str; 7] = [
    "Hardware accelerated",
    "Software",
    "Disabled",
    "Enabled",
    "Unavailable",
    "Force enabled",
    "Accelerated",
];
const HEADING: &str = "Graphics Feature Status";

/// Where in the page a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Before,
    Features,
    Other,
    Decoding,
    Encoding,
}

pub(super) fn read(text: &str) -> Observation {
    observation(&parse(text))
}

fn parse(text: &str) -> ChromeGpu {
    let mut seen = ChromeGpu::default();
    // A list that was copied without its heading begins at once.
    let text = &text.replace("**", "").replace("__", "");
    let headed = text.lines().any(|line| bare(line).starts_with(HEADING));
    let mut section = if headed { Section::Before } else { Section::Features };
    let mut gap = false;
    let mut marked = false;
    for line in text.lines() {
        let whole = line;
        let line = bare(line);
        let is_marked = line.len() < whole.trim().len();
        if elided(whole) {
            gap |= section == Section::Features && seen.features.is_empty();
            if section == Section::Features {
                section = Section::Other;
            }
            continue;
        }
        if line.is_empty() || line.chars().all(|c| matches!(c, '=' | '-')) {
            continue;
        }
        match (section, line.split_once(':')) {
            (Section::Before, _) if line.trim_end_matches(':') == HEADING => section = Section::Features,
            // Right below the list stands what went wrong, without the mark of a list.
            (Section::Features, Some((name, _))) if (marked && !is_marked) || is_trouble(name) => {
                section = Section::Other;
            }
            (Section::Features, Some((name, status))) if headed || is_status(status) => {
                marked |= is_marked;
                seen.features.insert(name.trim().to_owned(), status.trim().to_owned());
            }
            // The next heading; before the first feature it is what a person wrote.
            (Section::Features, _) if !seen.features.is_empty() => section = Section::Other,
            (
                Section::Before | Section::Features | Section::Other | Section::Decoding | Section::Encoding,
                _,
            ) => {}
        }
        beyond(line, &mut section, &mut seen);
    }
    seen.video_decode = seen.features.get("Video Decode").cloned();
    seen.video_decode_hardware = seen.video_decode.as_deref().map(is_hardware);
    seen.video_encode = seen.features.get("Video Encode").cloned();
    seen.video_encode_hardware = seen.video_encode.as_deref().map(is_hardware);
    seen.complete = !gap && section != Section::Before && section != Section::Features;
    seen
}

/// What follows the list of features.
fn beyond(line: &str, section: &mut Section, seen: &mut ChromeGpu) {
    if matches!(section, Section::Before | Section::Features) {
        return;
    }
    match line.trim_end_matches([':', ' ', '\t']) {
        "Decoding" => {
            *section = Section::Decoding;
            seen.decode_profiles.get_or_insert_default();
        }
        "Encoding" => {
            *section = Section::Encoding;
            seen.encode_profiles.get_or_insert_default();
        }
        _ => {}
    }
    let profile = |word: &str| {
        let name = line.strip_prefix(word)?.split([':', '\t']).next()?.trim();
        (!name.is_empty()).then(|| name.to_owned())
    };
    match section {
        Section::Decoding => seen.decode_profiles.get_or_insert_default().extend(profile("Decode ")),
        Section::Encoding => seen.encode_profiles.get_or_insert_default().extend(profile("Encode ")),
        Section::Before | Section::Features | Section::Other => {}
    }
    if let Some(names) = line.strip_prefix("Disabled Features:") {
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        seen.disabled_features.extend(names.map(str::to_owned));
    } else if let Some(version) = line.strip_prefix("Chrome version") {
        let version = version.trim_start_matches([' ', ':', '\t']).trim();
        seen.version.get_or_insert_with(|| version.to_owned());
    }
}

/// The line without the mark of a list.
fn bare(line: &str) -> &str {
    let line = line.trim();
    let marks =
        ["* ", "*\t", "- ", "-\t", "+ ", "• ", "•\t", "· ", "·\t", "– ", "# ", "## ", "### ", "#### "];
    marks.iter().find_map(|mark| line.strip_prefix(mark)).unwrap_or(line).trim()
}

/// What the page names below the list, and is no feature.
fn is_trouble(name: &str) -> bool {
    let name = name.trim();
    name == "Disabled Features"
        || name.starts_with("GPU process was unable")
        || name.starts_with("GPU access")
}

fn is_status(status: &str) -> bool {
    STATUSES.iter().any(|known| status.trim().starts_with(known))
}

fn is_hardware(status: &str) -> bool {
    status.starts_with("Hardware accelerated") || status.starts_with("Accelerated")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::reader::Reader;
    use proptest::prelude::*;

    const GOOD: &str = "Graphics Feature Status
=======================
*   Canvas: Hardware accelerated
*   Skia Graphite: Disabled
*   Video Decode: Hardware accelerated
*   Video Encode: Software only. Hardware acceleration disabled

Problems Detected
=================
Some problem: 12
Disabled Features: video_encode, other

Version Information
===================
Chrome version             : Chrome/138.0.1

Video Acceleration Information
==============================
Decoding
Decode h264 main\t: 48x48 to 4096x4096 pixels
Encoding
";

    #[test]
    fn features_are_read_up_to_the_next_heading() {
        let seen = parse(GOOD);
        let features: Vec<(&str, &str)> =
            seen.features.iter().map(|(name, status)| (name.as_str(), status.as_str())).collect();
        assert_eq!(
            features,
            [
                ("Canvas", "Hardware accelerated"),
                ("Skia Graphite", "Disabled"),
                ("Video Decode", "Hardware accelerated"),
                ("Video Encode", "Software only. Hardware acceleration disabled"),
            ]
        );
        assert_eq!((seen.video_decode_hardware, seen.video_encode_hardware), (Some(true), Some(false)));
        assert_eq!(seen.disabled_features, ["video_encode", "other"]);
        assert_eq!(seen.decode_profiles.as_deref(), Some(&["h264 main".to_owned()][..]));
        assert_eq!(seen.version.as_deref(), Some("Chrome/138.0.1"));
        assert!(seen.complete);
    }

    #[test]
    fn a_part_that_the_page_lacks_is_left_out_and_an_empty_one_is_empty() {
        let short = read("Graphics Feature Status\n*   Video Decode: Unavailable\n");
        assert_eq!((short.get("decode_profiles"), short.get("encode_profiles")), (None, None));
        for heading in ["Decoding\nEncoding\n", "Decoding   : \nEncoding   : \n"] {
            let seen =
                read(&format!("Graphics Feature Status\n*   Video Decode: Unavailable\n\nVideo\n{heading}"));
            assert_eq!(seen.get("decode_profiles"), Some(&serde_json::json!([])), "{heading}");
            assert_eq!(seen.get("encode_profiles"), Some(&serde_json::json!([])), "{heading}");
        }
    }

    #[test]
    fn what_went_wrong_stands_below_the_features_and_is_none() {
        for mark in ["•   ", ""] {
            let seen = parse(&format!(
                "Graphics Feature Status\n{mark}Canvas: Software only\n{mark}WebGL: Disabled\n\
                 GPU process was unable to boot: GPU process crashed too many times with SwiftShader.\n\
                 Disabled Features: all\n"
            ));
            assert_eq!(seen.features.keys().collect::<Vec<_>>(), ["Canvas", "WebGL"], "{mark}");
            assert_eq!(seen.disabled_features, ["all"], "{mark}");
        }
    }

    #[test]
    fn what_markup_makes_of_the_list_changes_nothing() {
        for text in [
            GOOD.replace("Graphics Feature Status\n", "Graphics Feature Status:\n"),
            GOOD.replace("Graphics Feature Status\n", "## Graphics Feature Status\n"),
            GOOD.replace("Graphics Feature Status\n", "**Graphics Feature Status**\n"),
            GOOD.replace("*   ", "·   "),
            GOOD.replace("*   ", "- "),
            GOOD.replace("*   Video Decode:", "- **Video Decode**:").replace("*   Canvas:", "- **Canvas:**"),
            GOOD.replace("*   ", "    • "),
        ] {
            assert_eq!(parse(&text), parse(GOOD), "{text}");
        }
    }

    #[test]
    fn a_list_without_heading_is_known_by_its_statuses() {
        let seen = parse("I opened the page: look\nCanvas: Enabled\nVideo Decode: Unavailable\n");
        assert_eq!(seen.features.len(), 2);
        assert_eq!((seen.video_decode_hardware, seen.complete), (Some(false), false));
    }

    #[test]
    fn the_status_of_the_gpu_that_is_not_used_does_not_count() {
        let text =
            format!("{GOOD}\nGraphics Feature Status for Hardware GPU\n*   Video Decode: Unavailable\n");
        assert_eq!(parse(&text).video_decode_hardware, Some(true));
    }

    #[test]
    fn a_page_without_video_decode_says_nothing_of_it() {
        assert_eq!(parse("Graphics Feature Status\nCanvas: Enabled\n").video_decode_hardware, None);
        assert_eq!(parse("").video_decode_hardware, None);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0usize..700) {
            let reader = Reader::named("chrome-gpu").expect("a reader");
            let _ = reader.read(&mut bytes.as_slice());
            let text: String = GOOD.chars().take(cut).collect();
            prop_assert!(parse(&text).features.len() <= 4);
        }
    }
}
