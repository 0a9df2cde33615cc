//! The programs that build for any glibc: zig as C compiler and linker, cargo-zigbuild before it, and
//! for a target whose standard library rustup does not have here, Debian's compiler.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Target;
use crate::process::run as run_command;
use crate::{python, root};

/// Debian's packages of a newer rustc, which can be had for one architecture beside another.
const DEBIAN_RUST: &[&str] = &[
    "rustc-web",
    "rust-web-llvm",
    "libstd-rust-web-1.96",
    "libstd-rust-web-dev",
    "libllvm22",
];

pub(super) struct Tools {
    /// Interpreter of an environment with zig and the rest.
    pub(super) python: PathBuf,
    folder: PathBuf,
}

impl Tools {
    pub(super) fn new(folder: &Path) -> Result<Tools, String> {
        let requirements = root().join("crates/xtask/requirements-dist.txt");
        let python = python::environment(&folder.join("python"), requirements, false)?;
        Ok(Tools {
            python,
            folder: folder.to_owned(),
        })
    }

    /// A C compiler for the target, as one program.
    pub(super) fn cc(&self, target: &Target) -> Result<PathBuf, String> {
        let path = self.folder.join(format!("zig-cc-{}", target.arch));
        // Debug information is zig's default. It knows no --exclude-libs, in whose place a map of the
        // symbols stands; where a library of this machine lies is nobody's business.
        let text = format!(
            r#"#!/bin/sh
for arg do
    shift
    case $arg in
    -Wl,--exclude-libs,* | -Wl,-rpath,*) ;;
    *) set -- "$@" "$arg" ;;
    esac
done
exec {} -m ziglang cc -target {}.{} -g0 "$@"
"#,
            self.python.display(),
            target.zig,
            super::floor()
        );
        script(&path, &text)?;
        Ok(path)
    }

    /// Builds both libraries for the target; the folder that has them.
    pub(super) fn libraries(&self, target: &Target) -> Result<PathBuf, String> {
        let folder = self.folder.join("cargo");
        let rust = format!("{}.{}", target.rust, super::floor());
        let bin = self.folder.join("python/bin");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(bin.clone()).chain(std::env::split_paths(&path));
        let path = std::env::join_paths(paths).map_err(|error| error.to_string())?;
        let mut cargo = Command::new(bin.join("cargo-zigbuild"));
        cargo
            .args([
                "zigbuild",
                "--locked",
                "--release",
                "--package",
                "pointmill-capi",
            ])
            .args(["--target", &rust, "--target-dir"])
            .arg(&folder)
            .env("PATH", path)
            .current_dir(root());
        if let Some(rustc) = self.rustc(target)? {
            cargo.env("RUSTC", rustc);
        }
        run_command(&mut cargo)?;
        Ok(folder.join(target.rust).join("release"))
    }

    /// `None` if the toolchain in use has the target's standard library; otherwise Debian's rustc.
    fn rustc(&self, target: &Target) -> Result<Option<PathBuf>, String> {
        let folder = run_command(
            Command::new("rustc")
                .args(["--print", "target-libdir", "--target", target.rust])
                .current_dir(root()),
        )?;
        if Path::new(folder.trim()).is_dir() {
            return Ok(None);
        }
        let here = self.folder.join("debian-rust");
        let rustc = here.join("rustc");
        if !rustc.exists() {
            println!(
                "-- {}: standard library from Debian's packages",
                target.rust
            );
            self.debian_rust(&here, target)?;
        }
        Ok(Some(rustc))
    }

    /// Unpacks the packages into `here`; nothing of the system is changed, apt's lists neither.
    fn debian_rust(&self, here: &Path, target: &Target) -> Result<(), String> {
        let (packages, tree) = (here.join("packages"), here.join("tree"));
        for folder in [&packages, &tree, &here.join("lists/partial")] {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        let apt = |args: &[&str]| {
            let mut apt = Command::new("apt-get");
            apt.args(["-qq", "-o", "APT::Sandbox::User=root"])
                .arg("-o")
                .arg(format!(
                    "Dir::State::lists={}",
                    here.join("lists").display()
                ))
                .args(["-o", "APT::Architectures::=amd64", "-o"])
                .arg(format!("APT::Architectures::={}", target.debian))
                .args(args)
                .current_dir(&packages);
            run_command(&mut apt)
        };
        apt(&["update"])?;
        apt(&[&["download"], DEBIAN_RUST].concat())?;
        apt(&[
            "download",
            &format!("libstd-rust-web-dev:{}", target.debian),
        ])?;
        for entry in fs::read_dir(&packages).map_err(|error| error.to_string())? {
            let package = entry.map_err(|error| error.to_string())?.path();
            run_command(Command::new("dpkg-deb").arg("-x").arg(package).arg(&tree))?;
        }
        let _ = fs::remove_dir_all(&packages);
        let text = format!(
            "#!/bin/sh\nLD_LIBRARY_PATH={0}/usr/lib/x86_64-linux-gnu exec {0}/usr/bin/rustc \"$@\"\n",
            tree.display()
        );
        let rustc = here.join("rustc.new");
        script(&rustc, &text)?;
        run_command(Command::new(&rustc).arg("--version"))?;
        // Last, so that what was broken off is begun again.
        fs::rename(&rustc, here.join("rustc")).map_err(|error| error.to_string())
    }
}

fn script(path: &Path, text: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    fs::write(path, text).map_err(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(failed)
}
