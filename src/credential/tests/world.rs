//! A minter with everything around it that it needs: an STS, a door that lets it out, a clock moved by hand.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;

use super::sts::{SOURCE, Sts};
use crate::catalog::{
    Addressing, OrganizationId, Place, Prefix, Project, ProjectId, S3Place, Storage, StorageId,
    WorkspaceId,
};
use crate::credential::wanted::Wanted;
use crate::credential::{
    AssumeRole, Credential, CredentialError, Minter, Settings, Source, Sources, Tools, Variables,
};
use crate::ground::clock::{Clock, Hand, Timestamp};
use crate::ground::control::Control;
use crate::ground::secret::Secret;
use crate::outbound::{self, Door, Rules};

pub(in crate::credential) struct World {
    pub(in crate::credential) sts: Sts,
    pub(in crate::credential) hand: Hand,
    pub(in crate::credential) tools: Tools,
    pub(in crate::credential) minter: Arc<Minter>,
}

impl World {
    /// Credentials `keys` (static), `team` (a role taken with them) and `guest` (a role taken with `team`).
    pub(in crate::credential) async fn new() -> Self {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let (clock, hand) = Clock::manual(start);
        let sts = Sts::start(clock.clone()).await;
        let tools = Tools { door: door(), control: Control::new(Handle::current()), clock };
        let sources = Sources::read(&settings(&sts, 3600)).unwrap();
        let minter = Arc::new(Minter::new(sources, tools.clone()));
        Self { sts, hand, tools, minter }
    }

    /// The credential of a storage of a project.
    pub(in crate::credential) async fn mint(
        &self,
        storage: &Arc<Storage>,
    ) -> Result<Credential, CredentialError> {
        self.minter.open(&wanted(&project(storage.project.0), storage)).await
    }

    pub(in crate::credential) async fn id(&self, storage: &Arc<Storage>) -> String {
        self.mint(storage).await.unwrap().id().unwrap().to_owned()
    }

    /// Gives way until the background has done what `done` waits for.
    pub(in crate::credential) async fn until(&self, done: impl Fn() -> bool) {
        let wait = async {
            while !done() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect("it never comes");
    }

    /// Whether nothing is being fetched for the storage.
    pub(in crate::credential) fn at_rest(&self, storage: &Arc<Storage>) -> bool {
        self.minter.at_rest(&wanted(&project(storage.project.0), storage))
    }
}

/// By nobody in particular.
pub(in crate::credential) const fn wanted<'a>(
    project: &'a Project,
    storage: &'a Arc<Storage>,
) -> Wanted<'a> {
    Wanted { project, storage, role: None, asker: None, vault: None }
}

/// One for all tests: reading the system's roots takes a while.
pub(in crate::credential) fn door() -> Arc<Door> {
    static DOOR: OnceLock<Arc<Door>> = OnceLock::new();
    let open = || {
        let allow_private = vec!["127.0.0.1".parse().unwrap()];
        let settings = outbound::Settings { allow_private, ..outbound::Settings::default() };
        Arc::new(Door::new(Rules::read(&settings).unwrap()))
    };
    Arc::clone(DOOR.get_or_init(open))
}

pub(in crate::credential) fn settings(sts: &Sts, seconds: u64) -> Settings {
    let secret = |text: &str| Secret::new(text.to_owned());
    let role = |source: &str, role: &str| {
        Source::AssumeRole(AssumeRole {
            source: source.parse().unwrap(),
            role_arn: format!("arn:aws:iam::123456789012:role/path/{role}"),
            external_id: Some("from-us".to_owned()),
            duration: Duration::from_secs(seconds),
            sts_endpoint: Some(format!("http://{}", sts.address).parse().unwrap()),
            region: "eu-central-1".to_owned(),
            per_person: false,
            role_arns: Vec::new(),
        })
    };
    let keys = Source::Static {
        access_key_id: secret(SOURCE.0),
        secret_access_key: secret(SOURCE.1),
        session_token: None,
    };
    let all = [("keys", keys), ("team", role("keys", "x")), ("guest", role("team", "y"))];
    let sources = all.into_iter().map(|(name, source)| (name.parse().unwrap(), source)).collect();
    Settings { sources, environment: Variables::default() }
}

pub(in crate::credential) fn project(id: i64) -> Project {
    Project::new(
        ProjectId(id),
        OrganizationId(1),
        (WorkspaceId(1), "workspace".parse().unwrap()),
        format!("project-{id}").parse().unwrap(),
        String::new(),
    )
}

/// A storage of a project, in a bucket below a prefix.
pub(in crate::credential) fn storage(
    project: i64,
    id: i64,
    credential: &str,
    (bucket, prefix): (&str, &str),
) -> Storage {
    Storage {
        id: StorageId(id),
        project: ProjectId(project),
        name: format!("storage-{id}").parse().unwrap(),
        revision: 1,
        place: Place::S3(S3Place {
            bucket: bucket.to_owned(),
            prefix: Prefix::new(prefix),
            region: "eu-central-1".to_owned(),
            endpoint: None,
            addressing: Addressing::Virtual,
        }),
        credential: credential.parse().unwrap(),
        federation: None,
    }
}
