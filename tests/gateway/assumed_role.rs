//! What is particular to AssumeRole: the storage sees a temporary credential, cut to the storage's prefix when it was
//! asked for. (That everything works with it as with static keys: `objects`.)

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use reqwest::StatusCode;

use crate::support::{Moto, Site};

/// Stands before a peer, hands every byte through, and keeps what was asked.
struct Tap {
    address: String,
    asked: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    fn before(peer: &'static str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(peer).unwrap());
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || {
                    hand_on(client, server, |bytes| {
                        kept.lock().unwrap().extend_from_slice(bytes);
                    })
                });
                std::thread::spawn(move || hand_on(back.0, back.1, |_| ()));
            }
        });
        Self { address, asked }
    }

    /// What was asked so far, percent-decoded.
    fn asked(&self) -> String {
        let asked = self.asked.lock().unwrap();
        percent_encoding::percent_decode(&asked).decode_utf8_lossy().into_owned()
    }
}

fn hand_on(mut from: TcpStream, mut to: TcpStream, seen: impl Fn(&[u8])) {
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut chunk) {
        seen(&chunk[..length]);
        if to.write_all(&chunk[..length]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Write));
}

#[tokio::test]
async fn the_role_is_assumed_for_the_prefix_of_one_storage_and_its_keys_are_the_ones_used() {
    let moto = Moto::shared();
    moto.put("assumed/a.txt", "text/plain", b"by another role");
    let tap = Tap::before(&moto.address);
    let mut site = Site::with_role(moto, &tap.address);
    let owner = site.person("acme", "owner@example.com", "owner");
    site.project("acme", "assumed", &Site::moto_place(moto, "assumed/"));
    site.start();

    let read = site.get("/-/objects/assumed/media/a.txt", Some(&owner)).await;
    assert_eq!(read.status, StatusCode::OK, "{}\n{}", read.text(), site.log());
    assert_eq!(read.body, b"by another role");

    let asked = tap.asked();
    let bucket = format!("arn:aws:s3:::{}", moto.bucket);
    for part in [
        "Action=AssumeRole".to_owned(),
        format!("RoleArn={}", moto.role_arn),
        format!("\"Resource\":\"{bucket}/assumed/*\""),
        "\"Condition\":{\"StringLike\":{\"s3:prefix\":\"assumed/*\"}}".to_owned(),
    ] {
        assert!(asked.contains(&part), "{part} is not in\n{asked}");
    }

    let id = read.header("x-request-id");
    let entries = site.run(&["explain", id, "--json"]);
    assert!(!entries.contains(&moto.access_key_id), "the base key was used: {entries}");
    let audited = site.run(&["audit", "who-saw", "assumed/media/a.txt", "--json"]);
    assert!(audited.contains("ASIA"), "no temporary key is named in the audit: {audited}");
}
