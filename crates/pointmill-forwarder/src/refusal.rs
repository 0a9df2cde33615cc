//! Why something that looked like a metric gave none.

use core::fmt;

macro_rules! refusals {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $remedy:literal;)+) => {
        /// Why an event that looks like a metric or a platform message gave no point. It stays an
        /// ordinary log and is passed on as one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Refusal {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Refusal {
            /// Every cause.
            pub const ALL: &'static [Refusal] = &[$(Refusal::$variant,)+];

            /// A word for the cause, under which it is counted.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Refusal::$variant => $name,)+
                }
            }

            /// What was found and what would have been taken.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self {
                    $(Refusal::$variant => $remedy,)+
                }
            }
        }
    };
}

refusals! {
    /// Longer than is looked at.
    TooLong = "too_long", "a line has 1 MiB at most, a document 16 MiB";
    /// A JSON document whose end is missing.
    Cut = "cut", "the document's end is missing; it was cut on its way";
    /// Three of the four keys of a metric line are there.
    MissingKey = "missing_key", "a metric line has all of the keys m, v, e and t";
    /// The text begins like a metric line and is no JSON.
    NotJson = "not_json", "the whole message must be one JSON document";
    /// NaN, an infinity or a number beyond the largest double.
    NotFinite = "not_finite", "the value must be a finite number";
    /// `v` is text, null, a list or an object.
    ValueNotANumber = "value_not_a_number", "v must be a number, without quotes";
    /// `m` is empty or no text.
    BadName = "bad_name", "the metric's name must be text and not empty";
    /// `e` is text, negative or no time.
    BadTime = "bad_time", "the time must be Unix seconds, as a number";
    /// `t` is no list.
    TagsNotAList = "tags_not_a_list", "t must be a list of tags";
    /// A tag is a list or an object.
    BadTag = "bad_tag", "a tag must be text";
    /// More tags than [`TAGS_MAX`](crate::TAGS_MAX).
    TooManyTags = "too_many_tags", "a metric carries 1000 tags at most";
    /// Several documents in one event.
    SeveralDocuments = "several_documents", "one event carries one metric; end each with its own write";
    /// A list of metrics.
    ListOfMetrics = "list_of_metrics", "write each metric as an event of its own";
    /// A `MONITORING|` line without 5 or 6 fields.
    LegacyFields = "legacy_fields", "MONITORING|time|value|type|name|#tag,tag has 5 or 6 fields";
    /// A `MONITORING|` line of an unknown type.
    LegacyType = "legacy_type", "the type is count, gauge, histogram or check";
    /// A check that is not 0, 1, 2 or 3.
    LegacyStatus = "legacy_status", "a check is 0 (ok), 1 (warning), 2 (critical) or 3 (unknown)";
    /// A platform report without a usable duration.
    ReportWithoutDuration = "report_without_duration", "a REPORT line has Duration: N ms";
    /// A number of a platform message that is none.
    PlatformNumber = "platform_number", "durations and sizes are plain numbers";
    /// A platform message that lacks its record, its request or its metrics, or has others there.
    PlatformRecord = "platform_record", "record and record.metrics are objects";
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.remedy())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_name_of_its_own() {
        let mut names: Vec<_> = Refusal::ALL.iter().map(|cause| cause.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Refusal::ALL.len());
        assert!(
            Refusal::TooManyTags
                .remedy()
                .contains(&crate::TAGS_MAX.to_string())
        );
    }
}
