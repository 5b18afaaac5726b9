//! Counts requests as the audit ends them: by operation and class of status, by code of refusal, how long, how much.
//! Every array is made beforehand; one request costs a few additions on cache lines of its own thread.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::audit::{Ended, Observer};
use crate::refusal::Code;
use crate::request::Operation;
use crate::stream::Outcome;
use crate::telemetry::{self, Durations, Family, Gauge, Labels, Samples, Sharded, Spread};

/// Statuses by their first digit; everything odd counts as the last.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];
const OUTCOMES: [&str; 5] = ["complete", "aborted", "truncated", "lapsed", "stopped"];
/// The operations, and one more place for what is none.
const OPERATIONS: usize = Operation::NAMES.len() + 1;

/// What is known of all requests since the start.
#[derive(Debug, Default)]
pub struct Requests {
    shards: Sharded<Shard>,
}

#[derive(Debug)]
struct Shard {
    by_class: [[AtomicU64; CLASSES.len()]; OPERATIONS],
    bytes: [AtomicU64; OPERATIONS],
    durations: [Durations; OPERATIONS],
    outcomes: [AtomicU64; OUTCOMES.len()],
    /// By code.
    refusals: [AtomicU64; Code::ALL.len()],
}

/// By hand: arrays of more than 32 have no `Default` of their own.
impl Default for Shard {
    fn default() -> Self {
        Self {
            by_class: array::from_fn(|_| <[AtomicU64; CLASSES.len()]>::default()),
            bytes: array::from_fn(|_| AtomicU64::default()),
            durations: array::from_fn(|_| Durations::default()),
            outcomes: Default::default(),
            refusals: array::from_fn(|_| AtomicU64::default()),
        }
    }
}

impl Observer for Requests {
    fn began(&self) {
        telemetry::raise(Gauge::RequestsInFlight);
    }

    fn ended(&self, ended: &Ended) {
        telemetry::lower(Gauge::RequestsInFlight);
        let shard = self.shards.own();
        let operation = place(ended.operation);
        let class = usize::from(ended.status.as_u16() / 100).saturating_sub(2);
        let classes = shard.by_class.get(operation);
        count(classes.and_then(|classes| classes.get(class.min(CLASSES.len() - 1))), 1);
        count(shard.bytes.get(operation), ended.bytes);
        count(shard.outcomes.get(outcome(ended.outcome)), 1);
        if let Some(durations) = shard.durations.get(operation) {
            durations.record(Duration::from_micros(ended.duration_us));
        }
        if let Some(code) = ended.code {
            let known = Code::ALL.iter().position(|one| one.as_str() == code);
            count(known.and_then(|place| shard.refusals.get(place)), 1);
        }
    }
}

fn count(counter: Option<&AtomicU64>, times: u64) {
    if let Some(counter) = counter {
        counter.fetch_add(times, Ordering::Relaxed);
    }
}

/// A dozen short names of different lengths: comparing them is cheaper than hashing one.
fn place(operation: Option<&str>) -> usize {
    let known = operation.and_then(|name| Operation::NAMES.iter().position(|one| *one == name));
    known.unwrap_or(Operation::NAMES.len())
}

const fn outcome(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Complete => 0,
        Outcome::Aborted => 1,
        Outcome::Truncated => 2,
        Outcome::Lapsed => 3,
        Outcome::Stopped => 4,
    }
}

impl Requests {
    /// All of it, for the page.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        let counters =
            |name, help, samples| Family { name, help, samples: Samples::Counters(samples) };
        vec![
            counters(
                "requests",
                "requests answered, by operation and class of status",
                self.by_class(),
            ),
            counters("response_body_bytes", "bytes of bodies sent to clients", self.bytes()),
            counters(
                "outcomes",
                "how answers ended",
                named("outcome", &OUTCOMES, |place| self.sum(|shard| shard.outcomes.get(place))),
            ),
            counters(
                "refusals",
                "requests refused, by documented code",
                Code::ALL
                    .iter()
                    .enumerate()
                    .map(|(place, code)| {
                        let sum = self.sum(|shard| shard.refusals.get(place));
                        (vec![("code", code.as_str().to_owned())], sum)
                    })
                    .collect(),
            ),
            Family {
                name: "request_duration_seconds",
                help: "from the parsed head to the end of the body",
                samples: Samples::Durations(self.durations()),
            },
        ]
    }

    fn sum<'s>(&'s self, pick: impl Fn(&'s Shard) -> Option<&'s AtomicU64>) -> u64 {
        self.shards.iter().filter_map(pick).map(|counter| counter.load(Ordering::Relaxed)).sum()
    }

    fn by_class(&self) -> Vec<(Labels, u64)> {
        let mut samples = Vec::new();
        for (place, operation) in operations() {
            for (index, class) in CLASSES.iter().enumerate() {
                let sum = self.sum(|shard| shard.by_class.get(place)?.get(index));
                // A route that only ever answers one class would fill the page with noughts.
                if sum > 0 {
                    let labels =
                        vec![("operation", operation.to_owned()), ("status", (*class).to_owned())];
                    samples.push((labels, sum));
                }
            }
        }
        samples
    }

    fn bytes(&self) -> Vec<(Labels, u64)> {
        operations()
            .map(|(place, operation)| (label(operation), self.sum(|shard| shard.bytes.get(place))))
            .collect()
    }

    fn durations(&self) -> Vec<(Labels, Spread)> {
        operations()
            .map(|(place, operation)| {
                let mut spread = Spread::default();
                for durations in self.shards.iter().filter_map(|shard| shard.durations.get(place)) {
                    spread.take_in(durations);
                }
                (label(operation), spread)
            })
            .filter(|(_, spread)| spread.count() > 0)
            .collect()
    }
}

fn operations() -> impl Iterator<Item = (usize, &'static str)> {
    Operation::NAMES.iter().copied().chain(["none"]).enumerate()
}

fn label(operation: &str) -> Labels {
    vec![("operation", operation.to_owned())]
}

fn named(label: &'static str, names: &[&str], sum: impl Fn(usize) -> u64) -> Vec<(Labels, u64)> {
    let sample = |(place, name): (usize, &&str)| (vec![(label, (*name).to_owned())], sum(place));
    names.iter().enumerate().map(sample).collect()
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::listener::RequestId;

    fn ended(operation: Option<&'static str>, status: u16, code: Option<&'static str>) -> Ended {
        Ended {
            request: RequestId::parse("0123456789abcdef0123456789abcdef").unwrap(),
            operation,
            status: StatusCode::from_u16(status).unwrap(),
            code,
            bytes: 10,
            outcome: Outcome::Complete,
            duration_us: 1_000,
        }
    }

    #[test]
    fn requests_are_counted_by_what_they_were() {
        let requests = Requests::default();
        for (operation, status, code) in [
            (Some("ReadObject"), 200, None),
            (Some("ReadObject"), 206, None),
            (Some("ReadObject"), 403, Some("forbidden")),
            (None, 400, Some("bad-target")),
            (Some("an operation of tomorrow"), 599, Some("a code of tomorrow")),
        ] {
            requests.began();
            requests.ended(&ended(operation, status, code));
        }
        let page = telemetry::render(requests.families());
        for line in [
            "sluicegate_requests_total{operation=\"ReadObject\",status=\"2xx\"} 2",
            "sluicegate_requests_total{operation=\"ReadObject\",status=\"4xx\"} 1",
            "sluicegate_requests_total{operation=\"none\",status=\"4xx\"} 1",
            "sluicegate_requests_total{operation=\"none\",status=\"5xx\"} 1",
            "sluicegate_response_body_bytes_total{operation=\"ReadObject\"} 30",
            "sluicegate_refusals_total{code=\"forbidden\"} 1",
            "sluicegate_refusals_total{code=\"bad-target\"} 1",
            "sluicegate_outcomes_total{outcome=\"complete\"} 5",
            "sluicegate_request_duration_seconds_count{operation=\"ReadObject\"} 3",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
    }
}
