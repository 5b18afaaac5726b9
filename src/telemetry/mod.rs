//! What the program says of itself while it runs: logs (the one door to tracing-subscriber) and counts (the one door
//! to prometheus-client). Below every stage, names none of them, and never holds a token, a cookie, mail or a body.

mod count;
mod durations;
mod logs;
mod sharded;
mod text;

pub use count::{Count, Gauge, add, count, gauges, lower, raise, totals};
pub use durations::{Durations, Spread};
pub use logs::{Form, Level, Logs, Settings, start_logs};
pub use sharded::Sharded;
pub use text::{Family, Labels, Samples, render};
