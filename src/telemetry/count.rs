//! Counts that stages make as they go: `telemetry::count(Count::UpstreamRetries)`. One addition to a cache line of the
//! thread's own; no lock, no label, no name looked up.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::sharded::Sharded;

macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $metric:literal $help:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $(#[doc = $help] $variant),* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name of the metric, without the prefix of the program.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $metric),* }
            }

            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help),* }
            }

            #[expect(clippy::as_conversions, reason = "a variant without fields is its position")]
            const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

table! {
    /// Things that happen, counted since the start.
    Count {
        Connections "connections" "connections accepted";
        ConnectionsRefused "connections_refused" "connections closed at once, over a limit";
        HandshakesFailed "tls_handshakes_failed" "TLS handshakes that failed or took too long";
        BytesIn "request_body_bytes" "bytes of request bodies taken from clients";
        UpstreamRequests "upstream_requests" "requests sent to storages, retries too";
        UpstreamErrors "upstream_errors" "requests to storages without a usable answer";
        UpstreamRetries "upstream_retries" "requests to storages that were sent again";
        UpstreamConnections "upstream_connections" "connections opened to storages";
        CredentialsMinted "credentials_minted" "storage credentials fetched or assumed";
        CredentialFailures "credential_failures" "storage credentials that could not be had";
        RoutesUnlisted "label_studio_routes_unlisted" "requests to Label Studio for what its catalogue does not have";
        SamlSignIns "saml_sign_ins" "sign-ins and renewals by an identity provider's assertion";
        SamlRefusals "saml_refusals" "answers of identity providers that signed nobody in";
        BreakGlassSignIns "break_glass_sign_ins" "sign-ins with a password where nearly nobody may come with one";
        LogLinesDropped "log_lines_dropped" "log lines dropped because standard error was too slow";
    }
}

table! {
    /// Things that are so many just now.
    Gauge {
        OpenConnections "open_connections" "connections open now";
        RequestsInFlight "requests_in_flight" "requests being answered now";
    }
}

#[derive(Debug, Default)]
struct Counts {
    counts: [AtomicU64; Count::ALL.len()],
    gauges: [AtomicI64; Gauge::ALL.len()],
}

type All = Sharded<Counts>;

static COUNTS: LazyLock<All> = LazyLock::new(Sharded::default);

/// It happened once.
pub fn count(what: Count) {
    add(what, 1);
}

/// It happened so often.
pub fn add(what: Count, times: u64) {
    increase(&COUNTS, what, times);
}

/// One more now. The same number of [`lower`]s must follow, on any thread.
pub fn raise(what: Gauge) {
    change(&COUNTS, what, 1);
}

/// One less now.
pub fn lower(what: Gauge) {
    change(&COUNTS, what, -1);
}

/// Every count as it is now.
pub fn totals() -> impl Iterator<Item = (Count, u64)> {
    Count::ALL.iter().map(|what| (*what, total(&COUNTS, *what)))
}

/// Every gauge as it is now.
pub fn gauges() -> impl Iterator<Item = (Gauge, i64)> {
    Gauge::ALL.iter().map(|what| (*what, level(&COUNTS, *what)))
}

fn increase(all: &All, what: Count, times: u64) {
    if let Some(counter) = all.own().counts.get(what.index()) {
        counter.fetch_add(times, Ordering::Relaxed);
    }
}

fn change(all: &All, what: Gauge, by: i64) {
    if let Some(gauge) = all.own().gauges.get(what.index()) {
        gauge.fetch_add(by, Ordering::Relaxed);
    }
}

fn total(all: &All, what: Count) -> u64 {
    let copies = all.iter().filter_map(|copy| copy.counts.get(what.index()));
    copies.map(|counter| counter.load(Ordering::Relaxed)).sum()
}

fn level(all: &All, what: Gauge) -> i64 {
    let copies = all.iter().filter_map(|copy| copy.gauges.get(what.index()));
    copies.map(|gauge| gauge.load(Ordering::Relaxed)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_all_threads_add_up() {
        let all = All::default();
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| (0..100).for_each(|_| increase(&all, Count::UpstreamRetries, 2)));
            }
        });
        assert_eq!(total(&all, Count::UpstreamRetries), 4000);
        assert_eq!(total(&all, Count::UpstreamRequests), 0);
    }

    #[test]
    fn a_gauge_raised_here_may_be_lowered_there() {
        let all = All::default();
        change(&all, Gauge::OpenConnections, 2);
        std::thread::scope(|scope| {
            scope.spawn(|| change(&all, Gauge::OpenConnections, -1));
        });
        assert_eq!(level(&all, Gauge::OpenConnections), 1);
    }
}
