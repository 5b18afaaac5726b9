//! What is kept, what is refused, and what tells the watchers.

use super::fresh;
use crate::catalog::{Federation, Place, Role, StorageName};
use crate::ground::clock::{Clock, Timestamp};
use crate::ground::secret::Secret;
use crate::records::{Grounds, NewAccount, NewSessionRow, Put, Records, RecordsError};

fn place(bucket: &str) -> Place {
    let text = format!(r#"{{"kind":"s3","bucket":"{bucket}","prefix":"/a","region":"eu"}}"#);
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn what_was_put_is_in_the_catalogue_and_survives_a_restart() {
    let (records, _hand, folder) = fresh().await;
    let acme = records.create_organization(&"acme".parse().unwrap(), "Acme").await.unwrap();
    let (workspace, project) = ("lab".parse().unwrap(), "scans".parse().unwrap());
    records.create_workspace(acme, &workspace, "Lab").await.unwrap();
    let id = records.create_project(acme, &workspace, &project, "Scans").await.unwrap();
    let (name, credential) = ("main".parse().unwrap(), "default".parse().unwrap());
    records.put_storage((acme, &project), &name, &place("b"), (&credential, None)).await.unwrap();
    records.close().await;
    let path = folder.path().join("records.sqlite");
    let again = Records::open(&path, Clock::system()).await.unwrap();
    let catalog = again.catalog().await.unwrap();
    let found = catalog.project(acme, &project).unwrap();
    assert_eq!((found.id, found.workspace_name.as_str()), (id, "lab"));
    let storage = found.storage(&name).unwrap();
    let Place::S3(s3) = &storage.place;
    assert_eq!((s3.bucket.as_str(), s3.prefix.as_str()), ("b", "a/"), "the prefix is made whole");
    assert_eq!(storage.credential, credential);
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_storages_revision_changes_with_its_content_and_never_comes_back() {
    let (records, _hand, _folder) = fresh().await;
    let acme = records.create_organization(&"acme".parse().unwrap(), "").await.unwrap();
    let (workspace, project) = ("w".parse().unwrap(), "p".parse().unwrap());
    records.create_workspace(acme, &workspace, "").await.unwrap();
    records.create_project(acme, &workspace, &project, "").await.unwrap();
    let name: StorageName = "s".parse().unwrap();
    let (one, other) = ("one".parse().unwrap(), "other".parse().unwrap());
    let mut revisions = Vec::new();
    let roles = |role, arn: &str| Federation {
        provider: "arn:aws:iam::123456789012:saml-provider/idp".to_owned(),
        roles: [(role, arn.to_owned())].into(),
    };
    let (x, y) = (roles(Role::Annotator, "x"), roles(Role::Annotator, "y"));
    let z = roles(Role::Manager, "y");
    for (what, place, credential, federation, expected) in [
        ("new", place("b"), &one, None, Put::Created),
        ("same", place("b"), &one, None, Put::Unchanged),
        ("other place", place("c"), &one, None, Put::Changed),
        ("other credential", place("c"), &other, None, Put::Changed),
        ("with roles at AWS", place("c"), &other, Some(&x), Put::Changed),
        ("with the same", place("c"), &other, Some(&x), Put::Unchanged),
        ("with another", place("c"), &other, Some(&y), Put::Changed),
        ("of another role", place("c"), &other, Some(&z), Put::Changed),
        ("without again", place("c"), &other, None, Put::Changed),
        ("back", place("b"), &one, None, Put::Changed),
    ] {
        let before = records.last_change().await.unwrap();
        let what_opens = (credential, federation);
        let put = records.put_storage((acme, &project), &name, &place, what_opens).await;
        assert_eq!(put.unwrap(), expected, "{what}");
        let told = records.last_change().await.unwrap() > before;
        assert_eq!(told, expected != Put::Unchanged, "{what}");
        let storage = records.storages(acme, &project).await.unwrap().remove(0);
        assert_eq!(storage.federation.as_ref(), federation, "{what}");
        let catalog = records.catalog().await.unwrap();
        let shared = catalog.project(acme, &project).unwrap().storage(&name).unwrap();
        assert_eq!(shared.federation.as_ref(), federation, "{what}");
        if expected != Put::Unchanged {
            revisions.push(storage.revision);
        }
    }
    records.delete_storage(acme, &project, &name).await.unwrap();
    records.put_storage((acme, &project), &name, &place("b"), (&one, None)).await.unwrap();
    revisions.push(records.storages(acme, &project).await.unwrap()[0].revision);
    let count = revisions.len();
    revisions.sort_unstable();
    revisions.dedup();
    assert_eq!(revisions.len(), count);
}

#[tokio::test]
async fn names_are_unique_where_they_must_be_and_only_there() {
    let (records, _hand, _folder) = fresh().await;
    let acme = records.create_organization(&"acme".parse().unwrap(), "").await.unwrap();
    let umbrella = records.create_organization(&"umbrella".parse().unwrap(), "").await.unwrap();
    let again = records.create_organization(&"acme".parse().unwrap(), "").await;
    assert!(matches!(again, Err(RecordsError::Taken { .. })), "{again:?}");
    let (workspace, project) = ("w".parse().unwrap(), "p".parse().unwrap());
    for organization in [acme, umbrella] {
        records.create_workspace(organization, &workspace, "").await.unwrap();
        records.create_project(organization, &workspace, &project, "").await.unwrap();
        let again = records.create_project(organization, &workspace, &project, "").await;
        assert!(matches!(again, Err(RecordsError::Taken { .. })), "{again:?}");
    }
    let email = "ann@example.com".parse().unwrap();
    let new = || NewAccount { email: &email, role: Some(Role::Owner), password_hash: None };
    records.create_account(acme, new()).await.unwrap();
    let elsewhere = records.create_account(umbrella, new()).await;
    assert!(matches!(elsewhere, Err(RecordsError::Taken { .. })), "{elsewhere:?}");
}

#[tokio::test]
async fn what_still_holds_something_is_not_deleted() {
    let (records, _hand, _folder) = fresh().await;
    let acme = records.create_organization(&"acme".parse().unwrap(), "").await.unwrap();
    let (workspace, project) = ("w".parse().unwrap(), "p".parse().unwrap());
    records.create_workspace(acme, &workspace, "").await.unwrap();
    records.create_project(acme, &workspace, &project, "").await.unwrap();
    let full = records.delete_workspace(acme, &workspace).await;
    assert!(matches!(full, Err(RecordsError::NotEmpty { what: "workspace" })), "{full:?}");
    records.delete_project(acme, &project).await.unwrap();
    records.delete_workspace(acme, &workspace).await.unwrap();
    let gone = records.delete_workspace(acme, &workspace).await;
    assert!(matches!(gone, Err(RecordsError::NotFound { .. })), "{gone:?}");
}

#[tokio::test]
async fn who_only_looks_brings_nothing_up_to_date_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.sqlite");
    let none = Records::look(&path, Clock::system()).await;
    assert!(matches!(none, Err(RecordsError::File { .. })), "{none:?}");
    std::fs::write(&path, "").unwrap();
    let old = Records::look(&path, Clock::system()).await;
    assert!(matches!(old, Err(RecordsError::Pending { count: 1.. })), "{old:?}");
    assert_eq!(std::fs::read(&path).unwrap(), b"");
    let records = Records::open(&path, Clock::system()).await.unwrap();
    let acme = "acme".parse().unwrap();
    records.create_organization(&acme, "").await.unwrap();
    for beside_a_writer in [true, false] {
        let looking = Records::look(&path, Clock::system()).await.unwrap();
        assert_eq!(looking.organizations().await.unwrap().len(), 1, "{beside_a_writer}");
        let refused = looking.create_organization(&"umbrella".parse().unwrap(), "").await;
        assert!(matches!(refused, Err(RecordsError::Database(_))), "{refused:?}");
        looking.close().await;
        records.close().await;
    }
}

#[tokio::test]
async fn a_refused_change_leaves_nothing_behind_and_tells_nobody() {
    let (records, _hand, _folder) = fresh().await;
    let acme = records.create_organization(&"acme".parse().unwrap(), "").await.unwrap();
    let before = records.last_change().await.unwrap();
    let refused =
        records.create_project(acme, &"nowhere".parse().unwrap(), &"p".parse().unwrap(), "").await;
    assert!(matches!(refused, Err(RecordsError::NotFound { what: "workspace" })), "{refused:?}");
    assert_eq!(records.last_change().await.unwrap(), before);
    records.create_workspace(acme, &"w".parse().unwrap(), "").await.unwrap();
    assert_eq!(records.last_change().await.unwrap(), before + 1, "the lock was given back");
}

#[tokio::test]
async fn many_processes_may_open_and_write_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.sqlite");
    let all: Vec<_> = (0..4)
        .map(|process| {
            let path = path.clone();
            tokio::spawn(async move {
                let records = Records::open(&path, Clock::system()).await.unwrap();
                for one in 0..5 {
                    let name = format!("o{process}-{one}").parse().unwrap();
                    records.create_organization(&name, "").await.unwrap();
                }
            })
        })
        .collect();
    for one in all {
        one.await.unwrap();
    }
    let records = Records::open(&path, Clock::system()).await.unwrap();
    assert_eq!(records.organizations().await.unwrap().len(), 20);
    assert_eq!(records.last_change().await.unwrap(), 20, "each told exactly once");
}

#[tokio::test]
async fn no_session_begins_with_a_password_that_was_changed_meanwhile() {
    let (records, _hand, _folder) = fresh().await;
    let acme = records.create_organization(&"acme".parse().unwrap(), "").await.unwrap();
    let email = "ann@example.com".parse().unwrap();
    let (old, new) = (Secret::new("old".to_owned()), Secret::new("new".to_owned()));
    let ann = NewAccount { email: &email, role: None, password_hash: Some(old.clone()) };
    let account = records.create_account(acme, ann).await.unwrap();
    let session = |hash, password_hash| NewSessionRow {
        hash,
        account,
        grounds: Grounds::Password(Some(password_hash)),
        absolute_end: Timestamp::MAX,
        address: "192.0.2.1".parse().unwrap(),
        address_hash: "x",
        user_agent: "",
    };
    records.insert_session(session(&[1; 32], &old)).await.unwrap();
    records.set_password_hash(acme, account, &new).await.unwrap();
    let late = records.insert_session(session(&[2; 32], &old)).await;
    assert!(matches!(late, Err(RecordsError::NotFound { .. })), "{late:?}");
    assert!(records.sessions(acme).await.unwrap().is_empty());
    records.insert_session(session(&[3; 32], &new)).await.unwrap();
}
