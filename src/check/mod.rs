//! LOOK: probes; judging is kept apart and pure.
