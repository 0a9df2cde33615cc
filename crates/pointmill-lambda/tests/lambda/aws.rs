//! The API key from AWS, stood in for by a server that checks signatures by its own reckoning.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use pointmill_lambda::settings::Source;
use pointmill_lambda::tagging::FunctionTags;
use pointmill_lambda::{Lambda, Language};
use sha2::{Digest, Sha256};

use crate::support::{AMPLE, Request, Server, source, with_log};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn hmac(key: &[u8], data: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(data.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Whether the request is signed as Signature Version 4 asks for; answers region and service.
fn checked(request: &Request) -> (String, String) {
    let authorization = request.header("authorization");
    let field = |name: &str| {
        let (_, rest) = authorization.split_once(name).unwrap();
        rest.split(',').next().unwrap().to_owned()
    };
    let scope = field("Credential=");
    let parts: Vec<&str> = scope.split('/').collect();
    let [id, day, region, service, end] = parts[..] else {
        panic!("{scope}");
    };
    assert_eq!((id, end), ("AKIDEXAMPLE", "aws4_request"));
    let names = field("SignedHeaders=");
    assert!(
        names.contains("x-amz-security-token") && names.contains("x-amz-target"),
        "{names}"
    );
    let headers: String = names
        .split(';')
        .map(|name| format!("{name}:{}\n", request.header(name).trim()))
        .collect();
    let canonical = format!(
        "POST\n/\n\n{headers}\n{names}\n{}",
        hex(&Sha256::digest(&request.body))
    );
    let date = request.header("x-amz-date");
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let text = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        hex(&Sha256::digest(&canonical))
    );
    let key = [region, service, "aws4_request"].iter().fold(
        hmac(format!("AWS4{SECRET}").as_bytes(), day),
        |key, part| hmac(&key, part),
    );
    assert_eq!(field("Signature="), hex(&hmac(&key, &text)));
    (region.to_owned(), service.to_owned())
}

fn body(request: &Request) -> serde_json::Value {
    serde_json::from_slice(&request.body).unwrap()
}

/// In HTTP mode, with the key to be had from `aws`.
fn function(intake: &Server, aws: &Server, variables: &[(&str, &str)]) -> Source {
    let mut source = source(Language::Python, variables);
    for (name, value) in [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_LAMBDA_FUNCTION_NAME", "my-fn"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", "session"),
    ] {
        source.variable(name, value);
    }
    source.set("url", &intake.url).unwrap();
    source.set("aws_endpoint_url", &aws.url).unwrap();
    source
}

fn intake() -> Server {
    Server::start(|_| (202, "{}".to_owned()))
}

fn send(lambda: &Lambda) -> bool {
    lambda.metric(&["m"], 1.0).unwrap();
    lambda.flush(AMPLE).unwrap().complete()
}

#[test]
fn the_key_comes_from_a_secret_of_the_secrets_region_once() {
    let intake = intake();
    let aws = Server::start(|_| (200, r#"{"SecretString":" key-of-secret\n"}"#.to_owned()));
    let arn = "arn:aws:secretsmanager:us-east-2:123456789012:secret:dd-AbCdEf";
    let (lambda, _log) = with_log(&function(
        &intake,
        &aws,
        &[("DD_API_KEY_SECRET_ARN", arn), ("DD_API_KEY", "plain")],
    ));
    assert!(aws.requests().is_empty(), "looked up before it is needed");
    assert!(send(&lambda) && send(&lambda));
    let asked = aws.requests();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        checked(&asked[0]),
        ("us-east-2".to_owned(), "secretsmanager".to_owned())
    );
    assert_eq!(
        asked[0].header("x-amz-target"),
        "secretsmanager.GetSecretValue"
    );
    assert_eq!(body(&asked[0]), serde_json::json!({ "SecretId": arn }));
    let keys: Vec<_> = intake
        .requests()
        .iter()
        .map(|r| r.header("dd-api-key").to_owned())
        .collect();
    assert_eq!(keys, ["key-of-secret", "key-of-secret"]);
    let stats = lambda.stats();
    assert_eq!((stats.key_lookups, stats.key_failures), (1, 0));
}

#[test]
fn the_key_comes_from_a_parameter() {
    let intake = intake();
    let aws = Server::start(|_| (200, r#"{"Parameter":{"Value":"key-of-ssm"}}"#.to_owned()));
    let (lambda, _log) = with_log(&function(
        &intake,
        &aws,
        &[("DD_API_KEY_SSM_NAME", "/dd/key")],
    ));
    assert!(send(&lambda));
    let asked = aws.requests();
    assert_eq!(
        checked(&asked[0]),
        ("eu-west-1".to_owned(), "ssm".to_owned())
    );
    assert_eq!(asked[0].header("x-amz-target"), "AmazonSSM.GetParameter");
    assert_eq!(
        body(&asked[0]),
        serde_json::json!({ "Name": "/dd/key", "WithDecryption": true })
    );
    assert_eq!(intake.requests()[0].header("dd-api-key"), "key-of-ssm");
}

#[test]
fn kms_is_asked_without_and_then_with_the_encryption_context() {
    for with_context in [false, true] {
        let intake = intake();
        let aws = Server::start(move |request| {
            let has = body(request).get("EncryptionContext").is_some();
            match has == with_context {
                true => (200, r#"{"Plaintext":"a2V5LW9mLWttcw=="}"#.to_owned()),
                false => (400, r#"{"__type":"InvalidCiphertextException"}"#.to_owned()),
            }
        });
        let (lambda, _log) = with_log(&function(&intake, &aws, &[("DD_KMS_API_KEY", "Y2lwaGVy")]));
        assert!(send(&lambda));
        let asked = aws.requests();
        assert_eq!(asked.len(), 1 + usize::from(with_context));
        for request in &asked {
            assert_eq!(checked(request), ("eu-west-1".to_owned(), "kms".to_owned()));
            assert_eq!(body(request)["CiphertextBlob"], "Y2lwaGVy");
        }
        if with_context {
            let context = serde_json::json!({ "LambdaFunctionName": "my-fn" });
            assert_eq!(body(&asked[1])["EncryptionContext"], context);
        }
        assert_eq!(intake.requests()[0].header("dd-api-key"), "key-of-kms");
    }
}

#[test]
fn a_failed_look_up_hurts_nobody_and_is_tried_again() {
    let intake = intake();
    let allowed = Arc::new(AtomicBool::new(false));
    let is_allowed = Arc::clone(&allowed);
    let aws = Server::start(move |_| {
        if is_allowed.load(Ordering::Relaxed) {
            return (200, r#"{"Parameter":{"Value":"later"}}"#.to_owned());
        }
        let denied = r#"{"__type":"AccessDeniedException","Message":"no"}"#;
        (400, denied.to_owned())
    });
    let (lambda, _log) = with_log(&function(&intake, &aws, &[("DD_API_KEY_SSM_NAME", "n")]));
    lambda.metric(&["m"], 1.0).unwrap();
    let start = Instant::now();
    while !lambda.last_failure().contains("AccessDeniedException") {
        assert!(start.elapsed() < AMPLE, "{}", lambda.last_failure());
        assert!(!lambda.flush(Duration::from_millis(500)).unwrap().complete());
    }
    let stats = lambda.stats();
    assert!(stats.key_failures >= 1, "{stats:?}");
    assert_eq!(stats.queued, 1);
    assert!(stats.balances());
    let failure = lambda.last_failure();
    assert!(!failure.contains("session") && !failure.contains(SECRET));
    allowed.store(true, Ordering::Relaxed);
    assert!(send(&lambda));
    assert_eq!(intake.requests()[0].header("dd-api-key"), "later");
    assert_eq!(lambda.stats().accepted, 2);
}

#[test]
fn a_plain_key_steps_in_for_a_secret_that_cannot_be_read() {
    let intake = intake();
    let aws = Server::start(|_| (500, String::new()));
    let variables = [("DD_API_KEY_SSM_NAME", "n"), ("DATADOG_API_KEY", "plain")];
    let (lambda, _log) = with_log(&function(&intake, &aws, &variables));
    assert!(send(&lambda));
    assert_eq!(intake.requests()[0].header("dd-api-key"), "plain");
    // And as an option it is the first to be asked.
    let mut source = function(&intake, &aws, &variables);
    source.set("api_key", "option").unwrap();
    let before = aws.requests().len();
    assert!(send(&with_log(&source).0));
    assert_eq!(aws.requests().len(), before);
}

#[test]
fn credentials_of_a_snapshot_come_from_the_sandbox() {
    let intake = intake();
    let aws = Server::start(|request| {
        if request.line.starts_with("GET /creds ") {
            assert_eq!(request.header("authorization"), "pass");
            let answer = format!(
                r#"{{"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"{SECRET}","Token":"session"}}"#
            );
            return (200, answer);
        }
        checked(request);
        (200, r#"{"Parameter":{"Value":"snap"}}"#.to_owned())
    });
    let mut source = function(&intake, &aws, &[("DD_API_KEY_SSM_NAME", "n")]);
    source.variable("AWS_ACCESS_KEY_ID", "");
    source.variable(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        &format!("{}/creds", aws.url),
    );
    source.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", "pass");
    let (lambda, _log) = with_log(&source);
    assert!(send(&lambda));
    lambda.restored();
    assert!(send(&lambda));
    assert_eq!(aws.requests().len(), 4, "looked up anew after a restore");
    assert_eq!(intake.requests()[1].header("dd-api-key"), "snap");
}

#[test]
fn functions_tags_are_listed_page_after_page() {
    let intake = intake();
    let aws = Server::start(|request| {
        let page = match body(request)["PaginationToken"].as_str() {
            Some("") => {
                r#"{"PaginationToken":"2","ResourceTagMappingList":[
                    {"ResourceARN":"arn:A","Tags":[{"Key":"Team","Value":"Fruit"},{"Key":"bare"}]},
                    {"no":"arn"}]}"#
            }
            Some("2") => {
                r#"{"PaginationToken":"","ResourceTagMappingList":[{"ResourceARN":"arn:B","Tags":[]}]}"#
            }
            other => panic!("{other:?}"),
        };
        (200, page.to_owned())
    });
    let settings = function(&intake, &aws, &[]).resolve().0;
    let functions = FunctionTags::new(&settings).fetch(AMPLE).unwrap();
    let found: Vec<_> = functions
        .iter()
        .map(|f| (f.arn.as_str(), f.tags.len()))
        .collect();
    assert_eq!(found, [("arn:A", 2), ("arn:B", 0)]);
    assert_eq!(
        functions[0].tags,
        [("Team", "Fruit"), ("bare", "")].map(|(k, v)| (k.to_owned(), v.to_owned()))
    );
    let asked = aws.requests();
    assert_eq!(asked.len(), 2);
    for request in &asked {
        assert_eq!(
            checked(request),
            ("eu-west-1".to_owned(), "tagging".to_owned())
        );
        assert_eq!(
            request.header("x-amz-target"),
            "ResourceGroupsTaggingAPI_20170126.GetResources"
        );
        assert_eq!(
            body(request)["ResourceTypeFilters"],
            serde_json::json!(["lambda"])
        );
        assert_eq!(body(request)["ResourcesPerPage"], 100);
    }
}

#[test]
fn a_list_of_tags_that_cannot_be_had_is_an_error_without_a_secret() {
    let intake = intake();
    let aws = Server::start(|_| {
        let throttled = r#"{"__type":"ThrottledException","Message":"slow down"}"#;
        (400, throttled.to_owned())
    });
    let settings = function(&intake, &aws, &[]).resolve().0;
    let error = FunctionTags::new(&settings).fetch(AMPLE).unwrap_err();
    assert!(error.contains("ThrottledException"), "{error}");
    assert!(!error.contains(SECRET) && !error.contains("session"));
}
