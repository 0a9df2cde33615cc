//! `--payload DIR`: what would be sent, one file a request, and `manifest.json` that says what
//! each file is and what could not be encoded.
//!
//! The manifest is written last: a directory without one is not complete.

use std::fs;
use std::path::Path;

use pointmill::Snapshot;
use pointmill_wire::{EncodeConfig, Payload, encode};
use serde::Serialize;

use super::ReportError;

/// The name of the file that lists the others.
pub const MANIFEST: &str = "manifest.json";

#[derive(Serialize)]
struct Manifest {
    payloads: Vec<Listed>,
    entries: usize,
    points: u64,
    skipped: Vec<Skipped>,
}

#[derive(Serialize)]
struct Listed {
    file: String,
    path: &'static str,
    content_type: &'static str,
    content_encoding: &'static str,
    bytes: usize,
    entries: usize,
    points: u64,
}

#[derive(Serialize)]
struct Skipped {
    cause: &'static str,
    remedy: String,
    entries: usize,
    points: u64,
    values: u64,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Files beside the manifest.
    pub payloads: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Points that no file carries; the manifest names the causes.
    pub skipped_points: u64,
}

/// Makes sure that `dir` can take payloads, before the work begins.
///
/// # Errors
/// [`ReportError::Write`] if it cannot be made, or has files in it: old payloads among new ones
/// would be sent twice.
pub fn prepare(dir: &Path) -> Result<(), ReportError> {
    let failed = |source| ReportError::Write {
        file: dir.display().to_string(),
        source,
    };
    fs::create_dir_all(dir).map_err(failed)?;
    if fs::read_dir(dir).map_err(failed)?.next().is_some() {
        return Err(ReportError::Usage(format!(
            "--payload {}: the directory is not empty; name a new one",
            dir.display()
        )));
    }
    Ok(())
}

/// Encodes every entry for the intake and writes one file a request.
///
/// # Errors
/// [`ReportError::Write`] naming the file, [`ReportError::Encode`].
pub fn write(snapshot: &Snapshot, dir: &Path) -> Result<Written, ReportError> {
    let encoded = encode(snapshot, &EncodeConfig::default()).map_err(ReportError::Encode)?;
    let mut manifest = Manifest {
        payloads: Vec::new(),
        entries: encoded.entries(),
        points: encoded.points(),
        skipped: encoded
            .skipped
            .iter()
            .map(|skipped| Skipped {
                cause: skipped.cause.name(),
                remedy: skipped.cause.to_string(),
                entries: skipped.entries,
                points: skipped.points,
                values: skipped.values,
            })
            .collect(),
    };
    for (i, payload) in encoded.payloads.iter().enumerate() {
        let file = file_name(i + 1, payload);
        write_file(&dir.join(&file), &payload.body)?;
        manifest.payloads.push(Listed {
            file,
            path: payload.path,
            content_type: payload.content_type,
            content_encoding: payload.content_encoding,
            bytes: payload.body.len(),
            entries: payload.entries,
            points: payload.points,
        });
    }
    let mut text = serde_json::to_vec_pretty(&manifest).map_err(|error| ReportError::Write {
        file: MANIFEST.to_owned(),
        source: error.into(),
    })?;
    text.push(b'\n');
    write_file(&dir.join(MANIFEST), &text)?;
    Ok(Written {
        payloads: encoded.payloads.len(),
        bytes: encoded.bytes(),
        skipped_points: encoded.skipped.iter().map(|skipped| skipped.points).sum(),
    })
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    fs::write(path, bytes).map_err(|source| ReportError::Write {
        file: path.display().to_string(),
        source,
    })
}

/// Number, route, content: `00001-sketches.pb.zst`.
fn file_name(number: usize, payload: &Payload) -> String {
    let route = payload
        .path
        .rsplit('/')
        .next()
        .filter(|r| !r.is_empty())
        .unwrap_or("payload");
    let content = match payload.content_type {
        json if json.contains("json") => ".json",
        protobuf if protobuf.contains("protobuf") => ".pb",
        _ => ".txt",
    };
    let encoding = match payload.content_encoding {
        "zstd" => ".zst",
        "gzip" => ".gz",
        "deflate" => ".zz",
        _ => "",
    };
    format!("{number:05}-{route}{content}{encoding}")
}
