//! Which thread is calling, as a number: its thread pointer, the register in which every platform
//! keeps the address of a thread's own data.
//!
//! A thread-local variable would say the same, and does where this module knows no register. But in
//! a shared object that may be loaded at run time, which is how the C ABI is used, the compiler has
//! to reach such a variable through a call of `__tls_get_addr`, and stable Rust has no way to ask
//! for another model. Reading the register is one instruction everywhere.
//!
//! Two live threads of a process never have the same number; a thread may get that of one that has
//! ended.

/// The calling thread's number; not 0.
#[cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_pointer_width = "64",
    not(miri)
))]
#[inline(always)]
pub(crate) fn current() -> u64 {
    let pointer;
    // SAFETY: on x86-64 the platform's ABI (ELF Handling For Thread-Local Storage, section 3.4.6)
    // keeps the thread pointer in the word at fs:0, for every thread, from its start to its end.
    // The instruction reads that word and writes one register.
    unsafe {
        std::arch::asm!(
            "mov {}, qword ptr fs:[0]",
            out(reg) pointer,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    pointer
}

/// The calling thread's number; not 0.
#[cfg(all(target_os = "linux", target_arch = "aarch64", not(miri)))]
#[inline(always)]
pub(crate) fn current() -> u64 {
    let pointer;
    // SAFETY: on AArch64 the system register TPIDR_EL0 is the thread pointer by the platform's ABI
    // and may be read in user mode. The instruction writes one register and touches no memory.
    unsafe {
        std::arch::asm!(
            "mrs {}, tpidr_el0",
            out(reg) pointer,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    pointer
}

/// The calling thread's number; not 0.
#[cfg(not(all(
    target_os = "linux",
    any(
        all(target_arch = "x86_64", target_pointer_width = "64"),
        target_arch = "aarch64"
    ),
    not(miri)
)))]
#[inline(always)]
pub(crate) fn current() -> u64 {
    thread_local! {
        /// Never read: its address is what tells threads apart.
        static OWN: u8 = const { 0 };
    }
    // A thread's data is gone only after its last destructor; until then every variable without a
    // destructor of its own can be reached.
    OWN.with(|own| std::ptr::from_ref(own) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::sync::Barrier;

    #[test]
    fn threads_that_live_at_one_time_have_different_numbers() {
        const THREADS: usize = 16;
        let barrier = Barrier::new(THREADS);
        let numbers: HashSet<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        let before = current();
                        barrier.wait();
                        assert_eq!(current(), before, "a thread keeps its number");
                        before
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(numbers.len(), THREADS);
        assert!(!numbers.contains(&0));
    }
}
