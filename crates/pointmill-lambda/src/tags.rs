//! The tags of enhanced metrics, in each language's order.

use crate::Arn;
use crate::arn::resource;
use crate::language::{EnhancedTag, Profile};

/// How an invocation found its sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// The first of its sandbox: somebody waited for the initialisation.
    Cold,
    /// The first of a sandbox that had been initialised ahead of time.
    Proactive,
    /// Not the first.
    Warm,
}

/// What is known of the library that sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Library {
    /// Value of the tag `dd_lambda_layer`; empty for none.
    pub layer: String,
    /// Version for the tag `datadog_lambda`, without `v`; empty for none.
    pub version: String,
    /// Version of the language, for the tag `runtime`; empty for none.
    pub language_version: String,
    /// Version of the tracer, for the tag `dd_trace`; empty for none.
    pub tracer_version: String,
}

/// What an invocation's context says of the function. What is not known is `None` or empty, and its
/// tags are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Function<'a> {
    /// The invoked ARN.
    pub arn: Option<Arn<'a>>,
    /// The name that the context gives.
    pub name: &'a str,
    /// The version that the context gives: the one behind an alias.
    pub version: &'a str,
    /// Memory limit in MB; 0 if unknown.
    pub memory_mb: u32,
}

/// The tags of an enhanced metric, in the order of the language's layer.
#[must_use]
pub fn enhanced_tags(
    profile: &Profile,
    library: &Library,
    function: &Function<'_>,
    start: Start,
) -> Vec<String> {
    let mut tags = Vec::with_capacity(profile.order.len() + 1);
    for tag in profile.order {
        if *tag == EnhancedTag::ColdStart {
            tags.push(format!("cold_start:{}", start == Start::Cold));
            if start == Start::Proactive {
                tags.push("proactive_initialization:true".to_owned());
            }
        } else if let Some((key, value)) = value(*tag, profile, library, function) {
            tags.push(format!("{key}:{value}"));
        }
    }
    tags
}

fn value(
    tag: EnhancedTag,
    profile: &Profile,
    library: &Library,
    function: &Function<'_>,
) -> Option<(&'static str, String)> {
    let arn = function.arn;
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let name = match (arn, profile.name_of_context && !function.name.is_empty()) {
        (Some(arn), false) => arn.function_name,
        _ => function.name,
    };
    let qualifier = arn.and_then(|arn| arn.qualifier);
    let (key, value) = match tag {
        EnhancedTag::Region => ("region", arn.map(|arn| arn.region.to_owned())),
        EnhancedTag::AccountId => ("account_id", arn.map(|arn| arn.account_id.to_owned())),
        EnhancedTag::FunctionName => ("functionname", known(name)),
        EnhancedTag::ExecutedVersion => {
            let is_alias = qualifier.is_some_and(|q| !q.starts_with('$') && !profile.is_version(q));
            (
                "executedversion",
                known(function.version).filter(|_| is_alias),
            )
        }
        EnhancedTag::Resource => ("resource", arn.map(|_| resource(name, qualifier))),
        EnhancedTag::MemorySize => {
            let mb = function.memory_mb;
            ("memorysize", (mb > 0).then(|| mb.to_string()))
        }
        EnhancedTag::Runtime => ("runtime", profile.runtime(&library.language_version)),
        EnhancedTag::DatadogLambda => {
            let v = if profile.version_with_v { "v" } else { "" };
            let version = known(&library.version).map(|version| format!("{v}{version}"));
            ("datadog_lambda", version)
        }
        EnhancedTag::DdTrace => ("dd_trace", known(&library.tracer_version)),
        EnhancedTag::DdLambdaLayer => ("dd_lambda_layer", known(&library.layer)),
        EnhancedTag::ColdStart => return None,
    };
    Some((key, value?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;

    struct Case {
        language: Language,
        library: [&'static str; 4],
        arn: &'static str,
        name: &'static str,
        version: &'static str,
        memory_mb: u32,
        start: Start,
        expected: &'static str,
    }

    const PYTHON: [&str; 4] = ["datadog-python39_X.X.X", "6.6.6", "3.9.1", ""];
    const NODE: [&str; 4] = ["datadog-nodev20.19.0", "X.X.X", "v20.19.0", ""];
    const GO: [&str; 4] = ["datadog-go1.25.1", "1.32.0", "go1.25.1", ""];
    const RUBY: [&str; 4] = ["datadog-ruby33", "3.30.0", "3.3.0", "2.1.0"];
    const JAVA: [&str; 4] = ["", "1.4.10", "11.0.20", ""];

    fn check(case: &Case) {
        let [layer, version, language_version, tracer_version] = case.library.map(str::to_owned);
        let library = Library {
            layer,
            version,
            language_version,
            tracer_version,
        };
        let function = Function {
            arn: Arn::parse(case.arn).ok(),
            name: case.name,
            version: case.version,
            memory_mb: case.memory_mb,
        };
        let tags = enhanced_tags(case.language.profile(), &library, &function, case.start);
        assert_eq!(tags.join(", "), case.expected, "{}", case.arn);
    }

    #[test]
    fn python() {
        let case = Case {
            language: Language::Python,
            library: PYTHON,
            arn: "arn:aws:lambda:us-west-1:123457598159:function:python-layer-test",
            name: "other",
            version: "1",
            memory_mb: 256,
            start: Start::Cold,
            expected: "region:us-west-1, account_id:123457598159, functionname:python-layer-test, \
                       resource:python-layer-test, memorysize:256, cold_start:true, \
                       runtime:python3.9, datadog_lambda:v6.6.6, \
                       dd_lambda_layer:datadog-python39_X.X.X",
        };
        check(&case);
        check(&Case {
            arn: "arn:aws:lambda:us-west-1:123457598159:function:python-layer-test:$Latest",
            start: Start::Warm,
            expected: "region:us-west-1, account_id:123457598159, functionname:python-layer-test, \
                       resource:python-layer-test:Latest, memorysize:256, cold_start:false, \
                       runtime:python3.9, datadog_lambda:v6.6.6, \
                       dd_lambda_layer:datadog-python39_X.X.X",
            ..case
        });
        check(&Case {
            arn: "arn:aws:lambda:us-west-1:123457598159:function:python-layer-test:My_alias-1",
            expected: "region:us-west-1, account_id:123457598159, functionname:python-layer-test, \
                       executedversion:1, resource:python-layer-test:My_alias-1, memorysize:256, \
                       cold_start:true, runtime:python3.9, datadog_lambda:v6.6.6, \
                       dd_lambda_layer:datadog-python39_X.X.X",
            ..case
        });
        check(&Case {
            arn: "arn:aws:lambda:us-west-1:123457598159:function:python-layer-test:3",
            expected: "region:us-west-1, account_id:123457598159, functionname:python-layer-test, \
                       resource:python-layer-test:3, memorysize:256, \
                       cold_start:true, runtime:python3.9, datadog_lambda:v6.6.6, \
                       dd_lambda_layer:datadog-python39_X.X.X",
            ..case
        });
        check(&Case {
            arn: "",
            name: "",
            memory_mb: 0,
            expected: "cold_start:true, runtime:python3.9, datadog_lambda:v6.6.6, \
                       dd_lambda_layer:datadog-python39_X.X.X",
            ..case
        });
    }

    #[test]
    fn node() {
        let case = Case {
            language: Language::Node,
            library: NODE,
            arn: "arn:aws:lambda:us-east-1:123497598159:function:my-test-lambda",
            name: "my-test-lambda",
            version: "1",
            memory_mb: 128,
            start: Start::Cold,
            expected: "region:us-east-1, account_id:123497598159, functionname:my-test-lambda, \
                       resource:my-test-lambda, memorysize:128, cold_start:true, \
                       datadog_lambda:vX.X.X, runtime:nodejs20.x",
        };
        check(&case);
        check(&Case {
            library: ["", "X.X.X", "v6.3.2", ""],
            expected: "region:us-east-1, account_id:123497598159, functionname:my-test-lambda, \
                       resource:my-test-lambda, memorysize:128, cold_start:true, \
                       datadog_lambda:vX.X.X",
            ..case
        });
        check(&Case {
            start: Start::Proactive,
            expected: "region:us-east-1, account_id:123497598159, functionname:my-test-lambda, \
                       resource:my-test-lambda, memorysize:128, cold_start:false, \
                       proactive_initialization:true, datadog_lambda:vX.X.X, runtime:nodejs20.x",
            ..case
        });
        check(&Case {
            arn: "",
            name: "",
            memory_mb: 0,
            expected: "cold_start:true, datadog_lambda:vX.X.X, runtime:nodejs20.x",
            ..case
        });
        check(&Case {
            arn: "",
            expected: "functionname:my-test-lambda, memorysize:128, cold_start:true, \
                       datadog_lambda:vX.X.X, runtime:nodejs20.x",
            ..case
        });
    }

    #[test]
    fn go() {
        let case = Case {
            language: Language::Go,
            library: GO,
            arn: "arn:aws:lambda:us-east-1:123497558138:function:go-lambda-test:$Latest",
            name: "go-lambda-test",
            version: "1",
            memory_mb: 256,
            start: Start::Warm,
            expected: "functionname:go-lambda-test, region:us-east-1, account_id:123497558138, \
                       memorysize:256, cold_start:false, datadog_lambda:v1.32.0, \
                       resource:go-lambda-test:Latest, dd_lambda_layer:datadog-go1.25.1",
        };
        check(&case);
        check(&Case {
            arn: "arn:aws:lambda:us-east-1:123497558138:function:go-lambda-test:my-alias",
            expected: "functionname:go-lambda-test, region:us-east-1, account_id:123497558138, \
                       memorysize:256, cold_start:false, datadog_lambda:v1.32.0, \
                       executedversion:1, resource:go-lambda-test:my-alias, \
                       dd_lambda_layer:datadog-go1.25.1",
            ..case
        });
    }

    #[test]
    fn ruby_and_java() {
        check(&Case {
            language: Language::Ruby,
            library: RUBY,
            arn: "arn:aws:lambda:us-east-1:172597598159:function:ruby-test:my-alias",
            name: "Ruby-test",
            version: "1",
            memory_mb: 128,
            start: Start::Cold,
            expected: "dd_lambda_layer:datadog-ruby33, functionname:Ruby-test, region:us-east-1, \
                       account_id:172597598159, memorysize:128, cold_start:true, \
                       runtime:Ruby 3.3.0, resource:Ruby-test:my-alias, datadog_lambda:3.30.0, \
                       dd_trace:2.1.0, executedversion:1",
        });
        check(&Case {
            language: Language::Java,
            library: JAVA,
            arn: "arn:aws:lambda:us-east-1:172597598159:function:helloJava11:my-alias",
            name: "helloJava11",
            version: "1",
            memory_mb: 512,
            start: Start::Cold,
            expected: "memorysize:512, account_id:172597598159, resource:helloJava11:my-alias, \
                       functionname:helloJava11, runtime:java11.0.20, executedversion:1, \
                       region:us-east-1, datadog_lambda:1.4.10, cold_start:true",
        });
    }
}
