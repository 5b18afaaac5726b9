//! The gateway's exchange before an STS that looks at every octet of the assertion, and what it gets before an S3 that holds
//! it to its word.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sluicegate::catalog::{
    AccountId, Addressing, Asserted, AssertedRole, Catalog, Federation, Organization,
    OrganizationId, Place, Prefix, Project, ProjectId, Role, S3Place, Storage, StorageId,
    WorkspaceId,
};
use sluicegate::credential::{
    Exchanged, Minter, Presented, Saml, Settings, Source, Sources, Tools, Variables,
};
use sluicegate::ground::causes;
use sluicegate::ground::clock::{SignedDuration, Timestamp};
use sluicegate::ground::control::Control;
use sluicegate::ground::seal::MasterKey;
use sluicegate::ground::secret::Secret;
use sluicegate::identity::ProofId;
use sluicegate::outbound::{self, Door, Rules};
use sluicegate::records::{KnownPerson, Memberships, Records};

use crate::support::assertion::{Claims, Signed};
use crate::support::sts::{Code, Fault, Outcome};
use crate::world::{BUCKET, Keys, World, idp};

/// A gateway's minter with what it stands on.
struct Gateway {
    world: World,
    minter: Minter,
    master: MasterKey,
    catalog: Catalog,
    alice: KnownPerson,
    _folder: tempfile::TempDir,
}

const SESSION: ProofId = ProofId([9; 32]);
const ACCOUNT: AccountId = AccountId(5);
const CATS: ProjectId = ProjectId(1);
const DOGS: ProjectId = ProjectId(2);

impl Gateway {
    /// Alice is an annotator of `cats`, whose annotators are `annotator` at AWS, and owns `dogs`, whose owners are `admin`.
    async fn new(world: World) -> Self {
        let master = MasterKey::new(Secret::new([3; 32]));
        let folder = tempfile::tempdir().unwrap();
        let clock = world.account.clock.clone();
        let file = folder.path().join("records.sqlite");
        let records = Records::open(&file, clock.clone()).await.unwrap();
        let people = Saml {
            role_arns: ["annotator", "admin"].map(|name| world.account.role_arn(name)).to_vec(),
            duration: Duration::from_secs(43_200),
            sts_endpoint: Some(world.sts.url().parse().unwrap()),
            region: "eu-central-1".to_owned(),
            iam_source: None,
            iam_endpoint: None,
        };
        let sources = BTreeMap::from([("people".parse().unwrap(), Source::Saml(people))]);
        let settings = Settings { sources, environment: Variables::default() };
        let allow_private = vec!["127.0.0.1".parse().unwrap()];
        let outbound = outbound::Settings { allow_private, ..outbound::Settings::default() };
        let door = Arc::new(Door::new(Rules::read(&outbound).unwrap()));
        let control = Control::new(tokio::runtime::Handle::current());
        let minter = Minter::new(Sources::read(&settings).unwrap(), Tools { door, control, clock });
        let minter = minter.with_records(records, master.clone());
        let catalog = catalog(&world);
        let roles = [(CATS, Role::Annotator), (DOGS, Role::Owner)].into();
        let alice = KnownPerson {
            account: ACCOUNT,
            email: "alice@example.com".parse().unwrap(),
            organization: OrganizationId(1),
            organization_name: "acme".parse().unwrap(),
            organization_role: None,
            memberships: Memberships { workspaces: BTreeMap::new(), projects: roles },
        };
        Self { world, minter, master, catalog, alice, _folder: folder }
    }

    /// What comes of these claims, as the assertion endpoint would hand them over.
    async fn exchange(&self, claims: &Claims) -> Vec<Exchanged> {
        let provider = self.world.account.provider_arn("idp");
        let roles = ["annotator", "admin", "tagged"].map(|name| AssertedRole {
            role: self.world.account.role_arn(name),
            provider: provider.clone(),
        });
        let presented = Presented {
            response: Secret::new(idp().posted(claims, Signed::Assertion)),
            asserted: Asserted {
                roles: roles.to_vec(),
                session_name: Some("alice@example.com".to_owned()),
            },
            issued: claims.issued,
            ends: claims.session_not_on_or_after,
        };
        self.minter.exchange(&self.catalog, &self.alice, &SESSION, &presented).await
    }

    /// Opens what is to be kept with the session, as its requests will.
    fn keys(&self, project: ProjectId, exchanged: &Exchanged) -> (Keys, Timestamp) {
        let row = exchanged.outcome.as_ref().unwrap();
        let account = ACCOUNT.0.to_be_bytes();
        let key = self.master.derive(&[b"session-credential", &SESSION.0, &account]);
        let context = [&project.0.to_be_bytes(), exchanged.role.as_bytes()].concat();
        let plain = key.open(&context, &STANDARD.decode(&row.sealed).unwrap()).unwrap();
        let sets: serde_json::Value = serde_json::from_slice(&plain).unwrap();
        let text = |name: &str| sets[0][name].as_str().unwrap().to_owned();
        let keys = Keys { id: text("id"), secret: text("secret"), token: Some(text("token")) };
        (keys, row.expires)
    }
}

fn catalog(world: &World) -> Catalog {
    let project = |id: ProjectId, name: &str, role: (Role, &str), prefixes: &[&str]| {
        let storages = (1..).zip(prefixes).map(|(number, prefix)| Storage {
            id: StorageId(10 * id.0 + number),
            project: id,
            name: format!("storage-{number}").parse().unwrap(),
            revision: 1,
            place: Place::S3(S3Place {
                bucket: BUCKET.to_owned(),
                prefix: Prefix::new(prefix),
                region: "eu-central-1".to_owned(),
                endpoint: Some(world.s3.url()),
                addressing: Addressing::Path,
            }),
            credential: "people".parse().unwrap(),
            federation: Some(Federation {
                provider: world.account.provider_arn("idp"),
                roles: [(role.0, world.account.role_arn(role.1))].into(),
            }),
        });
        let workspace = (WorkspaceId(1), "vision".parse().unwrap());
        let project =
            Project::new(id, OrganizationId(1), workspace, name.parse().unwrap(), String::new());
        project.with_storages(storages)
    };
    let projects = [
        project(CATS, "cats", (Role::Annotator, "annotator"), &["cats/"]),
        project(DOGS, "dogs", (Role::Owner, "admin"), &["dogs/", "dogs/more/", "birds/"]),
    ];
    let acme = "acme".parse().unwrap();
    Catalog::new([Organization::new(OrganizationId(1), acme, String::new(), projects)])
}

#[tokio::test]
async fn one_assertion_gives_each_project_its_own_keys_and_no_more() {
    let gateway = Gateway::new(World::new()).await;
    let claims = gateway.world.claims();
    let all = gateway.exchange(&claims).await;
    let [cats, dogs] = &all[..] else { panic!("{all:?}") };
    let (cats, cats_end) = gateway.keys(CATS, cats);
    let (dogs, dogs_end) = gateway.keys(DOGS, dogs);
    let world = &gateway.world;
    assert_eq!(world.read(&cats, "cats/one.txt").await.text, "cats/one.txt");
    assert_eq!(world.read(&dogs, "dogs/one.txt").await.text, "dogs/one.txt");
    // The role admin may read the whole bucket; what was brought for dogs may not.
    world.read(&dogs, "cats/one.txt").await.refused(403, "AccessDenied", "");
    world.read(&cats, "dogs/one.txt").await.refused(403, "AccessDenied", "");

    // An hour is what the role annotator allows; admin's twelve are cut by the session's end.
    let in_seconds = |end: Timestamp| end.duration_since(world.now()).as_secs();
    assert!((3590..=3600).contains(&in_seconds(cats_end)), "{}", in_seconds(cats_end));
    assert!((8 * 3600 - 10..=8 * 3600).contains(&in_seconds(dogs_end)), "{}", in_seconds(dogs_end));
    let issued: Vec<_> = world.sts.calls();
    let issued = issued.iter().filter(|call| matches!(call.outcome, Outcome::Issued(_)));
    for call in issued.clone() {
        assert_eq!(call.action, "AssumeRoleWithSAML");
        assert_eq!(call.session.as_deref(), Some("alice@example.com"));
        assert_eq!(call.person.as_deref(), Some("alice@example.com"));
    }
    assert_eq!(issued.count(), 2);

    // Its next session knows what the role allows, and is not refused on the way.
    let before = world.sts.calls().len();
    let again = gateway.exchange(&world.claims()).await;
    assert!(again.iter().all(|one| one.outcome.is_ok()), "{again:?}");
    assert_eq!(world.sts.calls().len(), before + 2);
}

#[tokio::test]
async fn what_aws_refuses_is_told_with_its_remedy_and_fails_nothing_else() {
    let gateway = Gateway::new(World::new()).await;
    let told = |all: &[Exchanged]| -> Vec<String> {
        let told = |one: &Exchanged| match &one.outcome {
            Ok(_) => "ok".to_owned(),
            Err(failure) => causes::told(failure),
        };
        all.iter().map(told).collect()
    };
    let world = &gateway.world;
    let mut audience = world.claims();
    audience.audiences = vec![vec!["https://gateway.example.com/".to_owned()]];
    let mut recipient = world.claims();
    recipient.confirmations[0].recipient = Some("https://gateway.example.com/other".to_owned());
    for (name, claims, words) in [
        ("audience", &audience, "urn:amazon:webservices"),
        ("recipient", &recipient, "SAML:aud must be the assertion endpoint"),
    ] {
        let told = told(&gateway.exchange(claims).await);
        assert!(told.iter().all(|one| one.contains(words)), "{name}: {told:?}");
    }
    for (code, words) in [
        (Code::ExpiredToken, "older than five minutes"),
        (Code::InvalidIdentityToken, "present metadata"),
        (Code::IdpRejectedClaim, "identity provider itself"),
        (Code::MalformedPolicyDocument, "bucket and prefix"),
        (Code::PackedPolicyTooLarge, "fewer PrincipalTag"),
        (Code::RegionDisabled, "not active in this region"),
        (Code::Throttling, "signs in again"),
    ] {
        world.sts.fail_next(1, Fault::Refuse(code));
        let told = told(&gateway.exchange(&world.claims()).await);
        assert_eq!(told.iter().filter(|one| *one == "ok").count(), 1, "{code:?}: {told:?}");
        assert!(told.iter().any(|one| one.contains(words)), "{code:?}: {told:?}");
    }
    // An assertion is good for five minutes, whatever it says itself.
    let old = world.claims();
    world.hand.advance(SignedDuration::from_secs(301));
    let before = world.sts.calls().len();
    let all = gateway.exchange(&old).await;
    assert!(all.iter().all(|one| one.words().unwrap().contains("sign in again")), "{all:?}");
    assert_eq!(world.sts.calls().len(), before, "nobody is asked in vain");
}
