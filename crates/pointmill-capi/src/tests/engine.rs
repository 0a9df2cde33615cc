//! Options, engines, recording.

use std::fmt::Write as _;
use std::ptr;

use super::fixture::Fixture;
use super::layout::{size_of_field, zeroed_like};
use super::structs::{option, stats};
use super::{Call, NONE, NOW};
use crate::codes::*;
use crate::config::*;
use crate::context::*;
use crate::engine::*;
use crate::library::*;
use crate::record::*;
use crate::text::*;

pub(super) fn calls() -> Vec<Call> {
    let calls: [Call; 17] = calls! { f:
        pointmill_code_at(0, &mut 0);
        pointmill_config_new(&mut ptr::null_mut());
        pointmill_config_set(f.config, c"interval_s".as_ptr(), c"5".as_ptr(), NONE);
        pointmill_config_get(f.config, c"tags".as_ptr(), [0; 9].as_mut_ptr(), 9, &mut 0);
        pointmill_config_option(0, &mut option());
        pointmill_config_choice(11, 0, &mut pointmill_str::lend(""));
        pointmill_engine_new(f.config, &mut ptr::null_mut(), NONE);
        pointmill_tick(f.engine, NOW);
        pointmill_context(f.engine, 1, pointmill_str::lend("m"), ptr::null(), 0, &mut 0);
        pointmill_record(f.engine, f.context, 1.0);
        pointmill_record_at(f.engine, f.context, 1.0, NOW);
        pointmill_record_sampled(f.engine, f.context, 1.0, 0.5);
        pointmill_record_sampled_at(f.engine, f.context, 1.0, 0.5, NOW);
        pointmill_record_many(f.engine, f.context, [1.0].as_ptr(), 1, &mut 0);
        pointmill_record_batch(f.engine, [f.context].as_ptr(), [1.0].as_ptr(), 1, &mut 0);
        pointmill_record_named(f.engine, 1, [pointmill_str::lend("m")].as_ptr(), 1, 1.0);
        pointmill_flush(f.engine, NOW, 0, &mut ptr::null_mut());
    };
    calls.to_vec()
}

/// The lines of its structs.
pub(super) fn layout(out: &mut String) {
    layout!(
        out,
        pointmill_option {
            struct_size,
            r#type,
            name,
            doc,
            default_text,
            default_number,
            min,
            max,
            choices_len
        }
    );
    layout!(
        out,
        pointmill_engine_stats {
            struct_size,
            reserved,
            recorded,
            flushed,
            pending,
            rejected_not_finite,
            rejected_stale,
            rejected_too_old,
            rejected_too_new,
            rejected_invalid_name,
            rejected_no_room,
            dropped_arena_full,
            dropped_stale,
            overflowed,
            contexts,
            contexts_expired,
            contexts_refused,
            flushes,
            utf8_mended,
            arena_used_bytes,
            arena_bytes
        }
    );
}

/// Whatever was recorded before: texts are checked on the quick way, too.
#[test]
fn texts_that_are_not_sound_are_refused_by_name_too() {
    let f = Fixture::new();
    let record = |tag: pointmill_str| {
        let texts = [pointmill_str::lend("hits"), tag];
        c!(pointmill_record_named(f.engine, 2, texts.as_ptr(), 2, 1.0))
    };
    let mut before = stats();
    assert_eq!(c!(pointmill_stats(f.engine, &mut before)), POINTMILL_OK);
    let tag = pointmill_str::lend("env:prod");
    let none = pointmill_str::lend("");
    for _ in 0..2 {
        assert_eq!(record(tag), POINTMILL_OK);
        assert_eq!(record(none), POINTMILL_OK);
    }
    let null = ptr::null();
    assert_eq!(record(pointmill_str { ptr: null, ..none }), POINTMILL_OK);
    for (wrong, code) in [
        (pointmill_str { ptr: null, ..tag }, POINTMILL_E_NULL),
        (
            pointmill_str {
                len: usize::MAX,
                ..tag
            },
            POINTMILL_E_INVALID,
        ),
    ] {
        assert_eq!(record(wrong), code);
    }
    let mut after = stats();
    assert_eq!(c!(pointmill_stats(f.engine, &mut after)), POINTMILL_OK);
    assert_eq!(after.recorded - before.recorded, 5);
}
