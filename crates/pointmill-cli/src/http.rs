//! What the verbs that talk to an intake share: a client of HTTP.

use std::time::Duration;

use serde_json::Value as Json;
use ureq::Agent;
use ureq::http::{Response, Uri};

/// Where an intake is unless another address is given.
pub const URL: &str = "http://127.0.0.1:8126";

/// Times a body is sent before it is given up.
const ATTEMPTS: u32 = 10;

/// A client of one intake.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    url: String,
    api_key: Option<String>,
}

impl Client {
    /// A client of the intake at `url`.
    ///
    /// # Errors
    /// It is no address of an HTTP server.
    pub fn new(url: &str, api_key: Option<&str>) -> Result<Client, String> {
        let url = if url.contains("://") {
            url.to_owned()
        } else {
            format!("http://{url}")
        };
        let parsed = url.parse::<Uri>().ok();
        let is_server = parsed.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
        });
        if !is_server {
            return Err(format!("--url {url:?} is no address; write {URL}"));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)));
        Ok(Client {
            agent: config.build().into(),
            url: url.trim_end_matches('/').to_owned(),
            api_key: api_key.map(str::to_owned),
        })
    }

    /// Asks, and reads the answer.
    ///
    /// # Errors
    /// The intake cannot be reached, or what it says is wrong with the question.
    pub fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Json, String> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        request = request.query_pairs(parameters.iter().copied());
        if let Some(key) = &self.api_key {
            request = request.header("DD-API-KEY", key);
        }
        let mut response = request.call().map_err(|error| self.unreachable(&error))?;
        let body = response
            .body_mut()
            .with_config()
            .limit(1 << 30)
            .read_to_string();
        let body = body.map_err(|error| self.unreachable(&error))?;
        let answer = serde_json::from_str(&body).unwrap_or(Json::Null);
        if response.status().is_success() {
            Ok(answer)
        } else {
            Err(said(&response, &answer))
        }
    }

    /// Sends a body until it is taken, at most ten times; `id` keeps it from being counted twice.
    ///
    /// # Errors
    /// The intake cannot be reached, or says what is wrong with the body.
    pub fn post(&self, payload: &pointmill_wire::Payload, id: &str) -> Result<(), String> {
        for attempt in 1.. {
            let mut request = self.agent.post(format!("{}{}", self.url, payload.path));
            request = request
                .header("Content-Type", payload.content_type)
                .header("DD-Pointmill-Batch", id);
            request = request.header("DD-API-KEY", self.api_key.as_deref().unwrap_or("replay"));
            if !payload.content_encoding.is_empty() {
                request = request.header("Content-Encoding", payload.content_encoding);
            }
            let outcome = request.send(&payload.body[..]);
            let (error, again, pause) = match outcome {
                Ok(response) if response.status().is_success() => return Ok(()),
                Ok(mut response) => {
                    let body = response.body_mut().read_to_string().unwrap_or_default();
                    let answer = serde_json::from_str(&body).unwrap_or(Json::Null);
                    let status = response.status().as_u16();
                    let pause = response
                        .headers()
                        .get("retry-after")
                        .and_then(|v| v.to_str().ok()?.parse().ok());
                    (
                        said(&response, &answer),
                        matches!(status, 408 | 429 | 500..),
                        pause.unwrap_or(1),
                    )
                }
                Err(error) => (self.unreachable(&error), true, 1),
            };
            if !again || attempt >= ATTEMPTS {
                return Err(error);
            }
            std::thread::sleep(Duration::from_secs(u64::min(pause, 30)));
        }
        unreachable!("the loop returns")
    }

    fn unreachable(&self, error: &ureq::Error) -> String {
        format!(
            "no intake answers at {}: {error}; start one with `pointmill intake`",
            self.url
        )
    }
}

fn said<T>(response: &Response<T>, answer: &Json) -> String {
    let text = answer["errors"][0].as_str().unwrap_or("no reason given");
    format!("the intake answered {}: {text}", response.status())
}
