//! What a phase may take, added up by hand: a guard acts on it.

use super::corners::check;
use super::*;

/// 10 s beyond all that is stated, 5 s for each program to end, 10 min for each layer.
const SLACK: u64 = 10;
const STEP: u64 = 60 + 5;
const LAYER: u64 = 600;

/// Seconds forward and back, for the phase of these tests with a change.
fn seconds(change: impl FnOnce(&mut Phase)) -> (u64, u64) {
    let mut phase = plan().phases.remove(0);
    change(&mut phase);
    let Budget { forward, back } = budget(&phase);
    assert_eq!((forward.0 % 1000, back.0 % 1000), (0, 0));
    (forward.0 / 1000, back.0 / 1000)
}

const FORWARD: u64 = SLACK + 2 * STEP;
const BACK: u64 = SLACK + 2 * STEP + LAYER + STEP;

#[test]
fn each_step_has_its_time_and_its_undo_has_it_once_more_or_its_own() {
    assert_eq!(seconds(|_| ()), (FORWARD, BACK), "two steps, a layer, a rollback step");
    assert_eq!(seconds(|phase| phase.apply[0].undo_timeout = Some(Span::seconds(20))), (FORWARD, BACK - 40));
    for undo in [StepUndo::Layer, StepUndo::NotNeeded, StepUndo::None { reason: "why".into() }] {
        assert_eq!(seconds(|phase| phase.apply[0].undo = undo.clone()), (FORWARD, BACK - STEP), "{undo:?}");
    }
    for act in [
        Act::Run(CommandLine::new(["true"])),
        Act::Ask { text: "?".into() },
        Act::Shell { text: "true".into(), env: std::collections::BTreeMap::new() },
    ] {
        assert_eq!(seconds(|phase| phase.apply[0].act = act.clone()), (FORWARD, BACK), "{act:?}");
    }
    let reboot = Act::Reboot { why: "a kernel".into() };
    assert_eq!(seconds(|phase| phase.apply[0].act = reboot.clone()), (FORWARD - STEP, BACK));
    assert_eq!(seconds(|phase| phase.commit = vec![step("c")]), (FORWARD + STEP, BACK + STEP));
    assert_eq!(seconds(|phase| phase.rollback.clear()), (FORWARD, BACK - STEP));
}

#[test]
fn a_layer_has_its_time_back_and_forward_only_where_keeping_it_is_long() {
    let nixos = || LayerSpec::Nixos { profile: "/p".into(), running: "/r".into() };
    assert_eq!(seconds(|phase| phase.layers.clear()), (FORWARD, BACK - LAYER));
    assert_eq!(seconds(|phase| phase.layers.push(nixos())), (FORWARD + LAYER, BACK + LAYER));
    // The commit steps of a plan keep it.
    let by_commit = seconds(|phase| {
        phase.layers.push(nixos());
        phase.commit = vec![step("c")];
    });
    assert_eq!(by_commit, (FORWARD + STEP, BACK + LAYER + STEP));
    let line = || CommandLine::new(["true"]);
    for layer in [
        LayerSpec::HomeManager { user: None, profile: None },
        LayerSpec::NixProfile { path: "/p".into(), activate: None },
        LayerSpec::Command { name: "n".into(), record: line(), restore: line(), verify: None },
    ] {
        assert_eq!(seconds(|phase| phase.layers = vec![layer.clone()]), (FORWARD, BACK), "{layer:?}");
    }
}

#[test]
fn a_check_has_all_the_time_that_judging_it_may_take_forward_and_back() {
    let samples = |count| Samples { count, every: Span::seconds(2), take: Use::Median };
    let of = |change: &dyn Fn(&mut Check)| {
        let mut one = check("c", Severity::Fail);
        change(&mut one);
        one
    };
    // One second for the program, five to end it, one until the next look.
    for (longest, it) in [
        (7, of(&|_| ())),
        (7 + 2 + 30, of(&|it| (it.settle, it.within) = (Span::seconds(2), Some(Span::seconds(30))))),
        (3 * 7, of(&|it| it.consecutive = 3)),
        (7, of(&|it| it.consecutive = 0)),
        (1 + 4 * 6 + 4 * 2, of(&|it| it.samples = Some(samples(4)))),
        (1 + 6 + 2, of(&|it| it.samples = Some(samples(0)))),
        (7 + 9, of(&|it| it.timeout = Span::seconds(10))),
        (7 + 4, of(&|it| it.every = Span::seconds(5))),
    ] {
        let judged = seconds(|phase| phase.validate = vec![it.clone()]);
        assert_eq!(judged, (FORWARD + longest, BACK + longest), "{it:?}");
        let asked = seconds(|phase| phase.apply[0].when = Some(Box::new(it.clone())));
        assert_eq!(asked, (FORWARD + longest, BACK), "{it:?}");
    }
}

#[test]
fn settling_and_a_word_that_is_awaited_take_their_time() {
    assert_eq!(seconds(|phase| phase.settle = Span::seconds(7)), (FORWARD + 7, BACK));
    assert_eq!(seconds(|phase| phase.confirm = Some(Span::seconds(600))), (FORWARD + 600, BACK));
}
