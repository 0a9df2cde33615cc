//! The two batch loops of a sketch, exchangeable.
//!
//! This crate has no `unsafe`, so it cannot ask the processor for more than the compiler was told.
//! A caller that can compiles [`keys`](crate::key::keys) and
//! [`Summary::insert_many`](crate::Summary::insert_many) once more inside functions with
//! `#[target_feature]`, and passes those.

use crate::{Summary, key};

/// The loops a [`Sketch`](crate::Sketch) runs over its batches.
///
/// A kernel decides how fast, never what: the functions must give exactly what the portable ones
/// give. With others, the sketch is no longer the Agent's, but nothing worse happens.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// Writes the key of each value, and gives whether all values are finite; both slices have the
    /// same length.
    pub keys: fn(&[f64], &mut [i16]) -> bool,
    /// Adds the values, all finite, in order.
    pub summary: fn(&mut Summary, &[f64]),
}

impl Kernel {
    /// The loops as compiled for the target's baseline.
    pub const PORTABLE: Kernel = Kernel {
        keys: |values, out| key::keys(values, out),
        summary: |summary, values| summary.insert_many(values),
    };
}

impl Default for Kernel {
    fn default() -> Self {
        Self::PORTABLE
    }
}
