//! What an operator decides about policy. Filled and checked by `settings`; plain values here.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;

use crate::catalog::CredentialName;

/// `[policy]`
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Schema and policies; `None` is the role pack built into the program.
    pub folder: Option<PathBuf>,
    /// Requests per second and person; `None` is no quota.
    pub quota: Option<Quota>,
    /// The credentials that people bring from their assertion (`kind = "saml"`). They stand in other sections of the settings
    /// and not in the catalogue, but decide what a storage asks of people: told at each load, so that rules and credentials of
    /// one set of settings hold together.
    pub brought: BTreeSet<CredentialName>,
}

/// How much one person may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    pub requests_per_second: NonZeroU32,
    /// How many at once after a pause.
    pub burst: NonZeroU32,
}
