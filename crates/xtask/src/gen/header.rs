//! `include/pointmill.h`: the front page, the macros, and what cbindgen makes of the rest.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::surface::Surface;

/// The text of the header.
pub(crate) fn render(surface: &Surface, root: &Path) -> Result<String, String> {
    let package = root.join("crates/pointmill-capi");
    let folder = crate::target_dir().join("xtask");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let plain = folder.join("capi.rs");
    fs::write(&plain, surface.plain.to_string())
        .map_err(|error| format!("{}: {error}", plain.display()))?;

    let mut config = cbindgen::Config::from_file(package.join("cbindgen.toml"))?;
    config.header = Some(front_page(&package)?);
    config.after_includes = Some(macros(surface)?);
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(&plain)
        .generate()
        .map_err(|error| format!("cbindgen: {error}"))?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = String::from_utf8(text).map_err(|error| error.to_string())?;
    // cbindgen leaves spaces at the ends of empty comment lines.
    Ok(text
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect())
}

/// The rules, with the complete program that the tests compile.
fn front_page(package: &Path) -> Result<String, String> {
    let read = |path: &str| {
        let path = package.join(path);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let program = read("examples/first.c")?;
    if program.contains("*/") {
        return Err(
            "examples/first.c: comments with // only, it stands inside a comment".to_owned(),
        );
    }
    let text = read("header/front.txt")?;
    let mut page = "/*\n".to_owned();
    for line in text.lines() {
        let lines: Vec<&str> = if line == "@PROGRAM@" {
            program.lines().collect()
        } else {
            vec![line]
        };
        let indent = if line == "@PROGRAM@" { "    " } else { "" };
        for line in lines {
            let _ = writeln!(page, " * {indent}{line}");
        }
    }
    page.push_str(" */");
    Ok(page)
}

/// Versions, linkage, and the initial values of the caller's structs.
fn macros(surface: &Surface) -> Result<String, String> {
    let version = env!("CARGO_PKG_VERSION");
    let parts: Vec<&str> = version.split('.').collect();
    let [major, minor, patch] = parts[..] else {
        return Err(format!("the version {version:?} is not of the form 1.2.3"));
    };
    let mut text = format!(
        "\n\
         /* The release this header belongs to; pointmill_version() is the library's. */\n\
         #define POINTMILL_VERSION_MAJOR {major}\n\
         #define POINTMILL_VERSION_MINOR {minor}\n\
         #define POINTMILL_VERSION_PATCH {patch}\n\
         #define POINTMILL_VERSION_STRING \"{version}\"\n\
         \n\
         /* The ABI this header describes; pointmill_abi_version() is the library's. */\n\
         #define POINTMILL_ABI_VERSION \\\n    \
             (((uint32_t)POINTMILL_ABI_MAJOR << 16) | (uint32_t)POINTMILL_ABI_MINOR)\n\
         \n\
         #ifndef POINTMILL_API\n\
         #if defined(_WIN32) && !defined(POINTMILL_STATIC)\n\
         #define POINTMILL_API __declspec(dllimport)\n\
         #elif defined(__GNUC__)\n\
         #define POINTMILL_API __attribute__((visibility(\"default\")))\n\
         #else\n\
         #define POINTMILL_API\n\
         #endif\n\
         #endif\n\
         \n\
         /* Initial values of the structs that the caller provides. */\n"
    );
    for (name, fields) in surface.sized_structs() {
        let values: Vec<String> = fields
            .iter()
            .map(|(field, ty)| initial(&name, field, ty))
            .collect();
        let values = values.join(", ");
        let _ = writeln!(
            text,
            "#define {}_INIT \\\n    {{ {values} }}",
            name.to_uppercase()
        );
    }
    text.pop();
    Ok(text)
}

/// Fields whose zero is a value: a negative number says that there is none.
const NONE_IS_NEGATIVE: [(&str, &str); 2] = [
    ("pointmill_lambda_result", "batch_item_failures"),
    ("pointmill_lambda_result", "time_to_first_byte_ms"),
];

/// The initial value of one field, in C and C++ alike.
fn initial(name: &str, field: &str, ty: &str) -> String {
    match ty {
        _ if field == "struct_size" => format!("(uint32_t)sizeof({name})"),
        "pointmill_str" => "{ 0, 0 }".to_owned(),
        ty if ty.starts_with('[') => "{ 0 }".to_owned(),
        ty if ty.starts_with("pointmill_") => format!("{}_INIT", ty.to_uppercase()),
        // Where zero would be a value, the start is what stands for none.
        _ if NONE_IS_NEGATIVE.contains(&(name, field)) => "-1".to_owned(),
        _ => "0".to_owned(),
    }
}
