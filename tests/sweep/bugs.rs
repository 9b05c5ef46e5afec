//! The bugs that the model runner has to order: one for every rule of the judge.

/// What is wrong with the model runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Nothing.
    None,
    /// A fact is printed before it is in the journal.
    MessageBeforeSync,
    /// A fact is printed other than it is recorded.
    PrintsOther,
    /// A step is called done in words before that is in the journal.
    SaysBeforeSync,
    /// A line of the journal does not follow from the one before it.
    BrokenChain,
    /// The recovery drops the last fact and goes on from there.
    RewritesHistory,
    /// The way back of a finished run begins its journal anew.
    RollbackRewrites,
    /// A step acts before its intent is in the journal.
    ActBeforeIntent,
    /// The end of a step is in the journal before it acts.
    FinishBeforeAct,
    /// A step touches what it is not about, and mends it.
    TouchesOther,
    /// The machine is touched before anything is recorded.
    TouchesBeforeBegin,
    /// The capsule is sealed when the steps have acted.
    SealLate,
    /// The guard is armed when the steps have acted.
    GuardLate,
    /// Commit steps act before the checks are judged.
    CommitStepEarly,
    /// The phase is called committed before its checks are judged.
    CommitBeforeJudging,
    /// An undo begins while children may live.
    UndoBeforeChildren,
    /// A layer is restored while children may live.
    RestoreBeforeChildren,
    /// Children are ended before the way back is recorded.
    ChildrenBeforeBegan,
    /// A phase is called reverted and no way back was recorded.
    RevertedUnbegun,
    /// The run is called finished before its phase has ended.
    FinishedOpen,
    /// The recovery undoes while children of the killed runner live on.
    OrphansLeftAlive,
    /// The recovery leaves a process behind.
    ProcessLeft,
    /// The recovery takes a step without an end for one that never acted.
    InFlightNotUndone,
    /// The recovery restores bytes and not the mode.
    ModeLost,
    /// The recovery restores bytes and not the time.
    TimeLost,
    /// What the recovery restores has a second name.
    LinkLeft,
    /// The recovery leaves a temporary file in the machine.
    TemporaryLeft,
    /// The recovery leaves a temporary file in the state folder.
    StateTemporaryLeft,
    /// The recovery gives up on what has a way back.
    NamesItems,
    /// The recovery ends with 13 and names nothing.
    NamesNothing,
    /// A resumed run takes back what was committed.
    TakesBackCommitted,
    /// A phase is said to be taken back below one that stands.
    GapInPhases,
    /// The recovery rolled back and ends with 0.
    ExitOther,
    /// The recovery prints another exit status than it has.
    ExitPrintedOther,
    /// A recovery that did nothing prints that it committed.
    ClaimsAnEnd,
    /// The recovery of an open run does nothing and ends with 0.
    GivesUp,
    /// The recovery does not record its verdict.
    RunLeftOpen,
    /// The recovery does not record how the phase ended.
    PhaseLeftOpen,
    /// `status` knows another verdict.
    StatusVerdict,
    /// `status` knows other ends of phases.
    StatusPhases,
    /// `status` leaves out a phase.
    StatusForgets,
    /// `status` knows a run where none had begun.
    StatusInvents,
    /// `status` finds the lock held.
    StatusHolder,
    /// `status` finds damage.
    StatusDamage,
}

/// A bug to order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planted {
    /// The bug.
    pub(crate) bug: Bug,
    /// The name by which one orders it.
    pub(crate) name: &'static str,
    /// The scenario that must catch it.
    pub(crate) scenario: &'static str,
    /// What must be said of it: words of the one rule that it breaks.
    pub(crate) blame: &'static str,
}

const fn planted(bug: Bug, name: &'static str, scenario: &'static str, blame: &'static str) -> Planted {
    Planted { bug, name, scenario, blame }
}

/// A bug for every rule of the judge.
pub(crate) const PLANTED: [Planted; 43] = [
    planted(Bug::MessageBeforeSync, "message-before-sync", "everybody", "printed and not recorded"),
    planted(Bug::PrintsOther, "prints-other", "everybody", "printed other than recorded"),
    planted(Bug::SaysBeforeSync, "says-before-sync", "in-words", "said and not recorded"),
    planted(Bug::BrokenChain, "broken-chain", "everybody", "does not follow in the chain"),
    planted(Bug::RewritesHistory, "rewrites-history", "everybody", "the recovery changed facts"),
    planted(Bug::RollbackRewrites, "rollback-rewrites", "rollback", "the killed command changed facts"),
    planted(Bug::ActBeforeIntent, "act-before-intent", "everybody", "was touched before"),
    planted(Bug::FinishBeforeAct, "finish-before-act", "everybody", "left it, and no way back began"),
    planted(Bug::TouchesOther, "touches-other", "everybody", "touched, though no step is about it"),
    planted(
        Bug::TouchesBeforeBegin,
        "touches-before-begin",
        "everybody",
        "nothing had begun, the machine says otherwise",
    ),
    planted(Bug::SealLate, "seal-late", "everybody", "a step acts before the capsule is sealed"),
    planted(Bug::GuardLate, "guard-late", "everybody", "a step acts before the guard is armed"),
    planted(
        Bug::CommitStepEarly,
        "commit-step-early",
        "everybody",
        "a commit step acts before the checks were judged",
    ),
    planted(
        Bug::CommitBeforeJudging,
        "commit-before-judging",
        "everybody",
        "the phase is committed before the checks were judged",
    ),
    planted(
        Bug::UndoBeforeChildren,
        "undo-before-children",
        "everybody-failing",
        "an undo acts before the children were ended",
    ),
    planted(
        Bug::RestoreBeforeChildren,
        "restore-before-children",
        "everybody-failing",
        "a layer is restored before the children were ended",
    ),
    planted(
        Bug::ChildrenBeforeBegan,
        "children-before-began",
        "everybody-failing",
        "the way back ends children before it began",
    ),
    planted(
        Bug::RevertedUnbegun,
        "reverted-unbegun",
        "everybody-failing",
        "a phase is reverted before the way back began",
    ),
    planted(
        Bug::FinishedOpen,
        "finished-open",
        "everybody-failing",
        "the run is finished before the phase ended",
    ),
    planted(Bug::OrphansLeftAlive, "orphans-left-alive", "runner-only", "late/mark: expected nothing, found"),
    planted(Bug::ProcessLeft, "process-left", "everybody", "alive after the recovery"),
    planted(Bug::InFlightNotUndone, "in-flight-not-undone", "everybody", "the machine says otherwise"),
    planted(Bug::ModeLost, "mode-lost", "everybody", "100644 0:0 1 x \"old\\n\" modified long ago"),
    planted(Bug::TimeLost, "time-lost", "everybody", "found 100640 0:0 1 x \"old\\n\" modified in the run"),
    planted(Bug::LinkLeft, "link-left", "everybody", "100640 0:0 2 x"),
    planted(Bug::TemporaryLeft, "temporary-left", "everybody", "the machine says otherwise: app/.switchback"),
    planted(
        Bug::StateTemporaryLeft,
        "state-temporary-left",
        "everybody",
        "a half-written file is left in the state folder",
    ),
    planted(Bug::NamesItems, "names-items", "everybody", "inconsistent, though all had a way back"),
    planted(Bug::NamesNothing, "names-nothing", "everybody", "exit status 13 and no item is named"),
    planted(
        Bug::TakesBackCommitted,
        "takes-back-committed",
        "everybody",
        "was committed before the kill and is not any more",
    ),
    planted(Bug::GapInPhases, "gap-in-phases", "everybody", "is committed, and one before it is not"),
    planted(Bug::ExitOther, "exit-other", "everybody", "Rollback ended with Some(0) and added"),
    planted(Bug::ExitPrintedOther, "exit-printed-other", "everybody", "Rollback printed that it"),
    planted(Bug::ClaimsAnEnd, "claims-an-end", "everybody", "recorded nothing and printed"),
    planted(Bug::GivesUp, "gives-up", "everybody", "Some(0) and added 0 facts"),
    planted(Bug::RunLeftOpen, "run-left-open", "everybody", "the run is left open"),
    planted(Bug::PhaseLeftOpen, "phase-left-open", "everybody", "is left open; "),
    planted(Bug::StatusVerdict, "status-verdict", "everybody", "the journal Some"),
    planted(Bug::StatusPhases, "status-phases", "everybody", "status says Some((Some"),
    planted(Bug::StatusForgets, "status-forgets", "everybody", "status says None of phase"),
    planted(Bug::StatusInvents, "status-invents", "everybody", "status knows a run, and none had begun"),
    planted(Bug::StatusHolder, "status-holder", "everybody", "status says held"),
    planted(Bug::StatusDamage, "status-damage", "everybody", "status says damaged"),
];
