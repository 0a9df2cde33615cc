//! What a run says on standard error: notes, and at the end what became of everything.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use pointmill_deliver::DropCause;
use pointmill_forwarder::Account;
use serde_json::{Value, json};

use super::delivery::Delivered;
use super::logs::Logs;

/// One line.
pub(super) fn line(text: &str) {
    // A standard error that is gone cannot be told so.
    let _ = writeln!(io::stderr().lock(), "pointmill: {text}");
}

/// How the account is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum AccountFormat {
    /// Sentences
    Text,
    /// One line of JSON
    Json,
}

/// What became of everything.
#[derive(Debug)]
pub(super) struct Books<'b> {
    pub(super) account: &'b Account,
    pub(super) logs: &'b Logs,
    pub(super) not_shown: u64,
    pub(super) delivered: Option<&'b Delivered>,
}

/// `3 missing_key, 1 cut`, without what is zero.
fn list<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let counts = counts.filter(|(_, n)| *n > 0);
    let counts: Vec<String> = counts.map(|(name, n)| format!("{n} {name}")).collect();
    counts.join(", ")
}

impl Books<'_> {
    pub(super) fn say(&self, format: AccountFormat) {
        match format {
            AccountFormat::Json => {
                let _ = writeln!(io::stderr().lock(), "{}", self.json());
            }
            AccountFormat::Text => {
                for text in self.text() {
                    line(&text);
                }
            }
        }
    }

    fn text(&self) -> Vec<String> {
        let account = self.account;
        let legacy: u64 = account.legacy.values().sum();
        let mut events = format!(
            "{} events: {} of the platform, {} metrics, {legacy} MONITORING, {} logs, {} refused",
            account.events,
            account.platform,
            account.metrics,
            account.logs,
            account.refused_total()
        );
        let causes = list(account.refused.iter().map(|(cause, n)| (cause.name(), *n)));
        if !causes.is_empty() {
            let _ = write!(events, " ({causes})");
        }
        let mut lines = vec![events];
        let enhanced = list(account.enhanced.iter().map(|(metric, n)| {
            let name = metric.name();
            (name.rsplit('.').next().unwrap_or(name), *n)
        }));
        let mut points = format!("{} points", account.points());
        if !enhanced.is_empty() {
            let _ = write!(points, "; enhanced: {enhanced}");
        }
        lines.push(points);
        lines.extend(self.notes());
        lines.extend(self.delivery_text());
        lines
    }

    /// What a reader should know, where there is anything.
    fn notes(&self) -> Vec<String> {
        let account = self.account;
        let mut notes = Vec::new();
        let mut note = |n: u64, text: String| {
            if n > 0 {
                notes.push(text);
            }
        };
        let envelopes = account.envelopes_refused_total();
        let causes = account.envelopes_refused.iter();
        let causes = list(causes.map(|(cause, n)| (cause.name(), *n)));
        note(
            envelopes,
            format!("{envelopes} envelopes without log events ({causes})"),
        );
        let repeated = account.repeated.values().sum();
        note(
            repeated,
            format!("{repeated} failures told of again and counted once"),
        );
        let mended = account.utf8_mended;
        note(mended, format!("{mended} events were not UTF-8; mended"));
        let ignored = account.ddtags_ignored;
        note(
            ignored,
            format!("{ignored} metrics taken without their ddtags, which were no text"),
        );
        let lost = account.lost_by_platform;
        note(
            lost,
            format!("Lambda says that it lost {lost} log records before anybody could read them"),
        );
        let (sent, lost, why) = (self.logs.sent, self.logs.lost, &self.logs.why);
        note(
            lost,
            format!("{lost} of {} logs were not passed on: {why}", sent + lost),
        );
        note(
            self.not_shown,
            format!("{} points could not be shown", self.not_shown),
        );
        note(
            u64::from(!account.balances()),
            "the books do not balance; please report this with --account json".to_owned(),
        );
        notes
    }

    fn delivery_text(&self) -> Option<String> {
        let done = self.delivered?;
        let sum = |of: &dyn Fn(&pointmill_deliver::ClientStats) -> u64| -> u64 {
            done.ledgers.iter().map(of).sum()
        };
        let accepted = sum(&|ledger| ledger.accepted);
        let waiting = sum(&|ledger| ledger.waiting());
        let dropped = list(
            DropCause::ALL
                .iter()
                .map(|cause| (cause.name(), sum(&|ledger| ledger.dropped_for(*cause)))),
        );
        let mut text = format!("delivered: {accepted} points accepted");
        let mut add = |n: u64, what: &str| {
            if n > 0 {
                let _ = write!(text, ", {n} {what}");
            }
        };
        add(waiting, "waiting in the spool");
        add(
            done.damaged_files(),
            "damaged files of the spool put aside as *.damaged, with points nobody can read",
        );
        add(
            sum(&|ledger| ledger.skipped()),
            "that the format cannot carry",
        );
        add(done.refused, "refused by the engine");
        add(done.checks_sent, "checks sent");
        add(done.checks_lost, "checks lost");
        add(
            done.checks_not_carried,
            "checks that the destination has no form for",
        );
        if !dropped.is_empty() {
            let _ = write!(text, "; dropped: {dropped}");
        }
        if sum(&|ledger| ledger.dropped_for(DropCause::Closed)) > 0 {
            let hint = "; what --timeout-s ended is gone, with --spool DIR the next run sends it";
            text.push_str(hint);
        }
        if !done.is_complete() {
            let why = [&done.last_failure, &done.refused_why];
            for why in why.into_iter().filter(|why| !why.is_empty()) {
                let _ = write!(text, "; {why}");
            }
        }
        Some(text)
    }

    fn json(&self) -> Value {
        let account = self.account;
        let map = |counts: &mut dyn Iterator<Item = (&'static str, u64)>| -> Value {
            counts
                .map(|(name, n)| (name.to_owned(), json!(n)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let delivered = self.delivered.map(|done| {
            let sum = |of: &dyn Fn(&pointmill_deliver::ClientStats) -> u64| -> u64 {
                done.ledgers.iter().map(of).sum()
            };
            json!({
                "flushed": sum(&|l| l.flushed),
                "accepted": sum(&|l| l.accepted),
                "waiting": sum(&|l| l.waiting()),
                "skipped": sum(&|l| l.skipped()),
                "dropped": map(&mut DropCause::ALL.iter().map(|c| (c.name(), sum(&|l| l.dropped_for(*c))))),
                "refused_by_engine": done.refused,
                "checks_sent": done.checks_sent,
                "checks_lost": done.checks_lost,
                "checks_not_carried": done.checks_not_carried,
                "spool_damaged_files": done.damaged_files(),
                "last_failure": done.last_failure,
            })
        });
        json!({
            "events": account.events,
            "platform": account.platform,
            "metrics": account.metrics,
            "legacy": map(&mut account.legacy.iter().map(|(kind, n)| (kind.name(), *n))),
            "logs": account.logs,
            "refused": map(&mut account.refused.iter().map(|(c, n)| (c.name(), *n))),
            "points": account.points(),
            "enhanced": map(&mut account.enhanced.iter().map(|(m, n)| (m.name(), *n))),
            "repeated": map(&mut account.repeated.iter().map(|(m, n)| (m.name(), *n))),
            "documents": account.documents,
            "control_messages": account.control_messages,
            "envelopes_refused": map(&mut account.envelopes_refused.iter().map(|(c, n)| (c.name(), *n))),
            "utf8_mended": account.utf8_mended,
            "ddtags_ignored": account.ddtags_ignored,
            "lost_by_platform": account.lost_by_platform,
            "logs_sent": self.logs.sent,
            "logs_lost": self.logs.lost,
            "logs_unwanted": self.logs.unwanted,
            "not_shown": self.not_shown,
            "delivered": delivered,
            "balanced": account.balances(),
        })
    }
}
