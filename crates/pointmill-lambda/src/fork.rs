//! Something that belongs to one process, made anew in a forked child.
//!
//! ```text
//! OwnProcess ─▶ value of the parent ─▶ value of the child ─▶ value of the grandchild
//! ```
//!
//! A [`ForkMark`] beside each value says whether it is this process's; where the system offers no
//! such thing a child must make its own object.

use std::sync::OnceLock;

use pointmill::ForkMark;

/// A value for each process.
#[derive(Debug)]
pub(crate) struct OwnProcess<T> {
    mark: ForkMark,
    value: T,
    child: OnceLock<Box<OwnProcess<T>>>,
}

impl<T> OwnProcess<T> {
    pub(crate) fn new(value: T) -> OwnProcess<T> {
        OwnProcess {
            mark: ForkMark::new(),
            value,
            child: OnceLock::new(),
        }
    }

    /// This process's value. A child's first call makes it with `renew` from its parent's.
    #[inline]
    pub(crate) fn get(&self, renew: impl Fn(&T) -> T) -> &T {
        if self.mark.is_ours() {
            return &self.value;
        }
        self.of_child(renew)
    }

    #[cold]
    fn of_child(&self, renew: impl Fn(&T) -> T) -> &T {
        let mut process = self;
        while !process.mark.is_ours() {
            process = process.child.get().unwrap_or_else(|| {
                // Not get_or_init: a fork while another thread is inside it would leave the next
                // child waiting for ever.
                let fresh = OwnProcess::new(renew(&process.value));
                let _ = process.child.set(Box::new(fresh));
                process.child.wait()
            });
        }
        &process.value
    }
}
