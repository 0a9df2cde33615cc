//! How a snapshot is encoded: one table of options, from which the setter, the C ABI and every
//! binding's documentation come.

mod option;

pub use option::{EncodeConfigError, EncodeOption, EncodeOptionKind};
use option::{Parsed, choice, flag, number, text};

use crate::{Compression, Origin};

/// Where the bytes go, and so what they look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Every kind by its own route: distributions as [`Format::Sketches`], all else as
    /// [`Format::SeriesV2`]. The default.
    #[default]
    Intake,
    /// Distributions as sketches, in protobuf.
    Sketches,
    /// Counts, gauges and what becomes of histograms, in JSON.
    SeriesV2,
    /// The same in protobuf.
    SeriesV2Protobuf,
    /// Distributions as lists of values, in JSON.
    DistributionPointsV1,
    /// Every value as a line of JSON on the standard output of a serverless function.
    LogLines,
    /// DogStatsD text, one payload a datagram.
    Dogstatsd,
}

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: [Format; 7] = [
        Format::Intake,
        Format::Sketches,
        Format::SeriesV2,
        Format::SeriesV2Protobuf,
        Format::DistributionPointsV1,
        Format::LogLines,
        Format::Dogstatsd,
    ];

    /// The name the option `format` knows it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Format::Intake => "intake",
            Format::Sketches => "sketches",
            Format::SeriesV2 => "series_v2",
            Format::SeriesV2Protobuf => "series_v2_protobuf",
            Format::DistributionPointsV1 => "distribution_points_v1",
            Format::LogLines => "log_lines",
            Format::Dogstatsd => "dogstatsd",
        }
    }

    /// The format of this name, or `None`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// How large a count one bin of a sketch may carry.
///
/// The intake adds up bins of one key before it looks at them, so both mean the same to it. Small
/// bins are what released Agents send; wide ones are shorter, because a busy key needs no second
/// bin, and are what newer senders use. Hence wide ones are the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BinProfile {
    /// At most 65535 a bin, unless that took more than 131,072 bins for one sketch.
    U16,
    /// At most 2^32 − 1 a bin.
    #[default]
    U32,
}

/// How to encode a snapshot.
///
/// Every field can be set by name with [`EncodeConfig::set`], which checks it; fields written
/// directly are checked when encoding begins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncodeConfig {
    /// Option `format`.
    pub format: Format,
    /// Option `compression`; `None` is `auto`: zstd for what goes to the intake, deflate for
    /// distribution points, nothing for log lines and DogStatsD.
    pub compression: Option<Compression>,
    /// Option `compression_level`; 0 is the codec's default.
    pub compression_level: u32,
    /// Option `host`.
    pub host: String,
    /// Option `tags`: appended to every series that does not have them yet.
    pub tags: Vec<String>,
    /// Option `bin_profile`.
    pub profile: BinProfile,
    /// Options `origin_product`, `origin_category` and `origin_service`.
    pub origin: Origin,
    /// Option `compressed_bytes_max`; 0 is the route's own limit.
    pub compressed_bytes_max: u64,
    /// Option `uncompressed_bytes_max`; 0 is the route's own limit.
    pub uncompressed_bytes_max: u64,
    /// Option `items_max`; 0 is the route's own limit.
    pub items_max: u64,
    /// Option `expand_max`.
    pub expand_max: u64,
    /// Option `agent_footer`.
    pub agent_footer: bool,
    /// Option `datagram_bytes_max`.
    pub datagram_bytes_max: u64,
    /// Option `dogstatsd_packed`.
    pub dogstatsd_packed: bool,
    /// Option `dogstatsd_sampled`.
    pub dogstatsd_sampled: bool,
    /// Option `dogstatsd_timestamps`.
    pub dogstatsd_timestamps: bool,
}

const FORMATS: &[&str] = &[
    "intake",
    "sketches",
    "series_v2",
    "series_v2_protobuf",
    "distribution_points_v1",
    "log_lines",
    "dogstatsd",
];
const COMPRESSIONS: &[&str] = &["auto", "none", "zstd", "deflate", "gzip"];

/// Largest body any option may ask for: what a process can reasonably hold twice.
const BYTES_MAX: u64 = 1 << 30;

impl EncodeConfig {
    /// Every option, in the order of the documentation.
    pub const OPTIONS: &'static [EncodeOption] = &[
        choice(
            "format",
            "intake",
            FORMATS,
            "What the bytes look like and where they go.",
        ),
        choice(
            "compression",
            "auto",
            COMPRESSIONS,
            "Compression of the bodies; auto is zstd for the intake, deflate for distribution points, none otherwise.",
        ),
        number(
            "compression_level",
            "0",
            (0, 22),
            "Level of the compression, up to 22 for zstd and 9 for deflate and gzip; 0 is zstd 1 or deflate 6.",
        ),
        text(
            "host",
            512,
            "Host name written into every series; empty for none.",
        ),
        text(
            "tags",
            65_536,
            "Tags appended to every series that does not have them yet, separated by commas.",
        ),
        choice(
            "bin_profile",
            "u32",
            &["u16", "u32"],
            "Largest count of one bin: u16 as released Agents send, u32 shorter; the intake reads both alike.",
        ),
        number(
            "origin_product",
            "0",
            (0, u32::MAX as u64),
            "Origin product; 0 says nothing.",
        ),
        number(
            "origin_category",
            "0",
            (0, u32::MAX as u64),
            "Origin category; 0 says nothing.",
        ),
        number(
            "origin_service",
            "0",
            (0, u32::MAX as u64),
            "Origin service; 0 says nothing.",
        ),
        number(
            "compressed_bytes_max",
            "0",
            (0, BYTES_MAX),
            "Most bytes of a body as it is sent; 0 is the limit of the route.",
        ),
        number(
            "uncompressed_bytes_max",
            "0",
            (0, BYTES_MAX),
            "Most bytes of a body before compression; 0 is the limit of the route.",
        ),
        number(
            "items_max",
            "0",
            (0, 1 << 32),
            "Most sketches, points of series, or series of distribution points in a body; 0 is the limit of the route.",
        ),
        number(
            "expand_max",
            "10000",
            (1, 1 << 24),
            "Most values written for one sketch by formats that have no sketches; the rest is counted.",
        ),
        flag(
            "agent_footer",
            "false",
            "Close sketch payloads with the empty metadata message that Agents write.",
        ),
        number(
            "datagram_bytes_max",
            "1432",
            (32, 65_467),
            "Most bytes of a DogStatsD datagram: 1432 for UDP, 8192 for a Unix socket.",
        ),
        flag(
            "dogstatsd_packed",
            "true",
            "Several values a DogStatsD message; set to false for receivers that read only the first.",
        ),
        flag(
            "dogstatsd_sampled",
            "true",
            "Write repeated values once with a sample rate; set to false for receivers that ignore rates.",
        ),
        flag(
            "dogstatsd_timestamps",
            "false",
            "Write the interval's start as the timestamp of DogStatsD counts and gauges.",
        ),
    ];

    /// Sets the option `name` from text.
    ///
    /// # Errors
    /// [`EncodeConfigError::UnknownOption`] or [`EncodeConfigError::BadValue`]; nothing changed.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), EncodeConfigError> {
        let option = Self::OPTIONS
            .iter()
            .find(|o| o.name == name)
            .ok_or_else(|| EncodeConfigError::UnknownOption {
                name: name.to_owned(),
            })?;
        let parsed = option.parse(value)?;
        self.assign(name, parsed);
        Ok(())
    }

    fn assign(&mut self, name: &str, value: Parsed<'_>) {
        let Parsed { text, number } = value;
        match name {
            "format" => self.format = Format::from_name(text).unwrap_or_default(),
            "compression" => self.compression = Compression::from_name(text),
            "compression_level" => self.compression_level = number as u32,
            "host" => text.clone_into(&mut self.host),
            "tags" => self.tags = split_tags(text),
            "bin_profile" => {
                self.profile = if text == "u16" {
                    BinProfile::U16
                } else {
                    BinProfile::U32
                };
            }
            "origin_product" => self.origin.product = number as u32,
            "origin_category" => self.origin.category = number as u32,
            "origin_service" => self.origin.service = number as u32,
            "compressed_bytes_max" => self.compressed_bytes_max = number,
            "uncompressed_bytes_max" => self.uncompressed_bytes_max = number,
            "items_max" => self.items_max = number,
            "expand_max" => self.expand_max = number,
            "agent_footer" => self.agent_footer = number != 0,
            "datagram_bytes_max" => self.datagram_bytes_max = number,
            "dogstatsd_packed" => self.dogstatsd_packed = number != 0,
            "dogstatsd_sampled" => self.dogstatsd_sampled = number != 0,
            "dogstatsd_timestamps" => self.dogstatsd_timestamps = number != 0,
            _ => unreachable!("the table has been searched"),
        }
    }

    /// The value of the option `name` as text that [`EncodeConfig::set`] takes, if there is one of
    /// that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        Some(match name {
            "format" => self.format.name().to_owned(),
            "compression" => self
                .compression
                .map_or("auto", Compression::name)
                .to_owned(),
            "compression_level" => self.compression_level.to_string(),
            "host" => self.host.clone(),
            "tags" => self.tags.join(","),
            "bin_profile" => match self.profile {
                BinProfile::U16 => "u16".to_owned(),
                BinProfile::U32 => "u32".to_owned(),
            },
            "origin_product" => self.origin.product.to_string(),
            "origin_category" => self.origin.category.to_string(),
            "origin_service" => self.origin.service.to_string(),
            "compressed_bytes_max" => self.compressed_bytes_max.to_string(),
            "uncompressed_bytes_max" => self.uncompressed_bytes_max.to_string(),
            "items_max" => self.items_max.to_string(),
            "expand_max" => self.expand_max.to_string(),
            "agent_footer" => self.agent_footer.to_string(),
            "datagram_bytes_max" => self.datagram_bytes_max.to_string(),
            "dogstatsd_packed" => self.dogstatsd_packed.to_string(),
            "dogstatsd_sampled" => self.dogstatsd_sampled.to_string(),
            "dogstatsd_timestamps" => self.dogstatsd_timestamps.to_string(),
            _ => return None,
        })
    }

    /// Checks what one option alone cannot know, and the fields that were written directly.
    pub(crate) fn check(&self) -> Result<(), EncodeConfigError> {
        for option in Self::OPTIONS {
            option.parse(&self.get(option.name).unwrap_or_default())?;
        }
        let level_max = match self.compression {
            Some(Compression::Deflate | Compression::Gzip) => 9,
            _ if self.format == Format::DistributionPointsV1 => 9,
            _ => 22,
        };
        if self.compression_level > level_max {
            return Err(EncodeConfigError::Conflict {
                name: "compression_level",
                value: self.compression_level.to_string(),
                remedy: "deflate and gzip have levels 1 to 9",
            });
        }
        match (self.format, self.compression) {
            (Format::DistributionPointsV1, Some(Compression::Zstd | Compression::Gzip)) => {
                Err(EncodeConfigError::Conflict {
                    name: "compression",
                    value: self.compression.map_or("", Compression::name).to_owned(),
                    remedy: "distribution_points_v1 is accepted as deflate or none only",
                })
            }
            (
                Format::LogLines | Format::Dogstatsd,
                Some(Compression::Zstd | Compression::Deflate | Compression::Gzip),
            ) => Err(EncodeConfigError::Conflict {
                name: "compression",
                value: self.compression.map_or("", Compression::name).to_owned(),
                remedy: "log_lines and dogstatsd are read as text; use none or auto",
            }),
            _ => Ok(()),
        }
    }
}

impl Default for EncodeConfig {
    fn default() -> EncodeConfig {
        let mut config = EncodeConfig {
            format: Format::default(),
            compression: None,
            compression_level: 0,
            host: String::new(),
            tags: Vec::new(),
            profile: BinProfile::default(),
            origin: Origin::default(),
            compressed_bytes_max: 0,
            uncompressed_bytes_max: 0,
            items_max: 0,
            expand_max: 0,
            agent_footer: false,
            datagram_bytes_max: 0,
            dogstatsd_packed: false,
            dogstatsd_sampled: false,
            dogstatsd_timestamps: false,
        };
        // The table is the one place of the defaults; a test sets each and reads it back.
        for option in Self::OPTIONS {
            if let Ok(value) = option.parse(option.default) {
                config.assign(option.name, value);
            }
        }
        config
    }
}

fn split_tags(text: &str) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in text.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
        if !tags.iter().any(|seen| seen == tag) {
            tags.push(tag.to_owned());
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_can_be_set_and_read_back() {
        for option in EncodeConfig::OPTIONS {
            let mut config = EncodeConfig::default();
            assert_eq!(
                config.get(option.name).as_deref(),
                Some(option.default),
                "{}",
                option.name
            );
            config.set(option.name, option.default).unwrap();
            assert_eq!(config, EncodeConfig::default());
            assert!(option.doc.ends_with('.'), "{}", option.name);
        }
        assert_eq!(FORMATS, Format::ALL.map(Format::name));
    }

    #[test]
    fn every_range_ends_where_the_table_says() {
        for option in EncodeConfig::OPTIONS {
            let mut config = EncodeConfig::default();
            let (good, bad) = match option.kind {
                EncodeOptionKind::Number { min, max } => (
                    vec![min.to_string(), max.to_string()],
                    (max + 1).to_string(),
                ),
                EncodeOptionKind::Choice(words) => (
                    words.iter().map(ToString::to_string).collect(),
                    "nonsense".to_owned(),
                ),
                EncodeOptionKind::Flag => (
                    vec!["true".to_owned(), "false".to_owned()],
                    "yes".to_owned(),
                ),
                EncodeOptionKind::Text { bytes_max } => (
                    vec!["x".repeat(bytes_max as usize)],
                    "x".repeat(bytes_max as usize + 1),
                ),
            };
            for value in good {
                config.set(option.name, &value).unwrap();
                assert_eq!(config.get(option.name), Some(value));
            }
            let before = config.clone();
            let error = config.set(option.name, &bad).unwrap_err().to_string();
            assert!(error.starts_with(option.name), "{error}");
            assert_eq!(config, before);
        }
    }

    #[test]
    fn names_are_not_those_of_the_engine() {
        for option in EncodeConfig::OPTIONS {
            assert!(
                pointmill::Config::OPTIONS
                    .iter()
                    .all(|o| o.name != option.name)
            );
        }
        let error = EncodeConfig::default()
            .set("formt", "x")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("\"formt\"") && error.contains("format,"),
            "{error}"
        );
    }

    #[test]
    fn options_that_do_not_go_together_are_told_apart() {
        let conflict = |pairs: &[(&str, &str)]| {
            let mut config = EncodeConfig::default();
            pairs
                .iter()
                .for_each(|(name, value)| config.set(name, value).unwrap());
            config.check().map_err(|error| error.to_string())
        };
        assert_eq!(conflict(&[]), Ok(()));
        let v1 = ("format", "distribution_points_v1");
        assert!(
            conflict(&[v1, ("compression", "zstd")])
                .unwrap_err()
                .contains("deflate or none")
        );
        assert_eq!(conflict(&[v1, ("compression", "deflate")]), Ok(()));
        assert!(conflict(&[("format", "dogstatsd"), ("compression", "gzip")]).is_err());
        assert!(conflict(&[("compression", "gzip"), ("compression_level", "10")]).is_err());
        assert_eq!(
            conflict(&[("compression", "zstd"), ("compression_level", "19")]),
            Ok(())
        );
        let config = EncodeConfig {
            datagram_bytes_max: 1,
            ..EncodeConfig::default()
        };
        assert!(config.check().is_err());
    }

    #[test]
    fn tags_lose_blanks_and_duplicates() {
        let mut config = EncodeConfig::default();
        config.set("tags", " env:prod, team:a,,env:prod").unwrap();
        assert_eq!(config.tags, ["env:prod", "team:a"]);
        assert!(config.set("tags", "a\nb").is_err());
    }
}
