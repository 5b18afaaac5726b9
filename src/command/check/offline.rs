//! What can be judged on this machine alone.

use std::path::Path;

use super::{Findings, ending, saml};
use crate::ground::causes::told;
use crate::ground::clock::{Clock, SignedDuration, Timestamp};
use crate::listener::{self, CertificateFiles, Certificates, Inspected, ServedHost};
use crate::outbound;
use crate::policy;
use crate::settings::{self, Fault, Parts};
use crate::sign_in;

/// Certificates that end sooner are remarked upon.
pub(super) const SOON: SignedDuration = SignedDuration::from_hours(21 * 24);

/// Judges every section that could be read, whatever is wrong with the others.
pub(super) fn check(parts: &Parts, findings: &mut Findings) {
    if let Some(policy) = &parts.policy {
        policies(policy, findings);
    }
    if let Some(files) = &parts.certificates {
        let hosts = parts.hosts.as_deref().unwrap_or_default();
        certificates(files, hosts, Clock::system().now(), findings);
    }
    let remark = parts.listener.as_ref().and_then(settings::remark);
    findings.remarks.extend(remark.map(str::to_owned));
    if let Some(Err(error)) = parts.outbound.as_ref().map(outbound::Rules::read) {
        let remedy = "name PEM files that hold certificates of authorities";
        findings.faults.extend([Fault::of("outbound.ca_files", told(&error), remedy)]);
    }
    if let Some(settings) = &parts.sign_in {
        let judged = sign_in::judge(settings, Clock::system().now());
        providers(&judged, findings);
        saml::alone(settings, findings);
    }
    folder("records.file", parts.records.as_deref().and_then(Path::parent), findings);
    let audit = parts.audit.as_ref().and_then(|audit| audit.folder.parent());
    folder("audit.folder", audit, findings);
}

/// What was found of identity providers.
pub(super) fn providers(judged: &sign_in::Judged, findings: &mut Findings) {
    let fault = |fault: &sign_in::Fault| {
        let key = format!("saml.{}.{}", fault.organization, fault.field);
        Fault::of(&key, fault.problem.clone(), fault.remedy)
    };
    findings.faults.extend(judged.faults.iter().map(fault));
    let now = Clock::system().now();
    for (organization, theirs) in &judged.providers {
        if let Some(until) = theirs.valid_until.filter(|until| until.duration_since(now) < SOON) {
            let what =
                format!("saml.{organization}: the identity provider's metadata end on {until}");
            findings.remarks.push(what);
        }
    }
    findings.remarks.extend(ending::remarks(judged, now));
}

fn policies(settings: &policy::Settings, findings: &mut Findings) {
    if let Err(error) = policy::Rules::load(settings) {
        let fault = |fault: &policy::Fault| {
            let place = (fault.file.as_path(), fault.line);
            Fault::in_file(place, "policy", fault.message.clone(), &fault.remedy)
        };
        findings.faults.extend(error.faults().iter().map(fault));
    }
}

fn certificates(
    files: &[CertificateFiles],
    hosts: &[ServedHost],
    now: Timestamp,
    findings: &mut Findings,
) {
    let key = "listen.certificates";
    if let Err(errors) = Certificates::load(files) {
        let remedy = "name a PEM chain, its leaf first, and the PEM key that belongs to the leaf";
        let fault = |error: &listener::CertificateError| {
            Fault::in_file((&error.path, None), key, told(error), remedy)
        };
        findings.faults.extend(errors.iter().map(fault));
    }
    let read = |files| Some((files, Inspected::of(files)?));
    let inspected: Vec<(&CertificateFiles, Inspected)> = files.iter().filter_map(read).collect();
    for (pair, facts) in &inspected {
        valid(&pair.chain, facts, now, findings);
    }
    // With a chain that cannot be read, what is covered cannot be known.
    if files.is_empty() || inspected.len() < files.len() {
        return;
    }
    for host in hosts {
        if !inspected.iter().any(|(_, facts)| facts.covers(host)) {
            let what = format!("no certificate is valid for {}", host.name());
            let remedy = "add one for that name, or take the name out of listen.hosts";
            findings.faults.extend([Fault::of(key, what, remedy)]);
        }
    }
}

fn valid(chain: &Path, facts: &Inspected, now: Timestamp, findings: &mut Findings) {
    let wrong = |what: String| {
        Fault::in_file((chain, None), "listen.certificates", what, "replace it by a valid one")
    };
    if facts.until <= now {
        findings.faults.extend([wrong(format!("the certificate ended on {}", facts.until))]);
    } else if facts.from > now {
        findings.faults.extend([wrong(format!("the certificate begins on {}", facts.from))]);
    } else if facts.until.duration_since(now) < SOON {
        let chain = chain.display();
        findings.remarks.push(format!("{chain}: the certificate ends soon, on {}", facts.until));
    }
}

fn folder(key: &str, folder: Option<&Path>, findings: &mut Findings) {
    let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty()) else { return };
    if !folder.is_dir() {
        let what = format!("{} is no folder", folder.display());
        let remedy = format!("mkdir -p {}", folder.display());
        findings.faults.extend([Fault::of(key, what, &remedy)]);
    }
}
