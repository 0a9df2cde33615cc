//! Calls to AWS, signed with AWS's own crate: the three that hand out an API key, and the one that
//! lists functions' tags ([`crate::tagging`]).

use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::http::{self, Way};
use crate::settings::Settings;

/// Regions with a FIPS endpoint of SSM; elsewhere the standard one is used.
const SSM_FIPS: [&str; 6] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "ca-west-1",
];

/// A service that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    SecretsManager,
    Ssm,
    Kms,
    Tagging,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Service::SecretsManager => "secretsmanager",
            Service::Ssm => "ssm",
            Service::Kms => "kms",
            Service::Tagging => "tagging",
        }
    }

    fn target(self) -> &'static str {
        match self {
            Service::SecretsManager => "secretsmanager.GetSecretValue",
            Service::Ssm => "AmazonSSM.GetParameter",
            Service::Kms => "TrentService.Decrypt",
            Service::Tagging => "ResourceGroupsTaggingAPI_20170126.GetResources",
        }
    }

    /// Whether there is a FIPS endpoint of it in a region.
    pub(crate) fn has_fips(self, region: &str) -> bool {
        match self {
            Service::SecretsManager | Service::Kms => true,
            Service::Ssm => SSM_FIPS.contains(&region),
            // It hands out no secrets, and AWS's list of FIPS endpoints has none of it.
            Service::Tagging => false,
        }
    }

    /// Its endpoint in a region.
    pub(crate) fn endpoint(self, region: &str, fips: bool) -> String {
        let fips = fips && self.has_fips(region);
        let infix = if fips { "-fips" } else { "" };
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        format!(
            "https://{}{infix}.{region}.amazonaws.com{suffix}",
            self.name()
        )
    }
}

/// What calls to AWS need.
#[derive(Clone)]
pub(crate) struct Aws {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    credentials_url: String,
    credentials_token: String,
    pub(crate) region: String,
    fips: bool,
    endpoint: String,
    way: Way,
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aws")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl Aws {
    pub(crate) fn new(settings: &Settings) -> Aws {
        let text = |name| settings.text(name).to_owned();
        Aws {
            access_key_id: text("aws_access_key_id"),
            secret_access_key: text("aws_secret_access_key"),
            session_token: text("aws_session_token"),
            credentials_url: text("aws_credentials_url"),
            credentials_token: text("aws_credentials_token"),
            region: text("region"),
            fips: settings.fips(),
            endpoint: text("aws_endpoint_url"),
            way: Way {
                proxy: text("proxy"),
                no_proxy: text("no_proxy"),
            },
        }
    }

    /// The text of a secret, in the region of its ARN.
    pub(crate) fn secret(&self, arn: &str, until: Instant) -> Result<String, String> {
        let region = arn.split(':').nth(3).filter(|region| !region.is_empty());
        let region = region.unwrap_or(&self.region);
        let answer = self.call(
            Service::SecretsManager,
            region,
            &json!({ "SecretId": arn }),
            until,
        )?;
        text_at(&answer, "/SecretString")
    }

    /// The decrypted value of a parameter.
    pub(crate) fn parameter(&self, name: &str, until: Instant) -> Result<String, String> {
        let body = json!({ "Name": name, "WithDecryption": true });
        let answer = self.call(Service::Ssm, &self.region, &body, until)?;
        text_at(&answer, "/Parameter/Value")
    }

    /// A ciphertext (base64) decrypted: first without encryption context, then with the
    /// function's name, as the console encrypts variables.
    pub(crate) fn decrypted(
        &self,
        ciphertext: &str,
        function_name: &str,
        until: Instant,
    ) -> Result<String, String> {
        let plain = json!({ "CiphertextBlob": ciphertext });
        let context = json!({ "LambdaFunctionName": function_name });
        let with_context = json!({ "CiphertextBlob": ciphertext, "EncryptionContext": context });
        let answer = match self.call(Service::Kms, &self.region, &plain, until) {
            Ok(answer) => answer,
            Err(first) => self
                .call(Service::Kms, &self.region, &with_context, until)
                .map_err(|second| format!("{first}; with encryption context: {second}"))?,
        };
        let text = text_at(&answer, "/Plaintext")?;
        let bytes = BASE64_STANDARD
            .decode(text)
            .map_err(|error| format!("KMS: {error}"))?;
        String::from_utf8(bytes).map_err(|_| "KMS: the plaintext is no text".to_owned())
    }

    pub(crate) fn call(
        &self,
        service: Service,
        region: &str,
        body: &Value,
        until: Instant,
    ) -> Result<Value, String> {
        if region.is_empty() {
            return Err(format!("{}: no region; set AWS_REGION", service.name()));
        }
        let url = match self.endpoint.as_str() {
            "" => service.endpoint(region, self.fips),
            endpoint => endpoint.to_owned(),
        };
        let body = body.to_string().into_bytes();
        let credentials = self.credentials(until)?;
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", service.target()),
        ];
        let signed = signed_headers(
            &credentials,
            region,
            service.name(),
            &url,
            &headers,
            &body,
            SystemTime::now(),
        )?;
        let own = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let all: Vec<_> = own.into_iter().chain(signed).collect();
        let answer = http::request("POST", &url, &all, &body, left(until), &self.way)
            .map_err(|error| format!("{url}: {error}"))?;
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status == 200 {
            return Ok(value);
        }
        let sort = value["__type"].as_str().unwrap_or_default();
        let message = value["message"]
            .as_str()
            .or_else(|| value["Message"].as_str());
        let message = message.unwrap_or_default();
        Err(format!("{url}: status {} {sort} {message}", answer.status)
            .trim_end()
            .to_owned())
    }

    /// The function's own, or those that its sandbox hands out (SnapStart).
    fn credentials(&self, until: Instant) -> Result<Credentials, String> {
        let known = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        if !self.access_key_id.is_empty() {
            let (id, secret) = (&self.access_key_id, &self.secret_access_key);
            let token = known(&self.session_token);
            return Ok(Credentials::new(id, secret, token, None, "environment"));
        }
        if self.credentials_url.is_empty() {
            return Err("no AWS credentials; AWS_ACCESS_KEY_ID is not set".to_owned());
        }
        let header = ("authorization".to_owned(), self.credentials_token.clone());
        let direct = Way::default();
        let answer = http::request(
            "GET",
            &self.credentials_url,
            &[header],
            b"",
            left(until),
            &direct,
        )?;
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let id =
            text_at(&value, "/AccessKeyId").map_err(|error| format!("credentials: {error}"))?;
        let secret = text_at(&value, "/SecretAccessKey")?;
        let token = text_at(&value, "/Token").ok();
        Ok(Credentials::new(id, secret, token, None, "sandbox"))
    }
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

fn text_at(value: &Value, path: &str) -> Result<String, String> {
    let text = value.pointer(path).and_then(Value::as_str);
    text.map(str::to_owned)
        .ok_or_else(|| format!("the answer has no {path}"))
}

/// The headers that sign a POST.
fn signed_headers(
    credentials: &Credentials,
    region: &str,
    service: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    time: SystemTime,
) -> Result<Vec<(String, String)>, String> {
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let body = SignableBody::Bytes(body);
    let request = SignableRequest::new("POST", url, headers.iter().copied(), body)
        .map_err(|error| error.to_string())?;
    let (instructions, _) = sign(request, &params)
        .map_err(|error| error.to_string())?
        .into_parts();
    let headers = instructions.headers();
    Ok(headers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `post-vanilla` and `post-sts-header-before` of AWS's signature test suite.
    #[test]
    fn signatures_are_those_of_the_test_suite() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let sign = |token: Option<String>| {
            let credentials = Credentials::new("AKIDEXAMPLE", secret, token, None, "test");
            let url = "https://example.amazonaws.com/";
            let headers =
                signed_headers(&credentials, "us-east-1", "service", url, &[], b"", time).unwrap();
            let find = |name: &str| {
                headers
                    .iter()
                    .find(|(n, _)| n == name)
                    .map(|(_, v)| v.clone())
            };
            (
                find("authorization").unwrap(),
                find("x-amz-security-token"),
                find("x-amz-date"),
            )
        };
        let (authorization, token, date) = sign(None);
        assert_eq!(
            authorization,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, \
             Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        );
        assert_eq!((token, date.as_deref()), (None, Some("20150830T123600Z")));
        let token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
        let (authorization, sent, _) = sign(Some(token.to_owned()));
        assert!(
            authorization.ends_with(
                "Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
            ),
            "{authorization}"
        );
        assert_eq!(sent.as_deref(), Some(token));
    }

    // Section 4.2: the FIPS endpoints.
    #[test]
    fn endpoints_follow_region_and_fips() {
        for (service, region, fips, expected) in [
            (
                Service::SecretsManager,
                "us-east-1",
                true,
                "https://secretsmanager-fips.us-east-1.amazonaws.com",
            ),
            (
                Service::Kms,
                "us-gov-west-1",
                true,
                "https://kms-fips.us-gov-west-1.amazonaws.com",
            ),
            (
                Service::Ssm,
                "ca-west-1",
                true,
                "https://ssm-fips.ca-west-1.amazonaws.com",
            ),
            (
                Service::Ssm,
                "us-gov-west-1",
                true,
                "https://ssm.us-gov-west-1.amazonaws.com",
            ),
            (
                Service::Ssm,
                "eu-west-1",
                true,
                "https://ssm.eu-west-1.amazonaws.com",
            ),
            (
                Service::Kms,
                "eu-west-1",
                false,
                "https://kms.eu-west-1.amazonaws.com",
            ),
            (
                Service::Kms,
                "cn-north-1",
                false,
                "https://kms.cn-north-1.amazonaws.com.cn",
            ),
        ] {
            assert_eq!(service.endpoint(region, fips), expected);
        }
    }
}
