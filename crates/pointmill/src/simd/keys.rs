//! [`key::keys`](ddsketch_agent::key::keys) with AVX-512: the same estimate, sixteen values at a time
//! from the doubles to the stored keys, where the portable form makes several passes.

use std::arch::x86_64::{
    __m512i, _mm256_storeu_si256, _mm512_add_epi32, _mm512_add_ps, _mm512_and_si512,
    _mm512_castps_si512, _mm512_cmpeq_epi32_mask, _mm512_cvtepi32_epi16, _mm512_cvtepi32_ps,
    _mm512_fmadd_ps, _mm512_loadu_si512, _mm512_mask_sub_epi32, _mm512_max_epi32, _mm512_min_epi32,
    _mm512_movepi32_mask, _mm512_mul_ps, _mm512_mullo_epi32, _mm512_permutex2var_epi32,
    _mm512_reduce_max_epi32, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setr_epi32,
    _mm512_setzero_si512, _mm512_srai_epi32, _mm512_srli_epi32, _mm512_testn_epi32_mask,
};

use ddsketch_agent::key::{Estimate, key};

/// Values at a time.
const LANES: usize = 16;

avx512! {
    /// Writes the key of each of `values` to the same place of `out`; whether all are finite.
    pub(super) fn keys(values: &[f64], out: &mut [i16]) -> bool {
        let len = values.len().min(out.len());
        let (values, last) = values[..len].as_chunks::<LANES>();
        let (out, last_out) = out[..len].as_chunks_mut::<LANES>();
        let mut largest = _mm512_setzero_si512();
        for (values, out) in values.iter().zip(out) {
            largest = _mm512_max_epi32(largest, sixteen(values, out));
        }
        if !last.is_empty() {
            let (mut values, mut out) = ([0.0; LANES], [0; LANES]);
            values[..last.len()].copy_from_slice(last);
            largest = _mm512_max_epi32(largest, sixteen(&values, &mut out));
            last_out.copy_from_slice(&out[..last.len()]);
        }
        _mm512_reduce_max_epi32(largest) < (f64::INFINITY.to_bits() >> 32) as i32
    }

    /// The keys of sixteen values, and the values' upper halves without sign.
    fn sixteen(values: &[f64; LANES], out: &mut [i16; LANES]) -> __m512i {
        let int = |v| _mm512_set1_epi32(v);
        let coefficient = |i: usize| _mm512_set1_ps(Estimate::P[i]);
        let half = |i: usize| {
            // SAFETY: eight of the sixteen doubles, from the first or the ninth on; any alignment
            // will do.
            unsafe { _mm512_loadu_si512(values[i..].as_ptr().cast()) }
        };
        let odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
        let upper = _mm512_permutex2var_epi32(half(0), odd, half(LANES / 2));
        let whole_size = _mm512_and_si512(upper, int(i32::MAX));
        let size = _mm512_max_epi32(whole_size, int(Estimate::LOWEST));
        let size = _mm512_min_epi32(size, int(Estimate::HIGHEST));

        let x = _mm512_cvtepi32_ps(_mm512_and_si512(size, int(0xf_ffff)));
        let x2 = _mm512_mul_ps(x, x);
        let rest = _mm512_set1_ps(Estimate::REST);
        let low = _mm512_fmadd_ps(rest, _mm512_cvtepi32_ps(size), coefficient(0));
        let low = _mm512_fmadd_ps(coefficient(1), x, low);
        let middle = _mm512_fmadd_ps(coefficient(3), x, coefficient(2));
        let high = _mm512_fmadd_ps(coefficient(5), x, coefficient(4));
        let high = _mm512_fmadd_ps(coefficient(6), x2, high);
        let p = _mm512_fmadd_ps(middle, x2, low);
        let p = _mm512_fmadd_ps(high, _mm512_mul_ps(x2, x2), p);
        let p = _mm512_add_ps(p, _mm512_set1_ps(Estimate::TO_INTEGER));
        let octaves = _mm512_mullo_epi32(_mm512_srli_epi32::<20>(size), int(Estimate::OCTAVE));
        let octaves = _mm512_add_epi32(octaves, int(Estimate::ZERO));
        let f = _mm512_add_epi32(octaves, _mm512_castps_si512(p));

        let keys = _mm512_srai_epi32::<16>(f);
        // Bin 1 begins at its centre, so the estimate takes values of bin 0 for its.
        let in_doubt = _mm512_testn_epi32_mask(f, int(Estimate::NOT_IN_DOUBT))
            | _mm512_cmpeq_epi32_mask(keys, int(1));
        let negative = _mm512_movepi32_mask(upper);
        let keys = _mm512_mask_sub_epi32(keys, negative, _mm512_setzero_si512(), keys);
        let keys = _mm512_cvtepi32_epi16(keys);
        // SAFETY: `out` has the sixteen keys that are written; any alignment will do.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), keys) };
        if in_doubt != 0 {
            settle(values, out, in_doubt);
        }
        whole_size
    }
}

/// The keys of the values in doubt.
#[cold]
fn settle(values: &[f64; LANES], out: &mut [i16; LANES], in_doubt: u16) {
    for i in (0..LANES).filter(|i| in_doubt >> i & 1 == 1) {
        out[i] = key(values[i]);
    }
}
