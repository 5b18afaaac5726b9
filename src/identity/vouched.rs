//! Signing in by the word of an organization's identity provider: the account is as the groups say, and the session lasts no
//! longer than the one there. Whether the word is good is `sign_in`'s to say; that it is used once is made sure of here (R7).

use std::collections::BTreeSet;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::session::{NewSession, USER_AGENT_KEPT};
use super::shown::proof_id;
use super::{ProofId, Schemes};
use crate::catalog::{AccountId, Email, OrganizationName, Several};
use crate::ground::clock::Timestamp;
use crate::ground::secret::Secret;
use crate::records::{
    Admitted, Grounds, KnownPerson, NewSessionRow, RecordsError, SignOutOrder, Vouched,
    VouchedSession,
};

/// Somebody for whom his organization's identity provider vouches.
#[derive(Debug)]
pub struct Word {
    pub organization: OrganizationName,
    pub email: Email,
    pub groups: Vec<String>,
    pub several: Several,
    /// The hash of the assertion's issuer and id.
    pub assertion: [u8; 32],
    /// By the identity provider's clock.
    pub issued: Timestamp,
    /// Nobody accepts the assertion from then on.
    pub until: Timestamp,
}

/// Who may sign in, and what his account became on the way.
#[derive(Debug)]
pub struct Admittance {
    pub person: KnownPerson,
    /// Words for the audit.
    pub changes: Vec<String>,
}

/// Why the identity provider's word gives no session.
#[derive(Debug, thiserror::Error)]
pub enum VouchedError {
    #[error(
        "no mapping of groups fits, and nothing was given by hand: who it is may do nothing here"
    )]
    NoMapping {
        /// What the account became.
        changes: Vec<String>,
    },
    #[error("the assertion was used before")]
    AssertionUsed,
    #[error("the account is disabled, or was meanwhile")]
    Disabled,
    #[error("the identity provider signed him out meanwhile")]
    SignedOut,
    #[error("the session ended meanwhile: it was signed out of or revoked, or it was over")]
    Ended,
    #[error("the e-mail belongs to an account of another organization")]
    Elsewhere,
    #[error("the records did not answer")]
    Unavailable(#[from] RecordsError),
}

/// The session that is about to begin, or that goes on.
#[derive(Debug)]
pub struct Opening {
    /// What the records know it by.
    pub proof: ProofId,
    /// The browser's half of a new one; the browser has that of one that goes on already.
    id: Option<Secret<String>>,
}

/// What a session begins with.
#[derive(Debug)]
pub struct Beginning {
    pub opening: Opening,
    pub session: VouchedSession,
    /// When the session at the identity provider ends, as far as it said.
    pub ends: Option<Timestamp>,
    pub client: IpAddr,
    pub user_agent: String,
    /// The session that the browser showed when it went to sign in: it ends, unless it is the one that goes on.
    pub replaces: Option<ProofId>,
}

impl Opening {
    /// Whether the browser's own session goes on.
    #[must_use]
    pub const fn goes_on(&self) -> bool {
        self.id.is_none()
    }
}

impl Schemes {
    /// Makes the account what the word says, and says who it is. On the control plane.
    ///
    /// # Errors
    /// [`VouchedError`]: nobody, not any more, not again, or not now.
    pub async fn admit(&self, word: &Word) -> Result<Admittance, VouchedError> {
        let watch = &self.parts.watch;
        let organization = {
            let catalog = watch.catalog().current();
            let mut all = catalog.organizations();
            all.find(|one| one.name == word.organization).map(|one| one.id)
        };
        let organization =
            organization.ok_or_else(|| VouchedError::NoMapping { changes: Vec::new() })?;
        let vouched = Vouched {
            organization,
            email: &word.email,
            groups: &word.groups,
            several: word.several,
            assertion: &word.assertion,
            issued: word.issued,
            until: word.until,
        };
        let (account, changes) = match watch.records().admit_vouched(vouched).await? {
            Admitted::Person { account, changes } => (account, changes),
            Admitted::Unmapped { changes } => {
                watch.catch_up().await?;
                return Err(VouchedError::NoMapping { changes });
            }
            Admitted::UsedAlready => return Err(VouchedError::AssertionUsed),
            Admitted::Disabled => return Err(VouchedError::Disabled),
            Admitted::Elsewhere => return Err(VouchedError::Elsewhere),
        };
        watch.catch_up().await?;
        let person = watch.records().person(account).await?.ok_or(VouchedError::Disabled)?;
        Ok(Admittance { person, changes })
    }

    /// The session that this person will have: the one that is to be renewed, if it is still his, else a new one.
    ///
    /// # Errors
    /// [`VouchedError::Unavailable`] when the records cannot be read.
    pub async fn opening(
        &self,
        person: &KnownPerson,
        renews: Option<ProofId>,
    ) -> Result<Opening, VouchedError> {
        if let Some(proof) = renews
            && self.vouched_person(proof).await? == Some(person.account)
        {
            return Ok(Opening { proof, id: None });
        }
        let id = URL_SAFE_NO_PAD.encode(self.parts.random.bytes::<32>());
        Ok(Opening { proof: proof_id(&id), id: Some(Secret::new(id)) })
    }

    /// Whether this session began by an assertion, and lasts: another can renew it.
    ///
    /// # Errors
    /// [`VouchedError::Unavailable`] when the records cannot be read.
    pub async fn can_go_on(&self, session: ProofId) -> Result<bool, VouchedError> {
        Ok(self.vouched_person(session).await?.is_some())
    }

    /// Whose session that is, if it began by an assertion, and lasts.
    async fn vouched_person(&self, session: ProofId) -> Result<Option<AccountId>, VouchedError> {
        let known = self.parts.watch.records().find_session(&session.0).await?;
        let (now, idle) = (self.parts.clock.now(), self.parts.settings.idle);
        let lasting = known.filter(|known| {
            known.vouched.is_some()
                && known.absolute_end > now
                && known.last_seen.checked_add(idle).is_ok_and(|end| end > now)
        });
        Ok(lasting.map(|known| known.person.account))
    }

    /// Begins the session, or lets it go on. `None`: it goes on, and the browser has its cookie. On the control plane.
    ///
    /// # Errors
    /// [`VouchedError`] when the account was disabled, the session ended or the identity provider signed the person out
    /// meanwhile: in the last case a session that was to go on has ended.
    pub async fn begin_vouched(
        &self,
        person: &KnownPerson,
        beginning: Beginning,
    ) -> Result<Option<NewSession>, VouchedError> {
        let Beginning { opening, session, ends, client, user_agent, replaces } = beginning;
        let now = self.parts.clock.now();
        let absolute = now.checked_add(self.parts.settings.absolute).unwrap_or(Timestamp::MAX);
        let absolute_end = ends.map_or(absolute, |ends| ends.min(absolute));
        let records = self.parts.watch.records();
        let goes_on = opening.goes_on();
        let begun = match opening.id {
            None => {
                let (proof, ends) =
                    (&opening.proof.0, (absolute_end, self.parts.settings.absolute));
                let goes_on = records.renew_session(proof, person.account, ends, &session).await;
                goes_on.map(|()| None)
            }
            Some(id) => {
                let row = NewSessionRow {
                    hash: &opening.proof.0,
                    account: person.account,
                    grounds: Grounds::Vouched(&session),
                    absolute_end,
                    address: client,
                    address_hash: &self.address_hash(person.account, client),
                    user_agent: &user_agent.chars().take(USER_AGENT_KEPT).collect::<String>(),
                };
                let begun = records.insert_session(row).await;
                begun.map(|()| Some(NewSession::new(id, absolute_end)))
            }
        };
        let begun = match begun {
            Err(RecordsError::SignedOut) => {
                self.parts.watch.catch_up().await?;
                return Err(VouchedError::SignedOut);
            }
            Err(RecordsError::NotFound { .. }) if goes_on => return Err(VouchedError::Ended),
            Err(RecordsError::NotFound { .. }) => return Err(VouchedError::Disabled),
            done => done?,
        };
        if let Some(replaced) = replaces.filter(|replaced| *replaced != opening.proof) {
            records.end_session(&replaced.0).await?;
        }
        self.parts.watch.catch_up().await?;
        Ok(begun)
    }

    /// Ends what an order of the identity provider's names, also of what is only about to begin. Gives the e-mail addresses of
    /// whose sessions ended, each once. On the control plane.
    ///
    /// # Errors
    /// [`VouchedError::Unavailable`]
    pub async fn end_vouched(
        &self,
        order: &SignOutOrder<'_>,
    ) -> Result<BTreeSet<String>, VouchedError> {
        let ended = self.parts.watch.records().end_vouched_sessions(order).await?;
        self.parts.watch.catch_up().await?;
        Ok(ended.into_iter().collect())
    }
}
