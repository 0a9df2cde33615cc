//! The client: an engine with delivery.

#![allow(non_camel_case_types)]

use std::ffi::{c_char, c_void};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use pointmill::{Engine, Flush};
use pointmill_deliver::{
    Attempt, Batch, CallbackDestination, Client, ClientConfig, ClientConfigError, Closed,
    DestinationKind, FailCause, FlushReport, LogDestination,
};

use crate::client_stats::pointmill_client_stats;
use crate::codes::{Code, Failure};
use crate::config::pointmill_config;
use crate::engine::{POINTMILL_FLUSH_ALL, pointmill_engine};
use crate::handle::{self, give, read, share};
use crate::payloads::pointmill_payload;
use crate::pointer::{Out, OutArray, OutStruct};
use crate::text::pointmill_error;

handle! {
    /// An engine with delivery: takes what the engine holds, encodes it, sends it, tries again, and
    /// keeps books of every point. Every call from any thread, all at once, but for
    /// pointmill_client_free. Recording goes to the engine and never waits for a client.
    ///
    /// Made by pointmill_client_new or pointmill_client_new_with, freed by pointmill_client_free. It
    /// keeps what it needs of its engine alive. In a forked child it begins with nothing: it shares
    /// neither the parent's bodies nor its connections, and has its own thread from the child's
    /// first call on.
    pub struct pointmill_client(Client);
}

/// A function that sends a body for a client. It gets user as it was given, the body (lent for the
/// call), and how long it may take, and answers as an HTTP server would: 200 to 299 taken; 413 cut
/// it in two; 408, 429, 500 and above, or 0 for no answer, keep it and try again; 400, 401, 403 and
/// others give it up. It runs on the thread that flushes, several at once if several flush, and must
/// not call back into its client.
pub type pointmill_send_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        payload: *const pointmill_payload,
        timeout_ms: u64,
    ) -> i32,
>;

export! {
    /// Makes a client that delivers to the destination of the options. No connection is made yet, so
    /// an intake that is down is no error. With the option background (the default) its thread
    /// starts here; without it nothing happens outside the calls, and no thread runs but one that
    /// looks up a host name.
    ///
    /// Threads:   any, at once on engine; one at a time on config.
    /// Ownership: the caller frees *out with pointmill_client_free; config is copied; the engine may
    ///            be freed before or after. A descriptor of the option log_fd is duplicated.
    /// NULL:      config: every option at its default, which lacks the api_key that http needs. err
    ///            may be NULL. engine, out: POINTMILL_E_NULL.
    /// Outputs:   out; written only on success. err, on failure, names the option.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_STRUCT_SIZE (err), POINTMILL_E_BAD_VALUE (options that contradict each
    ///            other, or name what cannot be used), POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    #[poison(engine)]
    #[explain(err)]
    fn pointmill_client_new(
        engine: *mut pointmill_engine,
        config: *const pointmill_config,
        out: *mut *mut pointmill_client,
        err: *mut pointmill_error,
    ) -> i32 {
        // SAFETY: the caller keeps the engine alive during the call.
        let engine = unsafe { share(engine) }?;
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        // SAFETY: the caller keeps the configuration alive and unchanged during the call.
        let options = unsafe { client_options(config) }?;
        give(out, client(engine, &options)?);
        Ok(())
    }
}

export! {
    /// Makes a client whose bodies go to a function of the caller's instead of a destination.
    ///
    /// Threads:   any, at once on engine; one at a time on config.
    /// Ownership: as for pointmill_client_new. user stays the caller's and must live until the
    ///            client has been freed.
    /// NULL:      config: every option at its default. user, err may be NULL. engine, send, out:
    ///            POINTMILL_E_NULL.
    /// Outputs:   out; written only on success. err, on failure, names the option.
    /// Returns:   as pointmill_client_new.
    /// Units:     none.
    /// Since:     0.1
    #[poison(engine)]
    #[explain(err)]
    fn pointmill_client_new_with(
        engine: *mut pointmill_engine,
        config: *const pointmill_config,
        send: pointmill_send_fn,
        user: *mut c_void,
        out: *mut *mut pointmill_client,
        err: *mut pointmill_error,
    ) -> i32 {
        // SAFETY: the caller keeps the engine alive during the call.
        let engine = unsafe { share(engine) }?;
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { Out::new(out) }?;
        // SAFETY: the caller keeps the configuration alive and unchanged during the call.
        let options = unsafe { client_options(config) }?;
        let callback = Callback { send: send.ok_or(Code::NULL)?, user };
        let send = move |batch: &Batch, timeout| callback.call(batch, timeout);
        let destination = Arc::new(CallbackDestination::new(send));
        give(out, Client::with_destination(engine, &options, destination)?);
        Ok(())
    }
}

/// The options for a client.
///
/// # Safety
/// `config` is NULL or as for [`read`].
unsafe fn client_options(config: *const pointmill_config) -> Result<ClientConfig, Code> {
    if config.is_null() {
        return Ok(ClientConfig::default());
    }
    // SAFETY: the caller's obligation is the same.
    let options = unsafe { read(config) }?;
    let mut client = options.client.clone();
    client.encode = options.encode.clone();
    Ok(client)
}

fn client(engine: &Engine, options: &ClientConfig) -> Result<Client, Failure> {
    let given = options.destination == DestinationKind::Log && !matches!(options.log_fd, 1 | 2);
    if !given {
        return Ok(Client::new(engine, options)?);
    }
    let fd = duplicate(options.log_fd)
        .map_err(|error| Code::BAD_VALUE.because(format!("log_fd {}: {error}", options.log_fd)))?;
    let destination = Arc::new(LogDestination::from_fd(fd));
    Ok(Client::with_destination(engine, options, destination)?)
}

/// A descriptor of our own for the caller's: it shares position and flags, and lives for itself.
pub(crate) fn duplicate(fd: u64) -> std::io::Result<OwnedFd> {
    let fd = i32::try_from(fd).map_err(std::io::Error::other)?;
    // SAFETY: not -1, since it comes from an unsigned number; borrowed for this line only, and a
    // number that is no open descriptor is answered with an error by the system.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    borrowed.try_clone_to_owned()
}

struct Callback {
    send: unsafe extern "C" fn(*mut c_void, *const pointmill_payload, u64) -> i32,
    user: *mut c_void,
}

// SAFETY: the header says that the function is called from any thread, several at once.
unsafe impl Send for Callback {}
// SAFETY: the same.
unsafe impl Sync for Callback {}

impl Callback {
    fn call(&self, batch: &Batch, timeout: Duration) -> Attempt {
        let payload = pointmill_payload::lend(&batch.payload);
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        // SAFETY: the caller of pointmill_client_new_with answers for the function and for user;
        // the payload lives during the call.
        let status = unsafe { (self.send)(self.user, &raw const payload, timeout_ms) };
        match u16::try_from(status) {
            Ok(0) => Attempt::Failed {
                cause: FailCause::Transport,
                uncertain: false,
                detail: "the function that sends had no answer".to_owned(),
            },
            code => Attempt::Status {
                // Out of range is no status; it is kept like any that makes no sense.
                code: code.unwrap_or(u16::MAX),
                retry_after: None,
            },
        }
    }
}

export! {
    /// Starts the background thread of this process if the option background asks for one and none
    /// runs: for the child's side of a fork, when the child records but calls no other function of
    /// the client. pointmill_client_flush and pointmill_client_stats_get do the same.
    ///
    /// Threads:   any, at once.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     none.
    /// Since:     0.1
    #[poison(client)]
    fn pointmill_client_start(client: *mut pointmill_client) -> i32 {
        // SAFETY: the caller keeps the client alive during the call.
        unsafe { share(client) }?.start();
        Ok(())
    }
}

export! {
    /// Takes the closed intervals from the engine, with POINTMILL_FLUSH_ALL the open ones too, and
    /// sends them and what was kept before, for at most timeout_ms. It returns early when everything
    /// has arrived, and when nothing more can be tried within the time. What has not arrived is
    /// kept. The time is the system's.
    ///
    /// Threads:   any, at once.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK (everything has arrived), POINTMILL_E_DELIVERY_LATER,
    ///            POINTMILL_E_DELIVERY_DROPPED, POINTMILL_E_CLOSED, POINTMILL_E_NULL,
    ///            POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE, POINTMILL_E_INVALID (an unknown flag),
    ///            POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     flags: 0 or POINTMILL_FLUSH_ALL. timeout_ms: milliseconds; 0 takes and sends
    ///            nothing.
    /// Since:     0.1
    #[poison(client)]
    fn pointmill_client_flush(
        client: *mut pointmill_client,
        flags: u32,
        timeout_ms: u64,
    ) -> i32 {
        // SAFETY: the caller keeps the client alive during the call.
        let client = unsafe { share(client) }?;
        let which = match flags {
            0 => Flush::Closed,
            POINTMILL_FLUSH_ALL => Flush::All,
            _ => return Err(Code::INVALID),
        };
        outcome(client.flush(which, Duration::from_millis(timeout_ms))?)
    }
}

export! {
    /// Ends delivery: takes everything from the engine, sends for at most timeout_ms, stops the
    /// thread, and puts what has not arrived into the spool; without one it is dropped and counted
    /// (dropped_closed). A second call does nothing.
    ///
    /// Threads:   any, at once. Other calls then answer POINTMILL_E_CLOSED or go on to tell what
    ///            they know.
    /// Ownership: none; the client is still to be freed.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   none.
    /// Returns:   POINTMILL_OK (everything has arrived), POINTMILL_E_DELIVERY_LATER (it is in the
    ///            spool), POINTMILL_E_DELIVERY_DROPPED, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT,
    ///            POINTMILL_E_HANDLE, POINTMILL_E_POISONED, POINTMILL_E_PANIC.
    /// Units:     timeout_ms: milliseconds.
    /// Since:     0.1
    #[poison(client)]
    fn pointmill_client_close(client: *mut pointmill_client, timeout_ms: u64) -> i32 {
        // SAFETY: the caller keeps the client alive during the call.
        let client = unsafe { share(client) }?;
        outcome(client.close(Duration::from_millis(timeout_ms)))
    }
}

fn outcome(report: FlushReport) -> Result<(), Code> {
    match report {
        report if report.complete() => Ok(()),
        report if report.dropped + report.skipped > 0 => Err(Code::DELIVERY_DROPPED),
        _ => Err(Code::DELIVERY_LATER),
    }
}

export! {
    /// Where every point is that left the engine through this client. Works on a closed client too.
    ///
    /// Threads:   any, at once; the sums agree exactly only while no other call is under way and the
    ///            background thread rests.
    /// Ownership: none.
    /// NULL:      POINTMILL_E_NULL.
    /// Outputs:   out, up to out->struct_size bytes; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_STRUCT_SIZE, POINTMILL_E_PANIC.
    /// Units:     points, or what the field's name says.
    /// Since:     0.1
    fn pointmill_client_stats_get(
        client: *const pointmill_client,
        out: *mut pointmill_client_stats,
    ) -> i32 {
        // SAFETY: the caller keeps the client alive during the call.
        let client = unsafe { read(client) }?;
        // SAFETY: the caller lends `out` for the call and has set its struct_size.
        let out = unsafe { OutStruct::new(out) }?;
        out.write(pointmill_client_stats::from(&client.stats()));
        Ok(())
    }
}

export! {
    /// What the last attempt that did not deliver came to, for a line in a log, such as "POST
    /// https://api.datadoghq.eu/api/beta/sketches: status 403; check api_key and site". It never
    /// holds the key.
    ///
    /// Threads:   any, at once.
    /// Ownership: buf is the caller's.
    /// NULL:      client, out_len: POINTMILL_E_NULL. buf: the same, unless cap is 0.
    /// Outputs:   buf, the first out_len bytes, without a NUL; written only on success. out_len,
    ///            also written with POINTMILL_E_BUFFER_TOO_SMALL: the length of the text; 0 if no
    ///            attempt has failed.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_HANDLE,
    ///            POINTMILL_E_BUFFER_TOO_SMALL, POINTMILL_E_PANIC.
    /// Units:     cap, out_len: bytes.
    /// Since:     0.1
    fn pointmill_client_last_failure(
        client: *const pointmill_client,
        buf: *mut c_char,
        cap: usize,
        out_len: *mut usize,
    ) -> i32 {
        // SAFETY: the caller keeps the client alive during the call.
        let client = unsafe { read(client) }?;
        // SAFETY: the caller lends `out_len` for the call.
        let out_len = unsafe { Out::new(out_len) }?;
        // SAFETY: the caller lends `buf` for the call.
        let buf = unsafe { OutArray::new(buf.cast::<u8>(), cap) }?;
        let text = client.last_failure();
        out_len.write(text.len());
        buf.fill(text.as_bytes())
    }
}

export! {
    /// Frees a client; one that was not closed is closed with a timeout of 0. Close it first: what
    /// is dropped here, nobody can read in its stats.
    ///
    /// Threads:   no other call may use the client now or later.
    /// Ownership: takes the client; the engine is not touched.
    /// NULL:      does nothing.
    /// Outputs:   none.
    /// Returns:   nothing.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_client_free(client: *mut pointmill_client) {
        // SAFETY: the caller gives the client up.
        unsafe { handle::free(client) };
    }
}

impl From<ClientConfigError> for Failure {
    fn from(error: ClientConfigError) -> Failure {
        let code = match error {
            ClientConfigError::UnknownOption { .. } => Code::UNKNOWN_OPTION,
            _ => Code::BAD_VALUE,
        };
        code.because(error)
    }
}

impl From<Closed> for Code {
    fn from(_: Closed) -> Code {
        Code::CLOSED
    }
}
