//! The store in a file: what is answered is there after the end, whatever the end was like.

use pointmill_intake::store::{StoreConfig, StoreError};
use pointmill_intake::{Intake, IntakeConfig, StartError};

use crate::support::*;

fn in_file(path: &std::path::Path) -> IntakeConfig {
    let store = StoreConfig {
        path: Some(path.to_owned()),
        ..StoreConfig::default()
    };
    IntakeConfig { store, ..config() }
}

#[test]
fn everything_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.db");
    let body = |host: &str| {
        payload(vec![message(
            "m",
            &[host],
            vec![
                dog(1_700_000_000, &[1.0, -2.0, 0.0]),
                dog(1_700_010_000, &[5.0]),
            ],
        )])
    };
    let series = br#"{"series":[{"metric":"c","type":1,"unit":"byte","points":[{"timestamp":1700000003,"value":2}]}]}"#;
    let mut dumps = Vec::new();
    for run in 0..3 {
        let intake = Intake::start(in_file(&path)).unwrap();
        let before = get(&intake, "/v1/dump").body;
        dumps.last().inspect(|last| assert_eq!(**last, before));
        let id = [("DD-Pointmill-Batch", "same")];
        assert_eq!(
            post(&intake, "/api/beta/sketches", &id, &body("host:same")).status,
            202
        );
        assert_eq!(
            post(
                &intake,
                "/api/beta/sketches",
                &[],
                &body(&format!("host:{run}"))
            )
            .status,
            202
        );
        assert_eq!(post(&intake, "/api/v2/series", &[], series).status, 202);
        // The id of the first run is known in all later ones.
        assert_eq!(status(&intake, "/received/duplicates"), u64::from(run > 0));
        let runs = f64::from(run + 1);
        assert_eq!(total(&intake, "m", "count"), Some(4.0 * (runs + 1.0)));
        assert_eq!(total(&intake, "c", "sum"), Some(2.0 * runs));
        let metrics = get(&intake, "/v1/metrics").json();
        assert_eq!(
            (
                &metrics["metrics"][0]["unit"],
                &metrics["metrics"][1]["points"]
            ),
            (&"byte".into(), &(2 * (run + 2)).into())
        );
        dumps.push(get(&intake, "/v1/dump").body);
        intake.stop();
    }
}

#[test]
fn a_file_of_another_interval_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.db");
    Intake::start(in_file(&path)).unwrap().stop();
    let mut other = in_file(&path);
    other.store.interval_s = 60;
    let error = Intake::start(other).unwrap_err();
    assert!(
        matches!(
            error,
            StartError::Store(StoreError::Mismatch {
                found: 10,
                wanted: 60,
                ..
            })
        ),
        "{error}"
    );
    std::fs::write(
        &path,
        b"this is no database, whatever its name says, and long enough to tell",
    )
    .unwrap();
    assert!(Intake::start(in_file(&path)).is_err());
}

#[test]
fn a_full_disk_is_answered_507_and_nothing_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = in_file(&dir.path().join("s.db"));
    config.store.file_bytes_max = 400 << 10;
    let intake = Intake::start(config).unwrap();
    let mut stored = 0.0;
    let refused = (0..200).find(|i| {
        let tags: Vec<String> = (0..100).map(|j| format!("n:{i}-{j}")).collect();
        let body = payload(
            tags.iter()
                .map(|tag| message("m", &[tag], vec![dog(0, &[1.0, 2.0])]))
                .collect(),
        );
        let answer = post(
            &intake,
            "/api/beta/sketches",
            &[("DD-Pointmill-Batch", &i.to_string())],
            &body,
        );
        if answer.status == 202 {
            stored += 200.0;
        }
        answer.status == 507
    });
    assert!(refused.is_some() && stored > 0.0);
    // Memory and file agree, and the intake goes on.
    assert_eq!(total(&intake, "m", "count"), Some(stored));
    assert_eq!(get(&intake, "/v1/refused").json()["by_cause"]["full"], 1);
    let path = intake.store().config().path.clone().unwrap();
    intake.stop();
    let intake = Intake::start(in_file(&path)).unwrap();
    assert_eq!(total(&intake, "m", "count"), Some(stored));
    // With room again, the body that was refused is taken.
    let body = payload(vec![message("m", &["n:new"], vec![dog(0, &[1.0])])]);
    let id = refused.unwrap().to_string();
    assert_eq!(
        post(
            &intake,
            "/api/beta/sketches",
            &[("DD-Pointmill-Batch", &id)],
            &body
        )
        .status,
        202
    );
    assert_eq!(total(&intake, "m", "count"), Some(stored + 1.0));
}

#[test]
fn contexts_have_a_limit_and_a_body_is_taken_as_a_whole() {
    let mut config = config();
    config.store.contexts_max = 3;
    let intake = Intake::start(config).unwrap();
    let body = |tags: &[&str]| {
        payload(
            tags.iter()
                .map(|tag| message("m", &[tag], vec![dog(0, &[1.0])]))
                .collect(),
        )
    };
    assert_eq!(
        post(&intake, "/api/beta/sketches", &[], &body(&["a", "b"])).status,
        202
    );
    assert_eq!(
        post(&intake, "/api/beta/sketches", &[], &body(&["a", "c", "d"])).status,
        507
    );
    assert_eq!(
        post(&intake, "/api/beta/sketches", &[], &body(&["a", "c", "c"])).status,
        507
    );
    assert_eq!(
        post(&intake, "/api/beta/sketches", &[], &body(&["a", "c"])).status,
        202
    );
    assert_eq!(total(&intake, "m", "count"), Some(4.0));
}

#[test]
fn what_is_older_than_the_retention_goes_and_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for path in [None, Some(dir.path().join("s.db"))] {
        let mut config = config();
        config.store = StoreConfig {
            path,
            retention_s: 3_600,
            contexts_max: 2,
            ..StoreConfig::default()
        };
        let intake = Intake::start(config).unwrap();
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs() as i64;
        let body = |tag: &str, ts| payload(vec![message("m", &[tag], vec![dog(ts, &[1.0])])]);
        assert_eq!(
            post(
                &intake,
                "/api/beta/sketches",
                &[],
                &body("old", now - 1_800)
            )
            .status,
            202
        );
        assert_eq!(
            post(&intake, "/api/beta/sketches", &[], &body("new", now)).status,
            202
        );
        assert_eq!(
            post(&intake, "/api/beta/sketches", &[], &body("more", now)).status,
            507
        );
        // The intake looks by itself as well, at its begin and then every so often.
        let later = intake.store().expire(now + 2_700);
        assert_eq!(runtime.block_on(later).unwrap(), 1);
        assert_eq!(total(&intake, "m", "count"), Some(1.0));
        assert_eq!(status(&intake, "/store/expired_points"), 1);
        assert_eq!(
            post(&intake, "/api/beta/sketches", &[], &body("more", now)).status,
            202
        );
        assert_eq!(status(&intake, "/store/contexts"), 2);
        assert_eq!(
            get(&intake, "/v1/metrics").json()["metrics"][0]["points"],
            2
        );
    }
}

#[test]
fn clients_at_the_same_time_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let intake = Intake::start(in_file(&dir.path().join("s.db"))).unwrap();
    std::thread::scope(|scope| {
        for client in 0..8 {
            let intake = &intake;
            scope.spawn(move || {
                for i in 0..20 {
                    let tags = [format!("client:{client}"), "shared:yes".to_owned()];
                    let values = [f64::from(i), f64::from(client)];
                    let body = payload(vec![
                        message("own", &[&tags[0]], vec![dog(0, &values)]),
                        message("all", &[&tags[1]], vec![dog(0, &values)]),
                    ]);
                    // Each body twice: the second time it is known.
                    for _ in 0..2 {
                        let id = format!("{client}-{i}");
                        assert_eq!(
                            post(
                                intake,
                                "/api/beta/sketches",
                                &[("DD-Pointmill-Batch", &id)],
                                &body
                            )
                            .status,
                            202
                        );
                    }
                    assert_eq!(
                        get(intake, "/v1/query?metric=own&agg=p50&by=client").status,
                        200
                    );
                }
            });
        }
    });
    assert_eq!(total(&intake, "own", "count"), Some(320.0));
    assert_eq!(total(&intake, "all", "count"), Some(320.0));
    assert_eq!(
        (
            status(&intake, "/received/bodies"),
            status(&intake, "/received/duplicates")
        ),
        (160, 160)
    );
}

#[test]
fn a_store_that_was_full_once_is_read_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.db");
    let mut config = in_file(&path);
    config.store.file_bytes_max = 200 << 10;
    let intake = Intake::start(config).unwrap();
    let one =
        |metric: &str, tag: &str| payload(vec![message(metric, &[tag], vec![dog(0, &[1.0])])]);
    let send = |intake: &Intake, body: &[u8]| post(intake, "/api/beta/sketches", &[], body).status;
    assert_eq!(send(&intake, &one("m.first", "a:1")), 202);
    let many = (0..20_000).map(|i| dog(10 * i, &[1.0, 2.0])).collect();
    let large = payload(vec![message("m.large", &["a:1"], many)]);
    assert_eq!(send(&intake, &large), 507);
    // These have higher numbers than the metric and the context that were not written.
    assert_eq!(send(&intake, &one("m.second", "a:1")), 202);
    assert_eq!(send(&intake, &one("m.first", "a:2")), 202);
    let dump = get(&intake, "/v1/dump").body;
    intake.stop();

    let intake = Intake::start(in_file(&path)).unwrap();
    assert_eq!(get(&intake, "/v1/dump").body, dump);
    assert_eq!(send(&intake, &one("m.second", "a:1")), 202);
    assert_eq!(send(&intake, &one("m.third", "a:1")), 202);
    assert_eq!(send(&intake, &large), 202);
    let dump = get(&intake, "/v1/dump").body;
    intake.stop();
    let intake = Intake::start(in_file(&path)).unwrap();
    assert_eq!(get(&intake, "/v1/dump").body, dump);
    for (metric, count) in [
        ("m.first", 2.0),
        ("m.second", 2.0),
        ("m.third", 1.0),
        ("m.large", 40_000.0),
    ] {
        assert_eq!(total(&intake, metric, "count"), Some(count), "{metric}");
    }
}

#[test]
fn a_file_has_one_intake_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.db");
    let first = Intake::start(in_file(&path)).unwrap();
    let error = Intake::start(in_file(&path)).unwrap_err();
    assert!(
        matches!(error, StartError::Store(StoreError::InUse { .. })),
        "{error}"
    );
    first.stop();
    Intake::start(in_file(&path)).unwrap().stop();
}

#[test]
fn a_file_of_something_else_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (database, text) = (dir.path().join("other.db"), dir.path().join("text.db"));
    let connection = rusqlite::Connection::open(&database).unwrap();
    let tables = "CREATE TABLE meta (x); CREATE TABLE precious (y);";
    connection.execute_batch(tables).unwrap();
    drop(connection);
    std::fs::write(
        &text,
        "Dear diary, this is long enough to be told from a database.",
    )
    .unwrap();
    for path in [&database, &text] {
        let before = std::fs::read(path).unwrap();
        let error = Intake::start(in_file(path)).unwrap_err();
        assert!(
            matches!(error, StartError::Store(StoreError::NotAStore { .. })),
            "{error}"
        );
        assert_eq!(std::fs::read(path).unwrap(), before);
    }
}

#[test]
fn a_store_of_another_version_names_the_version() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.db");
    Intake::start(in_file(&path)).unwrap().stop();
    let connection = rusqlite::Connection::open(&path).unwrap();
    let newer = "UPDATE meta SET value = value + 1 WHERE key = 'version'";
    connection.execute_batch(newer).unwrap();
    drop(connection);
    let error = Intake::start(in_file(&path)).unwrap_err().to_string();
    assert!(error.contains("version 2, here 1"), "{error}");
    assert!(!error.contains("--interval"), "{error}");
}
