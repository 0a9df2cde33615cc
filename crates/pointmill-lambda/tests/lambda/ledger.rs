//! The books, under random schedules.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pointmill_lambda::{Invocation, Lambda, Language, Mode, Outcome, Refusal, Token};
use proptest::prelude::*;

use crate::support::{AMPLE, ARN, Server, source, with_log};

#[derive(Clone, Debug)]
enum Step {
    Metric(u8, f64),
    At(u8, f64, i64),
    Async(u8),
    Held(u8, f64),
    Batch(u8),
    Refused(u8),
    Begin,
    End(usize, Outcome),
    Flush(u64),
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![8 => -1e6..1e6f64, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    (
        any::<bool>(),
        prop_oneof![Just(0), Just(200), Just(503)],
        proptest::option::of(0..9u64),
    )
        .prop_map(|(error, http_status, batch_item_failures)| Outcome {
            error,
            http_status,
            batch_item_failures,
            time_to_first_byte_ms: None,
        })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..6u8, value()).prop_map(|(n, v)| Step::Metric(n, v)),
        2 => (0..6u8, value(), 0i64..2_000_000_000).prop_map(|(n, v, t)| Step::At(n, v, t)),
        1 => (0..6u8).prop_map(Step::Async),
        2 => (0..6u8, value()).prop_map(|(n, v)| Step::Held(n, v)),
        1 => (0..40u8).prop_map(Step::Batch),
        1 => (1..5u8).prop_map(Step::Refused),
        1 => Just(Step::Begin),
        1 => (0..9usize, outcome()).prop_map(|(i, o)| Step::End(i, o)),
        1 => prop_oneof![Just(0), Just(20)].prop_map(Step::Flush),
    ]
}

/// The metric `n`: 5 has no name.
fn parts(n: u8) -> Vec<String> {
    let name = if n == 5 {
        String::new()
    } else {
        format!("m{}", n % 3)
    };
    vec![name, format!("t:{n}"), String::new()]
}

/// Points handed over by the step, as the caller counts them.
fn run(lambda: &Lambda, step: &Step, open: &mut Vec<Token>) -> u64 {
    match step {
        Step::Metric(n, v) => drop(lambda.metric(&parts(*n), *v)),
        Step::At(n, v, t) => drop(lambda.metric_at(&parts(*n), *v, Some(*t))),
        Step::Async(n) => drop(lambda.metric_async(&parts(*n), 1.0, None)),
        Step::Held(n, v) => {
            let Ok(id) = lambda.context(&parts(*n)) else {
                return 0;
            };
            let _ = lambda.record(id, *v);
        }
        Step::Batch(n) => {
            let id = lambda.context(&parts(0)).unwrap();
            let values: Vec<f64> = (0..*n).map(f64::from).collect();
            // Every second id is none.
            let ids: Vec<u64> = (0..*n)
                .map(|i| if i % 2 == 0 { id } else { 1 << 50 })
                .collect();
            let refused = lambda.record_batch(&ids, &values, None);
            let disabled = lambda.mode() == Mode::Disabled;
            assert_eq!(refused, if disabled { 0 } else { usize::from(*n / 2) });
            return u64::from(*n);
        }
        Step::Refused(cause) => {
            lambda.rejected(Refusal::from_number(u32::from(*cause)).unwrap(), 2);
            return 2;
        }
        Step::Begin => {
            let invocation = Invocation {
                invoked_function_arn: ARN,
                ..Invocation::default()
            };
            open.push(lambda.begin(&invocation));
            return 1;
        }
        Step::End(i, outcome) => {
            if open.is_empty() {
                return 0;
            }
            let token = open.remove(i % open.len());
            lambda.end(token, outcome).unwrap();
            let error = outcome.error || outcome.http_status == 503;
            return u64::from(error) + u64::from(outcome.batch_item_failures.is_some());
        }
        Step::Flush(ms) => {
            lambda.flush(Duration::from_millis(*ms)).unwrap();
            return 0;
        }
    }
    1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_point_is_somewhere(
        steps in proptest::collection::vec(step(), 1..120),
        answers in proptest::collection::vec(prop_oneof![Just(202u16), Just(500), Just(403), Just(413), Just(400)], 1..6),
        mode in 0..5usize,
    ) {
        let turn = Arc::new(AtomicU32::new(0));
        let server = Server::start(move |_| {
            let i = turn.fetch_add(1, Ordering::Relaxed) as usize;
            (answers[i % answers.len()], "{}".to_owned())
        });
        let variables: &[(&str, &str)] = [
            &[("DD_FLUSH_TO_LOG", "1")][..],
            &[("DD_FLUSH_TO_LOG", "1"), ("POINTMILL_LAMBDA_AGGREGATE", "1")],
            &[("DD_API_KEY", "k")],
            &[("DD_API_KEY", "k"), ("POINTMILL_LAMBDA_FORMAT", "distribution_points")],
            &[("DD_LAMBDA_FIPS_MODE", "true")],
        ][mode];
        let mut source = source(Language::Node, variables);
        source.set("url", &server.url).unwrap();
        source.set("flush_in_thread", "false").unwrap();
        source.set("buffer_points_max", "64").unwrap();
        let (lambda, mut log) = with_log(&source);
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut log, &mut text).unwrap();
            text
        });
        let (mut open, mut handed) = (Vec::new(), 0);
        for step in &steps {
            handed += run(&lambda, step, &mut open);
            let stats = lambda.stats();
            prop_assert!(stats.balances(), "{:?} after {:?}", stats, step);
            prop_assert_eq!(stats.recorded, handed, "after {:?}", step);
        }
        // What is only written must come out whole; an intake may go on refusing for ever.
        lambda.close(if mode < 2 { AMPLE } else { Duration::from_millis(50) });
        let _ = lambda.metric(&["late"], 1.0);
        let stats = lambda.stats();
        prop_assert!(stats.balances(), "{:?}", stats);
        prop_assert_eq!((stats.pending, stats.queued, stats.rejected_closed), (0, 0, 1));
        drop(lambda);
        let lines = reader.join().unwrap().lines().count() as u64;
        if mode < 2 {
            prop_assert_eq!(lines, stats.accepted);
        }
    }
}
