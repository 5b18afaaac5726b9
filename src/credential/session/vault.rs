//! Where sealed credentials of sessions are: read from the records on the control plane, opened with the operator's key.

use super::super::aws::Keys;
use super::super::error::{Ended, SourceError};
use super::super::shelf::SessionKey;
use super::super::tools::Tools;
use super::sealed::{self, KeySet, Owner};
use crate::catalog::CredentialName;
use crate::ground::seal::MasterKey;
use crate::records::Records;

/// The records, and the key to what is sealed in them.
#[derive(Debug)]
pub(in crate::credential) struct Vault {
    records: Records,
    pub(super) master: MasterKey,
    #[cfg(test)]
    pub(in crate::credential) loads: std::sync::atomic::AtomicUsize,
}

impl Vault {
    pub(in crate::credential) const fn new(records: Records, master: MasterKey) -> Self {
        Self {
            records,
            master,
            #[cfg(test)]
            loads: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    /// The keys that this session brought for exactly this storage as it is now, and what AWS calls the session of theirs.
    pub(in crate::credential) async fn open(
        &self,
        tools: &Tools,
        key: &SessionKey,
        credential: &CredentialName,
    ) -> Result<(Keys, String), SourceError> {
        #[cfg(test)]
        self.loads.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let SessionKey { session, account, role, project, storage, revision } = key;
        let owner = Owner { session, account: *account, project: *project, role };
        let sets = self.sets(owner).await?;
        let found = sets.into_iter().find(|set| set.covers((*storage, *revision), credential));
        let set = found.ok_or(SourceError::Ended(Ended::Changed))?;
        if !set.serves_at(tools.clock.now()) {
            return Err(SourceError::Ended(Ended::Expired));
        }
        Ok((set.keys, set.session_name))
    }

    /// Everything that is kept for this owner.
    pub(super) async fn sets(&self, owner: Owner<'_>) -> Result<Vec<KeySet>, SourceError> {
        let row =
            self.records.session_credential(&owner.session.0, owner.project, owner.role).await;
        let row = row.map_err(SourceError::Records)?.ok_or(SourceError::Ended(Ended::Never))?;
        let sets = sealed::open(&self.master, owner, &row.sealed);
        sets.ok_or(SourceError::Ended(Ended::Sealed))
    }
}
