//! The enhanced metrics that are made from what the platform says, and what an invocation costs.

use core::fmt;

macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// A metric made from platform messages; always a distribution. Names and units are those
        /// that dashboards know, seconds and milliseconds mixed as they are.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Enhanced {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Enhanced {
            /// Every one.
            pub const ALL: &'static [Enhanced] = &[$(Enhanced::$variant,)+];

            /// Its full name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Enhanced::$variant => concat!("aws.lambda.enhanced.", $name),)+
                }
            }
        }
    };
}

metrics! {
    /// Seconds of an invocation.
    Duration = "duration";
    /// Seconds that are paid for.
    BilledDuration = "billed_duration";
    /// MB of memory used at most.
    MaxMemoryUsed = "max_memory_used";
    /// MB of the memory limit. Telemetry only.
    MemorySize = "memorysize";
    /// Seconds of an initialisation.
    InitDuration = "init_duration";
    /// Seconds in which a snapshot was restored.
    RestoreDuration = "snapstart_restore_duration";
    /// USD of an invocation.
    EstimatedCost = "estimated_cost";
    /// 1 for each invocation that ran out of time.
    Timeouts = "timeouts";
    /// 1 for each invocation that ran out of memory.
    OutOfMemory = "out_of_memory";
    /// 1 for each failed invocation.
    Errors = "errors";
    /// 1 for each invocation. Telemetry only; libraries send it themselves.
    Invocations = "invocations";
    /// Milliseconds of a handler. Telemetry only.
    RuntimeDuration = "runtime_duration";
    /// Milliseconds from the handler's end to the report. Telemetry only.
    PostRuntimeDuration = "post_runtime_duration";
    /// Milliseconds until a response's first byte. Telemetry only.
    ResponseLatency = "response_latency";
    /// Milliseconds from a response's first byte to its last. Telemetry only.
    ResponseDuration = "response_duration";
    /// Bytes of a response. Telemetry only.
    ProducedBytes = "produced_bytes";
    /// 1 for each sandbox that ended. Telemetry only.
    Shutdowns = "shutdowns";
    /// 1 for each sandbox that ended without an invocation. Telemetry only.
    UnusedInit = "unused_init";
}

/// The processor architecture of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Architecture {
    /// `x86_64`
    #[default]
    X86_64,
    /// `arm64`
    Arm64,
}

impl Architecture {
    /// Reads the platform's word for it.
    #[must_use]
    pub fn read(text: &str) -> Option<Architecture> {
        match text {
            "x86_64" => Some(Architecture::X86_64),
            "arm64" | "aarch64" => Some(Architecture::Arm64),
            _ => None,
        }
    }

    /// The platform's word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Architecture::X86_64 => "x86_64",
            Architecture::Arm64 => "arm64",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What Lambda costs, in USD.
///
/// # Source
/// AWS's list price of the first tier in most regions; the same constants are in Datadog's
/// forwarder (x86_64 only) and extension. Provisioned concurrency, tiers, storage and the free
/// tier are not in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prices {
    /// A request.
    pub request_usd: f64,
    /// A GB-second on x86_64.
    pub x86_64_gb_second_usd: f64,
    /// A GB-second on arm64.
    pub arm64_gb_second_usd: f64,
    /// Decimals to which a cost is rounded, as Datadog's extension does (12); `None`: not at all.
    pub decimals: Option<u8>,
}

impl Default for Prices {
    fn default() -> Prices {
        Prices {
            request_usd: 0.000_000_2,
            x86_64_gb_second_usd: 0.000_016_666_7,
            arm64_gb_second_usd: 0.000_013_333_4,
            decimals: None,
        }
    }
}

impl Prices {
    /// The cost of one invocation in USD, from the duration as it is billed: initialisation and
    /// restore are in it already.
    #[must_use]
    pub fn cost_usd(&self, architecture: Architecture, billed_ms: f64, memory_mb: f64) -> f64 {
        let gb_second_usd = match architecture {
            Architecture::X86_64 => self.x86_64_gb_second_usd,
            Architecture::Arm64 => self.arm64_gb_second_usd,
        };
        let cost = self.request_usd + (billed_ms / 1000.0) * (memory_mb / 1024.0) * gb_second_usd;
        match self.decimals {
            Some(decimals) => {
                let scale = 10_f64.powi(i32::from(decimals));
                (cost * scale).round() / scale
            }
            None => cost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= b.abs() * 1e-9
    }

    // Rounded as the extension sends it, then as it is sent here.
    #[test]
    fn costs_of_both_architectures() {
        let rounded = Prices {
            decimals: Some(12),
            ..Prices::default()
        };
        for (billed_ms, memory_mb, arm64, x86_64) in [
            (588.0, 1024.0, 8.040039e-06, 1.000_002_0e-05),
            (15000.0, 192.0, 3.7700188e-05, 4.7075094e-05),
        ] {
            let cost = |architecture| rounded.cost_usd(architecture, billed_ms, memory_mb);
            assert!(near(cost(Architecture::Arm64), arm64));
            assert!(near(cost(Architecture::X86_64), x86_64));
        }
        let cost = |ms, mb| Prices::default().cost_usd(Architecture::X86_64, ms, mb);
        assert!(near(cost(43.0, 512.0), 5.5833405e-07));
        assert!(near(cost(1698.0, 256.0), 7.27501415e-06));
    }
}
