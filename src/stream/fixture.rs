//! A real grant for the tests of the last stages: an annotator who may read one project's objects, and policies that
//! the test may change under him.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::catalog::{
    AccountId, Addressing, Catalog, LiveCatalog, Organization, OrganizationId, Place, Prefix,
    Project, ProjectId, Role, S3Place, Storage, StorageId, WorkspaceId,
};
use crate::ground::generation::Generation;
use crate::identity::{Identity, Supposed, suppose};
use crate::label_studio::Routes;
use crate::listener::Incoming;
use crate::policy::{Grant, Policy, Settings};
use crate::records::{KnownPerson, Memberships};
use crate::request::Operation;

pub(crate) const PATH: &str = "/-/objects/scans/main/a/1.png";

pub(crate) fn policy() -> Policy {
    let place = S3Place {
        bucket: "bucket".to_owned(),
        prefix: Prefix::new("team"),
        region: "eu-central-1".to_owned(),
        endpoint: None,
        addressing: Addressing::Path,
    };
    let storage = Storage {
        id: StorageId(5),
        project: ProjectId(3),
        name: "main".parse().unwrap(),
        revision: 1,
        place: Place::S3(place),
        credential: "default".parse().unwrap(),
        federation: None,
    };
    let workspace = (WorkspaceId(2), "default".parse().unwrap());
    let name = "scans".parse().unwrap();
    let project = Project::new(ProjectId(3), OrganizationId(1), workspace, name, "Scans".into())
        .with_storages([storage]);
    let name = "acme".parse().unwrap();
    let organization = Organization::new(OrganizationId(1), name, "Acme".into(), [project]);
    let catalog = LiveCatalog::new(Catalog::new([organization]), Generation::default());
    Policy::new(&Settings::default(), catalog).unwrap()
}

pub(crate) fn annotator() -> Identity {
    let mut memberships = Memberships::default();
    memberships.projects.insert(ProjectId(3), Role::Annotator);
    let person = KnownPerson {
        account: AccountId(7),
        email: "ann@example.com".parse().unwrap(),
        organization: OrganizationId(1),
        organization_name: "acme".parse().unwrap(),
        organization_role: None,
        memberships,
    };
    suppose(person, Supposed::Session, 1)
}

pub(crate) fn incoming(method: Method, path: &str) -> Incoming {
    Incoming::for_tests(method, path, HeaderMap::new(), Bytes::new())
}

pub(crate) fn grant(policy: &Policy, incoming: &Incoming) -> Grant {
    let operation = Operation::parse(incoming, &Routes::default()).unwrap();
    policy.decide(&annotator(), &operation, incoming.client()).unwrap()
}

pub(crate) fn reading() -> (Incoming, Arc<Policy>, Grant) {
    let (incoming, policy) = (incoming(Method::GET, PATH), Arc::new(policy()));
    let grant = grant(&policy, &incoming);
    (incoming, policy, grant)
}

/// Whether a connection has been cut.
pub(crate) fn is_cut(incoming: &Incoming) -> bool {
    format!("{:?}", incoming.connection()).contains("cut: true")
}
