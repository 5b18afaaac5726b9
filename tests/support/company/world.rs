//! A company with a real identity provider and an AWS account that trusts it: two roles, each of a prefix of its own
//! bucket, and people who have both, one, none, or nothing at all.

use std::sync::Arc;

use reqwest::Method;
use sluicegate::ground::clock::Clock;

use crate::support::account::{Account, Policy, Trust};
use crate::support::aws::{Answer, Client, Keys, with_saml};
use crate::support::idp::{Idp, Posted, ServiceProvider, Setup};
use crate::support::s3::S3;
use crate::support::sts::Sts;

pub const ROLE: &str = "https://aws.amazon.com/SAML/Attributes/Role";
pub const SESSION_NAME: &str = "https://aws.amazon.com/SAML/Attributes/RoleSessionName";
pub const SESSION_DURATION: &str = "https://aws.amazon.com/SAML/Attributes/SessionDuration";

/// A role of the account, and the objects that it reads: those below a prefix of a bucket. None of these words is one of the
/// catalogue's: a page that shows one has told where objects lie.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    pub role: &'static str,
    pub bucket: &'static str,
    pub prefix: &'static str,
}

pub const ANNOTATOR: Reach = Reach { role: "annotator", bucket: "acme-scans-eu", prefix: "open/" };
pub const ADMIN: Reach = Reach { role: "admin", bucket: "acme-ledgers-eu", prefix: "closed/" };

/// In each bucket below its prefix and beside it; its name is what it holds.
pub const INSIDE: &str = "inside.txt";
pub const BESIDE: &str = "beside/outside.txt";

/// All of it, running.
pub struct World {
    pub idp: Idp,
    pub account: Arc<Account>,
    pub sts: Sts,
    pub s3: S3,
    client: Client,
}

impl World {
    /// For these service providers, all of whose people the account lets in.
    pub fn new(service_providers: Vec<ServiceProvider>) -> Self {
        Self::with(service_providers, |_| {})
    }

    /// The same with the identity provider told something else before it starts.
    pub fn with(service_providers: Vec<ServiceProvider>, change: impl FnOnce(&mut Setup)) -> Self {
        let account = Account::new("111122223333", Clock::system());
        let mut setup = people(&account);
        setup.service_providers = service_providers;
        change(&mut setup);
        let provider = account.provider_arn("idp");
        let recipients = setup.service_providers.iter().map(|one| one.assertions.as_str());
        let trust: Vec<_> = recipients.map(|one| Trust::saml(provider.clone(), one)).collect();
        let idp = Idp::start(setup);
        let mut account = account.with_provider_of("idp", &idp.metadata());
        for Reach { role, bucket, prefix } in [ANNOTATOR, ADMIN] {
            let permissions = Policy::of_prefix(bucket, prefix);
            account = account.with_role_of(role, trust.clone(), &permissions, 3_600);
        }
        let account = Arc::new(account);
        let (sts, s3) = (Sts::start(&account), S3::start(&account));
        for Reach { bucket, prefix, .. } in [ANNOTATOR, ADMIN] {
            for key in [format!("{prefix}{INSIDE}"), BESIDE.to_owned()] {
                s3.put(bucket, &key, "text/plain", key.as_bytes());
            }
        }
        Self { idp, account, sts, s3, client: Client::new() }
    }

    /// Asks the STS for a role with what the identity provider posts.
    pub async fn exchange(&self, role: &str, posted: &Posted) -> Answer {
        self.exchange_text(role, posted.response()).await
    }

    /// The same with a field that was posted or made.
    pub async fn exchange_text(&self, role: &str, response: &str) -> Answer {
        self.client.ask(&self.sts, &with_saml(&self.account, role, response), &[]).await
    }

    /// Asks the S3 for an object.
    pub async fn read(&self, keys: &Keys, bucket: &str, key: &str) -> Answer {
        self.client.s3(&self.s3, keys, Method::GET, &format!("/{bucket}/{key}"), "").await
    }
}

/// Alice is annotator and administrator, bob annotator; carol's group is asserted and no role; the stranger has neither.
fn people(account: &Account) -> Setup {
    let provider = account.provider_arn("idp");
    let pair = |reach: Reach| format!("{},{provider}", account.role_arn(reach.role));
    let (annotator, admin) = (pair(ANNOTATOR), pair(ADMIN));
    let pairs = [annotator.as_str(), admin.as_str()];
    Setup::default()
        .with_person(
            "alice",
            &[
                ("mail", &["alice@example.com"]),
                ("groups", &["annotators", "admins"]),
                (ROLE, &pairs),
                (SESSION_NAME, &["alice@example.com"]),
                (SESSION_DURATION, &["3600"]),
            ],
        )
        .with_person(
            "bob",
            &[
                ("mail", &["bob@example.com"]),
                ("groups", &["annotators"]),
                (ROLE, &pairs[..1]),
                (SESSION_NAME, &["bob@example.com"]),
                (SESSION_DURATION, &["3600"]),
            ],
        )
        .with_person(
            "carol",
            &[
                ("mail", &["carol@example.com"]),
                ("groups", &["annotators"]),
                (SESSION_NAME, &["carol@example.com"]),
            ],
        )
        .with_person("stranger", &[("mail", &["stranger@example.com"])])
}
