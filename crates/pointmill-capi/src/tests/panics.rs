//! A panic inside the library, and what is left of the objects.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::ptr;

use super::fixture::Fixture;
use super::structs::{error, lambda_stats, stats};
use super::{NONE, all_calls, listed, with_status};
use crate::boundary::injection;
use crate::client::*;
use crate::codes::*;
use crate::config::*;
use crate::engine::*;
use crate::lambda::*;
use crate::lambda_stats::*;
use crate::record::*;
use crate::sketch::*;

#[test]
fn a_panic_in_any_function_becomes_its_answer() {
    let calls = all_calls();
    let called: BTreeSet<String> = calls.iter().map(|(name, _)| (*name).to_owned()).collect();
    let exported: BTreeSet<String> = listed("function").iter().map(|f| f[0].clone()).collect();
    assert_eq!(called, exported, "every exported function is called here");
    for (name, call) in calls {
        let fixture = Fixture::new();
        injection::arm();
        assert!(call(&fixture), "{name}");
        assert!(!injection::armed(), "{name} does not pass the boundary");
    }
}

#[test]
fn without_a_panic_the_same_calls_do_not_answer_so() {
    for (name, call) in with_status() {
        assert!(!call(&Fixture::new()), "{name}");
    }
}

#[test]
fn after_a_panic_an_object_refuses_changes_and_still_tells_what_it_holds() {
    let changing_engine = |name: &str| {
        let words = ["context", "record", "tick", "flush"];
        let of_others = ["pointmill_client_", "pointmill_lambda_"];
        let of_others = of_others.iter().any(|prefix| name.starts_with(prefix));
        !of_others && words.iter().any(|word| name.contains(word))
            || name.starts_with("pointmill_client_new")
    };
    let changing_client = |name: &str| {
        let words = ["start", "flush", "close"];
        words
            .iter()
            .any(|w| name == format!("pointmill_client_{w}"))
    };
    let changing_sketch = |name: &str| {
        name.starts_with("pointmill_sketch_insert") || name.starts_with("pointmill_sketch_merge")
    };
    for (name, call) in with_status() {
        let f = Fixture::new();
        injection::arm();
        assert!(call(&f), "{name}");
        let record = c!(pointmill_record(f.engine, f.context, 1.0));
        let insert = c!(pointmill_sketch_insert(f.sketch, 1.0));
        let set = c!(pointmill_config_set(
            f.config,
            c"host".as_ptr(),
            c"h".as_ptr(),
            NONE
        ));
        let poisoned = |yes: bool| {
            if yes {
                POINTMILL_E_POISONED
            } else {
                POINTMILL_OK
            }
        };
        assert_eq!(record, poisoned(changing_engine(name)), "{name}");
        assert_eq!(insert, poisoned(changing_sketch(name)), "{name}");
        assert_eq!(set, poisoned(name == "pointmill_config_set"), "{name}");
        let start = c!(pointmill_client_start(f.client));
        assert_eq!(start, poisoned(changing_client(name)), "{name}");
        let reading = [
            "new",
            "mode",
            "setting",
            "engine",
            "stats_get",
            "last_failure",
        ];
        let changing_lambda = name.strip_prefix("pointmill_lambda_").is_some_and(|name| {
            !reading.contains(&name) && !name.starts_with("config") && !name.starts_with("trace")
        });
        let refused = c!(pointmill_lambda_rejected(
            f.lambda,
            POINTMILL_LAMBDA_BAD_TIME,
            1
        ));
        assert_eq!(refused, poisoned(changing_lambda), "{name}");
        // Reading goes on.
        let read = c!(pointmill_lambda_stats_get(f.lambda, &mut lambda_stats()));
        assert_eq!(read, POINTMILL_OK, "{name}");
        assert_eq!(
            c!(pointmill_stats(f.engine, &mut stats())),
            POINTMILL_OK,
            "{name}"
        );
        let mut median = 0.0;
        assert_eq!(
            c!(pointmill_sketch_quantile(f.sketch, 0.5, &mut median)),
            POINTMILL_OK
        );
        assert_eq!(median, 1.0);
    }
}

#[test]
fn the_error_struct_carries_the_panics_text() {
    let f = Fixture::new();
    let mut err = error();
    injection::arm();
    let mut out = ptr::null_mut();
    let status = c!(pointmill_engine_new(f.config, &mut out, &mut err));
    assert_eq!((status, err.code), (POINTMILL_E_PANIC, POINTMILL_E_PANIC));
    // SAFETY: the library ends the text with NUL.
    let text = unsafe { CStr::from_ptr(err.detail.as_ptr()) }
        .to_str()
        .unwrap();
    assert!(text.contains("injected"), "{text}");
    assert!(out.is_null());
}
