//! One copy of some counters for each thread that counts, so that no two cores fight over a cache line; whoever
//! reads adds the copies up.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// More threads than this share copies, which is slower and still right.
const COPIES: usize = 16;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OWN: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Copies of `T`, one per thread.
#[derive(Debug)]
pub struct Sharded<T> {
    first: Line<T>,
    rest: Box<[Line<T>]>,
}

/// Two cache lines, since processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line<T>(T);

impl<T: Default> Default for Sharded<T> {
    fn default() -> Self {
        Self { first: Line::default(), rest: (1..COPIES).map(|_| Line::default()).collect() }
    }
}

impl<T> Sharded<T> {
    /// The copy of this thread.
    pub fn own(&self) -> &T {
        let index = OWN.get().unwrap_or_else(|| {
            let index = THREADS.fetch_add(1, Ordering::Relaxed) % COPIES;
            OWN.set(Some(index));
            index
        });
        &self.rest.get(index).unwrap_or(&self.first).0
    }

    /// All copies.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.first.0).chain(self.rest.iter().map(|line| &line.0))
    }
}
