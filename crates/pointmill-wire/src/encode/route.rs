//! Where the bodies of each format go, what they carry and how large they may be.

use pointmill::{Entry, Kind, Value};

use crate::config::{EncodeConfig, Format};
use crate::{Compression, SkipCause};

/// How large one body may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) compressed: usize,
    pub(super) uncompressed: usize,
    pub(super) items: u64,
}

/// One kind of body and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Sketches,
    SeriesJson,
    SeriesProtobuf,
    DistributionPoints,
    LogLines,
    Dogstatsd,
}

impl Route {
    pub(super) fn of(format: Format) -> &'static [Route] {
        match format {
            Format::Intake => &[Route::Sketches, Route::SeriesJson],
            Format::Sketches => &[Route::Sketches],
            Format::SeriesV2 => &[Route::SeriesJson],
            Format::SeriesV2Protobuf => &[Route::SeriesProtobuf],
            Format::DistributionPointsV1 => &[Route::DistributionPoints],
            Format::LogLines => &[Route::LogLines],
            Format::Dogstatsd => &[Route::Dogstatsd],
        }
    }

    pub(super) fn carries(self, entry: &Entry<'_>) -> Result<(), SkipCause> {
        let kind = entry.kind();
        let lists_values = !matches!(
            self,
            Route::Sketches | Route::SeriesJson | Route::SeriesProtobuf
        );
        match self {
            Route::Sketches | Route::DistributionPoints if kind != Kind::Distribution => match kind
            {
                Kind::Histogram => Err(SkipCause::HistogramInDistributionFormat),
                _ => Err(SkipCause::ScalarInSketchFormat),
            },
            Route::SeriesJson | Route::SeriesProtobuf if kind == Kind::Distribution => {
                Err(SkipCause::SketchInScalarFormat)
            }
            _ => match entry.value() {
                Value::Scalar(v) if !v.is_finite() => Err(SkipCause::NotFinite),
                Value::Summary(_) if lists_values && !has_values(entry) => Err(SkipCause::NoValues),
                _ => Ok(()),
            },
        }
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            Route::Sketches => crate::sketch_payload::PATH,
            Route::SeriesJson | Route::SeriesProtobuf => crate::series_v2::PATH,
            Route::DistributionPoints => crate::distribution_points::PATH,
            Route::LogLines | Route::Dogstatsd => "",
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Route::Sketches | Route::SeriesProtobuf => "application/x-protobuf",
            Route::SeriesJson | Route::DistributionPoints => "application/json",
            Route::LogLines => "application/x-ndjson",
            Route::Dogstatsd => "text/plain",
        }
    }

    pub(super) fn default_compression(self) -> Compression {
        match self {
            Route::Sketches | Route::SeriesJson | Route::SeriesProtobuf => Compression::Zstd,
            Route::DistributionPoints => Compression::Deflate,
            Route::LogLines | Route::Dogstatsd => Compression::None,
        }
    }

    /// The limits of the configuration, or where it has none those of the route: the Agent's
    /// `serializer_max_*` settings for sketches and series and the Agent Data Plane's 10,000
    /// metrics a payload; for distribution points the limits documented for the v1 series route,
    /// since that route documents none; for log lines one PutLogEvents batch of CloudWatch.
    pub(super) fn limits(self, config: &EncodeConfig) -> Limits {
        let (compressed, uncompressed, items) = match self {
            Route::Sketches => (2_621_440, 4_194_304, 10_000),
            Route::SeriesJson | Route::SeriesProtobuf => (512_000, 5_242_880, 10_000),
            Route::DistributionPoints => (3_200_000, 62_914_560, 10_000),
            Route::LogLines => (1 << 20, 1 << 20, u64::MAX),
            Route::Dogstatsd => (
                config.datagram_bytes_max,
                config.datagram_bytes_max,
                u64::MAX,
            ),
        };
        let or = |set, default| if set == 0 { default } else { set };
        let compressed = or(config.compressed_bytes_max, compressed);
        let mut uncompressed = or(config.uncompressed_bytes_max, uncompressed);
        if config.compression.unwrap_or(self.default_compression()) == Compression::None {
            uncompressed = uncompressed.min(compressed);
        }
        let fit = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
        Limits {
            compressed: fit(compressed),
            uncompressed: fit(uncompressed),
            items: or(config.items_max, items),
        }
    }
}

fn has_values(entry: &Entry<'_>) -> bool {
    entry
        .sketch()
        .is_some_and(|sketch| sketch.counts.iter().any(|n| *n > 0))
}
