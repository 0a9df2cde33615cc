//! One live object of every type.

use std::ffi::c_void;
use std::os::fd::AsRawFd;
use std::ptr;

use super::{NONE, NOW};
use crate::client::*;
use crate::codes::*;
use crate::config::*;
use crate::context::*;
use crate::engine::*;
use crate::lambda::*;
use crate::lambda_config::*;
use crate::payloads::*;
use crate::record::*;
use crate::sketch::*;
use crate::snapshot::*;
use crate::text::*;

/// One live object of every type.
pub(super) struct Fixture {
    pub(super) sketch: *mut pointmill_sketch,
    pub(super) config: *mut pointmill_config,
    pub(super) engine: *mut pointmill_engine,
    pub(super) snapshot: *mut pointmill_snapshot,
    pub(super) payloads: *mut pointmill_payloads,
    pub(super) client: *mut pointmill_client,
    pub(super) lambda: *mut pointmill_lambda,
    pub(super) lambda_config: *mut pointmill_lambda_config,
    pub(super) context: u64,
}

impl Fixture {
    pub(super) fn new() -> Fixture {
        let mut f = Fixture {
            sketch: ptr::null_mut(),
            config: ptr::null_mut(),
            engine: ptr::null_mut(),
            snapshot: ptr::null_mut(),
            payloads: ptr::null_mut(),
            client: ptr::null_mut(),
            lambda: ptr::null_mut(),
            lambda_config: ptr::null_mut(),
            context: 0,
        };
        let none = ptr::null_mut();
        assert_eq!(c!(pointmill_sketch_new(&mut f.sketch)), POINTMILL_OK);
        assert_eq!(c!(pointmill_sketch_insert(f.sketch, 1.0)), POINTMILL_OK);
        assert_eq!(c!(pointmill_config_new(&mut f.config)), POINTMILL_OK);
        let arena = c!(pointmill_config_set(
            f.config,
            c"contexts_max".as_ptr(),
            c"64".as_ptr(),
            none
        ));
        assert_eq!(arena, POINTMILL_OK);
        let background = c!(pointmill_config_set(
            f.config,
            c"background".as_ptr(),
            c"false".as_ptr(),
            none
        ));
        assert_eq!(background, POINTMILL_OK);
        assert_eq!(
            c!(pointmill_engine_new(f.config, &mut f.engine, none)),
            POINTMILL_OK
        );
        assert_eq!(c!(pointmill_tick(f.engine, NOW)), POINTMILL_OK);
        let name = pointmill_str::lend("m");
        let kind = POINTMILL_DISTRIBUTION;
        let context = c!(pointmill_context(
            f.engine,
            kind,
            name,
            ptr::null(),
            0,
            &mut f.context
        ));
        assert_eq!(context, POINTMILL_OK);
        assert_eq!(c!(pointmill_record(f.engine, f.context, 1.0)), POINTMILL_OK);
        let flush = c!(pointmill_flush(
            f.engine,
            NOW,
            POINTMILL_FLUSH_ALL,
            &mut f.snapshot
        ));
        assert_eq!(flush, POINTMILL_OK);
        assert_eq!(
            c!(pointmill_encode(
                f.snapshot,
                f.config,
                &mut f.payloads,
                none
            )),
            POINTMILL_OK
        );
        let out = &mut f.client;
        let made = c!(client_new_with(f.engine, f.config, out));
        assert_eq!(made, POINTMILL_OK);
        f.add_lambda();
        f
    }

    /// In log mode, with nowhere as its log.
    fn add_lambda(&mut self) {
        let config = &mut self.lambda_config;
        let made = c!(pointmill_lambda_config_new(POINTMILL_LAMBDA_PYTHON, config));
        assert_eq!(made, POINTMILL_OK);
        let nowhere = std::fs::File::create("/dev/null").unwrap();
        let fd = nowhere.as_raw_fd().to_string();
        for (name, value) in [(c"mode", "log"), (c"log_fd", fd.as_str())] {
            let (config, value) = (self.lambda_config, pointmill_str::lend(value));
            let set = c!(pointmill_lambda_config_set(
                config,
                name.as_ptr(),
                value,
                NONE
            ));
            assert_eq!(set, POINTMILL_OK);
        }
        let made = c!(pointmill_lambda_new(
            self.lambda_config,
            &mut self.lambda,
            NONE
        ));
        assert_eq!(made, POINTMILL_OK);
        let (name, mut id) = (pointmill_str::lend("m"), 1);
        let held = c!(pointmill_lambda_context(self.lambda, &name, 1, &mut id));
        assert_eq!((held, id), (POINTMILL_OK, 0));
    }
}

/// Takes everything.
unsafe extern "C" fn take(_: *mut c_void, _: *const pointmill_payload, _: u64) -> i32 {
    202
}

/// # Safety
/// As [`pointmill_client_new_with`].
pub(super) unsafe fn client_new_with(
    engine: *mut pointmill_engine,
    config: *const pointmill_config,
    out: *mut *mut pointmill_client,
) -> i32 {
    // SAFETY: the caller's obligation is the same.
    unsafe { pointmill_client_new_with(engine, config, Some(take), ptr::null_mut(), out, NONE) }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        c!(pointmill_sketch_free(self.sketch));
        c!(pointmill_config_free(self.config));
        c!(pointmill_engine_free(self.engine));
        c!(pointmill_snapshot_free(self.snapshot));
        c!(pointmill_payloads_free(self.payloads));
        c!(pointmill_client_free(self.client));
        c!(pointmill_lambda_free(self.lambda));
        c!(pointmill_lambda_config_free(self.lambda_config));
    }
}
