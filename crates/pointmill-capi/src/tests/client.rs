//! Clients.

use std::fmt::Write as _;
use std::ptr;

use super::fixture::{Fixture, client_new_with};
use super::layout::{size_of_field, zeroed_like};
use super::structs::client_stats;
use super::{Call, NONE};
use crate::client::*;
use crate::client_stats::*;
use crate::codes::*;

pub(super) fn calls() -> Vec<Call> {
    let with_status: [Call; 6] = calls! { f:
        pointmill_client_start(f.client);
        pointmill_client_flush(f.client, 0, 0);
        pointmill_client_close(f.client, 0);
        pointmill_client_stats_get(f.client, &mut client_stats());
        pointmill_client_last_failure(f.client, ptr::null_mut(), 0, &mut 0);
        // Without a key it is refused; the boundary is passed all the same.
        pointmill_client_new(f.engine, f.config, &mut ptr::null_mut(), NONE);
    };
    let mut calls = with_status.to_vec();
    calls.push(("pointmill_client_new_with", |f| {
        let mut out = ptr::null_mut();
        let panicked = c!(client_new_with(f.engine, f.config, &mut out)) == POINTMILL_E_PANIC;
        c!(pointmill_client_free(out));
        panicked
    }));
    calls
}

/// The lines of its structs.
pub(super) fn layout(out: &mut String) {
    layout!(
        out,
        pointmill_client_stats {
            struct_size,
            reserved,
            flushed,
            adopted,
            accepted,
            queued,
            spooled,
            handed_over,
            skipped,
            dropped,
            dropped_queue_full,
            dropped_spool_full,
            dropped_spool_failed,
            dropped_expired,
            dropped_too_large,
            dropped_bad_request,
            dropped_forbidden,
            dropped_refused,
            dropped_closed,
            dropped_not_encoded,
            skipped_sketch_in_scalar_format,
            skipped_scalar_in_sketch_format,
            skipped_histogram_in_distribution_format,
            skipped_too_large,
            skipped_not_finite,
            skipped_unusable_name,
            skipped_no_values,
            skipped_expansion_limit,
            uncertain,
            dropped_uncertain,
            requests,
            failures,
            failed_connect,
            failed_timeout,
            failed_transport,
            failed_answer,
            failed_throttled,
            failed_server,
            failed_status,
            failed_key,
            stale_connections,
            splits,
            batches_queued,
            batches_spooled,
            queue_bytes,
            spool_damaged_files
        }
    );
}
