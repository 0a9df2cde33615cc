//! Versions and the texts of codes.

use std::ffi::c_char;

use crate::codes::{self, TABLE};

/// Number of the ABI before the point: something was removed or changed. It is in the soname.
pub const POINTMILL_ABI_MAJOR: u32 = 0;
/// Number of the ABI after the point: something was added.
pub const POINTMILL_ABI_MINOR: u32 = 1;

export! {
    /// The version of the library that is loaded, for instance "0.1.0".
    ///
    /// Threads:   any.
    /// Ownership: the text is static: never freed, valid for ever.
    /// NULL:      takes no pointer.
    /// Outputs:   none.
    /// Returns:   a text that ends with NUL.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_version() -> *const c_char {
        concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast::<c_char>()
    }
}

export! {
    /// The ABI of the library that is loaded.
    ///
    /// A program that loads the library at run time works with it if the major number is the one
    /// it was written for and the minor number is not smaller.
    ///
    /// Threads:   any.
    /// Ownership: none.
    /// NULL:      takes no pointer.
    /// Outputs:   none.
    /// Returns:   major << 16 | minor, as POINTMILL_ABI_VERSION in the header was.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_abi_version() -> u32 {
        (POINTMILL_ABI_MAJOR << 16) | POINTMILL_ABI_MINOR
    }
}

export! {
    /// The cause of a code and its remedy, in one English sentence.
    ///
    /// Threads:   any.
    /// Ownership: the text is static: never freed, valid for ever.
    /// NULL:      takes no pointer.
    /// Outputs:   none.
    /// Returns:   a text that ends with NUL; for a number that is no code of this library, one that
    ///            says so. Never NULL.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_strerror(code: i32) -> *const c_char {
        codes::entry(code).map_or(codes::UNKNOWN_MESSAGE, |entry| entry.message).as_ptr()
    }
}

export! {
    /// The name of a code, for instance "POINTMILL_E_NULL".
    ///
    /// Threads:   any.
    /// Ownership: the text is static: never freed, valid for ever.
    /// NULL:      takes no pointer.
    /// Outputs:   none.
    /// Returns:   a text that ends with NUL; "POINTMILL_E_UNKNOWN" for a number that is no code of
    ///            this library. Never NULL.
    /// Units:     none.
    /// Since:     0.1
    fn pointmill_code_name(code: i32) -> *const c_char {
        codes::entry(code).map_or(codes::UNKNOWN_NAME, |entry| entry.name).as_ptr()
    }
}

export! {
    /// The i-th code of the library, for wrappers that turn codes into exceptions.
    ///
    /// Threads:   any.
    /// Ownership: none.
    /// NULL:      out: POINTMILL_E_NULL.
    /// Outputs:   out, a code; written only on success.
    /// Returns:   POINTMILL_OK, POINTMILL_E_NULL, POINTMILL_E_ALIGNMENT, POINTMILL_E_INDEX (past
    ///            the last one: the end of a loop), POINTMILL_E_PANIC.
    /// Units:     i counts from 0; the first code is POINTMILL_OK.
    /// Since:     0.1
    fn pointmill_code_at(i: usize, out: *mut i32) -> i32 {
        // SAFETY: the caller lends `out` for the call.
        let out = unsafe { crate::pointer::Out::new(out) }?;
        out.write(TABLE.get(i).ok_or(codes::Code::INDEX)?.number);
        Ok(())
    }
}
