//! People who sign in with assertions and without, and projects with storages that are opened by what they bring or under
//! their names; with the records that keep it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::World;
use super::world::settings;
use crate::catalog::{
    Asserted, AssertedRole, Catalog, Federation, Organization, Place, Project, Role, Storage,
};
use crate::credential::wanted::{Asker, Wanted};
use crate::credential::{
    AssumeRole, Credential, CredentialError, Exchanged, Minter, Presented, Saml, Settings, Source,
    Sources,
};
use crate::ground::clock::Timestamp;
use crate::ground::seal::MasterKey;
use crate::ground::secret::Secret;
use crate::identity::ProofId;
use crate::records::{
    Grounds, KnownPerson, Memberships, NewAccount, NewSessionRow, Records, SessionCredentialRow,
    VouchedSession,
};

pub(super) const PROVIDER: &str = "arn:aws:iam::123456789012:saml-provider/idp";

pub(super) fn role(name: &str) -> String {
    format!("arn:aws:iam::123456789012:role/{name}")
}

pub(super) struct Crowd {
    pub(super) world: World,
    pub(super) minter: Minter,
    pub(super) records: Records,
    /// `cats` and `dogs`.
    pub(super) projects: Vec<(crate::catalog::ProjectId, &'static str)>,
    /// `ann` and `bob`, annotators of both.
    pub(super) people: Vec<KnownPerson>,
    /// Where the second storages are, if not where the others are.
    pub(super) elsewhere: Option<&'static str>,
    sessions: AtomicU8,
    _folder: tempfile::TempDir,
}

/// One session.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) id: ProofId,
    pub(super) person: usize,
    pub(super) asserted: Asserted,
}

/// `people` is what they bring, `named` what is taken for them.
fn all_settings(world: &World, seconds: u64) -> Settings {
    let mut settings = settings(&world.sts, seconds);
    let role_arns = ["labeler", "admin"].map(role).to_vec();
    let (region, endpoint) = ("eu-central-1".to_owned(), format!("http://{}", world.sts.address));
    let sts_endpoint = Some(endpoint.parse().unwrap());
    let duration = Duration::from_secs(seconds);
    let people = Saml {
        role_arns: role_arns.clone(),
        duration,
        sts_endpoint: sts_endpoint.clone(),
        region: region.clone(),
        iam_source: None,
        iam_endpoint: None,
    };
    let named = AssumeRole {
        source: "keys".parse().unwrap(),
        role_arn: role("path/x"),
        external_id: None,
        duration,
        sts_endpoint,
        region,
        per_person: true,
        role_arns,
    };
    settings.sources.insert("people".parse().unwrap(), Source::Saml(people));
    settings.sources.insert("named".parse().unwrap(), Source::AssumeRole(named));
    settings
}

impl Crowd {
    pub(super) async fn new() -> Self {
        let world = World::new().await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("records.sqlite");
        let records = Records::open(&file, world.tools.clock.clone()).await.unwrap();
        let organization =
            records.create_organization(&"acme".parse().unwrap(), "Acme").await.unwrap();
        let vision = "vision".parse().unwrap();
        records.create_workspace(organization, &vision, "").await.unwrap();
        let mut projects = Vec::new();
        for name in ["cats", "dogs"] {
            let parsed = name.parse().unwrap();
            records.create_project(organization, &vision, &parsed, "").await.unwrap();
            let all = records.catalog().await.unwrap();
            projects.push((all.project(organization, &parsed).unwrap().id, name));
        }
        let mut people = Vec::new();
        for name in ["ann", "bob"] {
            let email = format!("{name}@example.com").parse().unwrap();
            let new = NewAccount { email: &email, role: None, password_hash: None };
            let account = records.create_account(organization, new).await.unwrap();
            let roles = projects.iter().map(|(id, _)| (*id, Role::Annotator)).collect();
            people.push(KnownPerson {
                account,
                email,
                organization,
                organization_name: "acme".parse().unwrap(),
                organization_role: None,
                memberships: Memberships { workspaces: BTreeMap::new(), projects: roles },
            });
        }
        let sources = Sources::read(&all_settings(&world, 3600)).unwrap();
        let master = MasterKey::new(Secret::new([7; 32]));
        let minter = Minter::new(sources, world.tools.clone());
        let minter = minter.with_records(records.clone(), master);
        let sessions = AtomicU8::new(1);
        Self {
            world,
            minter,
            records,
            projects,
            people,
            elsewhere: None,
            sessions,
            _folder: folder,
        }
    }

    pub(super) fn install(&self, seconds: u64) {
        self.minter.install(Sources::read(&all_settings(&self.world, seconds)).unwrap());
    }

    pub(super) fn project(&self, index: usize, revision: u64) -> Arc<Project> {
        let (id, name) = self.projects[index];
        let vision = (crate::catalog::WorkspaceId(1), "vision".parse().unwrap());
        let project = Project::new(
            id,
            self.people[0].organization,
            vision,
            name.parse().unwrap(),
            String::new(),
        );
        let storages = [1, 2, 3].map(|storage| self.storage(index, storage, revision));
        Arc::new(project.with_storages(storages.map(|storage| (*storage).clone())))
    }

    /// Storages 1 and 2 are opened by what people bring, 3 is opened under their names. Ids are the same in all projects.
    pub(super) fn storage(&self, project: usize, id: i64, revision: u64) -> Arc<Storage> {
        let (project, name) = self.projects[project];
        let credential = if id == 3 { "named" } else { "people" };
        let prefix = format!("{name}-s{id}-r{revision}");
        let mut storage = super::storage(project.0, id, credential, ("media", &prefix));
        storage.revision = revision;
        let Place::S3(place) = &mut storage.place;
        place.endpoint = self.elsewhere.filter(|_| id == 2).map(str::to_owned);
        let roles = [(Role::Annotator, role("labeler")), (Role::Owner, role("admin"))].into();
        storage.federation = (id != 3).then(|| Federation { provider: PROVIDER.to_owned(), roles });
        Arc::new(storage)
    }

    pub(super) fn catalog(&self, revision: u64) -> Catalog {
        let projects = (0..self.projects.len())
            .map(|index| Arc::into_inner(self.project(index, revision)).unwrap());
        let organization = self.people[0].organization;
        Catalog::new([Organization::new(
            organization,
            "acme".parse().unwrap(),
            String::new(),
            projects,
        )])
    }

    /// Begins a session with an assertion of these roles, without exchanging it.
    pub(super) async fn begin(&self, person: usize, roles: &[&str]) -> Session {
        let number = self.sessions.fetch_add(1, Ordering::SeqCst);
        let id = ProofId([number; 32]);
        let row = NewSessionRow {
            hash: &id.0,
            account: self.people[person].account,
            grounds: Grounds::Vouched(&vouched(Vec::new())),
            absolute_end: Timestamp::MAX,
            address: [127, 0, 0, 1].into(),
            address_hash: "",
            user_agent: "",
        };
        self.records.insert_session(row).await.unwrap();
        let pair = |name: &&str| AssertedRole { role: role(name), provider: PROVIDER.to_owned() };
        let session_name = Some(self.people[person].email.to_string());
        let asserted = Asserted { roles: roles.iter().map(pair).collect(), session_name };
        Session { id, person, asserted }
    }

    pub(super) fn presented(&self, session: &Session) -> Presented {
        let name = session.asserted.session_name.clone().unwrap_or_default();
        Presented {
            response: Secret::new(STANDARD.encode(name)),
            asserted: session.asserted.clone(),
            issued: self.world.tools.clock.now(),
            ends: None,
        }
    }

    /// Exchanges what was presented, and keeps what comes of it.
    pub(super) async fn exchange(
        &self,
        session: &Session,
        presented: &Presented,
    ) -> Vec<Exchanged> {
        let (catalog, person) = (self.catalog(1), &self.people[session.person]);
        let all = self.minter.exchange(&catalog, person, &session.id, presented).await;
        let had = all.iter().filter_map(|one| one.outcome.as_ref().ok().or(one.kept.as_ref()));
        let had = had.cloned();
        let (hash, vouched) = (&session.id.0, vouched(had.collect()));
        let end = (Timestamp::MAX, Duration::MAX);
        self.records.renew_session(hash, person.account, end, &vouched).await.unwrap();
        all
    }

    /// A session with everything that its assertion is good for.
    pub(super) async fn sign_in(&self, person: usize, roles: &[&str]) -> Session {
        let session = self.begin(person, roles).await;
        self.exchange(&session, &self.presented(&session)).await;
        session
    }

    /// What opens a storage in this session, as this role.
    pub(super) async fn mint(
        &self,
        session: &Session,
        (project, id, revision): (usize, i64, u64),
        role: Option<&str>,
    ) -> Result<Credential, CredentialError> {
        let (at, storage) = (self.project(project, revision), self.storage(project, id, revision));
        let role: Option<Arc<str>> = role.map(|name| self::role(name).into());
        let person = &self.people[session.person];
        let asker = Asker {
            account: person.account,
            email: person.email.as_str(),
            organization: &person.organization_name,
            counts: Some(Role::Annotator),
            brought: Some((session.id, &session.asserted)),
        };
        let wanted = Wanted {
            project: &at,
            storage: &storage,
            role: role.as_ref(),
            asker: Some(asker),
            vault: self.minter.vault(),
        };
        self.minter.open(&wanted).await
    }

    /// How often the records were asked for a credential.
    pub(super) fn loads(&self) -> usize {
        let loads: &AtomicUsize = &self.minter.vault().unwrap().loads;
        loads.load(Ordering::SeqCst)
    }
}

/// What a session has of its assertion, as far as credentials go.
fn vouched(credentials: Vec<SessionCredentialRow>) -> VouchedSession {
    VouchedSession {
        subject: [0; 32],
        session_index: None,
        issued: Timestamp::UNIX_EPOCH,
        logout: String::new(),
        asserted: Asserted::default(),
        credentials,
    }
}
