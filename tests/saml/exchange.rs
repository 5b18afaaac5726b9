//! What a sign-in gets of STS when something is at odds: an STS that is silent, a person who needs much, a renewal that fails in
//! part, prefixes in any script. Each keeps to itself, and the audit tells what AWS's own records do.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::company::{Behind, Draft, entries};
use crate::forge::Forge;
use crate::support::account::Policy;
use crate::support::assertion::Signed;
use crate::support::sts::{Code, Fault, Outcome};
use crate::world::{ADMIN, ANNOTATOR, INSIDE, Reach};

const ALICE: &str = "alice@example.com";
const MEDIUM: &str = "/-/objects/scans/media/inside.txt";
const MORE: &str = "/-/objects/scans/more/inside.txt";

fn of_its_prefix(reach: Reach) -> String {
    Policy::of_prefix(reach.bucket, reach.prefix)
}

/// A storage that annotators open, in their bucket below a prefix.
fn storage(draft: &mut Draft, behind: Behind<'_>, name: (&str, &str), what: (&str, &str)) {
    let ((project, storage), (prefix, credential)) = (name, what);
    let (bucket, endpoint) = (ANNOTATOR.bucket, behind.s3.url());
    let section = format!("organization.acme.workspace.main.project.{project}.storage.{storage}");
    write!(
        draft.catalogue,
        "[{section}]\nbucket = {bucket:?}\nprefix = {prefix:?}\nregion = \"eu-central-1\"\n\
         endpoint = {endpoint:?}\naddressing = \"path\"\ncredential = {credential:?}\n"
    )
    .unwrap();
}

/// A further credential that people bring, for annotators, at an STS.
fn credential(draft: &mut Draft, behind: Behind<'_>, (name, sts): (&str, &str)) {
    let role = behind.account.role_arn(ANNOTATOR.role);
    write!(
        draft.settings,
        "[credentials.{name}]\nkind = \"saml\"\nregion = \"eu-central-1\"\n\
         sts_endpoint = {sts:?}\nrole_arns = [{role:?}]\nduration_seconds = 3600\n"
    )
    .unwrap();
}

/// Further projects with a storage each, and a group whose people are annotators of all of them and of `scans`.
fn many(draft: &mut Draft, behind: Behind<'_>, names: &[String], credential: &str) {
    let mut projects = vec!["scans = \"annotator\"".to_owned()];
    for name in names {
        projects.push(format!("{name} = \"annotator\""));
        let prefix = format!("{}{name}/", ANNOTATOR.prefix);
        storage(draft, behind, (name, "media"), (&prefix, credential));
    }
    let projects = projects.join(", ");
    write!(draft.groups, "[organization.acme.group.many]\nprojects = {{ {projects} }}\n").unwrap();
}

fn texts(entry: &Value) -> Vec<&str> {
    entry["credentials"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

#[tokio::test]
async fn prefixes_of_any_script_are_opened_beside_each_other() {
    const PREFIX: &str = "открыто/größe/🎬/";
    let all_of_it = |reach: Reach| Policy::of_prefix(reach.bucket, "");
    let forge = Forge::before(all_of_it, |behind, draft| {
        storage(draft, behind, ("scans", "more"), (PREFIX, "people"));
    });
    let key = format!("{PREFIX}{INSIDE}");
    forge.s3.put(ANNOTATOR.bucket, &key, "text/plain", key.as_bytes());
    let alice = forge.sign_in(ALICE, &["annotators"]).await;
    for (path, holds) in [(MEDIUM, format!("{}{INSIDE}", ANNOTATOR.prefix)), (MORE, key)] {
        let read = alice.get(path).await;
        assert_eq!((read.status.as_u16(), read.text()), (200, holds), "{}", forge.site.log());
    }
}

#[tokio::test]
async fn an_sts_that_says_nothing_keeps_nobody_from_another_and_is_left_alone() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    // Before and behind `scans`, in whatever order they are asked for.
    let names: Vec<_> =
        (0..40).map(|number| format!("{}{number}", ["a", "z"][number % 2])).collect();
    let forge = Forge::before(of_its_prefix, |behind, draft| {
        credential(draft, behind, ("slow", &address));
        many(draft, behind, &names, "slow");
    });
    // Everybody is let in, and nobody answered.
    let calls = Arc::new(Mutex::new(Vec::new()));
    let held = Arc::clone(&calls);
    std::thread::spawn(move || {
        for stream in silent.incoming() {
            held.lock().unwrap().push(stream);
        }
    });
    let way = forge.depart("").await;
    let claims = forge.claims(ALICE, &["many"], Some(&way.request));
    let began = Instant::now();
    let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
    let took = began.elapsed();
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
    assert_eq!(way.browser.get(MEDIUM).await.status.as_u16(), 200, "the other one is well");
    assert!(took < Duration::from_secs(9), "{took:?}");
    let calls = calls.lock().unwrap().len();
    assert!((1..=8).contains(&calls), "after the first ones it is left alone: {calls}");
    let entry = &entries(&forge.site, "AcceptAssertion", 1)[0];
    let failed = texts(entry).into_iter().filter(|one| one.contains("did not answer in time"));
    assert_eq!(failed.count(), names.len(), "each with its reason: {entry}");
}

#[tokio::test]
async fn who_needs_much_takes_a_share_of_a_roles_turns_and_others_are_served() {
    let names: Vec<_> = (0..24).map(|number| format!("a{number:02}")).collect();
    let forge = Forge::before(of_its_prefix, |behind, draft| {
        many(draft, behind, &names, "people");
    });
    let held = forge.sts.hold();
    let way = forge.depart("").await;
    let claims = forge.claims("mallory@example.com", &["many"], Some(&way.request));
    let request = way.request_to_post(&forge.idp.posted(&claims, Signed::Both));
    let his = tokio::spawn(async move { request.send().await.unwrap().status() });
    forge.sts.until_arrived(8).await;
    let hers = forge.depart("").await;
    let claims = forge.claims(ALICE, &["annotators"], Some(&hers.request));
    let request = hers.request_to_post(&forge.idp.posted(&claims, Signed::Both));
    let posting = tokio::spawn(async move { request.send().await.unwrap().status() });
    forge.sts.until_arrived(9).await;
    drop(held);
    assert_eq!(posting.await.unwrap().as_u16(), 303, "{}", forge.site.log());
    assert_eq!(hers.browser.get(MEDIUM).await.status.as_u16(), 200);
    // Hers was the ninth to arrive. Calls are in the order of their ends, and some of his may have overtaken it.
    let people: Vec<_> = forge.sts.calls().into_iter().take(18).map(|call| call.person).collect();
    assert!(people.contains(&Some(ALICE.to_owned())), "{people:?}");
    assert_eq!(his.await.unwrap().as_u16(), 303, "and all of his are had in the end");
    assert_eq!(way.browser.get(MEDIUM).await.status.as_u16(), 200);
    assert_eq!(forge.sts.calls().len(), 2 + names.len());
}

#[tokio::test]
async fn what_could_not_be_had_anew_serves_to_its_end_beside_what_was() {
    let below = format!("{}more/", ANNOTATOR.prefix);
    let forge = Forge::before(of_its_prefix, |behind, draft| {
        credential(draft, behind, ("other", &behind.sts.url()));
        storage(draft, behind, ("scans", "more"), (&below, "other"));
    });
    forge.s3.put(ANNOTATOR.bucket, &format!("{below}{INSIDE}"), "text/plain", b"more");
    let alice = forge.sign_in(ALICE, &["annotators"]).await;
    let mut keys = Vec::new();
    let mut browser = alice;
    for renewal in [false, true] {
        if renewal {
            forge.sts.fail_next(1, Fault::Refuse(Code::AccessDenied));
            let way = forge.depart_with(browser, "?renew=unseen").await;
            let claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
            way.post(&forge.idp.posted(&claims, Signed::Both)).await;
            browser = way.browser;
        }
        for path in [MEDIUM, MORE] {
            let read = browser.get(path).await;
            assert_eq!(read.status.as_u16(), 200, "{renewal} {path}: {}", read.text());
            keys.push(forge.s3.records().pop().unwrap().access_key_id.unwrap());
        }
    }
    let same = [keys[0] == keys[2], keys[1] == keys[3]];
    assert!(same == [true, false] || same == [false, true], "one of the two is new: {keys:?}");
}

#[tokio::test]
async fn the_audit_names_the_session_that_the_keys_were_issued_for() {
    let forge = Forge::start();
    let alice = forge.sign_in(ALICE, &["annotators"]).await;
    let provider = forge.account.provider_arn("idp");
    let roles = [ANNOTATOR, ADMIN].map(|reach| forge.account.role_arn(reach.role));
    let pairs = roles.each_ref().map(|role| (role.as_str(), provider.as_str()));
    let mut browser = alice;
    for (fails, expected) in [(true, ALICE), (false, "alice.new")] {
        forge.sts.fail_next(usize::from(fails), Fault::Refuse(Code::AccessDenied));
        let way = forge.depart_with(browser, "?renew=unseen").await;
        let claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
        let claims = claims.for_roles(&pairs, "alice.new");
        way.post(&forge.idp.posted(&claims, Signed::Both)).await;
        browser = way.browser;
        assert_eq!(browser.get(MEDIUM).await.status.as_u16(), 200);
        // S3 knows by whose keys it was read.
        let record = forge.s3.records().pop().unwrap();
        assert_eq!(record.session.as_deref(), Some(expected));
        let count = if fails { 1 } else { 2 };
        let entry = entries(&forge.site, "ReadObject", count).pop().unwrap();
        assert_eq!(entry["credential"].as_str(), record.access_key_id.as_deref());
        assert_eq!(entry["aws_session"], expected, "{entry}");
    }
}

#[tokio::test]
async fn a_failure_is_told_once_and_what_sts_says_of_it_in_the_audit_only() {
    let forge = Forge::start();
    forge.sts.fail_next(1, Fault::Refuse(Code::AccessDenied));
    let way = forge.depart("").await;
    let claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
    way.post(&forge.idp.posted(&claims, Signed::Both)).await;
    let entry = &entries(&forge.site, "AcceptAssertion", 1)[0];
    let words = Code::AccessDenied.words();
    assert!(texts(entry)[0].contains(words), "{entry}");
    let log = forge.site.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains("trust policy")).collect();
    let [told] = told[..] else { panic!("{told:#?}") };
    assert!(told.contains(ALICE) && told.contains("scans"), "{told}");
    assert!(!log.contains(words), "{told}");
}

#[tokio::test]
async fn one_call_is_one_credential_minted_however_often_it_is_used() {
    let forge = Forge::start();
    let alice = forge.sign_in(ALICE, &["annotators"]).await;
    for _ in 0..3 {
        assert_eq!(alice.get(MEDIUM).await.status.as_u16(), 200);
    }
    let issued = |call: &crate::support::sts::Call| matches!(call.outcome, Outcome::Issued(_));
    assert_eq!(forge.sts.calls().iter().filter(|call| issued(call)).count(), 1);
    let metrics = reqwest::get(format!("http://127.0.0.1:{}/metrics", forge.site.operations));
    let metrics = metrics.await.unwrap().text().await.unwrap();
    assert!(metrics.contains("sluicegate_credentials_minted_total 1\n"), "{metrics}");
}
