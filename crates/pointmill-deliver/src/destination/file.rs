//! Lines appended to a file.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::write::{Lines, Way};
use super::{Delivery, Destination};
use crate::{Attempt, Batch, ClientConfig, FailCause};

/// Appends bodies of lines to a file. It is opened for every body, so that a file that has been
/// moved away (log rotation) is made anew.
#[derive(Debug)]
pub struct FileDestination {
    path: PathBuf,
    lines: Lines,
}

impl FileDestination {
    /// Appends to the file that the option `file_path` names; it is made when first needed.
    #[must_use]
    pub fn new(config: &ClientConfig) -> FileDestination {
        FileDestination {
            path: PathBuf::from(&config.file_path),
            lines: Lines::default(),
        }
    }
}

impl Destination for FileDestination {
    fn deliver(&self, batch: &Batch, from: usize, timeout: Duration) -> Delivery {
        let until = Instant::now() + timeout;
        let opened = File::options()
            .append(true)
            .create(true)
            .mode(0o640)
            .open(&self.path);
        match opened {
            Ok(file) => {
                let body = &batch.payload.body;
                self.lines
                    .deliver(file.as_fd(), Way::Whole, body, from, until)
            }
            Err(error) => Delivery {
                written: from,
                ..Attempt::Failed {
                    cause: FailCause::Connect,
                    uncertain: false,
                    detail: error.to_string(),
                }
                .into()
            },
        }
    }

    fn reopen(&self) -> Arc<dyn Destination> {
        Arc::new(FileDestination {
            path: self.path.clone(),
            lines: Lines::default(),
        })
    }

    fn describe(&self, _batch: &Batch) -> String {
        format!("file {}", self.path.display())
    }
}
