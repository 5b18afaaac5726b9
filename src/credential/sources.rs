//! The settings' credentials, judged: names that exist, no circles, roles and hosts that can be. All faults at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::aws::Keys;
use super::chain::Chain;
use super::iam::Inspector;
use super::role::Role;
use super::saml::SamlRoles;
use super::settings::{AssumeRole, Fault, Saml, Settings, Source};
use super::shelf::Shelf;
use super::slot::{Order, Slot};
use super::sts::{RoleArn, Sts, well_formed_region};
use crate::catalog::CredentialName;
use crate::ground::secret::Secret;
use crate::outbound::{Host, Scheme};

/// What [`super::Minter`] mints from: made in advance, so that a reload is all or nothing.
#[derive(Debug)]
pub struct Sources {
    pub(super) settings: Settings,
    pub(super) shelves: HashMap<CredentialName, Shelf>,
}

impl Sources {
    /// Judges the settings.
    ///
    /// # Errors
    /// Every fault there is.
    pub fn read(settings: &Settings) -> Result<Self, Vec<Fault>> {
        let mut reading = Reading { settings, slots: BTreeMap::new(), faults: Vec::new() };
        let mut shelves = HashMap::new();
        for (name, source) in &settings.sources {
            reading.judge(name, source);
            if let Some(shelf) = reading.shelf(name, &mut Vec::new()) {
                shelves.insert(name.clone(), shelf);
            }
        }
        if reading.faults.is_empty() {
            Ok(Self { settings: settings.clone(), shelves })
        } else {
            Err(reading.faults)
        }
    }
}

/// One pass over the settings. A slot is made once for each name, however many roles are taken with it.
struct Reading<'s> {
    settings: &'s Settings,
    slots: BTreeMap<&'s CredentialName, (Arc<Slot>, Option<Arc<Role>>)>,
    faults: Vec<Fault>,
}

impl<'s> Reading<'s> {
    fn fault(
        &mut self,
        name: &CredentialName,
        field: &'static str,
        problem: impl Into<String>,
        remedy: &'static str,
    ) {
        let problem = problem.into();
        self.faults.push(Fault { credential: name.clone(), field, problem, remedy });
    }

    fn shelf(
        &mut self,
        name: &'s CredentialName,
        below: &mut Vec<&'s CredentialName>,
    ) -> Option<Shelf> {
        let source = self.settings.sources.get(name)?;
        if let Source::Saml(settings) = source {
            let inspector = match &settings.iam_source {
                None => None,
                Some(source) => Some(self.inspector(source, settings, below)?),
            };
            return saml(settings, inspector).map(Shelf::per_session);
        }
        let (slot, role) = self.slot(name, below)?;
        Some(match (role, source) {
            (None, _) => Shelf::Shared(slot),
            (Some(role), Source::AssumeRole(settings)) if settings.per_person => {
                below.push(name);
                let arns = settings.role_arns.iter();
                let others: Option<_> =
                    arns.map(|arn| self.role(name, (settings, arn), below)).collect();
                below.pop();
                Shelf::per_person(slot, role, others?)
            }
            (Some(role), _) => Shelf::per_storage(slot, role),
        })
    }

    /// The slot of a name, its sources first. `None` when there can be none: the fault stands where it belongs.
    fn slot(
        &mut self,
        name: &'s CredentialName,
        below: &mut Vec<&'s CredentialName>,
    ) -> Option<(Arc<Slot>, Option<Arc<Role>>)> {
        if let Some(made) = self.slots.get(name) {
            return Some(made.clone());
        }
        let made = match self.settings.sources.get(name)? {
            Source::Static { access_key_id: id, secret_access_key, session_token: token } => {
                let (secret, token) = (secret_access_key.clone(), token.clone());
                let keys = Keys::new(id.expose(), secret, token, None);
                (Slot::new(name.clone(), Order::Given(Arc::new(keys))), None)
            }
            Source::Chain { profile } => {
                let chain = Chain::new(profile.clone(), &self.settings.environment);
                (Slot::new(name.clone(), Order::Chain(Arc::new(chain))), None)
            }
            Source::AssumeRole(settings) => {
                below.push(name);
                let role = self.role(name, (settings, &settings.role_arn), below);
                below.pop();
                let role = Arc::new(role?);
                let order = Order::Role { role: Arc::clone(&role), cut: None };
                (Slot::new(name.clone(), order), Some(role))
            }
            // Nothing but what somebody brings.
            Source::Saml(_) => return None,
        };
        self.slots.insert(name, made.clone());
        Some(made)
    }

    fn inspector(
        &mut self,
        source: &'s CredentialName,
        settings: &Saml,
        below: &mut Vec<&'s CredentialName>,
    ) -> Option<Inspector> {
        let endpoint = match &settings.iam_endpoint {
            None => None,
            Some(endpoint) => Some(host(endpoint)?),
        };
        let (source, _) = self.slot(source, below)?;
        Some(Inspector { source, endpoint })
    }

    fn role(
        &mut self,
        name: &'s CredentialName,
        (settings, arn): (&'s AssumeRole, &str),
        below: &mut Vec<&'s CredentialName>,
    ) -> Option<Role> {
        let source = &settings.source;
        if !self.settings.sources.contains_key(source) || below.contains(&source) {
            return None;
        }
        let (source, _) = self.slot(source, below)?;
        let arn: RoleArn = arn.parse().ok()?;
        let sts = sts(settings.sts_endpoint.as_ref(), &settings.region)?;
        let external_id = settings.external_id.clone();
        let seconds = u32::try_from(settings.duration.as_secs()).ok()?;
        Some(Role::new(name.clone(), source, sts, arn, (external_id, seconds)))
    }

    fn judge(&mut self, name: &'s CredentialName, source: &'s Source) {
        match source {
            Source::Static { access_key_id, secret_access_key, session_token } => {
                self.judge_static(name, access_key_id, (secret_access_key, session_token.as_ref()));
            }
            Source::Chain { .. } => {}
            Source::AssumeRole(settings) => self.judge_role(name, settings),
            Source::Saml(settings) => {
                let Saml { role_arns, duration, sts_endpoint, region, .. } = settings;
                if role_arns.is_empty() {
                    let remedy = "name the roles that may be asked for, and no others";
                    self.fault(name, "role_arns", "it names no role", remedy);
                }
                self.judge_roles(name, role_arns);
                self.judge_calls(name, (*duration, region), sts_endpoint.as_ref());
                self.judge_inspector(name, settings);
            }
        }
    }

    fn judge_inspector(&mut self, name: &CredentialName, settings: &Saml) {
        if let Some(source) = &settings.iam_source {
            self.judge_source(name, "iam_source", source);
        }
        if let Some(endpoint) = &settings.iam_endpoint {
            self.judge_endpoint(name, "iam_endpoint", endpoint);
        }
    }

    /// Says whether the gateway itself can have that one.
    fn judge_source(
        &mut self,
        name: &CredentialName,
        field: &'static str,
        source: &CredentialName,
    ) -> bool {
        match self.settings.sources.get(source) {
            None => {
                let problem = format!("there is no [credentials.{source}]");
                self.fault(name, field, problem, "name another section of [credentials]");
                false
            }
            Some(Source::Saml(_)) => {
                let remedy = "name a credential that the gateway itself has";
                self.fault(name, field, "only people bring that one, when they sign in", remedy);
                false
            }
            Some(Source::Static { .. } | Source::Chain { .. } | Source::AssumeRole(_)) => true,
        }
    }

    fn judge_static(
        &mut self,
        name: &CredentialName,
        id: &Secret<String>,
        (secret, token): (&Secret<String>, Option<&Secret<String>>),
    ) {
        let id = id.expose().as_str();
        // Any compatible store's ids, as long as they can stand in a header's value and in the audit.
        if id.is_empty()
            || !id.bytes().all(|byte| byte.is_ascii_graphic() && !b",/=".contains(&byte))
        {
            let remedy =
                "an access key id is visible ASCII without commas, slashes and equals signs";
            self.fault(name, "access_key_id", "it is not an access key id", remedy);
        }
        let header =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !header(secret.expose()) {
            let remedy =
                "it is visible ASCII without spaces; does the file hold more than the secret?";
            self.fault(name, "secret_access_key", "it is empty or malformed", remedy);
        }
        if token.is_some_and(|token| !header(token.expose())) {
            let remedy = "leave the key away when there is no token";
            self.fault(name, "session_token", "it is empty or malformed", remedy);
        }
    }

    fn judge_role(&mut self, name: &'s CredentialName, settings: &'s AssumeRole) {
        if self.judge_source(name, "source", &settings.source) && self.leads_back(name) {
            let remedy = "some credential must stand by itself: static or chain";
            self.fault(name, "source", "it leads back to this credential", remedy);
        }
        self.judge_role_arn(name, "role_arn", &settings.role_arn);
        self.judge_roles(name, &settings.role_arns);
        if !settings.per_person && !settings.role_arns.is_empty() {
            let remedy = "set per_person = true too, or take role_arns out";
            self.fault(name, "role_arns", "it is for the roles of people only", remedy);
        }
        let AssumeRole { duration, region, sts_endpoint, .. } = settings;
        self.judge_calls(name, (*duration, region), sts_endpoint.as_ref());
        if settings.external_id.as_deref().is_some_and(|id| !well_formed_external_id(id)) {
            let remedy = "2 to 1224 letters, digits and +=,.@:/-_";
            self.fault(name, "external_id", "it is not an external id", remedy);
        }
    }

    fn judge_role_arn(&mut self, name: &CredentialName, field: &'static str, arn: &str) {
        if arn.parse::<RoleArn>().is_err() {
            let problem = format!("{arn:?} is not a role's ARN");
            self.fault(name, field, problem, "arn:aws:iam::123456789012:role/NAME");
        }
    }

    fn judge_roles(&mut self, name: &CredentialName, arns: &[String]) {
        for (at, arn) in arns.iter().enumerate() {
            self.judge_role_arn(name, "role_arns", arn);
            if arns.iter().take(at).any(|other| other == arn) {
                let problem = format!("{arn:?} stands there twice");
                self.fault(name, "role_arns", problem, "name each role once");
            }
        }
    }

    /// What all calls to STS have in common.
    fn judge_calls(
        &mut self,
        name: &CredentialName,
        (duration, region): (Duration, &str),
        endpoint: Option<&http::Uri>,
    ) {
        if !(900..=43_200).contains(&duration.as_secs()) {
            let problem = format!("{} is out of range", duration.as_secs());
            self.fault(name, "duration_seconds", problem, "900 to 43200");
        }
        if !well_formed_region(region) {
            let remedy = "for example eu-central-1";
            self.fault(name, "region", "it is not a region's name", remedy);
        }
        if let Some(endpoint) = endpoint {
            self.judge_endpoint(name, "sts_endpoint", endpoint);
        }
    }

    /// R15: verified TLS, or an address that the operator also has to name in `allow_private`.
    fn judge_endpoint(&mut self, name: &CredentialName, field: &'static str, endpoint: &http::Uri) {
        match host(endpoint) {
            Some(host) if host.scheme() == Scheme::Https => {}
            Some(host) if host.name().parse::<std::net::IpAddr>().is_ok() => {}
            Some(_) => {
                let remedy =
                    "https://, or http:// with an address that [outbound] allow_private names";
                self.fault(name, field, "clear text to a host by name", remedy);
            }
            None => {
                let remedy = "https://HOST[:PORT], nothing before or after it";
                self.fault(name, field, "it is not an address", remedy);
            }
        }
    }

    fn leads_back(&self, name: &CredentialName) -> bool {
        let mut at = name;
        // No longer way exists without a circle.
        for _ in 0..=self.settings.sources.len() {
            match self.settings.sources.get(at) {
                Some(Source::AssumeRole(role)) if role.source == *name => return true,
                Some(Source::AssumeRole(role)) => at = &role.source,
                Some(Source::Static { .. } | Source::Chain { .. } | Source::Saml(_)) | None => {
                    return false;
                }
            }
        }
        false
    }
}

fn saml(settings: &Saml, inspector: Option<Inspector>) -> Option<SamlRoles> {
    let roles: Option<Vec<_>> = settings.role_arns.iter().map(|arn| arn.parse().ok()).collect();
    let seconds = u32::try_from(settings.duration.as_secs()).ok()?;
    let sts = sts(settings.sts_endpoint.as_ref(), &settings.region)?;
    Some(SamlRoles::new(sts, (roles?, seconds), inspector))
}

fn sts(endpoint: Option<&http::Uri>, region: &str) -> Option<Sts> {
    match endpoint {
        None => Sts::of_region(region).ok(),
        Some(endpoint) => Some(Sts::at(host(endpoint)?, region.to_owned())),
    }
}

/// Nothing but a host: a path would not be asked for, so it is not taken either.
fn host(endpoint: &http::Uri) -> Option<Host> {
    endpoint.to_string().parse().ok()
}

fn well_formed_external_id(id: &str) -> bool {
    (2..=1224).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> CredentialName {
        text.parse().unwrap()
    }

    fn role(source: &str) -> AssumeRole {
        AssumeRole {
            source: name(source),
            role_arn: "arn:aws:iam::123456789012:role/x".to_owned(),
            external_id: None,
            duration: Duration::from_secs(3600),
            sts_endpoint: None,
            region: "eu-central-1".to_owned(),
            per_person: false,
            role_arns: Vec::new(),
        }
    }

    fn saml(roles: &[&str]) -> Source {
        Source::Saml(Saml {
            role_arns: roles.iter().map(|&role| role.to_owned()).collect(),
            duration: Duration::from_secs(3600),
            sts_endpoint: None,
            region: "eu-central-1".to_owned(),
            iam_source: None,
            iam_endpoint: None,
        })
    }

    fn inspected(source: &str, endpoint: &str) -> Source {
        let Source::Saml(one) = saml(&["arn:aws:iam::123456789012:role/x"]) else { unreachable!() };
        let (iam_source, iam_endpoint) = (Some(name(source)), Some(endpoint.parse().unwrap()));
        Source::Saml(Saml { iam_source, iam_endpoint, ..one })
    }

    fn settings(all: impl IntoIterator<Item = (&'static str, Source)>) -> Settings {
        let sources = all.into_iter().map(|(text, source)| (name(text), source)).collect();
        Settings { sources, ..Settings::default() }
    }

    fn faults(
        all: impl IntoIterator<Item = (&'static str, Source)>,
    ) -> Vec<(String, &'static str)> {
        let faults =
            Sources::read(&settings(all)).map(|_| Vec::new()).unwrap_or_else(|faults| faults);
        faults.into_iter().map(|fault| (fault.credential.to_string(), fault.field)).collect()
    }

    #[test]
    fn sources_may_stand_on_sources() {
        let chain = || Source::Chain { profile: None };
        let all = [
            ("a", Source::AssumeRole(role("b"))),
            ("b", Source::AssumeRole(role("c"))),
            ("c", chain()),
            ("d", Source::AssumeRole(role("c"))),
            ("people", saml(&["arn:aws:iam::123456789012:role/x"])),
        ];
        let settings = settings(all);
        assert_eq!(Sources::read(&settings).unwrap().shelves.len(), 5);
        assert_eq!(settings.brought(), [name("people")].into());
    }

    #[test]
    fn circles_and_unknown_names_are_told_all_at_once() {
        let found = faults([
            ("a", Source::AssumeRole(role("b"))),
            ("b", Source::AssumeRole(role("a"))),
            ("self", Source::AssumeRole(role("self"))),
            ("into-the-circle", Source::AssumeRole(role("a"))),
            ("lost", Source::AssumeRole(role("nobody"))),
        ]);
        let expected = ["a", "b", "lost", "self"].map(|name| (name.to_owned(), "source"));
        assert_eq!(found, expected);
    }

    fn with(change: fn(&mut AssumeRole)) -> Source {
        let mut one = role("keys");
        change(&mut one);
        Source::AssumeRole(one)
    }

    #[test]
    fn the_roles_of_people_are_listed_and_nothing_stands_on_what_they_bring() {
        let chain = Source::Chain { profile: None };
        let found = faults([
            ("keys", chain),
            ("alone", with(|role| role.role_arns = vec![role.role_arn.clone()])),
            ("brought", Source::AssumeRole(role("people"))),
            (
                "others",
                with(|role| {
                    role.per_person = true;
                    role.role_arns = vec!["role/x".to_owned()];
                }),
            ),
            ("people", saml(&["arn:aws:iam::123456789012:role/x"; 2])),
            ("people-none", saml(&[])),
            ("seen", inspected("keys", "https://iam.example.com")),
            ("seen-by-nobody", inspected("nobody", "https://iam.example.com")),
            ("seen-by-people", inspected("people", "http://iam.example.com")),
        ]);
        let expected = [
            ("alone", "role_arns"),
            ("brought", "source"),
            ("others", "role_arns"),
            ("people", "role_arns"),
            ("people-none", "role_arns"),
            ("seen-by-nobody", "iam_source"),
            ("seen-by-people", "iam_source"),
            ("seen-by-people", "iam_endpoint"),
        ];
        assert_eq!(found, expected.map(|(name, field)| (name.to_owned(), field)));
    }

    #[test]
    fn every_field_is_judged() {
        let keys = |id: &str, secret: &str, token: Option<&str>| {
            let secret_of = |text: &str| Secret::new(text.to_owned());
            Source::Static {
                access_key_id: secret_of(id),
                secret_access_key: secret_of(secret),
                session_token: token.map(secret_of),
            }
        };
        let found = faults([
            ("keys", keys("AKID", "secret", Some("token"))),
            ("static-id", keys("AK/ID", "secret", None)),
            ("static-secret", keys("AKID", "two words", None)),
            ("static-token", keys("AKID", "secret", Some(""))),
            ("arn", with(|role| role.role_arn = "arn:aws:iam::1:role/x".to_owned())),
            (
                "endpoint",
                with(|role| {
                    role.sts_endpoint = Some(http::Uri::from_static("http://sts.example.com"))
                }),
            ),
            (
                "path",
                with(|role| {
                    role.sts_endpoint = Some(http::Uri::from_static("https://sts.example.com/x"))
                }),
            ),
            ("external", with(|role| role.external_id = Some("a b".to_owned()))),
            ("long", with(|role| role.duration = Duration::from_secs(43_201))),
            ("region", with(|role| role.region = "eu.central".to_owned())),
            (
                "good",
                with(|role| {
                    role.sts_endpoint = Some(http::Uri::from_static("http://127.0.0.1:5000"))
                }),
            ),
        ]);
        let expected = [
            ("arn", "role_arn"),
            ("endpoint", "sts_endpoint"),
            ("external", "external_id"),
            ("long", "duration_seconds"),
            ("path", "sts_endpoint"),
            ("region", "region"),
            ("static-id", "access_key_id"),
            ("static-secret", "secret_access_key"),
            ("static-token", "session_token"),
        ];
        assert_eq!(found, expected.map(|(name, field)| (name.to_owned(), field)));
    }
}
