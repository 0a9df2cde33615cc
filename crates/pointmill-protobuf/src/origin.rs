//! The origin of a metric as the intake knows it.

/// Which product, category and service sent a metric. Zero stands for "not said".
///
/// The numbers are the intake's: DogStatsD through an Agent is 10, 10, 0; AWS Lambda is 1, 38 and
/// 472 (custom), 473 (enhanced) or 474 (runtime).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The product.
    pub product: u32,
    /// The category (in JSON: the metric type).
    pub category: u32,
    /// The service.
    pub service: u32,
}

impl Origin {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Origin::default()
    }
}
