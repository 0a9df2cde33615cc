//! Scripted faults.

use std::time::{Duration, Instant};

use pointmill_intake::fault::Fault;

use crate::support::*;

fn body() -> Vec<u8> {
    payload(vec![message("m", &[], vec![dog(0, &[1.0])])])
}

#[test]
fn a_script_is_carried_out_and_counted() {
    let intake = start();
    let script = r#"{"faults":[{"status":503,"retry_after":"7","count":2},{"delay_ms":300,"count":1},{"status":429,"path":"/api/v2"}]}"#;
    assert_eq!(
        post(&intake, "/v1/faults", &[], script.as_bytes()).status,
        204
    );
    for _ in 0..2 {
        let answer = post(&intake, "/api/beta/sketches", &[], &body());
        assert_eq!(
            (answer.status, answer.retry_after.as_deref()),
            (503, Some("7"))
        );
    }
    let started = Instant::now();
    assert_eq!(
        post(&intake, "/api/beta/sketches", &[], &body()).status,
        202
    );
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(
        post(&intake, "/api/beta/sketches", &[], &body()).status,
        202
    );
    assert_eq!(post(&intake, "/api/v2/series", &[], b"{}").status, 429);
    // Questions are never disturbed.
    assert_eq!(total(&intake, "m", "count"), Some(2.0));
    assert_eq!(status(&intake, "/faults"), 4);
    assert_eq!(
        get(&intake, "/v1/faults").json()["faults"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(delete(&intake, "/v1/faults").status, 204);
    assert_eq!(
        get(&intake, "/v1/faults").json()["faults"],
        serde_json::json!([])
    );
    assert_eq!(
        post(&intake, "/v1/faults", &[], br#"{"faults":[{"sleep":1}]}"#).status,
        400
    );
}

#[test]
fn a_cut_connection_is_reset_and_a_lost_answer_is_not_lost_data() {
    let intake = start();
    let try_post = |id: &str| {
        let request = agent().post(format!("http://{}/api/beta/sketches", intake.address()));
        request
            .header("DD-Pointmill-Batch", id)
            .send(&body()[..])
            .map(|response| response.status().as_u16())
    };
    intake.set_faults(vec![Fault::parse("reset,count=1").unwrap()]);
    assert!(try_post("a").is_err());
    assert_eq!(total(&intake, "m", "count"), None);
    intake.set_faults(vec![Fault::parse("reset,stored,count=1").unwrap()]);
    assert!(try_post("b").is_err());
    assert_eq!(total(&intake, "m", "count"), Some(1.0));
    // The sender does not know, sends again, and is not counted twice.
    assert_eq!(try_post("b").unwrap(), 202);
    assert_eq!(total(&intake, "m", "count"), Some(1.0));
}

#[test]
fn a_request_that_hangs_does_not_keep_the_intake_from_stopping() {
    let intake = start();
    intake.set_faults(vec![Fault::parse("hang").unwrap()]);
    let address = intake.address();
    let client = std::thread::spawn(move || {
        agent()
            .post(format!("http://{address}/api/v2/series"))
            .send(&b"{}"[..])
            .is_err()
    });
    eventually("the fault", || status(&intake, "/faults") == 1);
    let started = Instant::now();
    intake.stop();
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(client.join().unwrap());
}
