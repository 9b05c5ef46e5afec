//! Manifests in the capsule: one JSON line for the settings, then one a thing; written durably, read only after
//! the hash was compared.

use super::LayerError;
use crate::model::{Digest, LayerKind, LayerRecord, LayerSpec};
use crate::system::files;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The first line of every manifest.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    /// The version of this format.
    manifest: u32,
    /// The layer's settings, so that a restore needs no plan.
    layer: LayerSpec,
}

const VERSION: u32 = 1;

/// The hash as `sha256sum` prints it.
pub(super) fn digest(hasher: Sha256) -> Digest {
    let mut text = String::with_capacity(64);
    for byte in hasher.finalize() {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('?'));
        }
    }
    Digest(text)
}

/// Makes a folder of the capsule (0700) where it is missing.
pub(super) fn folder(capsule: &Path, name: &str) -> Result<PathBuf, LayerError> {
    let path = capsule.join(name);
    files::mkdir_private(&path)?;
    Ok(path)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), LayerError> {
    Ok(files::sync_folder(path)?)
}

/// A manifest while it is written.
pub(super) struct ManifestWriter {
    out: BufWriter<File>,
    hasher: Sha256,
    temporary: PathBuf,
    path: PathBuf,
    name: String,
    kind: LayerKind,
}

impl ManifestWriter {
    /// Begins `layers/NN-kind.jsonl` with the settings.
    pub(super) fn create(capsule: &Path, place: usize, layer: &LayerSpec) -> Result<Self, LayerError> {
        let kind = layer.kind();
        let folder = folder(capsule, "layers")?;
        let name = format!("{place:02}-{kind}.jsonl");
        let temporary = folder.join(format!(".{name}.new"));
        let file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(|why| LayerError::io("write", &temporary, why))?;
        let path = folder.join(&name);
        let mut writer =
            Self { out: BufWriter::new(file), hasher: Sha256::new(), temporary, path, name, kind };
        writer.line(&Header { manifest: VERSION, layer: layer.clone() })?;
        Ok(writer)
    }

    /// Adds one line.
    pub(super) fn line<T: Serialize>(&mut self, value: &T) -> Result<(), LayerError> {
        let mut line = serde_json::to_vec(value)
            .map_err(|why| LayerError::io("write", &self.temporary, io::Error::from(why)))?;
        line.push(b'\n');
        self.hasher.update(&line);
        self.out.write_all(&line).map_err(|why| LayerError::io("write", &self.temporary, why))
    }

    /// Makes the manifest durable under its name.
    pub(super) fn finish(self, target: String) -> Result<LayerRecord, LayerError> {
        let Self { out, hasher, temporary, path, name, kind } = self;
        out.into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&temporary, &path))
            .map_err(|why| LayerError::io("write", &temporary, why))?;
        if let Some(layers) = path.parent() {
            // Its own name was durable when it was made.
            sync_folder(layers)?;
        }
        Ok(LayerRecord { kind, target, manifest: name, sha256: digest(hasher) })
    }
}

/// A manifest whose hash is the recorded one.
pub(super) struct Manifest {
    path: PathBuf,
    file: File,
    layer: LayerSpec,
}

impl Manifest {
    /// Opens the record's manifest and compares its hash.
    pub(super) fn open(capsule: &Path, record: &LayerRecord) -> Result<Self, LayerError> {
        let path = capsule.join("layers").join(&record.manifest);
        let file = files::open_plain(&path).map_err(|why| LayerError::io("read", &path, why))?;
        let now = files::sha256_file(&path)?;
        if now != record.sha256 {
            return Err(LayerError::WrongManifest { path, now, recorded: record.sha256.clone() });
        }
        let mut manifest = Self { path, file, layer: LayerSpec::Files { paths: Vec::new() } };
        manifest.layer = manifest.header()?.layer;
        if manifest.layer.kind() != record.kind {
            let found = manifest.layer.kind();
            return Err(LayerError::OtherKind { path: manifest.path, found, wanted: record.kind });
        }
        Ok(manifest)
    }

    /// The layer's settings.
    pub(super) const fn layer(&self) -> &LayerSpec {
        &self.layer
    }

    fn reader(&self) -> Result<BufReader<&File>, LayerError> {
        let mut file = &self.file;
        io::Seek::rewind(&mut file).map_err(|why| LayerError::io("read", &self.path, why))?;
        Ok(BufReader::with_capacity(1 << 16, file))
    }

    fn header(&self) -> Result<Header, LayerError> {
        let mut line = String::new();
        self.reader()?.read_line(&mut line).map_err(|why| LayerError::io("read", &self.path, why))?;
        let header: Header = self.parse(&line)?;
        if header.manifest == VERSION {
            Ok(header)
        } else {
            let why = format!("version {}, not {VERSION}", header.manifest);
            Err(LayerError::BadManifest { path: self.path.clone(), why })
        }
    }

    fn parse<T: DeserializeOwned>(&self, line: &str) -> Result<T, LayerError> {
        serde_json::from_str(line)
            .map_err(|why| LayerError::BadManifest { path: self.path.clone(), why: why.to_string() })
    }

    /// The lines after the settings, one at a time.
    pub(super) fn each<T: DeserializeOwned>(
        &self,
        mut visit: impl FnMut(T) -> Result<(), LayerError>,
    ) -> Result<(), LayerError> {
        let mut reader = self.reader()?;
        let mut line = String::new();
        let mut first = true;
        loop {
            line.clear();
            let count = reader.read_line(&mut line).map_err(|why| LayerError::io("read", &self.path, why))?;
            if count == 0 {
                return Ok(());
            }
            if !first {
                visit(self.parse(&line)?)?;
            }
            first = false;
        }
    }

    /// The one line after the settings.
    pub(super) fn only<T: DeserializeOwned>(&self) -> Result<T, LayerError> {
        let mut found = None;
        self.each(|value| {
            found = Some(value);
            Ok(())
        })?;
        found.ok_or_else(|| LayerError::BadManifest {
            path: self.path.clone(),
            why: "it records nothing".to_owned(),
        })
    }
}

/// The settings of a recorded layer.
pub(super) fn recorded_spec(capsule: &Path, record: &LayerRecord) -> Result<LayerSpec, LayerError> {
    Ok(Manifest::open(capsule, record)?.layer().clone())
}
