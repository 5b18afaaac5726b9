//! How many requests may be repeated: one for every ten asked, and a few for the start (R23). A storage in trouble
//! gets a tenth more work from us, not twice as much.

use std::cell::Cell;

/// Tenths of a repetition that may be spent.
#[derive(Debug)]
pub(super) struct Budget(Cell<u32>);

const ONE: u32 = 10;
/// Saved up at most, and had at the start: five repetitions.
const MOST: u32 = 5 * ONE;

impl Default for Budget {
    fn default() -> Self {
        Self(Cell::new(MOST))
    }
}

impl Budget {
    /// A request is made for the first time.
    pub(super) fn earn(&self) {
        self.0.set((self.0.get() + 1).min(MOST));
    }

    /// Whether a request may be made again; if so, that is counted.
    pub(super) fn spend(&self) -> bool {
        let left = self.0.get().checked_sub(ONE);
        left.inspect(|left| self.0.set(*left)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_repeated_by_a_tenth_and_no_more() {
        let budget = Budget::default();
        let repeated = (0..1000)
            .filter(|_| {
                budget.earn();
                budget.spend()
            })
            .count();
        assert!((100..=105).contains(&repeated), "{repeated}");
    }

    #[test]
    fn calm_does_not_save_up_for_a_storm() {
        let budget = Budget::default();
        (0..10_000).for_each(|_| budget.earn());
        assert_eq!((0..100).filter(|_| budget.spend()).count(), 5);
    }
}
