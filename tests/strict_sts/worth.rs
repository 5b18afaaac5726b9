//! What a credential is worth: by the STS's own record, who it was issued for; by the S3, what it opens.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;
use sluicegate::catalog::{Place, S3Place};
use sluicegate::ground::clock::SignedDuration;

use crate::crowd::{
    BESIDE, By, Crowd, INSIDE, PROJECTS, Served, Session, TAKEN, prefix, role_at_aws,
};
use crate::support::account::Context;
use crate::support::sts::{Call, Outcome};

/// Credentials that have been tried at the S3, by their ids: once each is enough.
#[derive(Debug, Default)]
pub struct Tried(HashSet<String>);

/// The calls that gave keys, with their ids.
fn issued(crowd: &Crowd) -> impl Iterator<Item = (String, Call)> {
    crowd.world.sts.calls().into_iter().filter_map(|call| match &call.outcome {
        Outcome::Issued(id) => Some((id.clone(), call)),
        Outcome::Refused(_) | Outcome::HungUp => None,
    })
}

/// Whether this session holds what was issued for this, for a while yet.
pub fn owed(crowd: &Crowd, session: &Session, project: usize, by: By) -> bool {
    let (bucket, prefix) = crowd.place(project, by);
    let role = crowd.world.account.role_arn(role_at_aws(session.person, project));
    let kept = session.kept();
    let soon = crowd.world.now() + SignedDuration::from_secs(60);
    issued(crowd).any(|(id, call)| {
        let its = match by {
            By::Assertion => {
                call.role == role && call.person.as_ref().is_some_and(|one| kept.contains(one))
            }
            By::Name => {
                call.action == "AssumeRole" && call.session.as_deref() == Some(session.email())
            }
        };
        let lives = crowd.world.account.session(&id).unwrap().expires > soon;
        its && lives && reach(&call) == only(bucket, &prefix)
    })
}

/// Everything that the session policy names: resources, and prefixes of lists.
fn reach(call: &Call) -> BTreeSet<String> {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => drop(found.insert(text.clone())),
            Value::Array(all) => all.iter().for_each(|one| collect(one, found)),
            Value::Object(all) => {
                let names = all
                    .iter()
                    .filter(|(key, _)| !["Effect", "Action", "Version"].contains(&&***key));
                names.for_each(|(_, one)| collect(one, found));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut found = BTreeSet::new();
    let Some(policy) = &call.policy else { panic!("what was issued is not cut: {call:?}") };
    collect(&serde_json::from_str(policy).unwrap(), &mut found);
    found
}

/// The reach of one prefix of one bucket.
fn only(bucket: &str, prefix: &str) -> BTreeSet<String> {
    let bucket = format!("arn:aws:s3:::{bucket}");
    [format!("{bucket}/{prefix}*"), bucket, format!("{prefix}*")].into()
}

/// The call that gave this credential: it was for this person, role, session and project.
fn issued_for(
    crowd: &Crowd,
    (session, project, by): (&Session, usize, By),
    served: &Served,
) -> Call {
    let account = &crowd.world.account;
    let id = served.credential.id().unwrap();
    let found = issued(crowd).find(|(issued, _)| issued == id);
    let (_, call) = found.unwrap_or_else(|| panic!("nobody issued {id}"));
    let (email, at_sts) = (session.email(), account.session(id).unwrap());
    assert_eq!((call.session.as_deref(), &*at_sts.name), (Some(email), email), "{call:?}");
    let role = match by {
        By::Assertion => {
            assert_eq!(call.action, "AssumeRoleWithSAML");
            let subject = call.person.as_ref().unwrap();
            assert!(session.shown().contains(subject), "{session:?} has what {call:?} gave");
            let role = role_at_aws(session.person, project);
            assert!(session.roles.contains(&role), "{session:?} has no {role}");
            role
        }
        By::Name => {
            assert_eq!(call.action, "AssumeRole");
            assert_eq!(call.source_identity.as_deref(), Some(email), "{call:?}");
            let tag = ("sluicegate:project".to_owned(), PROJECTS[project].0.to_owned());
            assert!(call.tags.contains(&tag), "{call:?}");
            TAKEN
        }
    };
    let role = account.role_arn(role);
    assert_eq!((&call.role, &at_sts.role.arn), (&role, &role));
    assert_eq!(served.credential.acting(), Some((&*role, email)));
    let token = served.credential.aws().unwrap().session_token().unwrap();
    assert_eq!(*token.expose(), at_sts.token);
    call
}

/// Where the storage lay when it was asked for: at a place of the project's.
fn place(project: usize, served: &Served) -> &S3Place {
    let Place::S3(place) = &served.storage.place;
    let (name, bucket) = PROJECTS[project];
    let its_own = place.prefix.as_str().starts_with(&format!("{name}-"));
    assert!(its_own && place.bucket == bucket, "{place:?} is not of {name}");
    place
}

/// Bucket and key of what else there is: of the other storages, and of none.
fn others(inside: &(&str, String)) -> Vec<(&'static str, String)> {
    let mut all = PROJECTS.map(|(_, bucket)| (bucket, BESIDE.to_owned())).to_vec();
    for (project, (_, bucket)) in PROJECTS.into_iter().enumerate() {
        all.extend(By::BOTH.map(|by| (bucket, format!("{}{INSIDE}", prefix(project, by, 0)))));
    }
    all.retain(|other| other != inside);
    all
}

impl Tried {
    /// The credential was issued for exactly this, and is worth exactly this.
    pub async fn check(&mut self, crowd: &Crowd, asked: (&Session, usize, By), served: &Served) {
        let call = issued_for(crowd, asked, served);
        let place = place(asked.1, served);
        let (bucket, below) = (place.bucket.as_str(), place.prefix.as_str());
        assert_eq!(reach(&call), only(bucket, below), "{call:?}");

        let id = served.credential.id().unwrap();
        let at_sts = crowd.world.account.session(id).unwrap();
        // What has ended meanwhile opens nothing, whatever it is of.
        let lives = at_sts.expires > crowd.world.now();
        if !lives || !self.0.insert(id.to_owned()) {
            return;
        }
        let inside = (bucket, format!("{below}{INSIDE}"));
        let read = crowd.read(&served.credential, inside.0, &inside.1).await;
        assert_eq!(read, 200, "{inside:?}: {call:?}");
        for (bucket, key) in others(&inside) {
            let arn = format!("arn:aws:s3:::{bucket}/{key}");
            assert!(!at_sts.may("s3:PutObject", &arn, &Context::default()), "{arn}: {call:?}");
            let read = crowd.read(&served.credential, bucket, &key).await;
            assert_eq!(read, 403, "{bucket} {key}: {call:?}");
        }
    }
}
