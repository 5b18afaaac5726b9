//! Whom a verified answer names comes in: his account is brought up to date, what he brings is exchanged for credentials, and his
//! session begins or goes on.

use std::sync::Arc;

use super::super::ReturnAddress;
use super::super::saml::{Assertion, accepted_until};
use super::super::settings::AWS_SESSION_NAME;
use super::accept::{Arrival, Browser, Come, Failed};
use super::begin::forces;
use super::leave::Leaving;
use super::pending::Pending;
use super::provider::Provider;
use super::{Sso, SsoError};
use crate::catalog::{Asserted, AssertedRole, Email, OrganizationName};
use crate::credential::{Exchanged, Presented};
use crate::ground::causes::told;
use crate::ground::digest::sha256;
use crate::ground::secret::Secret;
use crate::identity::{
    Admittance, Beginning, NewSession, SignedIn, SignedInBy, VouchedError, Word,
};
use crate::records::{KnownPerson, SessionCredentialRow, VouchedSession};

/// A verified answer with what else is known of it.
pub(super) struct Arriving {
    pub(super) provider: Arc<Provider>,
    pub(super) organization: OrganizationName,
    pub(super) assertion: Assertion,
    /// What it answers; absent where nobody asked.
    pub(super) pending: Option<Pending>,
    pub(super) browser: Browser,
    /// As it was posted, for AWS.
    pub(super) response: Secret<String>,
}

/// What came of an exchange.
#[derive(Default)]
struct Had {
    credentials: Vec<SessionCredentialRow>,
    /// For the audit.
    told: Vec<String>,
    /// For the person.
    not_opened: Vec<String>,
    /// Another try may have more.
    incomplete: bool,
}

impl Sso {
    /// # Errors
    /// [`Failed`]: nobody is in; what the answer proved of the account stands all the same.
    pub(super) async fn arrive(self: Arc<Self>, arriving: Arriving) -> Result<Come, Failed> {
        let id = arriving.assertion.id.clone();
        let about = |email: &str, changes, credentials, renewed| {
            let by = SignedInBy::Saml { assertion: id.clone(), renewed };
            SignedIn { email: email.to_owned(), by, changes, credentials }
        };
        let failed = |error: SsoError, email: &str, changes, had| {
            (error, Some(Box::new(about(email, changes, had, false))))
        };
        let word = word(&arriving)
            .map_err(|error| failed(error, &arriving.assertion.name_id, Vec::new(), Vec::new()))?;
        let email = word.email.as_str();
        let Admittance { person, changes } = match self.parts.schemes.admit(&word).await {
            Ok(admittance) => admittance,
            Err(VouchedError::NoMapping { changes }) => {
                let error = VouchedError::NoMapping { changes: Vec::new() };
                return Err(failed(error.into(), email, changes, Vec::new()));
            }
            Err(error) => return Err(failed(error.into(), email, Vec::new(), Vec::new())),
        };
        match self.settle(&arriving, &person).await {
            Err((error, had)) => Err(failed(error, email, changes, had)),
            Ok((session, had)) => {
                let signed_in = about(email, changes, had.told, session.is_none());
                let home = || ReturnAddress::or_home(None);
                let pending = arriving.pending;
                Ok(Come::In(Box::new(Arrival {
                    session,
                    aside: pending.as_ref().is_some_and(Pending::is_aside),
                    return_to: pending.map_or_else(home, |pending| pending.return_to),
                    clearing: None,
                    signed_in,
                    not_opened: had.not_opened,
                    incomplete: had.incomplete,
                })))
            }
        }
    }

    /// The session, with all that the assertion is good for.
    ///
    /// # Errors
    /// Why there is none, and what AWS gave for it all the same.
    async fn settle(
        &self,
        arriving: &Arriving,
        person: &KnownPerson,
    ) -> Result<(Option<NewSession>, Had), (SsoError, Vec<String>)> {
        let nothing = |error: SsoError| (error, Vec::new());
        let Arriving { provider, organization, assertion, pending, browser, response } = arriving;
        let schemes = &self.parts.schemes;
        let renews = pending.as_ref().filter(|pending| pending.renews());
        let opening = schemes.opening(person, renews.and_then(|pending| pending.session)).await;
        let opening = opening.map_err(|error| nothing(error.into()))?;
        let unseen = renews.is_some_and(|pending| !forces(&provider.settings, pending.how));
        let unproved = unseen && provider.settings.force_sign_in;
        let aside = pending.as_ref().is_some_and(Pending::is_aside);
        if (aside || unproved) && !opening.goes_on() {
            return Err(nothing(SsoError::NotRenewed));
        }
        let ends = assertion.session_not_on_or_after;
        let presented = Presented {
            response: response.clone(),
            asserted: asserted(provider, assertion),
            issued: assertion.issue_instant,
            ends,
        };
        let (catalog, proof) = (schemes.catalog().current(), opening.proof);
        let exchanged = self.parts.minter.exchange(&catalog, person, &proof, &presented).await;
        let mut had = Had::of(exchanged);
        let leaving = Leaving::of(assertion);
        let session = VouchedSession {
            subject: leaving.subject(organization, &assertion.issuer),
            session_index: assertion.session_index.clone(),
            issued: assertion.issue_instant,
            logout: leaving.sealed(&self.parts.master, &proof),
            asserted: presented.asserted,
            credentials: std::mem::take(&mut had.credentials),
        };
        let replaces = pending.as_ref().and_then(|pending| pending.session);
        let (client, user_agent) = (browser.client, browser.user_agent.clone());
        let beginning = Beginning { opening, session, ends, client, user_agent, replaces };
        let begun = schemes.begin_vouched(person, beginning).await;
        // Those of a session that goes on are others now, and one that ended needs none.
        for session in [Some(proof), replaces].into_iter().flatten() {
            self.parts.minter.forget(&session);
        }
        match begun {
            Ok(begun) => Ok((begun, had)),
            Err(error) => Err((error.into(), had.told)),
        }
    }
}

impl Had {
    fn of(exchanged: Vec<Exchanged>) -> Self {
        let mut had = Self::default();
        for one in exchanged {
            let words = one.words();
            had.credentials.extend(one.kept);
            let (project, role) = (&one.project, &one.role);
            match one.outcome {
                Ok(credential) => {
                    had.told.push(format!("{project}: {role}"));
                    had.credentials.push(credential);
                }
                Err(failure) => {
                    had.told.push(format!("{project}: {role} not had: {}", told(&failure)));
                    had.not_opened.extend(words);
                    had.incomplete |= !failure.lasts();
                }
            }
        }
        had
    }
}

/// What the answer says, in our words.
fn word(arriving: &Arriving) -> Result<Word, SsoError> {
    let Arriving { provider, assertion, organization, .. } = arriving;
    let names = &provider.settings.attributes;
    let read =
        [names.email.as_deref(), Some(&names.groups), Some(&names.roles), Some(AWS_SESSION_NAME)];
    if let Some(name) =
        read.into_iter().flatten().find(|name| assertion.of_several_lines.contains(*name))
    {
        return Err(SsoError::SeveralLines { attribute: name.to_owned() });
    }
    let email = match &names.email {
        None => &assertion.name_id,
        Some(attribute) => match assertion.attributes.get(attribute).map(Vec::as_slice) {
            Some([one]) => one,
            Some(_) | None => return Err(SsoError::NoEmail { attribute: attribute.clone() }),
        },
    };
    let email: Email = email.trim().parse().or(Err(SsoError::BadEmail))?;
    let domains = provider.settings.email_domains.as_deref();
    if domains.is_some_and(|domains| !domains.iter().any(|domain| domain.holds(&email))) {
        return Err(SsoError::ForeignDomain);
    }
    if provider.settings.break_glass.contains(&email) {
        return Err(SsoError::BreakGlass);
    }
    let groups = assertion.attributes.get(&names.groups).cloned().unwrap_or_default();
    // Two texts, so that no issuer's end is another id's beginning.
    let issuer = sha256(assertion.issuer.as_bytes());
    let assertion_hash = sha256(&[&issuer[..], assertion.id.as_bytes()].concat());
    let issued = assertion.issue_instant;
    let until = accepted_until(issued);
    let several = provider.settings.several;
    Ok(Word {
        organization: organization.clone(),
        email,
        groups,
        several,
        assertion: assertion_hash,
        issued,
        until,
    })
}

/// Values that are no pair of role and provider are nobody's roles.
fn asserted(provider: &Provider, assertion: &Assertion) -> Asserted {
    let values = assertion.attributes.get(&provider.settings.attributes.roles);
    let roles = values.into_iter().flatten().filter_map(|value| AssertedRole::parse(value));
    let session_name = match assertion.attributes.get(AWS_SESSION_NAME).map(Vec::as_slice) {
        Some([one]) => Some(one.clone()),
        Some(_) | None => None,
    };
    Asserted { roles: roles.collect(), session_name }
}
