//! What an operator decides about the audit. Filled and checked by `settings`; plain values here.

use std::path::PathBuf;

/// `[audit]`
#[derive(Debug, Clone)]
pub struct Settings {
    pub folder: PathBuf,
    pub durability: Durability,
    /// A segment is closed when it has grown past this.
    pub segment_bytes: u64,
}

/// What a request waits for (D9).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// The first byte leaves after its entry is on disk.
    #[default]
    BeforeBytes,
    /// Entries reach the disk soon.
    Async,
}
