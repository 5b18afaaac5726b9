//! An AWS account as IAM holds it: SAML providers, roles with trust and permissions, users with keys, and the sessions
//! that its STS has issued. The STS (`super::sts`) writes sessions here, the storage (`super::s3`) reads them, as those of
//! one account do; neither knows the other.

mod metadata;
mod policy;
mod trust;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sluicegate::ground::clock::{Clock, Timestamp};
use sluicegate::ground::random::Random;

use super::assertion::IdentityProvider;

pub use policy::{Context, Policy, Ruling};
pub use trust::{Trust, Who};

/// The account. Built with its methods, then shared.
#[derive(Debug)]
pub struct Account {
    pub number: &'static str,
    pub clock: Clock,
    /// STS is switched off in its region.
    pub region_disabled: bool,
    /// How many packed bytes of session policy and tags make 100 %. AWS does not say; this fits what it is seen to take.
    pub packed_at_most: usize,
    providers: Vec<Provider>,
    roles: Vec<Arc<Role>>,
    users: Vec<User>,
    random: Random,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
    redeemed: Mutex<HashSet<(String, String, Option<String>)>>,
}

/// An IAM SAML provider (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_saml.html>).
#[derive(Debug)]
pub struct Provider {
    pub name: String,
    pub arn: String,
    pub entity_id: String,
    pub certificates: Vec<String>,
}

/// A role (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html>).
#[derive(Debug)]
pub struct Role {
    pub arn: String,
    pub id: String,
    pub trust: Vec<Trust>,
    pub permissions: Policy,
    /// From 3,600 to 43,200.
    pub most_seconds: i64,
}

/// An IAM user with permanent keys, who may do nothing but what a role's trust lets him.
#[derive(Debug, Clone)]
pub struct User {
    pub arn: String,
    pub access_key_id: String,
    pub secret: String,
}

/// A session of a role: what STS issued, and what it is worth.
#[derive(Debug)]
pub struct Session {
    pub access_key_id: String,
    pub secret: String,
    pub token: String,
    pub expires: Timestamp,
    pub role: Arc<Role>,
    pub name: String,
    /// What cuts the role down, when anything does.
    pub policy: Option<Policy>,
    pub source_identity: Option<String>,
    pub tags: Vec<(String, String)>,
    /// The assertion's subject.
    pub subject: Option<String>,
}

/// What a session is made of.
#[derive(Debug)]
pub struct Terms {
    pub name: String,
    pub expires: Timestamp,
    pub policy: Option<Policy>,
    pub source_identity: Option<String>,
    pub tags: Vec<(String, String)>,
    pub subject: Option<String>,
}

impl Account {
    pub fn new(number: &'static str, clock: Clock) -> Self {
        Self {
            number,
            clock,
            region_disabled: false,
            packed_at_most: 1024,
            providers: Vec::new(),
            roles: Vec::new(),
            users: Vec::new(),
            random: Random::system(),
            sessions: Mutex::default(),
            redeemed: Mutex::default(),
        }
    }

    /// With this identity provider under a name of the account's.
    #[must_use]
    pub fn with_provider(mut self, name: &str, provider: &IdentityProvider) -> Self {
        let certificate = provider.certificate_pem.clone();
        self.add_provider(name, &provider.entity_id, vec![certificate]);
        self
    }

    /// With the identity provider that this metadata document describes, as IAM takes it.
    #[must_use]
    pub fn with_provider_of(mut self, name: &str, metadata: &str) -> Self {
        let (entity_id, certificates) = metadata::read(metadata);
        self.add_provider(name, &entity_id, certificates);
        self
    }

    /// The same for one of which only the metadata's facts are known.
    pub fn add_provider(&mut self, name: &str, entity_id: &str, certificates: Vec<String>) {
        let arn = self.provider_arn(name);
        let (name, entity_id) = (name.to_owned(), entity_id.to_owned());
        self.providers.push(Provider { name, arn, entity_id, certificates });
    }

    /// With a role of at most an hour, trusted like this, which may do what this policy document says.
    #[must_use]
    pub fn with_role(self, name: &str, trust: Trust, permissions: &str) -> Self {
        self.with_role_of(name, vec![trust], permissions, 3600)
    }

    #[must_use]
    pub fn with_role_of(
        mut self,
        name: &str,
        trust: Vec<Trust>,
        permissions: &str,
        most_seconds: i64,
    ) -> Self {
        let permissions = Policy::parse(permissions).unwrap();
        let (arn, id) = (self.role_arn(name), self.fresh_id("AROA"));
        self.roles.push(Arc::new(Role { arn, id, trust, permissions, most_seconds }));
        self
    }

    /// With a user; his keys are in [`Account::user`].
    #[must_use]
    pub fn with_user(mut self, name: &str) -> Self {
        let (arn, access_key_id) = (self.user_arn(name), self.fresh_id("AKIA"));
        self.users.push(User { arn, access_key_id, secret: self.fresh_secret() });
        self
    }

    pub fn provider_arn(&self, name: &str) -> String {
        format!("arn:aws:iam::{}:saml-provider/{name}", self.number)
    }

    pub fn role_arn(&self, name: &str) -> String {
        format!("arn:aws:iam::{}:role/{name}", self.number)
    }

    pub fn user_arn(&self, name: &str) -> String {
        format!("arn:aws:iam::{}:user/{name}", self.number)
    }

    pub fn provider(&self, arn: &str) -> Option<&Provider> {
        self.providers.iter().find(|one| one.arn == arn)
    }

    pub fn role(&self, arn: &str) -> Option<&Arc<Role>> {
        self.roles.iter().find(|one| one.arn == arn)
    }

    /// The user of this name.
    pub fn user(&self, name: &str) -> &User {
        let arn = self.user_arn(name);
        self.users.iter().find(|one| one.arn == arn).unwrap()
    }

    pub fn user_of_key(&self, access_key_id: &str) -> Option<&User> {
        self.users.iter().find(|one| one.access_key_id == access_key_id)
    }

    /// The session whose keys these are, ended ones too.
    pub fn session(&self, access_key_id: &str) -> Option<Arc<Session>> {
        self.sessions.lock().unwrap().get(access_key_id).cloned()
    }

    /// Issues keys.
    pub fn open(&self, role: &Arc<Role>, terms: Terms) -> Arc<Session> {
        let Terms { name, expires, policy, source_identity, tags, subject } = terms;
        let session = Arc::new(Session {
            access_key_id: self.fresh_id("ASIA"),
            secret: self.fresh_secret(),
            token: STANDARD.encode(self.random.bytes::<240>()),
            expires,
            role: Arc::clone(role),
            name,
            policy,
            source_identity,
            tags,
            subject,
        });
        let kept = Arc::clone(&session);
        self.sessions.lock().unwrap().insert(session.access_key_id.clone(), kept);
        session
    }

    /// Marks an assertion as used for a role and a session policy; false when it has been.
    pub fn redeem(&self, assertion: &str, role: &str, policy: Option<&str>) -> bool {
        let use_of_it = (assertion.to_owned(), role.to_owned(), policy.map(str::to_owned));
        self.redeemed.lock().unwrap().insert(use_of_it)
    }

    /// Four letters that say the kind, and 80 random bits in 16 more
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>, "unique identifiers").
    fn fresh_id(&self, kind: &str) -> String {
        let letter =
            |byte: &u8| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(byte % 32)]);
        kind.chars().chain(self.random.bytes::<16>().iter().map(letter)).collect()
    }

    /// 40 characters.
    fn fresh_secret(&self) -> String {
        STANDARD.encode(self.random.bytes::<30>())
    }
}

impl Role {
    /// The last part of its ARN.
    pub fn name(&self) -> &str {
        self.arn.rsplit('/').next().unwrap()
    }
}

impl Session {
    /// Who its requests come from: `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
    pub fn arn(&self) -> String {
        let account = self.role.arn.split(':').nth(4).unwrap();
        format!("arn:aws:sts::{account}:assumed-role/{}/{}", self.role.name(), self.name)
    }

    /// Whether it may do this: the role's permissions and the session policy must both say so, and neither deny it
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html>, "session policies").
    pub fn may(&self, action: &str, resource: &str, context: &Context) -> bool {
        let mut context = context.clone();
        context.set("aws:userid", &format!("{}:{}", self.role.id, self.name));
        context.set("aws:PrincipalArn", &self.role.arn);
        for (key, value) in &self.tags {
            context.set(&format!("aws:PrincipalTag/{key}"), value);
        }
        if let Some(identity) = &self.source_identity {
            context.set("aws:SourceIdentity", identity);
        }
        if let Some(subject) = &self.subject {
            context.set("saml:sub", subject);
        }
        let policies = [Some(&self.role.permissions), self.policy.as_ref()];
        let mut rulings =
            policies.into_iter().flatten().map(|one| one.rule(action, resource, &context));
        rulings.all(|ruling| ruling == Ruling::Allowed)
    }
}
