//! Whoever signed in at his identity provider writes as himself: with what his own assertion brought, as far as both his role here
//! and his role at AWS go.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::company::{Browser, entries};
use crate::forge::Forge;
use crate::support::account::{Context, Policy};
use crate::support::s3::Record;
use crate::support::site::Answer;
use crate::world::{ADMIN, ANNOTATOR, INSIDE, Reach};

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";

/// What the S3 saw of writes.
fn puts(forge: &Forge) -> Vec<Record> {
    forge.s3.records().into_iter().filter(|one| one.method == Method::PUT).collect()
}

/// The S3 knew who wrote where, by a credential of this role that is cut to the prefix; and so does the audit.
#[track_caller]
fn written_by(forge: &Forge, person: &str, reach: Reach, (record, entry): (&Record, &Value)) {
    let role = forge.account.role_arn(reach.role);
    assert_eq!(record.session.as_deref(), Some(person), "{record:?}");
    assert_eq!(record.role.as_ref(), Some(&role), "{record:?}");
    assert!(
        record.target.starts_with(&format!("/{}/{}", reach.bucket, reach.prefix)),
        "{record:?}"
    );
    let id = record.access_key_id.as_ref().unwrap();
    let session = forge.account.session(id).unwrap();
    assert_eq!(session.subject.as_deref(), Some(person), "by an assertion about somebody else");
    let beside = format!("arn:aws:s3:::{}/beside/x", reach.bucket);
    assert!(!session.may("s3:PutObject", &beside, &Context::default()));

    let told = ["email", "role", "credential", "aws_session"].map(|key| entry[key].as_str());
    assert_eq!(told, [Some(person), Some(&role), Some(id), Some(person)], "{entry}");
}

#[track_caller]
fn refused(answer: &Answer, status: StatusCode, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.code(), code);
}

#[tokio::test]
async fn managers_write_each_with_his_own_credential_and_read_it_back() {
    let forge = Forge::start();
    let path = |name: &str| format!("/-/objects/ledgers/media/new/{name}.txt");
    let mut people = Vec::new();
    for (person, name) in [(ALICE, "alice"), (BOB, "bob")] {
        people.push((forge.sign_in(person, &["admins"]).await, person, name));
    }
    for (browser, person, name) in &people {
        let answer = browser.put(&path(name), &format!("of {person}")).await;
        assert!(answer.status.is_success(), "{}\n{}", answer.text(), forge.site.log());
        let read = browser.get(&path(name)).await;
        assert_eq!((read.status, read.text()), (StatusCode::OK, format!("of {person}")));
        let stored = forge.s3.bytes(ADMIN.bucket, &format!("{}new/{name}.txt", ADMIN.prefix));
        assert_eq!(stored.unwrap(), format!("of {person}"));
    }
    // What one of them wrote, the other reads: with his own credential again.
    assert_eq!(people[1].0.get(&path("alice")).await.text(), format!("of {ALICE}"));
    let last = forge.s3.records().pop().unwrap();
    assert_eq!(last.session.as_deref(), Some(BOB), "{last:?}");

    let (puts, entries) = (puts(&forge), entries(&forge.site, "WriteObject", 2));
    assert_eq!(puts.len(), 2, "{puts:?}");
    for ((_, person, _), seen) in people.iter().zip(puts.iter().zip(&entries)) {
        written_by(&forge, person, ADMIN, seen);
        assert_eq!(seen.1["decision"], "permitted", "{}", seen.1);
    }
    assert_ne!(puts[0].access_key_id, puts[1].access_key_id);
    let verified = forge.site.try_run(&["audit", "verify"], "");
    assert!(verified.status.success(), "{verified:?}");
}

#[tokio::test]
async fn an_annotator_writes_nothing_and_the_s3_is_not_even_asked() {
    let forge = Forge::start();
    let alice = forge.sign_in(ALICE, &["annotators"]).await;
    let answer = alice.put("/-/objects/scans/media/inside.txt", "changed").await;
    refused(&answer, StatusCode::FORBIDDEN, "forbidden");
    // Of a project in which she is nobody, not even that it is there.
    let answer = alice.put(&format!("/-/objects/ledgers/media/{INSIDE}"), "changed").await;
    refused(&answer, StatusCode::NOT_FOUND, "not-found");
    assert_eq!(forge.s3.records(), []);
    let [first, _] = &entries(&forge.site, "WriteObject", 2)[..] else { panic!() };
    assert_eq!((&first["email"], &first["credential"]), (&ALICE.into(), &Value::Null), "{first}");
}

/// A manager here, whose role at AWS may only read: what S3 says stays with us.
#[tokio::test]
async fn who_may_only_read_at_aws_is_refused_by_the_s3_itself_and_told_no_place() {
    let forge = Forge::of_roles(
        |reach| match reach.role {
            "annotator" => Policy::reading_prefix(reach.bucket, reach.prefix),
            _ => Policy::of_prefix(reach.bucket, reach.prefix),
        },
        |account, draft| {
            draft.groups =
                "[organization.acme.group.admins]\nprojects = { scans = \"manager\" }\n".to_owned();
            draft.catalogue = format!(
                "[organization.acme.workspace.main.project.scans.aws]\nprovider = {:?}\n\
                 roles = {{ manager = {:?} }}\n",
                account.provider_arn("idp"),
                account.role_arn(ANNOTATOR.role)
            );
        },
    );
    let alice = forge.sign_in(ALICE, &["admins"]).await;
    let path = format!("/-/objects/scans/media/{INSIDE}");
    let kept = format!("{}{INSIDE}", ANNOTATOR.prefix);
    let answer = alice.put(&path, "changed").await;
    refused(&answer, StatusCode::BAD_GATEWAY, "storage-fault");
    let told = format!("{:?}\n{}", answer.headers, answer.text());
    let [record] = puts(&forge).try_into().unwrap();
    assert_eq!((record.status, record.code.as_deref()), (403, Some("AccessDenied")));
    let id = record.access_key_id.clone().unwrap();
    let session = forge.account.session(&id).unwrap();
    let secrets = [ANNOTATOR.bucket, "arn:aws", "AccessDenied", &id, &session.token, "open/"];
    for secret in secrets.into_iter().chain([session.secret.as_str(), &*forge.s3.address]) {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
    let [entry] = entries(&forge.site, "WriteObject", 1).try_into().unwrap();
    written_by(&forge, ALICE, ANNOTATOR, (&record, &entry));
    assert_eq!((&entry["status"], &entry["code"]), (&502.into(), &"storage-fault".into()));

    assert_eq!(forge.s3.bytes(ANNOTATOR.bucket, &kept).unwrap(), kept.as_bytes());
    still_reads(&alice, &path, &kept).await;
}

/// That one thing was refused takes nothing away.
async fn still_reads(browser: &Browser<'_>, path: &str, holds: &str) {
    let read = browser.get(path).await;
    assert_eq!((read.status, read.text().as_str()), (StatusCode::OK, holds));
}
