//! A mark by which a process knows that it is not the one that made something.

use crate::arena::{Half, Plan, Table};
use crate::primitive::U32;

/// Says in one load whether this process made it, where asking for the process id is a system call.
///
/// It lies in memory that the kernel fills with zeros in a forked child (Linux 4.14 and later).
/// Where the system cannot do that, every process counts as the one that made it.
///
/// # Examples
/// ```
/// let mark = pointmill::ForkMark::new();
/// assert!(mark.is_ours()); // false in a child that is forked now
/// ```
#[derive(Debug)]
pub struct ForkMark {
    /// 1 in the process that made it; `None` if the system gave no memory.
    mark: Option<Table<U32>>,
}

impl ForkMark {
    /// A mark of this process.
    #[must_use]
    pub fn new() -> ForkMark {
        let mut plan = Plan::default();
        let place = plan.table::<U32>(Half::Wiped, 1);
        let mark = plan.map().ok().map(|arena| arena.table(place));
        if let Some(mark) = &mark {
            mark[0].set(1);
        }
        ForkMark { mark }
    }

    /// Whether this process made the mark.
    #[must_use]
    #[inline]
    pub fn is_ours(&self) -> bool {
        self.mark.as_ref().is_none_or(|mark| mark[0].get() == 1)
    }
}

impl Default for ForkMark {
    fn default() -> ForkMark {
        ForkMark::new()
    }
}
