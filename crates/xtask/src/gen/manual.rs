//! The header is the manual: every function says the same seven things, in the same order, and
//! names nothing that does not exist.

use std::collections::HashSet;

use super::surface::{Function, Surface};

/// What every comment says, in this order.
const LABELS: [&str; 7] = [
    "Threads:",
    "Ownership:",
    "NULL:",
    "Outputs:",
    "Returns:",
    "Units:",
    "Since:",
];

/// Names that the header's own macros define.
const MACROS: [&str; 6] = [
    "POINTMILL_ABI_VERSION",
    "POINTMILL_VERSION_MAJOR",
    "POINTMILL_VERSION_MINOR",
    "POINTMILL_VERSION_PATCH",
    "POINTMILL_VERSION_STRING",
    "POINTMILL_E_UNKNOWN",
];

/// Checks every comment; the error lists all that is missing.
pub(crate) fn check(surface: &Surface) -> Result<(), String> {
    let names = names(surface);
    let mut faults = Vec::new();
    for function in &surface.functions {
        if let Err(fault) = labels(function) {
            faults.push(fault);
        }
        let words = function.docs.iter().flat_map(|line| words(line));
        for word in words.filter(|word| !names.contains(*word)) {
            faults.push(format!(
                "{}: its comment names {word}, which is not there",
                function.name
            ));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

fn labels(function: &Function) -> Result<(), String> {
    let name = &function.name;
    let lines: Vec<&str> = function.docs.iter().map(|line| line.trim_start()).collect();
    if lines
        .first()
        .is_none_or(|line| line.is_empty() || line.starts_with(LABELS[0]))
    {
        return Err(format!(
            "{name}: its comment does not begin with what it does"
        ));
    }
    let found: Vec<&str> = lines
        .iter()
        .filter_map(|line| LABELS.into_iter().find(|label| line.starts_with(label)))
        .collect();
    if found != LABELS {
        return Err(format!(
            "{name}: its comment says {found:?} where {LABELS:?} belong"
        ));
    }
    if let Some(label) = lines.iter().find(|line| LABELS.contains(&line.trim_end())) {
        return Err(format!("{name}: nothing stands behind {label}"));
    }
    let returns: String = lines
        .iter()
        .skip_while(|line| !line.starts_with("Returns:"))
        .take_while(|line| !line.starts_with("Units:"))
        .copied()
        .collect();
    let complete = returns.contains("POINTMILL_OK") && returns.contains("POINTMILL_E_PANIC");
    if function.status && !complete && !returns.contains("as pointmill_") {
        return Err(format!(
            "{name}: Returns lists neither OK and E_PANIC nor another function"
        ));
    }
    Ok(())
}

/// The release that brought a function.
pub(crate) fn since(function: &Function) -> Option<&str> {
    function
        .docs
        .iter()
        .find_map(|line| Some(line.trim().strip_prefix("Since:")?.trim()))
}

fn names(surface: &Surface) -> HashSet<String> {
    let functions = surface
        .functions
        .iter()
        .map(|function| function.name.clone());
    let constants = surface
        .constants
        .iter()
        .map(|constant| constant.name.clone());
    let opaque = surface.opaque.iter().chain(&surface.callbacks);
    let opaque = opaque.map(ToString::to_string);
    let structs = surface.structs.iter().map(|item| item.ident.to_string());
    let inits = surface
        .sized_structs()
        .map(|(name, _)| format!("{}_INIT", name.to_uppercase()));
    let macros = MACROS.into_iter().map(str::to_owned);
    functions
        .chain(constants)
        .chain(opaque)
        .chain(structs)
        .chain(inits)
        .chain(macros)
        .collect()
}

/// The words of a line that look like names of the library.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("pointmill_") || word.starts_with("POINTMILL_"))
        // "POINTMILL_..._INIT" stands for several names.
        .filter(|word| !word.ends_with('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(docs: &[&str]) -> Function {
        let docs = docs.iter().map(|line| format!(" {line}")).collect();
        Function {
            name: "pointmill_x".to_owned(),
            docs,
            status: true,
        }
    }

    const COMPLETE: [&str; 9] = [
        "Does it.",
        "",
        "Threads:   any.",
        "Ownership: none.",
        "NULL:      fine.",
        "Outputs:   none.",
        "Returns:   POINTMILL_OK, POINTMILL_E_PANIC.",
        "Units:     none.",
        "Since:     0.1",
    ];

    #[test]
    fn a_complete_comment_passes_and_no_line_can_be_left_out() {
        labels(&function(&COMPLETE)).unwrap();
        assert_eq!(since(&function(&COMPLETE)), Some("0.1"));
        for missing in (0..COMPLETE.len()).filter(|i| *i != 1) {
            let mut lines = COMPLETE.to_vec();
            lines.remove(missing);
            let lines: Vec<&str> = lines
                .into_iter()
                .skip_while(|line| line.is_empty())
                .collect();
            assert!(
                labels(&function(&lines)).is_err(),
                "without {:?}",
                COMPLETE[missing]
            );
        }
    }

    #[test]
    fn an_empty_line_or_a_missing_code_is_refused() {
        let mut lines = COMPLETE;
        lines[5] = "Outputs:";
        assert!(labels(&function(&lines)).is_err());
        lines = COMPLETE;
        lines[6] = "Returns:   POINTMILL_OK.";
        assert!(labels(&function(&lines)).is_err());
        lines[6] = "Returns:   as pointmill_y.";
        labels(&function(&lines)).unwrap();
    }

    #[test]
    fn names_are_found_in_running_text() {
        let found: Vec<_> =
            words("use pointmill_a, _b or POINTMILL_C; POINTMILL_..._INIT").collect();
        assert_eq!(found, ["pointmill_a", "POINTMILL_C"]);
    }
}
