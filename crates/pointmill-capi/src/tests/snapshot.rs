//! Snapshots and payloads.

use std::fmt::Write as _;
use std::ptr;

use super::fixture::Fixture;
use super::layout::{size_of_field, zeroed_like};
use super::structs::{entry, payload, skipped, stats};
use super::{Call, NONE};
use crate::codes::*;
use crate::engine::*;
use crate::payloads::*;
use crate::snapshot::*;
use crate::text::*;

pub(super) fn calls() -> Vec<Call> {
    let calls: [Call; 10] = calls! { f:
        pointmill_stats(f.engine, &mut stats());
        pointmill_snapshot_entry(f.snapshot, 0, &mut entry());
        pointmill_snapshot_tag(f.snapshot, 0, 0, &mut pointmill_str::lend(""));
        pointmill_snapshot_quantile(f.snapshot, 0, 0.5, &mut 0.0);
        pointmill_snapshot_sketch(f.snapshot, 0, &mut ptr::null_mut());
        pointmill_snapshot_merge(ptr::null(), 0, &mut ptr::null_mut());
        pointmill_snapshot_group_by(f.snapshot, ptr::null(), 0, 0, &mut ptr::null_mut());
        pointmill_encode(f.snapshot, f.config, &mut ptr::null_mut(), NONE);
        pointmill_payloads_get(f.payloads, 0, &mut payload());
        pointmill_payloads_skipped(f.payloads, 0, &mut skipped());
    };
    calls.to_vec()
}

/// The lines of its structs.
pub(super) fn layout(out: &mut String) {
    layout!(
        out,
        pointmill_entry {
            struct_size,
            kind,
            name,
            interval,
            interval_s,
            series,
            tags_len,
            points,
            value,
            summary
        }
    );
    layout!(
        out,
        pointmill_payload {
            struct_size,
            reserved,
            path,
            content_type,
            encoding,
            body,
            body_len,
            points,
            entries
        }
    );
    layout!(
        out,
        pointmill_skipped {
            struct_size,
            reserved,
            cause,
            detail,
            entries,
            points,
            values
        }
    );
}
