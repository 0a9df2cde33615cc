use super::*;

fn resolve(variables: &[(&str, &str)]) -> (Settings, Vec<String>) {
    let mut source = Source::new(Language::Python);
    for (name, value) in variables {
        source.variable(name, value);
    }
    source.resolve()
}

#[test]
fn every_spelling_of_a_flag_that_some_layer_takes_is_taken() {
    for (text, expected) in [
        ("true", true),
        ("TRUE", true),
        ("True", true),
        ("1", true),
        ("t", true),
        ("yes", true),
        ("on", true),
        (" true ", true),
        ("", false),
        ("0", false),
        ("false", false),
        ("F", false),
        ("no", false),
        ("off", false),
    ] {
        let (settings, warnings) = resolve(&[("DD_FLUSH_TO_LOG", text)]);
        assert_eq!(settings.on("flush_to_log"), expected, "{text:?}");
        assert_eq!(warnings, [""; 0], "{text:?}");
    }
    let (settings, warnings) = resolve(&[("DD_ENHANCED_METRICS", "purple")]);
    assert!(!settings.on("enhanced_metrics"));
    assert_eq!(
        warnings,
        ["DD_ENHANCED_METRICS=purple is not true or false; taken as false"]
    );
    assert!(resolve(&[]).0.on("enhanced_metrics"));
    assert!(
        !resolve(&[("DD_ENHANCED_METRICS", "")])
            .0
            .on("enhanced_metrics")
    );
}

// As in the layers, but for "1", which Python's reads as off.
#[test]
fn fips_is_as_set_or_as_the_region_says() {
    let fips = |flag: Option<&str>, region: &str| {
        let mut variables = vec![("AWS_REGION", region)];
        variables.extend(flag.map(|flag| ("DD_LAMBDA_FIPS_MODE", flag)));
        resolve(&variables).0.fips()
    };
    assert!(fips(None, "us-gov-1"));
    assert!(!fips(None, "us-east-1"));
    assert!(!fips(Some(""), "us-gov-1"));
    assert!(fips(Some("1"), "us-east-1"));
    assert!(fips(Some("TRUE"), "us-east-1"));
    assert!(!fips(Some("false"), "us-gov-1"));
    assert!(fips(Some("invalid"), "us-gov-1"));
    assert!(!fips(Some("invalid"), "us-east-1"));
    let mut source = Source::new(Language::Go);
    source.variable("AWS_REGION", "us-gov-1");
    source.variable("DD_LAMBDA_FIPS_MODE", "true");
    source.set("fips_mode", "false").unwrap();
    assert!(!source.resolve().0.fips());
}

#[test]
fn local_test_has_two_names() {
    for (name, value, expected) in [
        ("DD_LOCAL_TEST", "True", true),
        ("DD_LOCAL_TEST", "1", true),
        ("DD_LOCAL_TESTING", "true", true),
        ("DD_LOCAL_TEST", "0", false),
        ("DD_LOCAL_TEST", "", false),
        ("DD_LOCAL_TESTING", "false", false),
    ] {
        assert_eq!(resolve(&[(name, value)]).0.on("local_test"), expected);
    }
}

#[test]
fn an_option_beats_a_variable_and_dd_beats_datadog() {
    let variables = [("DATADOG_API_KEY", "second"), ("DD_API_KEY", " first\n")];
    assert_eq!(resolve(&variables).0.text("api_key"), "first");
    assert_eq!(resolve(&variables[..1]).0.text("api_key"), "second");
    let blank = [("DATADOG_API_KEY", "second"), ("DD_API_KEY", "")];
    assert_eq!(resolve(&blank).0.text("api_key"), "second");
    let mut source = Source::new(Language::Node);
    source.variable("DD_API_KEY", "variable");
    source.set("api_key", "option").unwrap();
    assert_eq!(source.resolve().0.text("api_key"), "option");
}

#[test]
fn a_bad_number_is_a_warning_from_a_variable_and_an_error_from_an_option() {
    let (settings, warnings) = resolve(&[("POINTMILL_LAMBDA_BUFFER_POINTS_MAX", "many")]);
    assert_eq!(settings.number("buffer_points_max"), 65_536);
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].contains("POINTMILL_LAMBDA_BUFFER_POINTS_MAX=many"),
        "{warnings:?}"
    );
    let mut source = Source::new(Language::Python);
    let error = source
        .set("buffer_points_max", "1")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("buffer_points_max") && error.contains("64"),
        "{error}"
    );
    let error = source
        .set("mode", "carrier pigeon")
        .unwrap_err()
        .to_string();
    assert!(error.contains("extension, log, http"), "{error}");
    let error = source.set("apikey", "x").unwrap_err().to_string();
    assert!(error.contains("api_key"), "{error}");
}

#[test]
fn secrets_are_not_shown() {
    let mut source = Source::new(Language::Python);
    source.set("api_key", "hush").unwrap();
    let (settings, _) = source.resolve();
    assert_eq!(settings.shown("api_key"), Some("***"));
    assert!(!format!("{settings:?}").contains("hush"));
    assert_eq!(settings.shown("kms_api_key"), Some(""));
    assert_eq!(settings.shown("no such"), None);
}

// The tags of B08, with the blank that Python keeps taken off.
#[test]
fn global_tags_come_from_both_lists_and_three_variables() {
    let (settings, _) = resolve(&[
        ("DATADOG_TAGS", "team:x, blue,,team:x"),
        ("DD_TAGS", "zone:a"),
        ("DD_ENV", "prod"),
        ("DD_SERVICE", "svc"),
        ("DD_VERSION", "1.2"),
    ]);
    assert_eq!(
        settings.global_tags(),
        [
            "zone:a",
            "team:x",
            "blue",
            "env:prod",
            "service:svc",
            "version:1.2"
        ]
    );
    assert_eq!(resolve(&[]).0.global_tags(), [""; 0]);
}

// What Go's runtime.Version() may hold.
#[test]
fn the_layers_tag_is_fit_for_a_list() {
    let mut source = Source::new(Language::Go);
    source
        .set("layer_tag", "datadog-go1.25.1 X:fieldtrace,jsonv2")
        .unwrap();
    assert_eq!(
        source.resolve().0.layer(),
        "datadog-go1.25.1-X:fieldtrace-jsonv2"
    );
}

#[test]
fn every_default_is_allowed_and_every_name_is_there_once() {
    for (i, setting) in SETTINGS.iter().enumerate() {
        if !setting.default.is_empty() {
            assert_eq!(
                check(setting, setting.default).as_deref(),
                Ok(setting.default)
            );
        }
        assert!(SETTINGS[..i].iter().all(|other| other.name != setting.name));
    }
}
