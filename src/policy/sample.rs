//! A small world for the tests of this stage: two organizations, three projects, and whoever is needed.

use std::collections::BTreeSet;
use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::rules::Rules;
use super::source::Source;
use super::{Denial, Grant, NotFoundWhy, Policy, RulesError, Settings};
use crate::catalog::{
    AccountId, Addressing, Allowed, Asserted, AssertedRole, Catalog, CredentialName, Federation,
    LiveCatalog, Organization, OrganizationId, Place, Prefix, Project, ProjectId, Role, S3Place,
    Scope, Storage, StorageId, WorkspaceId,
};
use crate::ground::generation::Generation;
use crate::identity::{Identity, Supposed, suppose};
use crate::label_studio::Routes;
use crate::listener::Incoming;
use crate::records::{KnownPerson, Memberships};
use crate::request::{ObjectAddress, ObjectKey, Operation};

pub(super) const ACME: OrganizationId = OrganizationId(1);
pub(super) const GLOBEX: OrganizationId = OrganizationId(2);
pub(super) const VISION: WorkspaceId = WorkspaceId(10);
/// Acme's: workspace vision; storages scans and films.
pub(super) const SIGNS: ProjectId = ProjectId(100);
/// Acme's: workspace vision; storages scans; own, which people open by roles that they assert; taken, for which the gateway
/// takes roles. One of Label Studio's.
pub(super) const FACES: ProjectId = ProjectId(101);
/// Globex's: also called "signs", also with "scans".
pub(super) const THEIR_SIGNS: ProjectId = ProjectId(200);

pub(super) fn catalog() -> Catalog {
    let acme = Organization::new(
        ACME,
        "acme".parse().unwrap(),
        "Acme".to_owned(),
        [
            project(ACME, VISION, SIGNS, "signs").with_storages([
                storage(SIGNS, 1000, "scans", 1),
                storage(SIGNS, 1001, "films", 1),
            ]),
            project(ACME, VISION, FACES, "faces").with_number(Some(1)).with_storages([
                storage(FACES, 1010, "scans", 1),
                federated(storage(FACES, 1011, "own", 1), "people"),
                federated(storage(FACES, 1012, "taken", 1), "default"),
            ]),
        ],
    );
    let globex = Organization::new(
        GLOBEX,
        "globex".parse().unwrap(),
        "Globex".to_owned(),
        [project(GLOBEX, WorkspaceId(20), THEIR_SIGNS, "signs").with_storages([storage(
            THEIR_SIGNS,
            2000,
            "scans",
            1,
        )])],
    );
    Catalog::new([acme, globex])
}

pub(super) fn project(
    organization: OrganizationId,
    workspace: WorkspaceId,
    id: ProjectId,
    name: &str,
) -> Project {
    let workspace = (workspace, "vision".parse().unwrap());
    Project::new(id, organization, workspace, name.parse().unwrap(), name.to_owned())
}

pub(super) fn storage(project: ProjectId, id: i64, name: &str, revision: u64) -> Storage {
    Storage {
        id: StorageId(id),
        project,
        name: name.parse().unwrap(),
        revision,
        place: Place::S3(S3Place {
            bucket: "bucket".to_owned(),
            prefix: Prefix::default(),
            region: "eu-central-1".to_owned(),
            endpoint: None,
            addressing: Addressing::Path,
        }),
        credential: "default".parse().unwrap(),
        federation: None,
    }
}

/// What people bring for themselves.
pub(super) fn brought() -> BTreeSet<CredentialName> {
    BTreeSet::from(["people".parse().unwrap()])
}

/// A policy stage with the built-in roles.
pub(super) fn policy() -> Policy {
    let settings = Settings { brought: brought(), ..Settings::default() };
    Policy::new(&settings, LiveCatalog::new(catalog(), Generation::default())).unwrap()
}

/// The role pack and these policies besides.
pub(super) fn rules_with(more: &str) -> Rules {
    try_rules_with(more).unwrap()
}

pub(super) fn try_rules_with(more: &str) -> Result<Rules, RulesError> {
    let roles = include_str!("../../policies/roles.cedar");
    let sources = [Source::new("roles.cedar", roles), Source::new("more.cedar", more)];
    Rules::of(&sources, brought())
}

/// Somebody without any role yet.
pub(super) fn member_of(organization: OrganizationId) -> KnownPerson {
    let name = if organization == ACME { "acme" } else { "globex" };
    KnownPerson {
        account: AccountId(7),
        email: "ann@example.com".parse().unwrap(),
        organization,
        organization_name: name.parse().unwrap(),
        organization_role: None,
        memberships: Memberships::default(),
    }
}

/// Acme's member with this role in this project.
pub(super) fn with_role(role: Role, project: ProjectId) -> Identity {
    let mut person = member_of(ACME);
    person.memberships.projects.insert(project, role);
    identity(person)
}

/// An ARN of a role at AWS.
pub(super) fn aws_role(name: &str) -> String {
    format!("arn:aws:iam::123456789012:role/{name}")
}

/// A session that began with an assertion of these roles.
pub(super) fn vouched(person: KnownPerson, roles: &[&str]) -> Identity {
    let provider = "arn:aws:iam::123456789012:saml-provider/idp".to_owned();
    let pair = |name: &&str| AssertedRole { role: aws_role(name), provider: provider.clone() };
    let roles = roles.iter().map(pair).collect();
    let session_name = Some("ann@example.com".to_owned());
    suppose(person, Supposed::Vouched(Asserted { roles, session_name }), 1)
}

/// A storage that people open as the role `labeler` at AWS where they are annotators, and as `admin` where they are owners.
pub(super) fn federated(storage: Storage, credential: &str) -> Storage {
    let roles = [(Role::Owner, aws_role("admin")), (Role::Annotator, aws_role("labeler"))];
    Storage {
        credential: credential.parse().unwrap(),
        federation: Some(Federation {
            provider: "arn:aws:iam::123456789012:saml-provider/idp".to_owned(),
            roles: roles.into(),
        }),
        ..storage
    }
}

pub(super) fn identity(person: KnownPerson) -> Identity {
    suppose(person, Supposed::Session, 1)
}

/// An annotator of both of Acme's projects, by a token cut down to these.
pub(super) fn scoped(projects: Option<&[&str]>, operations: Option<&[&str]>) -> Identity {
    let mut person = member_of(ACME);
    person.memberships.workspaces.insert(VISION, Role::Annotator);
    let projects = projects.map_or(Allowed::All, |names| {
        Allowed::Only(names.iter().map(|name| name.parse().unwrap()).collect())
    });
    let operations = operations.map_or(Allowed::All, |names| {
        Allowed::Only(names.iter().copied().map(str::to_owned).collect())
    });
    suppose(person, Supposed::Token(Scope { projects, operations }), 1)
}

pub(super) fn operation(method: &Method, target: &str) -> Operation {
    let mut headers = HeaderMap::new();
    if *method == Method::PUT {
        headers.insert("content-length", "4".parse().unwrap());
    }
    let body = if *method == Method::GET { Bytes::new() } else { Bytes::from_static(b"data") };
    Operation::parse(
        &Incoming::for_tests(method.clone(), target, headers, body),
        &Routes::default(),
    )
    .unwrap()
}

pub(super) fn get(target: &str) -> Operation {
    operation(&Method::GET, target)
}

pub(super) fn put(target: &str) -> Operation {
    operation(&Method::PUT, target)
}

pub(super) fn sealing() -> Operation {
    operation(&Method::POST, "/-/api/handles")
}

pub(super) fn address(project: &str, storage: &str, key: &str) -> ObjectAddress {
    ObjectAddress {
        project: project.parse().unwrap(),
        storage: storage.parse().unwrap(),
        key: ObjectKey::new(key).unwrap(),
    }
}

pub(super) fn client() -> IpAddr {
    "192.0.2.1".parse().unwrap()
}

/// What the client would see, in a word.
pub(super) fn seen(result: &Result<Grant, Denial>) -> &'static str {
    match result {
        Ok(_) => "granted",
        Err(Denial::NotSignedIn) => "401",
        Err(Denial::Forbidden { .. }) => "403",
        Err(Denial::NotFound { why: NotFoundWhy::Invisible(_) }) => "404 invisible",
        Err(Denial::NotFound { .. }) => "404",
        Err(Denial::NamesNoProject) => "400",
        Err(Denial::HiddenColumn) => "403 hidden",
        Err(Denial::OverQuota { .. }) => "429",
        Err(Denial::Evaluation(_)) => "500",
    }
}
