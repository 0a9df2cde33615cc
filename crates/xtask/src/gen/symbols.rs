//! `include/symbols.txt`: every function and constant with the release that brought it.
//!
//! New names are added by `gen`. A listed function that the source lacks, or a listed constant
//! with another value, is an error: programs out there rely on it. To remove one on purpose, with
//! a new ABI major, delete its line by hand and say so in `docs/ABI.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::manual;
use super::surface::Surface;

const HEAD: &str = "\
# The symbols of libpointmill and the constants of pointmill.h, with the release that brought each.
# Kept by `cargo xtask gen`, which refuses to drop or change a line: others rely on it.
# function NAME SINCE | constant NAME VALUE SINCE
";

/// Constants that change with every release by their nature.
const MOVING: [&str; 2] = ["POINTMILL_ABI_MAJOR", "POINTMILL_ABI_MINOR"];

/// The list with what is new, or an error that names what vanished or changed.
pub(crate) fn renewed(surface: &Surface, committed: &str) -> Result<String, String> {
    let listed = parse(committed)?;
    let current = current(surface)?;
    let mut faults = Vec::new();
    for (name, (value, _)) in &listed {
        match current.get(name) {
            None => faults.push(format!(
                "{name} is in include/symbols.txt and not in the source"
            )),
            Some((now, _)) if now != value => faults.push(format!(
                "{name} is {value:?} in include/symbols.txt and {now:?} in the source"
            )),
            Some(_) => {}
        }
    }
    if !faults.is_empty() {
        return Err(faults.join("\n"));
    }
    let mut text = HEAD.to_owned();
    for (name, (value, since)) in &current {
        // What is listed keeps its release, whatever its comment says now.
        let since = listed.get(name).map_or(since, |(_, since)| since);
        let _ = match value.as_str() {
            "" => writeln!(text, "function {name} {since}"),
            value => writeln!(text, "constant {name} {value} {since}"),
        };
    }
    Ok(text)
}

type List = BTreeMap<String, (String, String)>;

fn parse(text: &str) -> Result<List, String> {
    let mut list = List::new();
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (name, value, since) = match words[..] {
            ["function", name, since] => (name, "", since),
            ["constant", name, value, since] => (name, value, since),
            _ => {
                return Err(format!(
                    "include/symbols.txt: {line:?} is neither kind of line"
                ));
            }
        };
        list.insert(name.to_owned(), (value.to_owned(), since.to_owned()));
    }
    Ok(list)
}

fn current(surface: &Surface) -> Result<List, String> {
    let mut list = List::new();
    for function in &surface.functions {
        let since =
            manual::since(function).ok_or_else(|| format!("{}: no Since", function.name))?;
        list.insert(function.name.clone(), (String::new(), since.to_owned()));
    }
    let release = env!("CARGO_PKG_VERSION")
        .rsplit_once('.')
        .map_or("", |(release, _)| release);
    for constant in &surface.constants {
        if !MOVING.contains(&constant.name.as_str()) {
            let value = (constant.value.clone(), release.to_owned());
            list.insert(constant.name.clone(), value);
        }
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::r#gen::surface::{Constant, Function};

    fn surface(function: &str, value: &str) -> Surface {
        let docs = vec![" Does it.".to_owned(), " Since:     0.1".to_owned()];
        let function = Function {
            name: function.to_owned(),
            docs,
            status: true,
        };
        let constant = Constant {
            name: "POINTMILL_C".to_owned(),
            value: value.to_owned(),
        };
        Surface {
            functions: vec![function],
            constants: vec![constant],
            ..Surface::default()
        }
    }

    #[test]
    fn what_is_new_is_added_and_what_is_listed_stays() {
        let list = renewed(&surface("pointmill_a", "-1"), "").unwrap();
        assert!(list.contains("function pointmill_a 0.1\n"), "{list}");
        assert!(list.contains("constant POINTMILL_C -1 0.1\n"), "{list}");
        assert_eq!(renewed(&surface("pointmill_a", "-1"), &list).unwrap(), list);
        let older = list.replace("pointmill_a 0.1", "pointmill_a 0.0");
        assert_eq!(
            renewed(&surface("pointmill_a", "-1"), &older).unwrap(),
            older
        );
    }

    #[test]
    fn nothing_listed_may_vanish_or_change() {
        let list = renewed(&surface("pointmill_a", "-1"), "").unwrap();
        assert!(
            renewed(&surface("pointmill_b", "-1"), &list)
                .unwrap_err()
                .contains("pointmill_a")
        );
        assert!(
            renewed(&surface("pointmill_a", "-2"), &list)
                .unwrap_err()
                .contains("POINTMILL_C")
        );
        assert!(renewed(&surface("pointmill_a", "-1"), "fn x").is_err());
    }
}
