//! Roles that the gateway takes for each person: under his name, with keys of his own.

use super::crowd::{Crowd, role};
use super::sts::{Deed, SOURCE};
use crate::credential::{CredentialError, SourceError};
use crate::ground::clock::SignedDuration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_person_has_a_session_of_his_own_name() {
    let crowd = Crowd::new().await;
    let (ann, bob) = (crowd.begin(0, &[]).await, crowd.begin(1, &[]).await);
    let mut ids = Vec::new();
    for (session, name) in [(&ann, "ann@example.com"), (&bob, "bob@example.com"), (&ann, "")] {
        let credential = crowd.mint(session, (0, 3, 1), None).await.unwrap();
        ids.push(credential.id().unwrap().to_owned());
        if name.is_empty() {
            continue;
        }
        assert_eq!(credential.acting(), Some((&*role("path/x"), name)));
        let call = crowd.world.sts.issued(&ids[ids.len() - 1]);
        assert_eq!(call.by.as_deref(), Some(SOURCE.0));
        for (parameter, value) in [
            ("RoleArn", &*role("path/x")),
            ("RoleSessionName", name),
            ("SourceIdentity", name),
            ("Tags.member.1.Key", "sluicegate:organization"),
            ("Tags.member.1.Value", "acme"),
            ("Tags.member.2.Key", "sluicegate:project"),
            ("Tags.member.2.Value", "cats"),
            ("Tags.member.3.Key", "sluicegate:role"),
            ("Tags.member.3.Value", "annotator"),
            ("Tags.member.4.Key", ""),
            ("TransitiveTagKeys.member.1", ""),
        ] {
            assert_eq!(call.parameter(parameter), value, "{parameter}");
        }
        assert!(call.parameter("Policy").contains("cats-s3-r1/*"));
    }
    assert_eq!(ids[0], ids[2], "kept");
    assert_ne!(ids[0], ids[1]);
    assert_eq!(crowd.world.sts.calls().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_role_that_the_storage_names_is_taken_where_the_settings_list_it() {
    let crowd = Crowd::new().await;
    let ann = crowd.begin(0, &[]).await;
    let credential = crowd.mint(&ann, (0, 3, 1), Some("admin")).await.unwrap();
    assert_eq!(credential.acting().unwrap().0, role("admin"));
    let call = crowd.world.sts.issued(credential.id().unwrap());
    assert_eq!(call.parameter("RoleArn"), role("admin"));
    let own = crowd.mint(&ann, (0, 3, 1), Some("path/x")).await.unwrap();
    assert_eq!(own.id(), crowd.mint(&ann, (0, 3, 1), None).await.unwrap().id());
    let outcome = crowd.mint(&ann, (0, 3, 1), Some("root")).await;
    assert!(matches!(outcome, Err(CredentialError::RoleNotListed { .. })), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_tells_what_the_trust_policy_needs_and_one_role_does_not_stop_another() {
    let crowd = Crowd::new().await;
    let ann = crowd.begin(0, &[]).await;
    crowd.world.sts.then(Deed::Refuse(403, "AccessDenied", "not authorized: sts:TagSession"));
    let error = crowd.mint(&ann, (0, 3, 1), None).await.unwrap_err();
    let CredentialError::Unavailable { cause, .. } = &error else { panic!("{error:?}") };
    let SourceError::Paused { cause } = &**cause else { panic!("{error:?}") };
    for action in ["sts:SetSourceIdentity", "sts:TagSession", "sts:AssumeRole"] {
        assert!(cause.to_string().contains(action), "{cause}");
    }
    crowd.mint(&ann, (0, 3, 1), Some("admin")).await.unwrap();
    assert!(crowd.mint(&ann, (1, 3, 1), None).await.is_err(), "left alone for now");
    crowd.world.hand.advance(SignedDuration::from_secs(1));
    crowd.mint(&ann, (0, 3, 1), None).await.unwrap();
}
