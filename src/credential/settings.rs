//! What an operator decides about storage credentials. Filled by `settings`; plain values here, judged as a whole by
//! [`super::Sources::read`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::catalog::CredentialName;
use crate::ground::secret::Secret;

/// `[credentials.NAME]`: every source of a credential that storages may name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    pub sources: BTreeMap<CredentialName, Source>,
    /// What the process was started with, for the default chain.
    pub environment: Variables,
}

/// Where one credential comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `kind = "static"`
    Static {
        access_key_id: Secret<String>,
        secret_access_key: Secret<String>,
        session_token: Option<Secret<String>>,
    },
    /// `kind = "chain"`: environment, profile, web identity, container or pod identity, instance metadata.
    Chain { profile: Option<String> },
    /// `kind = "assume-role"`
    AssumeRole(AssumeRole),
    /// `kind = "saml"`: people bring it, by the assertion that they sign in with.
    Saml(Saml),
}

/// A role that another credential may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumeRole {
    /// Another credential of the settings.
    pub source: CredentialName,
    pub role_arn: String,
    pub external_id: Option<String>,
    pub duration: Duration,
    /// `https://host[:port]`; absent for Amazon's own of the region.
    pub sts_endpoint: Option<http::Uri>,
    pub region: String,
    /// Whether each person has keys of his own: session name, source identity and tags then tell AWS who he is.
    pub per_person: bool,
    /// Roles besides `role_arn` that may be taken, where a storage names one for a person's role.
    pub role_arns: Vec<String>,
}

/// Roles that people's own assertions open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saml {
    /// The only roles that may ever be asked for.
    pub role_arns: Vec<String>,
    pub duration: Duration,
    /// `https://host[:port]`; absent for Amazon's own of the region.
    pub sts_endpoint: Option<http::Uri>,
    pub region: String,
    /// Another credential of the settings, by which a check asks IAM about the providers.
    pub iam_source: Option<CredentialName>,
    /// `https://host[:port]`; absent for Amazon's own of the provider's partition.
    pub iam_endpoint: Option<http::Uri>,
}

impl Settings {
    /// The credentials that nobody has but who brings them: policy has to know which storages they open.
    #[must_use]
    pub fn brought(&self) -> BTreeSet<CredentialName> {
        let brought = |(name, source): (&CredentialName, &Source)| {
            matches!(source, Source::Saml(_)).then(|| name.clone())
        };
        self.sources.iter().filter_map(brought).collect()
    }
}

/// Environment variables, which only `settings` may read; any value may be a secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(Arc<BTreeMap<String, Secret<String>>>);

impl Variables {
    #[must_use]
    pub fn new(variables: impl IntoIterator<Item = (String, Secret<String>)>) -> Self {
        Self(Arc::new(variables.into_iter().collect()))
    }

    /// The variable of this name, unless it is empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.expose().as_str()).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// One thing wrong with one credential's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub credential: CredentialName,
    /// The key that is wrong.
    pub field: &'static str,
    pub problem: String,
    pub remedy: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { credential, field, problem, remedy } = self;
        write!(f, "credentials.{credential}.{field}: {problem} ({remedy})")
    }
}
