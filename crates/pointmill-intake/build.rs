//! Takes the page's files from `web/dist`, where `cargo xtask web` puts them. Without them the
//! binary carries a page that says so: everything but the page works.

use std::path::Path;
use std::{env, fs};

/// What `web/build.mjs` makes.
const FILES: [&str; 5] = ["index.html", "app.js", "app.css", "report.js", "report.css"];

fn main() {
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    let (dist, page) = (Path::new("web/dist"), Path::new(&out).join("page"));
    fs::create_dir_all(&page).expect("OUT_DIR can be written");
    let built = FILES.iter().all(|file| dist.join(file).is_file());
    for file in FILES {
        println!("cargo:rerun-if-changed=web/dist/{file}");
        let bytes = match (built, file) {
            (true, _) => fs::read(dist.join(file)).expect("it is a file"),
            (false, "index.html") => fs::read("web/unbuilt.html").expect("it is in the package"),
            (false, _) => Vec::new(),
        };
        fs::write(page.join(file), bytes).expect("OUT_DIR can be written");
    }
    println!("cargo:rerun-if-changed=web/unbuilt.html");
    println!("cargo:rustc-env=POINTMILL_PAGE_BUILT={built}");
}
