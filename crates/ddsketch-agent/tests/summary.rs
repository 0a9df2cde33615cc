//! `Summary::insert_many` against a loop of `Summary::insert`, bit for bit.

use ddsketch_agent::Summary;
use proptest::collection::vec;
use proptest::prelude::*;

/// Bits, with all NaNs taken for one: which NaN an operation gives is not specified.
fn bits(summary: &Summary) -> [u64; 5] {
    let bits = |v: f64| if v.is_nan() { u64::MAX } else { v.to_bits() };
    let Summary {
        count,
        min,
        max,
        sum,
        avg,
    } = *summary;
    [count, bits(min), bits(max), bits(sum), bits(avg)]
}

/// Values of one kind, so that long runs of a kind occur, besides mixtures of all kinds.
fn values() -> impl Strategy<Value = Vec<f64>> {
    let any_double = any::<u64>().prop_map(f64::from_bits);
    let finite = any_double.clone().prop_filter("finite", |v| v.is_finite());
    let narrow = (1.0..1.0001f64).boxed();
    let latency = (-9.0..0.0f64).prop_map(f64::exp).boxed();
    let signed = (-1e3..1e3f64).boxed();
    let integers = (-5..50i32).prop_map(f64::from).boxed();
    let zeros = prop_oneof![Just(0.0), Just(-0.0)].boxed();
    let cancelling = prop_oneof![Just(1e16), Just(-1e16), Just(1.0), -1e-5..1e-5f64].boxed();
    let huge = prop_oneof![Just(f64::MAX), Just(-f64::MAX), Just(1.0)].boxed();
    let tiny = (0..1u64 << 54).prop_map(f64::from_bits).boxed();
    let any_of = prop_oneof![
        narrow.clone(),
        latency.clone(),
        signed.clone(),
        integers.clone(),
        zeros.clone(),
        cancelling.clone(),
        tiny.clone(),
    ];
    let lengths = 0..700usize;
    prop_oneof![
        vec(finite, lengths.clone()),
        vec(any_double, lengths.clone()),
        vec(narrow, lengths.clone()),
        vec(latency, lengths.clone()),
        vec(signed, lengths.clone()),
        vec(integers, lengths.clone()),
        vec(zeros, lengths.clone()),
        vec(cancelling, lengths.clone()),
        vec(huge, lengths.clone()),
        vec(tiny, lengths.clone()),
        vec(any_of, lengths),
        (-1e3..1e3f64, 0..700usize).prop_map(|(v, n)| vec![v; n]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 100 } else { 2000 }))]

    #[test]
    fn many_at_once_are_the_same_as_one_by_one(
        batches in vec(values(), 1..5),
        earlier in 0..1u64 << 40,
        avg in -1e3..1e3f64,
    ) {
        let mut many = Summary::default();
        if earlier % 3 == 0 {
            let sum = avg * earlier as f64;
            many = Summary { count: earlier, min: avg, max: avg, sum, avg };
        }
        let mut one_by_one = many;
        for batch in &batches {
            many.insert_many(batch);
            batch.iter().for_each(|v| one_by_one.insert(*v));
            prop_assert_eq!(bits(&many), bits(&one_by_one));
        }
    }
}
