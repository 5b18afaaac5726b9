//! The catalogue file (`docs/catalog.md`): what it says, as a [`State`], or everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use toml::de::DeTable;

use super::reader::{Fault, Reader, Table};
use crate::backend::{self, s3_place};
use crate::catalog::{
    Addressing, CredentialName, Email, OrganizationName, Place, Prefix, ProjectFacts, ProjectName,
    Role, S3Place, State, StorageFacts, StorageName, WorkspaceName,
};
use crate::credential::Source;

/// The credentials that the settings have.
type Credentials = BTreeMap<CredentialName, Source>;

/// Reads a catalogue file's text. Storages may name these credentials only.
pub(super) fn parse(text: &str, credentials: &Credentials) -> Result<State, Vec<Fault>> {
    let mut reader = Reader::new(text, credentials);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or(text.len()..text.len());
        reader.fault(&span, "", error.message());
    }
    let mut state = State::default();
    let mut root = reader.root(&document);
    for (name, table) in reader.named(&mut root, "organization") {
        organization(&mut reader, &mut state, name, table);
    }
    reader.close(root);
    reader.faults.sort_by_key(|fault| (fault.line, fault.column));
    if reader.faults.is_empty() { Ok(state) } else { Err(reader.faults) }
}

fn organization(
    reader: &mut Reader<'_>,
    state: &mut State,
    name: OrganizationName,
    mut table: Table<'_>,
) {
    let title = title(reader, &mut table, name.as_str());
    for email in reader.list::<Email>(&mut table, "accounts") {
        state.accounts.entry((name.clone(), email)).or_default();
    }
    for (email, role) in reader.pairs::<Email, Role>(&mut table, "members") {
        state.accounts.insert((name.clone(), email), Some(role));
    }
    for (workspace_name, below) in reader.named(&mut table, "workspace") {
        workspace(reader, state, (&name, workspace_name), below);
    }
    let others: BTreeSet<_> =
        state.accounts.keys().filter(|(of, _)| *of != name).map(|(_, email)| email).collect();
    for (_, email) in
        state.accounts.keys().filter(|(of, email)| *of == name && others.contains(email))
    {
        let what = format!("{email} is named in another organization too, but belongs to one only");
        reader.fault(table.span(), table.path(), what);
    }
    reader.close(table);
    state.organizations.insert(name, title);
}

fn workspace(
    reader: &mut Reader<'_>,
    state: &mut State,
    (organization, name): (&OrganizationName, WorkspaceName),
    mut table: Table<'_>,
) {
    let title = title(reader, &mut table, name.as_str());
    for (email, role) in reader.pairs::<Email, Role>(&mut table, "members") {
        state.accounts.entry((organization.clone(), email.clone())).or_default();
        state.workspace_members.insert((organization.clone(), name.clone(), email), role);
    }
    for (project_name, below) in reader.named(&mut table, "project") {
        project(reader, state, (organization, &name, project_name), below);
    }
    reader.close(table);
    state.workspaces.insert((organization.clone(), name), title);
}

fn project(
    reader: &mut Reader<'_>,
    state: &mut State,
    (organization, workspace, name): (&OrganizationName, &WorkspaceName, ProjectName),
    mut table: Table<'_>,
) {
    let title = title(reader, &mut table, name.as_str());
    for (email, role) in reader.pairs::<Email, Role>(&mut table, "members") {
        state.accounts.entry((organization.clone(), email.clone())).or_default();
        state.project_members.insert((organization.clone(), name.clone(), email), role);
    }
    for (storage_name, below) in reader.named::<StorageName>(&mut table, "storage") {
        if let Some(facts) = storage(reader, below) {
            let key = (organization.clone(), name.clone(), storage_name);
            state.storages.insert(key, facts);
        }
    }
    let facts = ProjectFacts { workspace: workspace.clone(), title };
    if let Some(other) = state.projects.insert((organization.clone(), name), facts) {
        let what = format!("the workspace {} has a project of this name already", other.workspace);
        reader.fault(table.span(), table.path(), what);
    }
    reader.close(table);
}

fn storage(reader: &mut Reader<'_>, mut table: Table<'_>) -> Option<StorageFacts> {
    let (span, path) = (table.span().clone(), table.path().to_owned());
    let kind = reader.optional::<S3Word>(&mut table, "kind");
    let bucket = reader.required::<Bucket>(&mut table, "bucket");
    let prefix = reader.optional::<String>(&mut table, "prefix").unwrap_or_default();
    let region = reader.required::<Region>(&mut table, "region");
    let endpoint = reader.optional::<Endpoint>(&mut table, "endpoint");
    let addressing = reader.optional::<AddressingWord>(&mut table, "addressing");
    let credential = credential(reader, &mut table);
    reader.close(table);
    let S3Word = kind.unwrap_or(S3Word);
    let place = Place::S3(S3Place {
        bucket: bucket?.0,
        prefix: Prefix::new(&prefix),
        region: region?.0,
        endpoint: endpoint.map(|one| one.0),
        addressing: addressing.map(|one| one.0).unwrap_or_default(),
    });
    // Each part can be right and their whole not: a bucket's name that is too long below this endpoint.
    if let Err(error) = backend::host_of(&place) {
        reader.fault(&span, &path, error.to_string());
    }
    Some(StorageFacts { place, credential: credential?, federation: None })
}

fn credential(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Option<CredentialName> {
    let (span, path) = table.place_of("credential");
    let written = table.has("credential");
    let name = reader.optional::<CredentialName>(table, "credential");
    let name = if written { name? } else { "default".parse().ok()? };
    if !reader.credentials.contains_key(&name) {
        reader.fault(&span, &path, format!("the settings have no [credentials.{name}]"));
    }
    Some(name)
}

/// What people read; the name when there is none.
fn title(reader: &mut Reader<'_>, table: &mut Table<'_>, name: &str) -> String {
    reader.optional::<String>(table, "title").unwrap_or_else(|| name.to_owned())
}

struct Bucket(String);

impl FromStr for Bucket {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        s3_place::bucket(text).map(Self)
    }
}

struct Region(String);

impl FromStr for Region {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        s3_place::region(text).map(Self)
    }
}

struct Endpoint(String);

impl FromStr for Endpoint {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        s3_place::endpoint(text).map(Self)
    }
}

struct S3Word;

impl FromStr for S3Word {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "s3" { Ok(Self) } else { Err("the only kind is s3") }
    }
}

struct AddressingWord(Addressing);

impl FromStr for AddressingWord {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "virtual" => Ok(Self(Addressing::Virtual)),
            "path" => Ok(Self(Addressing::Path)),
            _ => Err("addressing is virtual or path"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{Fault, Source, State};
    use crate::catalog::Role;

    const EXAMPLE: &str = include_str!("../../../docs/catalog.toml");

    fn parse(text: &str) -> Result<State, Vec<Fault>> {
        let names = ["default", "lab"].map(|name| name.parse().unwrap());
        super::parse(text, &names.map(|name| (name, Source::Chain { profile: None })).into())
    }

    #[test]
    fn a_credential_that_the_settings_do_not_have_is_a_fault() {
        let text = "\
[organization.a.workspace.b.project.c.storage.d]
bucket = 'media'
region = 'eu-central-1'
credential = 'elsewhere'
";
        let faults = parse(text).unwrap_err();
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        let at = "organization.a.workspace.b.project.c.storage.d.credential";
        assert_eq!(told, [format!("4:1: {at}: the settings have no [credentials.elsewhere]")]);
        let faults = super::parse(&text.replace("credential", "#"), &[].into()).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
    }

    #[test]
    fn the_documented_example_is_read_whole() {
        let state = parse(EXAMPLE).unwrap();
        assert_eq!(state.organizations.len(), 1);
        assert_eq!(state.workspaces.len(), 2);
        assert_eq!(state.projects.len(), 2);
        assert_eq!(state.storages.len(), 2);
        assert_eq!(state.accounts.len(), 5);
        assert_eq!(state.project_members.len(), 3);
        let you = ("acme".parse().unwrap(), "you@example.com".parse().unwrap());
        assert_eq!(state.accounts[&you], Some(Role::Owner));
        let birds = ("acme".parse().unwrap(), "birds".parse().unwrap());
        assert_eq!(state.projects[&birds].title, "birds");
    }

    #[test]
    fn all_faults_are_told_at_once_with_their_lines() {
        let text = "\
[organization.acme]
titel = 'Acme'
members = { 'ann' = 'owner', 'bob@example.com' = 'king' }
[organization.Bad.workspace.w]
[organization.acme.workspace.one.project.p]
[organization.acme.workspace.two.project.p.storage.s]
bucket = 7
region = 'eu/central'
endpoint = 'minio:9000'
[extra]
";
        let faults = parse(text).unwrap_err();
        let told: Vec<_> = faults.iter().map(|one| (one.line, one.at.as_str())).collect();
        assert_eq!(
            told,
            [
                (2, "organization.acme.titel"),
                (3, "organization.acme.members.ann"),
                (3, "organization.acme.members.bob@example.com"),
                (4, "organization.Bad"),
                (6, "organization.acme.workspace.two.project.p"),
                (7, "organization.acme.workspace.two.project.p.storage.s.bucket"),
                (8, "organization.acme.workspace.two.project.p.storage.s.region"),
                (9, "organization.acme.workspace.two.project.p.storage.s.endpoint"),
                (10, "extra"),
            ],
            "{faults:#?}"
        );
    }

    #[test]
    fn missing_keys_point_at_their_table() {
        let faults = parse("[organization.a.workspace.b.project.c.storage.d]\n").unwrap_err();
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        let at = "organization.a.workspace.b.project.c.storage.d";
        assert_eq!(
            told,
            [format!("1:47: {at}: bucket is missing"), format!("1:47: {at}: region is missing")]
        );
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        let text = "\
[organization.a.workspace.b.project.c.storage.d]
bucket = 'media'
region = 'eu-central-1'
endpoint = 'https://user:canary@minio.example'
";
        let faults = parse(text).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(!faults[0].to_string().contains("canary"), "{faults:?}");
    }

    #[test]
    fn an_account_belongs_to_one_organization() {
        let text = "\
[organization.a]
accounts = ['ann@example.com']
[organization.b.workspace.w]
members = { 'ann@example.com' = 'manager' }
";
        let faults = parse(text).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].what.starts_with("ann@example.com is named in another organization"));
    }

    #[test]
    fn a_member_named_twice_in_different_capitals_is_a_fault() {
        let text = "\
[organization.a]
members = { 'Ann@Example.com' = 'owner', 'ann@example.com' = 'annotator' }
";
        let faults = parse(text).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(
            faults[0].to_string(),
            "2:42: organization.a.members.ann@example.com: stands here a second time"
        );
    }

    #[test]
    fn a_doubled_key_is_a_fault() {
        assert!(parse("[organization.a]\ntitle = 'a'\ntitle = 'b'\n").is_err());
        assert!(parse("[organization.a]\n[organization.a]\n").is_err());
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in any::<String>()) {
            drop(parse(&text));
        }
    }
}
