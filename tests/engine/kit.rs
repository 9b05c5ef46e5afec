//! Small plans to walk through.

use switchback::model::*;

/// A step of this name that is undone in this way.
pub(crate) fn step(id: &str, undo: StepUndo) -> Step {
    Step {
        id: StepId::new(id).expect("a valid name"),
        title: None,
        act: Act::Ask { text: "do".into() },
        who: RunAs::Runner,
        timeout: Span::seconds(1),
        undo_timeout: None,
        undo,
        idempotent: false,
        changes: Changes::Machine,
        when: None,
    }
}

/// A reboot.
pub(crate) fn reboot(id: &str) -> Step {
    Step { act: Act::Reboot { why: "a kernel".into() }, ..step(id, StepUndo::NotNeeded) }
}

/// An undo of its own.
pub(crate) fn own() -> StepUndo {
    StepUndo::Act(Act::Ask { text: "undo".into() })
}

/// A check of this name and weight.
pub(crate) fn check(id: &str, severity: Severity) -> Check {
    Check {
        id: CheckId::new(id).expect("a valid name"),
        title: None,
        look: Look::Ask("well?".into()),
        expect: Vec::new(),
        tolerate: Vec::new(),
        fail_if: Vec::new(),
        severity,
        mode: Mode::Enforce,
        waiver: None,
        on_no_data: TreatAs::Inconclusive,
        on_error: TreatAs::Error,
        applies_if: None,
        needs: Vec::new(),
        who: RunAs::Runner,
        hint: None,
        tags: Vec::new(),
        timeout: Span::seconds(1),
        settle: Span::ZERO,
        within: None,
        every: Span::seconds(1),
        consecutive: 1,
        samples: None,
        floor: None,
        direction: Direction::Lower,
    }
}

/// A phase with nothing in it.
pub(crate) fn phase(id: &str) -> Phase {
    Phase {
        id: PhaseId::new(id).expect("a valid name"),
        title: None,
        why: None,
        week: None,
        days: None,
        risk: Risk::Low,
        needs: Vec::new(),
        layers: Vec::new(),
        preflight: Vec::new(),
        apply: Vec::new(),
        settle: Span::ZERO,
        validate: Vec::new(),
        commit: Vec::new(),
        rollback: Vec::new(),
        soak: None,
        confirm: None,
        reboot: Reboot::default(),
        on: OnOutcome::default(),
        applies_if: None,
    }
}

/// A layer; what it is does not matter here.
pub(crate) fn layer() -> LayerSpec {
    LayerSpec::Files { paths: vec!["/x".into()] }
}

/// A plan of these phases.
pub(crate) fn plan(phases: Vec<Phase>) -> Plan {
    Plan {
        calendar: None,
        name: PlanName::new("p").expect("a valid name"),
        revision: 1,
        title: None,
        digest: Digest("0".repeat(64)),
        phases,
    }
}

/// A check judged.
pub(crate) fn report(check: &Check, outcome: Outcome) -> CheckReport {
    CheckReport {
        check: check.id.clone(),
        title: None,
        outcome,
        weight: Weight::Counts,
        severity: check.severity,
        reasons: Vec::new(),
        observed: None,
        hint: None,
        took: Span::ZERO,
    }
}

/// What a layer recorded.
pub(crate) fn record() -> LayerRecord {
    LayerRecord {
        kind: LayerKind::Files,
        target: "t".into(),
        manifest: "m".into(),
        sha256: Digest("0".repeat(64)),
    }
}

/// The checks of a moment.
pub(crate) fn checks_of(phase: &Phase, moment: Moment) -> &[Check] {
    match moment {
        Moment::Applies => phase.applies_if.as_slice(),
        Moment::Preflight => &phase.preflight,
        Moment::Baseline | Moment::Validate | Moment::Reprobe => &phase.validate,
    }
}
