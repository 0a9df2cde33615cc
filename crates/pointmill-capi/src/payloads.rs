//! Payloads: a snapshot encoded, split and compressed.

#![allow(non_camel_case_types)]

use pointmill_wire::{EncodeConfig, EncodeError, Payload, Payloads, Skipped};

use crate::codes::{Code, Failure};
use crate::config::pointmill_config;
use crate::handle::{self, give, read};
use crate::pointer::{Out, OutStruct, Sized32};
use crate::snapshot::pointmill_snapshot;
use crate::text::{pointmill_error, pointmill_str};

/// The payloads with the texts that are lent from them.
#[derive(Debug)]
pub(crate) struct Lent {
    payloads: Vec<Payload>,
    skipped: Vec<(Skipped, String)>,
}

handle! {
    /// The bodies of one snapshot, ready to be sent. Immutable: share it between threads freely,
    /// but for pointmill_payloads_free.
    ///
    /// Made by pointmill_encode, freed by pointmill_payloads_free. It depends on nothing else.
    pub struct pointmill_payloads(Lent);
}

/// One body. The caller's struct. Start with POINTMILL_PAYLOAD_INIT.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct pointmill_payload {
    /// sizeof(pointmill_payload), set by the caller.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Path of the intake's route; empty for formats that do not travel by HTTP. Static.
    pub path: pointmill_str,
    /// The Content-Type. Static.
    pub content_type: pointmill_str,
    /// The Content-Encoding; empty if the body is not compressed. Static.
    pub encoding: pointmill_str,
    /// The bytes to send; they live as long as the payloads.
    pub body: *const u8,
    /// How many.
    pub body_len: usize,
    /// Points that were recorded into the entries of this body.
    pub points: u64,
    /// Entries of the snapshot in this body.
    pub entries: u64,
}

// SAFETY: repr(C), struct_size is first; the pointers are written, never read back.
unsafe impl Sized32 for pointmill_payload {
    const SIZE_MIN: usize = 88;

    fn set_struct_size(&mut self, size: u32) {
        self.struct_size = size;
    }
}

impl pointmill_payload {
    pub(crate) fn lend(payload: &Payload) -> pointmill_payload {
        pointmill_payload {
            struct_size: size_of::<pointmill_payload>() as u32,
            reserved: 0,
            path: pointmill_str::lend(payload.path),
            content_type: pointmill_str::lend(payload.content_type),
            encoding: pointmill_str::lend(payload.content_encoding),
            body: payload.body.as_ptr(),
            body_len: payload.body.len(),
            points: payload.points,
            entries: payload.entries as u64,
        }
    }
}

/// What the format cannot carry, for one cause. The caller's struct. Start with
/// POINTMILL_SKIPPED_INIT.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct pointmill_skipped {
    /// sizeof(pointmill_skipped), set by the caller.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// The cause in a word, for counters and tags. Static.
    pub cause: pointmill_str,
    /// The cause and its remedy in a sentence; lives as long as the payloads.
    pub detail: pointmill_str,
    /// Entries that are in no payload.
    pub entries: u64,
    /// Points that were recorded into those entries.
    pub points: u64,
    /// Values left out of entries that are in a payload otherwise.
    pub values: u64,
}

// SAFETY: repr(C), struct_size is first; the pointers are written, never read back.
unsafe impl Sized32 for pointmill_skipped {
    const SIZE_MIN: usize = 64;

    fn set_struct_size(&mut self, size: u32) {
        self.struct_size = size;
    }
}

export! {
    /// Encodes a snapshot into bodies that keep within their route's limits.
    ///
    /// Nothing vanishes: what the format cannot carry is counted, see pointmill_payloads_skipped.
    ///
    /// Threads:   any, at once on snapshot; one at a time on config.
    /// Ownership: the caller frees *out with pointmill_payloads_free; it needs neither snapshot nor
    ///            config.
    /// NULL:      config: every option at its default (format intake). err may be NULL. snapshot,
    ///            out: POINTMILL_E_NULL.
    /// Outputs:   out; written only on success. err, on failure.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_STRUCT_SIZE (err), POINTMILL_E_ENCODE (options that contradict each
    ///            other, or a codec that failed), POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    #[explain(err)]
    fn pointmill_encode(
        snapshot: *const pointmill_snapshot,
        config: *const pointmill_config,
        out: *mut *mut pointmill_payloads,
        err: *mut pointmill_error,
    ) -> i32 {
        // SAFETY: the caller keeps the snapshot alive during the call.
        let snapshot = unsafe { read(snapshot) }?;
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        if config.is_null() {
            give(out, Lent::new(pointmill_wire::encode(snapshot, &EncodeConfig::default())?));
            return Ok(());
        }
        // SAFETY: the caller keeps the configuration alive and unchanged during the call.
        let options = unsafe { read(config) }?;
        give(out, Lent::new(pointmill_wire::encode(snapshot, &options.encode)?));
        Ok(())
    }
}

impl Lent {
    fn new(payloads: Payloads) -> Lent {
        let skipped = payloads
            .skipped
            .iter()
            .map(|s| (*s, s.cause.to_string()))
            .collect();
        Lent {
            payloads: payloads.payloads,
            skipped,
        }
    }
}

impl From<EncodeError> for Failure {
    fn from(error: EncodeError) -> Failure {
        Code::ENCODE.because(error)
    }
}

export! {
    /// How many bodies there are.
    ///
    /// Threads:   any, at once.
    /// Ownership: none.
    /// NULL:      0.
    /// Outputs:   none.
    /// Returns:   the number of bodies; 0 also for NULL and for a handle of another type.
    /// Units:     bodies.
    /// Since:     0.1
    fn pointmill_payloads_len(payloads: *const pointmill_payloads) -> usize {
        // SAFETY: the caller keeps the payloads alive during the call.
        unsafe { read(payloads) }.map_or(0, |lent| lent.payloads.len())
    }
}

export! {
    /// The i-th body.
    ///
    /// Threads:   any, at once.
    /// Ownership: body in *out is borrowed from the payloads; the texts are static.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out, up to out->struct_size bytes; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_INDEX, POINTMILL_E_PANIC.
    /// Units:     i counts from 0.
    /// Since:     0.1
    fn pointmill_payloads_get(
        payloads: *const pointmill_payloads,
        i: usize,
        out: *mut pointmill_payload,
    ) -> i32 {
        // SAFETY: the caller keeps the payloads alive during the call.
        let lent = unsafe { read(payloads) }?;
        // SAFETY: the caller lends `out` for the call and has set its struct_size.
        let out = unsafe { OutStruct::new(out) }?;
        let payload = lent.payloads.get(i).ok_or(Code::INDEX)?;
        out.write(pointmill_payload::lend(payload));
        Ok(())
    }
}

export! {
    /// The i-th cause for which something is in no payload. A format that carries everything has
    /// none.
    ///
    /// Threads:   any, at once.
    /// Ownership: detail in *out is borrowed from the payloads; cause is static.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out, up to out->struct_size bytes; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_INDEX (past the last one: the end of a loop),
    ///            POINTMILL_E_PANIC.
    /// Units:     i counts from 0.
    /// Since:     0.1
    fn pointmill_payloads_skipped(
        payloads: *const pointmill_payloads,
        i: usize,
        out: *mut pointmill_skipped,
    ) -> i32 {
        // SAFETY: the caller keeps the payloads alive during the call.
        let lent = unsafe { read(payloads) }?;
        // SAFETY: the caller lends `out` for the call and has set its struct_size.
        let out = unsafe { OutStruct::new(out) }?;
        let (skipped, detail) = lent.skipped.get(i).ok_or(Code::INDEX)?;
        out.write(pointmill_skipped {
            struct_size: 0,
            reserved: 0,
            cause: pointmill_str::lend(skipped.cause.name()),
            detail: pointmill_str::lend(detail),
            entries: skipped.entries as u64,
            points: skipped.points,
            values: skipped.values,
        });
        Ok(())
    }
}

export! {
    /// Frees payloads.
    ///
    /// Threads:   no other call may use the payloads now or later.
    /// Ownership: takes the payloads and everything borrowed from them.
    /// NULL:      does nothing.
    /// Outputs:   none.
    /// Returns:   nothing.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_payloads_free(payloads: *mut pointmill_payloads) {
        // SAFETY: the caller gives the payloads up.
        unsafe { handle::free(payloads) };
    }
}
