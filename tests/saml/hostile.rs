//! Every hostile answer that has a name (`tests/vectors/saml/hostile`), posted to the real gateway by a browser that waits for an
//! answer: refused with one entry of the audit, without a session, within 50 ms of CPU, and without a connection of the gateway's to
//! anywhere (R1 to R5, R8). For exactly which reason each is refused is said where `sign_in::saml` is tested.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;

use crate::company::entries;
use crate::forge::Forge;

/// CPU of all threads of a process, in nanoseconds (`/proc/PID/task/*/schedstat`).
fn cpu(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let spent = tasks.flatten().filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    spent.sum()
}

/// The sockets that a process has connected or tries to connect, but for those that came to it: by their inode.
fn outbound(pid: u32, ports: &[u16]) -> BTreeSet<String> {
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap();
    let mine: BTreeSet<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .flatten()
        .filter_map(|fd| fs::read_link(fd.path()).ok())
        .filter_map(|link| {
            let text = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(text.to_owned())
        })
        .collect();
    let local = |columns: &[&str]| {
        let (_, port) = columns[1].split_once(':').unwrap();
        u16::from_str_radix(port, 16).unwrap()
    };
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|columns| mine.contains(columns[9]) && !ports.contains(&local(columns)))
        .map(|columns| columns[9].to_owned())
        .collect()
}

#[tokio::test]
async fn each_of_them_is_refused_recorded_cheap_and_kept_inside() {
    let forge = Forge::start();
    // It must have done what it does only once.
    forge.sign_in("alice@example.com", &["annotators"]).await;
    let way = forge.depart("").await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/saml/hostile");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 300, "the hostile answers are not where they should be");
    let (pid, ports) = (forge.site.pid(), [forge.site.port, forge.site.operations]);
    let before = outbound(pid, &ports);
    let mut worst = (0, String::new());
    for file in &files {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let response = STANDARD.encode(fs::read(file).unwrap());
        let start = cpu(pid);
        let answer = way.post(&response).await;
        let spent = cpu(pid) - start;
        let expected =
            [StatusCode::FORBIDDEN, StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE];
        assert!(expected.contains(&answer.status), "{name}: {} {}", answer.status, answer.text());
        assert!(answer.headers.get("set-cookie").is_none(), "{name}");
        assert!(spent < 50_000_000, "{name}: {spent} ns of CPU");
        assert!(outbound(pid, &ports).is_subset(&before), "{name}: a connection to elsewhere");
        worst = worst.max((spent, name.to_owned()));
    }
    let entries = entries(&forge.site, "AcceptAssertion", files.len() + 1);
    for (entry, file) in entries.iter().skip(1).zip(&files) {
        let reason = entry["reason"].as_str().unwrap_or_default();
        assert!(!reason.is_empty() && entry["code"].is_string(), "{}: {entry}", file.display());
        assert!(entry.get("email").is_none() && entry.get("signed_in_by").is_none(), "{entry}");
    }
    let list = forge.site.run(&["session", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(
        list.as_array().unwrap().len(),
        1,
        "alice's alone: {list}; the dearest was {worst:?}"
    );
}
