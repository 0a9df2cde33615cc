//! The `pointmill` command: finds the verb and leaves the rest to it.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use pointmill_cli::{forward, intake, query, replay, report};

/// Aggregates metrics: percentiles from files of points, and payloads ready to send
#[derive(Debug, Parser)]
#[command(name = "pointmill", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Report(Box<report::command::Args>),
    Intake(Box<intake::Args>),
    Query(Box<query::Args>),
    Replay(Box<replay::Args>),
    Forward(Box<forward::command::Args>),
}

fn main() -> ExitCode {
    if forward::bootstrap::is_invoked_by_lambda() {
        return forward::bootstrap::run();
    }
    match Cli::parse().verb {
        Verb::Report(args) => report::command::run(&args),
        Verb::Intake(args) => intake::run(&args),
        Verb::Query(args) => query::run(&args),
        Verb::Replay(args) => replay::run(&args),
        Verb::Forward(args) => forward::command::run(&args),
    }
}
