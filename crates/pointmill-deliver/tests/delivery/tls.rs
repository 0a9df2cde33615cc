//! TLS with a certificate of our own, and the proxy.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pointmill::Flush;
use pointmill_deliver::{Client, FailCause};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::common::{AMPLE, flush_until, small_engine};
use crate::intake::{Act, Intake};
use crate::sockets::{explicit, record};

/// A TLS server in front of an intake; its address and its certificate in PEM.
fn tls_in_front_of(intake: &Intake) -> (SocketAddr, String) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let intake = intake.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (config, intake) = (Arc::clone(&config), intake.clone());
            std::thread::spawn(move || {
                let connection = ServerConnection::new(config).unwrap();
                let _ = intake.converse(&mut StreamOwned::new(connection, stream));
            });
        }
    });
    (address, made.cert.pem())
}

#[test]
fn tls_is_spoken_with_whom_the_file_names_and_with_nobody_else() {
    let intake = Intake::new(|_| Act::Take);
    let (address, pem) = tls_in_front_of(&intake);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    let mut config = explicit(&format!("https://127.0.0.1:{}", address.port()));

    let stranger = Client::new(&small_engine(), &config).unwrap();
    record(&stranger, "m", 3);
    flush_until(&stranger, Duration::from_secs(1), |_| {
        stranger.last_failure().contains("certificate")
    });
    let books = stranger.stats();
    assert!(books.failed_for(FailCause::Connect) >= 1, "{books:?}");
    assert_eq!(
        (books.waiting(), books.uncertain, intake.total()),
        (3, 0, 0.0)
    );

    config
        .set("ca_file", file.path().to_str().unwrap())
        .unwrap();
    let client = Client::new(&small_engine(), &config).unwrap();
    for _ in 0..3 {
        record(&client, "m", 5);
        assert!(
            client.flush(Flush::All, AMPLE).unwrap().complete(),
            "{}",
            client.last_failure()
        );
    }
    assert_eq!(intake.total(), 15.0);
}

#[test]
fn a_file_without_certificates_is_refused_by_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (path, word) in [
        (file.path().to_str().unwrap(), "certificate"),
        ("/no/such/file", "No such"),
    ] {
        let mut config = explicit("https://127.0.0.1:1");
        config.set("ca_file", path).unwrap();
        let error = Client::new(&small_engine(), &config)
            .unwrap_err()
            .to_string();
        assert!(error.contains("ca_file") && error.contains(word), "{error}");
    }
}

/// A proxy that knows CONNECT; how often it was asked.
fn proxy() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let count = Arc::clone(&count);
            std::thread::spawn(move || tunnel(&client, &count));
        }
    });
    (address, asked)
}

fn tunnel(mut client: &TcpStream, count: &AtomicUsize) {
    let mut reader = BufReader::new(client);
    let (mut target, mut authorized) = (String::new(), false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(rest) = line.strip_prefix("CONNECT ") {
            target = rest.split(' ').next().unwrap().to_owned();
        }
        // "user:secret"
        authorized |= line.trim_end().ends_with("Basic dXNlcjpzZWNyZXQ=");
        if line == "\r\n" {
            break;
        }
    }
    count.fetch_add(1, Ordering::Relaxed);
    if !authorized {
        let _ = client.write_all(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n");
        return;
    }
    let server = TcpStream::connect(target).unwrap();
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut from, &mut to));
    let _ = std::io::copy(&mut reader, &mut &server);
}

#[test]
fn a_proxy_is_used_for_all_but_the_hosts_excepted() {
    let intake = Intake::new(|_| Act::Take);
    let (tls, pem) = tls_in_front_of(&intake);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    let (proxy, asked) = proxy();
    let https = format!("https://127.0.0.1:{}", tls.port());
    for (url, user, no_proxy, through, arrives) in [
        (https.as_str(), "user:secret@", "", 1, true),
        (&intake.url(), "user:secret@", "", 1, true),
        (&https, "user:secret@", "example.com,127.0.0.1", 0, true),
        (&https, "", "", 1, false),
    ] {
        let mut config = explicit(url);
        config
            .set("ca_file", file.path().to_str().unwrap())
            .unwrap();
        config
            .set("proxy", &format!("http://{user}{proxy}"))
            .unwrap();
        config.set("no_proxy", no_proxy).unwrap();
        config.set("retry_max_ms", "600000").unwrap();
        config.set("retry_base_ms", "60000").unwrap();
        let client = Client::new(&small_engine(), &config).unwrap();
        asked.store(0, Ordering::Relaxed);
        record(&client, "m", 2);
        // What is refused would be tried again for all of the time.
        let timeout = if arrives { AMPLE } else { AMPLE / 20 };
        let report = client.flush(Flush::All, timeout).unwrap();
        assert_eq!(
            report.complete(),
            arrives,
            "{url}: {}",
            client.last_failure()
        );
        assert_eq!(
            asked.load(Ordering::Relaxed).min(1),
            through,
            "{url} {no_proxy}"
        );
        assert!(!client.last_failure().contains("secret"));
    }
    assert_eq!(intake.total(), 6.0);
}
