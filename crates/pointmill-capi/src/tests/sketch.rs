//! Sketches.

use std::fmt::Write as _;
use std::ptr;

use super::fixture::Fixture;
use super::layout::{size_of_field, zeroed_like};
use super::structs::summary;
use super::{Call, NONE};
use crate::codes::*;
use crate::sketch::*;
use crate::sketch_bytes::*;

pub(super) fn calls() -> Vec<Call> {
    let calls: [Call; 15] = calls! { f:
        pointmill_sketch_new(&mut ptr::null_mut());
        pointmill_sketch_clone(f.sketch, &mut ptr::null_mut());
        pointmill_sketch_insert(f.sketch, 1.0);
        pointmill_sketch_insert_n(f.sketch, 1.0, 2);
        pointmill_sketch_insert_sampled(f.sketch, 1.0, 0.5);
        pointmill_sketch_insert_many(f.sketch, [1.0].as_ptr(), 1);
        pointmill_sketch_insert_interpolated(f.sketch, 1.0, 2.0, 3);
        pointmill_sketch_merge(f.sketch, f.sketch);
        pointmill_sketch_summary(f.sketch, &mut summary());
        pointmill_sketch_quantile(f.sketch, 0.5, &mut 0.0);
        pointmill_sketch_quantile_agent(f.sketch, 0.5, &mut 0.0);
        pointmill_sketch_bins(f.sketch, 1, [0; 9].as_mut_ptr(), [0; 9].as_mut_ptr(), 9, &mut 0);
        pointmill_sketch_key(1.0, &mut 0);
        pointmill_sketch_encode(f.sketch, 3, [0; 99].as_mut_ptr(), 99, &mut 0);
        pointmill_sketch_decode(3, ptr::null(), 0, &mut ptr::null_mut(), NONE);
    };
    calls.to_vec()
}

/// The lines of its structs.
pub(super) fn layout(out: &mut String) {
    layout!(
        out,
        pointmill_summary {
            struct_size,
            count,
            min,
            max,
            sum,
            avg
        }
    );
}
