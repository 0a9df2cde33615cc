//! Cutting a body that its receiver calls too large.
//!
//! ```text
//! begin series series | series series end      cut between two series (Payload::parts)
//!   →  begin series series end                 each half a complete body with its own points
//!      begin series series end
//! ```
//!
//! Nothing is decoded: the encoder has noted where each series ends.

use std::io;

use crate::compress::Compressor;
use crate::{Compression, Part, Payload, decompress};

/// What stands before the first series, between two and behind the last in a body of JSON.
const JSON_BEGIN: usize = b"{\"series\":[".len();
const JSON_BETWEEN: usize = 1;

/// Larger than every body that the options of the encoder allow.
const BYTES_MAX: usize = 1 << 30;

impl Payload {
    /// Makes two payloads of about half the size, cut between two series. `None` for a payload of
    /// one series, and for formats that do not travel by HTTP.
    ///
    /// Entries and points of both halves add up to those of the whole. Costs a decompression and
    /// two compressions at the codec's default level.
    ///
    /// # Errors
    /// The body is not what the encoder has made, or the compressor failed; nothing has changed.
    pub fn split(&self) -> io::Result<Option<[Payload; 2]>> {
        if self.parts.len() < 2 {
            return Ok(None);
        }
        let body = decompress(self.content_encoding, &self.body, BYTES_MAX)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let json = self.content_type == "application/json";
        let (begin, between) = if json {
            (JSON_BEGIN, JSON_BETWEEN)
        } else {
            (0, 0)
        };
        let cut = self.middle();
        let ends = |i: usize| self.parts[i].end as usize;
        let (first_end, last_end) = (ends(cut - 1), ends(self.parts.len() - 1));
        if begin > first_end || first_end + between > last_end || last_end > body.len() {
            let text = "the noted ends of the series do not lie in the body";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let (head, tail) = (&body[..begin], &body[last_end..]);
        let first = [&body[..first_end], tail].concat();
        let second = [head, &body[first_end + between..last_end], tail].concat();
        let moved = first_end + between - begin;
        let parts: Vec<Part> = self.parts[cut..]
            .iter()
            .map(|part| Part {
                end: part.end.saturating_sub(moved as u32),
                points: part.points,
            })
            .collect();
        // Entries are told apart by series only, so each half gets its share of the whole's.
        let share = (cut * self.entries / self.parts.len()).max(1);
        Ok(Some([
            self.piece(&first, self.parts[..cut].to_vec(), share)?,
            self.piece(&second, parts, self.entries.saturating_sub(share))?,
        ]))
    }

    /// The first part of the second half: both halves have about as many bytes before compression.
    fn middle(&self) -> usize {
        let half = self.parts.last().map_or(0, |part| part.end / 2);
        let cut = self.parts.partition_point(|part| part.end <= half);
        cut.clamp(1, self.parts.len() - 1)
    }

    fn piece(&self, body: &[u8], parts: Vec<Part>, entries: usize) -> io::Result<Payload> {
        let compression = Compression::ALL
            .into_iter()
            .find(|c| c.content_encoding() == self.content_encoding)
            .unwrap_or(Compression::None);
        let mut compressor = Compressor::new();
        compressor.select(compression, 0)?;
        Ok(Payload {
            body: compressor.compress(body)?,
            entries,
            points: parts.iter().map(|part| part.points).sum(),
            parts,
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use pointmill::{Config, Engine, Flush, Kind, Snapshot};

    use super::*;
    use crate::{DecodeLimits, EncodeConfig, encode};

    fn snapshot() -> Snapshot {
        let engine = Engine::new(&Config::default(), 1_000).unwrap();
        for i in 0..9u32 {
            let kinds = [Kind::Distribution, Kind::Count, Kind::Histogram];
            for kind in kinds {
                let name = format!("{kind:?}.{i}");
                for point in 0..=i {
                    let at = 1_000 + i64::from(point % 3) * 10;
                    let id = engine.context(kind, &name, &["a:b"]).unwrap();
                    engine.record_at(id, f64::from(point), at).unwrap();
                }
            }
        }
        engine.flush(2_000, Flush::All)
    }

    /// Every metric name in the body, in order.
    fn names(payload: &Payload) -> Vec<String> {
        let limits = DecodeLimits::default();
        let body = decompress(payload.content_encoding, &payload.body, 1 << 20).unwrap();
        match (payload.path, payload.content_type) {
            ("/api/beta/sketches", _) => {
                let read = crate::sketch_payload::decode(&body, &limits).unwrap();
                read.sketches.into_iter().map(|s| s.metric).collect()
            }
            ("/api/v1/distribution_points", _) => {
                let read = crate::distribution_points::decode(&body, &limits).unwrap();
                read.series.into_iter().map(|s| s.metric).collect()
            }
            (_, "application/json") => {
                let read = crate::series_v2::decode_json(&body, &limits).unwrap();
                read.series.into_iter().map(|s| s.metric).collect()
            }
            _ => {
                let read = crate::series_v2::decode_protobuf(&body, &limits).unwrap();
                read.series.into_iter().map(|s| s.metric).collect()
            }
        }
    }

    #[test]
    fn halves_of_halves_hold_every_series_and_point_once_in_every_format() {
        let formats = [
            "intake",
            "sketches",
            "series_v2",
            "series_v2_protobuf",
            "distribution_points_v1",
        ];
        for (format, compression) in formats.into_iter().flat_map(|f| [(f, "auto"), (f, "none")]) {
            let mut config = EncodeConfig::default();
            config.set("format", format).unwrap();
            config.set("compression", compression).unwrap();
            config.set("agent_footer", "true").unwrap();
            for whole in encode(&snapshot(), &config).unwrap().payloads {
                let expected = names(&whole);
                let mut open = vec![whole.clone()];
                let mut closed = Vec::new();
                while let Some(payload) = open.pop() {
                    match payload.split().unwrap() {
                        Some([first, second]) => {
                            assert_eq!(first.points + second.points, payload.points);
                            assert_eq!(first.entries + second.entries, payload.entries);
                            open.extend([second, first]);
                        }
                        None => closed.push(payload),
                    }
                }
                assert_eq!(closed.len(), whole.parts.len(), "{format}");
                assert!(closed.iter().all(|p| p.parts.len() == 1 && p.points > 0));
                let found: Vec<String> = closed.iter().flat_map(names).collect();
                assert_eq!(found, expected, "{format} {compression}");
            }
        }
    }

    #[test]
    fn ends_that_lie_outside_are_an_error() {
        let whole = encode(&snapshot(), &EncodeConfig::default()).unwrap();
        let mut payload = whole.payloads[1].clone();
        payload.parts.last_mut().unwrap().end = u32::MAX;
        assert!(payload.split().is_err());
        payload.parts.truncate(1);
        assert_eq!(payload.split().unwrap(), None);
    }
}
