//! The grammar, case by case.

use super::*;

fn metric(text: &str) -> Metric<'_> {
    match one(text) {
        Ok(Message::Metric(metric)) => metric,
        other => panic!("{text:?} gave {other:?}"),
    }
}

fn one(text: &str) -> Result<Message<'_>, ParseError> {
    let mut messages = parse(text.as_bytes());
    let message = messages.next().expect("a message");
    assert_eq!(messages.next(), None, "{text:?}");
    message
}

fn fails(text: &str) -> (usize, ParseCause) {
    let error = one(text).unwrap_err();
    (error.offset, error.cause)
}

#[test]
fn a_plain_metric_has_a_name_a_value_and_a_type() {
    for (symbol, metric_type) in [
        ("c", MetricType::Count),
        ("g", MetricType::Gauge),
        ("ms", MetricType::Timing),
        ("h", MetricType::Histogram),
        ("d", MetricType::Distribution),
    ] {
        let text = format!("page.views:1.5|{symbol}");
        let m = metric(&text);
        assert_eq!(
            (m.name, m.metric_type, m.rate),
            ("page.views", metric_type, 1.0)
        );
        assert_eq!(m.values.collect::<Vec<_>>(), [1.5]);
        assert_eq!((m.tags.count(), m.timestamp), (0, None));
        assert_eq!(metric_type.symbol(), symbol);
    }
}

#[test]
fn packed_values_are_all_kept_and_empty_items_skipped() {
    assert_eq!(
        metric("m:1:2:3|d").values.collect::<Vec<_>>(),
        [1.0, 2.0, 3.0]
    );
    assert_eq!(
        metric("m::21::22:|h").values.collect::<Vec<_>>(),
        [21.0, 22.0]
    );
    assert_eq!(
        metric("m:1_000:0x1p3:-.5|d").values.collect::<Vec<_>>(),
        [1000.0, 8.0, -0.5]
    );
    assert_eq!(fails("m:1:x:3|d"), (4, ParseCause::NotANumber));
    assert_eq!(fails("m::::|d"), (2, ParseCause::EmptyValue));
    assert_eq!(fails("m:1:1e999|d"), (4, ParseCause::TooLarge));
}

#[test]
fn a_set_has_one_member_colons_included() {
    let m = metric("users:a:b:c|s|#x");
    assert_eq!((m.metric_type, m.raw_values), (MetricType::Set, "a:b:c"));
    assert_eq!(m.values.count(), 0);
}

#[test]
fn fields_come_in_any_order_and_the_last_stands() {
    let m =
        metric("m:1|c|#a:1|T1700000000|@0.5|c:ci-abc,in-5|zzz||e:it-false|card:low|@0.25|#b,,c:d");
    assert_eq!((m.rate, m.timestamp), (0.25, Some(1_700_000_000)));
    assert_eq!(m.tags.collect::<Vec<_>>(), ["b", "", "c:d"]);
    assert_eq!(
        (m.local_data, m.external_data),
        (Some("ci-abc,in-5"), Some("it-false"))
    );
    assert_eq!(m.cardinality, Some("low"));
}

#[test]
fn tags_are_as_sent() {
    let tags = |text| metric(text).tags.collect::<Vec<_>>();
    assert_eq!(tags("m:1|c|#"), [""; 0]);
    assert_eq!(tags("m:1|c|#,a"), ["", "a"]);
    assert_eq!(tags("m:1|c|#a:b:c,é"), ["a:b:c", "é"]);
    assert_eq!(metric("m:1|c|#a,b").tags.as_str(), "a,b");
}

#[test]
fn rates_are_any_number_and_timestamps_are_not() {
    assert_eq!(metric("m:1|c|@-7").rate, -7.0);
    assert!(metric("m:1|c|@nan").rate.is_nan());
    assert_eq!(fails("m:1|c|@x"), (7, ParseCause::NotANumber));
    for bad in ["T0", "T-5", "T", "T1.5", "T99999999999999999999"] {
        assert_eq!(
            fails(&format!("m:1|c|{bad}")),
            (7, ParseCause::Timestamp),
            "{bad}"
        );
    }
}

#[test]
fn numbers_that_are_not_finite_are_left_to_the_aggregator() {
    assert!(metric("m:nan|c").values.next().unwrap().is_nan());
    assert_eq!(metric("m:-Inf|g").values.next(), Some(f64::NEG_INFINITY));
}

#[test]
fn damage_is_named_by_byte() {
    assert_eq!(fails("m:1"), (0, ParseCause::NoType));
    assert_eq!(fails("m|c"), (0, ParseCause::NoValue));
    assert_eq!(fails(":1|c"), (0, ParseCause::EmptyName));
    assert_eq!(fails("m:|c"), (2, ParseCause::EmptyValue));
    assert_eq!(fails("m: 1|c"), (2, ParseCause::NotANumber));
    assert_eq!(fails("m:1|x"), (4, ParseCause::UnknownType));
    assert_eq!(fails("m:1|"), (4, ParseCause::UnknownType));
    assert_eq!(fails("m:1|c\r"), (4, ParseCause::UnknownType));
    let error = parse(b"m:1|c\nn:\xff|c").nth(1).unwrap().unwrap_err();
    assert_eq!(
        error,
        ParseError {
            offset: 8,
            cause: ParseCause::NotUtf8
        }
    );
    assert!(error.to_string().starts_with("at byte 8: "), "{error}");
}

#[test]
fn a_bad_message_does_not_touch_its_neighbours() {
    let packet = b"\na:1|c\n\nbad\nb:2|g|#t\n";
    let results: Vec<_> = parse(packet).collect();
    assert_eq!(results.len(), 3);
    assert!(matches!(&results[0], Ok(Message::Metric(m)) if m.name == "a"));
    assert_eq!(
        results[1],
        Err(ParseError {
            offset: 8,
            cause: ParseCause::NoType
        })
    );
    assert!(matches!(&results[2], Ok(Message::Metric(m)) if m.name == "b"));
    assert_eq!(parse(b"").next(), None);
    assert_eq!(parse(b"\n\n").next(), None);
}

#[test]
fn events_are_recognised() {
    let text = "_e{5,9}:ti|le|te|t\\né!|d:1700000000|h:web-1|p:low|t:error|k:key|s:src|#a,b|c:ci-1";
    let Ok(Message::Event(event)) = one(text) else {
        panic!("{:?}", one(text))
    };
    assert_eq!((event.title, event.text), ("ti|le", "te|t\\né!"));
    assert_eq!(
        (event.timestamp, event.host),
        (Some(1_700_000_000), Some("web-1"))
    );
    assert_eq!(
        (event.priority, event.alert_type),
        (Some("low"), Some("error"))
    );
    assert_eq!(
        (event.aggregation_key, event.source_type),
        (Some("key"), Some("src"))
    );
    assert_eq!(event.tags.collect::<Vec<_>>(), ["a", "b"]);
    assert!(one("_e{1,0}:t|").is_ok());
    assert_eq!(fails("_e{1}:t|x"), (0, ParseCause::EventHead));
    assert_eq!(fails("_e{a,1}:t|x"), (0, ParseCause::EventHead));
    assert_eq!(
        fails("_e{99999999999999999999,1}:t|x"),
        (0, ParseCause::EventHead)
    );
    assert_eq!(fails("_e{0,1}:|x"), (8, ParseCause::EmptyName));
    assert_eq!(fails("_e{1,5}:t|x"), (8, ParseCause::EventLength));
    assert_eq!(fails("_e{2,1}:t|x"), (8, ParseCause::EventLength));
    assert_eq!(fails("_e{1,1}:t|xy"), (8, ParseCause::EventLength));
    assert_eq!(fails("_e{1,1}:é|x"), (8, ParseCause::EventLength));
    assert_eq!(
        fails("_e{18446744073709551615,18446744073709551615}:t|x").1,
        ParseCause::EventLength
    );
    assert_eq!(fails("_e{1,1}:t|x|d:0"), (14, ParseCause::Timestamp));
}

#[test]
fn service_checks_are_recognised() {
    let text = "_sc|db.up|2|d:1700000000|h:web|#a|m:it is down";
    let Ok(Message::ServiceCheck(check)) = one(text) else {
        panic!("{:?}", one(text))
    };
    assert_eq!((check.name, check.status), ("db.up", 2));
    assert_eq!(
        (check.timestamp, check.host),
        (Some(1_700_000_000), Some("web"))
    );
    assert_eq!(check.message, Some("it is down"));
    assert_eq!(check.tags.collect::<Vec<_>>(), ["a"]);
    assert_eq!(fails("_sc|db.up|4"), (10, ParseCause::Status));
    assert_eq!(fails("_sc|db.up"), (4, ParseCause::Status));
    assert_eq!(fails("_sc||0"), (4, ParseCause::EmptyName));
    assert_eq!(fails("_sc"), (0, ParseCause::NoType));
}
