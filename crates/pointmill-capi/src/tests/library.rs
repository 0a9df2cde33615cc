//! What has no status, and what all families share.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::layout::{size_of_field, zeroed_like};
use super::{Call, listed};
use crate::client::*;
use crate::codes::*;
use crate::config::*;
use crate::engine::*;
use crate::lambda::*;
use crate::lambda_config::*;
use crate::library::*;
use crate::payloads::*;
use crate::sketch::*;
use crate::snapshot::*;
use crate::text::*;

/// Functions without a status: NULL, 0, or nothing.
pub(super) fn calls() -> Vec<Call> {
    vec![
        ("pointmill_version", |_| c!(pointmill_version()).is_null()),
        ("pointmill_abi_version", |_| {
            c!(pointmill_abi_version()) == 0
        }),
        ("pointmill_strerror", |_| {
            c!(pointmill_strerror(0)).is_null()
        }),
        ("pointmill_code_name", |_| {
            c!(pointmill_code_name(0)).is_null()
        }),
        ("pointmill_config_count", |_| {
            c!(pointmill_config_count()) == 0
        }),
        ("pointmill_snapshot_len", |f| {
            c!(pointmill_snapshot_len(f.snapshot)) == 0
        }),
        ("pointmill_payloads_len", |f| {
            c!(pointmill_payloads_len(f.payloads)) == 0
        }),
        // After the panic the object still lives; the fixture frees it.
        ("pointmill_sketch_free", |f| {
            c!(pointmill_sketch_free(f.sketch));
            true
        }),
        ("pointmill_config_free", |f| {
            c!(pointmill_config_free(f.config));
            true
        }),
        ("pointmill_engine_free", |f| {
            c!(pointmill_engine_free(f.engine));
            true
        }),
        ("pointmill_snapshot_free", |f| {
            c!(pointmill_snapshot_free(f.snapshot));
            true
        }),
        ("pointmill_client_free", |f| {
            c!(pointmill_client_free(f.client));
            true
        }),
        ("pointmill_lambda_free", |f| {
            c!(pointmill_lambda_free(f.lambda));
            true
        }),
        ("pointmill_lambda_config_free", |f| {
            c!(pointmill_lambda_config_free(f.lambda_config));
            true
        }),
        ("pointmill_payloads_free", |f| {
            c!(pointmill_payloads_free(f.payloads));
            true
        }),
    ]
}

/// The lines of its structs.
pub(super) fn layout(out: &mut String) {
    layout!(out, pointmill_str { ptr, len });
    layout!(
        out,
        pointmill_error {
            struct_size,
            code,
            detail
        }
    );
}

#[test]
fn the_table_of_codes_is_the_list_of_codes() {
    let table: BTreeSet<(String, String)> = TABLE
        .iter()
        .map(|row| {
            (
                row.name.to_str().unwrap().to_owned(),
                row.number.to_string(),
            )
        })
        .collect();
    let listed: BTreeSet<(String, String)> = listed("constant")
        .into_iter()
        .filter(|c| c[0] == "POINTMILL_OK" || c[0].starts_with("POINTMILL_E_"))
        .map(|c| (c[0].clone(), c[1].clone()))
        .collect();
    assert_eq!(table, listed);
}
