//! What an operator decides about policy. Filled and checked by `settings`; plain values here.

use std::num::NonZeroU32;
use std::path::PathBuf;

/// `[policy]`
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Schema and policies; `None` is the role pack built into the program.
    pub folder: Option<PathBuf>,
    /// Requests per second and person; `None` is no quota.
    pub quota: Option<Quota>,
}

/// How much one person may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    pub requests_per_second: NonZeroU32,
    /// How many at once after a pause.
    pub burst: NonZeroU32,
}
