//! What an input is, said by `--input` or guessed from its first lines.
//!
//! ```text
//! --value, --time or --tags given         ─▶ csv: only csv has columns
//! the first lines that say something:
//!   name:value|type, an event, a check    ─▶ dogstatsd
//!   a JSON object                         ─▶ loglines
//!   nothing but numbers                   ─▶ values
//!   else, on the first line, commas       ─▶ csv, and --value is missing
//! none, or two different ones             ─▶ an error that shows the first line
//! ```

use clap::ValueEnum;
use pointmill_wire::dogstatsd;

use super::ledger::excerpt;
use super::read::{items, number};
use super::{Options, ReportError};

/// How many of the first lines a guess looks at.
const LINES: usize = 20;

/// The format of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// DogStatsD text: name:value|type, one message a line
    Dogstatsd,
    /// JSON log lines of serverless functions: {"m":…,"v":…,"e":…,"t":[…]}
    Loglines,
    /// A header, then a point a row; needs --value
    Csv,
    /// Bare numbers, separated by line ends, spaces or commas
    Values,
}

impl InputFormat {
    /// The format as `--input` writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            InputFormat::Dogstatsd => "dogstatsd",
            InputFormat::Loglines => "loglines",
            InputFormat::Csv => "csv",
            InputFormat::Values => "values",
        }
    }
}

/// The format of `file`, of which `head` are the first whole lines. `None`: there are no lines.
///
/// # Errors
/// [`ReportError::Usage`] if the lines are of no format, or of several.
pub fn choose(
    file: &str,
    head: &[u8],
    options: &Options,
) -> Result<Option<InputFormat>, ReportError> {
    let chosen = options
        .input
        .or_else(|| options.has_columns().then_some(InputFormat::Csv));
    if let Some(format) = chosen {
        return Ok(Some(format));
    }
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let mut lines = head
        .split(|b| *b == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|l| !l.is_empty())
        .take(LINES);
    let Some(first) = lines.clone().next() else {
        return Ok(None);
    };
    let remedy = |what: String| {
        ReportError::Usage(format!(
            "{file}: {what}; its first line is {:?}; say --input dogstatsd, loglines, csv or values",
            excerpt(first)
        ))
    };
    if line_format(first).is_none() && first.contains(&b',') {
        return Err(remedy("looks like csv, which needs --value COL".to_owned()));
    }
    let Some(format) = lines.clone().find_map(line_format) else {
        return Err(remedy("cannot tell its format".to_owned()));
    };
    match lines.find_map(|line| line_format(line).filter(|other| *other != format)) {
        Some(other) => Err(remedy(format!(
            "has lines of {} and of {}",
            format.name(),
            other.name()
        ))),
        None => Ok(Some(format)),
    }
}

/// What one line is for certain.
fn line_format(line: &[u8]) -> Option<InputFormat> {
    if line.first() == Some(&b'{') {
        return Some(InputFormat::Loglines);
    }
    if dogstatsd::parse(line)
        .next()
        .is_some_and(|message| message.is_ok())
    {
        return Some(InputFormat::Dogstatsd);
    }
    let mut items = items(line).peekable();
    let numbers = items.peek().is_some() && items.all(|item| number(item).is_some());
    numbers.then_some(InputFormat::Values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(head: &str) -> Result<Option<InputFormat>, String> {
        choose("f", head.as_bytes(), &Options::default()).map_err(|e| e.to_string())
    }

    #[test]
    fn lines_that_say_what_they_are_decide() {
        for (head, format) in [
            ("a:1|c", InputFormat::Dogstatsd),
            ("a.b:1:2:3|d|#x:y,z", InputFormat::Dogstatsd),
            ("\u{feff}a:1|c", InputFormat::Dogstatsd),
            ("_e{2,3}:ab|cde", InputFormat::Dogstatsd),
            ("garbage\na:1|c\nmore", InputFormat::Dogstatsd),
            ("{\"m\":\"a\",\"v\":1}", InputFormat::Loglines),
            ("1\n2\n3", InputFormat::Values),
            ("\n\n 1.5 2e3\n", InputFormat::Values),
            ("1,2,3", InputFormat::Values),
        ] {
            assert_eq!(guess(head), Ok(Some(format)), "{head}");
        }
        assert_eq!(guess(""), Ok(None));
        assert_eq!(guess("\n \r\n"), Ok(None));
    }

    #[test]
    fn doubt_is_an_error_that_shows_the_line_and_names_the_remedy() {
        for (head, says) in [
            ("unix_s,delay\n1,2", "looks like csv, which needs --value"),
            ("hello\nworld", "cannot tell its format"),
            ("a:1|c\n3", "has lines of dogstatsd and of values"),
        ] {
            let error = guess(head).unwrap_err();
            let first = head.lines().next().unwrap();
            assert!(error.contains(says) && error.contains("--input"), "{error}");
            assert!(error.contains(&format!("{first:?}")), "{error}");
        }
    }

    #[test]
    fn columns_mean_csv_unless_the_input_is_named() {
        let mut options = Options {
            value: Some("v".to_owned()),
            ..Options::default()
        };
        assert_eq!(
            choose("f", b"1\n2", &options).unwrap(),
            Some(InputFormat::Csv)
        );
        options.input = Some(InputFormat::Values);
        assert_eq!(
            choose("f", b"a:1|c", &options).unwrap(),
            Some(InputFormat::Values)
        );
    }
}
