//! From a body to a [`Batch`]: unpacking, decoding, normalising. One file a format.
//!
//! | route | as sent | unpacked | source of the limits |
//! | --- | --- | --- | --- |
//! | `/api/beta/sketches`, `/api/v1/series`, `/api/v1/distribution_points` | 3,200,000 | 62,914,560 | public documentation of v1 series; Vector uses it for sketches |
//! | `/api/v2/series` | 512,000 | 5,242,880 | public documentation |
//!
//! A body that cannot be read is refused as a whole, with the byte. One that can be read is stored;
//! entries that cannot be used (a name without a letter, a value that is not finite) are left out and
//! named in the answer. If none can be used, the body is refused.

mod series_v1;
mod wire;

use pointmill_wire::decode::{Cause as WireCause, DecodeError};
use pointmill_wire::{DecodeLimits, decompress};

use crate::batch::{Batch, BatchBuilder, Complaint, Rules};
use crate::refused::Cause;

/// A route that takes points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// `/api/beta/sketches`.
    Sketches,
    /// `/api/v1/distribution_points`.
    DistributionPoints,
    /// `/api/v1/series`.
    SeriesV1,
    /// `/api/v2/series`.
    SeriesV2,
}

impl Route {
    /// Every route.
    pub const ALL: [Route; 4] = [
        Route::Sketches,
        Route::DistributionPoints,
        Route::SeriesV1,
        Route::SeriesV2,
    ];

    /// Its path.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Route::Sketches => "/api/beta/sketches",
            Route::DistributionPoints => "/api/v1/distribution_points",
            Route::SeriesV1 => "/api/v1/series",
            Route::SeriesV2 => "/api/v2/series",
        }
    }

    /// Most bytes of a body as sent, and unpacked.
    #[must_use]
    pub const fn limits(self) -> (usize, usize) {
        match self {
            Route::SeriesV2 => (512_000, 5_242_880),
            _ => (3_200_000, 62_914_560),
        }
    }
}

/// Why a body is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct BodyError {
    /// The word it is counted under.
    pub cause: Cause,
    /// Cause and remedy.
    pub message: String,
    /// The field; empty if none.
    pub field: String,
    /// The byte, where there is one.
    pub offset: Option<usize>,
}

/// A body that has been read.
#[derive(Debug)]
pub struct Accepted {
    /// What is to be stored.
    pub batch: Batch,
    /// What was left out.
    pub complaints: Vec<Complaint>,
    /// Memory it takes in bytes, estimated from above.
    pub bytes: usize,
}

/// Bodies above so many bytes unpacked are read one at a time, so that memory stays within bounds.
pub const LARGE: usize = 4 << 20;

/// Most entries of all lists of a body, and most bins: each is some tens of bytes in memory.
const LIMITS: DecodeLimits = DecodeLimits {
    bytes_max: 0,
    items_max: 1 << 20,
    bins_max: 1 << 22,
};

/// Values are entries of lists too, of eight bytes each.
const LIMITS_OF_VALUES: DecodeLimits = DecodeLimits {
    items_max: 1 << 22,
    ..LIMITS
};

/// Whether a body may be large once it is unpacked; `None` if that cannot be told without trying.
#[must_use]
pub fn is_large(encoding: &str, length: usize) -> Option<bool> {
    match encoding {
        "" | "identity" => Some(length > LARGE),
        _ if length > LARGE => Some(true),
        _ => None,
    }
}

/// Reads a body; more than `bytes_max` unpacked refuses it.
///
/// # Errors
/// [`BodyError`] says why nothing of it can be stored.
pub fn read(
    route: Route,
    content_type: &str,
    encoding: &str,
    body: &[u8],
    bytes_max: usize,
    rules: Rules,
) -> Result<Accepted, BodyError> {
    // What Datadog's API clients call zstd.
    let encoding = if encoding == "zstd1" {
        "zstd"
    } else {
        encoding
    };
    let plain = decompress(encoding, body, bytes_max)
        .map_err(|error| unpacking(&error, encoding, bytes_max))?;
    let mut builder = BatchBuilder::new(rules);
    let limits = DecodeLimits {
        bytes_max,
        ..LIMITS
    };
    let outcome = match route {
        Route::Sketches => wire::sketches(&plain, &limits, &mut builder),
        Route::DistributionPoints => {
            let limits = DecodeLimits {
                bytes_max,
                ..LIMITS_OF_VALUES
            };
            wire::distribution_points(&plain, &limits, &mut builder)
        }
        Route::SeriesV2 => {
            wire::series_v2(&plain, is_protobuf(content_type), &limits, &mut builder)
        }
        Route::SeriesV1 => {
            return finish(
                series_v1::read(&plain, LIMITS.items_max, &mut builder),
                builder,
                (body.len(), plain.len()),
            );
        }
    };
    finish(
        outcome.map_err(|error| decoding(&error)),
        builder,
        (body.len(), plain.len()),
    )
}

fn finish(
    outcome: Result<(), BodyError>,
    builder: BatchBuilder,
    (packed, plain): (usize, usize),
) -> Result<Accepted, BodyError> {
    outcome?;
    let (mut batch, complaints, offered) = builder.finish();
    batch.bytes = packed as u64;
    if batch.snapshot.is_empty()
        && let (Some(first), true) = (complaints.first(), offered > 0)
    {
        return Err(BodyError {
            cause: first.cause,
            message: format!("nothing of it can be stored: {}", first.message),
            field: first.field.clone(),
            offset: None,
        });
    }
    // Names, tags and bins are hardly longer than they were; each entry has its columns.
    let bytes = 2 * plain + 128 * batch.snapshot.len();
    Ok(Accepted {
        batch,
        complaints,
        bytes,
    })
}

fn is_protobuf(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or("").trim();
    kind.eq_ignore_ascii_case("application/x-protobuf")
        || kind.eq_ignore_ascii_case("application/protobuf")
}

fn unpacking(error: &DecodeError, encoding: &str, bytes_max: usize) -> BodyError {
    let (cause, message) = match error.cause {
        WireCause::Limit { .. } => (
            Cause::TooLarge,
            format!("more than {bytes_max} bytes unpacked; split the payload"),
        ),
        _ => (
            Cause::Encoding,
            format!("Content-Encoding {encoding:?}: {error}"),
        ),
    };
    BodyError {
        cause,
        message,
        field: String::new(),
        offset: Some(error.offset),
    }
}

fn decoding(error: &DecodeError) -> BodyError {
    let cause = match error.cause {
        WireCause::Limit {
            name: "bytes_max", ..
        } => Cause::TooLarge,
        _ => Cause::Decode,
    };
    BodyError {
        cause,
        message: error.to_string(),
        field: error.field.to_owned(),
        offset: Some(error.offset),
    }
}
