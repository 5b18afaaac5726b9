//! What every source of keys needs besides its settings.

use std::sync::Arc;

use crate::ground::clock::Clock;
use crate::ground::control::Control;
use crate::outbound::Door;

/// The way out, the place where slow work runs, and the time.
#[derive(Debug, Clone)]
pub struct Tools {
    pub door: Arc<Door>,
    pub control: Control,
    pub clock: Clock,
}
