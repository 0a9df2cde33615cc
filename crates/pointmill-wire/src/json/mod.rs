//! JSON, as far as payloads need it: text and numbers out, and a reader for strangers' text.

mod read;
mod write;

pub(crate) use read::JsonReader;
pub(crate) use write::{put_number, put_text};
