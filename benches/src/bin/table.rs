//! Figures in, the table out: on the standard output, and with `--record DIR` as Markdown and CSV
//! beside the facts one needs to judge them.
//!
//! `table FIGURES.jsonl [--record DIR] [--command TEXT]`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use pointmill_benches::figure::Figure;
use pointmill_benches::goals::{GOALS, Goal};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str| {
        args.iter()
            .position(|a| a == name)
            .and_then(|i| args.get(i + 1))
            .cloned()
    };
    let figures = args.first().ok_or("which file of figures?")?;
    let figures: Vec<Figure> = std::fs::read_to_string(figures)?
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let lines = lines(&figures);
    print!("{}", aligned(&lines));
    let (met, judged) = lines
        .iter()
        .filter_map(|line| line.met)
        .fold((0, 0), |(met, all), m| (met + usize::from(m), all + 1));
    println!("\n{met} of {judged} goals met");
    let known = |goal: &&Goal| {
        figures
            .iter()
            .any(|f| f.row == goal.row && f.subject == goal.subject)
    };
    let missing = GOALS.iter().filter(|goal| !known(goal)).count();
    if missing > 0 {
        println!("{missing} goals not measured");
    }
    if let Some(dir) = after("--record") {
        if missing > 0 {
            return Err("no record of a part; let all suites run".into());
        }
        let command = after("--command").unwrap_or_else(|| "unknown".into());
        let machine = Machine::of_this(command)?;
        let stem = PathBuf::from(dir).join(&machine.target).join(date());
        if let Some(parent) = stem.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let (md, csv) = (stem.with_extension("md"), stem.with_extension("csv"));
        std::fs::write(&md, markdown(&machine, &lines))?;
        std::fs::write(&csv, comma_separated(&figures))?;
        println!("written: {} and {}", md.display(), csv.display());
    }
    Ok(())
}

/// One line of the table.
struct Line {
    cells: [String; 6],
    met: Option<bool>,
}

const HEAD: [&str; 6] = [
    "what",
    "pointmill",
    "beside it",
    "its figure",
    "quotient",
    "goal",
];

fn lines(figures: &[Figure]) -> Vec<Line> {
    let mut lines = Vec::new();
    for row in figures.chunk_by(|a, b| a.suite == b.suite && a.row == b.row) {
        let ours = &row[0];
        for (i, figure) in row.iter().enumerate() {
            let goal = GOALS
                .iter()
                .find(|g| g.row == figure.row && g.subject == figure.subject);
            if i == 0 && goal.is_none() && row.len() > 1 {
                continue;
            }
            let met = goal.and_then(|goal| goal.bound.holds(figure, ours));
            let mut goal = goal.map_or(String::new(), |goal| goal.bound.shown(figure.unit));
            match met {
                Some(true) => goal.push_str("  met"),
                Some(false) => goal.push_str("  NOT MET"),
                None => {}
            }
            let beside = if i == 0 {
                ["", ""].map(String::from)
            } else {
                [figure.subject.clone(), figure.shown()]
            };
            let [subject, shown] = beside;
            let quotient = figure
                .ratio
                .map_or(String::new(), |ratio| format!("{ratio:.3}"));
            let cells = [
                figure.row.clone(),
                ours.shown(),
                subject,
                shown,
                quotient,
                goal,
            ];
            lines.push(Line { cells, met });
        }
    }
    lines
}

fn aligned(lines: &[Line]) -> String {
    let head = Line {
        cells: HEAD.map(String::from),
        met: None,
    };
    let all = || std::iter::once(&head).chain(lines);
    let width = |i: usize| {
        all()
            .map(|line| line.cells[i].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = String::new();
    let mut previous = "";
    for line in all() {
        let [what, ours, rest @ ..] = &line.cells;
        let (shown, ours) = if what == previous {
            ("", "")
        } else {
            (&**what, &**ours)
        };
        let _ = write!(
            text,
            "{shown:<w0$}  {ours:>w1$}",
            w0 = widths[0],
            w1 = widths[1]
        );
        for (cell, width) in rest.iter().zip(&widths[2..]) {
            let _ = write!(text, "  {cell:<width$}");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        previous = what;
    }
    text
}

/// What the figures were measured with.
struct Machine {
    target: String,
    facts: Vec<(&'static str, String)>,
    versions: BTreeMap<String, String>,
}

impl Machine {
    fn of_this(command: String) -> Outcome<Machine> {
        let rustc = run("rustc", &["-vV"])?;
        let line = |key: &str| {
            let line = rustc.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap_or("unknown").trim().to_owned()
        };
        let file = |path: &str| {
            std::fs::read_to_string(path)
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let cpu = file("/proc/cpuinfo")
            .lines()
            .find(|line| line.starts_with("model name"))
            .and_then(|line| line.split_once(": "))
            .map_or("unknown".to_owned(), |(_, model)| model.to_owned());
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let facts = vec![
            ("command", command),
            ("processor", format!("{cpu}, {cores} cores")),
            (
                "system",
                format!(
                    "{} {}",
                    file("/proc/sys/kernel/ostype"),
                    file("/proc/sys/kernel/osrelease")
                ),
            ),
            ("load average at the end", file("/proc/loadavg")),
            ("compiler", format!("rustc {}", line("release:"))),
            ("profile", "release: lto fat, one codegen unit".to_owned()),
        ];
        Ok(Machine {
            target: line("host:"),
            facts,
            versions: versions()?,
        })
    }
}

fn run(program: &str, args: &[&str]) -> Outcome<String> {
    Ok(String::from_utf8(
        Command::new(program).args(args).output()?.stdout,
    )?)
}

/// The versions of the rivals, from the lock file.
fn versions() -> Outcome<BTreeMap<String, String>> {
    const RIVALS: [&str; 8] = [
        "hdrhistogram",
        "libdd-ddsketch",
        "metrics",
        "metrics-exporter-prometheus",
        "opentelemetry_sdk",
        "pointmill",
        "prometheus-client",
        "sketches-ddsketch",
    ];
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock"))?;
    let mut versions: BTreeMap<String, String> = BTreeMap::new();
    let mut name = "";
    for line in lock.lines() {
        if let Some(value) = line.strip_prefix("name = ") {
            name = value.trim_matches('"');
        } else if let Some(value) = line.strip_prefix("version = ")
            && RIVALS.contains(&name)
        {
            let version = value.trim_matches('"');
            versions
                .entry(name.to_owned())
                .and_modify(|all| {
                    let _ = write!(all, ", {version}");
                })
                .or_insert_with(|| version.to_owned());
        }
    }
    Ok(versions)
}

fn markdown(machine: &Machine, lines: &[Line]) -> String {
    let mut text = format!("# {} on {}\n\n", date(), machine.target);
    for (name, value) in &machine.facts {
        let _ = writeln!(text, "- {name}: {value}");
    }
    let versions: Vec<String> = machine
        .versions
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let _ = writeln!(text, "- versions: {}\n", versions.join(", "));
    let _ = writeln!(text, "How to read it: benches/README.md.\n");
    let _ = writeln!(
        text,
        "| {} |\n|{}",
        HEAD.join(" | "),
        " --- |".repeat(HEAD.len())
    );
    for line in lines {
        let _ = writeln!(text, "| {} |", line.cells.join(" | "));
    }
    text
}

fn comma_separated(figures: &[Figure]) -> String {
    let mut text = String::from("suite,row,subject,unit,value,low,high,ratio,samples\n");
    for f in figures {
        let unit = serde_json::to_string(&f.unit).unwrap_or_default();
        let ratio = f.ratio.map_or(String::new(), |ratio| format!("{ratio:.4}"));
        let _ = writeln!(
            text,
            "{},\"{}\",\"{}\",{},{:.3},{:.3},{:.3},{},{}",
            f.suite,
            f.row,
            f.subject,
            unit.trim_matches('"'),
            f.value,
            f.low,
            f.high,
            ratio,
            f.samples
        );
    }
    text
}

/// Today in UTC as YYYY-MM-DD, by counting days in eras of 400 years.
fn date() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    civil((since.map_or(0, |since| since.as_secs()) / 86_400) as i64)
}

fn civil(days_since_1970: i64) -> String {
    // Day 0 is the first of March of the year 0: leap days are then at the end of a year.
    let days = days_since_1970 + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let of_month = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    format!(
        "{:04}-{month:02}-{of_month:02}",
        era * 400 + year + next_year
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use pointmill_benches::figure::Unit;

    #[test]
    fn days_become_dates() {
        let dates = [0, 59, 789, 11_016, 19_723].map(civil);
        assert_eq!(
            dates,
            [
                "1970-01-01",
                "1970-03-01",
                "1972-02-29",
                "2000-02-29",
                "2024-01-01"
            ]
        );
    }

    #[test]
    fn a_goal_is_judged_beside_the_rival_it_names() {
        let row = "sketch insert, one value";
        let ours = Figure::single("sketch", row, "pointmill", Unit::Ns, 1.0);
        let mut rival = Figure::single("sketch", row, "hdrhistogram", Unit::Ns, 4.0);
        rival.ratio = Some(0.25);
        let lines = lines(&[ours, rival]);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].cells[5], "≤ 0.55 ×  met");
        assert!(aligned(&lines).contains("hdrhistogram"));
    }
}
