//! Bytes in text: paths, names and attributes need not be UTF-8, a manifest does.

use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Bytes that are usually text. In JSON: the text, with `\` doubled and every byte that is not UTF-8 as `\xHH`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Raw(pub(crate) Vec<u8>);

impl Raw {
    pub(crate) fn os(&self) -> &OsStr {
        OsStr::from_bytes(&self.0)
    }

    pub(crate) fn path(&self) -> &Path {
        Path::new(self.os())
    }

    pub(crate) fn to_path(&self) -> PathBuf {
        PathBuf::from(OsString::from_vec(self.0.clone()))
    }
}

impl From<&Path> for Raw {
    fn from(path: &Path) -> Self {
        Self(path.as_os_str().as_bytes().to_vec())
    }
}

impl From<&OsStr> for Raw {
    fn from(name: &OsStr) -> Self {
        Self(name.as_bytes().to_vec())
    }
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(&chunk.valid().replace('\\', "\\\\"))?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl From<Raw> for String {
    fn from(raw: Raw) -> String {
        raw.to_string()
    }
}

impl TryFrom<String> for Raw {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((first, more)) = rest.split_first() {
            rest = more;
            if *first != b'\\' {
                bytes.push(*first);
                continue;
            }
            match more {
                [b'\\', after @ ..] => {
                    bytes.push(b'\\');
                    rest = after;
                }
                [b'x', high, low, after @ ..] => {
                    let digit = |byte: u8| char::from(byte).to_digit(16);
                    let value = digit(*high).zip(digit(*low)).map(|(high, low)| high * 16 + low);
                    let byte = value.and_then(|value| u8::try_from(value).ok());
                    bytes.push(byte.ok_or_else(|| format!("`{text}` has a bad escape"))?);
                    rest = after;
                }
                _ => return Err(format!("`{text}` has a bad escape")),
            }
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_their_text() {
        let all: Vec<u8> = (0..=255).collect();
        for bytes in
            [b"plain".as_slice(), b"", b"back\\slash", b"\\x41", b"\xff\xfe", "ä\u{202e}".as_bytes(), &all]
        {
            let text = String::from(Raw(bytes.to_vec()));
            assert_eq!(Raw::try_from(text.clone()), Ok(Raw(bytes.to_vec())), "{text}");
        }
        for bad in ["\\", "\\x4", "\\xzz", "\\n", "\\x+1"] {
            assert!(Raw::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
