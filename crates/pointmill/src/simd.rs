//! Which form of the sketch's batch loops this processor runs.
//!
//! The loops are written once, in `ddsketch-agent`, in a form that the compiler can vectorise, and
//! compiled here for several instruction sets; which one runs is decided when an engine is made.
//! All give the same bits: Rust never fuses a multiplication and an addition by itself, and the
//! vectors' operations round as the single ones do. On aarch64 NEON is part of the baseline, so the
//! portable form is the NEON form.
//!
//! One of the modules with unsafe code: a function that is compiled for more instructions may only
//! be called where they exist.

use ddsketch_agent::Kernel;
#[cfg(all(target_arch = "x86_64", not(miri)))]
use ddsketch_agent::{Summary, key};

/// The fastest loops there are for this processor; they give the same bits as
/// [`Kernel::PORTABLE`].
#[must_use]
pub fn kernel() -> Kernel {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        if avx512::is_available() {
            return avx512::KERNEL;
        }
        if avx2::is_available() {
            return avx2::KERNEL;
        }
    }
    Kernel::PORTABLE
}

/// Functions for processors with AVX-512.
#[cfg(all(target_arch = "x86_64", not(miri)))]
macro_rules! avx512 {
    ($($(#[$meta:meta])* $visibility:vis fn $name:ident($($arg:tt)*) $(-> $result:ty)? $body:block)*) => {
        $(
            $(#[$meta])*
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,fma")]
            #[inline]
            $visibility fn $name($($arg)*) $(-> $result)? $body
        )*
    };
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod blocks;
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod keys;

#[cfg(all(target_arch = "x86_64", not(miri)))]
macro_rules! form {
    ($(#[$meta:meta])* $name:ident, $keys:expr, $summary:expr, $features:literal, $($feature:tt),+) => {
        $(#[$meta])*
        mod $name {
            use ddsketch_agent::{Kernel, Summary};

            pub(super) const KERNEL: Kernel = Kernel { keys, summary };

            pub(super) fn is_available() -> bool {
                $(std::arch::is_x86_feature_detected!($feature))&&+
            }

            #[target_feature(enable = $features)]
            fn keys_here(values: &[f64], out: &mut [i16]) -> bool {
                $keys(values, out)
            }

            #[target_feature(enable = $features)]
            fn summary_here(summary: &mut Summary, values: &[f64]) {
                $summary(summary, values);
            }

            fn keys(values: &[f64], out: &mut [i16]) -> bool {
                // SAFETY: KERNEL is handed out only after `is_available` said that the processor
                // has these instructions.
                unsafe { keys_here(values, out) }
            }

            fn summary(summary: &mut Summary, values: &[f64]) {
                // SAFETY: as in `keys`.
                unsafe { summary_here(summary, values) }
            }
        }
    };
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
form!(
    /// AVX2: Intel since 2013, AMD since 2015, all of AWS Lambda's x86_64 machines.
    avx2, super::keys_everywhere, Summary::insert_many, "avx2,bmi1,bmi2,fma", "avx2", "bmi1", "bmi2", "fma"
);
#[cfg(all(target_arch = "x86_64", not(miri)))]
form!(
    /// AVX-512 in the set that Skylake-SP and Zen 4 share.
    avx512, super::keys::keys, super::summary_by_blocks, "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,fma",
    "avx512f", "avx512bw", "avx512dq", "avx512vl", "bmi1", "bmi2", "fma"
);

/// The keys as everywhere, with the instruction that multiplies and adds.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
fn keys_everywhere(values: &[f64], out: &mut [i16]) -> bool {
    key::keys_with(values, out, |a, b, c| a.mul_add(b, c))
}

/// Adds the values by blocks where that goes, and otherwise as everywhere.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,fma")]
fn summary_by_blocks(summary: &mut Summary, values: &[f64]) {
    let before = blocks::COUNT_LEAST.saturating_sub(summary.count);
    let (first, rest) = values.split_at(values.len().min(before as usize));
    as_everywhere(summary, first);
    let (mut rest, last) = rest.as_chunks::<{ blocks::BLOCK }>();
    loop {
        rest = &rest[blocks::add(summary, rest)..];
        let Some((block, others)) = rest.split_first() else {
            break;
        };
        as_everywhere(summary, block);
        rest = others;
    }
    as_everywhere(summary, last);
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,fma")]
#[inline(never)]
fn as_everywhere(summary: &mut Summary, values: &[f64]) {
    summary.insert_many(values);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ddsketch_agent::key::key;
    use proptest::prelude::*;

    fn kernels() -> Vec<Kernel> {
        let mut kernels = vec![kernel()];
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if avx2::is_available() {
            kernels.push(avx2::KERNEL);
        }
        kernels
    }

    /// Bits, with every NaN taken for one: which NaN an operation yields is not specified.
    fn bits(s: Summary) -> [u64; 5] {
        let bits = |v: f64| if v.is_nan() { u64::MAX } else { v.to_bits() };
        [s.count, bits(s.min), bits(s.max), bits(s.sum), bits(s.avg)]
    }

    /// What one insert after the other gives, and what each kernel gives for columns of `column`.
    fn assert_equals_a_loop(start: Summary, values: &[f64], column: usize) {
        let mut one_by_one = start;
        values.iter().for_each(|v| one_by_one.insert(*v));
        for kernel in kernels() {
            let mut summary = start;
            for column in values.chunks(column) {
                (kernel.summary)(&mut summary, column);
            }
            assert_eq!(
                bits(summary),
                bits(one_by_one),
                "{start:?}, column {column}"
            );
        }
    }

    /// A summary of so many values that columns are done by blocks.
    fn long(values: impl Fn(usize) -> f64) -> Summary {
        let mut summary = Summary::default();
        (0..3000).for_each(|i| summary.insert(values(i)));
        summary
    }

    /// Numbers without pattern between 0 and 1.
    fn noise(i: usize) -> f64 {
        (i as u64)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(31) as f64
            / u64::MAX as f64
    }

    #[test]
    fn long_columns_of_many_shapes_are_those_of_a_loop() {
        type Shape = fn(usize) -> f64;
        let shapes: [Shape; 9] = [
            |i| 100.0 * (4.0 * noise(i)).exp(),
            |i| -100.0 * (4.0 * noise(i)).exp(),
            // The sum goes up and down through the ends of its binade, the mean through zero.
            |i| 1e3 * (noise(i) - 0.5),
            |i| if i % 700 < 350 { 1.0 } else { -1.0 } * noise(i),
            // Halfway between neighbours of the sum, again and again.
            |i| 1.0 + (i % 3) as f64 * f64::EPSILON,
            |i| (i % 5) as f64 * 0.125 + f64::EPSILON * 1024.0,
            |i| if i % 97 == 0 { 1e9 } else { 1e-9 } * noise(i),
            |i| i as f64,
            |_| 0.1,
        ];
        for shape in shapes {
            let values: Vec<f64> = (3000..23_000).map(shape).collect();
            for column in [20_000, 1000, 256, 100] {
                assert_equals_a_loop(long(shape), &values, column);
            }
        }
    }

    #[test]
    fn a_sum_that_leaves_its_binade_inside_a_block_is_that_of_a_loop() {
        // Sums just below and at powers of two, where the unit of the last place changes; a value
        // takes the sum over the end at each place of a block, or back.
        for unit in [1.0, f64::from_bits(1.0_f64.to_bits() + 1), 0.75] {
            for at in 0..64 {
                for (from, jump) in [
                    (4096.0, 8192.0),
                    (8191.0, 2.0),
                    (8193.0, -2.0),
                    (8192.0, 0.0),
                ] {
                    let start = Summary {
                        count: 4096,
                        min: -1.0,
                        max: 9e3,
                        sum: from,
                        avg: 1.0,
                    };
                    let mut values = [unit * f64::EPSILON * 1024.0; 192];
                    values[64 + at] = jump;
                    assert_equals_a_loop(start, &values, 192);
                    assert_equals_a_loop(
                        Summary {
                            sum: -from,
                            avg: -1.0,
                            ..start
                        },
                        &values.map(|v| -v),
                        192,
                    );
                }
            }
        }
    }

    #[test]
    fn a_sum_that_is_in_its_binade_before_and_after_is_that_of_a_loop() {
        let unit = 4096.0 * f64::EPSILON;
        let (above, next) = (8192.0 - unit, 8192.0 + 2.0 * unit);
        for at in 0..63 {
            for (sum, values_at) in [
                // A quarter more than one unit above the binade, where doubles are two units apart:
                // it counts as two.
                (above, [2.25 * unit, -2.0]),
                // Below the binade, where they are half as far apart.
                (next, [-2.75 * unit, 2.0 - 0.5 * unit]),
                // Within it, by a value so large that its own rounding needs a look.
                (8292.0, [5000.0 + 2.0 * unit, 0.0]),
            ] {
                // A mean that stays in its own binade, or the guess of it would fail before.
                let count = 8050;
                let start = Summary {
                    count,
                    min: -9.0,
                    max: 9.0,
                    sum,
                    avg: sum / count as f64,
                };
                let mut values = [0.0; 128];
                values[at..at + 2].copy_from_slice(&values_at);
                assert_equals_a_loop(start, &values, 128);
            }
        }
    }

    #[test]
    fn the_first_of_two_zeros_stays_the_extreme_of_long_columns() {
        for at in 0..64 {
            let mut values = [5.0; 256];
            (values[70], values[64 + at], values[130]) = (0.0, -0.0, 0.0);
            assert_equals_a_loop(long(|_| 5.0), &values, 256);
            assert_equals_a_loop(long(|_| -5.0), &values.map(|v| -v), 256);
        }
    }

    #[test]
    fn sizes_at_the_ends_of_the_range_are_those_of_a_loop() {
        for size in [
            1e-320,
            f64::MIN_POSITIVE,
            1e-300,
            1e250,
            1e300,
            f64::MAX / 4096.0,
        ] {
            let values: Vec<f64> = (0..2000).map(|i| size * noise(i)).collect();
            assert_equals_a_loop(long(|i| size * noise(i + 1)), &values, 500);
        }
        let values: Vec<f64> = (0..2000).map(noise).collect();
        for count in [1 << 40, (1 << 52) - 500, 1 << 53] {
            let start = Summary {
                count,
                min: 0.1,
                max: 0.9,
                sum: count as f64 / 2.0,
                avg: 0.5,
            };
            assert_equals_a_loop(start, &values, 2000);
        }
    }

    #[test]
    fn keys_of_all_mantissas_and_numbers_of_values_are_those_of_key() {
        for kernel in kernels() {
            for (exponent, sign) in [(993, 0), (1029, 1 << 63), (1727, 0)] {
                // The first double of each upper half, and the last.
                for rest in [0, 0xffff_ffff] {
                    let value = |x: u64| f64::from_bits(sign | exponent << 52 | x << 32 | rest);
                    let values: Vec<f64> = (0..1 << 20).map(value).collect();
                    let mut found = vec![0; values.len()];
                    assert!((kernel.keys)(&values, &mut found));
                    assert!(values.iter().zip(&found).all(|(v, k)| key(*v) == *k));
                }
            }
            let values: Vec<f64> = (0..70).map(|i| 1e3 * (noise(i) - 0.5)).collect();
            for len in 0..values.len() {
                let mut found = vec![0; len];
                assert!((kernel.keys)(&values[..len], &mut found));
                assert!(values.iter().zip(&found).all(|(v, k)| key(*v) == *k));
            }
        }
    }

    #[test]
    fn keys_see_values_that_are_not_finite() {
        for kernel in kernels() {
            for bad in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -f64::NAN] {
                for at in [0, 15, 16, 39] {
                    let (mut values, mut found) = ([1.0; 40], [0; 40]);
                    values[at] = bad;
                    assert!(!(kernel.keys)(&values, &mut found));
                    assert_eq!(found[at], key(bad));
                    assert!((kernel.keys)(&values[..at], &mut found[..at]));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn every_form_gives_the_portable_bits(
            mut values in prop::collection::vec(
                prop_oneof![
                    -1e3..1e6f64,
                    prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
                ],
                0..700,
            ),
            sorted: bool,
        ) {
            if sorted {
                values.sort_by(f64::total_cmp);
            }
            let (mut expected, mut expected_keys) = (Summary::default(), vec![0; values.len()]);
            (Kernel::PORTABLE.keys)(&values, &mut expected_keys);
            (Kernel::PORTABLE.summary)(&mut expected, &values);
            for kernel in kernels() {
                let (mut summary, mut keys) = (Summary::default(), vec![0; values.len()]);
                (kernel.keys)(&values, &mut keys);
                (kernel.summary)(&mut summary, &values);
                prop_assert_eq!(&keys, &expected_keys);
                prop_assert_eq!(bits(summary), bits(expected));
            }
        }
    }
}
