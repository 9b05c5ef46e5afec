//! SHA-256, as `sha256sum` prints it.

use crate::model::Digest;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The digest of some bytes.
pub(super) fn of(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).iter().fold(Digest(String::with_capacity(64)), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text.0, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_sha256sum_prints() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of(b"abc").0, expected);
    }
}
