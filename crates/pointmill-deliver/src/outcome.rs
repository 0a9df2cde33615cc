//! What an attempt came to, and what follows from it.
//!
//! | status | what happens |
//! | --- | --- |
//! | 2xx | accepted |
//! | 413 | cut in two and sent again; one series alone: dropped (`too_large`) |
//! | 400 | dropped (`bad_request`) |
//! | 401, 403 | dropped (`forbidden`), unless the source of the key has another one |
//! | 404, 407, 408, 421, 425, 429, 3xx, 1xx, 5xx, no answer | kept and tried again |
//! | any other | dropped (`refused`) |
//!
//! 404 and 407 are kept because they tell of a wrong URL, a roll-out or a proxy, not of the body;
//! an Agent keeps 404 too. A batch that is kept for too long expires.

use std::time::Duration;

use crate::ledger::{DropCause, FailCause};

/// What one attempt to deliver a batch came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attempt {
    /// The destination has taken it.
    Accepted,
    /// An HTTP server answered, or something that speaks like one.
    Status {
        /// The status.
        code: u16,
        /// What `Retry-After` asks for.
        retry_after: Option<Duration>,
    },
    /// No answer.
    Failed {
        /// Why.
        cause: FailCause,
        /// Whether the destination may have taken it all the same.
        uncertain: bool,
        /// What the system said, for a person; never holds a key.
        detail: String,
    },
    /// It cannot be sent to this destination at all.
    TooLarge,
}

/// What follows for the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    Split,
    Keep {
        cause: FailCause,
        after: Option<Duration>,
    },
    Drop(DropCause),
}

impl Attempt {
    pub(crate) fn verdict(&self) -> Verdict {
        let (code, after) = match self {
            Attempt::Accepted => return Verdict::Accepted,
            Attempt::TooLarge => return Verdict::Split,
            Attempt::Failed { cause, .. } => {
                return Verdict::Keep {
                    cause: *cause,
                    after: None,
                };
            }
            Attempt::Status { code, retry_after } => (*code, *retry_after),
        };
        let keep = |cause| Verdict::Keep { cause, after };
        match code {
            200..=299 => Verdict::Accepted,
            413 => Verdict::Split,
            400 => Verdict::Drop(DropCause::BadRequest),
            401 | 403 => Verdict::Drop(DropCause::Forbidden),
            408 | 425 | 429 => keep(FailCause::Throttled),
            500..=599 => keep(FailCause::Server),
            402 | 405 | 406 | 409..=499 if !matches!(code, 421) => {
                Verdict::Drop(DropCause::Refused)
            }
            _ => keep(FailCause::Status),
        }
    }

    /// A text for a person, with the remedy where there is one.
    pub(crate) fn describe(&self) -> String {
        match self {
            Attempt::Accepted => "accepted".to_owned(),
            Attempt::TooLarge => "larger than the destination takes".to_owned(),
            Attempt::Failed { cause, detail, .. } => format!("{}: {detail}", cause.name()),
            Attempt::Status { code, retry_after } => {
                let remedy = match code {
                    400 => "; the body was called wrong, please report it",
                    401 | 403 => "; check api_key and site",
                    404 => "; check url or site",
                    407 => "; check the user and password of proxy",
                    413 => "; cut in two and sent again",
                    429 => "; sent again later",
                    _ => "",
                };
                let after = retry_after.map(|d| format!(", Retry-After {} s", d.as_secs()));
                format!("status {code}{}{remedy}", after.unwrap_or_default())
            }
        }
    }
}

/// Longest `Retry-After` that is obeyed; a longer one counts as this, so that a mistaken proxy
/// cannot silence a program for a day.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(900);

/// Reads the header `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date to be compared
/// with `unix_ms`.
#[must_use]
pub fn parse_retry_after(text: &str, unix_ms: u64) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let at = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(at.saturating_sub(Duration::from_millis(unix_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: u16) -> Verdict {
        Attempt::Status {
            code,
            retry_after: None,
        }
        .verdict()
    }

    #[test]
    fn statuses_do_what_the_table_says() {
        for code in 200..300 {
            assert_eq!(of(code), Verdict::Accepted);
        }
        assert_eq!(of(413), Verdict::Split);
        assert_eq!(of(400), Verdict::Drop(DropCause::BadRequest));
        for code in [401, 403] {
            assert_eq!(of(code), Verdict::Drop(DropCause::Forbidden));
        }
        for code in [408, 425, 429] {
            assert!(matches!(
                of(code),
                Verdict::Keep {
                    cause: FailCause::Throttled,
                    ..
                }
            ));
        }
        for code in [0, 100, 301, 302, 307, 404, 407, 421, 600, 999] {
            assert!(
                matches!(
                    of(code),
                    Verdict::Keep {
                        cause: FailCause::Status,
                        ..
                    }
                ),
                "{code}"
            );
        }
        for code in [500, 502, 503, 504, 599] {
            assert!(matches!(
                of(code),
                Verdict::Keep {
                    cause: FailCause::Server,
                    ..
                }
            ));
        }
        for code in [402, 405, 406, 409, 410, 411, 415, 422, 431, 451] {
            assert_eq!(of(code), Verdict::Drop(DropCause::Refused), "{code}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = 1_700_000_000_000;
        assert_eq!(
            parse_retry_after(" 120 ", now),
            Some(Duration::from_secs(120))
        );
        let date = "Tue, 14 Nov 2023 22:14:20 GMT"; // 1,700,000,060
        assert_eq!(parse_retry_after(date, now), Some(Duration::from_secs(60)));
        let past = "Tue, 14 Nov 2023 22:00:00 GMT";
        assert_eq!(parse_retry_after(past, now), Some(Duration::ZERO));
        assert_eq!(
            parse_retry_after("99999999999999999999999", now),
            Some(Duration::from_secs(u64::MAX))
        );
        for garbage in ["", "soon", "-5", "1.5"] {
            assert_eq!(parse_retry_after(garbage, now), None, "{garbage}");
        }
    }
}
