//! The bytes of a point: what stands before and behind its value, made once a context.
//!
//! ```text
//! log line             {"m":"name","v":1.5,"e":1700000000,"t":["k:v","k:v"]} LF
//!                      └─── head ──┘      └e┘            └───── tail ──────┘
//! datagram line        name:1.5|d|#k:v,k:v|T1700000000 LF
//!                      head     └── tail ─┘
//! distribution points  {"metric":"name","points":[[1700000000,[1.5,…]],…],"tags":[…],"type":"distribution"}
//!                      └─────────── head ────────┘                       └───────── tail ────────────────┘
//! ```
//!
//! The line of JSON is the one form for every language: the forwarder reads the four keys in any
//! order, any spelling of a finite number, and UTF-8 as it is. A datagram always carries its time,
//! since points wait in the buffer and the receiver would take the time of arrival.

use crate::normalise;

/// Which of the three a buffer's points become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    LogLine,
    Datagram,
    DistributionPoints,
}

/// A context's bytes in one form.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) head: Box<[u8]>,
    pub(crate) tail: Box<[u8]>,
    /// Distribution points: name and tags without their order, what tells a series.
    pub(crate) series: Box<[String]>,
}

impl Text {
    /// For a name and its tags in their final order; empty ones are left out.
    pub(crate) fn new<'a>(form: Form, name: &str, tags: impl Iterator<Item = &'a str>) -> Text {
        let tags: Vec<&str> = tags.filter(|tag| !tag.is_empty()).collect();
        let (mut head, mut tail, mut series) = (Vec::new(), Vec::new(), Vec::new());
        match form {
            Form::LogLine => {
                head.extend_from_slice(b"{\"m\":");
                put_json(&mut head, name);
                head.extend_from_slice(b",\"v\":");
                tail.extend_from_slice(b",\"t\":");
                put_json_list(&mut tail, &tags);
                tail.extend_from_slice(b"}\n");
            }
            Form::Datagram => {
                normalise::put_name(&mut head, name);
                head.push(b':');
                tail.extend_from_slice(b"|d");
                for (i, tag) in tags.iter().enumerate() {
                    tail.extend_from_slice(if i == 0 { b"|#" } else { b"," });
                    normalise::put_tag(&mut tail, tag);
                }
            }
            Form::DistributionPoints => {
                head.extend_from_slice(b"{\"metric\":");
                put_json(&mut head, name);
                head.extend_from_slice(b",\"points\":[");
                tail.extend_from_slice(b"],\"tags\":");
                put_json_list(&mut tail, &tags);
                tail.extend_from_slice(b",\"type\":\"distribution\"}");
                series.extend(tags.iter().map(|tag| (*tag).to_owned()));
                series.sort_unstable();
                series.dedup();
                series.insert(0, name.to_owned());
            }
        }
        Text {
            head: head.into(),
            tail: tail.into(),
            series: series.into(),
        }
    }

    /// Appends a log line.
    pub(crate) fn put_log_line(&self, out: &mut Vec<u8>, value: f64, unix_s: i64) {
        out.extend_from_slice(&self.head);
        put_number(out, value);
        out.extend_from_slice(b",\"e\":");
        put_integer(out, unix_s);
        out.extend_from_slice(&self.tail);
    }

    /// Appends a line of a datagram.
    pub(crate) fn put_datagram_line(&self, out: &mut Vec<u8>, value: f64, unix_s: Option<i64>) {
        out.extend_from_slice(&self.head);
        put_number(out, value);
        out.extend_from_slice(&self.tail);
        if let Some(unix_s) = unix_s {
            out.extend_from_slice(b"|T");
            put_integer(out, unix_s);
        }
        out.push(b'\n');
    }
}

fn put_json(out: &mut Vec<u8>, text: &str) {
    // Writing text into memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

fn put_json_list(out: &mut Vec<u8>, texts: &[&str]) {
    out.push(b'[');
    for (i, text) in texts.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        put_json(out, text);
    }
    out.push(b']');
}

/// Appends a finite number as the shortest text that reads back to the same double; whole ones
/// without a fraction, as the layers write them.
pub(crate) fn put_number(out: &mut Vec<u8>, value: f64) {
    use std::io::Write;
    let magnitude = value.abs();
    // Writing to a vector cannot fail.
    let _ = if value == value.trunc()
        && magnitude < 1e15
        && !(value == 0.0 && value.is_sign_negative())
    {
        write!(out, "{}", value as i64)
    } else if magnitude == 0.0 {
        write!(out, "-0.0")
    } else if (1e-5..1e17).contains(&magnitude) {
        write!(out, "{value}")
    } else {
        write!(out, "{value:e}")
    };
}

pub(crate) fn put_integer(out: &mut Vec<u8>, n: i64) {
    use std::io::Write;
    let _ = write!(out, "{n}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LAYER: &str = "dd_lambda_layer:datadog-python311_8.127.0";

    fn line(name: &str, value: f64, unix_s: i64, tags: &[&str]) -> String {
        let text = Text::new(Form::LogLine, name, tags.iter().copied());
        let mut out = Vec::new();
        text.put_log_line(&mut out, value, unix_s);
        String::from_utf8(out).unwrap()
    }

    fn datagram(name: &str, value: f64, unix_s: Option<i64>, tags: &[&str]) -> String {
        let text = Text::new(Form::Datagram, name, tags.iter().copied());
        let mut out = Vec::new();
        text.put_datagram_line(&mut out, value, unix_s);
        String::from_utf8(out).unwrap()
    }

    /// Lines of today's layers: theirs must say the same as ours to the consumer.
    #[test]
    fn log_lines_say_what_every_layer_says() {
        let tag = "region:us";
        let three = ["region:us", "account:dev", "team:serverless"];
        let ab = ["tag:a", "tag:b"];
        let node = "dd_lambda_layer:datadog-nodev20.20.2";
        let ruby = "dd_lambda_layer:datadog-ruby33";
        for (name, value, unix_s, tags, theirs) in [
            (
                "my.test.metric",
                1337.0,
                1_487_076_708,
                &[][..],
                r#"{"e":1487076708,"m":"my.test.metric","t":[],"v":1337}"#,
            ),
            (
                "my.test.metric",
                1337.0,
                1_487_076_708,
                &three,
                r#"{"e":1487076708,"m":"my.test.metric","t":["region:us","account:dev","team:serverless"],"v":1337}"#,
            ),
            (
                "my-metric",
                10.0,
                1_487_076_708,
                &ab,
                r#"{"e":1487076708,"m":"my-metric","t":["tag:a","tag:b"],"v":10}"#,
            ),
            (
                "my-metric",
                10.0,
                1_584_983_836,
                &ab,
                r#"{"e":1584983836,"m":"my-metric","t":["tag:a","tag:b"],"v":10}"#,
            ),
            (
                "basic",
                100.0,
                1_700_000_000,
                &["env:prod", node],
                r#"{"e":1700000000,"m":"basic","t":["env:prod","dd_lambda_layer:datadog-nodev20.20.2"],"v":100}"#,
            ), // without the layer's empty tag
            (
                "my.metric",
                100.0,
                1_700_000_000,
                &["env:prod", "team:a", LAYER],
                r#"{"m":"my.metric","v":100,"e":1700000000,"t":["env:prod","team:a","dd_lambda_layer:datadog-python311_8.127.0"]}"#,
            ),
            (
                "my.métric",
                1.0,
                1,
                &["日本:x"],
                r#"{"m":"my.m\u00e9tric","v":1,"e":1,"t":["\u65e5\u672c:x"]}"#,
            ),
            (
                "m1",
                100.0,
                1_215_508_200,
                &[ruby, "t.b:v2"],
                r#"{"e":1215508200,"m":"m1","t":["dd_lambda_layer:datadog-ruby33","t.b:v2"],"v":100}"#,
            ),
            (
                "m1",
                100.0,
                1_215_508_260,
                &[ruby, "t.b:v2"],
                r#"{"e":1215508260,"m":"m1","t":["dd_lambda_layer:datadog-ruby33","t.b:v2"],"v":100}"#,
            ),
            (
                "metric_name",
                42.0,
                1_673_094_600,
                &[ruby, "env:dev"],
                r#"{"e":1673094600,"m":"metric_name","t":["dd_lambda_layer:datadog-ruby33","env:dev"],"v":42}"#,
            ),
            (
                "foo",
                24.3,
                1_559_152_800,
                &[],
                r#"{"m":"foo","v":24.3,"t":[],"e":1559152800}"#,
            ),
            (
                "foo",
                1.0e7,
                1,
                &["a:b=c"],
                r#"{"m":"foo","v":1.0E7,"t":["a:b\u003dc"],"e":1}"#,
            ),
            (
                "foo",
                1.0,
                1_590_420_166,
                &[tag],
                r#"{"m":"foo","v":1.0,"t":["region:us"],"e":1590420166}"#,
            ),
            (
                "x<y>&",
                1.0,
                1,
                &["u:<é>"],
                r#"{"m":"x\u003cy\u003e\u0026","v":1,"e":1,"t":["u:\u003cé\u003e"]}"#,
            ),
        ] {
            let ours = line(name, value, unix_s, tags);
            assert!(ours.ends_with('\n') && ours.matches('\n').count() == 1);
            let read = |text: &str| {
                let metric = pointmill_wire::log_line::parse(text.as_bytes()).unwrap();
                format!("{metric:?}")
            };
            assert_eq!(read(&ours), read(theirs), "{ours}");
        }
        assert_eq!(
            line("my.metric", 100.0, 1_700_000_000, &["env:prod", LAYER]),
            "{\"m\":\"my.metric\",\"v\":100,\"e\":1700000000,\"t\":[\"env:prod\",\
             \"dd_lambda_layer:datadog-python311_8.127.0\"]}\n"
        );
    }

    /// What the layers send for the same calls, where it is a distribution.
    #[test]
    fn datagrams_are_those_of_the_layers() {
        for (name, value, unix_s, tags, expected) in [
            ("my.test.metric", 3.0, None, &[][..], "my.test.metric:3|d\n"),
            (
                "my.test.tags.metric",
                3.0,
                None,
                &["taga:valuea,tagb:valueb"],
                "my.test.tags.metric:3|d|#taga:valuea_tagb:valueb\n",
            ),
            (
                "my.test.timestamp.metric",
                9.0,
                Some(123_456_789),
                &[],
                "my.test.timestamp.metric:9|d|T123456789\n",
            ),
            (
                "my.metric",
                1.5,
                None,
                &[LAYER],
                "my.metric:1.5|d|#dd_lambda_layer:datadog-python311_8.127.0\n",
            ),
            (
                "m",
                1.0,
                None,
                &["é:ü", "a b|c,d#e@f", "日本:x", "emoji:😀", "path:/a/b"],
                "m:1|d|#é:ü,a_b_c_d_e_f,日本:x,emoji:_,path:/a/b\n",
            ),
            ("metric", 1.0, None, &[], "metric:1|d\n"),
            (
                "metric2",
                2.0,
                Some(12_345),
                &["tag1", "bad?tag"],
                "metric2:2|d|#tag1,bad_tag|T12345\n",
            ),
            ("metric2", 2.0, Some(12_345), &[], "metric2:2|d|T12345\n"),
            (
                "nodate",
                7.0,
                Some(1_795_352_142),
                &["x:y", "dd_lambda_layer:datadog-nodev20.20.2"],
                "nodate:7|d|#x:y,dd_lambda_layer:datadog-nodev20.20.2|T1795352142\n",
            ),
            (
                "basic",
                100.0,
                Some(1),
                &["env:prod", "", "b"],
                "basic:100|d|#env:prod,b|T1\n",
            ), // without the layer's dangling comma
        ] {
            assert_eq!(datagram(name, value, unix_s, tags), expected);
        }
    }

    #[test]
    fn numbers_are_short_and_read_back() {
        for (value, text) in [
            (100.0, "100"),
            (-3.0, "-3"),
            (0.0, "0"),
            (-0.0, "-0.0"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e22, "1e22"),
            (1e-7, "1e-7"),
            (1.5, "1.5"),
            (999_999_999_999_999.0, "999999999999999"),
            (f64::MAX, "1.7976931348623157e308"),
        ] {
            let mut out = Vec::new();
            put_number(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    proptest! {
        #[test]
        fn every_line_passes_the_consumers_rule(
            name in "\\PC{1,20}", tags in proptest::collection::vec(".{0,20}", 0..5),
            value in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO,
            unix_s in -1_000_000_000_000i64..1_000_000_000_000,
        ) {
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            let text = line(&name, value, unix_s, &tags);
            let metric = pointmill_wire::log_line::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(&*metric.name, &*name);
            prop_assert_eq!(metric.value.to_bits(), value.to_bits());
            prop_assert_eq!(metric.unix_s, unix_s);
            let kept: Vec<&str> = tags.into_iter().filter(|tag| !tag.is_empty()).collect();
            prop_assert_eq!(metric.tags, kept);
        }

        #[test]
        fn every_datagram_line_is_read_as_it_was_meant(
            name in "[a-z.:|\n_{]{1,12}", tags in proptest::collection::vec(".{0,12}", 0..5),
            value in proptest::num::f64::NORMAL, unix_s in 1i64..2_000_000_000,
        ) {
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            let text = datagram(&name, value, Some(unix_s), &tags);
            prop_assert_eq!(text.matches('\n').count(), 1);
            let (body, time) = text.trim_end().rsplit_once("|T").unwrap();
            prop_assert_eq!(time.parse::<i64>().unwrap(), unix_s);
            let mut fields = body.split('|');
            let (_, number) = fields.next().unwrap().split_once(':').unwrap();
            prop_assert_eq!(number.parse::<f64>().unwrap().to_bits(), value.to_bits());
            prop_assert_eq!(fields.next(), Some("d"));
            let kept = tags.iter().filter(|tag| !tag.is_empty()).count();
            let sent = fields.next().map_or(0, |list| list.trim_start_matches('#').split(',').count());
            prop_assert_eq!((sent, fields.next()), (kept, None));
        }
    }
}
