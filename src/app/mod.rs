//! THE LOOP: decide, record, show, act.
