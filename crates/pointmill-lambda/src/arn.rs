//! The ARN of a Lambda function, taken apart.
//!
//! ```text
//! arn : aws : lambda : eu-west-1 : 123456789012 : function : checkout [: qualifier]
//!       partition      region      account                  name       $LATEST | 7 | alias
//!
//! …:checkout:$LATEST/durable-execution/order-123/550e8400-…      a durable execution's
//! ```

use std::fmt;

/// The parts of a function's ARN, borrowed from its text, with their case kept.
///
/// # Examples
/// ```
/// use pointmill_lambda::Arn;
///
/// let arn = Arn::parse("arn:aws:lambda:eu-west-1:123456789012:function:checkout:live")?;
/// assert_eq!((arn.region, arn.account_id), ("eu-west-1", "123456789012"));
/// assert_eq!((arn.function_name, arn.qualifier), ("checkout", Some("live")));
/// assert!(Arn::parse("bad:arn").is_err());
/// # Ok::<(), pointmill_lambda::ArnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arn<'a> {
    /// `aws`, `aws-us-gov`, `aws-cn` …
    pub partition: &'a str,
    /// Such as `eu-west-1`.
    pub region: &'a str,
    /// Twelve digits.
    pub account_id: &'a str,
    /// The function's name, without the qualifier.
    pub function_name: &'a str,
    /// Version, alias or `$LATEST`, if the ARN has one.
    pub qualifier: Option<&'a str>,
    /// Name and id of the durable execution, if the ARN names one.
    pub durable_execution: Option<(&'a str, &'a str)>,
    /// The ARN up to the function's name.
    unqualified: &'a str,
}

/// A text that is no ARN of a Lambda function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArnError {
    text: String,
}

impl fmt::Display for ArnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not the ARN of a Lambda function; expected \
             arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]",
            self.text
        )
    }
}

impl std::error::Error for ArnError {}

impl<'a> Arn<'a> {
    /// Takes an ARN apart.
    ///
    /// # Errors
    /// [`ArnError`] if it has not seven or eight parts, begins with something else than `arn`, is
    /// no function's, or its region, account or name is empty.
    pub fn parse(text: &'a str) -> Result<Arn<'a>, ArnError> {
        Arn::split(text).ok_or_else(|| ArnError {
            // An error message is no place for a stranger's megabyte.
            text: text.chars().take(200).collect(),
        })
    }

    fn split(text: &'a str) -> Option<Arn<'a>> {
        let (head, durable_execution) = match text.split_once("/durable-execution/") {
            Some((head, execution)) => (head, execution.split_once('/')),
            None => (text, None),
        };
        let mut parts = head.split(':');
        let (arn, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, account_id) = (parts.next()?, parts.next()?);
        let (resource, function_name) = (parts.next()?, parts.next()?);
        let qualifier = parts.next().filter(|q| !q.is_empty());
        let sound = arn == "arn"
            && service == "lambda"
            && resource == "function"
            && ![region, account_id, function_name].contains(&"")
            && parts.next().is_none();
        let tail = qualifier.map_or(0, |q| q.len() + 1);
        let unqualified = head.get(..head.len() - tail)?.trim_end_matches(':');
        sound.then_some(Arn {
            partition,
            region,
            account_id,
            function_name,
            qualifier,
            durable_execution,
            unqualified,
        })
    }

    /// The ARN without qualifier and in lower case: the value of the tag `function_arn`.
    #[must_use]
    pub fn function_arn(&self) -> String {
        self.unqualified.to_lowercase()
    }

    /// The value of the tag `resource`: the name, or `name:qualifier` without the qualifier's `$`.
    #[must_use]
    pub fn resource(&self) -> String {
        resource(self.function_name, self.qualifier)
    }
}

/// `name`, or `name:qualifier`, the qualifier's leading `$` left out.
pub(crate) fn resource(name: &str, qualifier: Option<&str>) -> String {
    match qualifier {
        Some(qualifier) => format!(
            "{name}:{}",
            qualifier.strip_prefix('$').unwrap_or(qualifier)
        ),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "arn:aws:lambda:us-east-1:123497598159:function:my-test-lambda";

    #[test]
    fn a_function_with_every_sort_of_qualifier() {
        let arn = Arn::parse(PLAIN).unwrap();
        assert_eq!(arn.partition, "aws");
        assert_eq!(arn.qualifier, None);
        assert_eq!(arn.resource(), "my-test-lambda");
        for (qualifier, resource) in [
            ("$LATEST", "my-test-lambda:LATEST"),
            ("$Latest", "my-test-lambda:Latest"),
            ("3", "my-test-lambda:3"),
            ("my_alias-1", "my-test-lambda:my_alias-1"),
        ] {
            let text = format!("{PLAIN}:{qualifier}");
            let arn = Arn::parse(&text).unwrap();
            assert_eq!(arn.qualifier, Some(qualifier));
            assert_eq!(arn.resource(), resource);
            assert_eq!(arn.function_arn(), PLAIN);
        }
        let arn = Arn::parse("arn:aws:lambda:us-east-1:123497598159:function:my-test-lambda:");
        assert_eq!(arn.unwrap(), Arn::parse(PLAIN).unwrap());
    }

    #[test]
    fn case_is_kept_but_for_the_tag_function_arn() {
        let arn = Arn::parse("arn:aws-us-gov:lambda:us-gov-1:1:function:My-Fn:Live").unwrap();
        assert_eq!((arn.function_name, arn.qualifier), ("My-Fn", Some("Live")));
        assert_eq!(arn.partition, "aws-us-gov");
        assert_eq!(
            arn.function_arn(),
            "arn:aws-us-gov:lambda:us-gov-1:1:function:my-fn"
        );
    }

    #[test]
    fn a_durable_execution_has_a_name_and_an_id() {
        let arn = Arn::parse(
            "arn:aws:lambda:us-east-1:123456789012:function:my-func:$LATEST/durable-execution/\
             order-123/550e8400-e29b-41d4-a716-446655440001",
        )
        .unwrap();
        assert_eq!(
            arn.durable_execution,
            Some(("order-123", "550e8400-e29b-41d4-a716-446655440001"))
        );
        assert_eq!(
            (arn.function_name, arn.qualifier),
            ("my-func", Some("$LATEST"))
        );
        assert_eq!(
            arn.function_arn(),
            "arn:aws:lambda:us-east-1:123456789012:function:my-func"
        );
    }

    #[test]
    fn what_is_no_functions_arn_is_refused_by_name() {
        for text in [
            "",
            "bad:arn",
            "arn:aws:lambda:us-east-1:1:function",
            "arn:aws:lambda:us-east-1:1:function:",
            "arn:aws:lambda::1:function:f",
            "arn:aws:lambda:us-east-1:1:layer:f",
            "arn:aws:s3:us-east-1:1:function:f",
            "arn:aws:lambda:us-east-1:1:function:f:q:more",
            "nra:aws:lambda:us-east-1:1:function:f",
        ] {
            let error = Arn::parse(text).unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
        assert!(
            Arn::parse(&"x".repeat(1 << 20))
                .unwrap_err()
                .to_string()
                .len()
                < 400
        );
    }
}
