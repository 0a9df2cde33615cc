//! The values and names that every subject gets.

use std::sync::OnceLock;

/// Values in a workload.
pub const VALUES: usize = 100_000;

/// The metric of every workload.
pub const NAME: &str = "checkout.request.latency";

/// Latencies in milliseconds: log-normal, median 100, σ of the logarithm 1, so that 98 % lie
/// between 10 and 1,000. Always the same ones.
pub fn values() -> &'static [f64] {
    static VALUES_ONCE: OnceLock<Vec<f64>> = OnceLock::new();
    VALUES_ONCE.get_or_init(|| lognormal(VALUES, 1))
}

/// [`values`] in whole microseconds, for rivals that take integers. The conversion is not part of
/// what is measured.
pub fn micros() -> &'static [u64] {
    static MICROS: OnceLock<Vec<u64>> = OnceLock::new();
    MICROS.get_or_init(|| {
        values()
            .iter()
            .map(|v| (v * 1000.0).round() as u64)
            .collect()
    })
}

/// `n` log-normal values from a seed.
pub fn lognormal(n: usize, seed: u64) -> Vec<f64> {
    let mut random = Random::new(seed);
    (0..n).map(|_| 100.0 * random.normal().exp()).collect()
}

/// The element of rank round(q · (n − 1)) of [`values`], to check answers by.
pub fn exact_quantile(q: f64) -> f64 {
    static SORTED: OnceLock<Vec<f64>> = OnceLock::new();
    let sorted = SORTED.get_or_init(|| {
        let mut sorted = values().to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted
    });
    sorted[(q * (sorted.len() - 1) as f64).round_ties_even() as usize]
}

/// Panics unless `answer` is within `relative` of the exact quantile `q` of [`values`].
pub fn check_quantile(subject: &str, answer: f64, q: f64, relative: f64) {
    let exact = exact_quantile(q);
    let error = (answer - exact).abs() / exact;
    assert!(
        error <= relative,
        "{subject}: quantile {q} is {answer}, exactly {exact}"
    );
}

/// Which of `contexts` contexts each of [`VALUES`] points goes to: uniform, always the same.
pub fn targets(contexts: usize) -> Vec<u32> {
    let mut random = Random::new(2);
    (0..VALUES)
        .map(|_| (random.next() % contexts as u64) as u32)
        .collect()
}

/// Three tags of realistic length; the last one tells contexts apart.
pub fn three_tags(i: usize) -> [String; 3] {
    [
        "env:production".into(),
        "service:checkout".into(),
        format!("endpoint:/v1/items/{i:04}"),
    ]
}

/// splitmix64 (Steele, Lea, Flood 2014), and normal values by Box and Muller.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// A generator that depends on nothing but `seed`.
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// 64 uniform bits.
    #[expect(
        clippy::should_implement_trait,
        reason = "it never ends; an Option would be noise"
    )]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in (0, 1].
    fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// Normal with mean 0 and variance 1.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_lognormal() {
        let logs: Vec<f64> = values().iter().map(|v| (v / 100.0).ln()).collect();
        let mean = logs.iter().sum::<f64>() / VALUES as f64;
        let variance = logs.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / VALUES as f64;
        assert!(mean.abs() < 0.01, "{mean}");
        assert!((variance - 1.0).abs() < 0.02, "{variance}");
        assert!((exact_quantile(0.5) - 100.0).abs() < 2.0);
    }
}
