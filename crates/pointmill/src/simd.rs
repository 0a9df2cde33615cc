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

#[cfg(all(target_arch = "x86_64", not(miri)))]
macro_rules! form {
    ($(#[$meta:meta])* $name:ident, $features:literal, $($feature:tt),+) => {
        $(#[$meta])*
        mod $name {
            use ddsketch_agent::{Kernel, Summary, key};

            pub(super) const KERNEL: Kernel = Kernel { keys, summary };

            pub(super) fn is_available() -> bool {
                $(std::arch::is_x86_feature_detected!($feature))&&+
            }

            #[target_feature(enable = $features)]
            fn keys_here(values: &[f64], out: &mut [i16]) -> bool {
                key::keys(values, out)
            }

            #[target_feature(enable = $features)]
            fn summary_here(summary: &mut Summary, values: &[f64]) {
                summary.insert_many(values);
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
    avx2, "avx2,bmi1,bmi2", "avx2", "bmi1", "bmi2"
);
#[cfg(all(target_arch = "x86_64", not(miri)))]
form!(
    /// AVX-512 in the set that Skylake-SP and Zen 4 share.
    avx512, "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2",
    "avx512f", "avx512bw", "avx512dq", "avx512vl", "bmi1", "bmi2"
);

#[cfg(test)]
mod tests {
    use super::*;
    use ddsketch_agent::Summary;
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
