//! One role to assume: with which keys, for how long, and how often it may be tried. A role's trouble is shared by all
//! of its storages, so a storm of requests for a thousand of them does not become a storm on STS.

use std::sync::Arc;

use super::aws::Keys;
use super::duration::Longest;
use super::error::SourceError;
use super::slot::{Held, Slot};
use super::sts::{Ask, RefusalCode, RoleArn, SessionPolicy, Sts, Tags};
use super::tools::Tools;
use super::trouble::Trouble;
use crate::catalog::{CredentialName, Storage};

#[derive(Debug)]
pub(super) struct Role {
    name: CredentialName,
    source: Arc<Slot>,
    sts: Sts,
    arn: RoleArn,
    external_id: Option<String>,
    longest: Longest,
    trouble: Trouble,
}

/// To what a role's keys are cut down, and what AWS's own records will call who has them.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) storage: Arc<Storage>,
    pub(super) session: String,
    /// Where the session bears a person's name.
    pub(super) person: Option<Tags>,
}

const CALLS_AT_ONCE: usize = 8;

/// The session's name where the keys only serve to take a further role.
const UNCUT: &str = "sluicegate";

impl Role {
    pub(super) fn new(
        name: CredentialName,
        source: Arc<Slot>,
        sts: Sts,
        arn: RoleArn,
        (external_id, seconds): (Option<String>, u32),
    ) -> Self {
        let (longest, trouble) = (Longest::new(seconds), Trouble::new(CALLS_AT_ONCE));
        Self { name, source, sts, arn, external_id, longest, trouble }
    }

    pub(super) const fn name(&self) -> &CredentialName {
        &self.name
    }

    pub(super) fn arn(&self) -> &str {
        self.arn.as_str()
    }

    /// The role's keys, cut to one storage; uncut when they only serve to take a further role.
    pub(super) async fn assume(
        &self,
        tools: &Tools,
        cut: Option<&Cut>,
    ) -> Result<Keys, SourceError> {
        let policy = |cut: &Cut| SessionPolicy::for_storage(&cut.storage, self.arn.partition());
        let policy = cut.map(policy).transpose()?;
        let turn = self.trouble.turn(&tools.clock).await?;
        let outcome = self.ask(tools, cut, policy.as_ref()).await;
        self.trouble.note(&turn, outcome, tools.clock.now(), SourceError::concerns_everyone)
    }

    async fn ask(
        &self,
        tools: &Tools,
        cut: Option<&Cut>,
        policy: Option<&SessionPolicy>,
    ) -> Result<Keys, SourceError> {
        let mut source = self.source_keys(tools).await?;
        let mut renewed = false;
        loop {
            let seconds = self.longest.seconds();
            let ask = Ask {
                role: &self.arn,
                session: cut.map_or(UNCUT, |cut| &cut.session),
                person: cut.and_then(|cut| cut.person.as_ref()),
                external_id: self.external_id.as_deref(),
                policy,
                seconds: Some(seconds),
            };
            let refused = match self.sts.assume_role(tools, &source.keys, &ask).await {
                Err(SourceError::Refused { action, code, said }) => (action, code, said),
                other => return other,
            };
            match refused {
                (_, RefusalCode::DurationTooLong, _) if self.longest.refused(seconds) => {}
                (action, code, said) if code.blames_source() && !renewed => {
                    let instead = Box::pin(self.source.keys_instead(&source, tools)).await;
                    let instead = instead.map_err(|cause| self.no_source(cause))?;
                    if Arc::ptr_eq(&instead, &source) {
                        return Err(SourceError::Refused { action, code, said });
                    }
                    source = instead;
                    renewed = true;
                }
                (action, code, said) => {
                    return Err(SourceError::Refused { action, code, said });
                }
            }
        }
    }

    async fn source_keys(&self, tools: &Tools) -> Result<Arc<Held>, SourceError> {
        let keys = Box::pin(self.source.keys(tools)).await;
        keys.map_err(|cause| self.no_source(cause))
    }

    fn no_source(&self, cause: Arc<SourceError>) -> SourceError {
        SourceError::Source { name: self.source.name().clone(), cause }
    }
}
