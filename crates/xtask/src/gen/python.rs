//! What the Python package takes from the C ABI: the exceptions, one a code, and the declarations
//! that ctypes needs where there is no extension.

use std::fmt::Write as _;

use quote::ToTokens as _;
use syn::{Fields, FnArg, Item, Pat, ReturnType, Type};

use super::Surface;

const MARK: &str = "Generated from crates/pointmill-capi by `cargo xtask gen`. Do not edit.";

/// Codes whose exception is also one of Python's own, beside ValueError, or has another name than
/// its code. (code, class, Python's)
const SPECIAL: &[(&str, &str, &str)] = &[
    ("INDEX", "PastEndError", "IndexError"),
    ("STALE_CONTEXT", "StaleContextError", "LookupError"),
    ("NO_ROOM", "NoRoomError", "RuntimeError"),
    ("NO_MEMORY", "NoMemoryError", "MemoryError"),
    ("PANIC", "PanicError", "RuntimeError"),
    ("POISONED", "PoisonedError", "RuntimeError"),
    ("DELIVERY_LATER", "DeliveryLaterError", "RuntimeError"),
    ("DELIVERY_DROPPED", "DeliveryDroppedError", "RuntimeError"),
];

/// `pointmill/errors.py`.
pub(crate) fn errors(surface: &Surface) -> Result<String, String> {
    let mut text = format!(
        "\"\"\"The exceptions, one a code of the C header. {MARK}\"\"\"\n\n\n\
         class Error(Exception):\n    \
             \"\"\"What pointmill raises for a code: `code` is its number, `name` its name in the header.\"\"\"\n\n    \
             code = 0\n    name = \"\"\n"
    );
    let (mut names, mut table) = (vec!["Error".to_owned()], String::new());
    for item in items(surface)? {
        let Item::Const(item) = item else { continue };
        let name = item.ident.to_string();
        let Some(short) = name.strip_prefix("POINTMILL_E_") else {
            continue;
        };
        let special = SPECIAL.iter().find(|(code, ..)| *code == short);
        let (class, base) = special.map_or_else(
            || (format!("{}Error", camel(short)), "ValueError"),
            |(_, class, base)| ((*class).to_owned(), *base),
        );
        let value = surface.value(&name).ok_or("a code without a value")?;
        let docs: Vec<String> = item.attrs.iter().map(super::surface::text).collect();
        let doc = docs.join("").trim().to_owned();
        let _ = write!(
            text,
            "\n\nclass {class}(Error, {base}):\n    \"\"\"{}\"\"\"\n\n    code = {value}\n    name = \"{name}\"\n",
            wrapped(&doc)
        );
        let _ = writeln!(table, "    {value}: {class},");
        if short == "CLOSED" {
            let _ = writeln!(table, "    \"closed\": {class},");
        }
        names.push(class);
    }
    names.sort();
    let all: String = names
        .iter()
        .map(|name| format!("    \"{name}\",\n"))
        .collect();
    let _ = write!(text, "\n\nBY_CODE = {{\n{table}}}\n\n__all__ = [\n{all}]\n");
    Ok(text)
}

/// A sentence with a capital and a full stop, in lines of at most 110 characters.
fn wrapped(doc: &str) -> String {
    let mut chars = doc.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    let sentence: String = first.into_iter().chain(chars).chain(['.']).collect();
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in sentence.split_whitespace() {
        if !line.is_empty() && line.len() + word.len() > 105 {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.join("\n    ")
}

/// `NOT_FINITE` as `NotFinite`.
fn camel(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let (first, rest) = word.split_at(1);
            format!("{first}{}", rest.to_lowercase())
        })
        .collect()
}

/// `pointmill/_declarations.py`.
pub(crate) fn declarations(surface: &Surface) -> Result<String, String> {
    let mut text = format!(
        "\"\"\"The C header for ctypes. {MARK}\n\n\
         Pointers are void pointers but for texts that end with NUL; `declare(library)` sets the functions' types.\n\
         \"\"\"\n\n\
         import ctypes as c\n"
    );
    let (mut structs, mut constants, mut functions) = (String::new(), String::new(), String::new());
    for item in items(surface)? {
        match item {
            Item::Struct(item) => {
                let Fields::Named(fields) = &item.fields else {
                    continue;
                };
                if item.ident == "pointmill_str"
                    || surface.structs.iter().any(|s| s.ident == item.ident)
                {
                    let _ = write!(
                        structs,
                        "\n\nclass {}(c.Structure):\n    _fields_ = [\n",
                        item.ident
                    );
                    for field in &fields.named {
                        let name = field
                            .ident
                            .as_ref()
                            .map(ToString::to_string)
                            .unwrap_or_default();
                        let name = name.replace("r#", "");
                        let _ = writeln!(
                            structs,
                            "        (\"{name}\", {}),",
                            ctype(&field.ty, surface)?
                        );
                    }
                    structs.push_str("    ]\n");
                }
            }
            Item::Const(item) => {
                let name = item.ident.to_string();
                let value = surface.value(&name).ok_or("a constant without a value")?;
                let value = value.replace("i64::MIN", "-(1 << 63)");
                let _ = writeln!(constants, "{name} = {value}");
            }
            Item::Fn(item) => {
                let mut arguments = Vec::new();
                for argument in &item.sig.inputs {
                    let FnArg::Typed(argument) = argument else {
                        continue;
                    };
                    let Pat::Ident(_) = &*argument.pat else {
                        continue;
                    };
                    arguments.push(ctype(&argument.ty, surface)?);
                }
                let returns = match &item.sig.output {
                    ReturnType::Default => "None".to_owned(),
                    ReturnType::Type(_, ty) => ctype(ty, surface)?,
                };
                let _ = writeln!(
                    functions,
                    "    \"{}\": ({returns}, [{}]),",
                    item.sig.ident,
                    arguments.join(", ")
                );
            }
            _ => {}
        }
    }
    let _ = write!(
        text,
        "\n{constants}{structs}\n\n_FUNCTIONS = {{\n{functions}}}\n\n\n\
         def declare(library):\n    \
             for name, (returns, arguments) in _FUNCTIONS.items():\n        \
                 function = getattr(library, name)\n        \
                 function.restype = returns\n        \
                 function.argtypes = arguments\n"
    );
    Ok(text)
}

/// Name, type's name in Python and (field, comment) of every struct of counters.
type Counters = (String, &'static str, Vec<(String, String)>);

fn counters(surface: &Surface) -> Result<Vec<Counters>, String> {
    const TYPES: &[(&str, &str)] = &[
        ("pointmill_engine_stats", "Stats"),
        ("pointmill_client_stats", "ClientStats"),
        ("pointmill_lambda_stats", "LambdaStats"),
    ];
    let mut found = Vec::new();
    for item in items(surface)? {
        let Item::Struct(item) = item else { continue };
        let name = item.ident.to_string();
        let class = TYPES.iter().find(|(of, _)| *of == name);
        let (Some((_, class)), Fields::Named(fields)) = (class, &item.fields) else {
            continue;
        };
        let counter = |field: &&syn::Field| field.ty.to_token_stream().to_string() == "u64";
        let fields = fields.named.iter().filter(counter).map(|field| {
            let docs: Vec<String> = field.attrs.iter().map(super::surface::text).collect();
            let doc = docs
                .join(" ")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            let ident = field.ident.as_ref().map(ToString::to_string);
            (ident.unwrap_or_default(), doc.replace('"', "'"))
        });
        found.push((name, *class, fields.collect()));
    }
    Ok(found)
}

/// `csrc/stats.inc`: the fields of every struct of counters, for the types that show them.
pub(crate) fn stats(surface: &Surface) -> Result<String, String> {
    let mut text = format!("/* Fields of the structs of counters, each a uint64_t. {MARK} */\n");
    for (name, _, fields) in counters(surface)? {
        let short = name.trim_start_matches("pointmill_");
        let _ = write!(
            text,
            "\nstatic PyStructSequence_Field {short}_fields[] = {{\n"
        );
        for (field, doc) in fields {
            let _ = writeln!(text, "    {{\"{field}\", \"{doc}\"}},");
        }
        let _ = write!(
            text,
            "    {{NULL, NULL}},\n}};\n\
             _Static_assert(COUNTERS({name}) == sizeof {short}_fields / sizeof {short}_fields[0] - 1, \"counters only\");\n"
        );
    }
    Ok(text)
}

/// `pointmill/_counters.pyi`: the same for type checkers.
pub(crate) fn counter_stubs(surface: &Surface) -> Result<String, String> {
    let mut text = format!(
        "\"\"\"The types that show counters. {MARK}\"\"\"\n\nfrom typing import NamedTuple\n"
    );
    for (_, class, fields) in counters(surface)? {
        let _ = write!(text, "\nclass {class}(NamedTuple):\n");
        for (field, _) in fields {
            let _ = writeln!(text, "    {field}: int");
        }
        text.push_str("    def balances(self) -> bool: ...\n");
    }
    Ok(text)
}

/// A type of the header as ctypes has it.
fn ctype(ty: &Type, surface: &Surface) -> Result<String, String> {
    match ty {
        Type::Ptr(pointer) => {
            let to = pointer.elem.to_token_stream().to_string();
            let text = pointer.const_token.is_some() && to == "c_char";
            Ok(if text { "c.c_char_p" } else { "c.c_void_p" }.to_owned())
        }
        Type::Array(array) => {
            let len = array.len.to_token_stream().to_string();
            Ok(format!("{} * {len}", ctype(&array.elem, surface)?))
        }
        Type::Path(path) => {
            let name = path
                .path
                .segments
                .last()
                .map(|s| s.ident.to_string())
                .unwrap_or_default();
            Ok(match name.as_str() {
                "u8" => "c.c_uint8",
                "u16" => "c.c_uint16",
                "u32" => "c.c_uint32",
                "u64" => "c.c_uint64",
                "i16" => "c.c_int16",
                "i32" => "c.c_int32",
                "i64" => "c.c_int64",
                "usize" => "c.c_size_t",
                "f64" => "c.c_double",
                "c_char" => "c.c_char",
                name if surface.structs.iter().any(|s| s.ident == name) => {
                    return Ok(name.to_owned());
                }
                // A function pointer behind a name, or in an Option.
                _ => "c.c_void_p",
            }
            .to_owned())
        }
        _ => Ok("c.c_void_p".to_owned()),
    }
}

fn items(surface: &Surface) -> Result<Vec<Item>, String> {
    let file: syn::File = syn::parse2(surface.plain.clone()).map_err(|error| error.to_string())?;
    Ok(file.items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_codes_become_names_of_classes() {
        assert_eq!(camel("NOT_FINITE"), "NotFinite");
        assert_eq!(camel("UTF8"), "Utf8");
    }

    #[test]
    fn a_text_becomes_a_sentence_in_short_lines() {
        let long = "a word ".repeat(40);
        assert!(wrapped(&long).lines().all(|line| line.len() < 112));
        assert_eq!(wrapped("short; do this"), "Short; do this.");
    }
}
