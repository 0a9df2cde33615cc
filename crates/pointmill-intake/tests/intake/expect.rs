//! Expectations.

use pointmill_intake::expect::Expectations;

use crate::support::*;

#[test]
fn what_is_met_and_what_is_not() {
    let intake = start();
    let values: Vec<f64> = (1..=100).map(f64::from).collect();
    let body = payload(vec![
        message("lat", &["env:prod", "host:a"], vec![dog(0, &values)]),
        message("lat", &["env:prod", "host:b"], vec![dog(0, &values)]),
        message("lat", &["env:dev"], vec![dog(0, &[1e6])]),
    ]);
    post(&intake, "/api/beta/sketches", &[], &body);
    let text = r#"
        [[expect]]
        metric = "lat"
        filter = "env:prod"
        agg = "p99"
        equals = 99
        contexts = 2
        [[expect]]
        metric = "lat"
        equals = 201
        [[expect]]
        metric = "lat"
        agg = "max"
        at_least = 1e6
        below = 1e6
        [[expect]]
        metric = "gone"
        absent = true
        [[expect]]
        metric = "gone"
        above = 0
        [refused]
        at_most = 0
    "#;
    let findings = Expectations::parse(text)
        .unwrap()
        .check(intake.store(), intake.refused(0).total);
    let met: Vec<bool> = findings.iter().map(|finding| finding.met).collect();
    assert_eq!(
        met,
        [true, true, true, false, true, false, true],
        "{findings:#?}"
    );
    assert_eq!(
        findings[3].to_string(),
        "FAIL  lat max\n        - expected at least 1000000, below 1000000\n        + found    1000000"
    );
    assert!(findings[5].to_string().contains("nothing"));
}

#[test]
fn nonsense_is_refused_with_its_place() {
    for (text, wanted) in [
        ("", "nothing is expected"),
        ("[[expect]]\nmetric = \"m\"", "nothing is said"),
        ("[[expect]]\nabsent = true", "metric is missing"),
        ("[[expect]]\nmetric = \"m\"\nequal = 1", "equal"),
        (
            "[[expect]]\nmetric = \"m\"\nagg = \"mean\"\nequals = 1",
            "no aggregation",
        ),
        ("[[expect]]\nmetric = \"m\"\nequals = nan", "nan"),
    ] {
        let error = Expectations::parse(text).unwrap_err();
        assert!(error.contains(wanted), "{text}: {error}");
    }
}
