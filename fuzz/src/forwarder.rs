//! The forwarder's readers: they do not panic, keep their books, and give the same however the
//! bytes are cut.

use pointmill_forwarder::{
    Complaint, Config, Defaults, Format, Forwarder, Log, NoFunctions, Output, Point, Reader,
    Workshop, detect,
};

/// Longest input looked at; longer ones find nothing new.
pub const SIZE_MAX: usize = 64 << 10;

#[derive(Default, PartialEq, Debug)]
struct Seen {
    points: u64,
    logs: u64,
    complaints: u64,
}

impl Output for Seen {
    fn point(&mut self, point: &Point<'_>) {
        assert!(point.value.is_finite() && !point.name.is_empty());
        self.points += 1;
    }

    fn log(&mut self, _: &Log<'_>) {
        self.logs += 1;
    }

    fn complain(&mut self, _: u64, _: Complaint<'_>) {
        self.complaints += 1;
    }
}

fn run(format: Format, bytes: &[u8], step: usize) -> Seen {
    let (mut forwarder, mut seen) = (Forwarder::new(Config::default()), Seen::default());
    let mut functions = NoFunctions;
    let mut shop = Workshop {
        forwarder: &mut forwarder,
        functions: &mut functions,
        output: &mut seen,
    };
    let mut reader = Reader::new(format, Defaults::default());
    for chunk in bytes.chunks(step.max(1)) {
        reader.push(chunk, &mut shop);
    }
    reader.finish(&mut shop);
    forwarder.finish(&mut |point| seen.point(point));
    let account = forwarder.account();
    assert!(account.balances(), "{account:?}");
    assert_eq!(account.points(), seen.points, "{account:?}");
    let refused = account.refused_total() + account.envelopes_refused_total();
    assert_eq!(refused, seen.complaints, "{account:?}");
    seen
}

/// Reads the bytes in every format, whole and cut as the first byte says.
pub fn forwarder(data: &[u8]) {
    let Some((step, bytes)) = data.split_first() else {
        return;
    };
    assert!(detect(bytes, true).is_some());
    let _ = detect(bytes, false);
    for format in [Format::Lines, Format::CloudWatch, Format::Telemetry] {
        let whole = run(format, bytes, bytes.len());
        assert_eq!(run(format, bytes, usize::from(*step)), whole);
    }
}
