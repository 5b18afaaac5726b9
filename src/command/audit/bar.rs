//! A bar for what takes long, on a terminal only.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Shorter readings than this need no bar.
const LONG: u64 = 64 << 20;

pub(super) fn over(total_bytes: u64) -> ProgressBar {
    if total_bytes < LONG {
        return ProgressBar::hidden();
    }
    // Hides itself when standard error is not a terminal.
    let bar = ProgressBar::new(total_bytes);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} left")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
