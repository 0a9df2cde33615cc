//! Random operations on a sketch and on a literal, slow model of the Agent's: a list of bins, a
//! buffer of 512 keys, and every step as the Agent's code has it. Bins and summary stay the same in
//! both profiles, also where the list is trimmed at 4096 bins.

use ddsketch_agent::{BIN_LIMIT, Profile, Sketch, Summary, key};
use proptest::collection::vec;
use proptest::prelude::*;

/// One profile of the Agent's sketch.
#[derive(Clone)]
struct Model {
    profile: Profile,
    bins: Vec<(i16, u64)>,
    buffer: Vec<i16>,
    summary: Summary,
}

impl Model {
    fn new(profile: Profile) -> Self {
        Self {
            profile,
            bins: Vec::new(),
            buffer: Vec::new(),
            summary: Summary::default(),
        }
    }

    fn append(&self, bins: &mut Vec<(i16, u64)>, k: i16, n: u64) {
        let width = u64::from(self.profile.count_max());
        if n <= width {
            bins.push((k, n));
            return;
        }
        if !n.is_multiple_of(width) {
            bins.push((k, n % width));
        }
        for _ in 0..n / width {
            bins.push((k, width));
        }
    }

    fn insert_groups(&mut self, groups: &[(i16, u64)]) {
        let mut bins = Vec::new();
        let mut next = 0;
        for (k, n) in groups {
            while next < self.bins.len() && self.bins[next].0 < *k {
                bins.push(self.bins[next]);
                next += 1;
            }
            if next < self.bins.len() && self.bins[next].0 == *k {
                self.append(&mut bins, *k, self.bins[next].1 + n);
                next += 1;
            } else {
                self.append(&mut bins, *k, *n);
            }
        }
        bins.extend(&self.bins[next..]);
        self.bins = bins;
        self.trim();
    }

    fn trim(&mut self) {
        let width = u64::from(self.profile.count_max());
        if self.bins.len() <= BIN_LIMIT {
            return;
        }
        let kept = self.bins.split_off(self.bins.len() - BIN_LIMIT);
        let removed = std::mem::replace(&mut self.bins, kept);
        if self.profile == Profile::U32 {
            self.bins[0].1 += removed.iter().map(|bin| bin.1).sum::<u64>();
            return;
        }
        let (mut carry, mut overflow) = (0, Vec::new());
        for (k, n) in removed {
            carry += n;
            if carry > width {
                overflow.push((k, width));
                carry -= width;
            }
        }
        let lowest = &mut self.bins[0];
        let all = lowest.1 + carry;
        lowest.1 = all.min(width);
        if all > width {
            overflow.push((lowest.0, all - width));
        }
        self.bins.splice(0..0, overflow);
    }

    fn flush(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        let mut keys = std::mem::take(&mut self.buffer);
        keys.sort();
        let mut groups: Vec<(i16, u64)> = Vec::new();
        for k in keys {
            match groups.last_mut() {
                Some(last) if last.0 == k => last.1 += 1,
                _ => groups.push((k, 1)),
            }
        }
        self.insert_groups(&groups);
    }

    fn insert(&mut self, v: f64) {
        self.summary.insert(v);
        self.buffer.push(key::key(v));
        if self.buffer.len() == 512 {
            self.flush();
        }
    }

    fn insert_weighted(&mut self, v: f64, weight: f64) {
        let count = weight.trunc() as u64;
        self.summary.merge(&Summary {
            count,
            min: v,
            max: v,
            sum: weight * v,
            avg: v,
        });
        self.flush();
        self.insert_groups(&[(key::key(v), count)]);
    }

    fn insert_interpolated(&mut self, lower: f64, upper: f64, count: u64) {
        let keys: Vec<i16> = (key::key(lower)..=key::key(upper)).collect();
        let mut groups = Vec::new();
        let weigh = |summary: &mut Summary, v: f64, n: u64| {
            summary.merge(&Summary {
                count: n,
                min: v,
                max: v,
                sum: n as f64 * v,
                avg: v,
            });
        };
        let (mut start, mut low, mut left, mut remainder) =
            (0, key::lower_bound(keys[0]), count, 0.0);
        let mut end = 1;
        while end < keys.len() && left > 0 {
            let high = key::lower_bound(keys[end]);
            let x = ((high - low) / (upper - lower)) * count as f64;
            let mut n = x.trunc() as u64;
            if x > 1.0 {
                remainder += x - x.trunc();
            }
            if remainder > 1.0 {
                n += 1;
                remainder -= 1.0;
            }
            if n > 0 {
                n = n.min(left);
                weigh(&mut self.summary, low, n);
                groups.push((keys[start], n));
                left -= n;
                start = end;
                low = high;
            }
            end += 1;
        }
        if left > 0 {
            let v = key::lower_bound(keys[start]);
            weigh(&mut self.summary, v, left);
            groups.push((keys[start], left));
        }
        self.flush();
        self.insert_groups(&groups);
    }

    fn merge(&mut self, mut other: Model) {
        self.flush();
        other.flush();
        self.summary.merge(&other.summary);
        let mut bins = Vec::new();
        let mut next = 0;
        for (k, n) in other.bins {
            while next < self.bins.len() && self.bins[next].0 < k {
                bins.push(self.bins[next]);
                next += 1;
            }
            if next < self.bins.len() && self.bins[next].0 == k {
                self.append(&mut bins, k, self.bins[next].1 + n);
                next += 1;
            } else {
                bins.push((k, n));
            }
        }
        bins.extend(&self.bins[next..]);
        self.bins = bins;
        self.trim();
    }
}

#[derive(Clone, Debug)]
enum Op {
    One(f64),
    Many(Vec<f64>),
    /// `times` values for each of `len` keys from `first` on, two keys apart, upwards in a row.
    Keys {
        first: i16,
        len: i16,
        times: u8,
    },
    Weighted(f64, u64),
    Sampled(f64, f64),
    Interpolated(f64, f64, u64),
    Merge(Vec<Op>),
}

impl Op {
    fn values(&self) -> Vec<f64> {
        match self {
            Op::Many(values) => values.clone(),
            Op::Keys { first, len, times } => {
                let keys = (0..*len).map(|i| first + 2 * i);
                keys.flat_map(|k| vec![key::lower_bound(k); usize::from(*times)])
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn run(&self, sketch: &mut Sketch) {
        match self {
            Op::One(v) => sketch.insert(*v).expect("finite"),
            Op::Many(_) | Op::Keys { .. } => assert_eq!(sketch.insert_many(&self.values()), 0),
            Op::Weighted(v, n) => sketch.insert_n(*v, *n).expect("finite"),
            Op::Sampled(v, rate) => sketch.insert_sampled(*v, *rate).expect("finite"),
            Op::Interpolated(lower, upper, n) => {
                sketch
                    .insert_interpolated(*lower, *upper, *n)
                    .expect("ascending bounds");
            }
            Op::Merge(ops) => {
                let mut other = Sketch::new();
                ops.iter().for_each(|op| op.run(&mut other));
                sketch.merge(&other);
            }
        }
    }

    fn run_model(&self, model: &mut Model) {
        match self {
            Op::One(v) => model.insert(*v),
            Op::Many(_) | Op::Keys { .. } => self.values().iter().for_each(|v| model.insert(*v)),
            Op::Weighted(_, 0) => {}
            Op::Weighted(v, n) => model.insert_weighted(*v, *n as f64),
            Op::Sampled(v, rate) if *rate > 0.0 && *rate < 1.0 => {
                model.insert_weighted(*v, 1.0 / rate);
            }
            Op::Sampled(v, _) => model.insert(*v),
            Op::Interpolated(lower, upper, n) => model.insert_interpolated(*lower, *upper, *n),
            Op::Merge(ops) => {
                let mut other = Model::new(model.profile);
                ops.iter().for_each(|op| op.run_model(&mut other));
                model.merge(other);
            }
        }
    }
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-9.0..5.0f64).prop_map(f64::exp),
        2 => -1e3..1e3f64,
        1 => (0..20i32).prop_map(f64::from),
        1 => any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |v| v.is_finite()),
    ]
}

/// Weights around the width of a 16-bit bin and its multiples, besides small ones.
fn weight() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..10u64,
        65_530..65_540u64,
        131_060..131_080u64,
        0..400_000u64
    ]
}

fn flat_op() -> impl Strategy<Value = Op> {
    let keys = (-32_000..20_000i16, 1..3000i16, 1..4u8);
    prop_oneof![
        2 => value().prop_map(Op::One),
        3 => vec(value(), 0..1500).prop_map(Op::Many),
        3 => keys.prop_map(|(first, len, times)| Op::Keys { first, len, times }),
        3 => (value(), weight()).prop_map(|(v, n)| Op::Weighted(v, n)),
        1 => (value(), -0.1..1.1f64).prop_map(|(v, rate)| Op::Sampled(v, rate)),
        1 => (-1e4..1e4f64, 0.0..1e4f64, weight())
            .prop_map(|(lower, span, n)| Op::Interpolated(lower, lower + span, n)),
        // Many full bins, so that trimming has something to overflow.
        1 => (0..2000i16, 1..40u64)
            .prop_map(|(k, n)| Op::Weighted(key::lower_bound(k), n * 65_535 + n % 3)),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![5 => flat_op(), 1 => vec(flat_op(), 0..6).prop_map(Op::Merge)]
}

fn assert_same(sketch: &Sketch, model: &Model) -> Result<(), TestCaseError> {
    let mut model = model.clone();
    model.flush();
    let (found, expected) = (sketch.summary(), model.summary);
    prop_assert_eq!(found.count, expected.count);
    for (found, expected) in [
        (found.min, expected.min),
        (found.max, expected.max),
        (found.sum, expected.sum),
        (found.avg, expected.avg),
    ] {
        let same = found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan());
        prop_assert!(same, "{found:?} instead of {expected:?}");
    }
    let bins = sketch.bins(model.profile);
    let bins: Vec<_> = bins
        .keys
        .into_iter()
        .zip(bins.counts.into_iter().map(u64::from))
        .collect();
    prop_assert!(bins == model.bins, "{:?}: bins differ", model.profile);
    Ok(())
}

proptest! {
    // Both the model and the sketch are slow without optimisation.
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 30 } else { 400 }))]

    #[test]
    fn any_operations_give_the_agents_sketch(ops in vec(op(), 1..12)) {
        let mut sketch = Sketch::new();
        let mut models = [Model::new(Profile::U16), Model::new(Profile::U32)];
        for op in &ops {
            op.run(&mut sketch);
            for model in &mut models {
                op.run_model(model);
                assert_same(&sketch, model)?;
            }
        }
        // Reading, copying and the way through bins change nothing.
        let copy = sketch.clone();
        prop_assert!(copy == sketch);
        let bins = sketch.bins(Profile::U16);
        let pairs = bins.keys.iter().zip(&bins.counts).map(|(k, n)| (*k, u64::from(*n)));
        let decoded = Sketch::from_bins(sketch.summary(), pairs).expect("a sketch's own bins");
        prop_assert!(decoded.bins(Profile::U16) == bins);
    }

    #[test]
    fn quantiles_are_within_the_promised_accuracy(
        values in vec((-20.0..20.0f64).prop_map(f64::exp), 1..2000),
        q in 0.0..1.0f64,
    ) {
        let mut sketch = Sketch::new();
        sketch.insert_many(&values);
        let mut sorted = values;
        sorted.sort_by(f64::total_cmp);
        let exact = sorted[(q * (sorted.len() - 1) as f64).round_ties_even() as usize];
        let found = sketch.quantile(q).expect("not empty");
        prop_assert!((found - exact).abs() <= exact * key::RELATIVE_ACCURACY * (1.0 + 1e-9));
        prop_assert_eq!(sketch.bins(Profile::U32).with_summary(sketch.summary()).quantile(q), Some(found));
    }
}
