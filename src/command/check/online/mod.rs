//! What only the others can tell: whether every credential can be had, every storage be reached, and whether our clock
//! agrees with theirs (signatures are refused when it is off by more than minutes); and what is unsafe in Label Studio.

mod label_studio;
mod providers;
mod sockets;
mod storages;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use tokio::task::LocalSet;

use self::label_studio::Inspection;
use self::storages::Lister;
use super::{Findings, offline};
use crate::backend;
use crate::command::Failure;
use crate::credential::{Minter, Sources, Tools, Trial};
use crate::ground::causes::told;
use crate::ground::clock::{Clock, SignedDuration, Timestamp};
use crate::ground::control::Control;
use crate::ground::generation::Generation;
use crate::outbound::{Door, Host, Rules};
use crate::records::{Records, RecordsError, Watch};
use crate::settings::{Fault, Settings};
use crate::sign_in;

/// AWS refuses signatures that are off by 15 minutes; long before that something is wrong.
const SKEW: SignedDuration = SignedDuration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10);
/// Only the head of the answer is wanted.
const BODY_LIMIT: usize = 1 << 20;

pub(super) fn check(settings: &Settings, findings: &mut Findings) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::because("cannot start", &error))?;
    LocalSet::new().block_on(&runtime, reach(settings, findings))
}

async fn reach(settings: &Settings, findings: &mut Findings) -> Result<(), Failure> {
    let rules =
        Rules::read(&settings.outbound).map_err(|error| Failure::because("outbound", &error))?;
    let sources = Sources::read(&settings.credential)
        .map_err(|faults| Failure::new(format!("{} faults of credentials", faults.len())))?;
    let (door, clock) = (Arc::new(Door::new(rules)), Clock::system());
    let control = Control::new(tokio::runtime::Handle::current());
    let tools = Tools { door: Arc::clone(&door), control, clock: clock.clone() };
    let minter = Minter::new(sources, tools);
    for trial in minter.try_all().await {
        credential(&trial, findings);
    }
    for host in minter.exchange_hosts() {
        server(&door, &clock, &host, findings).await;
    }
    let fetched = sign_in::judge_fetched(&settings.sign_in, &door, clock.now()).await;
    offline::providers(&fetched, findings);
    let watch = watch(settings, &clock, findings).await?;
    if let Some(studio) = &settings.label_studio {
        let inspection = Inspection::new(studio, &door, &clock, findings);
        Box::pin(inspection.run(watch.as_ref())).await?;
    }
    let Some(watch) = watch else { return Ok(()) };
    let catalog = watch.catalog().current();
    let brought = settings.credential.brought();
    let mut known = sign_in::judge(&settings.sign_in, clock.now()).providers;
    known.extend(fetched.providers);
    let providers = providers::of(&catalog, &brought);
    providers::inspect(&minter, &known, providers, clock.now(), findings).await;
    let places = catalog.places();
    // Places that can never be are faults already.
    let hosts: HashSet<Host> =
        places.values().filter_map(|place| backend::host_of(place).ok()).collect();
    for host in hosts {
        server(&door, &clock, &host, findings).await;
    }
    let lister = Lister::new(settings, door, watch.clone())?;
    lister.list_all(&minter, findings).await?;
    watch.records().close().await;
    Ok(())
}

/// The records as they are, where there are any that can be read: a check makes none.
async fn watch(
    settings: &Settings,
    clock: &Clock,
    findings: &mut Findings,
) -> Result<Option<Watch>, Failure> {
    if !settings.records.exists() {
        findings.remarks.push("there are no records yet, so no storage was reached".to_owned());
        return Ok(None);
    }
    match Records::look(&settings.records, clock.clone()).await {
        // Remarked upon already.
        Err(RecordsError::Pending { .. }) => Ok(None),
        opened => Ok(Some(Watch::begin(opened?, Generation::default()).await?)),
    }
}

fn credential(trial: &Trial, findings: &mut Findings) {
    let key = format!("credentials.{}", trial.name);
    match &trial.outcome {
        Ok(had) => findings.remarks.push(format!("{key}: {} can be had", had.access_key_id)),
        Err(error) => {
            let remedy = "see the cause; the settings of this credential are in this section";
            findings.faults.extend([Fault::of(&key, told(error), remedy)]);
        }
    }
}

/// Any answer will do: it came over a checked connection from a server that speaks HTTP.
async fn server(door: &Door, clock: &Clock, host: &Host, findings: &mut Findings) {
    let origin = host.to_string();
    let fault = |what: String, remedy: &str| Fault::of(&origin, what, remedy);
    let request = Request::builder()
        .method(Method::GET)
        .uri(format!("{origin}/"))
        .header(http::header::HOST, host.authority())
        .body(Bytes::new());
    let Ok(request) = request else {
        let what = "is no address of a server".to_owned();
        findings.faults.extend([fault(what, "set the storage's endpoint")]);
        return;
    };
    match door.exchange(request, PATIENCE, BODY_LIMIT).await {
        Err(error) => {
            let remedy = "check the endpoint, outbound.allow_private and outbound.ca_files";
            findings.faults.extend([fault(told(&error), remedy)]);
        }
        Ok(answer) => {
            findings.remarks.push(format!("{origin}: answers"));
            let date = answer.headers().get(http::header::DATE).and_then(|date| date.to_str().ok());
            judge_clock(date, clock, &origin, findings);
        }
    }
}

/// Whether our clock agrees with the one by which that answer is dated.
fn judge_clock(date: Option<&str>, clock: &Clock, place: &str, findings: &mut Findings) {
    let Some(theirs) = date.and_then(parse_date) else { return };
    let off = clock.now().duration_since(theirs);
    if off.abs() > SKEW {
        let what = format!("our clock is {} s away from theirs", off.as_secs());
        let remedy = "set this machine's clock, or theirs (NTP)";
        findings.faults.extend([Fault::of(place, what, remedy)]);
    }
}

/// RFC 9110, section 5.6.7.
fn parse_date(text: &str) -> Option<Timestamp> {
    let time = httpdate::parse_http_date(text).ok()?;
    Timestamp::try_from(time).ok()
}
