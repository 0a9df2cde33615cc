//! DogStatsD over each kind of socket.

use std::io::Write;
use std::net::UdpSocket;
use std::os::unix::net::{UnixDatagram, UnixStream};

use pointmill_intake::{DogstatsdAddress, Intake, IntakeConfig};

use crate::support::*;

const PACKET: &[u8] = b"hits:1|c|@0.1|#env:prod\nhits:2:3|c|#env:prod\nload:1|g\nload:5|g\n\
    lat:1:2:3|d|#env:prod\nlat:4|d|@0.5|#env:prod,dd.internal.entity_id:x\ntime:7|ms\nusers:a|s\nusers:b|s\nusers:a|s\n\
    bad\nworse:x|c\nnan:NaN|g\n_e{1,1}:a|b\n_sc|up|0\n";

fn check(intake: &Intake, packets: u64) {
    let n = packets as f64;
    // A packet is counted before it is read, and stored as a whole some time later.
    eventually("the last message", || {
        status(intake, "/received/service_checks") == packets
    });
    eventually("all packets", || {
        total(intake, "hits", "sum") == Some(15.0 * n)
    });
    assert_eq!(status(intake, "/received/datagrams"), packets);
    for (metric, agg, value) in [
        ("hits", "sum", 15.0 * n),
        ("load", "last", 5.0),
        ("lat", "count", 5.0 * n),
        ("lat", "sum", 14.0 * n),
        ("time", "max", 7.0),
        ("users", "max", 2.0),
    ] {
        assert_eq!(total(intake, metric, agg), Some(value), "{metric} {agg}");
    }
    let lat = get(intake, "/v1/tags?metric=lat").json();
    assert_eq!(lat["tags"].as_array().unwrap().len(), 1, "{lat}");
    let refused = get(intake, "/v1/refused").json();
    assert_eq!(
        refused["by_cause"],
        serde_json::json!({"message": 2 * packets, "value": packets})
    );
    assert_eq!(refused["items"][1]["route"], "dogstatsd");
    assert_eq!(
        (
            status(intake, "/received/events"),
            status(intake, "/received/service_checks")
        ),
        (packets, packets)
    );
}

#[test]
fn udp() {
    let address = DogstatsdAddress::parse("127.0.0.1:0").unwrap();
    let intake = Intake::start(IntakeConfig {
        dogstatsd: vec![address],
        ..config()
    })
    .unwrap();
    let DogstatsdAddress::Udp(address) = intake.dogstatsd()[0] else {
        panic!()
    };
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(PACKET, address).unwrap();
    check(&intake, 1);
}

#[test]
fn unix_sockets() {
    let dir = tempfile::tempdir().unwrap();
    let (datagram, stream) = (dir.path().join("d.sock"), dir.path().join("s.sock"));
    // What a killed process has left does not keep the next from listening.
    drop(UnixDatagram::bind(&datagram).unwrap());
    let dogstatsd = vec![
        DogstatsdAddress::parse(&format!("unix:{}", datagram.display())).unwrap(),
        DogstatsdAddress::parse(&format!("unixstream:{}", stream.display())).unwrap(),
    ];
    let intake = Intake::start(IntakeConfig {
        dogstatsd,
        ..config()
    })
    .unwrap();
    UnixDatagram::unbound()
        .unwrap()
        .send_to(PACKET, &datagram)
        .unwrap();
    let mut connection = UnixStream::connect(&stream).unwrap();
    for _ in 0..2 {
        connection
            .write_all(&(PACKET.len() as u32).to_le_bytes())
            .unwrap();
        connection.write_all(PACKET).unwrap();
    }
    drop(connection);
    check(&intake, 3);
    let mut connection = UnixStream::connect(&stream).unwrap();
    connection.write_all(&u32::MAX.to_le_bytes()).unwrap();
    eventually("the refusal", || {
        get(&intake, "/v1/refused").json()["by_cause"]["too_large"] == 1
    });
    intake.stop();
    assert!(!datagram.exists() && !stream.exists());
}

#[test]
fn timestamps_are_kept() {
    let address = DogstatsdAddress::parse("127.0.0.1:0").unwrap();
    let intake = Intake::start(IntakeConfig {
        dogstatsd: vec![address],
        ..config()
    })
    .unwrap();
    let DogstatsdAddress::Udp(address) = intake.dogstatsd()[0] else {
        panic!()
    };
    UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .send_to(b"m:4|c|T1700000007", address)
        .unwrap();
    eventually("the point", || total(&intake, "m", "sum") == Some(4.0));
    assert_eq!(
        get(&intake, "/v1/dump").json()["series"][0]["points"][0]["start"],
        1_700_000_000
    );
}

#[test]
fn what_a_full_store_refuses_is_counted_by_entries() {
    let mut config = config();
    config.store.contexts_max = 3;
    config.dogstatsd = vec![DogstatsdAddress::parse("127.0.0.1:0").unwrap()];
    let mut intake = Intake::start(config).unwrap();
    let DogstatsdAddress::Udp(address) = intake.dogstatsd()[0] else {
        panic!()
    };
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let packet = b"a:1|c\nb:1|c\nc:1|c\nd:1|c\ne:1|c";
    socket.send_to(packet, address).unwrap();
    // What has arrived when it is closed is read.
    intake.close();
    let refused = intake.refused(1);
    assert_eq!((refused.total, refused.by_cause["full"]), (5, 5));
    assert!(refused.items[0].message.contains("--contexts-max"));
    assert_eq!(intake.received().datagrams, 1);
}
