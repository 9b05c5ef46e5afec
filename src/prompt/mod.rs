//! ASK: questions to the operator.
