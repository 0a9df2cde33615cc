//! AWS Lambda: the environment read, invocations begun and ended, enhanced metrics with exact tags.
//!
//! ```text
//! environment, options ──▶ Settings ──▶ Mode ─────────────────────────┐
//!                                                                     ▼
//! metric, record ──▶ engine (aggregated) or buffer (each value) ──▶ flush ──▶ extension, log, intake
//! begin, end ──────▶ enhanced metrics ──▶ buffer ─────────────────────┘
//! ```
//!
//! [`Lambda`] is all of it. It has the engine's promises: recording to known contexts allocates
//! nothing, memory is bounded, every point is in [`LambdaStats`], a forked child begins empty.
//! `docs/LAMBDA.md` is the manual for users: variables, modes, tags, deviations from today's layers.
//!
//! | module | holds |
//! | --- | --- |
//! | [`settings`] | the table of settings and their one precedence |
//! | [`language`] | what differs between the languages' layers |
//! | [`tagging`] | the tags that functions carry in AWS |
//! | [`trace`] | conversions of trace ids |

#![forbid(unsafe_code)]

mod api_key;
mod arn;
mod aws;
mod flush;
mod fork;
mod http;
mod invocation;
mod lambda;
pub mod language;
mod mode;
mod normalise;
mod points;
mod process;
mod raw;
pub mod settings;
mod state;
mod stats;
pub mod tagging;
mod tags;
mod timer;
pub mod trace;
mod warnings;

pub use api_key::key_source;
pub use arn::{Arn, ArnError};
pub use flush::Flushed;
pub use invocation::{Invocation, Outcome, Token, UnknownToken};
pub use lambda::{Closed, Lambda, NewError, Parts, PointError};
pub use language::Language;
pub use mode::Mode;
pub use stats::{LambdaStats, Refusal};
pub use tags::{Function, Library, Start, enhanced_tags};
