//! Threads that stay: a slice of a contest with several threads must not pay for making them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::cpu_time;

/// What one thread does in a slice.
pub type Job = Box<dyn FnMut() + Send>;

/// How a slice's time is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// From the first thread's begin to the last one's end.
    Wall,
    /// The processor time of the thread that used most. Nearly free of the noise that other
    /// programs make by taking a processor away, and still sees threads that slow each other.
    Cpu,
}

/// Threads that wait for slices.
pub struct Crew {
    go: Vec<Sender<()>>,
    done: Receiver<(Instant, Instant, Duration)>,
    waiting: Arc<AtomicUsize>,
}

impl Crew {
    /// Starts a thread for each job. They end when the crew is dropped.
    pub fn new(jobs: Vec<Job>) -> Crew {
        let (sender, done) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let threads = jobs.into_iter().map(|mut job| {
            let (go, gone) = channel();
            let (sender, waiting) = (sender.clone(), Arc::clone(&waiting));
            std::thread::spawn(move || {
                while gone.recv().is_ok() {
                    // All begin at one time, or the first would run alone for a while.
                    waiting.fetch_sub(1, Ordering::AcqRel);
                    while waiting.load(Ordering::Acquire) > 0 {
                        std::hint::spin_loop();
                    }
                    let (start, cpu) = (Instant::now(), cpu_time::of_this_thread());
                    job();
                    let cpu = cpu_time::of_this_thread() - cpu;
                    if sender.send((start, Instant::now(), cpu)).is_err() {
                        return;
                    }
                }
            });
            go
        });
        Crew {
            go: threads.collect(),
            done,
            waiting,
        }
    }

    /// Lets every thread do its job once.
    ///
    /// # Panics
    /// If a job panicked.
    pub fn slice(&self, clock: Clock) -> Duration {
        self.waiting.store(self.go.len(), Ordering::Release);
        for go in &self.go {
            go.send(()).expect("the thread waits");
        }
        let spans: Vec<_> = self
            .go
            .iter()
            .map(|_| self.done.recv().expect("no job panics"))
            .collect();
        let wall = || {
            let start = spans.iter().map(|span| span.0).min();
            let end = spans.iter().map(|span| span.1).max();
            end.zip(start).map(|(end, start)| end - start)
        };
        let cpu = || spans.iter().map(|span| span.2).max();
        match clock {
            Clock::Wall => wall(),
            Clock::Cpu => cpu(),
        }
        .unwrap_or_default()
    }
}
