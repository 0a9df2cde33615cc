//! Compression of bodies, and decompression of strangers' bodies within a bound.
//!
//! The intake takes three encodings: zstd frames, a zlib stream (which HTTP calls `deflate`), and
//! gzip members. Several frames, streams or members may follow one another; their contents are
//! one body.

use core::fmt;
use std::borrow::Cow;
use std::io::{self, Read, Write};

use flate2::FlushDecompress;

use crate::decode::{Cause, DecodeError};

/// A content encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// None: the body as it is.
    None,
    /// A zstd frame.
    Zstd,
    /// A zlib stream.
    Deflate,
    /// A gzip member.
    Gzip,
}

impl Compression {
    /// Every compression.
    pub const ALL: [Compression; 4] = [
        Compression::None,
        Compression::Zstd,
        Compression::Deflate,
        Compression::Gzip,
    ];

    /// The name the option `compression` knows it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Zstd => "zstd",
            Compression::Deflate => "deflate",
            Compression::Gzip => "gzip",
        }
    }

    /// The compression of this name, or `None`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Compression> {
        Compression::ALL
            .into_iter()
            .find(|compression| compression.name() == name)
    }

    /// The value of the HTTP header `Content-Encoding`; empty for none.
    #[must_use]
    pub const fn content_encoding(self) -> &'static str {
        match self {
            Compression::None => "",
            other => other.name(),
        }
    }
}

/// A compressor that keeps its tables from one body to the next.
pub(crate) struct Compressor {
    compression: Compression,
    level: u32,
    /// With the level it is set to.
    zstd: Option<(i32, zstd::bulk::Compressor<'static>)>,
}

impl Compressor {
    pub(crate) fn new() -> Compressor {
        Compressor {
            compression: Compression::None,
            level: 0,
            zstd: None,
        }
    }

    /// Chooses what the next bodies are compressed with. Level 0 is 1 for zstd (the Agent's
    /// default) and 6 for deflate and gzip (zlib's default).
    pub(crate) fn select(&mut self, compression: Compression, level: u32) -> io::Result<()> {
        if compression == Compression::Zstd {
            let wanted = if level == 0 { 1 } else { level as i32 };
            match &mut self.zstd {
                Some((set, zstd)) if *set != wanted => {
                    zstd.set_compression_level(wanted)?;
                    *set = wanted;
                }
                Some(_) => {}
                none => *none = Some((wanted, zstd::bulk::Compressor::new(wanted)?)),
            }
        }
        (self.compression, self.level) = (compression, level);
        Ok(())
    }

    pub(crate) fn compress(&mut self, body: &[u8]) -> io::Result<Vec<u8>> {
        let level = flate2::Compression::new(if self.level == 0 { 6 } else { self.level });
        match (self.compression, &mut self.zstd) {
            (Compression::Zstd, Some((_, zstd))) => {
                let mut packed = zstd.compress(body)?;
                // The bound it was made for is far above what metrics need.
                packed.shrink_to_fit();
                Ok(packed)
            }
            (Compression::Deflate, _) => {
                let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), level);
                writer.write_all(body)?;
                writer.finish()
            }
            (Compression::Gzip, _) => {
                let mut writer = flate2::write::GzEncoder::new(Vec::new(), level);
                writer.write_all(body)?;
                writer.finish()
            }
            (Compression::None | Compression::Zstd, _) => Ok(body.to_vec()),
        }
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor")
            .field("compression", &self.compression)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

/// The largest zstd window accepted, as a power of two: the 8 MiB that RFC 8878 (section 3.1.1.1.2)
/// asks every decoder to support. It bounds the decoder's memory next to `bytes_max`.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Undoes the `Content-Encoding` of a body: `zstd`, `deflate`, `gzip` (or `x-gzip`), `identity` or
/// empty. A body that is not compressed is handed back as it is.
///
/// At most about twice `bytes_max` and 8 MiB of memory, whatever the body says about itself.
///
/// # Errors
/// [`Cause::Limit`] when more than `bytes_max` come out, [`Cause::Truncated`] when the body ends
/// early, [`Cause::Invalid`] when it is damaged or the encoding is unknown. The offset is about
/// where in the compressed bytes that was noticed.
pub fn decompress<'a>(
    encoding: &str,
    body: &'a [u8],
    bytes_max: usize,
) -> Result<Cow<'a, [u8]>, DecodeError> {
    let is = |name: &str| encoding.eq_ignore_ascii_case(name);
    let plain = if encoding.is_empty() || is("identity") {
        check_length(body.len(), bytes_max, bytes_max)?;
        return Ok(Cow::Borrowed(body));
    } else if is("zstd") {
        unzstd(body, bytes_max)?
    } else if is("deflate") {
        inflate(body, bytes_max)?
    } else if is("gzip") || is("x-gzip") {
        let mut reader = flate2::bufread::MultiGzDecoder::new(body);
        let mut plain = Vec::new();
        let outcome = read_bounded(&mut reader, &mut plain, bytes_max);
        finish(
            outcome,
            plain,
            body.len(),
            reader.get_ref().len(),
            bytes_max,
        )?
    } else {
        return Err(error(
            0,
            Cause::Invalid("unknown encoding; send zstd, deflate, gzip or none"),
        ));
    };
    Ok(Cow::Owned(plain))
}

fn unzstd(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, DecodeError> {
    let failed = |_| error(0, Cause::Invalid("no memory for the zstd decoder"));
    let mut reader = zstd::stream::read::Decoder::with_buffer(body).map_err(failed)?;
    reader.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(failed)?;
    let mut plain = Vec::new();
    let outcome = read_bounded(&mut reader, &mut plain, bytes_max);
    finish(
        outcome,
        plain,
        body.len(),
        reader.get_ref().len(),
        bytes_max,
    )
}

/// By hand, because the reader of zlib streams takes an early end of input for the end of data.
fn inflate(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, DecodeError> {
    const CHUNK: usize = 16 << 10;
    let mut plain = Vec::new();
    let mut at = 0;
    while at < body.len() {
        let mut stream = flate2::Decompress::new(true);
        let start = at;
        loop {
            let room = CHUNK
                .max(plain.len())
                .min(bytes_max.saturating_add(1) - plain.len());
            plain.reserve(room);
            let before = (stream.total_in(), plain.len());
            let status = stream
                .decompress_vec(&body[at..], &mut plain, FlushDecompress::None)
                .map_err(|_| {
                    error(
                        at,
                        Cause::Invalid("damaged deflate data; send zlib streams"),
                    )
                })?;
            at = start + stream.total_in() as usize;
            check_length(plain.len(), bytes_max, at)?;
            if status == flate2::Status::StreamEnd {
                break;
            }
            if before == (stream.total_in(), plain.len()) {
                return Err(error(at, Cause::Truncated { needed: 1, left: 0 }));
            }
        }
    }
    Ok(plain)
}

fn read_bounded(
    reader: &mut impl Read,
    plain: &mut Vec<u8>,
    bytes_max: usize,
) -> io::Result<usize> {
    // One byte more than allowed tells a body that is too long from one that just fits.
    reader.take(bytes_max as u64 + 1).read_to_end(plain)
}

fn finish(
    outcome: io::Result<usize>,
    plain: Vec<u8>,
    body_len: usize,
    left: usize,
    bytes_max: usize,
) -> Result<Vec<u8>, DecodeError> {
    let at = body_len - left;
    check_length(plain.len(), bytes_max, at)?;
    match outcome {
        Ok(_) => Ok(plain),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
            Err(error(at, Cause::Truncated { needed: 1, left: 0 }))
        }
        Err(_) => Err(error(
            at,
            Cause::Invalid("damaged data, or not of the encoding named"),
        )),
    }
}

fn check_length(length: usize, bytes_max: usize, at: usize) -> Result<(), DecodeError> {
    if length > bytes_max {
        return Err(error(
            at,
            Cause::Limit {
                name: "bytes_max",
                limit: bytes_max,
            },
        ));
    }
    Ok(())
}

fn error(offset: usize, cause: Cause) -> DecodeError {
    DecodeError {
        offset,
        field: "body",
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKED: [Compression; 3] = [Compression::Zstd, Compression::Deflate, Compression::Gzip];

    fn pack(compression: Compression, plain: &[u8]) -> Vec<u8> {
        let mut compressor = Compressor::new();
        compressor.select(compression, 0).unwrap();
        compressor.compress(plain).unwrap()
    }

    fn cause(encoding: &str, body: &[u8], bytes_max: usize) -> Cause {
        decompress(encoding, body, bytes_max).unwrap_err().cause
    }

    #[test]
    fn what_is_packed_comes_back_at_every_level() {
        let plain: Vec<u8> = (0..100_000u32)
            .flat_map(|i| (i / 7).to_le_bytes())
            .collect();
        let mut compressor = Compressor::new();
        for compression in Compression::ALL {
            for level in [0, 1, 9] {
                compressor.select(compression, level).unwrap();
                let packed = compressor.compress(&plain).unwrap();
                let name = compression.content_encoding();
                assert_eq!(
                    decompress(name, &packed, plain.len()).unwrap(),
                    plain,
                    "{name}"
                );
                let limit = Cause::Limit {
                    name: "bytes_max",
                    limit: plain.len() - 1,
                };
                assert_eq!(cause(name, &packed, plain.len() - 1), limit, "{name}");
            }
        }
    }

    #[test]
    fn frames_one_behind_the_other_are_one_body() {
        for compression in PACKED {
            let mut body = pack(compression, b"first ");
            body.extend(pack(compression, b""));
            body.extend(pack(compression, b"second"));
            let plain = decompress(compression.name(), &body, 100).unwrap();
            assert_eq!(&plain[..], b"first second", "{compression:?}");
            assert_eq!(
                cause(compression.name(), &body, 11),
                Cause::Limit {
                    name: "bytes_max",
                    limit: 11
                }
            );
        }
    }

    #[test]
    fn an_early_end_is_not_the_end() {
        for compression in PACKED {
            let body = pack(compression, &[7; 5_000]);
            for length in 1..body.len() {
                assert!(decompress(compression.name(), &body[..length], 10_000).is_err());
            }
        }
    }

    #[test]
    fn a_bomb_costs_no_more_than_the_limit() {
        for compression in PACKED {
            let bomb = pack(compression, &vec![0; 64 << 20]);
            assert!(bomb.len() < 128 << 10);
            let limit = Cause::Limit {
                name: "bytes_max",
                limit: 1 << 16,
            };
            assert_eq!(cause(compression.name(), &bomb, 1 << 16), limit);
        }
    }

    #[test]
    fn garbage_and_unknown_encodings_are_refused() {
        for compression in PACKED {
            assert!(decompress(compression.name(), b"not packed at all", 100).is_err());
        }
        assert!(matches!(cause("br", b"", 1), Cause::Invalid(_)));
        assert_eq!(decompress("Identity", b"abc", 3).unwrap(), &b"abc"[..]);
        assert!(decompress("", b"abcd", 3).is_err());
        // A zstd frame header that claims a window of 2^41 bytes.
        let window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0x00, 0x00];
        assert!(decompress("zstd", &window, 100).is_err());
    }
}
