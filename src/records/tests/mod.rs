//! The records on a real SQLite file.

mod isolation;
mod keeping;
mod sign_outs;
mod vouched;

use super::Records;
use crate::ground::clock::{Clock, Hand, Timestamp};

/// Fresh records, a clock to move, and the folder that they lie in.
async fn fresh() -> (Records, Hand, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (clock, hand) = Clock::manual(Timestamp::from_second(1_800_000_000).unwrap());
    let records = Records::open(&folder.path().join("records.sqlite"), clock).await.unwrap();
    (records, hand, folder)
}
