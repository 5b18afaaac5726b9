//! Metadata behind an address: fetched at a start and every hour, judged before they count, the last good ones kept in the
//! records, so that a start does not hang on the identity provider's day.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri};

use super::super::saml::IdentityProvider;
use super::super::settings::{MetadataSource, SamlSettings};
use super::provider::{Over, Provider, Reading};
use super::providers::{Fault, Providers};
use crate::catalog::OrganizationName;
use crate::ground::causes::told;
use crate::ground::clock::{Clock, Timestamp};
use crate::outbound::Door;
use crate::records::Records;

/// Fetches metadata, and keeps them.
#[derive(Debug, Clone)]
pub struct Fetcher {
    pub door: Arc<Door>,
    pub records: Records,
}

/// When an identity provider's metadata end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    pub organization: OrganizationName,
    pub valid_until: Option<Timestamp>,
}

const PERIOD: Duration = Duration::from_secs(60 * 60);
const DEADLINE: Duration = Duration::from_secs(10);
const LARGEST: usize = 64 << 20;

impl Fetcher {
    /// Fresh ones if they can be had and are good, else the last good ones.
    pub(super) async fn fetch_or_kept(
        &self,
        organization: &OrganizationName,
        settings: &SamlSettings,
        url: &Uri,
        now: Timestamp,
    ) -> Result<String, Fault> {
        let fault = match fetch_fresh(&self.door, organization, settings, url, now).await {
            Ok((text, _)) => {
                self.keep(organization, url, &text).await;
                return Ok(text);
            }
            Err(fault) => fault,
        };
        match self.records.provider_metadata(organization).await {
            Ok(Some((kept, at))) => match kept.split_once('\n') {
                Some((from, kept)) if url == from => {
                    tracing::warn!(%fault, %at, "no fresh metadata: the kept ones serve");
                    Ok(kept.to_owned())
                }
                // Of another address, which the operator has turned away from.
                Some(_) | None => Err(fault),
            },
            Ok(None) => Err(fault),
            Err(error) => {
                let problem = format!("{}; {}", fault.problem, told(&error));
                Err(Fault { problem, ..fault })
            }
        }
    }

    /// With the address that they are of, on a line of its own.
    async fn keep(&self, organization: &OrganizationName, url: &Uri, text: &str) {
        let kept = format!("{url}\n{text}");
        if let Err(error) = self.records.keep_provider_metadata(organization, &kept).await {
            tracing::warn!(%organization, cause = %error, "the metadata are not kept for a later start");
        }
    }
}

/// Metadata as they are there now, judged.
pub(super) async fn fetch_fresh(
    door: &Door,
    organization: &OrganizationName,
    settings: &SamlSettings,
    url: &Uri,
    now: Timestamp,
) -> Result<(String, IdentityProvider), Fault> {
    let text = fetch(door, url).await.map_err(|problem| Fault {
        organization: organization.clone(),
        field: "metadata_url",
        problem,
        remedy: "open the way there (outbound.allow_private, outbound.ca_files), or write metadata = \"FILE\"",
    })?;
    let mut faults = Vec::new();
    let mut reading = Reading { organization, faults: &mut faults, now, over: Over::Fault };
    let theirs = reading.theirs("metadata_url", settings, &text);
    theirs.map(|theirs| (text, theirs)).ok_or_else(|| faults.swap_remove(0))
}

async fn fetch(door: &Door, url: &Uri) -> Result<String, String> {
    let request = Request::builder()
        .method(Method::GET)
        .uri(url.clone())
        .header("accept", "application/samlmetadata+xml, application/xml;q=0.9, */*;q=0.1")
        .body(Bytes::new())
        .map_err(|error| error.to_string())?;
    let answer = Box::pin(door.exchange(request, DEADLINE, LARGEST)).await;
    let answer = answer.map_err(|error| told(&error))?;
    if answer.status() != StatusCode::OK {
        return Err(format!("the answer was {}", answer.status()));
    }
    String::from_utf8(answer.into_body().into()).map_err(|error| error.to_string())
}

impl Providers {
    /// Keeps fetching, for as long as the process lives: a task of the control plane.
    pub async fn run(self: Arc<Self>, fetcher: Fetcher, clock: Clock) {
        let mut tick = tokio::time::interval(PERIOD);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // The first is at once, and the start has fetched already.
        tick.tick().await;
        loop {
            tick.tick().await;
            for (organization, provider) in &*self.all() {
                refresh(&fetcher, organization, provider, clock.now()).await;
            }
        }
    }

    /// When each one's metadata end.
    #[must_use]
    pub fn expiries(&self) -> Vec<Expiry> {
        let all = self.all();
        all.iter().map(|(organization, provider)| provider.expiry(organization)).collect()
    }
}

async fn refresh(
    fetcher: &Fetcher,
    organization: &OrganizationName,
    provider: &Provider,
    now: Timestamp,
) {
    let MetadataSource::Address { url, .. } = &provider.settings.metadata else { return };
    match fetch_fresh(&fetcher.door, organization, &provider.settings, url, now).await {
        Ok((text, theirs)) => {
            provider.theirs.store(Arc::new(theirs));
            fetcher.keep(organization, url, &text).await;
        }
        Err(fault) => tracing::warn!(%fault, "no fresh metadata: the present ones serve on"),
    }
}
