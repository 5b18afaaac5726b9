//! The roles that people's own assertions may be exchanged for: where STS is, which roles they are, how long each lasts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::duration::{LEAST, Longest};
use super::error::SourceError;
use super::iam::Inspector;
use super::shares::{Share, Shares};
use super::sts::{Ask, RefusalCode, RoleArn, SessionPolicy, Sts};
use super::tools::Tools;
use super::trouble::{Trouble, Turn};
use crate::catalog::AccountId;
use crate::credential::aws::Keys;
use crate::ground::clock::Timestamp;
use crate::ground::secret::Secret;
use crate::outbound::{Host, OutboundError};

/// One `[credentials.NAME]` of `kind = "saml"`.
#[derive(Debug)]
pub(super) struct SamlRoles {
    sts: Sts,
    /// By ARN. No other may ever be asked for.
    roles: BTreeMap<String, SamlRole>,
    /// By whom a check asks what IAM has.
    pub(super) inspector: Option<Inspector>,
}

#[derive(Debug)]
pub(super) struct SamlRole {
    arn: RoleArn,
    longest: Longest,
    shares: Shares,
    trouble: Trouble,
}

/// Leave to ask for one role's keys once, for one person.
#[derive(Debug)]
pub(super) struct SamlTurn<'r> {
    role: &'r SamlRole,
    turn: Turn<'r>,
    _at_once: Option<OwnedSemaphorePermit>,
    _share: Option<Share<'r>>,
}

/// What is presented, and until when what is had for it may be used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) provider: &'a str,
    /// Base64, as it was posted.
    pub(super) assertion: &'a Secret<String>,
    /// As the assertion names it: the answer must be for it.
    pub(super) session_name: &'a str,
    pub(super) ends: Option<Timestamp>,
}

/// People come together in the morning, and each may have half of it.
const CALLS_AT_ONCE: usize = 16;

impl SamlRoles {
    pub(super) fn new(
        sts: Sts,
        (roles, seconds): (Vec<RoleArn>, u32),
        inspector: Option<Inspector>,
    ) -> Self {
        let role = |arn: RoleArn| {
            (
                arn.as_str().to_owned(),
                SamlRole {
                    arn,
                    longest: Longest::new(seconds),
                    shares: Shares::default(),
                    trouble: Trouble::new(CALLS_AT_ONCE),
                },
            )
        };
        Self { sts, roles: roles.into_iter().map(role).collect(), inspector }
    }

    /// Where they are asked for.
    pub(super) const fn host(&self) -> &Host {
        self.sts.host()
    }

    pub(super) fn get(&self, arn: &str) -> Option<&SamlRole> {
        self.roles.get(arn)
    }

    /// The role's keys, cut by this policy, for as long as the role allows and the person's session lasts. An STS that says
    /// nothing for so long is in trouble, and the role knows it.
    pub(super) async fn exchange(
        &self,
        tools: &Tools,
        (turn, patience): (SamlTurn<'_>, Duration),
        policy: &SessionPolicy,
        shown: &Shown<'_>,
    ) -> Result<Keys, SourceError> {
        let role = turn.role;
        let asked = Box::pin(self.ask(tools, role, policy, shown));
        let outcome = tokio::time::timeout(patience, asked).await.unwrap_or_else(|_late| {
            let host = self.host().name().to_owned();
            Err(SourceError::Unasked { who: "STS", cause: OutboundError::Timeout { host } })
        });
        // What is wrong with one person's assertion is not wrong with another's.
        role.trouble.note(&turn.turn, outcome, tools.clock.now(), SourceError::is_outage)
    }

    async fn ask(
        &self,
        tools: &Tools,
        role: &SamlRole,
        policy: &SessionPolicy,
        shown: &Shown<'_>,
    ) -> Result<Keys, SourceError> {
        loop {
            let seconds = role.seconds(tools.clock.now(), shown.ends);
            let ask = Ask {
                role: &role.arn,
                session: shown.session_name,
                person: None,
                external_id: None,
                policy: Some(policy),
                seconds: Some(seconds),
            };
            let proof = (shown.provider, shown.assertion);
            match self.sts.assume_role_with_saml(tools, proof, &ask).await {
                Err(SourceError::Refused { code: RefusalCode::DurationTooLong, .. })
                    if role.longest.refused(seconds) => {}
                outcome => return outcome,
            }
        }
    }
}

impl SamlRole {
    /// A turn to ask, once there is room among this person's own calls for the role, among those that are `at_once`, and at
    /// last among everybody's for the role: who waits for his own has none of what others wait for.
    ///
    /// # Errors
    /// [`SourceError::Paused`] while the role is to be left alone.
    pub(super) async fn turn(
        &self,
        tools: &Tools,
        account: AccountId,
        at_once: Arc<Semaphore>,
    ) -> Result<SamlTurn<'_>, SourceError> {
        let share = self.shares.of(account).await;
        // Never closed.
        let at_once = at_once.acquire_owned().await.ok();
        let turn = self.trouble.turn(&tools.clock).await?;
        Ok(SamlTurn { role: self, turn, _at_once: at_once, _share: share })
    }

    pub(super) fn partition(&self) -> &str {
        self.arn.partition()
    }

    /// What to ask for: no longer than the session lasts, but what STS gives at least. What is left over is not used.
    fn seconds(&self, now: Timestamp, ends: Option<Timestamp>) -> u32 {
        let longest = self.longest.seconds();
        ends.map_or(longest, |ends| {
            let left = u32::try_from(ends.duration_since(now).as_secs()).unwrap_or(0);
            longest.min(left.max(LEAST))
        })
    }
}
