//! What an identity provider's order to sign out ends, and what it lets nobody begin.

use std::time::Duration;

use super::fresh;
use super::vouched::{ISSUED, an_account, begin, organization, vouched};
use crate::catalog::AccountId;
use crate::ground::clock::{SignedDuration, Timestamp};
use crate::ground::secret::Secret;
use crate::records::{Grounds, Records, RecordsError, SignOutOrder, VouchedSession};

/// Longer than anybody accepts an assertion.
const KEPT: SignedDuration = SignedDuration::from_secs(420);

/// So many milliseconds after the assertions of these tests.
fn at(milliseconds: i64) -> Timestamp {
    ISSUED + SignedDuration::from_millis(milliseconds)
}

/// An order about this subject that was given then.
async fn order(records: &Records, subject: u8, indexes: &[&str], issued: Timestamp) -> Vec<String> {
    let indexes: Vec<_> = indexes.iter().map(|&index| index.to_owned()).collect();
    let order = SignOutOrder {
        subject: &[subject; 32],
        session_indexes: &indexes,
        issued,
        until: issued + KEPT,
    };
    records.end_vouched_sessions(&order).await.unwrap()
}

fn issued(subject: u8, index: Option<&str>, issued: Timestamp) -> VouchedSession {
    VouchedSession { issued, ..vouched(subject, index, vec![]) }
}

async fn ann(records: &Records) -> AccountId {
    let acme = organization(records, "acme").await;
    an_account(records, acme, "ann@example.com").await
}

async fn lives(records: &Records, hash: u8) -> bool {
    records.find_session(&[hash; 32]).await.unwrap().is_some()
}

async fn noted(records: &Records) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM sign_out_order");
    count.fetch_one(&records.reads).await.unwrap()
}

#[tokio::test]
async fn an_order_ends_what_it_names_and_nothing_else() {
    let (records, _hand, _folder) = fresh().await;
    let ann = ann(&records).await;
    let hash = Secret::new("hash".to_owned());
    let left = async || {
        let mut left = Vec::new();
        for hash in 1..=6u8 {
            left.extend(lives(&records, hash).await.then_some(hash));
        }
        left
    };
    let all: [(u8, u8, Option<&str>); 5] =
        [(1, 1, Some("i")), (2, 1, Some("j")), (3, 1, None), (4, 2, Some("i")), (5, 2, Some("j"))];
    for (hash, subject, index) in all {
        let vouched = vouched(subject, index, vec![]);
        begin(&records, (hash, ann), Grounds::Vouched(&vouched)).await.unwrap();
    }
    begin(&records, (6, ann), Grounds::Password(Some(&hash))).await.unwrap();
    assert_eq!(left().await, [1, 2, 3, 4, 5, 6]);
    for (subject, indexes, given, ended, expected) in [
        (9, &[][..], at(0), 0, &[1, 2, 3, 4, 5, 6][..]),
        (2, &["nothing"], at(0), 0, &[1, 2, 3, 4, 5, 6]),
        // Given before any of the assertions was issued, and heard again.
        (1, &[], at(-1_000), 0, &[1, 2, 3, 4, 5, 6]),
        // The third cannot be told apart.
        (1, &["i"], at(0), 2, &[2, 4, 5, 6]),
        (2, &[], at(0), 2, &[2, 6]),
    ] {
        let before = records.last_change().await.unwrap();
        let out = order(&records, subject, indexes, given).await;
        assert_eq!(out, vec!["ann@example.com"; ended], "{subject} {indexes:?}");
        assert_eq!(left().await, expected, "{subject} {indexes:?}");
        assert_eq!(records.last_change().await.unwrap() > before, ended > 0);
    }
}

#[tokio::test]
async fn nothing_begins_by_an_assertion_that_an_order_is_younger_than() {
    let (records, hand, _folder) = fresh().await;
    let ann = ann(&records).await;
    order(&records, 1, &[], at(0)).await;
    order(&records, 2, &["i", "j"], at(0)).await;
    // What came earlier and is heard again takes nothing back.
    order(&records, 1, &[], at(-9)).await;
    order(&records, 2, &["j"], at(-9)).await;
    assert_eq!(noted(&records).await, 3);
    let cases = [
        (1, None, -1, false),
        (1, Some("k"), -2, false),
        // Of one time, it may have been given before or after: whoever signs in again at once comes in.
        (1, Some("k"), 0, true),
        (2, Some("i"), -1, false),
        (2, Some("j"), -1, false),
        (2, Some("j"), 0, true),
        (2, Some("k"), -1, true),
        // It cannot be told apart.
        (2, None, -1, false),
        (2, Some(""), -1, false),
        (3, None, -1, true),
    ];
    for (hash, (subject, index, given, begins)) in (1..).zip(cases) {
        let brought = issued(subject, index, at(given));
        let begun = begin(&records, (hash, ann), Grounds::Vouched(&brought)).await;
        match begun {
            Ok(()) => assert!(begins, "{subject} {index:?} {given}"),
            Err(RecordsError::SignedOut) => assert!(!begins, "{subject} {index:?} {given}"),
            Err(other) => panic!("{other}"),
        }
        assert_eq!(lives(&records, hash).await, begins);
    }

    // When nobody accepts such an assertion any more, it is forgotten.
    hand.advance(KEPT - SignedDuration::from_millis(1));
    order(&records, 9, &[], at(1_000)).await;
    assert_eq!(noted(&records).await, 4);
    hand.advance(SignedDuration::from_millis(1));
    order(&records, 9, &[], at(1_000)).await;
    assert_eq!(noted(&records).await, 1);
}

#[tokio::test]
async fn nothing_goes_on_by_an_assertion_that_an_order_is_younger_than() {
    let (records, _hand, _folder) = fresh().await;
    let acme = organization(&records, "acme").await;
    let ann = an_account(&records, acme, "ann@example.com").await;
    let bob = an_account(&records, acme, "bob@example.com").await;
    let first = issued(1, Some("i"), at(-5));
    begin(&records, (1, ann), Grounds::Vouched(&first)).await.unwrap();
    order(&records, 1, &["j"], at(0)).await;
    assert!(lives(&records, 1).await);
    let end = (Timestamp::MAX, Duration::MAX);
    let renew = async |account, index, given| {
        let brought = issued(1, Some(index), at(given));
        records.renew_session(&[1; 32], account, end, &brought).await
    };
    // By another session there, by a later sign-in, and by somebody whose session it is not.
    renew(ann, "k", -4).await.unwrap();
    renew(ann, "j", 1).await.unwrap();
    let stranger = renew(bob, "j", -1).await;
    assert!(matches!(stranger, Err(RecordsError::SignedOut)), "{stranger:?}");
    assert!(lives(&records, 1).await);
    // An older assertion, of what has ended there.
    let before = records.last_change().await.unwrap();
    let late = renew(ann, "j", -1).await;
    assert!(matches!(late, Err(RecordsError::SignedOut)), "{late:?}");
    assert!(!lives(&records, 1).await);
    assert!(records.last_change().await.unwrap() > before, "what is remembered of it is outdated");
}

#[tokio::test]
async fn whichever_node_hears_the_order_nothing_is_left() {
    let (records, _hand, folder) = fresh().await;
    let path = folder.path().join("records.sqlite");
    let other = Records::open(&path, records.clock.clone()).await.unwrap();
    let ann = ann(&records).await;
    for subject in 1..=40 {
        let old = issued(subject, Some("i"), at(-1));
        begin(&records, (subject, ann), Grounds::Vouched(&old)).await.unwrap();
        let ordered = tokio::spawn({
            let other = other.clone();
            async move { order(&other, subject, &[], at(0)).await }
        });
        let brought = issued(subject, Some("j"), at(-1));
        let end = (Timestamp::MAX, Duration::MAX);
        let renewed = records.renew_session(&[subject; 32], ann, end, &brought).await;
        let begun = begin(&records, (subject + 100, ann), Grounds::Vouched(&brought)).await;
        ordered.await.unwrap();
        let left = [lives(&records, subject).await, lives(&records, subject + 100).await];
        assert_eq!(left, [false, false], "{renewed:?} {begun:?}");
    }
}
