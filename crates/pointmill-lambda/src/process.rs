//! What the sandbox used during an invocation, from `/proc` and the file system of `/tmp`: the
//! metrics that Datadog's extension makes, for functions without one.
//!
//! ```text
//! begin ── Reading ─┐
//!                   ├─▶ metrics: processor and network as differences, the rest as it is at the end
//! end ──── Reading ─┘
//! ```
//!
//! - They are of the sandbox, so invocations that overlap count each other's use.
//! - The extension looks at `/tmp`, descriptors and threads every 10 ms and sends the peak; here it
//!   is what is in use at the end.
//! - What cannot be read is left out, and nothing else with it.

use std::fs;

/// Most descriptors and threads of a Lambda sandbox. The limits of its processes are higher.
const SANDBOX_MAX: u64 = 1024;

/// The interfaces that carry a function's traffic, by the beginning of their name.
const INTERFACES: [&str; 3] = ["vinternal_1", "vint_runtime", "Ceth1"];

/// Name and value of a metric.
pub(crate) type Metric = (&'static str, f64);

/// What the kernel says at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    cpu: Option<Cpu>,
    uptime_ms: Option<f64>,
    network: Option<Network>,
}

/// Times of all processors since the start, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq)]
struct Cpu {
    user_ms: f64,
    system_ms: f64,
    idle_ms: f64,
    /// Of each processor.
    core_idle_ms: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Network {
    received_bytes: f64,
    sent_bytes: f64,
}

impl Reading {
    /// Of this moment.
    pub(crate) fn now() -> Reading {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let ticks_per_s = rustix::param::clock_ticks_per_second() as f64;
        Reading {
            cpu: cpu(&read("/proc/stat"), ticks_per_s),
            uptime_ms: uptime_ms(&read("/proc/uptime")),
            network: network(&read("/proc/net/dev")),
        }
    }

    /// What was used between an earlier reading and this one.
    pub(crate) fn since(&self, begin: &Reading) -> Vec<Metric> {
        let mut metrics = Vec::new();
        if let (Some(from), Some(to)) = (begin.network, self.network) {
            let received = to.received_bytes - from.received_bytes;
            let sent = to.sent_bytes - from.sent_bytes;
            metrics.extend([
                ("rx_bytes", received),
                ("tx_bytes", sent),
                ("total_network", received + sent),
            ]);
        }
        if let (Some(from), Some(to)) = (&begin.cpu, &self.cpu) {
            let user = to.user_ms - from.user_ms;
            let system = to.system_ms - from.system_ms;
            metrics.extend([
                ("cpu_user_time", user),
                ("cpu_system_time", system),
                ("cpu_total_time", user + system),
            ]);
            if let (Some(began), Some(ended)) = (begin.uptime_ms, self.uptime_ms) {
                metrics.extend(utilization(from, to, ended - began));
            }
        }
        metrics
    }
}

/// How busy the processors were in `uptime_ms` milliseconds; nothing if no time has passed.
fn utilization(from: &Cpu, to: &Cpu, uptime_ms: f64) -> Vec<Metric> {
    let cores = to.core_idle_ms.len();
    if uptime_ms <= 0.0 || cores == 0 || from.core_idle_ms.len() != cores {
        return Vec::new();
    }
    let n = cores as f64;
    // The clocks are read one after the other, so a difference may come out below nothing.
    let busy = ((uptime_ms * n - (to.idle_ms - from.idle_ms)) / (uptime_ms * n)).max(0.0);
    let idle = to.core_idle_ms.iter().zip(&from.core_idle_ms);
    let idle = idle.map(|(to, from)| (to - from).max(0.0));
    let (least, most) = idle.fold((f64::INFINITY, 0.0_f64), |(least, most), ms| {
        (least.min(ms), most.max(ms))
    });
    let percent = |idle_ms: f64| 100.0 * ((uptime_ms - idle_ms) / uptime_ms).max(0.0);
    vec![
        ("cpu_total_utilization_pct", 100.0 * busy),
        ("cpu_total_utilization", n * busy),
        ("cpu_max_utilization", percent(least)),
        ("cpu_min_utilization", percent(most)),
        ("num_cores", n),
    ]
}

/// What is in use at this moment: `/tmp`, descriptors, threads.
pub(crate) fn in_use() -> Vec<Metric> {
    let mut metrics = Vec::new();
    if let Ok(stat) = rustix::fs::statvfs("/tmp") {
        metrics.extend(tmp(stat.f_frsize, stat.f_blocks, stat.f_bavail));
    }
    let (mut descriptors, mut threads, mut limits) = (0, 0, Vec::new());
    let entries = |path: &str| fs::read_dir(path).map_or(0, Iterator::count);
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(pid) = process.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        descriptors += entries(&format!("/proc/{pid}/fd"));
        threads += entries(&format!("/proc/{pid}/task"));
        limits.push(fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default());
    }
    if descriptors > 0 {
        metrics.push(("fd_use", descriptors as f64));
    }
    if threads > 0 {
        metrics.push(("threads_use", threads as f64));
    }
    metrics.extend(maxima(&limits));
    metrics
}

/// `/tmp`, from its block size and blocks; nothing while it is empty.
fn tmp(block_bytes: u64, blocks: u64, available: u64) -> Vec<Metric> {
    let most = block_bytes as f64 * blocks as f64;
    let used = block_bytes as f64 * blocks.saturating_sub(available) as f64;
    if used == 0.0 {
        return Vec::new();
    }
    vec![
        ("tmp_used", used),
        ("tmp_max", most),
        ("tmp_free", most - used),
    ]
}

/// The lowest limits that any of the processes has.
fn maxima(limits: &[String]) -> [Metric; 2] {
    let lowest = |name: &str| {
        let of_process = limits.iter().flat_map(|text| text.lines());
        let soft = of_process
            .filter_map(|line| line.strip_prefix(name)?.split_whitespace().next())
            .filter_map(|number| number.parse::<u64>().ok());
        soft.fold(SANDBOX_MAX, u64::min) as f64
    };
    [
        ("fd_max", lowest("Max open files")),
        ("threads_max", lowest("Max processes")),
    ]
}

/// The lines `cpu` and `cpuN` of `/proc/stat`: user, nice, system, idle, … in ticks.
fn cpu(text: &str, ticks_per_s: f64) -> Option<Cpu> {
    let mut cpu = Cpu::default();
    let mut all = false;
    for line in text.lines().filter(|line| line.starts_with("cpu")) {
        let mut fields = line.split_whitespace();
        let name = fields.next()?;
        let mut ms = || -> Option<f64> {
            let ticks: f64 = fields.next()?.parse().ok()?;
            Some(ticks / ticks_per_s * 1000.0)
        };
        let (user_ms, _nice, system_ms, idle_ms) = (ms()?, ms()?, ms()?, ms()?);
        if name == "cpu" {
            all = true;
            (cpu.user_ms, cpu.system_ms, cpu.idle_ms) = (user_ms, system_ms, idle_ms);
        } else {
            cpu.core_idle_ms.push(idle_ms);
        }
    }
    all.then_some(cpu)
}

/// The first number of `/proc/uptime`.
fn uptime_ms(text: &str) -> Option<f64> {
    let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(seconds * 1000.0)
}

/// The function's interface in `/proc/net/dev`: the first number behind its name is what was
/// received, the ninth what was sent.
fn network(text: &str) -> Option<Network> {
    text.lines().find_map(|line| {
        let (name, numbers) = line.split_once(':')?;
        let name = name.trim();
        let is_ours = INTERFACES.iter().any(|begin| name.starts_with(begin));
        let mut numbers = numbers.split_whitespace().map(str::parse);
        let received_bytes = numbers.next().filter(|_| is_ours)?.ok()?;
        let sent_bytes = numbers.nth(7)?.ok()?;
        Some(Network {
            received_bytes,
            sent_bytes,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(stat: &str, uptime: &str, net: &str) -> Reading {
        Reading {
            cpu: cpu(stat, 100.0),
            uptime_ms: uptime_ms(uptime),
            network: network(net),
        }
    }

    const STAT: [&str; 2] = [
        "cpu  400 0 120 5000 7 0 3 0 0 0\ncpu0 200 0 60 2600 1 0 0 0 0 0\n\
         cpu1 200 0 60 2400 1 0 0 0 0 0\nintr 12345 0\nctxt 999\nbtime 1700000000\n",
        "cpu  446 0 131 5130 9 0 3 0 0 0\ncpu0 220 0 66 2685 1 0 0 0 0 0\n\
         cpu1 226 0 65 2445 1 0 0 0 0 0\nintr 23456 0\nctxt 1999\nbtime 1700000000\n",
    ];

    /// Compared to twelve digits: the sums are of numbers that binary fractions only approach.
    fn same(found: &[Metric], expected: &[Metric]) {
        let round = |list: &[Metric]| -> Vec<(&'static str, i64)> {
            let whole = |value: f64| (value * 1e6).round() as i64;
            list.iter().map(|(n, v)| (*n, whole(*v))).collect()
        };
        assert_eq!(round(found), round(expected));
    }

    const TIMES: [Metric; 3] = [
        ("cpu_user_time", 460.0),
        ("cpu_system_time", 110.0),
        ("cpu_total_time", 570.0),
    ];

    #[test]
    fn processor_times_and_utilization() {
        let begin = reading(STAT[0], "60.00 100.00\n", "");
        let end = reading(STAT[1], "61.00 101.30\n", "");
        let shares = [
            ("cpu_total_utilization_pct", 35.0),
            ("cpu_total_utilization", 0.7),
            ("cpu_max_utilization", 55.0),
            ("cpu_min_utilization", 15.0),
            ("num_cores", 2.0),
        ];
        same(&end.since(&begin), &[&TIMES[..], &shares].concat());
    }

    #[test]
    fn no_time_no_utilization() {
        for uptime in ["60.00 1.00", "59.00 1.00", "", "nonsense"] {
            let begin = reading(STAT[0], "60.00 1.00", "");
            same(&reading(STAT[1], uptime, "").since(&begin), &TIMES);
        }
    }

    #[test]
    fn a_processor_that_seems_more_idle_than_time_has_passed_is_not_used() {
        let begin = reading(STAT[0], "60.00 1.00", "");
        let end = reading(STAT[1], "60.10 1.00", "");
        let metrics = end.since(&begin);
        for name in ["cpu_total_utilization_pct", "cpu_min_utilization"] {
            assert!(metrics.contains(&(name, 0.0)), "{metrics:?}");
        }
    }

    fn net(name: &str, received: u64, sent: u64) -> String {
        format!(
            "Inter-|   Receive                            |  Transmit\n \
             face |bytes    packets errs drop fifo frame compressed multicast|bytes packets\n    \
             lo:   7 1 0 0 0 0 0 0   7 1 0 0 0 0 0 0\n\
             {name}: {received} 10 0 0 0 0 0 0 {sent} 20 0 0 0 0 0 0\n"
        )
    }

    #[test]
    fn bytes_of_the_network() {
        for name in ["vinternal_1", "vint_runtime", "Ceth10"] {
            let begin = reading("", "", &net(name, 1_000, 2_000));
            let end = reading("", "", &net(name, 51_200, 2_600));
            let expected = [
                ("rx_bytes", 50_200.0),
                ("tx_bytes", 600.0),
                ("total_network", 50_800.0),
            ];
            same(&end.since(&begin), &expected);
        }
        assert_eq!(network(&net("eth0", 1, 2)), None);
    }

    #[test]
    fn room_for_temporary_files() {
        let expected = [
            ("tmp_used", 4_194_304.0),
            ("tmp_max", 536_870_912.0),
            ("tmp_free", 532_676_608.0),
        ];
        same(&tmp(4_096, 131_072, 130_048), &expected);
        same(&tmp(4_096, 131_072, 131_072), &[]);
    }

    #[test]
    fn the_lowest_limit_holds_and_the_sandbox_has_one_of_its_own() {
        let of = |soft: &str| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units\n\
                 Max cpu time              unlimited            unlimited            seconds\n\
                 Max open files            {soft}               4096                 files\n"
            )
        };
        let limits = [of("900"), of("4096"), of("unlimited"), String::new()];
        let expected = [("fd_max", 900.0), ("threads_max", 1_024.0)];
        same(&maxima(&limits), &expected);
        let processes = "Max processes             17                   17        processes\n";
        same(
            &maxima(&[processes.to_owned()]),
            &[("fd_max", 1_024.0), ("threads_max", 17.0)],
        );
    }

    #[test]
    fn this_machine_can_be_read() {
        let begin = Reading::now();
        let metrics = Reading::now().since(&begin);
        assert!(metrics.iter().any(|(name, _)| *name == "cpu_total_time"));
        let in_use = in_use();
        for name in ["fd_use", "threads_use", "fd_max", "threads_max"] {
            let found = in_use.iter().find(|(n, _)| *n == name);
            assert!(found.is_some_and(|(_, value)| *value >= 1.0), "{in_use:?}");
        }
    }
}
