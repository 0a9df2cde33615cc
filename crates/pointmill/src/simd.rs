//! Which form of the batch kernels this CPU runs.

/// The fastest kernel there is for this CPU. All give the same bits.
pub(crate) fn kernel() -> ddsketch_agent::Kernel {
    ddsketch_agent::Kernel::PORTABLE
}
