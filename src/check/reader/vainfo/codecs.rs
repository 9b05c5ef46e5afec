//! Which codec a profile belongs to, what a driver can do with it, and where no driver's list ends.

use super::Pair;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What can be decoded, as the fixtures' index puts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(super) struct Decode {
    #[serde(rename = "H264")]
    h264: bool,
    #[serde(rename = "HEVC_Main")]
    hevc_main: bool,
    #[serde(rename = "HEVC_Main10")]
    hevc_main10: bool,
    #[serde(rename = "VP8")]
    vp8: bool,
    #[serde(rename = "VP9")]
    vp9: bool,
    #[serde(rename = "AV1")]
    av1: bool,
}

/// What can be done with a codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(super) struct Abilities {
    pub(super) decode: bool,
    pub(super) encode: bool,
}

/// Codecs that are always told of, be it that they are missing.
const ALWAYS: [&str; 12] = [
    "AV1",
    "H264",
    "HEVC_Main",
    "HEVC_Main10",
    "MPEG2",
    "VC1",
    "VP8",
    "VP9",
    "VP9_Profile0",
    "VP9_Profile1",
    "VP9_Profile2",
    "VP9_Profile3",
];

/// Entrypoints by which a picture is encoded.
const ENCODING: [&str; 4] =
    ["VAEntrypointEncSlice", "VAEntrypointEncSliceLP", "VAEntrypointEncPicture", "VAEntrypointFEI"];

/// The codecs that a profile counts for; none for a profile that is not of a codec.
fn codecs_of(profile: &str) -> Vec<String> {
    let Some(name) = profile.strip_prefix("VAProfile") else { return Vec::new() };
    let families = ["H264", "MPEG2", "MPEG4", "VC1", "VP8", "VP9", "AV1", "VVC", "H263", "JPEG"];
    let mut codecs: Vec<String> =
        families.iter().filter(|family| name.starts_with(*family)).map(|&family| family.to_owned()).collect();
    if let Some(profile) = name.strip_prefix("HEVC") {
        codecs.push(format!("HEVC_{profile}"));
    }
    for family in ["VP9", "AV1"] {
        if let Some(profile) = name.strip_prefix(family) {
            codecs.push(format!("{family}_{profile}"));
        }
    }
    codecs
}

pub(super) fn abilities(pairs: &[Pair]) -> BTreeMap<String, Abilities> {
    let mut all: BTreeMap<String, Abilities> =
        ALWAYS.iter().map(|&name| (name.to_owned(), Abilities::default())).collect();
    for pair in pairs {
        for codec in codecs_of(&pair.profile) {
            let able = all.entry(codec).or_default();
            able.decode |= pair.entrypoint == "VAEntrypointVLD";
            able.encode |= ENCODING.contains(&pair.entrypoint.as_str());
        }
    }
    all
}

pub(super) fn listed(
    codecs: &BTreeMap<String, Abilities>,
    which: impl Fn(&Abilities) -> bool,
) -> Vec<String> {
    codecs.iter().filter(|(_, able)| which(able)).map(|(name, _)| name.clone()).collect()
}

pub(super) fn decode(pairs: &[Pair]) -> Decode {
    let all = abilities(pairs);
    let can = |name: &str| all.get(name).is_some_and(|able| able.decode);
    Decode {
        h264: can("H264"),
        hevc_main: can("HEVC_Main"),
        hevc_main10: can("HEVC_Main10"),
        vp8: can("VP8"),
        vp9: can("VP9"),
        av1: can("AV1"),
    }
}

/// Entrypoints that vainfo can name.
const ENTRYPOINTS: [&str; 14] = [
    "VAEntrypointVLD",
    "VAEntrypointIZZ",
    "VAEntrypointIDCT",
    "VAEntrypointMoComp",
    "VAEntrypointDeblocking",
    "VAEntrypointEncSlice",
    "VAEntrypointEncSliceLP",
    "VAEntrypointEncPicture",
    "VAEntrypointVideoProc",
    "VAEntrypointFEI",
    "VAEntrypointStats",
    "VAEntrypointProtectedTEEComm",
    "VAEntrypointProtectedContent",
    "<unknown entrypoint>",
];

/// Profiles that no driver offers without another: a list that has the first ones and not the last was cut.
const FAMILIES: [(&[&str], &str); 3] = [
    (&["VAProfileMPEG2Simple"], "VAProfileMPEG2Main"),
    (
        &["VAProfileH264Baseline", "VAProfileH264ConstrainedBaseline", "VAProfileH264Main"],
        "VAProfileH264High",
    ),
    (&["VAProfileVC1Simple", "VAProfileVC1Main"], "VAProfileVC1Advanced"),
];

/// Whether a driver's list can end here. Nothing marks its end, so this rests on what every driver lists together.
pub(super) fn ends_whole(pairs: &[Pair]) -> bool {
    let Some(last) = pairs.last() else { return false };
    let cut_word = !ENTRYPOINTS.contains(&last.entrypoint.as_str())
        && ENTRYPOINTS.iter().any(|known| known.starts_with(&last.entrypoint));
    let profiles: BTreeSet<&str> = pairs.iter().map(|pair| pair.profile.as_str()).collect();
    let cut_family = FAMILIES
        .iter()
        .any(|(first, then)| first.contains(&last.profile.as_str()) && !profiles.contains(then));
    // Statistics are offered beside an encoder only, and listed before it.
    let only_statistics = last.entrypoint == "VAEntrypointStats" && profiles.len() == 1;
    !(cut_word || cut_family || only_statistics)
}
