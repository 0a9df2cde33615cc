//! Structs of the caller, all zero but for their size.

use crate::client_stats::*;
use crate::config::*;
use crate::engine::*;
use crate::lambda_stats::*;
use crate::lambda_trace::*;
use crate::payloads::*;
use crate::sketch::*;
use crate::snapshot::*;
use crate::text::*;

macro_rules! zeroed {
    ($($make:ident: $ty:ident;)+) => {
        $(pub(super) fn $make() -> $ty {
            // SAFETY: numbers and raw pointers only, for which all zeros is a value.
            let mut zero: $ty = unsafe { std::mem::zeroed() };
            zero.struct_size = size_of::<$ty>() as u32;
            zero
        })+
    };
}

zeroed! {
    summary: pointmill_summary;
    option: pointmill_option;
    stats: pointmill_engine_stats;
    entry: pointmill_entry;
    payload: pointmill_payload;
    skipped: pointmill_skipped;
    client_stats: pointmill_client_stats;
    lambda_stats: pointmill_lambda_stats;
    lambda_trace: pointmill_lambda_trace;
    error: pointmill_error;
}
