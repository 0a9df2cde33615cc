//! Writing datagrams.

use pointmill::{Entry, Kind, Value};

use super::MetricType;
use crate::SkipCause;
use crate::config::EncodeConfig;
use crate::encode::{LineWriter, Lines, tags_with};
use crate::expand::{Run, expand};
use crate::json::put_number;

/// The largest count written as one sample rate: 2^28, near the 260 million for which the Agent
/// Data Plane accepts a rate (it clamps lower ones).
const COUNT_MAX: u64 = 1 << 28;

/// Most lines added to keep rates above that bound. A sketch of more values (2^44) is written with
/// rates below it instead, so that a stranger's snapshot cannot ask for gigabytes.
const CHUNKS_MAX: u64 = 1 << 16;

pub(crate) struct Datagrams<'c> {
    config: &'c EncodeConfig,
    runs: Vec<Run>,
    /// What every line of an entry ends with: the tags and the timestamp.
    tail: Vec<u8>,
    number: Vec<u8>,
}

impl<'c> Datagrams<'c> {
    pub(crate) fn new(config: &'c EncodeConfig) -> Datagrams<'c> {
        Datagrams {
            config,
            runs: Vec::new(),
            tail: Vec::new(),
            number: Vec::new(),
        }
    }

    fn put_tail(&mut self, entry: &Entry<'_>) {
        let tail = &mut self.tail;
        tail.clear();
        let mut put = |parts: [&str; 2]| {
            tail.extend_from_slice(if tail.is_empty() { b"|#" } else { b"," });
            for part in parts {
                tail.extend(part.bytes().map(|b| {
                    if matches!(b, b'|' | b',' | b'\n') {
                        b'_'
                    } else {
                        b
                    }
                }));
            }
        };
        tags_with(*entry, &self.config.tags)
            .filter(|tag| !tag.is_empty())
            .for_each(|tag| put([tag, ""]));
        let host = &self.config.host;
        if !host.is_empty() && entry.tag_value("host").is_none() {
            put(["host:", host]);
        }
        if self.config.dogstatsd_timestamps
            && matches!(entry.kind(), Kind::Count | Kind::Gauge)
            && entry.interval() > 0
        {
            tail.extend_from_slice(b"|T");
            tail.extend_from_slice(entry.interval().to_string().as_bytes());
        }
    }

    /// Writes the runs' values, those of one count together, as many to a line as fit into a
    /// datagram.
    fn put_runs(&mut self, lines: &mut Lines, name: &[u8], metric_type: MetricType) {
        // Values of a sketch have no order; a stable sort keeps those of a count ascending.
        self.runs.sort_by_key(|run| run.count);
        for runs in self.runs.chunk_by(|a, b| a.count == b.count) {
            let count = runs[0].count;
            let mut end = format!("|{}", metric_type.symbol()).into_bytes();
            if count > 1 {
                end.extend_from_slice(b"|@");
                put_number(&mut end, rate(count));
            }
            end.extend_from_slice(&self.tail);
            let mut open = false;
            for run in runs {
                self.number.clear();
                put_number(&mut self.number, run.value);
                let room = self.config.datagram_bytes_max as usize;
                let full = lines.line_len() + 1 + self.number.len() + end.len() > room;
                if open && (full || !self.config.dogstatsd_packed) {
                    lines.text().extend_from_slice(&end);
                    lines.end_line();
                    open = false;
                }
                if !open {
                    lines.text().extend_from_slice(name);
                    open = true;
                }
                lines.text().push(b':');
                lines.text().extend_from_slice(&self.number);
            }
            lines.text().extend_from_slice(&end);
            lines.end_line();
        }
    }

    /// Fills the runs with a sketch's values; each run's count can be written as one rate.
    fn expand(&mut self, entry: &Entry<'_>) -> u64 {
        self.runs.clear();
        let Some(sketch) = entry.sketch() else {
            return 0;
        };
        if !self.config.dogstatsd_sampled {
            let left_out = expand(&sketch, self.config.expand_max, &mut self.runs);
            let runs = core::mem::take(&mut self.runs);
            for run in runs {
                self.runs
                    .extend((0..run.count).map(|_| Run { count: 1, ..run }));
            }
            return left_out;
        }
        let left_out = expand(&sketch, u64::MAX, &mut self.runs);
        let chunks = self
            .runs
            .iter()
            .map(|run| run.count / COUNT_MAX)
            .sum::<u64>();
        if chunks > CHUNKS_MAX {
            return left_out;
        }
        for i in 0..self.runs.len() {
            while self.runs[i].count > COUNT_MAX {
                self.runs[i].count -= COUNT_MAX;
                self.runs.push(Run {
                    count: COUNT_MAX,
                    ..self.runs[i]
                });
            }
        }
        left_out
    }
}

impl LineWriter for Datagrams<'_> {
    fn separated(&self) -> bool {
        true
    }

    fn write(&mut self, lines: &mut Lines, entry: &Entry<'_>) -> Result<u64, SkipCause> {
        let name = safe_name(entry.name()).ok_or(SkipCause::UnusableName)?;
        self.put_tail(entry);
        let mut left_out = 0;
        let metric_type = match (entry.kind(), entry.value()) {
            (kind, Value::Scalar(value)) => {
                self.runs.clear();
                self.runs.push(Run { value, count: 1 });
                if kind == Kind::Gauge {
                    MetricType::Gauge
                } else {
                    MetricType::Count
                }
            }
            (kind, Value::Summary(_)) => {
                left_out = self.expand(entry);
                if kind == Kind::Histogram {
                    MetricType::Histogram
                } else {
                    MetricType::Distribution
                }
            }
        };
        self.put_runs(lines, &name, metric_type);
        Ok(left_out)
    }
}

/// The name with what would end it replaced. A name that would be taken for an event or a check
/// loses its leading underscores, which the intake does not keep either.
fn safe_name(name: &str) -> Option<Vec<u8>> {
    let special = name.starts_with("_e{") || name.starts_with("_sc");
    let name = if special {
        name.trim_start_matches('_')
    } else {
        name
    };
    let safe = |b: u8| {
        if matches!(b, b':' | b'|' | b'\n') {
            b'_'
        } else {
            b
        }
    };
    (!name.is_empty()).then(|| name.bytes().map(safe).collect())
}

/// The largest double r with 1/r cut off equal to `count`, a rate that stands for exactly that
/// many; `count` is 2 or more.
fn rate(count: u64) -> f64 {
    let mut rate = 1.0 / count as f64;
    // The quotient of a rounded quotient can fall one below.
    while 1.0 / rate < count as f64 {
        rate = rate.next_down();
    }
    rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rate_stands_for_its_count() {
        let large = (2..64).map(|n| COUNT_MAX - n);
        for count in (2..200_000).chain(large).chain([COUNT_MAX]) {
            let text = {
                let mut out = Vec::new();
                put_number(&mut out, rate(count));
                String::from_utf8(out).unwrap()
            };
            let read = crate::dogstatsd::parse_float(&text).unwrap();
            assert_eq!((1.0 / read).trunc(), count as f64, "{count}");
        }
    }

    #[test]
    fn names_cannot_end_early_nor_look_like_something_else() {
        let safe = |name| safe_name(name).map(|name| String::from_utf8(name).unwrap());
        assert_eq!(safe("a:b|c\nd"), Some("a_b_c_d".to_owned()));
        assert_eq!(safe("_score"), Some("score".to_owned()));
        assert_eq!(safe("_e{5"), Some("e{5".to_owned()));
        assert_eq!(safe("_private"), Some("_private".to_owned()));
        assert_eq!(safe(""), None);
    }
}
