use super::*;
use crate::check::reader::Reader;
use proptest::prelude::*;
use serde_json::json;

const GOOD: &str = "Trying display: wayland
libva info: VA-API version 1.20.0
libva info: Trying to open /opt/dri/example_drv_video.so
libva info: Found init function __vaDriverInit_1_20
libva info: va_openDriver() returns 0
vainfo: VA-API version: 1.20 (libva 2.20.0)
vainfo: Driver version: Example driver 1 (x)
vainfo: Supported profile and entrypoints
      VAProfileMPEG2Simple            :\tVAEntrypointVLD
      VAProfileMPEG2Main              :\tVAEntrypointVLD
      VAProfileH264High               :\tVAEntrypointVLD
      VAProfileH264High               :\tVAEntrypointEncSliceLP
      VAProfileVP9Profile2            :\tVAEntrypointVLD
      VAProfileHEVCMain10             :\tVAEntrypointEncSlice
";

fn field(text: &str, name: &str) -> serde_json::Value {
    read(text).get(name).cloned().unwrap_or_else(|| panic!("no field {name}"))
}

#[test]
fn a_driver_is_told_with_what_it_decodes_and_encodes() {
    let seen = parse(GOOD);
    assert!(seen.ok && seen.complete && seen.any_encode, "{seen:?}");
    assert_eq!(seen.driver.as_deref(), Some("Example driver 1 (x)"));
    assert_eq!(
        (seen.va_api_version.as_deref(), seen.libva_version.as_deref()),
        (Some("1.20"), Some("2.20.0"))
    );
    assert_eq!(seen.display.as_deref(), Some("wayland"));
    assert_eq!(seen.decodes, ["H264", "MPEG2", "VP9", "VP9_Profile2"]);
    assert_eq!(seen.encodes, ["H264", "HEVC_Main10"]);
    assert_eq!((seen.software, seen.failure), (Some(false), None));
    let decode = json!({"H264": true, "HEVC_Main": false, "HEVC_Main10": false, "VP8": false, "VP9": true, "AV1": false});
    assert_eq!(field(GOOD, "decode"), decode);
    assert_eq!(field(GOOD, "codecs.HEVC_Main10"), json!({"decode": false, "encode": true}));
    assert_eq!(field(GOOD, "codecs.VC1"), json!({"decode": false, "encode": false}));
}

#[test]
fn every_class_of_failure_is_told_apart() {
    let end = "vaInitialize failed with error code -1 (unknown libva error),exit\n";
    let tried = "libva info: Trying to open /opt/dri/a_drv_video.so\n";
    let case = |middle: &str| format!("{middle}{end}");
    for (text, failure) in [
        ("sh: vainfo: command not found\n".to_owned(), "not_started"),
        ("vainfo: error while loading shared libraries: libva.so.2: cannot open\n".to_owned(), "not_started"),
        ("error: can't connect to X server!\nerror: failed to initialize display\n".to_owned(), "no_display"),
        ("error: failed to initialize display 'x11'\n".to_owned(), "no_display"),
        ("error: failed to initialize display 'drm'\n".to_owned(), "no_device"),
        ("Failed to open the given device!\n".to_owned(), "no_device"),
        (case("libva error: vaGetDriverNames() failed with unknown libva error\n"), "no_driver_name"),
        (case(tried), "driver_file_missing"),
        (case(&format!("libva info: User environment variable requested driver 'a'\n{tried}")), "wrong_driver_name"),
        (case(&format!("libva info: User requested driver 'a'\n{tried}")), "wrong_driver_name"),
        (case(&format!("{tried}libva error: dlopen of /opt/dri/a_drv_video.so failed: libx.so: no\n")), "dlopen_failed"),
        (case(&format!("{tried}libva error: /opt/dri/a_drv_video.so has no function __vaDriverInit_1_0\n")), "no_init_function"),
        (case(&format!("{tried}libva error: /opt/dri/a_drv_video.so init failed\n")), "init_failed"),
        (
            "vainfo: Driver version: x\nvaQueryConfigProfiles failed with error code 1 (operation failed),exit\n".to_owned(),
            "query_failed",
        ),
    ] {
        let seen = parse(&text);
        assert!(!seen.ok && seen.complete, "{text}{seen:?}");
        assert_eq!(field(&text, "failure"), json!(failure), "{text}");
    }
}

#[test]
fn a_driver_that_took_over_is_a_fallback_and_a_second_folder_is_none() {
    let second = GOOD.replacen(
        "libva info: Trying",
        "libva info: Trying to open /opt/dri/other_drv_video.so\nlibva error: /opt/dri/other_drv_video.so init failed\n\
         libva info: va_openDriver() returns 1\nlibva info: Trying",
        1,
    );
    assert_eq!(field(&second, "failure"), json!("fell_back"));
    let folder = GOOD.replacen(
        "libva info: Trying",
        "libva info: Trying to open /usr/dri/example_drv_video.so\nlibva info: Trying",
        1,
    );
    assert_eq!(field(&folder, "failure"), json!(null));
    assert_eq!(field(&folder, "driver_files_tried").as_array().map(Vec::len), Some(2));
}

#[test]
fn the_error_that_ends_it_keeps_its_code_and_words() {
    for (line, code, text) in [
        (
            "vaInitialize failed with error code 2 (resource allocation failed),exit",
            2,
            "resource allocation failed",
        ),
        (
            "vaInitialize failed with error code -1 (unknown libva error),exit[/QUOTE]",
            -1,
            "unknown libva error",
        ),
        (
            "vaInitialize failed with error code 21 (surface is in displaying (may by overlay)),exit",
            21,
            "surface is in displaying (may by overlay)",
        ),
    ] {
        let seen = parse(line);
        assert_eq!((seen.error_code, seen.error_text.as_deref()), (Some(code), Some(text)), "{line}");
    }
    let open =
        parse("libva info: Trying to open /opt/dri/a_drv_video.so\nlibva info: va_openDriver() returns 18\n");
    assert_eq!((open.error_code, open.error_text, open.complete), (Some(18), None, false));
}

#[test]
fn what_breaks_off_is_not_complete() {
    let lines: Vec<&str> = GOOD.lines().collect();
    for (kept, complete) in
        [(14, true), (12, true), (11, true), (10, true), (9, false), (8, false), (7, false), (4, false)]
    {
        let text = lines[..kept].join("\n");
        assert_eq!(parse(&text).complete, complete, "{text}");
    }
    assert!(!parse(&GOOD.replace("VAEntrypointEncSlice\n", "VAEntrypointEncSl\n")).complete);
    assert!(!parse(&format!("{GOOD}...\n")).complete);
}

#[test]
fn a_profile_that_vainfo_does_not_know_counts_as_a_pair_of_no_codec() {
    let text = "vainfo: Supported profile and entrypoints\n <unknown profile>  : VAEntrypointVLD\n VAProfileNone : <unknown entrypoint>\n";
    let seen = parse(text);
    assert_eq!((seen.profile_entrypoint_pairs, seen.unknown_profile_lines), (2, 1));
    assert_eq!(seen.pairs, ["<unknown profile>/VLD", "None/<unknown entrypoint>"]);
    assert!(seen.decodes.is_empty() && seen.encodes.is_empty());
}

#[test]
fn pairs_with_attributes_are_read_too() {
    let text = "vainfo: Driver version: x\nvainfo: Supported config attributes per profile/entrypoint pair\n\
                VAProfileH264High/VAEntrypointVLD\n    VAConfigAttribRTFormat                 : VA_RT_FORMAT_YUV420\n";
    let seen = parse(text);
    assert_eq!((seen.pairs, seen.ok, seen.complete), (vec!["H264High/VLD".to_owned()], true, true));
}

#[test]
fn colours_and_line_ends_of_others_change_nothing() {
    let reader = Reader::named("vainfo").expect("a reader");
    let dressed = GOOD.replace('\n', "\r\n").replace("vainfo:", "\u{1b}[1mvainfo:\u{1b}[0m");
    let seen = reader.read(&mut dressed.as_bytes()).expect("read");
    assert_eq!(seen, read(GOOD));
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let reader = Reader::named("vainfo").expect("a reader");
        let _ = reader.read(&mut bytes.as_slice());
    }

    #[test]
    fn what_is_cut_or_shuffled_is_read_without_inventing(order in Just(GOOD.lines().collect::<Vec<_>>()).prop_shuffle(), cut in 0usize..900) {
        let whole = order.join("\n");
        let text: String = whole.chars().take(cut).collect();
        let seen = parse(&text);
        prop_assert!(seen.profile_entrypoint_pairs <= 6);
        prop_assert!(seen.decodes.iter().all(|name| parse(GOOD).decodes.contains(name)));
    }
}

#[test]
fn an_output_that_became_one_paragraph_is_read_like_any_other() {
    let text = "$ vainfo libva info: VA-API version 1.20.0 libva info: Trying to open /usr/lib/x86\\_64/dri/a\\_drv\\_video.so \
                libva info: va\\_openDriver() returns 0 vainfo: VA-API version: 1.20 (libva 2.12.0) vainfo: Driver version: \
                Example - 24.1 () vainfo: Supported profile and entrypoints VAProfileH264High : VAEntrypointVLD \
                VAProfileVP8Version0\\_3 : VAEntrypointVLD VAProfileHEVCMain : VAEntrypointEncSlice_ $\n";
    let seen = parse(text);
    assert_eq!(seen.driver.as_deref(), Some("Example - 24.1 ()"));
    assert_eq!(seen.driver_files_tried, ["/usr/lib/x86_64/dri/a_drv_video.so"]);
    assert_eq!(seen.pairs, ["H264High/VLD", "VP8Version0_3/VLD", "HEVCMain/EncSlice"]);
    assert!(seen.ok && seen.any_encode);
}

#[test]
fn a_library_that_does_not_say_its_version_has_none() {
    let seen = parse("vainfo: VA-API version: 0.40 (libva )\n");
    assert_eq!((seen.va_api_version.as_deref(), seen.libva_version), (Some("0.40"), None));
}

#[test]
fn what_was_tried_once_more_counts_and_what_was_tried_before_stays_told() {
    let failed = "libva info: VA-API version 1.20.0\nlibva info: Trying to open /a/iHD_drv_video.so\nlibva info: va_openDriver() returns -1\nvaInitialize failed with error code -1 (unknown libva error),exit\n";
    let works = "libva info: VA-API version 1.20.0\nlibva info: Trying to open /a/i965_drv_video.so\nlibva info: va_openDriver() returns 0\nvainfo: VA-API version: 1.20 (libva 2.20.0)\nvainfo: Driver version: Example\nvainfo: Supported profile and entrypoints\n      VAProfileH264High               :\tVAEntrypointVLD\n";
    let both = parse(&format!("$ vainfo\n{failed}$ LIBVA_DRIVER_NAME=i965 vainfo\n{works}"));
    assert!(both.ok, "{both:?}");
    assert_eq!((both.error_code, both.profile_entrypoint_pairs), (None, 1));
    assert_eq!(both.driver_files_tried.len(), 2);
    let back = parse(&format!("{works}{failed}"));
    assert!(!back.ok, "{back:?}");
}

const REFUSED: &str = "libva info: VA-API version 1.20.0
libva info: Trying to open /a/nvidia_drv_video.so
libva info: va_openDriver() returns -1
vaInitialize failed with error code -1 (unknown libva error),exit
";

#[test]
fn a_second_run_on_another_device_is_no_fallback() {
    let other = GOOD.replace("Example driver 1", "Another").replace("example_drv", "another_drv");
    for text in [
        format!(
            "$ vainfo --device /dev/dri/renderD128\n{REFUSED}$ vainfo --device /dev/dri/renderD129\n{GOOD}"
        ),
        format!(
            "$ vainfo --device /dev/dri/renderD128\n{other}$ vainfo --device /dev/dri/renderD129\n{GOOD}"
        ),
    ] {
        let seen = parse(&text);
        assert_eq!((seen.ok, seen.failure), (true, None), "{text}{seen:?}");
        assert_eq!(seen.driver.as_deref(), Some("Example driver 1 (x)"));
        assert_eq!((seen.profile_entrypoint_pairs, seen.driver_files_tried.len()), (6, 2), "{text}");
    }
    let back = parse(&format!("{GOOD}{}", REFUSED.replace("VA-API version 1.20.0", "x")));
    assert_eq!((back.ok, back.complete), (false, true), "{back:?}");
}

#[test]
fn a_pair_within_which_libva_speaks_is_a_pair_all_the_same() {
    let libva = "libva info: VA-API version 1.8.0\n";
    let whole = parse(GOOD);
    for cut in [
        "VAProfileMPEG2Simple            :",
        "VAProfileMPEG2Si",
        "VAProfileMPEG2Simple            :\tVAEntry",
    ] {
        let text = GOOD.replacen(cut, &format!("{cut}{libva}"), 1);
        assert_ne!(text, GOOD);
        assert_eq!(parse(&text), whole, "{text}");
        let more = GOOD.replacen(cut, &format!("{cut}{libva}libva error: x\n"), 1);
        assert_eq!(parse(&more).pairs, whole.pairs, "{more}");
    }
    for orphan in ["\tVAEntrypointVLD\n", "mple            :\tVAEntrypointVLD\n"] {
        assert!(!parse(&format!("{GOOD}{orphan}")).complete, "{orphan}");
    }
}

#[test]
fn a_tool_that_crashed_is_told_with_its_signal() {
    let loaded: String = GOOD.lines().take(4).map(|line| format!("{line}\n")).collect();
    for (said, signal) in [
        ("Segmentation fault (core dumped)", 11),
        ("Aborted (core dumped)", 6),
        ("Speicherzugriffsfehler (Speicherabzug geschrieben)", 11),
        ("bash: line 1:    77 Segmentation fault      (core dumped) vainfo", 11),
    ] {
        for begin in [&loaded, GOOD] {
            let text = format!("{begin}{said}\n");
            assert_eq!(field(&text, "failure"), json!("crashed"), "{text}");
            assert_eq!((field(&text, "signal"), field(&text, "ok")), (json!(signal), json!(false)), "{text}");
            assert_eq!(field(&text, "complete"), json!(false), "{text}");
        }
    }
    let again = parse(&format!("{loaded}Aborted\n$ vainfo\n{GOOD}"));
    assert_eq!((again.ok, again.failure, again.signal), (true, None, None), "{again:?}");
}
