//! AWS Lambda.

use std::fmt::Write as _;
use std::ptr;

use super::fixture::Fixture;
use super::layout::{size_of_field, zeroed_like};
use super::structs::{lambda_stats, lambda_trace};
use super::{Call, NONE};
use crate::codes::*;
use crate::lambda::*;
use crate::lambda_config::*;
use crate::lambda_invocation::*;
use crate::lambda_stats::*;
use crate::lambda_trace::*;
use crate::text::*;

pub(super) fn calls() -> Vec<Call> {
    const NO_TEXT: pointmill_str = pointmill_str {
        ptr: ptr::null(),
        len: 0,
    };
    let calls: [Call; 25] = calls! { f:
        pointmill_lambda_config_new(1, &mut ptr::null_mut());
        pointmill_lambda_config_env(f.lambda_config, pointmill_str::lend("DD_ENV"), NO_TEXT);
        pointmill_lambda_config_process_env(f.lambda_config);
        pointmill_lambda_config_set(f.lambda_config, c"env".as_ptr(), NO_TEXT, NONE);
        pointmill_lambda_new(f.lambda_config, &mut ptr::null_mut(), NONE);
        pointmill_lambda_mode(f.lambda, &mut 0);
        pointmill_lambda_setting(f.lambda, c"env".as_ptr(), &mut { NO_TEXT });
        pointmill_lambda_warnings(f.lambda, ptr::null_mut(), 0, &mut 0);
        pointmill_lambda_engine(f.lambda, &mut ptr::null_mut());
        pointmill_lambda_metric(f.lambda, &pointmill_str::lend("m"), 1, 1.0);
        pointmill_lambda_metric_at(f.lambda, &pointmill_str::lend("m"), 1, 1.0, 1, 0);
        pointmill_lambda_context(f.lambda, &pointmill_str::lend("m"), 1, &mut 0);
        pointmill_lambda_record(f.lambda, 0, 1.0);
        pointmill_lambda_record_at(f.lambda, 0, 1.0, 1);
        pointmill_lambda_record_batch(f.lambda, &0, &1.0, ptr::null(), 1, &mut 0);
        pointmill_lambda_rejected(f.lambda, POINTMILL_LAMBDA_BAD_NAME, 1);
        pointmill_lambda_begin(f.lambda, ptr::null(), &mut 0);
        // No invocation is open: the boundary is passed all the same.
        pointmill_lambda_end(f.lambda, 1, ptr::null(), &mut 0);
        pointmill_lambda_flush(f.lambda, 1000);
        pointmill_lambda_flush_due(f.lambda, &mut 0);
        pointmill_lambda_restored(f.lambda);
        pointmill_lambda_close(f.lambda, 1000);
        pointmill_lambda_stats_get(f.lambda, &mut lambda_stats());
        pointmill_lambda_last_failure(f.lambda, ptr::null_mut(), 0, &mut 0);
        pointmill_lambda_trace_of_xray(NO_TEXT, &mut lambda_trace());
    };
    let mut calls = calls.to_vec();
    calls.push(("pointmill_lambda_trace_of_headers", |_| {
        let (none, out) = (ptr::null(), &mut lambda_trace());
        c!(pointmill_lambda_trace_of_headers(none, none, 0, out)) == POINTMILL_E_PANIC
    }));
    calls
}

/// The lines of its structs.
pub(super) fn layout(out: &mut String) {
    layout!(
        out,
        pointmill_lambda_stats {
            struct_size,
            mode,
            recorded,
            pending,
            accepted,
            queued,
            rejected_not_finite,
            rejected_invalid_name,
            rejected_too_old,
            rejected_stale,
            rejected_no_room,
            rejected_closed,
            rejected_bad_name,
            rejected_bad_value,
            rejected_bad_time,
            rejected_bad_tags,
            dropped_disabled,
            dropped_buffer_full,
            dropped_delivery,
            dropped_arena_full,
            overflowed,
            utf8_mended,
            enhanced,
            spilled,
            flushes,
            flush_failures,
            deadline_flushes,
            key_lookups,
            key_failures,
            invocations,
            invocations_open
        }
    );
    layout!(
        out,
        pointmill_lambda_invocation {
            struct_size,
            flags,
            start,
            memory_mb,
            deadline_unix_ms,
            invoked_function_arn,
            request_id,
            function_name,
            function_version
        }
    );
    layout!(
        out,
        pointmill_lambda_result {
            struct_size,
            error,
            http_status,
            reserved,
            batch_item_failures,
            time_to_first_byte_ms
        }
    );
    layout!(
        out,
        pointmill_lambda_trace {
            struct_size,
            priority,
            trace_id,
            parent_id
        }
    );
}
