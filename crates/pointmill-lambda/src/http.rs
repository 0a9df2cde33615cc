//! One request, blocking, with a deadline: for AWS's APIs and the extension's control endpoint.
//! (The intake has [`pointmill_deliver::HttpDestination`].)

use std::time::Duration;

use ureq::http::Request;
use ureq::{Agent, Proxy};

/// Largest answer that is read.
///
/// A page of a hundred functions with fifty tags of 384 characters each has about two million bytes.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// How the outside is reached.
#[derive(Clone, Debug, Default)]
pub(crate) struct Way {
    /// `http://host:port`; empty for none.
    pub(crate) proxy: String,
    /// Hosts that are reached without it, separated by commas: a name, `.suffix` or `*`.
    pub(crate) no_proxy: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Sends a request and reads the answer. The text of an error says what went wrong, no secret.
pub(crate) fn request(
    method: &str,
    url: &str,
    headers: &[(String, String)],
    body: &[u8],
    timeout: Duration,
    way: &Way,
) -> Result<Answer, String> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(body).map_err(|error| error.to_string())?;
    let host = request.uri().host().unwrap_or_default().to_owned();
    let proxy = match way.proxy.as_str() {
        proxy if proxy.is_empty() || goes_past(&way.no_proxy, &host) => None,
        proxy => Some(Proxy::new(proxy).map_err(|error| format!("proxy: {error}"))?),
    };
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(proxy)
        .timeout_global(Some(timeout.max(Duration::from_millis(1))))
        .user_agent(concat!("pointmill/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut response = agent.run(request).map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
    let body = body.read_to_vec().map_err(|error| error.to_string())?;
    Ok(Answer { status, body })
}

/// Whether a host is reached without the proxy.
fn goes_past(no_proxy: &str, host: &str) -> bool {
    no_proxy.split(',').map(str::trim).any(|entry| {
        let suffix = entry.trim_start_matches('.');
        entry == "*"
            || (!suffix.is_empty()
                && host
                    .strip_suffix(suffix)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_hosts_go_past_the_proxy() {
        let list = "localhost, .internal,amazonaws.com";
        for (host, expected) in [
            ("localhost", true),
            ("kms.eu-west-1.amazonaws.com", true),
            ("amazonaws.com", true),
            ("notamazonaws.com", false),
            ("a.internal", true),
            ("api.datadoghq.com", false),
        ] {
            assert_eq!(goes_past(list, host), expected, "{host}");
        }
        assert!(goes_past("*", "anything") && !goes_past("", "anything"));
    }
}
