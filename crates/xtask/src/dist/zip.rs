//! Zip files that are the same for the same content: sorted, without times, squeezed well, since the
//! size of a layer is part of every cold start.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Packs the files under `folder`, with their paths behind `prefix`.
pub(super) fn pack(folder: &Path, prefix: &str, into: &Path) -> Result<(), String> {
    let failed = |error: io::Error| format!("{}: {error}", into.display());
    let mut paths = Vec::new();
    collect(folder, &mut paths).map_err(failed)?;
    paths.sort();
    let mut zip = ZipWriter::new(File::create(into).map_err(failed)?);
    for path in paths {
        let name = path
            .strip_prefix(folder)
            .map_err(|error| error.to_string())?;
        let name = format!("{prefix}{}", name.display());
        // Read by all: a Lambda function runs as a user of its own.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .unix_permissions(0o644);
        zip.start_file(name, options)
            .map_err(|error| failed(error.into()))?;
        zip.write_all(&fs::read(&path).map_err(failed)?)
            .map_err(failed)?;
    }
    zip.finish().map_err(|error| failed(error.into()))?;
    Ok(())
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, into)?;
        } else {
            into.push(path);
        }
    }
    Ok(())
}
