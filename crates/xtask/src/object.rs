//! What a shared object shows, needs and asks of glibc, read from `readelf`, which reads any
//! architecture's.

use std::path::Path;
use std::process::Command;

use crate::process;

/// The newest glibc symbols that a package may ask for: what Amazon Linux 2 and older have.
pub(crate) const GLIBC_FLOOR: (u32, u32) = (2, 17);

/// Libraries that are on every machine with glibc.
const NEEDED: &[&str] = &[
    "libc.so.6",
    "libm.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libutil.so.1",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
];

/// What one shared object says of itself.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Object {
    /// Global symbols that it defines.
    pub(crate) shown: Vec<String>,
    /// The newest version of glibc that one of its symbols asks for.
    pub(crate) glibc: (u32, u32),
    pub(crate) needed: Vec<String>,
}

impl Object {
    pub(crate) fn read(path: &Path) -> Result<Object, String> {
        let text = process::run(
            Command::new("readelf")
                .args(["--wide", "--dynamic", "--dyn-syms"])
                .arg(path)
                .env("LC_ALL", "C"),
        )?;
        Ok(Object::parse(&text))
    }

    fn parse(text: &str) -> Object {
        let mut object = Object::default();
        for line in text.lines() {
            if let Some((_, library)) = line.split_once("(NEEDED)") {
                let name = library.split(['[', ']']).nth(1);
                object.needed.extend(name.map(str::to_owned));
                continue;
            }
            // Num: Value Size Type Bind Vis Ndx Name[@VERSION]
            let [number, _, _, _, bind, _, index, name] =
                line.split_whitespace().take(8).collect::<Vec<_>>()[..]
            else {
                continue;
            };
            if !number.ends_with(':') || number == "Num:" {
                continue;
            }
            if index == "UND" {
                object.glibc = object.glibc.max(glibc_of(name).unwrap_or_default());
            } else if bind != "LOCAL" {
                let plain = name.split('@').next().unwrap_or(name);
                object.shown.push(plain.to_owned());
            }
        }
        object.shown.sort();
        object
    }

    /// What is wrong with it, a sentence each.
    pub(crate) fn complaints(&self, may_show: impl Fn(&str) -> bool) -> Vec<String> {
        let mut found = Vec::new();
        if self.shown.is_empty() {
            found.push("shows no symbol at all".to_owned());
        }
        let foreign: Vec<_> = self.shown.iter().filter(|name| !may_show(name)).collect();
        if !foreign.is_empty() {
            found.push(format!("shows more than it should: {foreign:?}"));
        }
        if self.glibc > GLIBC_FLOOR {
            let ((major, minor), (floor_major, floor_minor)) = (self.glibc, GLIBC_FLOOR);
            found.push(format!(
                "asks for glibc {major}.{minor}; {floor_major}.{floor_minor} must do"
            ));
        }
        let strange: Vec<_> = self
            .needed
            .iter()
            .filter(|name| !NEEDED.contains(&name.as_str()))
            .collect();
        if !strange.is_empty() {
            found.push(format!("needs {strange:?}, which not every machine has"));
        }
        found
    }
}

/// The glibc version in `memcpy@GLIBC_2.14`; `None` without one (`GLIBC_PRIVATE` is never right and
/// counts as newer than all).
fn glibc_of(symbol: &str) -> Option<(u32, u32)> {
    let version = symbol.split_once("@GLIBC_")?.1;
    let mut numbers = version.split(['.', ' ']).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => Some((u32::MAX, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
Dynamic section at offset 0x10 contains 3 entries:
  Tag        Type                         Name/Value
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]
 0x000000000000000e (SONAME)             Library soname: [libx.so.0]

Symbol table '.dynsym' contains 5 entries:
   Num:    Value          Size Type    Bind   Vis      Ndx Name
     0: 0000000000000000     0 NOTYPE  LOCAL  DEFAULT  UND 
     1: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND memcpy@GLIBC_2.14 (3)
     2: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND open@GLIBC_2.2.5 (2)
     3: 0000000000000000     0 FUNC    WEAK   DEFAULT  UND hook
     4: 0000000000001000    16 FUNC    GLOBAL DEFAULT   12 entry
";

    fn complaints(text: &str) -> Vec<String> {
        Object::parse(text).complaints(|name| name == "entry")
    }

    #[test]
    fn what_an_object_says_is_read() {
        let wanted = Object {
            shown: vec!["entry".into()],
            glibc: (2, 14),
            needed: vec!["libc.so.6".into()],
        };
        assert_eq!(Object::parse(TEXT), wanted);
        assert_eq!(complaints(TEXT), [""; 0]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (from, to, word) in [
            ("GLIBC_2.14", "GLIBC_2.28", "glibc 2.28"),
            ("GLIBC_2.14", "GLIBC_PRIVATE", "glibc"),
            ("libc.so.6", "libssl.so.3", "libssl.so.3"),
            ("12 entry", "12 entry_of_another", "entry_of_another"),
            ("12 entry", "UND entry", "no symbol"),
        ] {
            let found = complaints(&TEXT.replace(from, to));
            assert_eq!(found.len(), 1, "{from} → {to}: {found:?}");
            assert!(found[0].contains(word), "{found:?}");
        }
    }
}
