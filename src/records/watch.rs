//! Notices that something which decides has changed, by this process or by another one, and makes it known:
//! first the catalogue is read anew, then the generation advances.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::{Records, RecordsError};
use crate::catalog::LiveCatalog;
use crate::ground::generation::Generation;

/// The one who turns changes in the records into generations. Clones share what was seen.
#[derive(Debug, Clone)]
pub struct Watch {
    records: Records,
    catalog: LiveCatalog,
    /// The last change that the catalogue holds.
    seen: Arc<Mutex<i64>>,
}

/// How often the records are asked. With the time of one reading it bounds how long a revocation takes (R14).
const PERIOD: Duration = Duration::from_millis(200);

impl Watch {
    /// Reads the catalogue for the first time.
    ///
    /// # Errors
    /// [`RecordsError`] when it cannot be read.
    pub async fn begin(records: Records, generation: Generation) -> Result<Self, RecordsError> {
        let (catalog, seq) = records.catalog_and_seq().await?;
        let catalog = LiveCatalog::new(catalog, generation);
        Ok(Self { records, catalog, seen: Arc::new(Mutex::new(seq)) })
    }

    /// The catalogue that this keeps up to date.
    #[must_use]
    pub const fn catalog(&self) -> &LiveCatalog {
        &self.catalog
    }

    /// The records that this watches.
    #[must_use]
    pub const fn records(&self) -> &Records {
        &self.records
    }

    /// Makes known what has changed, if anything. Whoever changed something here calls this right after, so that
    /// the change holds before it is confirmed.
    ///
    /// # Errors
    /// [`RecordsError`] when the records cannot be read; what changed is then noticed by a later call.
    pub async fn catch_up(&self) -> Result<(), RecordsError> {
        let mut seen = self.seen.lock().await;
        if self.records.last_change().await? == *seen {
            return Ok(());
        }
        let (catalog, seq) = self.records.catalog_and_seq().await?;
        self.catalog.publish(catalog);
        *seen = seq;
        Ok(())
    }

    /// Keeps catching up, for as long as the process lives: a task of the control plane.
    pub async fn run(self) {
        let mut tick = tokio::time::interval(PERIOD);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tick.tick().await;
            let caught_up = self.catch_up().await;
            if let Err(error) = &caught_up {
                // Fail closed: what may be outdated is not reused. Said once, not five times a second.
                self.catalog.generation().advance();
                if !failing {
                    tracing::error!(cause = %error, "the records cannot be read");
                }
            }
            failing = caught_up.is_err();
        }
    }
}
