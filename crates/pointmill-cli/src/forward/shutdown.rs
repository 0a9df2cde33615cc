//! SIGTERM at the end of a sandbox: Lambda sends it only to functions with an extension, so the
//! function registers itself as one that wants no events.

use std::thread;
use std::time::Duration;

use ureq::Agent;

/// Longest wait for the answer to the registration; it is part of the sandbox's start.
const REGISTER_MAX: Duration = Duration::from_secs(2);

/// The extension's name, which no other extension of the function may have.
const NAME: &str = "pointmill-forward";

/// Registers at the Extensions API of `api`, a host and port. From then on a thread waits for an
/// event that never comes, which tells Lambda that the extension is ready.
///
/// # Errors
/// Why not, for a person.
pub(super) fn register(api: &str) -> Result<(), String> {
    let agent = |timeout| -> Agent {
        Agent::config_builder()
            .proxy(None)
            .timeout_global(timeout)
            .build()
            .into()
    };
    let answer = agent(Some(REGISTER_MAX))
        .post(format!("http://{api}/2020-01-01/extension/register"))
        .header("Lambda-Extension-Name", NAME)
        .header("Content-Type", "application/json")
        .send(r#"{"events":[]}"#)
        .map_err(|error| error.to_string())?;
    let id = answer
        .headers()
        .get("Lambda-Extension-Identifier")
        .and_then(|id| id.to_str().ok())
        .ok_or("the Extensions API gave no identifier")?
        .to_owned();
    let url = format!("http://{api}/2020-01-01/extension/event/next");
    let waiting = move || {
        let _ = agent(None)
            .get(url)
            .header("Lambda-Extension-Identifier", id)
            .call();
    };
    thread::Builder::new()
        .name("pointmill-extension".to_owned())
        .spawn(waiting)
        .map(drop)
        .map_err(|error| error.to_string())
}
