//! VERBS, PURE: what follows from what.
