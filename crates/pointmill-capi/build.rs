//! Gives the shared library its soname: `libpointmill.so.<ABI major>`.
//!
//! A program linked against one ABI major then never loads another one. The number is read from
//! the one place that states it.

fn main() {
    let source = "src/library.rs";
    println!("cargo:rerun-if-changed={source}");
    println!("cargo:rerun-if-changed=build.rs");
    let text = std::fs::read_to_string(source).expect("src/library.rs is part of the package");
    let major = text
        .lines()
        .find_map(|line| line.strip_prefix("pub const POINTMILL_ABI_MAJOR: u32 = "))
        .and_then(|rest| rest.strip_suffix(';'))
        .expect("src/library.rs states `pub const POINTMILL_ABI_MAJOR: u32 = N;`");
    let linux_like = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    if linux_like {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libpointmill.so.{major}");
    }
}
