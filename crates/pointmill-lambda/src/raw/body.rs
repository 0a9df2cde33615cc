//! Points become bodies: whole lines, datagrams, JSON.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::text::{Form, Text, put_integer, put_number};

/// Bytes of one datagram: what fits an Ethernet frame, as every DogStatsD client has it. Larger
/// ones gain nothing on loopback: the receiver's queue is charged for what the kernel allocates,
/// which for 8 KiB is 16.
const DATAGRAM_BYTES: usize = 1432;
/// Bytes of a line that the extension still reads whole (its buffer).
const LINE_BYTES_MAX: usize = 8192;
/// Bytes of log lines in one body.
const LOG_BYTES: usize = 1 << 20;
/// Bytes of JSON in one body before compression: far below the intake's limit, so that none comes
/// back as too large.
const JSON_BYTES: usize = 512 << 10;

/// Bytes to be delivered, and the points in them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    pub(crate) points: u64,
}

/// Bodies being filled.
#[derive(Debug)]
pub(crate) struct Bodies {
    form: Form,
    open: Body,
    done: Vec<Body>,
    /// Points whose line is longer than the receiver reads.
    pub(crate) too_long: u64,
    /// Points put in.
    pub(crate) points: u64,
    series: Vec<Series>,
    by_key: HashMap<Box<[String]>, usize>,
    line: Vec<u8>,
}

/// A series of distribution points: its values by second, in the order they came.
#[derive(Debug)]
struct Series {
    text: Arc<Text>,
    seconds: Vec<(i64, Vec<f64>)>,
    by_second: HashMap<i64, usize>,
}

impl Bodies {
    pub(crate) fn new(form: Form) -> Bodies {
        Bodies {
            form,
            open: Body {
                bytes: Vec::new(),
                points: 0,
            },
            done: Vec::new(),
            too_long: 0,
            points: 0,
            series: Vec::new(),
            by_key: HashMap::new(),
            line: Vec::new(),
        }
    }

    /// Adds a point.
    pub(super) fn put(&mut self, text: &Arc<Text>, value: f64, unix_s: i64) {
        self.points += 1;
        match self.form {
            Form::LogLine => {
                text.put_log_line(&mut self.open.bytes, value, unix_s);
                self.open.points += 1;
                if self.open.bytes.len() >= LOG_BYTES {
                    self.close();
                }
            }
            Form::Datagram => self.put_datagram_line(text, value, unix_s),
            Form::DistributionPoints => self.put_point(text, value, unix_s),
        }
    }

    fn put_datagram_line(&mut self, text: &Text, value: f64, unix_s: i64) {
        self.line.clear();
        text.put_datagram_line(&mut self.line, value, Some(unix_s));
        // The last line of a datagram goes without its line feed.
        let len = self.line.len() - 1;
        if len > LINE_BYTES_MAX {
            self.too_long += 1;
            return;
        }
        if self.open.bytes.len() + len > DATAGRAM_BYTES {
            self.close();
        }
        self.open.bytes.extend_from_slice(&self.line);
        self.open.points += 1;
    }

    fn put_point(&mut self, text: &Arc<Text>, value: f64, unix_s: i64) {
        let series = match self.by_key.get(&text.series) {
            Some(i) => *i,
            None => {
                self.series.push(Series {
                    text: Arc::clone(text),
                    seconds: Vec::new(),
                    by_second: HashMap::new(),
                });
                self.by_key
                    .insert(text.series.clone(), self.series.len() - 1);
                self.series.len() - 1
            }
        };
        let Series {
            seconds, by_second, ..
        } = &mut self.series[series];
        let at = *by_second.entry(unix_s).or_insert_with(|| {
            seconds.push((unix_s, Vec::new()));
            seconds.len() - 1
        });
        seconds[at].1.push(value);
    }

    fn close(&mut self) {
        if self.form == Form::Datagram && self.open.bytes.last() == Some(&b'\n') {
            self.open.bytes.pop();
        }
        if self.open.points > 0 {
            let empty = Body {
                bytes: Vec::new(),
                points: 0,
            };
            self.done.push(std::mem::replace(&mut self.open, empty));
        }
    }

    /// The bodies, complete.
    pub(crate) fn finish(mut self) -> Vec<Body> {
        for series in std::mem::take(&mut self.series) {
            self.write_series(&series);
        }
        if self.form == Form::DistributionPoints {
            self.close_json();
        }
        self.close();
        self.done
    }

    /// Writes a series into as many bodies as it takes.
    fn write_series(&mut self, series: &Series) {
        let mut opened = false;
        for (unix_s, values) in &series.seconds {
            for values in values.chunks(4096) {
                if self.open.bytes.len() > JSON_BYTES {
                    if opened {
                        self.open.bytes.extend_from_slice(&series.text.tail);
                    }
                    self.close_json();
                    opened = false;
                }
                let out = &mut self.open.bytes;
                if opened {
                    out.push(b',');
                } else {
                    out.extend_from_slice(if out.is_empty() {
                        b"{\"series\":["
                    } else {
                        b","
                    });
                    out.extend_from_slice(&series.text.head);
                    opened = true;
                }
                out.push(b'[');
                put_integer(out, *unix_s);
                for (i, value) in values.iter().enumerate() {
                    out.extend_from_slice(if i == 0 { b",[" } else { b"," });
                    put_number(out, *value);
                }
                out.extend_from_slice(b"]]");
                self.open.points += values.len() as u64;
            }
        }
        if opened {
            self.open.bytes.extend_from_slice(&series.text.tail);
        }
    }

    fn close_json(&mut self) {
        if self.open.bytes.is_empty() {
            return;
        }
        self.open.bytes.extend_from_slice(b"]}");
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        // Writing into memory cannot fail.
        let packed = zlib
            .write_all(&self.open.bytes)
            .and_then(|()| zlib.finish());
        self.open.bytes = packed.unwrap_or_default();
        self.close();
    }
}
