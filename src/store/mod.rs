//! REMEMBER: capsules, journal, quarantine, history.
