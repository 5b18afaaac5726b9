//! Three thousand sign-ins in a row, of three thousand assertions: what they leave behind is in the records, not in memory.

use std::fs;

use crate::forge::Forge;
use crate::support::assertion::Signed;

const BEFORE: usize = 600;
const SIGN_INS: usize = 3_000;
/// What an allocator keeps for later, and caches that are bounded and not full yet.
const MOST_KIB: u64 = 16 << 10;

/// Resident memory, in KiB.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// One after the other: of fifty people, each with many groups.
async fn sign_in(forge: &Forge, count: usize) {
    let groups: Vec<String> = (0..40).map(|number| format!("group-{number}")).collect();
    let mut groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    groups.push("annotators");
    for number in 0..count {
        let way = forge.depart("").await;
        let person = format!("person-{}@example.com", number % 50);
        // AWS is not asked: its side of a sign-in is tried elsewhere.
        let claims = forge.claims(&person, &groups, Some(&way.request));
        let claims = claims.with("https://aws.amazon.com/SAML/Attributes/Role", &[]);
        let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
    }
}

#[tokio::test]
async fn three_thousand_sign_ins_leave_no_memory_behind() {
    let forge = Forge::start();
    let pid = forge.site.pid();
    sign_in(&forge, BEFORE).await;
    let before = resident(pid);
    sign_in(&forge, SIGN_INS).await;
    let after = resident(pid);
    println!("{before} KiB after {BEFORE} sign-ins, {after} KiB after {SIGN_INS} more");
    assert!(after.saturating_sub(before) <= MOST_KIB, "from {before} to {after} KiB");
}
