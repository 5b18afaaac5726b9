//! From sections to the stages' own settings. Every key is taken before any is used, so that all faults are noted.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use super::document::Table;
use super::reader::{Reading, Section};
use super::table::{self, ROWS};
use crate::catalog::OrganizationName;
use crate::ground::seal::MasterKey;
use crate::identity::NativeSignIn;
use crate::label_studio::Database;
use crate::listener::{self, ClearText, ClearTextMode};
use crate::{audit, identity, label_studio, operations, outbound, policy, telemetry};

/// `[listen]` and `[limits]`; hosts and certificates also by themselves, because they can be judged without the rest.
pub(super) struct Listener {
    pub settings: Option<listener::Settings>,
    pub hosts: Option<Vec<listener::ServedHost>>,
    pub certificates: Option<Vec<listener::CertificateFiles>>,
}

pub(super) fn listener(tree: &mut Table, reading: &mut Reading<'_>) -> Listener {
    let limits = limits(reading.section(tree, "limits", ROWS));
    let mut section = reading.section(tree, "listen", ROWS);
    let certificates_place = section.place_of(&table::LISTEN_CERTIFICATES);
    let clear_text_place = section.place_of(&table::LISTEN_CLEAR_TEXT);
    let address = section.take(&table::LISTEN_ADDRESS);
    let hosts = section.take(&table::LISTEN_HOSTS);
    let certificates = section.take(&table::LISTEN_CERTIFICATES);
    let clear_text = section.take_optional(&table::LISTEN_CLEAR_TEXT);
    let threads = section.take_optional(&table::LISTEN_THREADS);
    let proxies = proxies(&mut section);
    let cors_origins = section.take(&table::LISTEN_CORS_ORIGINS);
    match (certificates.as_deref(), &clear_text) {
        (Some([]), Some(None | Some(ClearText { mode: ClearTextMode::Redirect, .. }))) => {
            let what = "there is no certificate, so nothing could be served".to_owned();
            let remedy = "write certificates = [{ chain = \"…\", key = \"…\" }]; or, when TLS ends in front, \
                          clear_text = { address = \"…\", mode = \"serve\" }";
            section.note(&certificates_place, "listen.certificates", what, remedy.to_owned());
        }
        (Some([_, ..]), Some(Some(clear_text)))
            if address.is_some_and(|address| collide(address, clear_text.address)) =>
        {
            let what = "is the address of listen.address too".to_owned();
            let remedy = "give clear text a port of its own".to_owned();
            section.note(&clear_text_place, "listen.clear_text", what, remedy);
        }
        _ => {}
    }
    section.close();
    let whole = || {
        let (trusted_proxies, client_address_header) = proxies?;
        Some(listener::Settings {
            address: address?,
            hosts: hosts.clone()?,
            certificates: certificates.clone()?,
            clear_text: clear_text?,
            threads: threads?.and_then(NonZeroUsize::new),
            trusted_proxies,
            client_address_header,
            cors_origins: cors_origins?,
            limits: limits?,
        })
    };
    Listener { settings: whole(), hosts, certificates }
}

type Proxies = (Vec<listener::Network>, Option<http::HeaderName>);

/// Who may say where a request came from, and in which header.
fn proxies(section: &mut Section<'_, '_>) -> Option<Proxies> {
    let proxies_place = section.place_of(&table::LISTEN_TRUSTED_PROXIES);
    let header_place = section.place_of(&table::LISTEN_CLIENT_ADDRESS_HEADER);
    let trusted_proxies = section.take(&table::LISTEN_TRUSTED_PROXIES);
    let header = section.take_optional(&table::LISTEN_CLIENT_ADDRESS_HEADER);
    if let (Some([]), Some(Some(_))) = (trusted_proxies.as_deref(), &header) {
        let what = "is set, but no peer is trusted to say it".to_owned();
        let remedy = "name the proxies in listen.trusted_proxies".to_owned();
        section.note(&header_place, "listen.client_address_header", what, remedy);
    }
    if let (Some([_, ..]), Some(None)) = (trusted_proxies.as_deref(), &header) {
        let what = "names peers, but not the header that they are believed in".to_owned();
        let remedy = "write client_address_header = \"x-forwarded-for\"".to_owned();
        section.note(&proxies_place, "listen.trusted_proxies", what, remedy);
    }
    Some((trusted_proxies?, header?))
}

/// What is allowed, but seldom meant.
#[must_use]
pub fn remark(listener: &listener::Settings) -> Option<&'static str> {
    let serves = listener.clear_text.as_ref().is_some_and(|one| one.mode == ClearTextMode::Serve);
    (serves && listener.trusted_proxies.is_empty()).then_some(
        "listen.clear_text serves and listen.trusted_proxies names nobody: behind a proxy all clients seem to have its \
         address, and share its limits of connections and attempts",
    )
}

fn limits(mut section: Section<'_, '_>) -> Option<listener::Limits> {
    let head = section.take(&table::LIMITS_HEAD);
    let handshake = section.take(&table::LIMITS_HANDSHAKE);
    let idle = section.take(&table::LIMITS_IDLE);
    let stall = section.take(&table::LIMITS_STALL);
    let drain = section.take(&table::LIMITS_DRAIN);
    let max_connections = section.take(&table::LIMITS_CONNECTIONS);
    let per_address = section.take(&table::LIMITS_CONNECTIONS_PER_ADDRESS);
    let max_streams = section.take(&table::LIMITS_STREAMS);
    let per_account = section.take(&table::LIMITS_ANSWERS_PER_ACCOUNT);
    let max_upload_bytes = section.take(&table::LIMITS_UPLOAD);
    let rate = section.take(&table::LIMITS_RATE);
    section.close();
    Some(listener::Limits {
        head: head?,
        handshake: handshake?,
        idle: idle?,
        stall: stall?,
        drain: drain?,
        max_connections: max_connections?,
        max_connections_per_address: per_address?,
        max_streams: max_streams?,
        max_answers_per_account: per_account?,
        max_upload_bytes: max_upload_bytes?,
        requests_per_second_per_address: NonZeroUsize::new(rate?),
    })
}

pub(super) fn operations(
    mut section: Section<'_, '_>,
    listener: &Option<listener::Settings>,
) -> Option<operations::Settings> {
    let place = section.place_of(&table::OPERATIONS_ADDRESS);
    let address = section.take(&table::OPERATIONS_ADDRESS);
    let drain_delay = section.take(&table::OPERATIONS_DRAIN_DELAY);
    if let (Some(listener), Some(address)) = (listener, address) {
        let clear_text =
            listener.clear_text.as_ref().map(|socket| ("listen.clear_text", socket.address));
        let https =
            (!listener.certificates.is_empty()).then_some(("listen.address", listener.address));
        for (other, _) in
            clear_text.into_iter().chain(https).filter(|(_, taken)| collide(*taken, address))
        {
            let what = format!("is the address of {other} too");
            let remedy = "give it a port of its own, not reachable from the public network";
            section.note(&place, "operations.address", what, remedy.to_owned());
        }
    }
    section.close();
    Some(operations::Settings { address: address?, drain_delay: drain_delay? })
}

/// Two sockets cannot be opened at both. Port 0 is any free one.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let (a, b) = (one.ip(), other.ip());
    one.port() != 0
        && one.port() == other.port()
        && (a == b || a.is_unspecified() || b.is_unspecified())
}

pub(super) fn records(mut section: Section<'_, '_>) -> Option<std::path::PathBuf> {
    let file = section.take(&table::RECORDS_FILE);
    section.close();
    file
}

pub(super) fn seal(mut section: Section<'_, '_>) -> Option<MasterKey> {
    let key = section.take(&table::SEAL_KEY);
    section.close();
    key
}

pub(super) fn identity(
    tree: &mut Table,
    reading: &mut Reading<'_>,
    native: BTreeMap<OrganizationName, NativeSignIn>,
) -> Option<identity::Settings> {
    let mut sign_in = reading.section(tree, "sign_in", ROWS);
    let attempts = sign_in.take(&table::SIGN_IN_ATTEMPTS);
    sign_in.close();
    let mut section = reading.section(tree, "sessions", ROWS);
    let idle_place = section.place_of(&table::SESSIONS_IDLE);
    let idle = section.take(&table::SESSIONS_IDLE);
    let absolute = section.take(&table::SESSIONS_ABSOLUTE);
    if let (Some(idle), Some(absolute)) = (idle, absolute)
        && idle > absolute
    {
        let what = "is longer than sessions.absolute_hours, so it would never matter".to_owned();
        let remedy = "make it shorter than absolute_hours".to_owned();
        section.note(&idle_place, "sessions.idle_minutes", what, remedy);
    }
    section.close();
    let attempts_per_minute = NonZeroU32::new(attempts?)?;
    Some(identity::Settings { idle: idle?, absolute: absolute?, attempts_per_minute, native })
}

pub(super) fn audit(mut section: Section<'_, '_>) -> Option<audit::Settings> {
    let folder = section.take(&table::AUDIT_FOLDER);
    let durability = section.take(&table::AUDIT_DURABILITY);
    let megabytes = section.take(&table::AUDIT_SEGMENT);
    section.close();
    let segment_bytes = megabytes? << 20;
    Some(audit::Settings { folder: folder?, durability: durability?, segment_bytes })
}

pub(super) fn policy(mut section: Section<'_, '_>) -> Option<policy::Settings> {
    let burst_place = section.place_of(&table::POLICY_BURST);
    let folder = section.take_optional(&table::POLICY_FOLDER);
    let rate = section.take(&table::POLICY_RATE);
    let burst = section.take(&table::POLICY_BURST);
    if let (Some(0), Some(1..)) = (rate, burst) {
        let what = "is set, but there is no quota that it could belong to".to_owned();
        let remedy = "set policy.requests_per_second too, or take burst out".to_owned();
        section.note(&burst_place, "policy.burst", what, remedy);
    }
    section.close();
    // A wrong rate or burst is in the report, which decides; the folder can be judged all the same.
    let quota = rate.and_then(NonZeroU32::new).map(|requests_per_second| policy::Quota {
        requests_per_second,
        burst: burst.and_then(NonZeroU32::new).unwrap_or(requests_per_second),
    });
    Some(policy::Settings { folder: folder?, quota, ..policy::Settings::default() })
}

pub(super) fn outbound(mut section: Section<'_, '_>) -> Option<outbound::Settings> {
    let allow_private = section.take(&table::OUTBOUND_PRIVATE);
    let ca_files = section.take(&table::OUTBOUND_ROOTS);
    let connect: Option<Duration> = section.take(&table::OUTBOUND_CONNECT);
    let answer = section.take(&table::OUTBOUND_ANSWER);
    let stall = section.take(&table::OUTBOUND_STALL);
    section.close();
    let patience = outbound::Patience { connect: connect?, answer: answer?, stall: stall? };
    Some(outbound::Settings { allow_private: allow_private?, ca_files: ca_files?, patience })
}

/// The outer `None`: something is wrong. The inner one: there is no Label Studio.
pub(super) fn label_studio(mut section: Section<'_, '_>) -> Option<Option<label_studio::Settings>> {
    let url_place = section.place_of(&table::LABEL_STUDIO_URL);
    let url = section.take_optional(&table::LABEL_STUDIO_URL);
    let token = section.take_optional(&table::LABEL_STUDIO_TOKEN);
    let organization = section.take_optional(&table::LABEL_STUDIO_ORGANIZATION);
    let workspace = section.take(&table::LABEL_STUDIO_WORKSPACE);
    let passwords = section.take(&table::LABEL_STUDIO_PASSWORDS);
    let local_files = section.take_optional(&table::LABEL_STUDIO_LOCAL_FILES);
    let database_place = section.place_of(&table::LABEL_STUDIO_DATABASE);
    let database = section.take_optional(&table::LABEL_STUDIO_DATABASE);
    let database = database.map(|url| url.map(|url| url.expose().parse::<Database>()).transpose());
    if let Some(Err(what)) = &database {
        let remedy =
            "write sqlite:///PATH, or postgresql://USER:PASSWORD@HOST/NAME?sslmode=verify-full";
        section.note(&database_place, "label_studio.database", what.to_string(), remedy.to_owned());
    }
    let tokens = section.take(&table::LABEL_STUDIO_TOKENS);
    let catalogue = section.take(&table::LABEL_STUDIO_CATALOGUE);
    let megabytes = section.take(&table::LABEL_STUDIO_BODY);
    let said = [
        ("label_studio.url", matches!(url, Some(Some(_)))),
        ("label_studio.token", matches!(token, Some(Some(_)))),
        ("label_studio.organization", matches!(organization, Some(Some(_)))),
    ];
    let read = url.is_some() && token.is_some() && organization.is_some();
    if read && said.iter().any(|(_, said)| *said) {
        for (key, _) in said.iter().filter(|(_, said)| !said) {
            let what = "is missing: url, token and organization belong together".to_owned();
            let remedy = "write all three, or none where there is no Label Studio".to_owned();
            section.note(&url_place, key, what, remedy);
        }
    }
    section.close();
    match (url?, token?, organization?) {
        (Some(url), Some(token), Some(organization)) => Some(Some(label_studio::Settings {
            url,
            token,
            organization,
            workspace: workspace?,
            passwords: passwords?,
            local_files: local_files?,
            database: database?.ok()?,
            tokens: tokens?,
            catalogue: catalogue?,
            max_body: megabytes? << 20,
        })),
        // What is half said is in the report, which decides.
        _ => Some(None),
    }
}

pub(super) fn log(mut section: Section<'_, '_>) -> Option<telemetry::Settings> {
    let level = section.take(&table::LOG_LEVEL);
    let form = section.take(&table::LOG_FORMAT);
    section.close();
    Some(telemetry::Settings { level: level?, form: form? })
}
