//! FROM TEXT: YAML into the model, with good complaints.
