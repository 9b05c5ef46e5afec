//! Checks over time, at three widths, in a pipe and as JSON.

use super::golden::golden;
use super::{no_controls, style};
use crate::model::*;
use crate::report::{trend, trend_json};
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

const START: i64 = 1_795_365_118_042;
const HOUR: i64 = 3_600_000;
const GIB: f64 = 1_073_741_824.0;

fn sample(at: i64, outcome: Option<Outcome>, value: Option<f64>) -> Sample {
    let occasion = if outcome.is_none() { Occasion::Run(Moment::Baseline) } else { Occasion::Schedule };
    Sample { at: Timestamp(at), occasion, outcome, value }
}

fn of(samples: Vec<Sample>) -> Trend {
    Trend {
        plan: PlanName::new("desk").expect("a name"),
        phase: PhaseId::new("drivers").expect("a name"),
        check: CheckId::new("memory-available").expect("a name"),
        field: Some("available".to_owned()),
        unit: Some("B".to_owned()),
        samples,
        marks: Vec::new(),
        also: Vec::new(),
        missing: Vec::new(),
    }
}

/// Five days: memory grows less, twice too little, then the phase goes back; one night nothing was measured.
fn five_days() -> Trend {
    let looks = (0..120_i64).filter(|at| !(50..60).contains(at)).map(|at| {
        let wave = f64::from(u32::try_from((at * 37) % 11).expect("small")) * 0.11;
        let value = match at {
            ..70 => 9.0 - f64::from(u32::try_from(at).expect("small")) * 0.1 + wave,
            70..100 => 2.0 + wave,
            _ => 9.2 + wave,
        };
        let outcome = match at {
            0 => None,
            45 => Some(Outcome::Error),
            ..70 => Some(Outcome::Pass),
            70..80 => Some(Outcome::Warn),
            80..100 => Some(Outcome::Fail),
            _ => Some(Outcome::Pass),
        };
        sample(START + at * HOUR, outcome, (at != 45).then_some(value * GIB))
    });
    let mark = |at: i64, turn, generation| Mark {
        at: Timestamp(START + at * HOUR / 10),
        turn,
        phase: PhaseId::new("drivers").expect("a name"),
        generation: GenerationNumber(generation),
    };
    let marks = vec![
        mark(1, Turn::Begun, 3),
        mark(2, Turn::Committed, 3),
        mark(995, Turn::Reverted, 3),
        mark(1100, Turn::Begun, 4),
    ];
    Trend { marks, ..of(looks.collect()) }
}

/// A check that tells no number.
fn verdicts() -> Trend {
    let turned = |at: i64| match at % 9 {
        0..5 => Outcome::Pass,
        5 | 6 => Outcome::Fail,
        7 => Outcome::Inconclusive,
        _ => Outcome::Skipped,
    };
    let samples = (0..30).map(|at| sample(START + at * 60_000, Some(turned(at)), None)).collect();
    let also = vec![PhaseId::new("desktop").expect("a name")];
    let missing = vec!["generation 0002: its journal cannot be read \u{1b}[2J".to_owned()];
    Trend { field: None, unit: None, also, missing, ..of(samples) }
}

#[test]
fn trends_are_drawn_as_their_golden_files_are() {
    let cases = [("trend", five_days()), ("trend-verdicts", verdicts())];
    for (name, drawn) in &cases {
        for columns in [40, 80, 120] {
            let text = trend(drawn, &style(Some(columns)));
            no_controls(&text);
            assert!(
                text.lines().all(|line| line.width() <= usize::from(columns)),
                "{name} {columns}:\n{text}"
            );
            golden(&format!("{name}.0.{columns}"), &text);
        }
        let text = trend(drawn, &style(None));
        assert!(text.lines().filter(|line| line.contains('|')).all(str::is_ascii), "{text}");
        golden(&format!("{name}.0.txt"), &text);
        let json = serde_json::to_string_pretty(&trend_json(drawn)).expect("JSON");
        assert!(json.contains("\"median\"") && json.contains("\"occasion\": \"schedule\""), "{json}");
    }
}

#[test]
fn nothing_and_one_look_have_words_of_their_own() {
    let nothing = trend(&of(Vec::new()), &style(Some(80)));
    assert!(nothing.contains("Nothing was found yet"), "{nothing}");
    let one = trend(&of(vec![sample(START, Some(Outcome::Pass), Some(3.0 * GIB))]), &style(Some(80)));
    assert!(one.contains("One look so far: 3.00 GiB, pass, 2026-11-22"), "{one}");
    assert!(!one.contains('│'), "{one}");
    let empty = trend_json(&of(Vec::new()));
    assert_eq!(empty["summary"]["min"], Value::Null);
}

#[test]
fn one_value_throughout_and_one_moment_throughout_are_drawn() {
    let flat = (0..9).map(|at| sample(START + at, Some(Outcome::Pass), Some(2.0))).collect();
    let text = trend(&of(flat), &style(Some(60)));
    assert!(text.contains("min 2 B, median 2 B, max 2 B, last 2 B; 9 looks"), "{text}");
    let moment = (0..9_u32).map(|at| sample(START, Some(Outcome::Pass), Some(f64::from(at)))).collect();
    assert!(trend(&of(moment), &style(Some(60))).contains("median 4 B"));
}

proptest! {
    #[test]
    fn whatever_was_found_is_drawn_within_the_width(
        looks in prop::collection::vec((0_i64..4_000_000_000_000, prop::option::of(-1e300_f64..1e300), 0_usize..7), 0..60),
        columns in 40_u16..200
    ) {
        let outcomes = [None, Some(Outcome::Pass), Some(Outcome::Warn), Some(Outcome::Fail), Some(Outcome::Error),
            Some(Outcome::Inconclusive), Some(Outcome::Skipped)];
        let mut samples: Vec<Sample> =
            looks.into_iter().map(|(at, value, kind)| sample(at, outcomes[kind], value)).collect();
        samples.sort_by_key(|sample| sample.at);
        let drawn = Trend { unit: None, ..of(samples) };
        let text = trend(&drawn, &style(Some(columns)));
        for line in text.lines().filter(|line| line.contains(['│', '└'])) {
            prop_assert!(line.width() <= usize::from(columns), "{}", line);
        }
    }
}
