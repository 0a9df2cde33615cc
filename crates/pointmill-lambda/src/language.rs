//! What differs between the languages' layers, in one table.
//!
//! | | Python | Node | Go | Ruby | Java |
//! | --- | --- | --- | --- | --- | --- |
//! | tag `runtime` | `python3.12` | `nodejs20.x` | – | `Ruby 3.3.0` | `java21.0.2` |
//! | tag `datadog_lambda` | `v1.2` | `v1.2` | `v1.2` | `1.2` | `1.2` |
//! | `dd_lambda_layer` on custom points | last | last | last | first | – |
//! | `functionname` | ARN | ARN | context | context | context |
//! | tags of the environment for the extension | – | – | entity, env, service, version | DD_TAGS, entity, env, service, version | version, env, service, entity |
//! | a qualifier is a version if | `float()` takes it | `Number()` is true | `ParseInt(q, 0, 64)` takes it | digits | digits |
//! | without extension and settings | HTTP | HTTP | HTTP | log | log |
//!
//! The order of an enhanced metric's tags is [`Profile::order`].

use std::str::FromStr;

/// The language of the function, hence whose layer is stood in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Language {
    /// `datadog-lambda-python`.
    Python = 1,
    /// `datadog-lambda-js`.
    Node = 2,
    /// `datadog-lambda-go`.
    Go = 3,
    /// `datadog-lambda-rb`.
    Ruby = 4,
    /// `datadog-lambda-java`.
    Java = 5,
}

impl Language {
    /// Every language, in the order of the numbers.
    pub const ALL: [Language; 5] = [
        Language::Python,
        Language::Node,
        Language::Go,
        Language::Ruby,
        Language::Java,
    ];

    /// The language of a number of the C ABI.
    #[must_use]
    pub fn from_number(n: u32) -> Option<Language> {
        Language::ALL.into_iter().find(|l| *l as u32 == n)
    }

    /// Its line of the table.
    #[must_use]
    pub const fn profile(self) -> &'static Profile {
        match self {
            Language::Python => &PYTHON,
            Language::Node => &NODE,
            Language::Go => &GO,
            Language::Ruby => &RUBY,
            Language::Java => &JAVA,
        }
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(name: &str) -> Result<Language, String> {
        match name {
            "python" => Ok(Language::Python),
            "node" | "nodejs" | "js" => Ok(Language::Node),
            "go" => Ok(Language::Go),
            "ruby" => Ok(Language::Ruby),
            "java" => Ok(Language::Java),
            _ => Err(format!(
                "{name:?} is no language; use python, node, go, ruby or java"
            )),
        }
    }
}

/// One tag of an enhanced metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnhancedTag {
    /// `region`, of the ARN.
    Region,
    /// `account_id`, of the ARN.
    AccountId,
    /// `functionname`, of the ARN or the context.
    FunctionName,
    /// `executedversion`, if the qualifier is an alias.
    ExecutedVersion,
    /// `resource`: name, or `name:qualifier`.
    Resource,
    /// `memorysize`, in MB.
    MemorySize,
    /// `cold_start`, and `proactive_initialization:true` where that is so.
    ColdStart,
    /// `runtime`.
    Runtime,
    /// `datadog_lambda`, the version of the library.
    DatadogLambda,
    /// `dd_trace`, the version of the tracer.
    DdTrace,
    /// `dd_lambda_layer`.
    DdLambdaLayer,
}

/// Where `dd_lambda_layer` stands among the tags of a custom point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerTag {
    /// Before the caller's tags.
    First,
    /// Behind the caller's tags.
    Last,
    /// Nowhere.
    Absent,
}

/// A language's line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// The order of an enhanced metric's tags; those not in it are not sent.
    pub order: &'static [EnhancedTag],
    /// `dd_lambda_layer` on custom points.
    pub layer_tag: LayerTag,
    /// Settings that become tags of every point to the extension, before all others.
    pub extension_tags: &'static [&'static str],
    /// Whether `functionname` and `resource` take the context's name rather than the ARN's.
    pub name_of_context: bool,
    /// Whether `datadog_lambda` begins with a `v`.
    pub version_with_v: bool,
    /// Whether the incumbent posts to the intake; if not, it writes log lines unless told otherwise.
    pub has_http: bool,
    is_version: fn(&str) -> bool,
    runtime: fn(&str) -> Option<String>,
}

impl Profile {
    /// Whether this qualifier (without `$`) is a version and not an alias.
    #[must_use]
    pub fn is_version(&self, qualifier: &str) -> bool {
        (self.is_version)(qualifier)
    }

    /// The value of the tag `runtime` for a language version such as `3.12.1` or `v20.19.0`.
    #[must_use]
    pub fn runtime(&self, version: &str) -> Option<String> {
        if version.is_empty() {
            return None;
        }
        (self.runtime)(version)
    }
}

use EnhancedTag as Tag;

static PYTHON: Profile = Profile {
    order: &[
        Tag::Region,
        Tag::AccountId,
        Tag::FunctionName,
        Tag::ExecutedVersion,
        Tag::Resource,
        Tag::MemorySize,
        Tag::ColdStart,
        Tag::Runtime,
        Tag::DatadogLambda,
        Tag::DdLambdaLayer,
    ],
    layer_tag: LayerTag::Last,
    extension_tags: &[],
    name_of_context: false,
    version_with_v: true,
    has_http: true,
    is_version: python_number,
    runtime: |version| {
        let mut parts = version.split('.');
        let (major, minor) = (parts.next()?, parts.next()?);
        Some(format!("python{major}.{minor}"))
    },
};

static NODE: Profile = Profile {
    order: &[
        Tag::Region,
        Tag::AccountId,
        Tag::FunctionName,
        Tag::ExecutedVersion,
        Tag::Resource,
        Tag::MemorySize,
        Tag::ColdStart,
        Tag::DatadogLambda,
        Tag::Runtime,
    ],
    layer_tag: LayerTag::Last,
    extension_tags: &[],
    name_of_context: false,
    version_with_v: true,
    has_http: true,
    is_version: javascript_number,
    runtime: |version| {
        let digits = version.trim_start_matches('v');
        let major: u32 = digits.split('.').next()?.parse().ok()?;
        // Lambda's Node runtimes are the even ones; the layers know them from 18 on.
        (major >= 18 && major.is_multiple_of(2)).then(|| format!("nodejs{major}.x"))
    },
};

static GO: Profile = Profile {
    order: &[
        Tag::FunctionName,
        Tag::Region,
        Tag::AccountId,
        Tag::MemorySize,
        Tag::ColdStart,
        Tag::DatadogLambda,
        Tag::ExecutedVersion,
        Tag::Resource,
        Tag::DdLambdaLayer,
    ],
    layer_tag: LayerTag::Last,
    extension_tags: &["entity_id", "env", "service", "version"],
    name_of_context: true,
    version_with_v: true,
    has_http: true,
    is_version: go_integer,
    runtime: |_| None,
};

static RUBY: Profile = Profile {
    order: &[
        Tag::DdLambdaLayer,
        Tag::FunctionName,
        Tag::Region,
        Tag::AccountId,
        Tag::MemorySize,
        Tag::ColdStart,
        Tag::Runtime,
        Tag::Resource,
        Tag::DatadogLambda,
        Tag::DdTrace,
        Tag::ExecutedVersion,
    ],
    layer_tag: LayerTag::First,
    extension_tags: &["tags", "entity_id", "env", "service", "version"],
    name_of_context: true,
    version_with_v: false,
    has_http: false,
    is_version: digits,
    runtime: |version| Some(format!("Ruby {version}")),
};

static JAVA: Profile = Profile {
    // The incumbent's order is that of a hash map; this is what it mostly was.
    order: &[
        Tag::MemorySize,
        Tag::AccountId,
        Tag::Resource,
        Tag::FunctionName,
        Tag::Runtime,
        Tag::ExecutedVersion,
        Tag::Region,
        Tag::DatadogLambda,
        Tag::ColdStart,
    ],
    layer_tag: LayerTag::Absent,
    extension_tags: &["version", "env", "service", "entity_id"],
    name_of_context: true,
    version_with_v: false,
    has_http: false,
    is_version: digits,
    runtime: |version| Some(format!("java{version}")),
};

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// What Python's `float()` takes, as far as a qualifier's letters go.
fn python_number(text: &str) -> bool {
    match without_underscores(text) {
        Some(plain) => plain.parse::<f64>().is_ok(),
        None => false,
    }
}

/// The text without single underscores between digits; `None` if one stands elsewhere.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    let sound =
        (0..bytes.len()).all(|i| bytes[i] != b'_' || (i > 0 && digit(i - 1) && digit(i + 1)));
    sound.then(|| text.replace('_', ""))
}

/// What JavaScript's `Number()` makes a number other than 0.
fn javascript_number(text: &str) -> bool {
    if let Some(n) = prefixed(text).and_then(|(base, rest)| integer(rest, base)) {
        return n != 0;
    }
    match text.trim_start_matches(['+', '-']) {
        "Infinity" => true,
        plain
            if plain
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) =>
        {
            text.parse::<f64>().is_ok_and(|n| n != 0.0)
        }
        _ => false,
    }
}

/// What Go's `strconv.ParseInt(text, 0, 64)` takes.
fn go_integer(text: &str) -> bool {
    let (sign, plain) = match text.as_bytes() {
        [b'-', ..] => (-1, &text[1..]),
        [b'+', ..] => (1, &text[1..]),
        _ => (1, text),
    };
    let number = match (prefixed(plain), plain.as_bytes()) {
        (Some((base, rest)), _) => integer(&rest.replace('_', ""), base),
        (None, [b'0', _, ..]) => integer(&plain[1..].replace('_', ""), 8),
        _ => without_underscores(plain).and_then(|plain| integer(&plain, 10)),
    };
    number.is_some_and(|n| i64::try_from(sign * n).is_ok())
}

/// The base of a number with a prefix, and what follows it.
fn prefixed(text: &str) -> Option<(u32, &str)> {
    let base = match text.as_bytes().get(..2)? {
        b"0x" | b"0X" => 16,
        b"0o" | b"0O" => 8,
        b"0b" | b"0B" => 2,
        _ => return None,
    };
    Some((base, &text[2..]))
}

fn integer(digits: &str, base: u32) -> Option<i128> {
    let sound = !digits.is_empty() && digits.chars().all(|c| c.is_digit(base));
    sound
        .then(|| i128::from_str_radix(digits, base).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_knows_versions_by_its_own_rule() {
        // Is it a version in Python, Node, Go, Ruby, Java?
        let [y, n] = [true, false];
        for (qualifier, expected) in [
            ("3", [y, y, y, y, y]),
            ("007", [y, y, y, y, y]),
            ("0", [y, n, y, y, y]),
            ("0x10", [n, y, y, n, n]),
            ("1e3", [y, y, n, n, n]),
            ("-3", [y, y, y, n, n]),
            ("inf", [y, n, n, n, n]),
            ("nan", [y, n, n, n, n]),
            ("Infinity", [y, y, n, n, n]),
            ("1_0", [y, n, y, n, n]),
            ("_1", [n; 5]),
            ("my_alias-1", [n; 5]),
            ("LATEST", [n; 5]),
            ("", [n; 5]),
        ] {
            let found = Language::ALL.map(|l| l.profile().is_version(qualifier));
            assert_eq!(found, expected, "{qualifier}");
        }
    }

    #[test]
    fn each_language_names_its_runtime() {
        let runtime = |language: Language, version| language.profile().runtime(version);
        assert_eq!(runtime(Language::Python, "3.12.1").unwrap(), "python3.12");
        assert_eq!(runtime(Language::Python, "3.9").unwrap(), "python3.9");
        assert_eq!(runtime(Language::Node, "v20.19.0").unwrap(), "nodejs20.x");
        assert_eq!(runtime(Language::Node, "26.0.0").unwrap(), "nodejs26.x");
        for odd in ["v6.3.2", "v19.0.0", "x", ""] {
            assert_eq!(runtime(Language::Node, odd), None, "{odd}");
        }
        assert_eq!(runtime(Language::Go, "go1.25.1"), None);
        assert_eq!(runtime(Language::Ruby, "3.3.0").unwrap(), "Ruby 3.3.0");
        assert_eq!(runtime(Language::Java, "11.0.20").unwrap(), "java11.0.20");
    }

    #[test]
    fn numbers_and_names_lead_to_the_same_languages() {
        for (i, name) in ["python", "node", "go", "ruby", "java"]
            .into_iter()
            .enumerate()
        {
            assert_eq!(name.parse(), Ok(Language::ALL[i]));
            assert_eq!(Language::from_number(i as u32 + 1), Some(Language::ALL[i]));
        }
        assert_eq!(Language::from_number(0), None);
        assert!("perl".parse::<Language>().unwrap_err().contains("ruby"));
    }
}
