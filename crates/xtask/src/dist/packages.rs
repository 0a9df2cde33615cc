//! Every package from the libraries of one target after the other, and what holds several targets at
//! the end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tools::Tools;
use super::{Target, VERSION, zip};
use crate::object::Object;
use crate::process::run as run_command;
use crate::{install, root, target_dir};

/// Bytes that a file of `target/dist` may have: what was reached, with some room. Two megabytes is
/// the aim for a package of one architecture.
pub(super) fn bytes_max(name: &str) -> u64 {
    match name {
        _ if name.ends_with(".whl") => 1_800_000,
        // Objects for the Ruby it was built with, and the library for Fiddle in all others.
        _ if name.contains("-layer-ruby-") => 3_500_000,
        _ if name.contains("-layer-") => 1_900_000,
        // Two architectures; the jar keeps its libraries as they are, since unpacking is cold-start time.
        _ if name.ends_with(".jar") => 6_600_000,
        _ if name.ends_with(".tgz") => 3_500_000,
        // The archive as well as the shared object.
        _ if name.ends_with(".tar.gz") => 4_800_000,
        _ if name.starts_with("pointmill-go-") => 6_000_000,
        // The extension, and the shared object for Fiddle.
        _ if name.ends_with("-linux.gem") => 3_700_000,
        _ => 1_000_000,
    }
}

pub(super) struct Packer<'a> {
    tools: &'a Tools,
    /// Where trees are laid out.
    folder: PathBuf,
    out: &'a Path,
    done: Vec<&'static str>,
}

impl<'a> Packer<'a> {
    pub(super) fn new(tools: &'a Tools, folder: &Path, out: &'a Path) -> Result<Self, String> {
        let folder = folder.join("trees");
        let _ = fs::remove_dir_all(&folder);
        // What an earlier build for another machine has left would be packed as well.
        for stale in [
            "bindings/go/native",
            "bindings/java/native",
            "bindings/node/prebuilds",
        ] {
            let _ = fs::remove_dir_all(root().join(stale));
        }
        let node = root().join("bindings/node");
        run_command(
            Command::new("npm")
                .args(["ci", "--silent"])
                .current_dir(node),
        )?;
        Ok(Packer {
            tools,
            folder,
            out,
            done: Vec::new(),
        })
    }

    /// What has one architecture in it.
    pub(super) fn target(&mut self, target: &Target, built: &Path) -> Result<(), String> {
        self.c(target, built)?;
        self.python(target, built)?;
        self.node(target, built)?;
        self.verb(target, built, &["go", "--build"])?;
        self.verb(target, built, &["java", "--build"])?;
        check(
            &root().join(format!(
                "bindings/java/native/linux-{}/libpointmill_jni.so",
                target.arch
            )),
            |name| name == "JNI_OnLoad",
        )?;
        self.ruby(target, built)?;
        self.done.push(target.arch);
        Ok(())
    }

    /// What has all of them.
    pub(super) fn finish(&self) -> Result<(), String> {
        self.npm()?;
        self.go()?;
        self.jar()
    }

    /// One of this program's own verbs, with the target's libraries and compiler.
    fn verb(&self, target: &Target, built: &Path, args: &[&str]) -> Result<(), String> {
        println!("-- cargo xtask {}", args.join(" "));
        let this = std::env::current_exe().map_err(|error| error.to_string())?;
        run_command(self.with(target, built, Command::new(this).args(args))?).map(|_| ())
    }

    fn with<'c>(
        &self,
        target: &Target,
        built: &Path,
        command: &'c mut Command,
    ) -> Result<&'c mut Command, String> {
        let cc = self.tools.cc(target)?;
        Ok(command
            .env("POINTMILL_BUILT", built)
            .env("POINTMILL_ARCH", target.arch)
            .env("CC", cc)
            .current_dir(root()))
    }

    fn tree(&self, name: &str) -> Result<PathBuf, String> {
        let folder = self.folder.join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(folder)
    }

    fn layer(&self, tree: &Path, language: &str, arch: &str) -> Result<(), String> {
        let name = format!("pointmill-layer-{language}-{VERSION}-{arch}.zip");
        zip::pack(tree, "", &self.out.join(name))
    }

    fn c(&self, target: &Target, built: &Path) -> Result<(), String> {
        let name = format!("pointmill-{VERSION}-{}-linux-gnu", target.arch);
        let tree = self.tree(&name)?;
        install::install(built, &tree)?;
        let symbols = fs::read_to_string(root().join("include/symbols.txt"))
            .map_err(|error| error.to_string())?;
        let symbols: Vec<&str> = symbols
            .lines()
            .filter_map(|line| line.strip_prefix("function ")?.split(' ').next())
            .collect();
        check(&tree.join("lib/libpointmill.so"), |name| {
            symbols.contains(&name)
        })?;
        run_command(
            Command::new("tar")
                .args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0"])
                .args(["--numeric-owner", "--use-compress-program=gzip -9n", "-cf"])
                .arg(self.out.join(format!("{name}.tar.gz")))
                .arg("-C")
                .args([&self.folder, Path::new(&name)]),
        )?;
        Ok(())
    }

    fn python(&self, target: &Target, built: &Path) -> Result<(), String> {
        self.verb(target, built, &["python", "--wheel"])?;
        let made = only_file(&target_dir().join("python/wheels"))?;
        let platform = format!("manylinux2014_{}", target.arch);
        let wheel = run_command(
            Command::new(&self.tools.python)
                .args([
                    "-m",
                    "wheel",
                    "tags",
                    "--remove",
                    "--platform-tag",
                    &platform,
                ])
                .arg(&made),
        )?;
        let wheel = made.with_file_name(wheel.trim());
        // Tagging has packed it anew, and not as small.
        run_command(
            Command::new(target_dir().join("python/tools/bin/python"))
                .arg(root().join("bindings/python/tools/repack.py"))
                .arg(&wheel),
        )?;
        fs::copy(&wheel, self.out.join(wheel.file_name().unwrap_or_default()))
            .map_err(|error| format!("{}: {error}", wheel.display()))?;

        let tree = self.tree(&format!("layer-python-{}", target.arch))?;
        let packages = tree.join("python");
        unzip(&self.tools.python, &wheel, &packages)?;
        check(&packages.join("pointmill/_native.abi3.so"), |name| {
            name == "PyInit__native"
        })?;
        // /opt cannot be written to, so whatever is not compiled here is compiled at every cold start.
        for python in crate::python::interpreters() {
            run_command(
                Command::new(python)
                    .args([
                        "-m",
                        "compileall",
                        "-q",
                        "--invalidation-mode",
                        "unchecked-hash",
                    ])
                    .args(["-s", "python"])
                    .arg("python")
                    .current_dir(&tree),
            )?;
        }
        self.layer(&tree, "python", target.arch)
    }

    fn node(&self, target: &Target, built: &Path) -> Result<(), String> {
        let platform = format!("linux-{}", target.node);
        let mut build = Command::new("node");
        build
            .args([
                "bindings/node/scripts/build.mjs",
                "--platform",
                &platform,
                "--library",
            ])
            .arg(built.join("libpointmill.a"));
        println!("-- node scripts/build.mjs --platform {platform}");
        run_command(self.with(target, built, &mut build)?)?;
        check(
            &root().join(format!("bindings/node/prebuilds/{platform}/pointmill.node")),
            |name| {
                name == "napi_register_module_v1" || name == "node_api_module_get_api_version_v1"
            },
        )
    }

    /// The gem with objects, the one without, and a layer of the first.
    fn ruby(&self, target: &Target, built: &Path) -> Result<(), String> {
        self.verb(target, built, &["ruby", "--gems"])?;
        let made = target_dir().join("ruby");
        let gem = self
            .out
            .join(format!("pointmill-{VERSION}-{}-linux.gem", target.arch));
        for (from, to) in [
            ("platform.gem", &gem),
            (
                "source.gem",
                &self.out.join(format!("pointmill-{VERSION}.gem")),
            ),
        ] {
            fs::copy(made.join(from), to).map_err(|error| format!("{from}: {error}"))?;
        }
        let unpacked = self.tree(&format!("gem-{}", target.arch))?;
        run_command(
            Command::new("gem")
                .args(["unpack", "--norc", "--target"])
                .args([&unpacked, &gem]),
        )?;
        let lib = only_file(&unpacked)?.join("lib");
        for entry in fs::read_dir(lib.join("pointmill")).map_err(|error| error.to_string())? {
            let object = entry
                .map_err(|error| error.to_string())?
                .path()
                .join("native.so");
            if object.exists() {
                check(&object, |name| name == "Init_native")?;
            }
        }
        let tree = self.tree(&format!("layer-ruby-{}", target.arch))?;
        fs::create_dir_all(tree.join("ruby")).map_err(|error| error.to_string())?;
        fs::rename(lib, tree.join("ruby/lib")).map_err(|error| error.to_string())?;
        self.layer(&tree, "ruby", target.arch)
    }

    /// The package of all platforms, and a layer for each.
    fn npm(&self) -> Result<(), String> {
        println!("-- node scripts/pack.mjs");
        let packed = self.tree("npm")?;
        run_command(
            Command::new("node")
                .arg("scripts/pack.mjs")
                .arg(&packed)
                .current_dir(root().join("bindings/node")),
        )?;
        let packed = only_file(&packed)?;
        fs::copy(&packed, self.out.join(format!("pointmill-{VERSION}.tgz")))
            .map_err(|error| error.to_string())?;
        for target in self.targets() {
            let tree = self.tree(&format!("layer-node-{}", target.arch))?;
            let package = tree.join("nodejs/node_modules/pointmill");
            fs::create_dir_all(&package).map_err(|error| error.to_string())?;
            run_command(
                Command::new("tar")
                    .args(["--strip-components=1", "-xf"])
                    .arg(&packed)
                    .arg("-C")
                    .arg(&package),
            )?;
            keep_only(
                &package.join("prebuilds"),
                &format!("linux-{}", target.node),
            )?;
            self.layer(&tree, "node", target.arch)?;
        }
        Ok(())
    }

    /// The module as a proxy hands it out.
    fn go(&self) -> Result<(), String> {
        println!("-- Go module");
        let tree = self.tree("go")?;
        let module = root().join("bindings/go");
        let files = run_command(Command::new("git").arg("ls-files").current_dir(&module))?;
        // A folder with a go.mod is a module of its own.
        let foreign: Vec<&str> = files
            .lines()
            .filter_map(|file| file.strip_suffix("/go.mod"))
            .collect();
        let own = files.lines().filter(|file| {
            !foreign
                .iter()
                .any(|folder| Path::new(file).starts_with(folder))
        });
        let archives = self.targets().map(|target| match target.arch {
            "x86_64" => "native/linux_amd64/libpointmill.a",
            _ => "native/linux_arm64/libpointmill.a",
        });
        for file in own.chain(["native/include/pointmill.h"]).chain(archives) {
            let to = tree.join(file);
            let parent = to.parent().ok_or("a file without a folder")?;
            fs::create_dir_all(parent).map_err(|error| error.to_string())?;
            fs::copy(module.join(file), &to).map_err(|error| format!("{file}: {error}"))?;
        }
        fs::copy(root().join("LICENSE"), tree.join("LICENSE"))
            .map_err(|error| error.to_string())?;
        zip::pack(
            &tree,
            &format!("github.com/pointmill/pointmill/bindings/go@v{VERSION}/"),
            &self.out.join(format!("pointmill-go-{VERSION}.zip")),
        )
    }

    /// The jar of all platforms, and a layer for each, whose library need not be unpacked: /opt/lib is
    /// where a JVM in Lambda looks first.
    fn jar(&self) -> Result<(), String> {
        let name = format!("pointmill-{VERSION}.jar");
        let package = root().join("bindings/java");
        let jar = package.join("target").join(&name);
        fs::copy(&jar, self.out.join(&name))
            .map_err(|error| format!("{}: {error}", jar.display()))?;
        let content = self.tree("jar")?;
        unzip(&self.tools.python, &jar, &content)?;
        fs::remove_dir_all(content.join("META-INF/native")).map_err(|error| error.to_string())?;
        for target in self.targets() {
            let tree = self.tree(&format!("layer-java-{}", target.arch))?;
            for folder in ["java/lib", "lib"] {
                fs::create_dir_all(tree.join(folder)).map_err(|error| error.to_string())?;
            }
            zip::pack(&content, "", &tree.join("java/lib").join(&name))?;
            let library = format!("native/linux-{}/libpointmill_jni.so", target.arch);
            fs::copy(package.join(library), tree.join("lib/libpointmill_jni.so"))
                .map_err(|error| error.to_string())?;
            self.layer(&tree, "java", target.arch)?;
        }
        Ok(())
    }

    fn targets(&self) -> impl Iterator<Item = &'static Target> {
        super::TARGETS
            .iter()
            .filter(|target| self.done.contains(&target.arch))
    }
}

/// An error that says all that is wrong with a shared object.
fn check(object: &Path, may_show: impl Fn(&str) -> bool) -> Result<(), String> {
    let complaints = Object::read(object)?.complaints(may_show);
    if complaints.is_empty() {
        return Ok(());
    }
    Err(format!("{}: {}", object.display(), complaints.join("; ")))
}

fn only_file(folder: &Path) -> Result<PathBuf, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let files: Result<Vec<_>, _> = fs::read_dir(folder).map_err(failed)?.collect();
    match &files.map_err(failed)?[..] {
        [file] => Ok(file.path()),
        files => Err(format!(
            "{} has {} files, not one",
            folder.display(),
            files.len()
        )),
    }
}

/// Removes the other entries of a folder.
fn keep_only(folder: &Path, name: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name() != name {
            fs::remove_dir_all(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

fn unzip(python: &Path, file: &Path, into: &Path) -> Result<(), String> {
    run_command(
        Command::new(python)
            .args(["-m", "zipfile", "-e"])
            .arg(file)
            .arg(into),
    )
    .map(|_| ())
}
