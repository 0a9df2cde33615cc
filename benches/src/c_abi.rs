//! The C ABI through the shared object, as a program in another language meets it.
//!
//! The one place here that has to trust a signature: the functions are those of
//! `include/pointmill.h`, looked up by name.

use std::ffi::{c_char, c_void};
use std::path::PathBuf;

use libloading::Library;

/// `pointmill_str`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Str {
    ptr: *const c_char,
    len: usize,
}

impl From<&'static str> for Str {
    fn from(text: &'static str) -> Str {
        Str {
            ptr: text.as_ptr().cast(),
            len: text.len(),
        }
    }
}

impl Str {
    /// How long it is; -1 if it is NULL.
    #[inline(always)]
    pub fn read(&self) -> i32 {
        if self.ptr.is_null() {
            -1
        } else {
            self.len as i32
        }
    }
}

/// `POINTMILL_DISTRIBUTION`.
pub const DISTRIBUTION: u32 = 1;
/// `POINTMILL_COUNT`.
pub const COUNT: u32 = 2;
const FLUSH_ALL: u32 = 1;

type New = unsafe extern "C" fn(*const c_void, *mut *mut c_void, *mut c_void) -> i32;
type Free = unsafe extern "C" fn(*mut c_void);
type Context = unsafe extern "C" fn(*mut c_void, u32, Str, *const Str, usize, *mut u64) -> i32;
type Record = unsafe extern "C" fn(*mut c_void, u64, f64) -> i32;
type RecordNamed = unsafe extern "C" fn(*mut c_void, u32, *const Str, usize, f64) -> i32;
type Flush = unsafe extern "C" fn(*mut c_void, i64, u32, *mut *mut c_void) -> i32;
type Len = unsafe extern "C" fn(*const c_void) -> usize;

/// Where the shared object is: `POINTMILL_LIBRARY`, else where `cargo xtask bench` builds it.
pub fn library_path() -> PathBuf {
    std::env::var_os("POINTMILL_LIBRARY").map_or_else(
        || {
            PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/release"))
                .join(libloading::library_filename("pointmill"))
        },
        PathBuf::from,
    )
}

/// An engine behind the C ABI.
#[derive(Debug)]
pub struct Engine {
    engine: *mut c_void,
    record: Record,
    record_named: RecordNamed,
    library: Library,
}

fn function<T: Copy>(library: &Library, name: &str) -> Result<T, libloading::Error> {
    // SAFETY: each caller names the type that the header gives the function of this name.
    let symbol = unsafe { library.get::<T>(name) }?;
    Ok(*symbol)
}

fn check(what: &str, code: i32) -> Result<(), Box<dyn std::error::Error>> {
    if code == 0 {
        Ok(())
    } else {
        Err(format!("{what} answered {code}").into())
    }
}

/// Loads the shared object.
///
/// # Errors
/// If it is not there (`cargo xtask bench` builds it).
pub fn open() -> Result<Library, Box<dyn std::error::Error>> {
    let path = library_path();
    // SAFETY: pointmill's library runs no code when it is loaded.
    let library = unsafe { Library::new(&path) };
    library.map_err(|error| format!("{error}; build it with cargo xtask bench").into())
}

impl Engine {
    /// Loads the library and makes an engine of the default configuration, whose time is that of
    /// the engines in Rust.
    ///
    /// # Errors
    /// If the library is not there or refuses.
    pub fn load() -> Result<Engine, Box<dyn std::error::Error>> {
        let engine = Engine::of(open()?)?;
        // It was made at the system's time; from here on no flush moves the interval.
        engine.flush()?;
        Ok(engine)
    }

    /// An engine of the default configuration.
    ///
    /// # Errors
    /// If the library is another one, or refuses.
    pub fn of(library: Library) -> Result<Engine, Box<dyn std::error::Error>> {
        let new: New = function(&library, "pointmill_engine_new")?;
        let mut engine = std::ptr::null_mut();
        // SAFETY: NULL stands for the defaults, and for no interest in the error's text.
        let code = unsafe { new(std::ptr::null(), &raw mut engine, std::ptr::null_mut()) };
        check("pointmill_engine_new", code)?;
        Ok(Engine {
            engine,
            record: function(&library, "pointmill_record")?,
            record_named: function(&library, "pointmill_record_named")?,
            library,
        })
    }

    /// A context without tags.
    ///
    /// # Errors
    /// If the library refuses.
    pub fn context(
        &self,
        kind: u32,
        name: &'static str,
    ) -> Result<u64, Box<dyn std::error::Error>> {
        let context: Context = function(&self.library, "pointmill_context")?;
        let mut id = 0;
        // SAFETY: the engine lives; there are no tags behind the NULL; `id` takes the output.
        let code = unsafe {
            context(
                self.engine,
                kind,
                name.into(),
                std::ptr::null(),
                0,
                &raw mut id,
            )
        };
        check("pointmill_context", code)?;
        Ok(id)
    }

    /// `pointmill_record`.
    #[inline(always)]
    pub fn record(&self, context: u64, value: f64) -> i32 {
        // SAFETY: the engine lives as long as `self`.
        unsafe { (self.record)(self.engine, context, value) }
    }

    /// `pointmill_record_named`.
    #[inline(always)]
    pub fn record_named(&self, kind: u32, name_then_tags: &[Str], value: f64) -> i32 {
        // SAFETY: the engine lives as long as `self`, the texts for ever.
        unsafe {
            (self.record_named)(
                self.engine,
                kind,
                name_then_tags.as_ptr(),
                name_then_tags.len(),
                value,
            )
        }
    }

    /// Flushes everything; how many entries there were.
    ///
    /// # Errors
    /// If the library refuses.
    pub fn flush(&self) -> Result<usize, Box<dyn std::error::Error>> {
        let flush: Flush = function(&self.library, "pointmill_flush")?;
        let len: Len = function(&self.library, "pointmill_snapshot_len")?;
        let free: Free = function(&self.library, "pointmill_snapshot_free")?;
        let mut snapshot = std::ptr::null_mut();
        // SAFETY: the engine lives; `snapshot` takes the output.
        let code = unsafe {
            flush(
                self.engine,
                crate::engine::NOW,
                FLUSH_ALL,
                &raw mut snapshot,
            )
        };
        check("pointmill_flush", code)?;
        // SAFETY: the flush has just made it.
        let entries = unsafe { len(snapshot) };
        // SAFETY: made above, freed once.
        unsafe { free(snapshot) };
        Ok(entries)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Ok(free) = function::<Free>(&self.library, "pointmill_engine_free") {
            // SAFETY: made by `pointmill_engine_new`, freed once.
            unsafe { free(self.engine) };
        }
    }
}
