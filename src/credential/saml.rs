//! The roles that people's own assertions may be exchanged for: where STS is, which roles they are, how long each lasts.

use std::collections::BTreeMap;

use super::duration::{LEAST, Longest};
use super::error::SourceError;
use super::iam::Inspector;
use super::sts::{Ask, RefusalCode, RoleArn, SessionPolicy, Sts};
use super::tools::Tools;
use super::trouble::Trouble;
use crate::credential::aws::Keys;
use crate::ground::clock::Timestamp;
use crate::ground::secret::Secret;
use crate::outbound::Host;

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
    trouble: Trouble,
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

impl SamlRoles {
    pub(super) fn new(
        sts: Sts,
        (roles, seconds): (Vec<RoleArn>, u32),
        inspector: Option<Inspector>,
    ) -> Self {
        let role = |arn: RoleArn| {
            (
                arn.as_str().to_owned(),
                SamlRole { arn, longest: Longest::new(seconds), trouble: Trouble::new() },
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

    /// The role's keys, cut by this policy, for as long as the role allows and the person's session lasts.
    pub(super) async fn exchange(
        &self,
        tools: &Tools,
        role: &SamlRole,
        policy: &SessionPolicy,
        shown: &Shown<'_>,
    ) -> Result<Keys, SourceError> {
        let turn = role.trouble.turn(&tools.clock).await?;
        let outcome = self.ask(tools, role, policy, shown).await;
        // What is wrong with one person's assertion is not wrong with another's.
        role.trouble.note(&turn, outcome, tools.clock.now(), SourceError::is_outage)
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
