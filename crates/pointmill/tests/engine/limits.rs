//! Every limit is reached, refused or folded, and counted; totals stay right and the memory stays
//! inside its bound.

use pointmill::{Config, ConfigError, ContextId, Engine, Flush, Kind, RecordError, Snapshot};

const NOW: i64 = 1_700_000_000;

fn engine(change: impl FnOnce(&mut Config)) -> Engine {
    let mut config = Config::default();
    change(&mut config);
    Engine::new(&config, NOW).unwrap()
}

fn count(snapshot: &Snapshot, tag: &str) -> u64 {
    let with_tag = |entry: &pointmill::Entry<'_>| entry.tags().any(|t| t == tag);
    snapshot
        .iter()
        .filter(with_tag)
        .map(|entry| entry.points())
        .sum()
}

#[test]
fn contexts_past_the_limit_fold_into_their_metrics_overflow_context() {
    let engine = engine(|c| c.contexts_max = 3);
    for i in 0..10 {
        let id = engine
            .context(Kind::Count, "hits", &[format!("user:{i}")])
            .unwrap();
        engine.record(id, 2.0).unwrap();
    }
    let snapshot = engine.flush(NOW, Flush::All);
    let total: f64 = snapshot.iter().filter_map(|entry| entry.scalar()).sum();
    assert_eq!((snapshot.len(), total), (4, 20.0));
    assert_eq!(count(&snapshot, "pointmill.overflow:true"), 7);
    let stats = engine.stats();
    assert_eq!((stats.overflowed, stats.contexts_refused), (7, 7));
    assert!(stats.balances());
}

#[test]
fn a_set_of_too_many_tags_folds() {
    let engine = engine(|c| c.tags_max = 2);
    engine
        .record_named(Kind::Gauge, &["g", "a", "b"], 1.0)
        .unwrap();
    engine
        .record_named(Kind::Gauge, &["g", "a", "b", "a", "b"], 2.0)
        .unwrap();
    engine
        .record_named(Kind::Gauge, &["g", "a", "b", "c"], 3.0)
        .unwrap();
    let snapshot = engine.flush(NOW, Flush::All);
    let mut rows: Vec<_> = snapshot
        .iter()
        .map(|e| (e.tags().collect::<Vec<_>>(), e.scalar().unwrap()))
        .collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        rows,
        [
            (vec!["a", "b"], 2.0),
            (vec!["pointmill.overflow:true"], 3.0)
        ]
    );
}

#[test]
fn names_and_tags_past_their_length_are_refused_and_counted() {
    let engine = engine(|c| {
        c.name_bytes_max = 5;
        c.tag_bytes_max = 4;
    });
    engine
        .record_named(Kind::Count, &["12345", "1234"], 1.0)
        .unwrap();
    for parts in [vec!["123456"], vec!["a", "12345"], vec![""], vec![]] {
        assert_eq!(
            engine.record_named(Kind::Count, &parts, 1.0),
            Err(RecordError::InvalidName)
        );
    }
    assert_eq!(
        engine.context(Kind::Count, "", &["a"]),
        Err(RecordError::InvalidName)
    );
    let stats = engine.stats();
    assert_eq!((stats.recorded, stats.rejected_invalid_name), (5, 4));
    assert!(stats.balances());
}

#[test]
fn when_even_overflow_contexts_have_no_room_the_point_is_refused() {
    let engine = engine(|c| c.contexts_max = 1);
    let outcomes: Vec<_> = (0..40)
        .map(|i| engine.record_named(Kind::Count, &[format!("metric{i}")], 1.0))
        .collect();
    // One context and sixteen overflow contexts.
    assert_eq!(
        outcomes.iter().filter(|o| o.is_ok()).count(),
        17,
        "{:?}",
        engine.stats()
    );
    assert!(
        outcomes[17..]
            .iter()
            .all(|o| *o == Err(RecordError::NoRoom))
    );
    let stats = engine.stats();
    assert_eq!(
        (stats.rejected_no_room, stats.overflowed),
        (23, 0),
        "still in the ring"
    );
    assert!(stats.balances());
    assert_eq!(engine.flush(NOW, Flush::All).len(), 17);
    assert_eq!(engine.stats().overflowed, 16);
}

#[test]
fn names_past_their_memory_fold() {
    let engine = engine(|c| {
        c.contexts_max = 1000;
        c.names_bytes = 16 << 10;
        c.arena_bytes = 16 << 20;
    });
    for i in 0..1000 {
        engine
            .record_named(
                Kind::Count,
                &["m".into(), format!("tag-of-some-length:{i}")],
                1.0,
            )
            .unwrap();
    }
    let snapshot = engine.flush(NOW, Flush::All);
    let folded = count(&snapshot, "pointmill.overflow:true");
    assert!(folded > 500 && folded < 950, "{folded}");
    assert_eq!(snapshot.points(), 1000);
}

#[test]
fn an_arena_that_is_full_folds_into_the_overflow_context_and_keeps_the_total() {
    let engine = engine(|c| {
        c.arena_bytes = 1 << 20;
        c.contexts_max = 600;
        c.threads_max = 1;
    });
    let ids: Vec<ContextId> = (0..600)
        .map(|i| {
            engine
                .context(Kind::Distribution, "latency", &[format!("path:{i}")])
                .unwrap()
        })
        .collect();
    let mut points = 0;
    for round in 0..60 {
        for (i, id) in ids.iter().enumerate() {
            engine
                .record(*id, 1.3_f64.powi(round) * (1.0 + i as f64 / 600.0))
                .unwrap();
            points += 1;
        }
    }
    let stats = engine.stats();
    assert!(stats.balances(), "{stats:?}");
    assert!(stats.arena_used_bytes <= stats.arena_bytes);
    assert!(
        stats.overflowed > 0,
        "the arena was meant to be too small: {stats:?}"
    );
    let snapshot = engine.flush(NOW, Flush::All);
    let flushed: u64 = snapshot
        .iter()
        .filter_map(|e| e.sketch())
        .map(|s| s.summary.count)
        .sum();
    assert_eq!(flushed + engine.stats().dropped_arena_full, points);
    for entry in snapshot.iter() {
        let sketch = entry.sketch().unwrap();
        let in_bins: u64 = sketch.counts.iter().map(|n| u64::from(*n)).sum();
        assert_eq!(in_bins, sketch.summary.count, "bins and summary agree");
    }
    // The memory is back: the same contexts fit again as long as they stay small.
    for id in &ids {
        engine.record(*id, 1.0).unwrap();
    }
    assert_eq!(engine.flush(NOW, Flush::All).len(), 600);
}

#[test]
fn idle_contexts_are_given_back_and_their_ids_stay_stale() {
    let engine = engine(|c| c.idle_flushes = 2);
    let id = engine.context(Kind::Count, "hits", &["a"]).unwrap();
    engine.record(id, 1.0).unwrap();
    for _ in 0..3 {
        let _ = engine.flush(NOW, Flush::All);
        engine.record(id, 1.0).unwrap();
    }
    for _ in 0..4 {
        let _ = engine.flush(NOW, Flush::All);
    }
    assert_eq!(engine.record(id, 1.0), Err(RecordError::StaleContext));
    let stats = engine.stats();
    assert_eq!(
        (stats.contexts, stats.contexts_expired, stats.rejected_stale),
        (0, 1, 1)
    );
    let again = engine.context(Kind::Count, "hits", &["a"]).unwrap();
    assert_ne!(again, id);
    engine.record(again, 1.0).unwrap();
    assert_eq!(engine.record(id, 1.0), Err(RecordError::StaleContext));
}

#[test]
fn an_open_interval_keeps_its_contexts_alive() {
    let engine = engine(|c| c.idle_flushes = 1);
    let id = engine.context(Kind::Count, "hits", &["a"]).unwrap();
    engine.record(id, 1.0).unwrap();
    for _ in 0..10 {
        assert!(engine.flush(NOW, Flush::Closed).is_empty());
    }
    assert_eq!(engine.flush(NOW, Flush::All).points(), 1);
}

#[test]
fn foreign_ids_are_stale() {
    let engine = engine(|_| ());
    let id = engine.context::<&str>(Kind::Count, "hits", &[]).unwrap();
    for bits in [
        0,
        u64::MAX,
        id.to_bits() + 1,
        id.to_bits() | 1 << 53,
        id.to_bits() | 1 << 63,
    ] {
        let foreign = ContextId::from_bits(bits);
        assert_eq!(
            engine.record(foreign, 1.0),
            Err(RecordError::StaleContext),
            "{foreign:?}"
        );
        assert_eq!(
            engine.record_many(foreign, &[1.0, 2.0]),
            Err(RecordError::StaleContext)
        );
        assert_eq!(engine.record_batch(&[foreign, id], &[1.0, 2.0]), 1);
    }
    assert!(engine.stats().balances());
}

#[test]
fn limits_that_do_not_fit_are_refused_with_what_they_need() {
    let mut config = Config::default();
    config.arena_bytes = 1 << 20;
    let Err(ConfigError::ArenaTooSmall { needed, given }) = Engine::new(&config, NOW) else {
        panic!("16,384 contexts do not fit into 1 MiB")
    };
    assert!(needed > given);
    config.arena_bytes = needed;
    Engine::new(&config, NOW).unwrap();
}

#[test]
fn bytes_that_are_not_utf8_are_mended_counted_and_found_again() {
    let engine = engine(|_| ());
    for _ in 0..3 {
        engine
            .record_named(Kind::Count, &[&b"caf\xe9"[..], b"a:\xff"], 1.0)
            .unwrap();
    }
    let snapshot = engine.flush(NOW, Flush::All);
    assert_eq!(
        (snapshot.len(), snapshot.get(0).unwrap().name()),
        (1, "caf\u{fffd}")
    );
    assert!(engine.stats().utf8_mended >= 2);
}

#[test]
fn counters_grow_past_every_width() {
    let engine = engine(|_| ());
    let id = engine
        .context::<&str>(Kind::Distribution, "d", &[])
        .unwrap();
    for value in 1..=20 {
        engine.record(id, f64::from(value)).unwrap();
    }
    // 260 million a point: past one, two and four bytes.
    for _ in 0..20 {
        engine.record_sampled(id, 5.0, 0.000_000_003_845).unwrap();
    }
    let weight = (1.0_f64 / 0.000_000_003_845) as u64;
    let snapshot = engine.flush(NOW, Flush::All);
    let sketch = snapshot.get(0).unwrap().sketch().unwrap();
    assert_eq!(sketch.summary.count, 20 + 20 * weight);
    let in_bins: u64 = sketch.counts.iter().map(|n| u64::from(*n)).sum();
    assert_eq!(in_bins, sketch.summary.count);
    assert!(
        sketch.keys.windows(2).any(|pair| pair[0] == pair[1]),
        "a count past 2^32 - 1 is split"
    );
}

#[test]
fn a_value_far_from_the_others_counts_once_wherever_it_stands_in_a_column() {
    let near = |i: usize| 10.0 + i as f64;
    for len in [31, 32, 33, 34, 35, 64] {
        for far in 0..len {
            let engine = engine(|_| ());
            let id = engine
                .context::<&str>(Kind::Distribution, "d", &[])
                .unwrap();
            let mut all: Vec<f64> = (0..20).map(near).collect();
            let mut column: Vec<f64> = (0..len).map(near).collect();
            column[far] = 1e6;
            engine.record_many(id, &all).unwrap();
            engine.record_many(id, &column).unwrap();
            all.extend(column);
            let mut expected = pointmill::sketch::Sketch::new();
            expected.insert_many(&all);
            let expected = expected.bins(pointmill::sketch::Profile::U32);
            let snapshot = engine.flush(NOW, Flush::All);
            let sketch = snapshot.get(0).unwrap().sketch().unwrap();
            assert_eq!(sketch.keys, expected.keys, "{far} of {len}");
            assert_eq!(sketch.counts, expected.counts, "{far} of {len}");
        }
    }
}

#[test]
fn a_sketch_keeps_the_4096_highest_bins() {
    let engine = engine(|_| ());
    let id = engine
        .context::<&str>(Kind::Distribution, "wide", &[])
        .unwrap();
    let values: Vec<f64> = (-2600..2600)
        .filter(|k| *k != 0)
        .map(pointmill::sketch::key::lower_bound)
        .collect();
    engine.record_many(id, &values).unwrap();
    let snapshot = engine.flush(NOW, Flush::All);
    let sketch = snapshot.get(0).unwrap().sketch().unwrap();
    assert_eq!(sketch.keys.len(), 4096);
    assert_eq!(
        (sketch.keys[0], *sketch.keys.last().unwrap()),
        (2599 - 4096, 2599)
    );
    assert_eq!(sketch.counts[0] as usize, values.len() - 4095);
}
