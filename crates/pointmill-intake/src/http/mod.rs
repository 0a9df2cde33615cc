//! The HTTP side: the port, the routes, the page.

pub mod page;

/// The description of every route, as served at `/v1/openapi.json`.
pub const OPENAPI: &str = include_str!("../../openapi.json");
