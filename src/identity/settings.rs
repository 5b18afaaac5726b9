//! What an operator decides about sessions and sign-in. Filled and checked by `settings`; plain values here.

use std::num::NonZeroU32;
use std::time::Duration;

/// `[sessions]` and `[sign_in]`
#[derive(Debug, Clone)]
pub struct Settings {
    /// A session without a request ends after it.
    pub idle: Duration,
    /// Every session ends after it.
    pub absolute: Duration,
    /// Per account and per address.
    pub attempts_per_minute: NonZeroU32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(60 * 60),
            absolute: Duration::from_secs(12 * 60 * 60),
            attempts_per_minute: NonZeroU32::MIN.saturating_add(9),
        }
    }
}
