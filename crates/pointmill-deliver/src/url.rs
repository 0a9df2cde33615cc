//! Where DogStatsD goes, read from a URL; and which hosts go past the proxy.

use std::path::PathBuf;

/// A DogStatsD socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Host and port.
    Udp(String),
    /// Path of a Unix datagram socket.
    UnixDatagram(PathBuf),
    /// Path of a Unix stream socket; each packet is preceded by its length.
    UnixStream(PathBuf),
}

impl Target {
    /// Reads `udp://host:port`, `unix:///path`, `unixgram:///path` or `unixstream:///path`; on
    /// failure says what is allowed.
    pub(crate) fn parse(text: &str) -> Result<Target, String> {
        let allowed =
            || "udp://host:port, unix:///path, unixgram:///path or unixstream:///path".to_owned();
        let (scheme, rest) = text.split_once("://").ok_or_else(allowed)?;
        let path = || {
            rest.starts_with('/')
                .then(|| PathBuf::from(rest))
                .ok_or_else(allowed)
        };
        match scheme {
            "udp" => {
                let port = rest.rsplit_once(':').filter(|(host, _)| !host.is_empty());
                let sound = port.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|p| p > 0));
                sound
                    .then(|| Target::Udp(rest.to_owned()))
                    .ok_or_else(allowed)
            }
            "unix" | "unixgram" => Ok(Target::UnixDatagram(path()?)),
            "unixstream" => Ok(Target::UnixStream(path()?)),
            _ => Err(allowed()),
        }
    }
}

/// Whether `host` is reached without the proxy by the list `no_proxy`: names separated by commas,
/// of which each stands for itself and everything below it; a leading dot or `*.` makes no
/// difference; `*` is every host. Ports are not compared.
pub(crate) fn goes_past_proxy(no_proxy: &str, host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    no_proxy.split(',').map(str::trim).any(|entry| {
        if entry == "*" {
            return true;
        }
        let entry = entry.to_ascii_lowercase();
        let entry = entry.trim_start_matches("*.").trim_start_matches('.');
        let entry = entry.trim_matches(['[', ']']);
        if entry.is_empty() {
            return false;
        }
        host.strip_suffix(entry)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_read() {
        assert_eq!(
            Target::parse("udp://[::1]:8125"),
            Ok(Target::Udp("[::1]:8125".to_owned()))
        );
        assert_eq!(
            Target::parse("unix:///a"),
            Ok(Target::UnixDatagram("/a".into()))
        );
        assert_eq!(Target::parse("unixgram:///a"), Target::parse("unix:///a"));
        assert_eq!(
            Target::parse("unixstream:///a/b"),
            Ok(Target::UnixStream("/a/b".into()))
        );
        for text in [
            "",
            "udp://",
            "udp://h",
            "udp://:1",
            "udp://h:0",
            "udp://h:x",
            "unix://a",
            "x:///a",
        ] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_proxy_names_a_host_and_what_is_below() {
        for (list, host, past) in [
            ("", "a.b", false),
            ("*", "a.b", true),
            ("a.b", "A.b", true),
            ("x, .a.b", "c.a.b", true),
            ("*.a.b", "a.b", true),
            ("a.b", "ba.b", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("::1", "[::1]", true),
        ] {
            assert_eq!(goes_past_proxy(list, host), past, "{list} {host}");
        }
    }
}
