//! Invocations of a Lambda function: begun, ended.

#![allow(non_camel_case_types)]

use ::pointmill_lambda::{Invocation, Outcome, Start, Token, UnknownToken};

use crate::codes::Code;
use crate::handle::share;
use crate::lambda::{milliseconds, pointmill_lambda};
use crate::pointer::{InStruct, Out, SizedIn, Text};
use crate::text::pointmill_str;

/// Start of an invocation: found out. The first one of a process is cold, or proactive if it comes
/// more than ten seconds after loaded_unix_ms; later ones are warm.
pub const POINTMILL_LAMBDA_START_AUTO: u32 = 0;
/// Somebody waited for the initialisation of the sandbox.
pub const POINTMILL_LAMBDA_START_COLD: u32 = 1;
/// Not the first of its sandbox.
pub const POINTMILL_LAMBDA_START_WARM: u32 = 2;
/// The first of a sandbox that had been initialised ahead of time.
pub const POINTMILL_LAMBDA_START_PROACTIVE: u32 = 3;

/// Flag of an invocation: it is not counted. For a module that did not load: begin with this, end
/// with error.
pub const POINTMILL_LAMBDA_NOT_COUNTED: u32 = 1;

/// What the context of an invocation says. The caller's struct. Start with
/// POINTMILL_LAMBDA_INVOCATION_INIT; what is not known stays zero.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct pointmill_lambda_invocation {
    /// sizeof(pointmill_lambda_invocation), set by the caller.
    pub struct_size: u32,
    /// 0 or POINTMILL_LAMBDA_NOT_COUNTED.
    pub flags: u32,
    /// POINTMILL_LAMBDA_START_AUTO, _COLD, _WARM or _PROACTIVE.
    pub start: u32,
    /// Memory limit in MB; 0: that of the environment.
    pub memory_mb: u32,
    /// When the platform ends it, milliseconds since 1970-01-01 UTC; 0: unknown, then no flush comes
    /// before it.
    pub deadline_unix_ms: i64,
    /// The invoked ARN. One that is none becomes a warning.
    pub invoked_function_arn: pointmill_str,
    /// The id of the request.
    pub request_id: pointmill_str,
    /// The function's name; empty: that of the environment.
    pub function_name: pointmill_str,
    /// The function's version; empty: that of the environment.
    pub function_version: pointmill_str,
}

// SAFETY: repr(C), struct_size is first, numbers and pointers that are checked before use.
unsafe impl SizedIn for pointmill_lambda_invocation {
    const SIZE_MIN: usize = 88;
}

/// What came of an invocation. The caller's struct. Start with POINTMILL_LAMBDA_RESULT_INIT: it went
/// well, nothing to report. In a struct that was zeroed instead, batch_item_failures and
/// time_to_first_byte_ms are values and are emitted.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct pointmill_lambda_result {
    /// sizeof(pointmill_lambda_result), set by the caller.
    pub struct_size: u32,
    /// 1 if the handler raised, rejected or panicked, else 0.
    pub error: u32,
    /// Status of the answer to an HTTP trigger (API Gateway, function URL, load balancer), 502 if it
    /// gave none; 0 without such a trigger.
    pub http_status: u32,
    /// 0.
    pub reserved: u32,
    /// Length of the list batchItemFailures; -1 if the result has none.
    pub batch_item_failures: i64,
    /// Milliseconds to the first byte of a streamed response; negative if it is none.
    pub time_to_first_byte_ms: f64,
}

// SAFETY: repr(C), struct_size is first, plain numbers.
unsafe impl SizedIn for pointmill_lambda_result {
    const SIZE_MIN: usize = 32;
}

export! {
    /// Begins an invocation: emits aws.lambda.enhanced.invocations (unless the extension does), moves
    /// the engine's clock, provides for the flush before the deadline. No I/O, no waiting. Several may
    /// be open at once.
    ///
    /// Threads:   any, at once.
    /// Ownership: the struct and its texts are borrowed for the call.
    /// NULL:      invocation: nothing is known. lambda, out_token: POINTMILL_E_NULL.
    /// Outputs:   out_token; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_INVALID (a length, a flag, a start, or bytes
    ///            past this version's struct that are not zero), POINTMILL_E_POISONED,
    ///            POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    #[poison(lambda)]
    fn pointmill_lambda_begin(
        lambda: *mut pointmill_lambda,
        invocation: *const pointmill_lambda_invocation,
        out_token: *mut u64,
    ) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { share(lambda) }?;
        // SAFETY: the caller lends `out_token` for the call.
        let out_token = unsafe { Out::new(out_token) }?;
        if invocation.is_null() {
            out_token.write(lambda.begin(&Invocation::default()).0);
            return Ok(());
        }
        // SAFETY: the caller lends the struct for the call and has set its struct_size.
        let told = unsafe { InStruct::read(invocation) }?;
        // SAFETY: the caller lends the struct's texts for the call.
        let texts = unsafe { Texts::new(&told) }?;
        out_token.write(lambda.begin(&texts.invocation(&told)?).0);
        Ok(())
    }
}
export! {
    /// Ends an invocation: emits at most one aws.lambda.enhanced.errors (unless the extension does),
    /// then batch_item_failures and time_to_first_byte. No I/O, no waiting: call pointmill_lambda_flush
    /// with the budget before the response goes out.
    ///
    /// Threads:   any, at once.
    /// Ownership: the struct is borrowed for the call.
    /// NULL:      result: it went well, nothing to report. lambda, out_budget_ms: POINTMILL_E_NULL.
    /// Outputs:   out_budget_ms: how long the flush may take; 0 if there is nothing to send. Written
    ///            only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_INVALID (bytes past this version's struct that
    ///            are not zero), POINTMILL_E_STALE_CONTEXT (no open invocation has this token; nothing
    ///            was emitted), POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     out_budget_ms: milliseconds.
    /// Since:     0.1
    #[poison(lambda)]
    fn pointmill_lambda_end(
        lambda: *mut pointmill_lambda,
        token: u64,
        result: *const pointmill_lambda_result,
        out_budget_ms: *mut u64,
    ) -> i32 {
        // SAFETY: the caller keeps the object alive during the call.
        let lambda = unsafe { share(lambda) }?;
        // SAFETY: the caller lends `out_budget_ms` for the call.
        let out_budget_ms = unsafe { Out::new(out_budget_ms) }?;
        let outcome = if result.is_null() {
            Outcome::default()
        } else {
            // SAFETY: the caller lends the struct for the call and has set its struct_size.
            outcome(&unsafe { InStruct::read(result) }?)
        };
        out_budget_ms.write(milliseconds(lambda.end(Token(token), &outcome)?));
        Ok(())
    }
}
impl From<UnknownToken> for Code {
    fn from(_: UnknownToken) -> Code {
        Code::STALE_CONTEXT
    }
}

fn outcome(result: &pointmill_lambda_result) -> Outcome {
    let first_byte = result.time_to_first_byte_ms;
    Outcome {
        error: result.error != 0,
        http_status: result.http_status,
        batch_item_failures: u64::try_from(result.batch_item_failures).ok(),
        time_to_first_byte_ms: (first_byte >= 0.0).then_some(first_byte),
    }
}

/// The texts of an invocation, mended where they are not UTF-8.
struct Texts([String; 4]);

impl Texts {
    /// # Safety
    /// Every text of the struct is as [`Text::new`] asks for.
    unsafe fn new(told: &pointmill_lambda_invocation) -> Result<Texts, Code> {
        let raw = [
            told.invoked_function_arn,
            told.request_id,
            told.function_name,
            told.function_version,
        ];
        let mut texts = [const { String::new() }; 4];
        for (text, raw) in texts.iter_mut().zip(raw) {
            // SAFETY: the caller's obligation is the same.
            let checked = unsafe { Text::new(raw) }?;
            *text = String::from_utf8_lossy(checked.bytes()).into_owned();
        }
        Ok(Texts(texts))
    }

    fn invocation(&self, told: &pointmill_lambda_invocation) -> Result<Invocation<'_>, Code> {
        let [arn, request_id, name, version] = &self.0;
        let start = match told.start {
            POINTMILL_LAMBDA_START_AUTO => None,
            POINTMILL_LAMBDA_START_COLD => Some(Start::Cold),
            POINTMILL_LAMBDA_START_WARM => Some(Start::Warm),
            POINTMILL_LAMBDA_START_PROACTIVE => Some(Start::Proactive),
            _ => return Err(Code::INVALID),
        };
        if told.flags & !POINTMILL_LAMBDA_NOT_COUNTED != 0 {
            return Err(Code::INVALID);
        }
        Ok(Invocation {
            invoked_function_arn: arn,
            request_id,
            function_name: name,
            function_version: version,
            memory_mb: told.memory_mb,
            deadline_unix_ms: told.deadline_unix_ms,
            start,
            not_counted: told.flags & POINTMILL_LAMBDA_NOT_COUNTED != 0,
        })
    }
}
