//! The verb as a Lambda function: `bootstrap` of a custom runtime, on AWS's own runtime client.
//!
//! Subscribe it to log groups as Datadog's forwarder is subscribed, or put it behind Kinesis or as
//! a transformation into Firehose. All settings come from the environment. Between invocations the
//! process stays and remembers what it has counted; what could not be sent is tried again with the
//! next invocation, never by failing one, since Lambda would repeat the whole batch and all that
//! had arrived of it would arrive twice.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use pointmill_forwarder::{Defaults, Format, Forwarder, Reader, Workshop};
use pointmill_lambda::Arn;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use super::command::{Args, sinks};
use super::logs::LogsTo;
use super::say::{self, AccountFormat, Books};
use super::settings::{self, Known, process_env};
use super::shutdown;
use super::{ForwardError, Sinks};

/// What an invocation keeps for its answer after sending, in milliseconds.
const RESERVE_MS: u64 = 500;

/// The least time that is given to sending, in milliseconds.
const FLUSH_MS_MIN: u64 = 100;

/// How long the end of the sandbox may take, in milliseconds. Lambda kills 500 ms after SIGTERM.
const END_MS: u64 = 300;

/// The variable with the address of the Runtime API.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// Arguments as the environment of a function gives them: none.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// Whether the process was started by Lambda, or under the name by which Lambda would start it. A
/// function that runs the command itself gives it arguments.
#[must_use]
pub fn is_invoked_by_lambda() -> bool {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    let named = Path::new(&name).file_name() == Some("bootstrap".as_ref());
    named || (arguments.next().is_none() && std::env::var_os(RUNTIME_API).is_some())
}

/// Answers invocations until Lambda ends the process.
#[must_use]
pub fn run() -> ExitCode {
    let Ok(api) = std::env::var(RUNTIME_API) else {
        say::line(
            "AWS_LAMBDA_RUNTIME_API is not set: a program named bootstrap is started by Lambda; \
             elsewhere use pointmill forward",
        );
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let served = match runtime {
        Ok(runtime) => runtime.block_on(serve(&api)),
        Err(error) => Err(error.into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::line(&error.to_string());
            ExitCode::from(1)
        }
    }
}

async fn serve(api: &str) -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate())?;
    if let Err(error) = shutdown::register(api) {
        say::line(&format!(
            "what waits when this sandbox ends will be lost: Lambda sends no SIGTERM: {error}"
        ));
    }
    let kept: Mutex<Option<State>> = Mutex::new(None);
    let state = &kept;
    // One invocation at a time, so waiting for the intake here keeps nobody waiting.
    let serving = lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_none() {
            *state = Some(State::new(&event.context)?);
        }
        let answer = state
            .as_mut()
            .map(|state| state.handle(&event.payload, &event.context));
        Ok::<Value, Error>(answer.unwrap_or(Value::Null))
    }));
    let outcome = tokio::select! {
        outcome = serving => outcome,
        _ = terminate.recv() => Ok(()),
    };
    let state = kept.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(state) = state {
        state.end();
    }
    outcome
}

/// What lives from one invocation to the next.
struct State {
    forwarder: Forwarder,
    known: Known,
    sinks: Sinks,
    /// What had been complained about before.
    refused: u64,
    tags_failure: Option<String>,
}

impl State {
    fn new(context: &Context) -> Result<State, ForwardError> {
        let args = Line::try_parse_from(["bootstrap"]);
        let args = args
            .map_err(|error| ForwardError::Usage(error.to_string()))?
            .args;
        let mut config = settings::forwarder(&args, &process_env)?;
        if let Ok(arn) = Arn::parse(&context.invoked_function_arn) {
            config.partition = Some(arn.partition.to_owned());
            config.region = Some(arn.region.to_owned());
            config.account_id = Some(arn.account_id.to_owned());
            config.forwarder_name = Some(arn.function_name.to_owned());
        }
        // On standard output logs would come back through the subscription of this very function.
        let logs = match settings::to(&args, &process_env) {
            super::command::To::Http => LogsTo::Http,
            _ => LogsTo::Nowhere,
        };
        Ok(State {
            sinks: sinks(&args, &config.tags, logs, false)?,
            known: Known::new(&args, &process_env)?,
            forwarder: Forwarder::new(config),
            refused: 0,
            tags_failure: None,
        })
    }

    fn handle(&mut self, payload: &Value, context: &Context) -> Value {
        self.sinks.input.clone_from(&context.request_id);
        // Metrics that do not arrive are kept, logs are not, so logs may have most of the time.
        let logs_until = Instant::now() + time_left(context.deadline).mul_f64(0.75);
        self.sinks.send_until(logs_until);
        let json = payload.to_string();
        let mut reader = Reader::new(Format::CloudWatch, Defaults::default());
        let mut shop = Workshop {
            forwarder: &mut self.forwarder,
            functions: self.known.functions(),
            output: &mut self.sinks,
        };
        reader.push(json.as_bytes(), &mut shop);
        reader.finish(&mut shop);
        let sinks = &mut self.sinks;
        self.forwarder
            .finish(&mut |point| sinks.metrics.point(point));
        self.sinks.logs.flush();
        if let Some(delivery) = self.sinks.metrics.delivery() {
            delivery.flush(time_left(context.deadline));
        }
        self.say_what_is_amiss();
        answer(payload)
    }

    /// The sandbox ends: what waits is sent, if that is quickly done, and the books are closed.
    fn end(mut self) {
        let time = Duration::from_millis(END_MS);
        self.sinks.send_until(Instant::now() + time);
        let Sinks { metrics, logs, .. } = self.sinks;
        let not_shown = metrics.not_shown;
        let (_, delivered) = metrics.finish(0, time);
        Books {
            account: self.forwarder.account(),
            logs: &logs,
            not_shown,
            delivered: delivered.as_ref(),
        }
        .say(AccountFormat::Json);
    }

    /// The books, if this invocation had anything to complain about.
    fn say_what_is_amiss(&mut self) {
        self.sinks.complaints = 0;
        let failure = self.known.failure();
        if failure != self.tags_failure.as_deref() {
            self.tags_failure = failure.map(str::to_owned);
            if let Some(failure) = failure {
                say::line(&format!("tags of functions: {failure}"));
            }
        }
        let delivered = self
            .sinks
            .metrics
            .delivery()
            .map(|delivery| delivery.delivered());
        let account = self.forwarder.account();
        let refused =
            account.refused_total() + account.envelopes_refused_total() + self.sinks.logs.lost;
        let complete = delivered
            .as_ref()
            .is_none_or(|delivered| delivered.is_complete());
        if std::mem::replace(&mut self.refused, refused) != refused || !complete {
            Books {
                account,
                logs: &self.sinks.logs,
                not_shown: self.sinks.metrics.not_shown,
                delivered: delivered.as_ref(),
            }
            .say(AccountFormat::Json);
        }
    }
}

/// How long sending may take before the deadline, which is in Unix milliseconds.
fn time_left(deadline_ms: u64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_ms = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    let left = deadline_ms
        .saturating_sub(now_ms)
        .saturating_sub(RESERVE_MS);
    Duration::from_millis(left.max(FLUSH_MS_MIN))
}

/// Firehose wants every record back; nobody else wants anything.
fn answer(payload: &Value) -> Value {
    let Some(records) = payload.get("records").and_then(Value::as_array) else {
        return Value::Null;
    };
    let passed = records.iter().map(
        |record| json!({"recordId": record["recordId"], "result": "Ok", "data": record["data"]}),
    );
    json!({"records": passed.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firehose_gets_its_records_back_and_others_nothing() {
        let event = json!({"records": [{"recordId": "1", "data": "eA==", "x": 1}]});
        let expected = json!({"records": [{"recordId": "1", "result": "Ok", "data": "eA=="}]});
        assert_eq!(answer(&event), expected);
        assert_eq!(answer(&json!({"awslogs": {"data": ""}})), Value::Null);
    }

    #[test]
    fn sending_ends_before_the_deadline_and_has_a_moment_at_least() {
        assert_eq!(time_left(0), Duration::from_millis(FLUSH_MS_MIN));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let left = time_left(now.as_millis() as u64 + 10_000);
        assert!(left <= Duration::from_millis(9_500) && left > Duration::from_secs(8));
    }
}
