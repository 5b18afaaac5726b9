//! What an operator decides about sessions and sign-in. Filled and checked by `settings`; plain values here.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::catalog::{Email, OrganizationName};

/// `[sessions]` and `[sign_in]`
#[derive(Debug, Clone)]
pub struct Settings {
    /// A session without a request ends after it.
    pub idle: Duration,
    /// Every session ends after it.
    pub absolute: Duration,
    /// Per account and per address.
    pub attempts_per_minute: NonZeroU32,
    /// Who may come with a password; of an organization that is not in it, everybody.
    pub native: BTreeMap<OrganizationName, NativeSignIn>,
}

/// Who of an organization may come with a password, when most must not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NativeSignIn {
    /// These, in an emergency; it is told loudly.
    Only(Vec<Email>),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(60 * 60),
            absolute: Duration::from_secs(12 * 60 * 60),
            attempts_per_minute: NonZeroU32::MIN.saturating_add(9),
            native: BTreeMap::new(),
        }
    }
}
