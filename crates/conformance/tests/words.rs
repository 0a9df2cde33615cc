//! Every word of docs/WORDS.md stands in every language, in its spelling, or the row says otherwise.
//!
//! ```text
//! row = `Type.member` | … | LANGUAGE: `its word`, LANGUAGE: –
//!    word of a language = what the row says for it, else the member in its spelling
//!    present            = a token of the declarations of that type in that language
//! ```
//! Declarations are found by their text: the block of a type in a header, stub or source, without comments.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

const LANGUAGES: [&str; 7] = ["C", "Rust", "Python", "Node", "Go", "Java", "Ruby"];

/// One row of the tables.
struct Row {
    kind: String,
    member: String,
    otherwise: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The text of all files below some folders whose name has one of the endings, without tests.
fn read_all(folders: &[&str], ending: &str) -> String {
    let mut text = String::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = open.pop() {
        for item in fs::read_dir(&folder).unwrap().map(|item| item.unwrap()) {
            let (path, name) = (item.path(), item.file_name().into_string().unwrap());
            if path.is_dir() && name != "tests" && name != "internal" {
                open.push(path);
            } else if name.ends_with(ending) && !name.contains("_test.") && name != "tests.rs" {
                text.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }
    text
}

fn rows() -> Vec<Row> {
    let text = read("docs/WORDS.md");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" |").map(str::trim).collect();
        let [word, _, otherwise] = cells[..] else {
            panic!("docs/WORDS.md: not three cells: {line}");
        };
        let word = word.trim_matches('`');
        let (kind, member) = word.split_once('.').unwrap_or_else(|| {
            let is_type = word.starts_with(|c: char| c.is_ascii_uppercase());
            if is_type { (word, "") } else { ("", word) }
        });
        Row {
            kind: kind.to_owned(),
            member: member.to_owned(),
            otherwise: otherwise.to_owned(),
        }
    })
    .collect()
}

/// What a row says for a language: None nothing, Some(None) that it has no such thing.
fn exception(row: &Row, language: &str) -> Option<Option<String>> {
    let (_, said) = row.otherwise.split_once(&format!("{language}: "))?;
    if said.starts_with('–') {
        return Some(None);
    }
    let word = said.strip_prefix('`').and_then(|said| said.split_once('`'));
    let (word, _) = word.unwrap_or_else(|| panic!("docs/WORDS.md: {language}: what? {said}"));
    Some(Some(word.to_owned()))
}

/// `record_many` as a language spells it.
fn spelt(member: &str, language: &str) -> String {
    let upper = |word: &str| match word {
        "utf8" => "UTF8".to_owned(),
        _ => word[..1].to_uppercase() + &word[1..],
    };
    let mut words = member.split('_');
    match language {
        "Node" | "Java" => {
            let first = words.next().unwrap_or_default().to_owned();
            words.fold(first, |all, word| {
                all + &word[..1].to_uppercase() + &word[1..]
            })
        }
        "Go" => words.map(upper).collect(),
        _ => member.to_owned(),
    }
}

/// `ClientStats` as C has it.
fn snake(kind: &str) -> String {
    let mut text = String::new();
    for c in kind.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

/// The lines of `text` that are no comment.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let comment = |line: &&str| {
        ["//", "/*", "*", "#", "\"\"\"", "- "]
            .iter()
            .any(|mark| line.trim_start().starts_with(mark))
            && !line.starts_with("#define")
    };
    text.lines().filter(move |line| !comment(line))
}

fn tokens<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    lines
        .flat_map(|line| line.split(move |c| !word(c)).map(str::to_owned))
        .collect()
}

/// The blocks that a line for which `begins` holds opens, each down to the next line for which `ends` holds.
fn blocks(text: &str, begins: impl Fn(&str) -> bool, ends: impl Fn(&str) -> bool) -> Vec<&str> {
    let (mut found, mut inside) = (Vec::new(), false);
    for line in code(text) {
        if inside && ends(line) {
            inside = false;
        }
        inside |= begins(line);
        if inside {
            found.push(line);
        }
    }
    found
}

/// All words that a language declares for a type; "" is what belongs to none, "Lambda" what a function calls.
struct Sources {
    header: String,
    rust: String,
    python: String,
    python_lambda: String,
    node: String,
    node_lambda: String,
    go: String,
    go_lambda: String,
    java: String,
    ruby: String,
    known: RefCell<BTreeMap<String, Rc<BTreeSet<String>>>>,
}

impl Sources {
    fn read() -> Sources {
        let crates = [
            "pointmill",
            "ddsketch-agent",
            "pointmill-wire",
            "pointmill-deliver",
            "pointmill-lambda",
        ];
        let crates = crates.map(|name| format!("crates/{name}/src"));
        let java = "bindings/java/src/main/java/io/github/pointmill";
        let files = read_all(&[java], ".java");
        Sources {
            header: read("include/pointmill.h"),
            rust: read_all(&crates.each_ref().map(String::as_str), ".rs"),
            python: [
                "_native",
                "_counters",
                "client",
                "engine",
                "sketch",
                "snapshot",
            ]
            .map(|name| read(&format!("bindings/python/src/pointmill/{name}.pyi")))
            .concat(),
            python_lambda: read("bindings/python/src/pointmill/lambda_/__init__.pyi"),
            node: read("bindings/node/lib/index.d.ts") + &read("bindings/node/lib/generated.d.ts"),
            node_lambda: read("bindings/node/lambda/index.d.ts"),
            go: read_all(&["bindings/go"], ".go"),
            go_lambda: read_all(&["bindings/go/ddlambda"], ".go"),
            java: files,
            ruby: ["pointmill", "counters", "lambda"]
                .map(|name| read(&format!("bindings/ruby/sig/{name}.rbs")))
                .concat(),
            known: RefCell::default(),
        }
    }

    /// The tokens of what a language declares for a type; read once.
    fn declared(&self, language: &str, kind: &str, own: &str) -> Rc<BTreeSet<String>> {
        let everywhere = matches!(language, "C" | "Rust");
        let key = format!("{language} {}", if everywhere { "" } else { kind });
        let known = self.known.borrow().get(&key).cloned();
        known.unwrap_or_else(|| {
            let found = Rc::new(self.find(language, kind, own));
            self.known.borrow_mut().insert(key, Rc::clone(&found));
            found
        })
    }

    fn find(&self, language: &str, kind: &str, own: &str) -> BTreeSet<String> {
        let top = |line: &str| !line.is_empty() && !line.starts_with([' ', '}', ')']);
        let one = |line: &str, mark: &str| {
            line.split_once(mark).is_some_and(|(_, rest)| {
                rest.strip_prefix(own)
                    .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
            })
        };
        let functions = kind.is_empty() || kind == "Lambda";
        match language {
            // The header prefixes: a word may follow on others.
            "C" => tokens(code(&self.header))
                .iter()
                .flat_map(|token| {
                    let starts = token
                        .match_indices('_')
                        .map(|(at, _)| token[at + 1..].to_owned());
                    starts.chain([token.clone()]).collect::<Vec<_>>()
                })
                .collect(),
            "Rust" => tokens(code(&self.rust).filter(|line| {
                let line = line.trim_start();
                ["pub ", "fn ", "#[derive", "Summary("].iter().any(|mark| line.starts_with(mark))
                    // The fields of the counters stand in a macro.
                    || line.ends_with(',') && !line.contains(' ')
            })),
            "Python" if kind == "Lambda" => tokens(code(&self.python_lambda)),
            "Python" if functions => {
                tokens(code(&self.python).filter(|line| line.starts_with("def ")))
            }
            "Python" => {
                let all = format!("{}\n{}", self.python, self.python_lambda);
                tokens(blocks(&all, |line| one(line, "class "), top).into_iter())
            }
            "Node" if kind == "Lambda" => tokens(code(&self.node_lambda)),
            "Node" if functions => tokens(code(&self.node).filter(|line| {
                line.starts_with("export function") || line.starts_with("export const")
            })),
            "Node" => {
                let all = format!("{}\n{}", self.node, self.node_lambda);
                let opens = |line: &str| {
                    ["class ", "interface ", "const "]
                        .iter()
                        .any(|mark| one(line, mark))
                };
                tokens(blocks(&all, opens, |line| line.starts_with('}')).into_iter())
            }
            "Go" => {
                let all = if kind == "Lambda" || kind.starts_with("Lambda") {
                    &self.go_lambda
                } else {
                    &self.go
                };
                // Methods of the type, functions, and what its block declares.
                let of = [format!("*{own})"), format!(" {own})")];
                let method = |line: &str| {
                    line.starts_with("func (") && of.iter().any(|of| line.contains(of))
                };
                let functions_of = |line: &&str| {
                    method(line) || line.starts_with("func ") && !line.starts_with("func (")
                };
                let mut found = tokens(code(all).filter(functions_of));
                found.extend(tokens(
                    blocks(
                        all,
                        |line| line.starts_with("type ") && one(line, "type "),
                        |line| line.starts_with('}'),
                    )
                    .into_iter(),
                ));
                found
            }
            "Java" => {
                let opens = |line: &str| {
                    ["class ", "enum ", "interface "]
                        .iter()
                        .any(|mark| one(line, mark))
                };
                let class = if kind == "Lambda" { "DDLambda" } else { own };
                let opens_face = |line: &str| {
                    line.starts_with("public ")
                        && if functions {
                            line.contains(&format!("class {class} ")) || kind.is_empty()
                        } else {
                            opens(line)
                        }
                };
                let body = blocks(&self.java, opens_face, |line| line == "}");
                tokens(
                    body.into_iter()
                        .filter(|line| line.trim_start().starts_with("public ")),
                )
            }
            "Ruby" if kind == "Lambda" || kind.is_empty() => {
                tokens(code(&self.ruby).filter(|line| line.contains("def self.")))
            }
            "Ruby" => {
                // In the module of the Lambda part a held metric is a Metric.
                let indent = if kind == "LambdaMetric" { "    " } else { "  " };
                let opens = |line: &str| {
                    line.starts_with(&format!("{indent}class ")) && one(line, "class ")
                };
                tokens(
                    blocks(&self.ruby, opens, |line| {
                        line.starts_with(&format!("{indent}end"))
                    })
                    .into_iter(),
                )
            }
            other => panic!("no language {other}"),
        }
    }
}

/// The word of a type in a language.
fn type_in(types: &[Row], kind: &str, language: &str) -> Option<String> {
    let row = types
        .iter()
        .find(|row| row.kind == kind && row.member.is_empty());
    let own = if language == "C" {
        snake(kind)
    } else {
        kind.to_owned()
    };
    match row.map(|row| exception(row, language)) {
        Some(Some(said)) => said,
        _ => Some(own),
    }
}

#[test]
fn every_word_stands_in_every_language() {
    let (sources, rows) = (Sources::read(), rows());
    assert!(
        rows.len() > 100,
        "docs/WORDS.md: {} rows were found",
        rows.len()
    );
    let mut missing = Vec::new();
    for row in &rows {
        for language in LANGUAGES {
            let said = exception(row, language);
            let own = type_in(&rows, &row.kind, language);
            if said == Some(None) || (own.is_none() && said.is_none()) {
                continue;
            }
            let own = own.unwrap_or_default();
            let word = match (said, row.member.as_str()) {
                (Some(Some(word)), _) => word,
                (_, "") => own.clone(),
                (_, member) => spelt(member, language),
            };
            if !sources.declared(language, &row.kind, &own).contains(&word) {
                missing.push(format!("{language}: no {word} of {} ({})", own, row.member));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "docs/WORDS.md says otherwise:\n{}",
        missing.join("\n")
    );
}

/// The counters of the ledgers are the header's in every language.
#[test]
fn every_counter_stands_in_every_language() {
    let (sources, rows) = (Sources::read(), rows());
    let mut missing = Vec::new();
    for (kind, name) in [
        ("Stats", "engine_stats"),
        ("ClientStats", "client_stats"),
        ("LambdaStats", "lambda_stats"),
    ] {
        let begin = format!("typedef struct pointmill_{name} {{");
        let body = blocks(
            &sources.header,
            |line| line == begin,
            |line| line.starts_with('}'),
        );
        let fields: Vec<&str> = body
            .iter()
            .filter_map(|line| line.trim().strip_prefix("uint64_t ")?.strip_suffix(';'))
            .collect();
        assert!(fields.len() > 15, "{name}: {fields:?}");
        for language in LANGUAGES {
            // The causes of delivery are enums in Rust, and its counters arrays over them.
            if (language, kind) == ("Rust", "ClientStats") {
                continue;
            }
            let own = type_in(&rows, kind, language).unwrap_or_default();
            let declared = sources.declared(language, kind, &own);
            let lacking = fields
                .iter()
                .map(|field| spelt(field, language))
                .filter(|word| !declared.contains(word));
            missing.extend(lacking.map(|word| format!("{language}: no {word} of {own}")));
        }
    }
    assert!(
        missing.is_empty(),
        "include/pointmill.h says otherwise:\n{}",
        missing.join("\n")
    );
}
