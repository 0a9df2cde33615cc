//! Trace context: pure conversions.

#![allow(non_camel_case_types)]

use ::pointmill_lambda::trace::TraceContext;

use crate::codes::Code;
use crate::pointer::{OutStruct, Sized32, Text};
use crate::text::pointmill_str;

/// A trace and the span to continue from. The caller's struct. Start with
/// POINTMILL_LAMBDA_TRACE_INIT.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct pointmill_lambda_trace {
    /// sizeof(pointmill_lambda_trace), set by the caller.
    pub struct_size: u32,
    /// 2: keep, by the user's will; 1: keep; 0: reject; -1: reject, by the user's will.
    pub priority: i32,
    /// The trace's id, its low 64 bits.
    pub trace_id: u64,
    /// The id of the span that called.
    pub parent_id: u64,
}

// SAFETY: repr(C), struct_size is first, plain numbers.
unsafe impl Sized32 for pointmill_lambda_trace {
    const SIZE_MIN: usize = 24;

    fn set_struct_size(&mut self, size: u32) {
        self.struct_size = size;
    }
}

impl From<TraceContext> for pointmill_lambda_trace {
    fn from(trace: TraceContext) -> pointmill_lambda_trace {
        pointmill_lambda_trace {
            struct_size: 0,
            priority: trace.priority,
            trace_id: trace.trace_id,
            parent_id: trace.parent_id,
        }
    }
}

export! {
    /// The trace context of X-Ray's header, or of _X_AMZN_TRACE_ID, such as
    /// "Root=1-5ce31dc2-2c779014b90ce44db5e03875;Parent=0b11cc4230d3e09e;Sampled=1". Sampled is
    /// priority 2, else -1.
    ///
    /// Threads:   any.
    /// Ownership: header is borrowed for the call.
    /// NULL:      POINTMILL_E_NULL; header.ptr may be NULL if its len is 0.
    /// Outputs:   out, up to out->struct_size bytes; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_STRUCT_SIZE,
    ///            POINTMILL_E_UTF8, POINTMILL_E_INVALID (no such header), POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_lambda_trace_of_xray(
        header: pointmill_str,
        out: *mut pointmill_lambda_trace,
    ) -> i32 {
        // SAFETY: the caller lends the text for the call.
        let header = unsafe { Text::new(header) }?;
        // SAFETY: the caller lends `out` for the call and has set its struct_size.
        let out = unsafe { OutStruct::new(out) }?;
        let header = std::str::from_utf8(header.bytes()).map_err(|_| Code::UTF8)?;
        out.write(TraceContext::of_xray(header).map_err(|_| Code::INVALID)?.into());
        Ok(())
    }
}
export! {
    /// The trace context of the headers x-datadog-trace-id, x-datadog-parent-id and
    /// x-datadog-sampling-priority, whose names may be in any case. Without a priority it is 1. Headers
    /// that are not UTF-8 are passed over.
    ///
    /// Threads:   any.
    /// Ownership: the texts are borrowed for the call.
    /// NULL:      out: POINTMILL_E_NULL. names, values: the same, unless len is 0.
    /// Outputs:   out, up to out->struct_size bytes; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_STRUCT_SIZE,
    ///            POINTMILL_E_INVALID (an id is missing or no number), POINTMILL_E_PANIC.
    /// Units:     len: headers.
    /// Since:     0.1
    fn pointmill_lambda_trace_of_headers(
        names: *const pointmill_str,
        values: *const pointmill_str,
        len: usize,
        out: *mut pointmill_lambda_trace,
    ) -> i32 {
        // SAFETY: the caller lends the texts for the call.
        let names = unsafe { Text::array(names, len) }?;
        // SAFETY: the same.
        let values = unsafe { Text::array(values, len) }?;
        // SAFETY: the caller lends `out` for the call and has set its struct_size.
        let out = unsafe { OutStruct::new(out) }?;
        let headers = names.iter().zip(values).filter_map(|(name, value)| {
            let name = std::str::from_utf8(name.bytes()).ok()?;
            Some((name, std::str::from_utf8(value.bytes()).ok()?))
        });
        out.write(TraceContext::of_headers(headers).map_err(|_| Code::INVALID)?.into());
        Ok(())
    }
}
