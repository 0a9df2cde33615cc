//! Snapshots on their own: reading, merging, grouping.

use pointmill::sketch::Sketch;
use pointmill::{Intervals, Kind, Snapshot, SnapshotBuilder, tag_key};

fn sketch(builder: &mut SnapshotBuilder, tags: &[&str], interval: i64, values: &[f64]) {
    let series = builder.series_unsorted(Kind::Distribution, "d", tags);
    let mut sketch = Sketch::new();
    sketch.insert_many(values);
    let bins = sketch.bins(pointmill::sketch::Profile::U32);
    let bins = bins
        .keys
        .iter()
        .zip(&bins.counts)
        .map(|(k, n)| (*k, u64::from(*n)));
    builder.sketch(
        series,
        interval,
        values.len() as u64,
        sketch.summary(),
        bins,
    );
}

fn scalar(builder: &mut SnapshotBuilder, kind: Kind, tags: &[&str], interval: i64, value: f64) {
    let series = builder.series_unsorted(kind, "s", tags);
    builder.scalar(series, interval, 1, value);
}

fn rows(snapshot: &Snapshot) -> Vec<(Kind, String, i64, u64, f64)> {
    snapshot
        .iter()
        .map(|e| {
            let tags = e.tags().collect::<Vec<_>>().join(",");
            let value = e.scalar().or_else(|| e.quantile(0.5)).unwrap();
            (e.kind(), tags, e.interval(), e.points(), value.round())
        })
        .collect()
}

#[test]
fn entries_read_back_as_they_were_built() {
    let mut builder = SnapshotBuilder::new(10);
    sketch(
        &mut builder,
        &["z:1", "a", "z:1", "", "m:x:y"],
        20,
        &[1.0, 2.0, 3.0],
    );
    let snapshot = builder.finish();
    let entry = snapshot.get(0).unwrap();
    assert_eq!(
        (entry.name(), entry.kind(), entry.interval()),
        ("d", Kind::Distribution, 20)
    );
    assert_eq!(entry.tags().collect::<Vec<_>>(), ["a", "m:x:y", "z:1"]);
    assert_eq!((entry.tag(1), entry.tag(3)), (Some("m:x:y"), None));
    assert_eq!(
        (entry.tag_value("m"), entry.tag_value("a")),
        (Some("x:y"), None)
    );
    assert_eq!(
        (entry.points(), entry.scalar(), snapshot.points()),
        (3, None, 3)
    );
    assert_eq!(entry.quantile(1.0), Some(3.0));
    assert!(snapshot.get(1).is_none());
    assert_eq!((tag_key("a"), tag_key("m:x:y")), ("a", "m"));
}

#[test]
fn merging_joins_what_is_the_same_and_nothing_else() {
    let mut first = SnapshotBuilder::new(10);
    sketch(&mut first, &["a"], 0, &[1.0]);
    scalar(&mut first, Kind::Count, &["a"], 0, 2.0);
    scalar(&mut first, Kind::Gauge, &["a"], 0, 7.0);
    let mut second = SnapshotBuilder::new(10);
    sketch(&mut second, &["a"], 0, &[3.0, 3.0]);
    sketch(&mut second, &["a"], 10, &[9.0]);
    sketch(&mut second, &["b"], 0, &[5.0]);
    scalar(&mut second, Kind::Count, &["a"], 0, 3.0);
    scalar(&mut second, Kind::Gauge, &["a"], 0, 8.0);
    let merged = Snapshot::merge([&first.finish(), &second.finish()]);
    let (d, c, g) = (Kind::Distribution, Kind::Count, Kind::Gauge);
    assert_eq!(
        rows(&merged),
        [
            (d, "a".into(), 0, 3, 3.0),
            (c, "a".into(), 0, 2, 5.0),
            (g, "a".into(), 0, 2, 8.0),
            (d, "a".into(), 10, 1, 9.0),
            (d, "b".into(), 0, 1, 5.0),
        ]
    );
    assert_eq!(
        merged.get(0).unwrap().series(),
        merged.get(3).unwrap().series()
    );
    assert_eq!(merged.interval_s(), 10);
    assert!(Snapshot::merge([]).is_empty());
}

#[test]
fn grouping_merges_over_the_other_tags() {
    let mut builder = SnapshotBuilder::new(10);
    for (from, to, interval, value) in [
        ("ATL", "LAX", 0, 1.0),
        ("ATL", "JFK", 0, 3.0),
        ("ATL", "JFK", 10, 5.0),
        ("JFK", "LAX", 0, 7.0),
    ] {
        let tags = [format!("from:{from}"), format!("to:{to}")];
        let tags = [tags[0].as_str(), tags[1].as_str()];
        sketch(&mut builder, &tags, interval, &[value]);
        scalar(&mut builder, Kind::Count, &tags, interval, value);
        scalar(&mut builder, Kind::Gauge, &tags, interval, value);
    }
    let snapshot = builder.finish();
    let (d, c, g) = (Kind::Distribution, Kind::Count, Kind::Gauge);
    let mut kept = rows(&snapshot.group_by(&["from"], Intervals::Keep));
    kept.retain(|row| row.1 == "from:ATL");
    assert_eq!(
        kept,
        [
            (d, "from:ATL".into(), 0, 2, 1.0),
            (c, "from:ATL".into(), 0, 2, 4.0),
            (g, "from:ATL".into(), 0, 2, 2.0),
            (d, "from:ATL".into(), 10, 1, 5.0),
            (c, "from:ATL".into(), 10, 1, 5.0),
            (g, "from:ATL".into(), 10, 1, 5.0),
        ]
    );
    assert_eq!(
        rows(&snapshot.group_by(&[], Intervals::Merge)),
        [
            (d, String::new(), 0, 4, 5.0),
            (c, String::new(), 0, 4, 16.0),
            (g, String::new(), 0, 4, 5.0),
        ]
    );
}
