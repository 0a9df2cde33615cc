//! Intervals: which one a point belongs to, and when it is taken.

use pointmill::{Config, Engine, Flush, Kind, RecordError};

const NOW: i64 = 1_700_000_000;

fn engine_at(now: i64) -> (Engine, pointmill::ContextId) {
    let engine = Engine::new(&Config::default(), now).unwrap();
    let id = engine
        .context::<&str>(Kind::Distribution, "d", &[])
        .unwrap();
    (engine, id)
}

fn intervals(engine: &Engine, now: i64, which: Flush) -> Vec<(i64, u64)> {
    engine
        .flush(now, which)
        .iter()
        .map(|e| (e.interval(), e.points()))
        .collect()
}

#[test]
fn an_interval_is_taken_once_it_has_ended() {
    let (engine, id) = engine_at(NOW + 3);
    engine.record(id, 1.0).unwrap();
    assert_eq!(intervals(&engine, NOW + 9, Flush::Closed), []);
    engine.record(id, 2.0).unwrap();
    assert_eq!(intervals(&engine, NOW + 10, Flush::Closed), [(NOW, 2)]);
    engine.record(id, 3.0).unwrap();
    assert_eq!(intervals(&engine, NOW + 12, Flush::All), [(NOW + 10, 1)]);
    assert_eq!(intervals(&engine, NOW + 30, Flush::All), []);
}

#[test]
fn a_tick_moves_the_open_interval_on() {
    let (engine, id) = engine_at(NOW);
    for i in 0..3 {
        engine.tick(NOW + 10 * i);
        engine.record(id, 1.0).unwrap();
        engine.tick(NOW + 10 * i + 9);
        engine.record(id, 1.0).unwrap();
    }
    let expected = [(NOW, 2), (NOW + 10, 2)];
    assert_eq!(intervals(&engine, NOW + 25, Flush::Closed), expected);
    assert_eq!(intervals(&engine, NOW + 30, Flush::Closed), [(NOW + 20, 2)]);
}

#[test]
fn points_with_a_time_go_to_their_interval() {
    let (engine, id) = engine_at(NOW);
    for offset in [-11, -1, 0, 9, 10, 25] {
        engine.record_at(id, 1.0, NOW + offset).unwrap();
    }
    let closed = [(NOW - 20, 1), (NOW - 10, 1), (NOW, 2)];
    assert_eq!(intervals(&engine, NOW + 10, Flush::Closed), closed);
    // Late points open an old interval again.
    engine.record_at(id, 1.0, NOW - 20).unwrap();
    assert_eq!(
        intervals(&engine, NOW + 20, Flush::Closed),
        [(NOW - 20, 1), (NOW + 10, 1)]
    );
    assert_eq!(intervals(&engine, NOW + 20, Flush::All), [(NOW + 20, 1)]);
}

#[test]
fn too_old_and_too_new_are_judged_by_the_time_last_told() {
    let (engine, id) = engine_at(NOW);
    engine.record_at(id, 1.0, 5).unwrap();
    engine.tick(NOW);
    assert_eq!(
        engine.record_at(id, 1.0, NOW - 3601),
        Err(RecordError::TooOld)
    );
    assert_eq!(
        engine.record_at(id, 1.0, NOW + 601),
        Err(RecordError::TooNew)
    );
    engine.record_at(id, 1.0, NOW - 3600).unwrap();
    engine.record_at(id, 1.0, NOW + 600).unwrap();
    for extreme in [i64::MIN, i64::MAX] {
        assert!(engine.record_at(id, 1.0, extreme).is_err());
    }
    let stats = engine.stats();
    assert_eq!(
        (
            stats.rejected_too_old,
            stats.rejected_too_new,
            stats.pending
        ),
        (2, 2, 3)
    );
    assert!(stats.balances());
}

#[test]
fn extreme_times_are_taken_when_no_time_was_told() {
    let (engine, id) = engine_at(0);
    for extreme in [i64::MIN, -1, i64::MAX - 10] {
        engine.record_at(id, 1.0, extreme).unwrap();
    }
    let all = engine.flush(i64::MAX, Flush::All);
    assert_eq!(all.points(), 3);
    assert!(all.iter().any(|entry| entry.interval() == -10));
}

#[test]
fn a_clock_that_is_set_back_does_not_date_points_into_the_future() {
    let (engine, id) = engine_at(NOW + 1000);
    engine.record(id, 1.0).unwrap();
    assert_eq!(intervals(&engine, NOW, Flush::Closed), []);
    assert_eq!(intervals(&engine, NOW + 10, Flush::Closed), [(NOW, 1)]);
}

#[test]
fn other_lengths_of_interval_are_aligned_too() {
    let mut config = Config::default();
    config.interval_s = 60;
    let engine = Engine::new(&config, 100).unwrap();
    let id = engine.context::<&str>(Kind::Count, "c", &[]).unwrap();
    engine.record(id, 1.0).unwrap();
    assert!(engine.flush(119, Flush::Closed).is_empty());
    let snapshot = engine.flush(120, Flush::Closed);
    assert_eq!(
        (snapshot.interval_s(), snapshot.get(0).unwrap().interval()),
        (60, 60)
    );
}

#[test]
fn a_gauge_shows_what_was_set_last_whichever_thread_did() {
    let engine = Engine::new(&Config::default(), NOW).unwrap();
    let id = engine.context::<&str>(Kind::Gauge, "g", &[]).unwrap();
    for last in 1..20 {
        std::thread::scope(|scope| {
            // Both lanes are in use at once, so the points lie in two rings.
            engine.record(id, 0.5).unwrap();
            scope
                .spawn(|| engine.record(id, f64::from(last)).unwrap())
                .join()
                .unwrap();
            if last % 2 == 0 {
                engine.record(id, 100.0 + f64::from(last)).unwrap();
            }
        });
        let expected = f64::from(last) + if last % 2 == 0 { 100.0 } else { 0.0 };
        let snapshot = engine.flush(NOW, Flush::All);
        assert_eq!(snapshot.get(0).unwrap().scalar(), Some(expected));
    }
    engine.record_at(id, 3.0, NOW + 5).unwrap();
    engine.record_at(id, 2.0, NOW + 4).unwrap();
    assert_eq!(
        engine.flush(NOW, Flush::All).get(0).unwrap().scalar(),
        Some(3.0)
    );
}
