//! The catalogue file (`docs/catalog.md`): what it says, as a [`State`], or everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use toml::de::DeTable;

use super::reader::{Fault, Reader, Table};
use crate::backend::{self, s3_place};
use crate::catalog::{
    Addressing, CredentialName, Email, Federation, GroupFacts, OrganizationName, Place, Prefix,
    ProjectFacts, ProjectName, Role, S3Place, State, StorageFacts, StorageName, WorkspaceName, arn,
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
    let aws = federation(reader, &mut table);
    for (workspace_name, below) in reader.named(&mut table, "workspace") {
        workspace(reader, state, (&name, workspace_name), (below, aws.as_ref()));
    }
    // After all that they may speak of.
    for (group_name, below) in reader.named(&mut table, "group") {
        let facts = group(reader, state, &name, below);
        state.groups.insert((name.clone(), group_name), facts);
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
    (mut table, aws): (Table<'_>, Option<&Federation>),
) {
    let title = title(reader, &mut table, name.as_str());
    for (email, role) in reader.pairs::<Email, Role>(&mut table, "members") {
        state.accounts.entry((organization.clone(), email.clone())).or_default();
        state.workspace_members.insert((organization.clone(), name.clone(), email), role);
    }
    for (project_name, below) in reader.named(&mut table, "project") {
        project(reader, state, (organization, &name, project_name), (below, aws));
    }
    reader.close(table);
    state.workspaces.insert((organization.clone(), name), title);
}

fn project(
    reader: &mut Reader<'_>,
    state: &mut State,
    (organization, workspace, name): (&OrganizationName, &WorkspaceName, ProjectName),
    (mut table, above): (Table<'_>, Option<&Federation>),
) {
    let title = title(reader, &mut table, name.as_str());
    for (email, role) in reader.pairs::<Email, Role>(&mut table, "members") {
        state.accounts.entry((organization.clone(), email.clone())).or_default();
        state.project_members.insert((organization.clone(), name.clone(), email), role);
    }
    let own = federation(reader, &mut table);
    let aws = own.as_ref().or(above);
    for (storage_name, below) in reader.named::<StorageName>(&mut table, "storage") {
        if let Some(facts) = storage(reader, below, aws) {
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

fn storage(
    reader: &mut Reader<'_>,
    mut table: Table<'_>,
    above: Option<&Federation>,
) -> Option<StorageFacts> {
    let (span, path) = (table.span().clone(), table.path().to_owned());
    let kind = reader.optional::<S3Word>(&mut table, "kind");
    let bucket = reader.required::<Bucket>(&mut table, "bucket");
    let prefix = reader.optional::<String>(&mut table, "prefix").unwrap_or_default();
    let region = reader.required::<Region>(&mut table, "region");
    let endpoint = reader.optional::<Endpoint>(&mut table, "endpoint");
    let addressing = reader.optional::<AddressingWord>(&mut table, "addressing");
    let credential = credential(reader, &mut table);
    let federation = federation(reader, &mut table).or_else(|| above.cloned());
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
    Some(StorageFacts { place, credential: credential?, federation })
}

/// What a group gives: roles in the organization, and in what the file has of it.
fn group(
    reader: &mut Reader<'_>,
    state: &State,
    organization: &OrganizationName,
    mut table: Table<'_>,
) -> GroupFacts {
    let (span, path) = (table.span().clone(), table.path().to_owned());
    let before = reader.faults.len();
    let role = reader.optional::<Role>(&mut table, "role");
    let key = |name: &WorkspaceName| (organization.clone(), name.clone());
    let there = |name: &WorkspaceName| state.workspaces.contains_key(&key(name));
    let workspaces = roles_in(reader, &mut table, ("workspaces", "workspace"), there);
    let key = |name: &ProjectName| (organization.clone(), name.clone());
    let there = |name: &ProjectName| state.projects.contains_key(&key(name));
    let projects = roles_in(reader, &mut table, ("projects", "project"), there);
    reader.close(table);
    let facts = GroupFacts { role, workspaces, projects };
    // Whatever else is wrong in it is told already.
    if facts.is_empty() && reader.faults.len() == before {
        reader.fault(&span, &path, "gives no role: say role, workspaces or projects");
    }
    facts
}

fn roles_in<N>(
    reader: &mut Reader<'_>,
    table: &mut Table<'_>,
    (key, what): (&'static str, &str),
    there: impl Fn(&N) -> bool,
) -> BTreeMap<N, Role>
where
    N: FromStr<Err: Display> + Ord + Display,
{
    let (span, path) = table.place_of(key);
    let pairs = reader.pairs::<N, Role>(table, key);
    for (name, _) in pairs.iter().filter(|(name, _)| !there(name)) {
        let what = format!("the organization has no {what} {name} in this file");
        reader.fault(&span, &path, what);
    }
    pairs.into_iter().collect()
}

/// `aws = { provider = …, roles = { … } }`: taken whole from wherever it stands nearest.
fn federation(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Option<Federation> {
    let mut table = reader.below(table, "aws")?;
    let (span, path) = (table.span().clone(), table.path().to_owned());
    let provider = reader.required::<ProviderArn>(&mut table, "provider");
    let before = reader.faults.len();
    let roles = reader.pairs::<Role, RoleArn>(&mut table, "roles");
    if roles.is_empty() && reader.faults.len() == before {
        reader.fault(&span, &path, "names no roles: say which AWS role a role stands for");
    }
    reader.close(table);
    let roles = roles.into_iter().map(|(role, arn)| (role, arn.0)).collect();
    Some(Federation { provider: provider?.0, roles })
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

struct ProviderArn(String);

impl FromStr for ProviderArn {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        arn::provider(text).map(Self)
    }
}

struct RoleArn(String);

impl FromStr for RoleArn {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        arn::role(text).map(Self)
    }
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
    use crate::catalog::{Federation, GroupFacts, GroupName, Role};

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
        let shown = |(key, facts): (&(_, GroupName), &GroupFacts)| format!("{}: {facts}", key.1);
        let groups: Vec<_> = state.groups.iter().map(shown).collect();
        assert_eq!(
            groups,
            [
                "CN=Data Science,OU=Groups,DC=acme: administrator",
                "labelers: project faces: annotator"
            ]
        );
        let aws: Vec<_> = state.storages.values().map(|facts| facts.federation.clone()).collect();
        assert!(aws.iter().any(Option::is_some) && aws.iter().any(Option::is_none), "{aws:?}");
    }

    const PROVIDER: &str = "arn:aws:iam::123456789012:saml-provider/idp";

    #[test]
    fn the_nearest_table_of_roles_at_aws_counts_whole() {
        let aws = |role: &str, name: &str| {
            format!(
                "aws = {{ provider = '{PROVIDER}', roles = {{ {role} = 'arn:aws:iam::123456789012:role/{name}' }} }}"
            )
        };
        let storage = "bucket = 'media'\nregion = 'eu-central-1'\n";
        let text = format!(
            "[organization.a]\n{}\n[organization.a.workspace.w.project.p]\n{}\n\
             [organization.a.workspace.w.project.p.storage.own]\n{storage}{}\n\
             [organization.a.workspace.w.project.p.storage.of-project]\n{storage}\
             [organization.a.workspace.w.project.q.storage.of-all]\n{storage}\
             [organization.b.workspace.w.project.p.storage.none]\n{storage}",
            aws("owner", "o"),
            aws("manager", "m"),
            aws("annotator", "a")
        );
        let state = parse(&text).unwrap();
        for (name, expected) in [
            ("own", Some((Role::Annotator, "a"))),
            ("of-project", Some((Role::Manager, "m"))),
            ("of-all", Some((Role::Owner, "o"))),
            ("none", None),
        ] {
            let found = state.storages.iter().find(|(key, _)| key.2.as_str() == name).unwrap();
            let expected = expected.map(|(role, name)| Federation {
                provider: PROVIDER.to_owned(),
                roles: [(role, format!("arn:aws:iam::123456789012:role/{name}"))].into(),
            });
            assert_eq!(found.1.federation, expected, "{name}");
        }
    }

    #[test]
    fn what_is_wrong_with_groups_and_roles_at_aws_is_told_where_it_stands() {
        let text = "\
[organization.a.group.empty]
[organization.a.group.hollow]
projects = {}
[organization.a.group.far]
workspaces = { w = 'owner', elsewhere = 'owner' }
projects = { p = 'owner', of-b = 'owner' }
[organization.a.group.king]
role = 'king'
[organization.a.group.more]
role = 'owner'
members = {}
[organization.a.group.\"a\\nb\"]
role = 'owner'
[organization.a.workspace.w.project.p]
aws = { provider = 'arn:aws:iam::123456789012:role/x', roles = { annotator = 'x', king = 'y' } }
[organization.b.workspace.w.project.of-b]
aws = { roles = {} }
[organization.b.workspace.w.project.reserved.aws]
provider = 'arn:aws:iam::123456789012:saml-provider/idp'
roles = { owner = 'arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_x' }
";
        let faults = parse(text).unwrap_err();
        let told: Vec<_> = faults.iter().map(|one| (one.line, one.at.as_str())).collect();
        let expected = [
            (1, "organization.a.group.empty"),
            (2, "organization.a.group.hollow"),
            (5, "organization.a.group.far.workspaces"),
            (6, "organization.a.group.far.projects"),
            (8, "organization.a.group.king.role"),
            (11, "organization.a.group.more.members"),
            (12, r#"organization.a.group."a\nb""#),
            (15, "organization.a.workspace.w.project.p.aws.provider"),
            (15, "organization.a.workspace.w.project.p.aws.roles.annotator"),
            (15, "organization.a.workspace.w.project.p.aws.roles.king"),
            (15, "organization.a.workspace.w.project.p.aws.roles.king"),
            (17, "organization.b.workspace.w.project.of-b.aws"),
            (17, "organization.b.workspace.w.project.of-b.aws"),
            (20, "organization.b.workspace.w.project.reserved.aws.roles.owner"),
        ];
        assert_eq!(told, expected, "{faults:#?}");
        assert!(faults[2].what.ends_with("no workspace elsewhere in this file"), "{faults:#?}");
        assert!(faults[13].what.contains("make one of your own"), "{faults:#?}");
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
