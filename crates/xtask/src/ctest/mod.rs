//! `cargo xtask ctest`: the C ABI seen from C and C++.
//!
//! ```text
//! programs × {C11, C++17} × {shared, static} × {plain, ASan + UBSan}     built, run, counted
//! programs × C11 × {shared, static} under Valgrind                       no leak, no bad access
//! symbols     what the library exports = symbols.txt = what the programs use
//! packaging   install, move the tree, build against it by pkg-config and CMake
//! ```
//!
//! A program prints `pass NAME` or `FAIL NAME` for every test it holds. The last line of the output
//! is `N passed, N failed`; the status is 0 only if nothing failed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::Outcome;
use crate::install;

mod matrix;
mod packaging;
mod symbols;

/// What has been counted so far.
#[derive(Default)]
struct Tally {
    passed: AtomicUsize,
    failed: AtomicUsize,
}

impl Tally {
    /// Counts one check under its name; what went wrong is shown.
    fn check(&self, name: &str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => {
                self.passed.fetch_add(1, Ordering::Relaxed);
                println!("pass  {name}");
            }
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                println!("FAIL  {name}\n      {}", error.replace('\n', "\n      "));
            }
        }
    }

    /// Counts the tests of one program.
    fn program(&self, name: &str, outcome: Result<usize, (usize, usize, String)>) {
        match outcome {
            Ok(passed) => {
                self.passed.fetch_add(passed, Ordering::Relaxed);
                println!("pass  {name} ({passed})");
            }
            Err((passed, failed, text)) => {
                self.passed.fetch_add(passed, Ordering::Relaxed);
                self.failed.fetch_add(failed, Ordering::Relaxed);
                println!(
                    "FAIL  {name}\n      {}",
                    text.trim_end().replace('\n', "\n      ")
                );
            }
        }
    }
}

pub(crate) fn run(args: &[&str]) -> Outcome {
    let quick = match args {
        [] => false,
        ["--quick"] => true,
        _ => return Err(format!("ctest takes only --quick, not {args:?}").into()),
    };
    let built = install::build()?;
    let tally = Tally::default();
    let setting = matrix::Setting::new(&built)?;
    let jobs = Mutex::new(matrix::jobs(quick).into_iter());
    // Two at a time: compilers and Valgrind are hungry.
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let job = jobs.lock().map(|mut jobs| jobs.next());
                    let Ok(Some(job)) = job else { break };
                    tally.program(&job.name(), job.run(&setting));
                }
            });
        }
    });
    symbols::check(&tally, &setting);
    if !quick {
        packaging::check(&tally, &setting);
    }
    let (passed, failed) = (tally.passed.into_inner(), tally.failed.into_inner());
    println!("{passed} passed, {failed} failed");
    if failed == 0 {
        Ok(())
    } else {
        Err("the C ABI does not hold what its tests ask".into())
    }
}
