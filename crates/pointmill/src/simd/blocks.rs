//! A column's summary with AVX-512: [`Summary::insert_many`]'s guess and proof, 64 values at a time
//! in eight vectors, without a chain of additions from value to value.
//!
//! ```text
//! lane j of vector i = value 8j + i: a lane has eight values in a row
//!
//! sums    r = v rounded to the unit u of the sum's last place       (v + M) - M,  M = 1.5·2^e
//!         sum[i] = sum + all r up to i                              exact in any order, so by lanes
//! mean    step[i] = (v[i] - (sum[i]/n[i] + shift)) / (n[i] - 1)     a guess, as in `insert_many`
//!         s[i] = avg + all steps up to i, each rounded to avg's last place
//! proof   s[i-1] + (v[i] - s[i-1]) / n[i] is s[i] for all i         the Agent's own expression
//! ```
//!
//! The sum is the one that an addition after the other gives, if
//!
//! * no v lies halfway between two multiples of u (the sum's parity would decide), and none is
//!   larger than 2^51 u, so that r is right;
//! * every sum lies above 2^e and below 2^(e+1), where doubles are the multiples of u. Then the
//!   difference of any two of them is a multiple of u below 2^52 u, so what the lanes add up on the
//!   way is exact. The first sum that leaves the range is one step of at most 2^51 u outside, which
//!   is still exact, or rounds to no less than 2^(e+1): it is seen.
//!
//! Where one of that does not hold, or the proof fails, [`add`] stops before the block.

use std::arch::x86_64::{
    __m512d, __m512i, _CMP_EQ_OQ, _MM_CMPINT_NLT, _mm512_add_pd, _mm512_alignr_epi64,
    _mm512_castpd_si512, _mm512_castsi512_pd, _mm512_cmp_epu64_mask, _mm512_cmp_pd_mask,
    _mm512_cvtsd_f64, _mm512_div_pd, _mm512_fmadd_pd, _mm512_fnmadd_pd, _mm512_loadu_pd,
    _mm512_maskz_permutexvar_pd, _mm512_max_epu64, _mm512_max_pd, _mm512_min_pd, _mm512_mul_pd,
    _mm512_permutexvar_pd, _mm512_range_pd, _mm512_rcp14_pd, _mm512_reduce_max_pd,
    _mm512_reduce_min_pd, _mm512_set1_epi64, _mm512_set1_pd, _mm512_setr_pd, _mm512_setzero_pd,
    _mm512_setzero_si512, _mm512_shuffle_f64x2, _mm512_sub_epi64, _mm512_sub_pd,
    _mm512_ternarylogic_epi64, _mm512_test_epi64_mask, _mm512_unpackhi_pd, _mm512_unpacklo_pd,
};

use ddsketch_agent::Summary;

/// Values in a block.
pub(super) const BLOCK: usize = 64;
/// Vectors in a block, and values in a vector.
const LANES: usize = 8;

/// Values from which on blocks pay. Before it the sum is so small beside a value that one of 64 is
/// often halfway between two of its neighbours, and the mean moves too much for a good guess.
pub(super) const COUNT_LEAST: u64 = 2048;
/// Up to here counts are exact as doubles.
const COUNT_MOST: u64 = 1 << 52;

const EXPONENT: u64 = 0x7ff0_0000_0000_0000;
const MANTISSA: u64 = (1 << 52) - 1;
/// a | (b ^ c), as a table for the ternary instruction.
const OR_XOR: i32 = 0xf6;

avx512! {
    /// Adds the first of `blocks`, all finite, as long as that goes by blocks; how many it did.
    pub(super) fn add(summary: &mut Summary, blocks: &[[f64; BLOCK]]) -> usize {
        let exponent = summary.sum.to_bits() & EXPONENT;
        // Far from where a unit of the last place, or a sum, has no exponent of its own.
        let normal = ((64 << 52)..(1984 << 52)).contains(&exponent);
        if !normal || !(COUNT_LEAST..COUNT_MOST).contains(&summary.count) {
            return 0;
        }
        let round = |exponent: u64| _mm512_set1_pd(f64::from_bits(exponent | 1 << 51));
        let to_sum = round(exponent);
        let to_mean = round(summary.avg.to_bits() & EXPONENT);
        let half_unit = _mm512_set1_pd(f64::from_bits(exponent - (53 << 52)));
        let least = (summary.sum.to_bits() & !MANTISSA) + 1;
        let least = _mm512_set1_epi64(least.cast_signed());

        let mut low = _mm512_set1_pd(summary.min);
        let mut high = _mm512_set1_pd(summary.max);
        let (mut sum, mut mean) = (_mm512_set1_pd(summary.sum), _mm512_set1_pd(summary.avg));
        let mut count = summary.count as f64;
        let mut done = 0;
        for block in blocks {
            let values = by_lanes(block);
            let (block_low, block_high) = extremes(&values, low, high);
            let (sums, sums_hold) = sums(&values, sum, to_sum, half_unit, least);
            let shift = _mm512_cvtsd_f64(mean) - _mm512_cvtsd_f64(sum) / count;
            let guess = guess(&values, &sums, count, shift, mean, to_mean);
            if !sums_hold || !is_course_of_mean(&guess, &values, count, mean) {
                break;
            }
            (low, high) = (block_low, block_high);
            (sum, mean) = (last(sums[LANES - 1]), last(guess[LANES - 1]));
            count += BLOCK as f64;
            done += 1;
        }
        summary.count += (done * BLOCK) as u64;
        summary.sum = _mm512_cvtsd_f64(sum);
        summary.avg = _mm512_cvtsd_f64(mean);
        let (low, high) = (_mm512_reduce_min_pd(low), _mm512_reduce_max_pd(high));
        summary.extend_range(low, high, blocks[..done].as_flattened());
        done
    }

    /// The values as the outline above has them.
    fn by_lanes(block: &[f64; BLOCK]) -> [__m512d; LANES] {
        let (rows, _) = block.as_chunks::<LANES>();
        let row = |i: usize| {
            // SAFETY: a row has the eight doubles that are read; any alignment will do.
            unsafe { _mm512_loadu_pd(rows[i].as_ptr()) }
        };
        let pairs = |i| {
            let (a, b) = (row(i), row(i + 1));
            (_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b))
        };
        // Of both the even quarters, or the odd ones.
        let even = |a, b| _mm512_shuffle_f64x2::<0x88>(a, b);
        let odd = |a, b| _mm512_shuffle_f64x2::<0xdd>(a, b);
        let ((a, b), (c, d), (e, f), (g, h)) = (pairs(0), pairs(2), pairs(4), pairs(6));
        let (p, q, r, s) = (even(a, c), even(b, d), odd(a, c), odd(b, d));
        let (t, u, v, w) = (even(e, g), even(f, h), odd(e, g), odd(f, h));
        [
            even(p, t), even(q, u), even(r, v), even(s, w),
            odd(p, t), odd(q, u), odd(r, v), odd(s, w),
        ]
    }

    fn extremes(
        values: &[__m512d; LANES],
        mut low: __m512d,
        mut high: __m512d,
    ) -> (__m512d, __m512d) {
        for v in values {
            low = _mm512_min_pd(*v, low);
            high = _mm512_max_pd(*v, high);
        }
        (low, high)
    }

    /// The sum after each value, and whether they are those of one addition after the other.
    fn sums(
        values: &[__m512d; LANES],
        sum: __m512d,
        to_sum: __m512d,
        half_unit: __m512d,
        least: __m512i,
    ) -> ([__m512d; LANES], bool) {
        /// Of two doubles the larger without sign.
        const LARGER: i32 = 0b1011;
        let mut rounded = *values;
        let (mut exponents, mut rest) = (_mm512_setzero_si512(), _mm512_setzero_pd());
        for v in &mut rounded {
            let shifted = _mm512_add_pd(*v, to_sum);
            exponents = or_differing(exponents, shifted, to_sum);
            let r = _mm512_sub_pd(shifted, to_sum);
            rest = _mm512_range_pd::<LARGER>(rest, _mm512_sub_pd(*v, r));
            *v = r;
        }
        let sums = running(rounded, sum);
        let mut above = _mm512_setzero_si512();
        for sum in &sums {
            let above_least = _mm512_sub_epi64(_mm512_castpd_si512(*sum), least);
            above = _mm512_max_epu64(above, above_least);
        }
        let range = _mm512_set1_epi64(MANTISSA.cast_signed());
        let fails = _mm512_test_epi64_mask(exponents, _mm512_set1_epi64((!MANTISSA).cast_signed()))
            | _mm512_cmp_pd_mask::<_CMP_EQ_OQ>(rest, half_unit)
            | _mm512_cmp_epu64_mask::<_MM_CMPINT_NLT>(above, range);
        (sums, fails == 0)
    }

    /// A guess of the mean after each value.
    fn guess(
        values: &[__m512d; LANES],
        sums: &[__m512d; LANES],
        count: f64,
        shift: f64,
        mean: __m512d,
        to_mean: __m512d,
    ) -> [__m512d; LANES] {
        let shift = _mm512_set1_pd(shift);
        let mut counts = counts(count);
        let mut one_before = reciprocal(counts);
        let mut steps = *values;
        for (v, sum) in steps.iter_mut().zip(sums) {
            counts = _mm512_add_pd(counts, _mm512_set1_pd(1.0));
            let one = reciprocal(counts);
            let after = _mm512_fmadd_pd(*sum, one, shift);
            let step = _mm512_mul_pd(_mm512_sub_pd(*v, after), one_before);
            *v = _mm512_sub_pd(_mm512_add_pd(step, to_mean), to_mean);
            one_before = one;
        }
        running(steps, mean)
    }

    /// Whether the Agent's recurrence leads from `mean` through `course`.
    fn is_course_of_mean(
        course: &[__m512d; LANES],
        values: &[__m512d; LANES],
        count: f64,
        mean: __m512d,
    ) -> bool {
        let ends = _mm512_castpd_si512(course[LANES - 1]);
        // What precedes a lane's first value is the end of the lane before.
        let ends = _mm512_alignr_epi64::<{ LANES as i32 - 1 }>(ends, _mm512_castpd_si512(mean));
        let mut before = _mm512_castsi512_pd(ends);
        let mut counts = counts(count);
        let mut differing = _mm512_setzero_si512();
        for (v, guessed) in values.iter().zip(course) {
            counts = _mm512_add_pd(counts, _mm512_set1_pd(1.0));
            let step = _mm512_div_pd(_mm512_sub_pd(*v, before), counts);
            differing = or_differing(differing, _mm512_add_pd(before, step), *guessed);
            before = *guessed;
        }
        _mm512_test_epi64_mask(differing, differing) == 0
    }

    /// The number of values before each lane's first.
    fn counts(count: f64) -> __m512d {
        let lanes = _mm512_setr_pd(0.0, 8.0, 16.0, 24.0, 32.0, 40.0, 48.0, 56.0);
        _mm512_add_pd(_mm512_set1_pd(count), lanes)
    }

    /// `start` and all addends up to each, lane after lane.
    fn running(mut addends: [__m512d; LANES], start: __m512d) -> [__m512d; LANES] {
        for i in 1..LANES {
            addends[i] = _mm512_add_pd(addends[i - 1], addends[i]);
        }
        let totals = addends[LANES - 1];
        // The totals of all lanes before each, side by side: a scan by doubling would wait longer.
        let after = |lane: u32| {
            let lanes = (0xfe_u32 << lane) as u8;
            _mm512_maskz_permutexvar_pd(lanes, _mm512_set1_epi64(i64::from(lane)), totals)
        };
        let four = _mm512_add_pd(
            _mm512_add_pd(after(0), after(1)),
            _mm512_add_pd(after(2), after(3)),
        );
        let three = _mm512_add_pd(_mm512_add_pd(after(4), after(5)), after(6));
        let before = _mm512_add_pd(start, _mm512_add_pd(four, three));
        addends.map(|sum| _mm512_add_pd(before, sum))
    }

    /// 1/n, nearly.
    fn reciprocal(n: __m512d) -> __m512d {
        // To 14 bits, and twice as many by each step.
        let r = _mm512_rcp14_pd(n);
        let e = _mm512_fnmadd_pd(n, r, _mm512_set1_pd(1.0));
        let r = _mm512_fmadd_pd(r, e, r);
        _mm512_fmadd_pd(r, _mm512_mul_pd(e, e), r)
    }

    /// The last lane's value in all lanes.
    fn last(v: __m512d) -> __m512d {
        _mm512_permutexvar_pd(_mm512_set1_epi64(LANES as i64 - 1), v)
    }

    /// `seen`, and the bits in which a and b differ.
    fn or_differing(seen: __m512i, a: __m512d, b: __m512d) -> __m512i {
        let (a, b) = (_mm512_castpd_si512(a), _mm512_castpd_si512(b));
        _mm512_ternarylogic_epi64::<OR_XOR>(seen, a, b)
    }
}
