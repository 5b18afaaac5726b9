//! "What if this person asked?": for `explain` and the policy matrix. Proves nothing about anybody, so nothing that
//! serves requests may call it (`tests/tidy.rs`).

use std::sync::Arc;

use super::person::Pulse;
use super::{Identity, Person, Proof, ProofId, Scope};
use crate::catalog::Asserted;
use crate::ground::clock::Timestamp;
use crate::ground::seal::MasterKey;
use crate::ground::secret::Secret;
use crate::records::KnownPerson;

/// By what the person would ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Supposed {
    Session,
    /// A session that began with an assertion which says this.
    Vouched(Asserted),
    Token(Scope),
}

/// The identity that this person would have, in this generation. Its handles open for nobody else.
#[must_use]
pub(crate) fn suppose(person: KnownPerson, by: Supposed, generation: u64) -> Identity {
    let id = ProofId([0; 32]);
    let (proof, scope, asserted) = match by {
        Supposed::Session => (Proof::Session(id), Scope::ALL, None),
        Supposed::Vouched(asserted) => (Proof::Session(id), Scope::ALL, Some(Arc::new(asserted))),
        Supposed::Token(scope) => (Proof::Token(id), scope, None),
    };
    let handle_key = MasterKey::new(Secret::new([0; 32])).derive(&[b"supposed"]);
    let KnownPerson {
        account,
        email,
        organization,
        organization_name,
        organization_role,
        memberships,
    } = person;
    Identity(Some(Arc::new(Person {
        account,
        email,
        organization,
        organization_name,
        organization_role,
        workspace_roles: memberships.workspaces,
        project_roles: memberships.projects,
        proof,
        scope,
        valid_until: Timestamp::MAX,
        generation,
        handle_key,
        asserted,
        credentials_end: None,
        pulse: Pulse::new(Timestamp::UNIX_EPOCH),
    })))
}
