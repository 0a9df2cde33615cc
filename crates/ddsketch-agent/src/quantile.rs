//! The two ways to read a quantile from bins: the accurate one and the Agent's.
//!
//! Both look for the value of rank r = roundTiesToEven(q · (N − 1)) among the N values in
//! ascending order, r from 0, and find the bin it is in. They differ in what they answer for a bin.

use crate::{Summary, key};

/// The [`representative`](key::representative) of the bin that holds the value of rank r, kept
/// within minimum and maximum; `None` without values or for a NaN. `key_at` finds the key of the
/// value of a rank, if the bins have so many.
pub(crate) fn accurate(
    summary: &Summary,
    total: u64,
    q: f64,
    key_at: impl FnOnce(u64) -> Option<i16>,
) -> Option<f64> {
    if let Some(end) = end(summary, total, q)? {
        return Some(end);
    }
    let Some(k) = key_at(rank(total, q) as u64) else {
        return Some(summary.max);
    };
    // Not `clamp`, which panics when a decoded summary has min > max.
    Some(key::representative(k).max(summary.min).min(summary.max))
}

/// The key of the value of this rank, from bins in ascending order.
pub(crate) fn key_at(mut bins: impl Iterator<Item = (i16, u64)>, rank: u64) -> Option<i16> {
    let mut seen = 0u64;
    let found = bins.find(|(_, n)| {
        seen = seen.saturating_add(*n);
        seen > rank
    });
    found.map(|(k, _)| k)
}

/// The Agent's interpolation between the centre of that bin and the centre of the next key, with
/// the minimum as the near end of the first bin. Off by up to 2.4 %, and not kept within the
/// extremes, but the number an Agent would give, to the bit.
///
/// The bins of both signs are interpolated towards the larger magnitude, as the Agent does it.
pub(crate) fn agent(
    summary: &Summary,
    total: u64,
    bins: impl Iterator<Item = (i16, u64)>,
    q: f64,
) -> Option<f64> {
    if let Some(end) = end(summary, total, q)? {
        return Some(end);
    }
    let rank = rank(total, q);
    let mut seen = 0.0;
    for (i, (k, n)) in bins.enumerate() {
        seen += n as f64;
        if seen <= rank {
            continue;
        }
        let weight = (seen - rank) / n as f64;
        let centre = key::lower_bound(k);
        let low = if i == 0 { summary.min } else { centre };
        let high = centre * key::GAMMA;
        return Some(low * weight + high * (1.0 - weight));
    }
    Some(summary.max)
}

/// The extreme for q ≤ 0 or q ≥ 1, `Some(None)` between them, `None` if there is no answer.
fn end(summary: &Summary, total: u64, q: f64) -> Option<Option<f64>> {
    if total == 0 || q.is_nan() {
        None
    } else if q <= 0.0 {
        Some(Some(summary.min))
    } else if q >= 1.0 {
        Some(Some(summary.max))
    } else {
        Some(None)
    }
}

/// roundTiesToEven(q · (total − 1)) for 0 < q < 1.
fn rank(total: u64, q: f64) -> f64 {
    const TWO_52: f64 = (1u64 << 52) as f64;
    let exact = q * (total - 1) as f64;
    // Adding 2^52 leaves no room for a fraction; `core` has no rounding function.
    if exact < TWO_52 {
        (exact + TWO_52) - TWO_52
    } else {
        exact
    }
}
