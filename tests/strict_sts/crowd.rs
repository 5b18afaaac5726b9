//! People of several roles before the gateway's stages (who asks, may he, with which credential) as the program joins them,
//! with its records, in front of the strict STS and the S3 that holds what was issued to its word.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use sluicegate::catalog::{
    Addressing, Asserted, AssertedRole, Federation, OrganizationId, Place, Prefix, Role, S3Place,
    Storage,
};
use sluicegate::credential::aws::{Outgoing, Payload, SigningTime};
use sluicegate::credential::{
    AssumeRole, Credential, Minter, Presented, Saml, Settings, Source, Sources, Tools, Variables,
};
use sluicegate::ground::clock::Clock;
use sluicegate::ground::control::Control;
use sluicegate::ground::generation::Generation;
use sluicegate::ground::random::Random;
use sluicegate::ground::seal::MasterKey;
use sluicegate::ground::secret::Secret;
use sluicegate::identity::{self, Beginning, COOKIE_NAME, Parts, ProofId, Schemes};
use sluicegate::label_studio::Routes;
use sluicegate::listener::Incoming;
use sluicegate::outbound::{self, Door, Rules};
use sluicegate::policy::{Destination, Policy};
use sluicegate::records::{KnownPerson, NewAccount, Records, VouchedSession, Watch};
use sluicegate::request::Operation;
use tokio::sync::watch;

use crate::support::account::Trust;
use crate::support::assertion::{Claims, Signed};
use crate::world::{BUCKET, RECIPIENT, World, idp};

/// The projects, and the buckets of their storages.
pub const PROJECTS: [(&str, &str); 3] = [("cats", BUCKET), ("dogs", BUCKET), ("birds", "aviary")];
/// The people, and what they are in each of the projects.
pub const PEOPLE: [(&str, [Role; 3]); 3] = [
    ("ann@example.com", [Role::Annotator, Role::Manager, Role::Annotator]),
    ("bob@example.com", [Role::Manager, Role::Annotator, Role::Annotator]),
    ("cid@example.com", [Role::Annotator, Role::Annotator, Role::Manager]),
];
/// What annotators and managers are at AWS, by their assertions.
pub const ROLES: [&str; 2] = ["labeler", "leader"];
/// As what the gateway opens storages under people's names.
pub const TAKEN: &str = "taken";
/// Below each prefix.
pub const INSIDE: &str = "inside.txt";
/// In each bucket below no prefix.
pub const BESIDE: &str = "beside.txt";

/// Whatever it is of a bucket: what was issued is cut by its session policy, or by nothing.
const ALL_OF_S3: &str = r#"{"Version":"2012-10-17","Statement":
    {"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;

/// The two storages of each project, by how they are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// With what the person's assertion was exchanged for.
    Assertion,
    /// Under the person's name, with what the gateway fetches when it is wanted.
    Name,
}

pub struct Crowd {
    pub world: World,
    people: Vec<KnownPerson>,
    organization: OrganizationId,
    watch: Watch,
    schemes: Arc<Schemes>,
    policy: Policy,
    minter: Arc<Minter>,
    /// How often each project's storages were moved.
    moves: [AtomicUsize; 3],
    assertions: AtomicUsize,
    /// How many requests have come as far as to want a credential.
    wanting: watch::Sender<usize>,
    client: reqwest::Client,
    _folder: tempfile::TempDir,
}

/// Somebody's session. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Session {
    pub person: usize,
    pub roles: Vec<&'static str>,
    cookie: Arc<str>,
    proof: ProofId,
    /// The subjects of its assertions, which no other has: those that were exchanged, whatever came of it.
    shown: Arc<Mutex<Vec<String>>>,
    /// Those of them whose exchange the session holds.
    kept: Arc<Mutex<Vec<String>>>,
    ended: Arc<AtomicBool>,
}

/// A credential, and the storage that it was given for, as it then was.
#[derive(Debug, Clone)]
pub struct Served {
    pub credential: Credential,
    pub storage: Arc<Storage>,
}

impl By {
    pub const BOTH: [Self; 2] = [Self::Assertion, Self::Name];

    /// The storage, and the settings' credential that opens it.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Assertion => ("media", "people"),
            Self::Name => ("archive", "named"),
        }
    }
}

impl Session {
    pub fn email(&self) -> &'static str {
        PEOPLE[self.person].0
    }

    /// Its assertions' subjects, of exchanges under way too.
    pub fn shown(&self) -> Vec<String> {
        self.shown.lock().unwrap().clone()
    }

    pub fn kept(&self) -> Vec<String> {
        self.kept.lock().unwrap().clone()
    }

    /// Its person has signed out.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }
}

/// What the person's role in the project is at AWS.
pub fn role_at_aws(person: usize, project: usize) -> &'static str {
    ROLES[usize::from(PEOPLE[person].1[project] == Role::Manager)]
}

/// Where a project's storage lies after so many moves: no two have lain or will lie at the same place.
pub fn prefix(project: usize, by: By, moves: usize) -> String {
    format!("{}-{}-{moves}/", PROJECTS[project].0, by.names().0)
}

fn settings(world: &World) -> Settings {
    let sts_endpoint = Some(world.sts.url().parse().unwrap());
    let (region, duration) = ("eu-central-1".to_owned(), Duration::from_secs(3_600));
    let keys = world.gateway();
    let base = Source::Static {
        access_key_id: Secret::new(keys.id),
        secret_access_key: Secret::new(keys.secret),
        session_token: None,
    };
    let named = AssumeRole {
        source: "base".parse().unwrap(),
        role_arn: world.account.role_arn(TAKEN),
        external_id: None,
        duration,
        sts_endpoint: sts_endpoint.clone(),
        region: region.clone(),
        per_person: true,
        role_arns: Vec::new(),
    };
    let role_arns = ROLES.map(|name| world.account.role_arn(name)).to_vec();
    let (iam_source, iam_endpoint) = (None, None);
    let people = Saml { role_arns, duration, sts_endpoint, region, iam_source, iam_endpoint };
    let sources =
        [("base", base), ("named", Source::AssumeRole(named)), ("people", Source::Saml(people))];
    let sources = sources.map(|(name, source)| (name.parse().unwrap(), source));
    Settings { sources: BTreeMap::from(sources), environment: Variables::default() }
}

/// The account's roles open all of its S3.
fn world() -> World {
    let world = World::with(|account| {
        let user = account.user_arn("gateway");
        let people = Trust::saml(account.provider_arn("idp"), RECIPIENT);
        let roles = ROLES
            .iter()
            .fold(account, |account, role| account.with_role(role, people.clone(), ALL_OF_S3));
        roles.with_role(TAKEN, Trust::user(user).and_tags(), ALL_OF_S3)
    });
    for (_, bucket) in PROJECTS {
        world.s3.put(bucket, BESIDE, "text/plain", b"");
    }
    world
}

fn master() -> MasterKey {
    MasterKey::new(Secret::new([3; 32]))
}

fn control() -> Control {
    Control::new(tokio::runtime::Handle::current())
}

fn minter(world: &World, settings: &Settings, records: Records) -> Minter {
    let allow_private = vec!["127.0.0.1".parse().unwrap()];
    let outbound = outbound::Settings { allow_private, ..outbound::Settings::default() };
    let door = Arc::new(Door::new(Rules::read(&outbound).unwrap()));
    let clock = world.account.clock.clone();
    let tools = Tools { door, control: control(), clock };
    Minter::new(Sources::read(settings).unwrap(), tools).with_records(records, master())
}

/// Sessions end by themselves later than any play.
fn schemes(world: &World, watch: Watch) -> Schemes {
    let longest = Duration::from_secs(7 * 86_400);
    let settings = identity::Settings { idle: longest, absolute: longest, ..Default::default() };
    let parts = Parts {
        watch,
        control: control(),
        clock: world.account.clock.clone(),
        random: Random::system(),
        master: master(),
        settings,
        serves_clear_text: false,
        studio: None,
    };
    Schemes::new(parts).unwrap()
}

impl Crowd {
    pub async fn new() -> Self {
        let world = world();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("records.sqlite");
        let records = Records::open(&file, world.account.clock.clone()).await.unwrap();
        let organization =
            records.create_organization(&"acme".parse().unwrap(), "Acme").await.unwrap();
        let people = settle(&records, organization).await;
        let generation = Generation::default();
        let watch = Watch::begin(records, generation.clone()).await.unwrap();
        let settings = settings(&world);
        let brought = settings.brought();
        let rules = sluicegate::policy::Settings { brought, ..Default::default() };
        let minter = Arc::new(minter(&world, &settings, watch.records().clone()));
        tokio::spawn(Arc::clone(&minter).forget_ended(generation));
        let (moves, assertions) = Default::default();
        let crowd = Self {
            people,
            organization,
            schemes: Arc::new(schemes(&world, watch.clone())),
            policy: Policy::new(&rules, watch.catalog().clone()).unwrap(),
            minter,
            moves,
            assertions,
            wanting: watch::Sender::new(0),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            world,
            watch,
            _folder: folder,
        };
        for project in 0..PROJECTS.len() {
            crowd.put_storages(project, 0).await;
        }
        crowd
    }

    /// Where the project's storage lies now.
    pub fn place(&self, project: usize, by: By) -> (&'static str, String) {
        let moves = self.moves[project].load(Ordering::SeqCst);
        (PROJECTS[project].1, prefix(project, by, moves))
    }

    /// A further revision of the catalogue: the project's storages lie elsewhere.
    pub async fn move_storages(&self, project: usize) {
        let moves = self.moves[project].fetch_add(1, Ordering::SeqCst) + 1;
        self.put_storages(project, moves).await;
    }

    async fn put_storages(&self, project: usize, moves: usize) {
        let (name, bucket) = PROJECTS[project];
        for by in By::BOTH {
            let (storage, credential) = by.names();
            let prefix = prefix(project, by, moves);
            self.world.s3.put(bucket, &format!("{prefix}{INSIDE}"), "text/plain", b"inside");
            let place = Place::S3(S3Place {
                bucket: bucket.to_owned(),
                prefix: Prefix::new(&prefix),
                region: "eu-central-1".to_owned(),
                endpoint: Some(self.world.s3.url()),
                addressing: Addressing::Path,
            });
            let account = &self.world.account;
            let roles = [Role::Annotator, Role::Manager].into_iter().zip(ROLES);
            let federation = (by == By::Assertion).then(|| Federation {
                provider: account.provider_arn("idp"),
                roles: roles.map(|(role, name)| (role, account.role_arn(name))).collect(),
            });
            let (name, storage) = (name.parse().unwrap(), storage.parse().unwrap());
            let credential = credential.parse().unwrap();
            let opened = (&credential, federation.as_ref());
            let at = (self.organization, &name);
            self.watch.records().put_storage(at, &storage, &place, opened).await.unwrap();
        }
        self.watch.catch_up().await.unwrap();
    }

    /// What the identity provider now says of somebody: that he has these roles. Nobody else's assertion has its subject.
    pub fn claims(&self, person: usize, roles: &[&str]) -> Claims {
        let email = PEOPLE[person].0;
        let number = self.assertions.fetch_add(1, Ordering::SeqCst);
        let provider = self.world.account.provider_arn("idp");
        let roles: Vec<_> = roles.iter().map(|name| self.world.account.role_arn(name)).collect();
        let pairs: Vec<_> = roles.iter().map(|role| (role.as_str(), provider.as_str())).collect();
        let subject = format!("{email}/{number}");
        Claims::new(&idp().entity_id, &subject, RECIPIENT, self.world.now())
            .for_roles(&pairs, email)
    }

    /// A session with all that these claims are good for.
    pub async fn sign_in(&self, person: usize, roles: &[&'static str], claims: &Claims) -> Session {
        let none = Arc::new(Mutex::new(Vec::new()));
        let at_once = std::future::ready(());
        self.exchange((person, roles), (None, &none), claims, at_once).await.unwrap()
    }

    /// The same session goes on with what these claims are good for; if it has ended, a new one begins.
    pub async fn renew(&self, session: &Session, claims: &Claims) -> Option<Session> {
        self.renew_late(session, claims, std::future::ready(())).await
    }

    /// The same, but what the exchange brought is kept only after this.
    pub async fn renew_late(
        &self,
        session: &Session,
        claims: &Claims,
        late: impl Future<Output = ()>,
    ) -> Option<Session> {
        let (who, shown) = ((session.person, &*session.roles), &session.shown);
        self.exchange(who, (Some(session), shown), claims, late).await
    }

    /// As `sign_in` does when the assertion has been verified. The session that began; `None` when one went on or had ended.
    async fn exchange(
        &self,
        (number, roles): (usize, &[&'static str]),
        (renews, shown): (Option<&Session>, &Arc<Mutex<Vec<String>>>),
        claims: &Claims,
        before_kept: impl Future<Output = ()>,
    ) -> Option<Session> {
        let person = &self.people[number];
        let proof = renews.map(|session| session.proof);
        let opening = self.schemes.opening(person, proof).await.unwrap();
        let goes_on = opening.goes_on();
        let shown = if goes_on { Arc::clone(shown) } else { Arc::default() };
        shown.lock().unwrap().push(claims.name.clone());
        let presented = self.presented(number, roles, claims);
        let (catalog, proof) = (self.schemes.catalog().current(), opening.proof);
        let all = self.minter.exchange(&catalog, person, &proof, &presented).await;
        before_kept.await;
        let session = VouchedSession {
            subject: [0; 32],
            session_index: None,
            issued: presented.issued,
            logout: String::new(),
            asserted: presented.asserted,
            credentials: all.into_iter().filter_map(|one| one.outcome.ok().or(one.kept)).collect(),
        };
        let beginning = Beginning {
            opening,
            session,
            ends: presented.ends,
            client: [192, 0, 2, 1].into(),
            user_agent: String::new(),
            replaces: None,
        };
        let begun = self.schemes.begin_vouched(person, beginning).await;
        self.minter.forget(&proof);
        // Signed out meanwhile.
        let begun = begun.ok()?;
        let kept = match renews.filter(|_| goes_on) {
            Some(session) => Arc::clone(&session.kept),
            None => Arc::default(),
        };
        kept.lock().unwrap().push(claims.name.clone());
        let begun = begun?;
        let cookie = format!("{COOKIE_NAME}={}", begun.cookie_value().expose()).into();
        let (roles, ended) = (roles.to_vec(), Arc::default());
        Some(Session { person: number, roles, cookie, proof, shown, kept, ended })
    }

    fn presented(&self, person: usize, roles: &[&str], claims: &Claims) -> Presented {
        let pair = |name: &&str| AssertedRole {
            role: self.world.account.role_arn(name),
            provider: self.world.account.provider_arn("idp"),
        };
        Presented {
            response: Secret::new(idp().posted(claims, Signed::Assertion)),
            asserted: Asserted {
                roles: roles.iter().map(pair).collect(),
                session_name: Some(PEOPLE[person].0.to_owned()),
            },
            issued: claims.issued,
            ends: claims.session_not_on_or_after,
        }
    }

    pub async fn sign_out(&self, session: &Session) {
        self.schemes.sign_out(session.proof).await.unwrap();
        self.minter.forget(&session.proof);
        session.ended.store(true, Ordering::SeqCst);
    }

    /// Nothing that the session brought is at hand: it is read again from the records.
    pub fn forget(&self, session: &Session) {
        self.minter.forget(&session.proof);
    }

    /// One request of this session for an object of a project's storage, up to the credential; or why there is none. Requests
    /// stay on their thread; credentials are asked for on any, as by many threads of requests.
    pub async fn ask(&self, session: &Session, project: usize, by: By) -> Result<Served, String> {
        let mut headers = HeaderMap::new();
        headers.insert("cookie", session.cookie.parse().unwrap());
        let path = format!("/-/objects/{}/{}/{INSIDE}", PROJECTS[project].0, by.names().0);
        let incoming = Incoming::for_tests(Method::GET, &path, headers, Bytes::new());
        let operation = Operation::parse(&incoming, &Routes::default()).unwrap();
        let identity = Box::pin(self.schemes.identify(&incoming, &operation)).await;
        let identity = identity.map_err(|error| format!("{error:?}"))?;
        let grant = self.policy.decide(&identity, &operation, incoming.client());
        let grant = grant.map_err(|error| format!("{error:?}"))?;
        let Destination::Object { storage, .. } = grant.destination() else {
            panic!("{:?}", grant.destination())
        };
        let storage = Arc::clone(storage);
        let minter = Arc::clone(&self.minter);
        self.wanting.send_modify(|count| *count += 1);
        let credential = tokio::spawn(async move { minter.mint(&grant).await }).await.unwrap();
        Ok(Served { credential: credential.map_err(|error| format!("{error:?}"))?, storage })
    }

    /// Until so many requests have wanted a credential since the start, with one or without.
    pub async fn until_wanted(&self, count: usize) {
        self.wanting.subscribe().wait_for(|wanting| *wanting >= count).await.unwrap();
    }

    /// What the S3 says to a read that this credential signs.
    pub async fn read(&self, credential: &Credential, bucket: &str, key: &str) -> u16 {
        let keys = credential.aws().unwrap();
        // The signature is of now, whatever the time of the play.
        let at = SigningTime::new(Clock::system().now());
        let path = format!("/{bucket}/{key}");
        let mut headers = vec![
            ("host", self.world.s3.address.as_str()),
            ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
            ("x-amz-date", at.amz_date()),
        ];
        headers.extend(keys.session_token().map(|it| ("x-amz-security-token", &**it.expose())));
        let payload = Payload::Unsigned;
        let out = Outgoing { method: "GET", path: &path, query: "", headers: &headers, payload };
        let authorization = keys.authorization(&at, "eu-central-1", "s3", &out);
        let mut request = self.client.get(format!("{}{path}", self.world.s3.url()));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.header("authorization", authorization).send().await.unwrap();
        answer.status().as_u16()
    }
}

/// The projects without storages, and the people with their roles.
async fn settle(records: &Records, organization: OrganizationId) -> Vec<KnownPerson> {
    let workspace = "main".parse().unwrap();
    records.create_workspace(organization, &workspace, "").await.unwrap();
    for (name, _) in PROJECTS {
        let name = name.parse().unwrap();
        records.create_project(organization, &workspace, &name, "").await.unwrap();
    }
    let mut people = Vec::new();
    for (email, roles) in PEOPLE {
        let email = email.parse().unwrap();
        let new = NewAccount { email: &email, role: None, password_hash: None };
        let account = records.create_account(organization, new).await.unwrap();
        for ((name, _), role) in PROJECTS.into_iter().zip(roles) {
            let (name, role) = (name.parse().unwrap(), Some(role));
            records.set_project_member(organization, &name, account, role).await.unwrap();
        }
        people.push(records.person(account).await.unwrap().unwrap());
    }
    people
}
