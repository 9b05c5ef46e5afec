//! Explanations and views in golden files.

use super::case::{START, SYSTEM, Trace, bad_profiles, check_id, held, plan, record, report};
use super::golden::golden;
use super::{no_controls, style};
use crate::model::*;
use crate::report::*;
use unicode_width::UnicodeWidthStr;

/// A way to show one view in a style.
type Show<'a> = (&'a str, Box<dyn Fn(&Style) -> String>);

fn line(generation: u32, phase: &str, end: Option<PhaseEnd>, cause: Option<Cause>) -> HistoryLine {
    HistoryLine {
        removed: None,
        stage: None,
        generation: GenerationNumber(generation),
        run: RunId::new("r-1").expect("an identifier"),
        plan: plan().name,
        revision: 3,
        phase: PhaseId::new(phase).expect("an identifier"),
        began: Timestamp(START),
        last: Timestamp(START + 3_725_000),
        end,
        cause,
        layers: vec![format!("nixos: {SYSTEM}"), "files: 1 file, 412 B".to_owned()],
        left: Vec::new(),
        accepted: Vec::new(),
        hold: None,
        decided: None,
        resolved: None,
    }
}

fn failed() -> Cause {
    Cause::ChecksFailed(vec![check_id("va-profiles")])
}

fn resolution() -> Resolution {
    Resolution {
        items: vec![Item::new("/etc/xdg/kwinrc", "read-only file system (os error 30)")],
        reason: "remounted and copied back from originals/".to_owned(),
        by: "ada".to_owned(),
        at: Timestamp(START + 7_200_000),
    }
}

fn history_lines() -> Vec<HistoryLine> {
    let left = vec![Item::new("step notify", "a mail cannot be called back")];
    vec![
        line(8, "desktop", None, None),
        HistoryLine { left, ..line(7, "vaapi", Some(PhaseEnd::Reverted), Some(failed())) },
        HistoryLine {
            resolved: Some(resolution()),
            ..line(6, "vaapi", Some(PhaseEnd::Resolved), Some(failed()))
        },
        line(5, "system-libs", Some(PhaseEnd::Committed), None),
    ]
}

fn status_view() -> Status {
    let current = CurrentLine {
        generation: GenerationNumber(7),
        run: RunId::new("r-1").expect("an identifier"),
        plan: plan().name,
        revision: 3,
        phase: PhaseId::new("vaapi").expect("an identifier"),
        stage: "paused".to_owned(),
        verdict: None,
        cause: Some(failed()),
        waiting: Some("a person: `switchback resume` goes on, `switchback rollback` goes back".to_owned()),
        soak_until: Some(Timestamp(START + 172_800_000)),
        soak_watch: Some(SoakWatch::Nobody(Some("every 1h".to_owned()))),
        began: Timestamp(START),
        last: Timestamp(START + 3_725_000),
        items: vec![Item::new("/etc/xdg/kwinrc", "sha256 differs from the record")],
        left: vec![Item::new("step notify", "a mail cannot be called back")],
        accepted: Vec::new(),
        resolved: None,
        hold: None,
    };
    let phases =
        [("system-libs", Some(PhaseEnd::Committed), false), ("vaapi", None, true), ("desktop", None, false)];
    let phases = phases.map(|(id, end, due)| PhaseLine {
        time: PhaseTime { first: None, last: None, timing: Timing::Due },
        phase: PhaseId::new(id).expect("an identifier"),
        title: Some(format!("The phase about {id}")),
        end,
        due,
    });
    Status {
        today: None,
        state: "/var/lib/switchback".to_owned(),
        current: Some(current),
        phases: phases.into(),
        quarantine: vec![QuarantineLine {
            plan: plan().name,
            revision: 2,
            digest: plan().digest,
            phase: PhaseId::new("vaapi").expect("an identifier"),
            generation: GenerationNumber(5),
            cause: failed(),
            at: Timestamp(START),
        }],
        holder: Some("process 4711 (switchback run)".to_owned()),
        damage: vec![Item::new("generation 0003", "journal line 12 does not follow from line 11")],
        kept: Kept {
            generations: 6,
            oldest: Some(GenerationNumber(2)),
            spent_at_most: 100,
            spent_bytes_at_most: 1 << 30,
        },
    }
}

/// The same where a phase that soaks is held.
fn held_view(released: Option<Release>) -> Status {
    let mut status = status_view();
    status.quarantine.clear();
    status.damage.clear();
    status.holder = None;
    if let Some(current) = &mut status.current {
        current.stage = "committed".to_owned();
        current.verdict = Some(Verdict::Committed);
        current.cause = None;
        current.items.clear();
        current.left.clear();
        current.waiting = Some("you: `switchback resolve 0007 --reason TEXT` lets the plan go on".to_owned());
        current.hold = Some(Hold { held: held(), released });
    }
    if let Some(next) = status.phases.get_mut(1) {
        next.time.timing = Timing::Held(PhaseId::new("system-libs").expect("an identifier"));
    }
    status
}

fn showing() -> Showing {
    let step = |part: &str, step: &str, outcome: Option<StepOutcome>| StepLine {
        part: part.to_owned(),
        step: step.to_owned(),
        act: Some(Act::Run(CommandLine::new(["notify", step]))),
        argv: Some(vec!["notify".to_owned(), step.to_owned()]),
        exit: (outcome == Some(StepOutcome::Done)).then_some(0),
        said: outcome.as_ref().is_some_and(StepOutcome::ended_badly).then(|| "notify: no bus".to_owned()),
        began: Some(Timestamp(START)),
        took: outcome.as_ref().map(|_| Span(1_400)),
        outcome,
    };
    let change = |change, name: &str, from: Option<&str>, to: Option<&str>, how: &[&str]| Change {
        layer: LayerKind::Files,
        change,
        name: name.to_owned(),
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
        how: how.iter().map(|how| (*how).to_owned()).collect(),
    };
    Showing {
        line: HistoryLine {
            left: vec![Item::new("step notify", "a mail cannot be called back")],
            resolved: Some(resolution()),
            ..line(7, "vaapi", Some(PhaseEnd::Resolved), Some(failed()))
        },
        records: vec![record(LayerKind::Nixos, SYSTEM), record(LayerKind::Files, "1 file, 412 B")],
        changes: Some(vec![
            change(Changed::Created, "/etc/app.conf", None, None, &[]),
            change(Changed::Changed, "/etc/xdg/kwinrc", None, None, &["has other bytes than recorded"]),
            change(Changed::Removed, "/etc/old.conf", None, None, &[]),
            change(
                Changed::Changed,
                "/nix/var/nix/profiles/system",
                Some(SYSTEM),
                Some("/nix/store/new"),
                &[],
            ),
            change(Changed::Unknown, "label", Some("blue"), None, &["its program is not run for looking"]),
        ]),
        changed_back: vec![
            "remove /etc/app.conf: it was created since".to_owned(),
            "restore /etc/xdg/kwinrc: it has other bytes than recorded".to_owned(),
        ],
        steps: vec![
            step("apply", "activate", Some(StepOutcome::Done)),
            step("apply", "notify", Some(StepOutcome::Failed(ProcessEnd::Signaled(9)))),
            step("undo", "notify", None),
        ],
        checks: vec![
            CheckLine {
                at: Timestamp(1_795_365_118_042),
                moment: Moment::Preflight,
                report: report("disk-free", Outcome::Pass, "61.0 GiB >= 20.0 GiB"),
                accepted: None,
            },
            CheckLine {
                at: Timestamp(1_795_365_118_042),
                moment: Moment::Validate,
                report: bad_profiles(),
                accepted: Some("known".to_owned()),
            },
        ],
        items: Vec::new(),
        confirmed: Some(Confirmation {
            by: Some(Invoker { uid: 1000, name: "ann".to_owned() }),
            at: Timestamp(1_763_827_000_000),
        }),
        evidence: vec!["evidence/apply-0.log".to_owned(), "evidence/\u{1b}]0;x\u{7}.log".to_owned()],
        damage: Vec::new(),
        capsule: "/var/lib/switchback/generations/0007".to_owned(),
    }
}

fn preview() -> RollbackPreview {
    let plan = plan();
    let phase = plan.phases.first().expect("a phase");
    let act = |argv: &[&str]| Act::Run(CommandLine::new(argv.iter().copied()));
    let step =
        |id: &str, act| PreviewStep { step: StepId::new(id).expect("an identifier"), act, who: RunAs::Root };
    let back = WayBackPreview {
        generation: GenerationNumber(7),
        plan: plan.name.clone(),
        revision: 3,
        phase: phase.id.clone(),
        begun: true,
        undo: vec![step("notify", act(&["systemctl", "stop", "decoder"]))],
        layers: vec![
            PreviewLayer {
                record: record(LayerKind::Files, "1 file, 412 B"),
                differences: vec!["restore /etc/app.conf: it has other bytes than recorded".into()],
            },
            PreviewLayer { record: record(LayerKind::Nixos, SYSTEM), differences: Vec::new() },
        ],
        rollback: vec![step("reload", act(&["systemctl", "daemon-reload"]))],
        checks: vec![check_id("va-profiles"), check_id("units")],
    };
    let stays = vec![Item::new("generation 0002, /etc/fstab", "put right by hand, by anna: from the backup")];
    RollbackPreview { state: "/var/lib/switchback".to_owned(), generations: vec![back], stays }
}

#[test]
fn every_view_fits_every_width_and_is_as_its_golden_file() {
    let views: [Show<'_>; 7] = [
        ("status-held", Box::new(|style| status(&held_view(None), style))),
        ("explain", Box::new(|style| explain(&plan(), style))),
        ("status", Box::new(|style| status(&status_view(), style))),
        ("history", Box::new(|style| history(&history_lines(), style))),
        ("show", Box::new(|style| show(&showing(), Length::Short, style))),
        ("rollback-list", Box::new(|style| rollback_list(&history_lines(), style))),
        ("rollback-preview", Box::new(|style| rollback_preview(&preview(), style))),
    ];
    for (name, view) in views {
        let text = view(&style(None));
        no_controls(&text);
        golden(&format!("{name}.0.txt"), &text);
        for columns in [20, 40, 59, 60, 80, 120] {
            let text = view(&style(Some(columns)));
            no_controls(&text);
            let widest = text.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
            assert!(widest <= usize::from(columns), "{name} at {columns}: {widest}\n{text}");
            if columns == 40 {
                golden(&format!("{name}.0.40"), &text);
            }
        }
    }
}

#[test]
fn every_view_is_there_for_programs_with_its_format() {
    for (name, value) in [
        ("explain", explain_json(&plan(), &[])),
        ("status", status_json(&status_view())),
        ("status-held", status_json(&held_view(None))),
        ("history", history_json(&history_lines())),
        ("show", show_json(&showing())),
        ("rollback-preview", rollback_preview_json(&preview())),
    ] {
        assert_eq!(value["format"], 1, "{name}");
        let text = serde_json::to_string_pretty(&value).expect("JSON");
        golden(&format!("{name}.0.json"), &format!("{}\n", style(None).clean_json(&text)));
    }
}

fn held_showing(hold: Option<Hold>) -> Showing {
    Showing { line: HistoryLine { hold, ..showing().line }, ..showing() }
}

#[test]
fn what_was_found_and_whose_word_let_the_plan_go_on_is_told_by_status_show_and_history() {
    let release = |by: Option<&str>| {
        let (reason, by) = ("it is the printer".to_owned(), by.map(str::to_owned));
        Release { reason, by, at: Timestamp(START + 7_260_000) }
    };
    let (found, when) = ("check units: fail: failed: [\"cups\"]", "2026-11-22 18:31:00 UTC");
    for (by, word) in
        [(Some("ann"), format!("{when}, by ann: it is")), (None, format!("{when}, it is the printer"))]
    {
        let text = status(&held_view(Some(release(by))), &style(None));
        assert!(text.contains(found) && text.contains(&word) && !text.contains("no phase of"), "{text}");
        let hold = Some(Hold { held: held(), released: Some(release(by)) });
        let showing = held_showing(hold);
        let text = show(&showing, Length::Short, &style(None));
        assert!(text.contains(found) && text.contains(&word), "{text}");
        let text = history(&[showing.line], &style(None));
        assert!(text.contains("held, and released: check `units` failed"), "{text}");
    }
    let asked = question::release(&PhaseId::new("vaapi").expect("an identifier"), &held(), &style(Some(40)));
    assert!(asked.about.contains("units") && asked.about.lines().all(|line| line.width() <= 40), "{asked:?}");
    let hold = Some(Hold { held: held(), released: None });
    let showing = held_showing(hold);
    let text = show(&showing, Length::Short, &style(None));
    assert!(
        text.contains("since 2026-11-22 18:30:00 UTC") && text.contains("until a person says so"),
        "{text}"
    );
    let text = history(&[showing.line], &style(None));
    assert!(text.contains("held: check `units` failed"), "{text}");
}

/// Nobody is started for it, and nobody killed.
#[test]
fn what_a_person_does_is_told_as_that() {
    let mut plan = plan();
    for step in plan.phases.iter_mut().flat_map(|phase| &mut phase.apply) {
        step.act = Act::Ask { text: "look at the screen".to_owned() };
    }
    let text = explain(&plan, &style(None));
    let asked = text.matches("done by a person, who says so").count();
    assert_eq!(asked, plan.phases.iter().map(|phase| phase.apply.len()).sum::<usize>(), "{text}");
    let mut preview = preview();
    preview.generations[0].undo[0].act = Act::Ask { text: "switch it off".to_owned() };
    let text = rollback_preview(&preview, &style(None));
    assert!(text.contains("undo step notify, by a person") && !text.contains("notify, as root"), "{text}");
}

#[test]
fn the_way_back_is_newest_first_in_words_and_for_programs() {
    let json = explain_json(&plan(), &[]);
    let done: Vec<&str> = json["phases"][0]["way_back"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|act| act["do"].as_str().expect("a word"))
        .collect();
    assert_eq!(done, ["undo", "restore", "restore", "rollback-step", "probe-again"]);
    assert!(json["phases"][0]["way_back"][1]["layer"]["files"].is_object());
    assert_eq!(json["phases"][0]["apply"][0]["argv"][3], "/etc/nixos#a host");
    let text = explain(&plan(), &style(None));
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} in\n{text}"));
    assert!(
        at("1. undo apply notify") < at("2. restore files")
            && at("2. restore files") < at("3. restore nixos")
    );
    assert!(text.contains("$ nixos-rebuild test --flake '/etc/nixos#a host'"), "{text}");
}

#[test]
fn questions_fit_a_narrow_terminal_and_say_what_is_ahead() {
    let plan = plan();
    let phase = plan.phases.first().expect("a phase");
    let style = style(Some(40));
    let mut scene = Scene::default();
    Trace::reverted().0.iter().take(20).for_each(|envelope| scene.note(envelope));
    let asked = [
        question::gate(phase, &style),
        question::confirm(phase, Span::seconds(600), &style),
        question::ask_step(
            &phase.apply[0],
            "Plug in the USB stick\u{202e} and say so when it is there.",
            &style,
        ),
        question::ask_check(&phase.validate[0], "Does the picture stutter?", &style),
        question::rollback(&style),
        question::whole_plan(&plan, &style),
    ];
    for asked in &asked {
        no_controls(&asked.about);
        no_controls(&asked.ask);
        assert!(asked.ask.width() <= 24 && asked.about.lines().all(|line| line.width() <= 40), "{asked:?}");
    }
    let trouble = question::trouble(&scene, &failed(), &style);
    assert!(trouble.lines().all(|line| line.width() <= 40), "{trouble}");
    assert_eq!(
        asked[0].about,
        "  · ahead  2 layers, 3 steps, 2 checks,\n    1 commit step; risk high\n    activate: nixos-rebuild test --flake\n      '/etc/nixos#a host'\n    settings: set keys in\n      /etc/xdg/kwinrc\n    notify: systemctl start decoder\n    boot: nixos-rebuild boot\n"
    );
}

#[test]
fn a_generation_that_was_accepted_with_a_failure_says_which_and_took_as_long_as_to_its_verdict() {
    let accepted = vec![Item::new("check va-profiles", "known: the driver lacks it")];
    let decided = Some(Timestamp(START + 5_000));
    let line = HistoryLine {
        accepted: accepted.clone(),
        decided,
        ..line(5, "vaapi", Some(PhaseEnd::Committed), None)
    };
    let wide = style(None);
    let told = history(std::slice::from_ref(&line), &wide);
    assert!(told.contains("accepted all the same: check va-profiles"), "{told}");
    assert!(told.contains(" 5s "), "{told}");
    let current = status_view().current.map(|current| CurrentLine { accepted, ..current });
    let told = status(&Status { current, ..status_view() }, &wide);
    assert!(told.contains("check va-profiles") && told.contains("known: the driver lacks it"), "{told}");
}

#[test]
fn a_long_list_of_changes_is_cut_with_how_many_more_there_are_and_whole_where_all_is_asked_for() {
    let one = |number: usize| Change {
        layer: LayerKind::Files,
        change: Changed::Created,
        name: format!("/srv/{number}"),
        from: None,
        to: None,
        how: Vec::new(),
    };
    let showing = Showing { changes: Some((0..10_000).map(one).collect()), ..showing() };
    let short = show(&showing, Length::Short, &style(None));
    assert!(short.contains("/srv/99") && !short.contains("/srv/100"), "{short}");
    assert!(short.contains("9900 more are not shown; `--all` shows them"), "{short}");
    let whole = show(&showing, Length::Whole, &style(None));
    assert!(whole.contains("/srv/9999") && !whole.contains("not shown"));
}
