//! Trace context: pure conversions of ids, priorities and headers.
//!
//! ```text
//! X-Ray  Root=1-5ce31dc2-2c779014b90ce44db5e03875;Parent=0b11cc4230d3e09e;Sampled=1
//!                                ^^^^^^^^^^^^^^^^ low 63 bits: trace id
//! ```

use std::fmt;

/// A trace and the span to continue from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The trace's id, its low 64 bits.
    pub trace_id: u64,
    /// The id of the span that called.
    pub parent_id: u64,
    /// 2: keep, by the user's will; 1: keep; 0: reject; -1: reject, by the user's will.
    pub priority: i32,
}

/// A header that holds no trace context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTrace;

impl fmt::Display for NoTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no trace context: expected Root=1-XXXXXXXX-24 hex digits;Parent=16 hex digits, or the headers x-datadog-trace-id and x-datadog-parent-id")
    }
}

impl std::error::Error for NoTrace {}

/// The id of a Datadog trace for an X-Ray root such as `1-5ce31dc2-2c779014b90ce44db5e03875`: the
/// low 63 bits.
#[must_use]
pub fn trace_id_of_xray(root: &str) -> Option<u64> {
    let last = root.rsplit('-').next()?;
    if last.len() != 24 || !last.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let low = u64::from_str_radix(&last[8..], 16).ok()?;
    Some(low & (u64::MAX >> 1))
}

/// The id of a Datadog span for an X-Ray segment: 16 hex digits.
#[must_use]
pub fn parent_id_of_xray(parent: &str) -> Option<u64> {
    let sound = parent.len() == 16 && parent.bytes().all(|b| b.is_ascii_hexdigit());
    sound
        .then(|| u64::from_str_radix(parent, 16).ok())
        .flatten()
}

impl TraceContext {
    /// From X-Ray's header or `_X_AMZN_TRACE_ID`. Sampled is priority 2, else -1.
    ///
    /// # Errors
    /// [`NoTrace`] if root or parent is missing or malformed.
    pub fn of_xray(header: &str) -> Result<TraceContext, NoTrace> {
        let field = |name: &str| {
            let mut fields = header
                .split(';')
                .filter_map(|field| field.trim().split_once('='));
            fields.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let trace_id = field("Root").and_then(trace_id_of_xray).ok_or(NoTrace)?;
        let parent_id = field("Parent").and_then(parent_id_of_xray).ok_or(NoTrace)?;
        let priority = if field("Sampled") == Some("1") { 2 } else { -1 };
        Ok(TraceContext {
            trace_id,
            parent_id,
            priority,
        })
    }

    /// From Datadog's headers, whose names may be in any case. Without a priority it is 1.
    ///
    /// # Errors
    /// [`NoTrace`] if an id is missing or no number.
    pub fn of_headers<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<TraceContext, NoTrace> {
        let (mut trace_id, mut parent_id, mut priority) = (None, None, None);
        for (name, value) in headers {
            let value = value.trim();
            if name.eq_ignore_ascii_case("x-datadog-trace-id") {
                trace_id = value.parse().ok();
            } else if name.eq_ignore_ascii_case("x-datadog-parent-id") {
                parent_id = value.parse().ok();
            } else if name.eq_ignore_ascii_case("x-datadog-sampling-priority") {
                priority = value.parse().ok();
            }
        }
        Ok(TraceContext {
            trace_id: trace_id.ok_or(NoTrace)?,
            parent_id: parent_id.ok_or(NoTrace)?,
            priority: priority.unwrap_or(1),
        })
    }

    /// The three headers of an outgoing request.
    #[must_use]
    pub fn headers(&self) -> [(&'static str, String); 3] {
        [
            ("x-datadog-trace-id", self.trace_id.to_string()),
            ("x-datadog-parent-id", self.parent_id.to_string()),
            ("x-datadog-sampling-priority", self.priority.to_string()),
        ]
    }

    /// This trace and priority, continued from X-Ray's span: what merging X-Ray traces means.
    #[must_use]
    pub fn merged_with_xray(&self, xray: &TraceContext) -> TraceContext {
        TraceContext {
            parent_id: xray.parent_id,
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_xray() {
        let root = "1-5ce31dc2-2c779014b90ce44db5e03875";
        assert_eq!(trace_id_of_xray(root), Some(4_110_911_582_297_405_557));
        let high = "1-5ce31dc2-ffffffffb90ce44db5e03875";
        assert_eq!(trace_id_of_xray(high), Some(4_110_911_582_297_405_557));
        assert_eq!(trace_id_of_xray("1-5ce31dc2-b90ce44db5e03875"), None);
        assert_eq!(
            trace_id_of_xray("1-5ce31dc2-2c779014b90ce44db5e0387x"),
            None
        );
        for (text, id) in [
            ("0b11cc4230d3e09e", Some(797_643_193_680_388_254)),
            ("53995c3f42cd8ad8", Some(6_023_947_403_358_210_776)),
            ("ffffffffffffffff", Some(u64::MAX)),
            ("875", None),
            ("+b11cc4230d3e09e", None),
        ] {
            assert_eq!(parent_id_of_xray(text), id, "{text}");
        }
    }

    // As the layers read it, and what "not sampled" should be.
    #[test]
    fn a_header_of_xray() {
        let header = "Root=1-5e272390-8c398be037738dc042009320;Parent=94ae789b969f1cc5;Sampled=1";
        let expected = TraceContext {
            trace_id: 3_995_693_151_288_333_088,
            parent_id: 10_713_633_173_203_262_661,
            priority: 2,
        };
        assert_eq!(TraceContext::of_xray(header), Ok(expected));
        let unsampled = TraceContext::of_xray(&header.replace("Sampled=1", "Sampled=0")).unwrap();
        assert_eq!(unsampled.priority, -1);
        assert_eq!(TraceContext::of_xray("Root=1-5e272390"), Err(NoTrace));
        assert_eq!(TraceContext::of_xray(""), Err(NoTrace));
    }

    #[test]
    fn headers_of_datadog() {
        let trace = TraceContext::of_headers([
            ("X-Datadog-Trace-Id", "1231452342"),
            ("x-datadog-parent-id", " 45678910"),
            ("accept", "*/*"),
        ])
        .unwrap();
        assert_eq!(
            (trace.trace_id, trace.parent_id),
            (1_231_452_342, 45_678_910)
        );
        assert_eq!(trace.priority, 1);
        let xray = TraceContext::of_xray(
            "Root=1-5ce31dc2-2c779014b90ce44db5e03875;Parent=0b11cc4230d3e09e;Sampled=1",
        )
        .unwrap();
        let merged = trace.merged_with_xray(&xray);
        assert_eq!(merged.parent_id, 797_643_193_680_388_254);
        assert_eq!((merged.trace_id, merged.priority), (1_231_452_342, 1));
        assert_eq!(
            merged.headers()[1],
            ("x-datadog-parent-id", "797643193680388254".to_owned())
        );
        assert_eq!(
            TraceContext::of_headers([("x-datadog-trace-id", "1")]),
            Err(NoTrace)
        );
    }
}
