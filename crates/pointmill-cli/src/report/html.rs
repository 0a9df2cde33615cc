//! `--html FILE`: charts over time and of the shape, as one page that needs no network.
//!
//! The file takes its name when it is complete: a run that fails leaves what was there before.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use pointmill_intake::http::page;
use pointmill_intake::site::{self, Collected, Extent};

use super::{Options, Report, ReportError};

/// Memory of the entries on their way to the page; beyond it intervals become longer.
pub(super) const MEMORY_BYTES: usize = 256 << 20;

/// Where a page is to go. Dropped before the page is written, it leaves nothing.
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    /// The file beside it that is written first; none for what cannot be replaced, as a pipe.
    partial: Option<PathBuf>,
    file: File,
}

impl Target {
    /// Makes sure that a page can be made and written to `path`, before the work begins.
    ///
    /// # Errors
    /// [`ReportError::Page`] if this program has no page, [`ReportError::Write`] if nothing can be
    /// written there.
    pub fn new(path: &Path) -> Result<Target, ReportError> {
        if !page::BUILT {
            let what = "this program was built without its page: run cargo xtask web (it needs npm) and \
                        build it again, or use --format json";
            return Err(ReportError::Page(what.to_owned()));
        }
        let kind = fs::symlink_metadata(path).map(|found| found.file_type());
        let partial = match &kind {
            Ok(kind) if kind.is_dir() => {
                return Err(failed(path, io::ErrorKind::IsADirectory.into()));
            }
            Ok(kind) if !kind.is_file() => None,
            _ => {
                let mut name = path.as_os_str().to_owned();
                name.push(format!(".{}.partial", std::process::id()));
                Some(PathBuf::from(name))
            }
        };
        let open = partial.as_deref().unwrap_or(path);
        let file = File::create(open).map_err(|source| failed(path, source))?;
        Ok(Target {
            path: path.to_owned(),
            partial,
            file,
        })
    }

    /// Writes the page; how many bytes it has.
    ///
    /// # Errors
    /// [`ReportError::Write`], or [`ReportError::Page`] if what was collected cannot be read.
    pub fn write(
        mut self,
        title: &str,
        collected: &Collected,
        report: &Report,
        options: &Options,
    ) -> Result<usize, ReportError> {
        let percentiles = options.percentiles.iter();
        let extent = Extent {
            by: options.by.as_ref().and_then(|by| by.first().cloned()),
            percentiles: percentiles
                .map(|p| p.label().trim_start_matches('p').to_owned())
                .collect(),
            ..Extent::default()
        };
        let contents = site::contents(collected.store(), &extent)
            .map_err(|error| ReportError::Page(format!("the page cannot be made: {error}")))?;
        let text =
            site::page(title, &notes(collected, report, options), &contents).unwrap_or_default();
        let mut written = self.file.write_all(text.as_bytes());
        if let (Ok(()), Some(partial)) = (&written, &self.partial) {
            // Only what is on the disk may take the place of what was there.
            written = self
                .file
                .sync_all()
                .and_then(|()| fs::rename(partial, &self.path));
        }
        written.map_err(|source| failed(&self.path, source))?;
        self.partial = None;
        Ok(text.len())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(partial) = &self.partial {
            let _ = fs::remove_file(partial);
        }
    }
}

fn failed(path: &Path, source: io::Error) -> ReportError {
    ReportError::Write {
        file: path.display().to_string(),
        source,
    }
}

/// What the page's reader must know of how it was made.
fn notes(collected: &Collected, report: &Report, options: &Options) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(by) = options.by.as_ref().filter(|_| !options.keep_snapshot) {
        notes.push(match by.is_empty() {
            true => "All tags are merged (--by '').".to_owned(),
            false => format!("Only the tags {} are kept (--by).", by.join(", ")),
        });
    }
    if collected.interval_s() > 10 {
        notes.push(format!(
            "Intervals are {} s long, so that all fit into memory; gauges show the values at their ends.",
            collected.interval_s()
        ));
    }
    let bad = report.ledger.bad_lines();
    if bad > 0 {
        notes.push(format!(
            "{bad} of {} lines were bad.",
            report.ledger.lines()
        ));
    }
    for (what, n) in report.ledger.not_aggregated() {
        if n > 0 {
            notes.push(format!("{n} {what} were read and are not shown."));
        }
    }
    if collected.left_out() > 0 {
        notes.push(format!(
            "{} values are not shown: an intake takes no name without a letter.",
            collected.left_out()
        ));
    }
    notes
}
