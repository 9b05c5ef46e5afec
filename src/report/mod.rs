//! SHOW: facts in words, on terminals and for programs. Consumers only; they never influence a decision.
