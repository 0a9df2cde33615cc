//! Where points go.

use crate::settings::Settings;

/// Where custom points go. Enhanced ones go to the extension in [`Mode::Extension`] and to the log
/// in all others.
///
/// The numbers are those of the C ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Mode {
    /// As DogStatsD to the Datadog Lambda extension.
    Extension = 1,
    /// As lines of JSON to the function's log, for a forwarder.
    Log = 2,
    /// To the intake.
    Http = 3,
    /// Nowhere, and counted: FIPS rules hold, and there is neither extension nor log mode.
    Disabled = 4,
}

impl Mode {
    /// The mode: the first that applies of the setting `mode`; an extension; `flush_to_log`; a
    /// language whose layer knows nothing but the log; FIPS; HTTP.
    #[must_use]
    pub fn choose(settings: &Settings, extension_present: bool) -> Mode {
        match settings.text("mode") {
            "extension" => Mode::Extension,
            "log" => Mode::Log,
            "http" => Mode::Http,
            _ if extension_present => Mode::Extension,
            _ if settings.on("flush_to_log") => Mode::Log,
            _ if !settings.language().profile().has_http => Mode::Log,
            _ if settings.fips() => Mode::Disabled,
            _ => Mode::Http,
        }
    }

    /// The mode's name in the setting `mode`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Extension => "extension",
            Mode::Log => "log",
            Mode::Http => "http",
            Mode::Disabled => "disabled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;
    use crate::settings::Source;

    fn mode(language: Language, extension: bool, variables: &[(&str, &str)]) -> Mode {
        let mut source = Source::new(language);
        for (name, value) in variables {
            source.variable(name, value);
        }
        Mode::choose(&source.resolve().0, extension)
    }

    /// Section 4.1 for every language: Python, Node and Go; Ruby and Java.
    #[test]
    fn the_matrix() {
        const GOV: (&str, &str) = ("AWS_REGION", "us-gov-west-1");
        const KEY: (&str, &str) = ("DD_API_KEY", "k");
        type Variables<'v> = &'v [(&'v str, &'v str)];
        let rows: &[(bool, Variables<'_>, Mode, Mode)] = &[
            (false, &[], Mode::Http, Mode::Log),
            (false, &[KEY], Mode::Http, Mode::Log),
            (false, &[("DD_FLUSH_TO_LOG", "true")], Mode::Log, Mode::Log),
            // Node and Go read "1" as false today; the union of spellings holds here.
            (false, &[("DD_FLUSH_TO_LOG", "1")], Mode::Log, Mode::Log),
            (
                false,
                &[("DD_FLUSH_TO_LOG", "False")],
                Mode::Http,
                Mode::Log,
            ),
            (true, &[], Mode::Extension, Mode::Extension),
            (
                true,
                &[("DD_FLUSH_TO_LOG", "True")],
                Mode::Extension,
                Mode::Extension,
            ),
            (false, &[GOV, KEY], Mode::Disabled, Mode::Log),
            (
                false,
                &[GOV, ("DD_FLUSH_TO_LOG", "false")],
                Mode::Disabled,
                Mode::Log,
            ),
            (
                false,
                &[GOV, ("DD_FLUSH_TO_LOG", "true")],
                Mode::Log,
                Mode::Log,
            ),
            (true, &[GOV, KEY], Mode::Extension, Mode::Extension),
            (
                false,
                &[GOV, KEY, ("DD_LAMBDA_FIPS_MODE", "false")],
                Mode::Http,
                Mode::Log,
            ),
            (
                false,
                &[KEY, ("DD_LAMBDA_FIPS_MODE", "true")],
                Mode::Disabled,
                Mode::Log,
            ),
            (false, &[("DD_LOCAL_TEST", "true")], Mode::Http, Mode::Log),
            (
                false,
                &[("DD_ENHANCED_METRICS", "false")],
                Mode::Http,
                Mode::Log,
            ),
            (
                true,
                &[("POINTMILL_LAMBDA_MODE", "http")],
                Mode::Http,
                Mode::Http,
            ),
            (
                false,
                &[("POINTMILL_LAMBDA_MODE", "log"), GOV],
                Mode::Log,
                Mode::Log,
            ),
            (
                false,
                &[("POINTMILL_LAMBDA_MODE", "x")],
                Mode::Http,
                Mode::Log,
            ),
        ];
        for (extension, variables, with_http, without) in rows {
            for language in Language::ALL {
                let expected = if language.profile().has_http {
                    with_http
                } else {
                    without
                };
                assert_eq!(
                    mode(language, *extension, variables),
                    *expected,
                    "{language:?} {extension} {variables:?}"
                );
            }
        }
    }
}
