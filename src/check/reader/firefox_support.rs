//! `about:support` of Firefox, as text or as raw data: whether video is decoded in hardware.
//!
//! Until Firefox 111 or so one line told of H.264; since then a table tells of each codec, and the decision log of
//! `HARDWARE_VIDEO_DECODING` says why not.

use super::{document, observation};
use crate::model::{Observation, Value};
use serde::Serialize;
use std::collections::BTreeMap;

/// What was read. The upper fields are those of the fixtures' index.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct FirefoxSupport {
    hardware_h264_decoding: Option<bool>,
    driver: Option<String>,
    /// By codec, where the table of codecs is there.
    codecs: BTreeMap<String, Codec>,
    /// The codecs that are decoded in hardware: none where Firefox decided against it, whatever the table of codecs says
    /// of the machine; nothing where the page does not tell.
    hardware_decodes: Option<Vec<String>>,
    /// What became of the feature `HARDWARE_VIDEO_DECODING`: `available`, `blocked` and so on.
    hardware_video_decoding: Option<String>,
    compositing: Option<String>,
    adapter: Option<String>,
    version: Option<String>,
    /// The page tells of decoding, and every codec's row was understood.
    complete: bool,
    /// A row that was not.
    #[serde(skip)]
    unclear: bool,
}

/// How a codec is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
struct Codec {
    software: bool,
    hardware: bool,
}

/// Codecs that Firefox names in its table.
const CODECS: [&str; 11] =
    ["H264", "HEVC", "H265", "VP8", "VP9", "AV1", "Theora", "AAC", "MP3", "Opus", "Vorbis"];
/// What the raw data can say of a codec: since 121 with the direction, before that without it. `LACK_OF_EXTENSION`: Windows
/// has to be given the decoder first.
const MARKS: [&str; 8] = ["SW", "HW", "SWDEC", "HWDEC", "SWENC", "HWENC", "NONE", "LACK_OF_EXTENSION"];
/// What a decision about a feature can be.
const DECISIONS: [&str; 12] = [
    "available",
    "unavailable",
    "blocked",
    "blocklisted",
    "broken",
    "crashed",
    "denied",
    "disabled",
    "failed",
    "force_enabled",
    "optional",
    "unused",
];
/// Those after which nothing is decoded in hardware.
const REFUSALS: [&str; 8] =
    ["unavailable", "blocked", "blocklisted", "broken", "crashed", "denied", "disabled", "failed"];
/// Who takes one.
const DECIDERS: [&str; 5] = ["base", "default", "env", "runtime", "user"];

pub(super) fn read(text: &str) -> Observation {
    let raw = text.trim_start();
    let seen = match document(raw, &['{']) {
        Some(data) if data.get("graphics").or_else(|| data.get("application")).is_some() => of_data(&data),
        Some(_) | None => parse(text),
    };
    observation(&concluded(seen))
}

fn parse(text: &str) -> FirefoxSupport {
    let mut seen = FirefoxSupport::default();
    let mut of_decoding = false;
    for line in text.lines().map(str::trim) {
        if let Some((name, value)) = line.split_once([':', '\t']) {
            field(name.trim(), value.trim_matches([':', ' ', '\t']), &mut seen);
        }
        if let Some((name, rest)) = line.split_once([':', ' ', '\t'])
            && CODECS.contains(&name)
        {
            codec(name, rest, false, &mut seen);
        }
        // The log names the feature, then each decision on a line of its own.
        if let Some((_, rest)) = line.split_once("HARDWARE_VIDEO_DECODING") {
            of_decoding = true;
            decision(rest, &mut seen);
        } else if of_decoding {
            // `available by default`, `user: disabled by pref`: a decision, or who took it, comes first.
            let first = line.split(|c: char| !c.is_ascii_alphabetic() && c != '_').next().unwrap_or_default();
            of_decoding = line.is_empty() || DECISIONS.contains(&first) || DECIDERS.contains(&first);
            if of_decoding {
                decision(line, &mut seen);
            }
        }
    }
    seen
}

fn field(name: &str, value: &str, seen: &mut FirefoxSupport) {
    if value.is_empty() {
        return;
    }
    let keep = |slot: &mut Option<String>| {
        slot.get_or_insert_with(|| value.to_owned());
    };
    match name {
        "Supports Hardware H264 Decoding" | "Hardware H264 Decoding" => {
            seen.hardware_h264_decoding = seen.hardware_h264_decoding.or_else(|| yes(value));
        }
        "Driver Version" => keep(&mut seen.driver),
        "Compositing" => keep(&mut seen.compositing),
        "Adapter Description" | "Description" => keep(&mut seen.adapter),
        "Version" => keep(&mut seen.version),
        "Hardware Video Decoding" => decision(value, seen),
        _ => {}
    }
}

/// `false`, `No; a reason`, `Yes; Using a decoder`, `supported`.
fn yes(value: &str) -> Option<bool> {
    let word = value.split([';', ' ', ',']).next().unwrap_or_default().to_lowercase();
    match word.as_str() {
        "yes" | "true" | "supported" | "available" => Some(true),
        "no" | "false" | "unsupported" | "unavailable" => Some(false),
        _ => None,
    }
}

/// `H264 SWDEC HWDEC`, `H264 SW HW`, or a row of the table: software, then hardware. A codec may have a row for each.
fn codec(name: &str, rest: &str, raw: bool, seen: &mut FirefoxSupport) {
    let words: Vec<String> = rest
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty())
        .map(str::to_uppercase)
        .collect();
    let has = |marks: [&str; 2]| words.iter().any(|word| marks.contains(&word.as_str()));
    let said: Vec<bool> = words.iter().filter_map(|word| can(word)).collect();
    let known = if !words.is_empty() && words.iter().all(|word| MARKS.contains(&word.as_str())) {
        Some(Codec { software: has(["SW", "SWDEC"]), hardware: has(["HW", "HWDEC"]) })
    } else {
        match said[..] {
            [software, hardware, ..] => Some(Codec { software, hardware }),
            // `Install extension` stands for both.
            [false] if has(["INSTALL", "EXTENSION"]) => Some(Codec::default()),
            [] | [_] => None,
        }
    };
    if let Some(known) = known {
        let known_before = seen.codecs.entry(name.to_owned()).or_default();
        known_before.software |= known.software;
        known_before.hardware |= known.hardware;
    } else {
        // A row without doubt, of marks or of cells, and not words of a person who names a codec.
        let is_mark =
            |word: &str| word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        let marks = !words.is_empty() && rest.split_whitespace().all(is_mark);
        let cells = rest.split('\t').filter(|cell| !cell.trim().is_empty()).count() > 1;
        seen.unclear |= raw || marks || cells;
    }
}

/// What a cell of the table says of software or hardware.
fn can(word: &str) -> Option<bool> {
    if word == "INSTALL" { Some(false) } else { yes(word) }
}

/// The last decision counts.
fn decision(text: &str, seen: &mut FirefoxSupport) {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let decided = words.map(str::to_lowercase).find(|word| DECISIONS.contains(&word.as_str()));
    if decided.is_some() {
        seen.hardware_video_decoding = decided;
    }
}

/// `Copy raw data to clipboard`.
fn of_data(data: &Value) -> FirefoxSupport {
    let text = |path: &str| data.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let mut seen = FirefoxSupport {
        driver: text("/graphics/driverVersion"),
        adapter: text("/graphics/adapterDescription"),
        compositing: text("/graphics/windowLayerManagerType"),
        version: text("/application/version"),
        hardware_h264_decoding: match data.pointer("/graphics/supportsHardwareH264") {
            Some(Value::Bool(supported)) => Some(*supported),
            Some(Value::String(said)) => yes(said),
            Some(Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_)) | None => None,
        },
        ..FirefoxSupport::default()
    };
    let table = text("/media/codecSupportInfo").or_else(|| text("/graphics/codecSupportInfo"));
    for row in table.unwrap_or_default().lines() {
        if let Some((name, rest)) = row.trim().split_once(' ') {
            codec(name, rest, true, &mut seen);
        }
    }
    let log = data.pointer("/graphics/featureLog/features").and_then(Value::as_array);
    let feature = log
        .into_iter()
        .flatten()
        .find(|feature| feature.get("name").and_then(Value::as_str) == Some("HARDWARE_VIDEO_DECODING"));
    seen.hardware_video_decoding =
        feature.and_then(|feature| feature.get("status")).and_then(Value::as_str).map(str::to_owned);
    seen
}

fn concluded(mut seen: FirefoxSupport) -> FirefoxSupport {
    let tabled = !seen.codecs.is_empty();
    if seen.unclear {
        // It may be one that is decoded in hardware.
        seen.hardware_decodes = None;
    } else if tabled {
        let hardware = seen.codecs.iter().filter(|(_, codec)| codec.hardware);
        seen.hardware_decodes = Some(hardware.map(|(name, _)| name.clone()).collect());
    } else if let Some(h264) = seen.hardware_h264_decoding {
        seen.hardware_decodes = Some(if h264 { vec!["H264".to_owned()] } else { Vec::new() });
    }
    if seen.hardware_video_decoding.as_deref().is_some_and(|decided| REFUSALS.contains(&decided)) {
        seen.hardware_decodes = Some(Vec::new());
    }
    let told = tabled || seen.hardware_h264_decoding.is_some() || seen.hardware_video_decoding.is_some();
    seen.complete = told && !seen.unclear;
    if seen.hardware_h264_decoding.is_none() {
        seen.hardware_h264_decoding = seen.codecs.get("H264").map(|codec| codec.hardware);
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::reader::Reader;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_line_on_h264_is_read_in_every_version() {
        for (line, supported) in [
            ("Supports Hardware H264 Decoding: false", json!(false)),
            ("Supports Hardware H264 Decoding: Yes; Using an example API", json!(true)),
            ("Supports Hardware H264 Decoding\tNo; Hardware video decoding disabled", json!(false)),
            ("H264 Decoding: perhaps", json!(null)),
        ] {
            assert_eq!(read(line).get("hardware_h264_decoding"), Some(&supported), "{line}");
        }
    }

    #[test]
    fn the_table_of_codecs_is_read_as_text_and_as_raw_data() {
        let marks = "Codec Support Information\nH264 SWDEC HWDEC\nVP9 SWDEC\nAV1 NONE\n";
        let rows = "Codec Name\tSoftware Decoding\tHardware Decoding\nH264\tSupported\tSupported\nVP9\tSupported\tUnsupported\nAV1: Unsupported Unsupported\n";
        let data = json!({
            "graphics": {"codecSupportInfo": "H264 SWDEC HWDEC\nVP9 SWDEC\nAV1 NONE", "driverVersion": "1.2"}
        })
        .to_string();
        for text in [marks, rows, &data] {
            let seen = read(text);
            assert_eq!(seen.get("hardware_decodes"), Some(&json!(["H264"])), "{text}");
            assert_eq!(seen.get("codecs.VP9"), Some(&json!({"software": true, "hardware": false})), "{text}");
            assert_eq!(seen.get("hardware_h264_decoding"), Some(&json!(true)), "{text}");
        }
        assert_eq!(read(&data).get("driver"), Some(&json!("1.2")));
    }

    #[test]
    fn marks_of_every_version_are_known_and_one_that_is_not_leaves_the_list_out() {
        let raw =
            |table: &str| read(&json!({"media": {"codecSupportInfo": table}, "application": {}}).to_string());
        let page = |table: &str| read(&format!("Media\nCodec Support Information\n{table}\n"));
        for (table, hardware, complete) in [
            ("H264 SW HW\nVP9 SW HW\nVP8 SW\nHEVC NONE\nAV1 LACK_OF_EXTENSION", json!(["H264", "VP9"]), true),
            ("H264 SW\nH264 HW\nVP9 SW", json!(["H264"]), true),
            ("H264 SWDEC HWDEC SWENC HWENC\nVP9 SWDEC SWENC\nAV1 HWENC", json!(["H264"]), true),
            ("H264 SWDEC HWDEC\nVP9 SWDEC GPUDEC", json!(null), false),
            ("H264 MAYBE", json!(null), false),
        ] {
            for seen in [raw(table), page(table)] {
                assert_eq!(seen.get("hardware_decodes"), Some(&hardware), "{table}");
                assert_eq!(seen.get("complete"), Some(&json!(complete)), "{table}");
            }
        }
        let rows = "H264\tSupported\tSupported\nAV1\tInstall extension\n";
        assert_eq!(page(rows).get("hardware_decodes"), Some(&json!(["H264"])));
        let elsewhere = page("H264\tUnterstützt\tUnterstützt\n");
        assert_eq!(elsewhere.get("complete"), Some(&json!(false)));
        let prose = page("H264 SWDEC HWDEC\nVP9 videos stutter for me");
        assert_eq!(prose.get("hardware_decodes"), Some(&json!(["H264"])));
    }

    #[test]
    fn the_decision_on_hardware_decoding_is_the_last_one() {
        for (log, last) in [
            ("default: available\nuser: force_enabled by pref", "force_enabled"),
            ("available by default\nforce_enabled by user: Force enabled by pref", "force_enabled"),
            ("available by default\ndisabled by user: Disabled by pref", "disabled"),
            ("available by default\nblocklisted by env: Blocklisted by gfxInfo", "blocklisted"),
            ("available by default\n\nunavailable-no-d3d11-compositing by runtime: x", "unavailable"),
            ("available by default\ndenied by runtime: x", "denied"),
            ("default: available\nenv: blocklisted; x\nfailed by runtime: x", "failed"),
        ] {
            for start in
                ["HARDWARE_VIDEO_DECODING: ", "HARDWARE_VIDEO_DECODING:\n", "HARDWARE_VIDEO_DECODING\t"]
            {
                let text = format!("{start}{log}\nHW_COMPOSITING: blocked by env\n");
                assert_eq!(read(&text).get("hardware_video_decoding"), Some(&json!(last)), "{text}");
            }
        }
        let raw = json!({"graphics": {"featureLog": {"features": [
            {"name": "HARDWARE_VIDEO_DECODING", "status": "blocked"},
        ]}}});
        assert_eq!(read(&raw.to_string()).get("hardware_video_decoding"), Some(&json!("blocked")));
    }

    #[test]
    fn a_table_of_codecs_counts_for_nothing_where_the_feature_is_refused() {
        let table = "Codec Support Information\nH264\tSupported\tSupported\n";
        for (said, decodes, decided) in [
            (
                "HARDWARE_VIDEO_DECODING\tdefault\tavailable\nruntime\tblocklisted\tby blocklist\n",
                json!([]),
                "blocklisted",
            ),
            ("HARDWARE_VIDEO_DECODING\tdefault\tavailable\n", json!(["H264"]), "available"),
            ("Hardware Video Decoding: available\n", json!(["H264"]), "available"),
            ("Hardware Video Decoding\tunavailable\n", json!([]), "unavailable"),
            ("HARDWARE_VIDEO_DECODING: force_enabled by user: x\n", json!(["H264"]), "force_enabled"),
        ] {
            let seen = read(&format!("Graphics\n{said}{table}"));
            assert_eq!(seen.get("hardware_decodes"), Some(&decodes), "{said}");
            assert_eq!(seen.get("hardware_video_decoding"), Some(&json!(decided)), "{said}");
        }
        let alone = read("Hardware Video Decoding: available\n");
        assert_eq!(
            (alone.get("hardware_decodes"), alone.get("complete")),
            (Some(&json!(null)), Some(&json!(true)))
        );
    }

    #[test]
    fn what_the_page_does_not_tell_is_not_told() {
        let seen = read("Application Basics\nName: Firefox\n");
        for field in ["hardware_h264_decoding", "hardware_decodes", "driver"] {
            assert_eq!(seen.get(field), Some(&json!(null)), "{field}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), text in "[\\{\"H264: SWDEC\\}]{0,60}") {
            let reader = Reader::named("firefox-support").expect("a reader");
            let _ = reader.read(&mut bytes.as_slice());
            let _ = reader.read(&mut text.as_bytes());
        }
    }
}
