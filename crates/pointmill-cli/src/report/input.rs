//! Files and standard input as plain bytes: opened, unpacked, and read ahead of the aggregation.
//!
//! ```text
//! thread: file ─▶ progress ─▶ gzip │ zstd │ plain, by the first bytes ─▶ chunks ─▶ │ queue │
//! caller:                                       Lines ◀── ReadAhead::read ◀────────┘
//! ```
//!
//! 1. Unpacking costs about as much as aggregating, so it has a thread of its own.
//! 2. A read that waits for a terminal or a pipe cannot be told to stop. The caller waits for the
//!    queue instead, looks at the stop flag while it waits, and leaves the thread behind.

use core::fmt;
use core::time::Duration;
use std::fs::{self, File};
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;

/// Bytes of a chunk on its way from the reading thread.
const CHUNK_BYTES: usize = 256 << 10;

/// Chunks that may wait.
const CHUNKS_MAX: usize = 4;

/// How long a Ctrl-C may go unnoticed while input is awaited.
const STOP_CHECK: Duration = Duration::from_millis(50);

/// The name that stands for standard input.
pub const STDIN: &str = "-";

/// Whether `path` can be read, and how many bytes it has if that is known. Standard input
/// ([`STDIN`]), pipes and devices are not opened: that may wait, or end whoever writes to them.
///
/// # Errors
/// The system's.
pub fn check(path: &Path) -> io::Result<Option<u64>> {
    if path.as_os_str() == STDIN {
        return Ok(None);
    }
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "is a directory; name its files",
        ));
    }
    if !metadata.is_file() {
        return Ok(None);
    }
    File::open(path).map(|_| Some(metadata.len()))
}

/// Opens `path`, or standard input for [`STDIN`]; still packed.
///
/// # Errors
/// The system's.
pub fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    Ok(match path.as_os_str() == STDIN {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(path)?),
    })
}

/// The plain bytes of `packed`: gzip (all its members), zstd (all its frames) or neither, told by
/// the first four bytes.
///
/// # Errors
/// Those of the first read. A damaged or cut archive is an error of a later read.
pub fn unpack(mut packed: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::new();
    packed.by_ref().take(4).read_to_end(&mut magic)?;
    let kind = match magic.as_slice() {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        // RFC 8878, 3.1.1 and 3.1.2: a frame, or a frame to be skipped before one.
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Packing::Zstd,
        _ => Packing::None,
    };
    let whole = BufReader::with_capacity(CHUNK_BYTES, Cursor::new(magic).chain(packed));
    Ok(match kind {
        Packing::None => Box::new(whole),
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(whole)),
        Packing::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(whole)?),
    })
}

enum Packing {
    None,
    Gzip,
    Zstd,
}

/// What a read says after the stop flag was raised.
#[derive(Debug)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped before the end of the input")
    }
}

impl std::error::Error for Stopped {}

/// The bytes of a stream that a thread of its own reads.
#[derive(Debug)]
pub struct ReadAhead {
    chunks: Receiver<io::Result<Vec<u8>>>,
    current: Vec<u8>,
    at: usize,
    stop: Arc<AtomicBool>,
}

impl ReadAhead {
    /// Unpacks and reads `packed` in a thread until its end, an error, or `stop`.
    ///
    /// # Errors
    /// If the system has no further thread.
    pub fn spawn(packed: Box<dyn Read + Send>, stop: Arc<AtomicBool>) -> io::Result<ReadAhead> {
        let (sender, chunks) = sync_channel(CHUNKS_MAX);
        let stopped = Arc::clone(&stop);
        thread::Builder::new()
            .name("read-ahead".to_owned())
            .spawn(move || {
                let mut reader = match unpack(packed) {
                    Ok(reader) => reader,
                    Err(error) => return drop(sender.send(Err(error))),
                };
                while !stopped.load(Ordering::Relaxed) {
                    let mut chunk = vec![0; CHUNK_BYTES];
                    let outcome = match reader.read(&mut chunk) {
                        Ok(0) => return,
                        Ok(n) => {
                            chunk.truncate(n);
                            Ok(chunk)
                        }
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                        Err(error) => Err(error),
                    };
                    let last = outcome.is_err();
                    if sender.send(outcome).is_err() || last {
                        return;
                    }
                }
            })?;
        Ok(ReadAhead {
            chunks,
            current: Vec::new(),
            at: 0,
            stop,
        })
    }
}

impl Read for ReadAhead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.current.len() {
            if self.stop.load(Ordering::Relaxed) {
                return Err(io::Error::other(Stopped));
            }
            match self.chunks.recv_timeout(STOP_CHECK) {
                Ok(chunk) => (self.current, self.at) = (chunk?, 0),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    // The thread also ends when it sees the flag; that is no end of the input.
                    if self.stop.load(Ordering::Relaxed) {
                        continue;
                    }
                    return Ok(0);
                }
            }
        }
        let n = out.len().min(self.current.len() - self.at);
        out[..n].copy_from_slice(&self.current[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read_all(packed: Vec<u8>) -> io::Result<Vec<u8>> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut out = Vec::new();
        ReadAhead::spawn(Box::new(Cursor::new(packed)), stop)?.read_to_end(&mut out)?;
        Ok(out)
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(plain).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn packed_streams_of_several_parts_come_out_whole() {
        let plain: Vec<u8> = (0..300_000u32).flat_map(|i| i.to_le_bytes()).collect();
        let (a, b) = plain.split_at(700_001);
        let zstd = |part| zstd::stream::encode_all(part, 1).unwrap();
        assert_eq!(read_all(plain.clone()).unwrap(), plain);
        assert_eq!(read_all([gzip(a), gzip(b)].concat()).unwrap(), plain);
        assert_eq!(read_all([zstd(a), zstd(b)].concat()).unwrap(), plain);
        for short in [&b""[..], b"1", b"12\n"] {
            assert_eq!(read_all(short.to_vec()).unwrap(), short);
        }
    }

    #[test]
    fn a_cut_archive_is_an_error_not_an_end() {
        for mut packed in [
            gzip(&[7; 9_999]),
            zstd::stream::encode_all(&[7; 9_999][..], 1).unwrap(),
        ] {
            packed.truncate(packed.len() - 5);
            assert!(read_all(packed).is_err());
        }
    }

    #[test]
    fn the_stop_flag_ends_a_read_that_waits() {
        struct Never;
        impl Read for Never {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                loop {
                    thread::park();
                }
            }
        }
        let stop = Arc::new(AtomicBool::new(false));
        let mut reader = ReadAhead::spawn(Box::new(Never), Arc::clone(&stop)).unwrap();
        let raise = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            stop.store(true, Ordering::Relaxed);
        });
        let error = reader.read(&mut [0]).unwrap_err();
        assert!(
            error.get_ref().is_some_and(|e| e.is::<Stopped>()),
            "{error}"
        );
        raise.join().unwrap();
    }
}
