//! What the tests of the whole program share: a machine of their own, and the program itself.

pub(crate) mod bench;
pub(crate) mod pty;
