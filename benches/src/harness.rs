//! Contests and the two ways to run them.
//!
//! ```text
//! contest = row, elements a slice, subjects (ours first)
//! slice   = one call of a subject: prepares, works through its elements, checks; says how long the
//!           work alone took
//!
//! plain:     for each subject   criterion samples slices
//! --paired:  for each round     for each subject, forwards and backwards in turn: one slice
//!            median of slices, and of the rounds' quotients (first subject / subject)
//! ```

use std::path::PathBuf;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};

use crate::cpu_time;
use crate::figure::{self, Figure, Unit};

/// Rounds that are always measured, however long they take.
const ROUNDS_LEAST: usize = 7;

/// Some subjects that do the same.
pub struct Contest {
    row: String,
    elements: u64,
    subjects: Vec<Subject>,
}

struct Subject {
    name: &'static str,
    slice: Box<dyn FnMut() -> Duration>,
}

impl Contest {
    /// A contest; each subject's slice works through `elements` elements.
    pub fn new(row: impl Into<String>, elements: usize) -> Contest {
        Contest {
            row: row.into(),
            elements: elements as u64,
            subjects: Vec::new(),
        }
    }

    /// Adds a subject. The first one is what the others are compared with.
    #[must_use]
    pub fn subject(
        mut self,
        name: &'static str,
        slice: impl FnMut() -> Duration + 'static,
    ) -> Contest {
        self.subjects.push(Subject {
            name,
            slice: Box::new(slice),
        });
        self
    }

    fn under_criterion(mut self, criterion: &mut Criterion) {
        // Criterion makes folders of these names.
        let mut group = criterion.benchmark_group(self.row.replace('/', " of "));
        group.throughput(Throughput::Elements(self.elements));
        group
            .sample_size(20)
            .measurement_time(Duration::from_secs(2));
        group.warm_up_time(Duration::from_millis(300));
        for subject in &mut self.subjects {
            group.bench_function(subject.name, |bencher| {
                bencher.iter_custom(|n| (0..n).map(|_| (subject.slice)()).sum());
            });
        }
        group.finish();
    }

    fn paired(mut self, suite: &str, budget: Duration) -> Vec<Figure> {
        let n = self.subjects.len();
        let mut times = vec![Vec::new(); n];
        // One round for the caches and the branch predictors.
        self.subjects.iter_mut().for_each(|subject| {
            let _ = (subject.slice)();
        });
        let start = Instant::now();
        while times[0].len() < ROUNDS_LEAST || start.elapsed() < budget {
            let forwards = times[0].len().is_multiple_of(2);
            for i in 0..n {
                let i = if forwards { i } else { n - 1 - i };
                times[i].push((self.subjects[i].slice)().as_nanos() as f64 / self.elements as f64);
            }
        }
        let first = times[0].clone();
        let figures =
            self.subjects
                .iter()
                .zip(&mut times)
                .enumerate()
                .map(|(i, (subject, times))| {
                    let mut ratios: Vec<f64> =
                        first.iter().zip(&*times).map(|(a, b)| a / b).collect();
                    let [low, value, high] = figure::quartiles(times);
                    Figure {
                        suite: suite.into(),
                        row: self.row.clone(),
                        subject: subject.name.into(),
                        unit: Unit::Ns,
                        value,
                        low,
                        high,
                        ratio: (i > 0).then(|| figure::quartiles(&mut ratios)[1]),
                        samples: times.len() as u64,
                    }
                });
        figures.collect()
    }
}

/// The processor time that `work` takes. The clock on the wall would show what other programs take
/// from a busy machine, and long slices more of it than short ones.
#[inline(always)]
pub fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = cpu_time::of_this_thread();
    std::hint::black_box(work());
    cpu_time::of_this_thread() - start
}

/// What a suite was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Paired measurement for the table.
    pub paired: bool,
    /// Time for one contest.
    pub budget: Duration,
    /// Where the figures go.
    pub out: Option<PathBuf>,
    /// Run everything once, as a test.
    pub once: bool,
}

impl Options {
    /// From the command line: `--paired`, `--seconds S`, `--out FILE`. Without cargo's `--bench`
    /// everything runs once.
    pub fn from_args() -> Options {
        let args: Vec<String> = std::env::args().collect();
        let after = |name: &str| {
            args.iter()
                .position(|a| a == name)
                .and_then(|i| args.get(i + 1))
                .cloned()
        };
        let seconds = after("--seconds")
            .and_then(|s| s.parse().ok())
            .unwrap_or(2.0);
        Options {
            paired: args.iter().any(|a| a == "--paired"),
            budget: Duration::from_secs_f64(seconds),
            out: after("--out").map(PathBuf::from),
            once: !args.iter().any(|a| a == "--bench"),
        }
    }

    /// Shows figures and appends them to the file asked for.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn report(&self, figures: &[Figure]) {
        for f in figures {
            let ratio = f
                .ratio
                .map_or(String::new(), |ratio| format!("  ours/this {ratio:.3}"));
            println!("{:<58} {:<32} {:>9}{ratio}", f.row, f.subject, f.shown());
        }
        if let Some(out) = &self.out {
            figure::append(out, figures).expect("the figures' file can be written");
        }
    }
}

/// Runs a suite of contests as the command line says.
pub fn main(suite: &str, contests: &[fn() -> Contest]) {
    let options = Options::from_args();
    if options.paired {
        for contest in contests {
            options.report(&contest().paired(suite, options.budget));
        }
    } else {
        let mut criterion = Criterion::default().configure_from_args();
        contests
            .iter()
            .for_each(|contest| contest().under_criterion(&mut criterion));
        criterion.final_summary();
    }
}
