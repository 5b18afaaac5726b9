//! Counts as OpenMetrics text, which Prometheus reads.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::durations::Spread;

/// Labels of one sample. Their values are from closed sets: never a user, a key, a path or a project.
pub type Labels = Vec<(&'static str, String)>;

/// One metric with all its samples.
#[derive(Debug)]
pub struct Family {
    /// Without the prefix of the program.
    pub name: &'static str,
    pub help: &'static str,
    pub samples: Samples,
}

/// Samples by kind.
#[derive(Debug)]
pub enum Samples {
    Counters(Vec<(Labels, u64)>),
    Gauges(Vec<(Labels, i64)>),
    Durations(Vec<(Labels, Spread)>),
}

/// The page that is scraped.
#[must_use]
pub fn render(families: Vec<Family>) -> String {
    let mut registry = Registry::with_prefix("sluicegate");
    registry.register_collector(Box::new(Page(families)));
    let mut page = String::new();
    // writing to a String never fails
    text::encode(&mut page, &registry).unwrap_or_default();
    // A sample without labels reads as everywhere else: by its name alone.
    page.replace("{} ", " ")
}

#[derive(Debug)]
struct Page(Vec<Family>);

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|family| encode(family, &mut encoder))
    }
}

fn encode(family: &Family, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let kind = match &family.samples {
        Samples::Counters(_) => MetricType::Counter,
        Samples::Gauges(_) => MetricType::Gauge,
        Samples::Durations(_) => MetricType::Histogram,
    };
    let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
    match &family.samples {
        Samples::Counters(samples) => samples.iter().try_for_each(|(labels, value)| {
            metric.encode_family(labels)?.encode_counter::<NoLabelSet, _, f64>(value, None)
        }),
        Samples::Gauges(samples) => samples
            .iter()
            .try_for_each(|(labels, value)| metric.encode_family(labels)?.encode_gauge(value)),
        Samples::Durations(samples) => samples.iter().try_for_each(|(labels, spread)| {
            metric.encode_family(labels)?.encode_histogram::<NoLabelSet>(
                spread.sum_seconds(),
                spread.count(),
                &spread.buckets(),
                None,
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_become_text() {
        let labels = vec![("operation", "ReadObject".to_owned())];
        let families = vec![
            Family {
                name: "requests",
                help: "requests",
                samples: Samples::Counters(vec![(labels, 3)]),
            },
            Family { name: "open", help: "open", samples: Samples::Gauges(vec![(vec![], -1)]) },
        ];
        let expected = "\
# HELP sluicegate_requests requests
# TYPE sluicegate_requests counter
sluicegate_requests_total{operation=\"ReadObject\"} 3
# HELP sluicegate_open open
# TYPE sluicegate_open gauge
sluicegate_open -1
# EOF
";
        assert_eq!(render(families), expected);
    }
}
