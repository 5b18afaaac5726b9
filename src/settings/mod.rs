//! The settings: files, then the environment, read in one pass that notes every fault with its place and remedy. What
//! comes out are the stages' own typed settings, or a report; nothing half-read, nothing unknown, no secret shown (R30).

mod credentials;
mod document;
mod environment;
mod fault;
mod key;
mod kind;
mod named;
mod pages;
mod pieces;
mod reader;
mod saml;
mod secret;
mod sections;
mod source;
mod table;

use std::path::{Path, PathBuf};

pub use environment::Environment;
pub use fault::{Fault, Line, Report};
pub use key::{Absent, Applies, Row};
pub use pages::settings_page;
pub use sections::remark;
pub use table::ROWS;

use self::document::Table;
use self::reader::{Reading, unknown};
use self::source::Source;
use crate::ground::seal::MasterKey;
use crate::ground::secret::Secret;
use crate::{
    audit, credential, identity, label_studio, listener, operations, outbound, policy, sign_in,
    telemetry,
};

const CREDENTIALS: &str = "credentials";
const SAML: &str = "saml";

/// Everything that an operator decides.
#[derive(Debug, Clone)]
pub struct Settings {
    pub listener: listener::Settings,
    pub operations: operations::Settings,
    /// The records' SQLite file.
    pub records: PathBuf,
    pub seal: MasterKey,
    pub identity: identity::Settings,
    /// The identity providers, by the organizations whose they are.
    pub sign_in: sign_in::Settings,
    pub audit: audit::Settings,
    pub policy: policy::Settings,
    pub outbound: outbound::Settings,
    pub credential: credential::Settings,
    /// Absent: there is none.
    pub label_studio: Option<label_studio::Settings>,
    pub log: telemetry::Settings,
}

/// Settings, and what a reload must know of them.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub settings: Settings,
    /// Every file that was read: a change of one is a change of the settings.
    pub files: Vec<PathBuf>,
    /// What was written for each key that is only used at a start.
    fixed: Vec<(String, String)>,
}

/// The settings section by section, each as far as it could be read: for whoever goes on in spite of faults.
#[derive(Debug, Default)]
pub struct Parts {
    pub listener: Option<listener::Settings>,
    /// The listener's, also when something else of it is at fault.
    pub hosts: Option<Vec<listener::ServedHost>>,
    /// The listener's, also when something else of it is at fault.
    pub certificates: Option<Vec<listener::CertificateFiles>>,
    pub operations: Option<operations::Settings>,
    pub records: Option<PathBuf>,
    pub seal: Option<MasterKey>,
    pub identity: Option<identity::Settings>,
    pub sign_in: Option<sign_in::Settings>,
    pub audit: Option<audit::Settings>,
    pub policy: Option<policy::Settings>,
    pub outbound: Option<outbound::Settings>,
    pub credential: Option<credential::Settings>,
    pub label_studio: Option<Option<label_studio::Settings>>,
    pub log: Option<telemetry::Settings>,
}

/// What could be read, and everything that is wrong with it.
#[derive(Debug, Default)]
pub struct Examined {
    pub parts: Parts,
    pub report: Report,
    /// Every file that was read or tried.
    pub files: Vec<PathBuf>,
    fixed: Vec<(String, String)>,
}

/// Reads the files in order, the later winning, then the environment.
///
/// # Errors
/// A [`Report`] of all faults.
pub fn load(files: &[PathBuf], environment: &Environment) -> Result<Loaded, Report> {
    examine(files, environment).whole()
}

/// Reads as [`load`] does, and gives what is sound beside what is wrong.
#[must_use]
pub fn examine(files: &[PathBuf], environment: &Environment) -> Examined {
    let home = files.first().and_then(|file| file.parent()).unwrap_or_else(|| Path::new(""));
    let mut reading = Reading::new(environment, home);
    let mut tree = Some(Table::new());
    for file in files {
        reading.files.push(file.clone());
        let later = document::read(file, &mut reading.report);
        tree = tree.zip(later).map(|(mut tree, later)| {
            document::overlay(&mut tree, later);
            tree
        });
    }
    finish(tree, reading)
}

/// Reads one text as if it stood in a file of that name.
///
/// # Errors
/// A [`Report`] of all faults.
pub fn load_text(name: &Path, text: &str, environment: &Environment) -> Result<Loaded, Report> {
    let mut reading = Reading::new(environment, name.parent().unwrap_or_else(|| Path::new("")));
    reading.files.push(name.to_owned());
    let tree = document::parse(&Source::shared(name, text), &mut reading.report);
    finish(tree, reading).whole()
}

impl Examined {
    /// The settings, if nothing is wrong.
    ///
    /// # Errors
    /// A [`Report`] of all faults.
    pub fn whole(self) -> Result<Loaded, Report> {
        let Self { parts, report, files, fixed } = self;
        match parts.whole() {
            Some(settings) if report.is_empty() => Ok(Loaded { settings, files, fixed }),
            Some(_) | None => Err(report),
        }
    }
}

impl Parts {
    fn whole(self) -> Option<Settings> {
        Some(Settings {
            listener: self.listener?,
            operations: self.operations?,
            records: self.records?,
            seal: self.seal?,
            identity: self.identity?,
            sign_in: self.sign_in?,
            audit: self.audit?,
            policy: self.policy?,
            outbound: self.outbound?,
            credential: self.credential?,
            label_studio: self.label_studio?,
            log: self.log?,
        })
    }
}

impl Loaded {
    /// As if the keys that only a start takes up still were what they were in `started`, since they are.
    #[must_use]
    pub fn with_fixed_of(mut self, started: &Self) -> Self {
        self.fixed.clone_from(&started.fixed);
        self
    }

    /// The keys that were changed in `newer` and that only a restart takes up.
    #[must_use]
    pub fn need_restart(&self, newer: &Self) -> Vec<String> {
        let gone = self.fixed.iter().filter(|one| !newer.fixed.contains(one));
        let come = newer.fixed.iter().filter(|one| !self.fixed.contains(one));
        let mut keys: Vec<String> = gone.chain(come).map(|(key, _)| key.clone()).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

fn finish(tree: Option<Table>, mut reading: Reading<'_>) -> Examined {
    let parts = tree.map(|tree| judge(tree, &mut reading)).unwrap_or_default();
    let Reading { mut report, files, fixed, .. } = reading;
    report.in_order();
    Examined { parts, report, files, fixed }
}

fn judge(mut tree: Table, reading: &mut Reading<'_>) -> Parts {
    let environment = reading.environment.settings(&tree, &mut reading.report);
    document::overlay(&mut tree, environment);
    let parts = sections(&mut tree, reading);
    for (name, (place, value)) in tree {
        value.mask();
        let mut known: Vec<&str> = ROWS.iter().map(|row| row.section).collect();
        known.dedup();
        let known = known.into_iter().map(|section| section.split('.').next().unwrap_or(section));
        let (what, remedy) = unknown(&name, known, "a section");
        reading.report.note(Fault::at(&place, &name, what, remedy));
    }
    parts
}

fn sections(tree: &mut Table, reading: &mut Reading<'_>) -> Parts {
    let sections::Listener { settings: listener, hosts, certificates } =
        sections::listener(tree, reading);
    let operations = sections::operations(reading.section(tree, "operations", ROWS), &listener);
    let records = sections::records(reading.section(tree, "records", ROWS));
    let seal = sections::seal(reading.section(tree, "seal", ROWS));
    let sign_in = saml::saml(tree, reading, hosts.as_deref());
    let native = sign_in.as_ref().map(saml::native).unwrap_or_default();
    let identity = sections::identity(tree, reading, native);
    let audit = sections::audit(reading.section(tree, "audit", ROWS));
    let mut policy = sections::policy(reading.section(tree, "policy", ROWS));
    let outbound = sections::outbound(reading.section(tree, "outbound", ROWS));
    let sources = credentials::sources(tree, reading);
    let label_studio = sections::label_studio(reading.section(tree, "label_studio", ROWS));
    let log = sections::log(reading.section(tree, "log", ROWS));
    let variables = reading.environment.variables();
    let secret = |(name, value): (&str, &str)| (name.to_owned(), Secret::new(value.to_owned()));
    let environment = credential::Variables::new(variables.map(secret));
    let credential = sources.map(|sources| credential::Settings { sources, environment });
    // The stages read no settings but their own: policy is told here which storages only people's own credentials open.
    if let (Some(policy), Some(credential)) = (&mut policy, &credential) {
        policy.brought = credential.brought();
    }
    Parts {
        listener,
        hosts,
        certificates,
        operations,
        records,
        seal,
        identity,
        sign_in,
        audit,
        policy,
        outbound,
        credential,
        label_studio,
        log,
    }
}
