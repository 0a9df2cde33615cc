//! The door: the one macro that exports a function, and the panic boundary behind it.
//!
//! ```text
//! export! { /// docs…  #[poison(h)]  #[explain(err)]  fn name(args) -> i32 { body } }
//!
//! name(args):  run body inside catch_unwind
//!                Ok(())        → POINTMILL_OK
//!                Err(failure)  → its code; its text into *err, if the function has one
//!                panic         → mark the handle h poisoned, POINTMILL_E_PANIC
//! ```
//!
//! - A body of a function `-> i32` is a `Result<(), Code>` (`Result<(), Failure>` with `explain`).
//! - Any other return type answers [`OnPanic::VALUE`] after a panic.
//! - `catch_unwind` costs nothing while nothing panics: the tables it needs are not executed.
//!
//! The header generator reads the same blocks, so what stands in them is plain Rust but for the
//! missing `extern "C"`.

use std::any::Any;
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::codes::{Code, Failure};
use crate::pointer::ErrorSlot;
use crate::text::pointmill_error;

/// Exports one function. See the module documentation.
macro_rules! export {
    (
        $(#[doc = $doc:expr])+
        $(#[poison($handle:ident)])?
        #[explain($err:ident)]
        fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> i32 $body:block
    ) => {
        $(#[doc = $doc])+
        ///
        /// # Safety
        /// The rules for pointers on the header's front page.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($arg: $ty),*) -> i32 {
            let body = || $body;
            // SAFETY: the caller answers for `err`, by the rules on the header's front page.
            let outcome = unsafe { $crate::boundary::explained($err, body) };
            $crate::boundary::after_panic!(outcome $(, $handle)?);
            outcome
        }
    };
    (
        $(#[doc = $doc:expr])+
        $(#[poison($handle:ident)])?
        fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> i32 $body:block
    ) => {
        $(#[doc = $doc])+
        ///
        /// # Safety
        /// The rules for pointers on the header's front page.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($arg: $ty),*) -> i32 {
            let outcome = $crate::boundary::status(|| $body);
            $crate::boundary::after_panic!(outcome $(, $handle)?);
            outcome
        }
    };
    (
        $(#[doc = $doc:expr])+
        fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty $body:block
    ) => {
        $(#[doc = $doc])+
        ///
        /// # Safety
        /// The rules for pointers on the header's front page.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($arg: $ty),*) -> $ret {
            $crate::boundary::value(|| $body)
        }
    };
    (
        $(#[doc = $doc:expr])+
        fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $body:block
    ) => {
        $(#[doc = $doc])+
        ///
        /// # Safety
        /// The rules for pointers on the header's front page.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($arg: $ty),*) {
            $crate::boundary::value(|| $body);
        }
    };
}

/// Marks the handle of a call that panicked, so that nothing writes into half-changed state.
macro_rules! after_panic {
    ($outcome:ident) => {};
    ($outcome:ident, $handle:ident) => {
        if $outcome == $crate::codes::POINTMILL_E_PANIC {
            // SAFETY: the same pointer that the call was given, with the same obligations.
            unsafe { $crate::handle::poison($handle) };
        }
    };
}
pub(crate) use after_panic;

/// Runs the body of a function that returns a status.
#[inline]
pub(crate) fn status(body: impl FnOnce() -> Result<(), Code>) -> i32 {
    match catch(body) {
        Ok(Ok(())) => crate::codes::POINTMILL_OK,
        Ok(Err(code)) => code.number(),
        Err(_) => Code::PANIC.number(),
    }
}

/// Runs the body of a function that returns a status and can say more in `*err`.
///
/// # Safety
/// `err` is NULL or valid for reads and writes of a [`pointmill_error`] during the call.
pub(crate) unsafe fn explained(
    err: *mut pointmill_error,
    body: impl FnOnce() -> Result<(), Failure>,
) -> i32 {
    // SAFETY: the caller's obligation is the same.
    let slot = match unsafe { ErrorSlot::new(err) } {
        Ok(slot) => slot,
        Err(code) => return code.number(),
    };
    let failure = match catch(body) {
        Ok(Ok(())) => return crate::codes::POINTMILL_OK,
        Ok(Err(failure)) => failure,
        Err(text) => Failure {
            code: Code::PANIC,
            detail: text,
        },
    };
    slot.fill(&failure);
    failure.code.number()
}

/// Runs the body of a function whose answer is not a status.
#[inline]
pub(crate) fn value<T: OnPanic>(body: impl FnOnce() -> T) -> T {
    catch(body).unwrap_or(T::VALUE)
}

/// What a function without a status answers after a panic.
pub(crate) trait OnPanic {
    const VALUE: Self;
}

impl OnPanic for () {
    const VALUE: () = ();
}

impl OnPanic for u32 {
    const VALUE: u32 = 0;
}

impl OnPanic for usize {
    const VALUE: usize = 0;
}

impl OnPanic for *const c_char {
    const VALUE: *const c_char = std::ptr::null();
}

/// The boundary itself. `Err` holds the panic's text.
#[inline]
fn catch<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    // AssertUnwindSafe: what the body may leave half-changed is behind a handle, and `after_panic!`
    // closes that handle for writing.
    catch_unwind(AssertUnwindSafe(|| {
        #[cfg(test)]
        injection::maybe_panic();
        body()
    }))
    .map_err(panic_text)
}

#[cold]
fn panic_text(payload: Box<dyn Any + Send>) -> String {
    let text = match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(text), _) => format!("an internal error was caught: {text}"),
        (None, Some(text)) => format!("an internal error was caught: {text}"),
        (None, None) => "an internal error was caught".to_owned(),
    };
    // A payload's destructor may panic too, and here nothing would catch it. Leaked instead.
    std::mem::forget(payload);
    text
}

/// Lets a test panic inside the next call on its thread. Compiled into the tests alone.
#[cfg(test)]
pub(crate) mod injection {
    use std::cell::Cell;

    thread_local! {
        static ARMED: Cell<bool> = const { Cell::new(false) };
    }

    /// The next exported function that this thread enters panics.
    pub(crate) fn arm() {
        ARMED.set(true);
    }

    /// Whether the panic has not been used up.
    pub(crate) fn armed() -> bool {
        ARMED.get()
    }

    #[expect(clippy::panic, reason = "its purpose")]
    pub(super) fn maybe_panic() {
        if ARMED.replace(false) {
            panic!("injected");
        }
    }
}
