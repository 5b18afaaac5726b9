//! `/metrics`: everything that is counted, put together when it is asked for.

use super::Health;
use crate::listener::{CertificateFiles, Inspected};
use crate::sign_in::Expiry;
use crate::telemetry::{self, Family, Labels, Samples};

/// The whole page.
#[must_use]
pub fn metrics_page(health: &Health) -> String {
    let mut families = health.requests.families();
    for (what, total) in telemetry::totals() {
        let samples = Samples::Counters(vec![(vec![], total)]);
        families.push(Family { name: what.name(), help: what.help(), samples });
    }
    for (what, now) in telemetry::gauges() {
        families.push(gauge(what.name(), what.help(), now));
    }
    let queued = i64::try_from(health.audit.queued()).unwrap_or(i64::MAX);
    let number = |generation: u64| i64::try_from(generation).unwrap_or(i64::MAX);
    families.extend([
        gauge("audit_queue", "records that wait for the disk", queued),
        gauge("audit_healthy", "1 while records reach the disk", i64::from(health.audit.healthy())),
        gauge("generation", "of all that decides", number(health.generation.current())),
        gauge(
            "settings_generation",
            "of the settings: one more for every reload that worked",
            number(health.reloads.generation()),
        ),
        gauge(
            "settings_last_reload_successful",
            "1 when the last reload worked",
            i64::from(health.reloads.last_worked()),
        ),
        gauge(
            "settings_last_reload_success_timestamp_seconds",
            "when the present settings were taken up",
            health.reloads.last_success(),
        ),
    ]);
    families.push(Family {
        name: "tls_certificate_expiry_timestamp_seconds",
        help: "when each certificate ends, in the order of the settings",
        samples: Samples::Gauges(expiries(health)),
    });
    families.push(Family {
        name: "saml_metadata_expiry_timestamp_seconds",
        help: "when the metadata of each organization's identity provider end, where they say so",
        samples: Samples::Gauges(metadata_ends(health)),
    });
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    families.push(Family {
        name: "build_info",
        help: "always 1; the label says which program this is",
        samples: Samples::Gauges(vec![(version, 1)]),
    });
    telemetry::render(families)
}

fn metadata_ends(health: &Health) -> Vec<(Labels, i64)> {
    let end = |one: Expiry| {
        let labels = vec![("organization", one.organization.to_string())];
        Some((labels, one.valid_until?.as_second()))
    };
    health.providers.expiries().into_iter().filter_map(end).collect()
}

/// Read from the files, as the listener does when they change.
fn expiries(health: &Health) -> Vec<(Labels, i64)> {
    let expiry = |(index, files): (usize, &CertificateFiles)| {
        let until = Inspected::of(files)?.until.as_second();
        Some((vec![("certificate", (index + 1).to_string())], until))
    };
    health.certificates.iter().enumerate().filter_map(expiry).collect()
}

fn gauge(name: &'static str, help: &'static str, now: i64) -> Family {
    Family { name, help, samples: Samples::Gauges(vec![(vec![], now)]) }
}
