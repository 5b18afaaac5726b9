//! Who comes by an identity provider's word: as what, once for each assertion, and with what in his session.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::fresh;
use crate::catalog::{
    AccountId, Asserted, AssertedRole, Email, GroupFacts, OrganizationId, ProjectId, Role, Scope,
    Several,
};
use crate::ground::clock::{SignedDuration, Timestamp};
use crate::ground::secret::Secret;
use crate::records::{
    Admitted, Grounds, KnownPerson, KnownVouched, NewAccount, NewSessionRow, NewToken, Records,
    RecordsError, SessionCredentialRow, UserRow, Vouched, VouchedSession,
};

/// Few, so that groups share them; `c` exists nowhere.
const NAMES: [&str; 3] = ["a", "b", "c"];
const GROUPS: [&str; 4] = ["Labelers", "Ärzte & Co.", "CN=x,DC=example", "nobody's"];

/// An organization with the workspaces and projects `a` and `b`, each in its own.
pub(super) async fn organization(records: &Records, name: &str) -> OrganizationId {
    let id = records.create_organization(&name.parse().unwrap(), "").await.unwrap();
    for name in &NAMES[..2] {
        let (workspace, project) = (name.parse().unwrap(), name.parse().unwrap());
        records.create_workspace(id, &workspace, "").await.unwrap();
        records.create_project(id, &workspace, &project, "").await.unwrap();
    }
    id
}

async fn map(records: &Records, organization: OrganizationId, groups: &BTreeMap<&str, GroupFacts>) {
    let gone = sqlx::query("DELETE FROM group_mapping WHERE organization = $1");
    gone.bind(organization.0).execute(&records.writes).await.unwrap();
    for (name, facts) in groups {
        sqlx::query(
            "INSERT INTO group_mapping (id, organization, name, facts) \
             SELECT coalesce(max(id), 0) + 1, $1, $2, $3 FROM group_mapping",
        )
        .bind(organization.0)
        .bind(name)
        .bind(serde_json::to_string(facts).unwrap())
        .execute(&records.writes)
        .await
        .unwrap();
    }
}

fn facts(role: Option<Role>, projects: &[(&str, Role)]) -> GroupFacts {
    let projects = projects.iter().map(|(name, role)| (name.parse().unwrap(), *role)).collect();
    GroupFacts { role, projects, ..GroupFacts::default() }
}

/// One who comes with these groups, by an assertion of his own.
struct Door<'a> {
    records: &'a Records,
    organization: OrganizationId,
    email: Email,
    several: Several,
    used: u8,
    issued: Timestamp,
}

/// When the assertions of these tests were issued, where it does not matter.
pub(super) const ISSUED: Timestamp = Timestamp::constant(1_800_000_000, 0);

impl<'a> Door<'a> {
    fn new(records: &'a Records, organization: OrganizationId) -> Self {
        let email = "ann@example.com".parse().unwrap();
        Self {
            records,
            organization,
            email,
            several: Several::MostPowerful,
            used: 0,
            issued: ISSUED,
        }
    }

    async fn admit(&mut self, groups: &[&str]) -> Admitted {
        self.used += 1;
        let groups: Vec<_> = groups.iter().map(|name| (*name).to_owned()).collect();
        let vouched = Vouched {
            organization: self.organization,
            email: &self.email,
            groups: &groups,
            several: self.several,
            assertion: &[self.used; 32],
            issued: self.issued,
            until: Timestamp::MAX,
        };
        self.records.admit_vouched(vouched).await.unwrap()
    }

    async fn account(&self) -> crate::records::AccountRow {
        self.records.account_by_email(&self.email).await.unwrap().unwrap()
    }
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(&Role::ALL[..])
}

fn roles() -> impl Strategy<Value = BTreeMap<&'static str, Role>> {
    prop::collection::btree_map(prop::sample::select(&NAMES[..]), role(), 0..3)
}

/// What a group gives, or a hand: in the organization, in workspaces, in projects.
type Given = (Option<Role>, BTreeMap<&'static str, Role>, BTreeMap<&'static str, Role>);

fn given() -> impl Strategy<Value = Given> {
    (prop::option::weighted(0.3, role()), roles(), roles())
}

/// One sign-in, with what was changed before it.
type Visit = (BTreeMap<&'static str, Given>, Given, BTreeSet<&'static str>, bool);

fn visit() -> impl Strategy<Value = Visit> {
    let group = || prop::sample::select(&GROUPS[..]);
    let groups = prop::collection::btree_set(group(), 0..3);
    (prop::collection::btree_map(group(), given(), 0..4), given(), groups, any::<bool>())
}

/// The rule, told naively: for each thing that exists, by hand if there is one, else the first or the last of the roles that
/// the groups give for it.
fn expected(
    by_hand: Option<Role>,
    of_groups: impl Iterator<Item = Option<Role>>,
    most: bool,
) -> Option<Role> {
    let mut all: Vec<Role> = of_groups.flatten().collect();
    all.sort_unstable();
    let mapped = if most { all.first() } else { all.last() };
    by_hand.or(mapped.copied())
}

async fn set_by_hand(
    records: &Records,
    (organization, account): (OrganizationId, AccountId),
    given: &Given,
) {
    records.set_organization_role(organization, account, given.0).await.unwrap();
    for name in &NAMES[..2] {
        let (workspace, project) = (name.parse().unwrap(), name.parse().unwrap());
        let role = given.1.get(name).copied();
        drop(records.set_workspace_member(organization, &workspace, account, role).await);
        let role = given.2.get(name).copied();
        drop(records.set_project_member(organization, &project, account, role).await);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn roles_are_those_of_the_naive_rule_whatever_was_before(
        visits in prop::collection::vec(visit(), 1..5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (records, _hand, _folder) = fresh().await;
            let acme = organization(&records, "acme").await;
            let mut door = Door::new(&records, acme);
            for visit in &visits {
                check(&records, &mut door, visit).await;
            }
        });
    }
}

/// The roles that somebody has: in the organization, in the workspaces that there are, in the projects.
#[derive(Debug, PartialEq, Eq)]
struct Held(Option<Role>, Vec<Option<Role>>, Vec<Option<Role>>);

impl Held {
    fn expected((mapping, _, groups, most): &Visit, by_hand: &Given) -> Self {
        let of = |read: &dyn Fn(&Given) -> Option<Role>| {
            let mapped = mapping.iter().filter(|(name, _)| groups.contains(*name));
            expected(read(by_hand), mapped.map(|(_, given)| read(given)), *most)
        };
        let there = NAMES[..2].iter();
        let workspaces = there.clone().map(|name| of(&|given| given.1.get(name).copied()));
        let projects = there.map(|name| of(&|given| given.2.get(name).copied()));
        Self(of(&|given| given.0), workspaces.collect(), projects.collect())
    }

    async fn found(records: &Records, person: &KnownPerson) -> Self {
        let (workspaces, projects) = (
            records.workspaces(person.organization).await.unwrap(),
            records.projects(person.organization).await.unwrap(),
        );
        let in_workspaces = &person.memberships.workspaces;
        let in_projects = &person.memberships.projects;
        Self(
            person.organization_role,
            workspaces.iter().map(|it| in_workspaces.get(&it.id).copied()).collect(),
            projects.iter().map(|it| in_projects.get(&it.id).copied()).collect(),
        )
    }

    fn nothing(&self) -> bool {
        self.0.is_none() && self.1.iter().chain(&self.2).all(Option::is_none)
    }
}

fn told(admitted: Admitted) -> (&'static str, Vec<String>) {
    match admitted {
        Admitted::Person { changes, .. } => ("person", changes),
        Admitted::Unmapped { changes } => ("unmapped", changes),
        Admitted::UsedAlready => ("used already", Vec::new()),
        Admitted::Disabled => ("disabled", Vec::new()),
        Admitted::Elsewhere => ("elsewhere", Vec::new()),
    }
}

async fn check(records: &Records, door: &mut Door<'_>, visit: &Visit) {
    let (mapping, by_hand, groups, most) = visit;
    let facts = |given: &Given| {
        let (role, workspaces, projects) = given.clone();
        let workspaces = workspaces.iter().map(|(name, role)| (name.parse().unwrap(), *role));
        let projects = projects.iter().map(|(name, role)| (name.parse().unwrap(), *role));
        GroupFacts { role, workspaces: workspaces.collect(), projects: projects.collect() }
    };
    let mapping = mapping.iter().map(|(name, given)| (*name, facts(given))).collect();
    map(records, door.organization, &mapping).await;
    // A hand can give only to who is there.
    let known = records.account_by_email(&door.email).await.unwrap();
    let by_hand = match &known {
        Some(known) => {
            set_by_hand(records, (door.organization, known.id), by_hand).await;
            by_hand.clone()
        }
        None => Given::default(),
    };
    door.several = if *most { Several::MostPowerful } else { Several::LeastPowerful };
    let before = records.last_change().await.unwrap();
    let (what, changes) = told(door.admit(&groups.iter().copied().collect::<Vec<_>>()).await);
    let expected = Held::expected(visit, &by_hand);
    assert_eq!(what, if expected.nothing() { "unmapped" } else { "person" });
    let heard = records.last_change().await.unwrap() > before;
    assert_eq!(heard, !changes.is_empty(), "{changes:?}");
    holds(records, door, &expected).await;
    listed(records, door, (&by_hand, &expected.2)).await;
}

/// The account is in that state: there and enabled with these roles, or (with none) not there or disabled.
async fn holds(records: &Records, door: &Door<'_>, expected: &Held) {
    let account = records.account_by_email(&door.email).await.unwrap();
    let person = match &account {
        Some(account) => records.person(account.id).await.unwrap(),
        None => None,
    };
    assert_eq!(person.is_none(), expected.nothing());
    let all = records.people(door.organization).await.unwrap();
    assert_eq!(format!("{all:?}"), format!("{:?}", Vec::from_iter(&person)));
    if let Some(person) = person {
        assert_eq!(Held::found(records, &person).await, *expected);
    }
}

/// The members of projects as listed are those who have a role there, and say where it is from.
async fn listed(
    records: &Records,
    door: &Door<'_>,
    (by_hand, projects): (&Given, &[Option<Role>]),
) {
    for (name, expected) in NAMES.iter().zip(projects) {
        let rows =
            records.project_members(door.organization, &name.parse().unwrap()).await.unwrap();
        let found: Vec<_> = rows.iter().map(|row| (row.role, row.mapped)).collect();
        let expected: Vec<_> =
            expected.iter().map(|role| (*role, !by_hand.2.contains_key(name))).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[tokio::test]
async fn the_audit_hears_what_became_of_whom() {
    let (records, _hand, _folder) = fresh().await;
    let acme = organization(&records, "acme").await;
    let both = facts(Some(Role::Administrator), &[("a", Role::Annotator)]);
    let one = facts(None, &[("a", Role::Reviewer)]);
    map(&records, acme, &[("all", both), ("some", one)].into()).await;
    let mut door = Door::new(&records, acme);
    let none = told(door.admit(&["another"]).await);
    assert_eq!(none, ("unmapped", vec![]));
    assert!(records.accounts(acme).await.unwrap().is_empty(), "nobody is made for nothing");
    for (groups, expected) in [
        (
            &["all"][..],
            (
                "person",
                vec![
                    "account made",
                    "role administrator in the organization",
                    "role annotator in project a",
                ],
            ),
        ),
        (&["all"], ("person", vec![])),
        (&["all", "some"], ("person", vec!["role reviewer in project a"])),
        (&["some"], ("person", vec!["no role in the organization any more"])),
        (&[], ("unmapped", vec!["no role in project a any more", "account disabled"])),
        (&[], ("unmapped", vec![])),
        (&["some"], ("person", vec!["role reviewer in project a", "account enabled"])),
    ] {
        let before = records.last_change().await.unwrap();
        let (what, changes) = told(door.admit(groups).await);
        assert_eq!((what, changes.iter().map(String::as_str).collect()), expected, "{groups:?}");
        let heard = records.last_change().await.unwrap() > before;
        assert_eq!(heard, !changes.is_empty(), "{groups:?}");
    }
}

#[tokio::test]
async fn what_a_hand_did_stays_as_it_was_done() {
    let (records, _hand, _folder) = fresh().await;
    let acme = organization(&records, "acme").await;
    let umbrella = organization(&records, "umbrella").await;
    map(&records, acme, &[("all", facts(Some(Role::Reviewer), &[]))].into()).await;
    let mut door = Door::new(&records, acme);
    let Admitted::Person { account, .. } = door.admit(&["all"]).await else { panic!() };

    // Disabled by hand: no group lets him in, and none forgets that it was a hand.
    records.disable_account(acme, account).await.unwrap();
    for groups in [&["all"][..], &[]] {
        assert_eq!(door.admit(groups).await, Admitted::Disabled);
    }
    assert_eq!(door.account().await.mapped_role, Some(Role::Reviewer), "nothing changed");
    records.enable_account(acme, account).await.unwrap();
    // Disabled for no mapping, and then by hand.
    assert!(matches!(door.admit(&[]).await, Admitted::Unmapped { .. }));
    assert!(door.account().await.unmapped);
    records.disable_account(acme, account).await.unwrap();
    assert!(!door.account().await.unmapped);
    assert_eq!(door.admit(&["all"]).await, Admitted::Disabled);
    records.enable_account(acme, account).await.unwrap();

    // Given by hand: no group takes it away, and it lets him in alone.
    records.set_organization_role(acme, account, Some(Role::Annotator)).await.unwrap();
    assert!(matches!(door.admit(&["all"]).await, Admitted::Person { .. }));
    let found = door.account().await;
    assert_eq!(
        (found.role_in_effect(), found.mapped_role),
        (Some(Role::Annotator), Some(Role::Reviewer))
    );
    assert!(matches!(door.admit(&[]).await, Admitted::Person { .. }));
    assert_eq!(door.account().await.mapped_role, None);

    // Another organization's word about him is nothing.
    map(&records, umbrella, &[("all", facts(Some(Role::Owner), &[("a", Role::Owner)]))].into())
        .await;
    let before = format!("{:?}", door.account().await);
    door.organization = umbrella;
    for groups in [&["all"][..], &[]] {
        assert_eq!(door.admit(groups).await, Admitted::Elsewhere);
    }
    assert_eq!(format!("{:?}", door.account().await), before);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn what_a_newer_assertion_said_of_somebody_no_older_one_changes() {
    let (records, _hand, _folder) = fresh().await;
    let acme = organization(&records, "acme").await;
    let little = facts(None, &[("a", Role::Annotator)]);
    let much = facts(Some(Role::Administrator), &[("b", Role::Owner)]);
    map(&records, acme, &[("little", little), ("much", much)].into()).await;
    let mut door = Door::new(&records, acme);
    let at = |milliseconds| ISSUED + SignedDuration::from_millis(milliseconds);
    for (issued, groups, expected) in [
        (
            2,
            &["little", "much"][..],
            (
                "person",
                vec![
                    "account made",
                    "role administrator in the organization",
                    "role annotator in project a",
                    "role owner in project b",
                ],
            ),
        ),
        (
            5,
            &["little"],
            (
                "person",
                vec!["no role in the organization any more", "no role in project b any more"],
            ),
        ),
        // He comes in as what he is, and nothing is given back or taken away.
        (4, &["little", "much"], ("person", vec![])),
        (4, &[], ("person", vec![])),
        // Of the same time is not older.
        (
            5,
            &["much"],
            (
                "person",
                vec![
                    "role administrator in the organization",
                    "role owner in project b",
                    "no role in project a any more",
                ],
            ),
        ),
        (
            7,
            &[],
            (
                "unmapped",
                vec![
                    "no role in the organization any more",
                    "no role in project b any more",
                    "account disabled",
                ],
            ),
        ),
        (6, &["much"], ("unmapped", vec![])),
        (8, &["little"], ("person", vec!["role annotator in project a", "account enabled"])),
    ] {
        door.issued = at(issued);
        let (what, changes) = told(door.admit(groups).await);
        let found = (what, changes.iter().map(String::as_str).collect());
        assert_eq!(found, expected, "{issued} {groups:?}");
    }
}

#[tokio::test]
async fn what_a_hand_gives_lets_people_in_by_an_older_assertion_too() {
    let (records, _hand, _folder) = fresh().await;
    let acme = organization(&records, "acme").await;
    map(&records, acme, &[("much", facts(Some(Role::Administrator), &[]))].into()).await;
    let mut door = Door::new(&records, acme);
    let Admitted::Person { account, .. } = door.admit(&["much"]).await else { panic!() };
    assert!(matches!(door.admit(&[]).await, Admitted::Unmapped { .. }));
    records.enable_account(acme, account).await.unwrap();
    door.issued = ISSUED - SignedDuration::from_millis(1);
    assert_eq!(told(door.admit(&["much"]).await), ("unmapped", vec![]));
    records.set_organization_role(acme, account, Some(Role::Reviewer)).await.unwrap();
    assert_eq!(told(door.admit(&["much"]).await), ("person", vec![]));
    assert_eq!(door.account().await.role_in_effect(), Some(Role::Reviewer));
}

#[tokio::test]
async fn what_a_session_has_of_a_newer_assertion_no_older_one_replaces() {
    let (records, _hand, _folder) = fresh().await;
    let acme = organization(&records, "acme").await;
    let ann = an_account(&records, acme, "ann@example.com").await;
    let brought = |number: u8, milliseconds| VouchedSession {
        issued: ISSUED + SignedDuration::from_millis(milliseconds),
        ..vouched(number, None, vec![])
    };
    begin(&records, (1, ann), Grounds::Vouched(&brought(1, 1))).await.unwrap();
    for (number, issued, kept) in [(2, 3, 2), (3, 2, 2), (4, 3, 4)] {
        let end = Timestamp::from_second(1_800_000_500 + i64::from(number)).unwrap();
        let brought = brought(number, issued);
        records.renew_session(&[1; 32], ann, (end, Duration::MAX), &brought).await.unwrap();
        let found = records.find_session(&[1; 32]).await.unwrap().unwrap();
        let expected = Timestamp::from_second(1_800_000_500 + i64::from(kept)).unwrap();
        assert_eq!(found.absolute_end, expected, "{number}");
        assert_eq!(found.vouched.unwrap().logout, format!("sealed {kept}"), "{number}");
    }
}

#[tokio::test]
async fn an_assertion_is_used_once_however_many_come_at_once() {
    let (records, hand, _folder) = fresh().await;
    let acme = organization(&records, "acme").await;
    map(&records, acme, &[("all", facts(Some(Role::Reviewer), &[]))].into()).await;
    let until = Timestamp::from_second(1_800_000_300).unwrap();
    let post = |records: Records, number: u8| async move {
        let (email, groups) = ("ann@example.com".parse().unwrap(), ["all".to_owned()]);
        let vouched = Vouched {
            organization: acme,
            email: &email,
            groups: &groups,
            several: Several::MostPowerful,
            assertion: &[number; 32],
            issued: ISSUED,
            until,
        };
        records.admit_vouched(vouched).await.unwrap()
    };
    let all: Vec<_> = (0..100).map(|_| tokio::spawn(post(records.clone(), 1))).collect();
    let mut persons = 0;
    for one in all {
        match told(one.await.unwrap()).0 {
            "person" => persons += 1,
            other => assert_eq!(other, "used already"),
        }
    }
    assert_eq!(persons, 1);
    assert_eq!(used(&records).await, 1);
    let before = records.last_change().await.unwrap();
    assert_eq!(post(records.clone(), 1).await, Admitted::UsedAlready);
    assert_eq!(records.last_change().await.unwrap(), before);

    // When its time is over it is forgotten, and still opens nothing.
    hand.advance(until.duration_since(records.clock.now()));
    assert_eq!(post(records.clone(), 1).await, Admitted::UsedAlready);
    let mut later = Door::new(&records, acme);
    later.used = 10;
    assert!(matches!(later.admit(&["all"]).await, Admitted::Person { .. }));
    assert_eq!(used(&records).await, 1, "the old one was swept out");
    assert_eq!(post(records.clone(), 1).await, Admitted::UsedAlready);
}

async fn used(records: &Records) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM used_assertion");
    count.fetch_one(&records.reads).await.unwrap()
}

pub(super) fn vouched(
    subject: u8,
    index: Option<&str>,
    credentials: Vec<SessionCredentialRow>,
) -> VouchedSession {
    let role = AssertedRole { role: "arn:role".to_owned(), provider: "arn:provider".to_owned() };
    let asserted = Asserted { roles: vec![role], session_name: Some("ann".to_owned()) };
    VouchedSession {
        subject: [subject; 32],
        session_index: index.map(str::to_owned),
        issued: ISSUED,
        logout: format!("sealed {subject}"),
        asserted,
        credentials,
    }
}

fn credential(project: ProjectId, role: &str, expires: i64) -> SessionCredentialRow {
    let expires = Timestamp::from_second(expires).unwrap();
    SessionCredentialRow {
        project,
        role: role.to_owned(),
        sealed: format!("{role} {expires}"),
        expires,
        as_of: 7,
    }
}

pub(super) async fn begin(
    records: &Records,
    (hash, account): (u8, AccountId),
    grounds: Grounds<'_>,
) -> Result<(), RecordsError> {
    let row = NewSessionRow {
        hash: &[hash; 32],
        account,
        grounds,
        absolute_end: Timestamp::MAX,
        address: "192.0.2.1".parse().unwrap(),
        address_hash: "x",
        user_agent: "",
    };
    records.insert_session(row).await
}

pub(super) async fn an_account(
    records: &Records,
    organization: OrganizationId,
    email: &str,
) -> AccountId {
    let (email, hash) = (email.parse().unwrap(), Secret::new("hash".to_owned()));
    let new = NewAccount { email: &email, role: None, password_hash: Some(hash) };
    records.create_account(organization, new).await.unwrap()
}

#[tokio::test]
async fn a_session_has_what_its_assertion_brought_until_another_one_or_its_end() {
    let (records, hand, _folder) = fresh().await;
    let acme = organization(&records, "acme").await;
    let umbrella = organization(&records, "umbrella").await;
    let ids = async |organization| {
        records.projects(organization).await.unwrap().iter().map(|it| it.id).collect::<Vec<_>>()
    };
    let (ours, theirs) = (ids(acme).await, ids(umbrella).await);
    let ann = an_account(&records, acme, "ann@example.com").await;
    let bob = an_account(&records, acme, "bob@example.com").await;
    let first = vouched(
        1,
        Some("i"),
        vec![
            credential(ours[0], "x", 1_800_000_900),
            credential(ours[1], "x", 1_800_000_700),
            credential(theirs[0], "x", 1_800_000_100),
        ],
    );
    // It asks for no password, though the account has one.
    begin(&records, (1, ann), Grounds::Vouched(&first)).await.unwrap();
    let found = records.find_session(&[1; 32]).await.unwrap().unwrap();
    let expected = KnownVouched {
        asserted: first.asserted.clone(),
        logout: first.logout.clone(),
        credentials_end: Some(Timestamp::from_second(1_800_000_700).unwrap()),
    };
    assert_eq!(found.vouched, Some(expected));
    let held = async |project, role: &str| {
        records.session_credential(&[1; 32], project, role).await.unwrap()
    };
    assert_eq!(held(ours[0], "x").await.as_ref(), first.credentials.first());
    assert_eq!(held(ours[0], "y").await, None);
    assert_eq!(held(theirs[0], "x").await, None, "of another organization's project: left out");
    assert_eq!(records.session_credential(&[2; 32], ours[0], "x").await.unwrap(), None);

    // Another assertion of his: the same session, with what that one brought; what it did not bring anew serves to its end.
    let second = vouched(3, None, vec![credential(ours[0], "y", 1_800_001_000)]);
    let end = Timestamp::from_second(1_800_000_500).unwrap();
    let stranger = records.renew_session(&[1; 32], bob, (end, Duration::MAX), &second).await;
    assert!(matches!(stranger, Err(RecordsError::NotFound { .. })), "{stranger:?}");
    let before = records.last_change().await.unwrap();
    records.renew_session(&[1; 32], ann, (end, Duration::MAX), &second).await.unwrap();
    assert!(records.last_change().await.unwrap() > before, "what is remembered of it is outdated");
    let found = records.find_session(&[1; 32]).await.unwrap().unwrap();
    assert_eq!((found.absolute_end, found.vouched.unwrap().logout), (end, second.logout.clone()));
    assert!(held(ours[0], "x").await.is_some_and(|kept| kept.expires > records.clock.now()));
    assert_eq!(held(ours[0], "y").await.as_ref(), second.credentials.first());
    assert!(records.sessions(acme).await.unwrap()[0].vouched);

    // One that has ended does not come back, and its rows are gone with it.
    hand.advance(end.duration_since(records.clock.now()));
    let late = records.renew_session(&[1; 32], ann, (Timestamp::MAX, Duration::MAX), &second).await;
    assert!(matches!(late, Err(RecordsError::NotFound { .. })), "{late:?}");
    records.end_session(&[1; 32]).await.unwrap();
    assert_eq!(held(ours[0], "y").await, None);
    for table in ["SELECT count(*) FROM vouched_session", "SELECT count(*) FROM session_credential"]
    {
        let left: i64 = sqlx::query_scalar(table).fetch_one(&records.reads).await.unwrap();
        assert_eq!(left, 0, "{table}");
    }

    records.disable_account(acme, ann).await.unwrap();
    let shut_out = begin(&records, (4, ann), Grounds::Vouched(&first)).await;
    assert!(matches!(shut_out, Err(RecordsError::NotFound { .. })), "{shut_out:?}");
}

#[tokio::test]
async fn whom_no_mapping_fits_any_more_loses_his_sessions_at_once() {
    let (records, _hand, _folder) = fresh().await;
    let acme = organization(&records, "acme").await;
    map(&records, acme, &[("all", facts(Some(Role::Reviewer), &[]))].into()).await;
    let mut door = Door::new(&records, acme);
    let Admitted::Person { account, .. } = door.admit(&["all"]).await else { panic!() };
    begin(&records, (1, account), Grounds::Vouched(&vouched(1, None, vec![]))).await.unwrap();
    assert!(records.find_session(&[1; 32]).await.unwrap().is_some());
    assert!(matches!(door.admit(&[]).await, Admitted::Unmapped { .. }));
    assert!(records.find_session(&[1; 32]).await.unwrap().is_none());
    // Nor do they come back when he does.
    assert!(matches!(door.admit(&["all"]).await, Admitted::Person { .. }));
    assert!(records.find_session(&[1; 32]).await.unwrap().is_none());
}

#[tokio::test]
async fn whatever_shows_who_he_is_he_is_the_same_person() {
    let (records, _hand, _folder) = fresh().await;
    let acme = organization(&records, "acme").await;
    let workspaces = [("b".parse().unwrap(), Role::Manager)].into();
    let all = GroupFacts { workspaces, ..facts(Some(Role::Reviewer), &[("a", Role::Annotator)]) };
    map(&records, acme, &[("all", all)].into()).await;
    let mut door = Door::new(&records, acme);
    let Admitted::Person { account, .. } = door.admit(&["all"]).await else { panic!() };
    begin(&records, (1, account), Grounds::Vouched(&vouched(1, None, vec![]))).await.unwrap();
    let token = NewToken { hash: &[2; 32], account, name: "", scope: &Scope::ALL, expires: None };
    records.insert_token(acme, token).await.unwrap();
    let person = records.person(account).await.unwrap().unwrap();
    assert_eq!(
        Held::found(&records, &person).await,
        Held(
            Some(Role::Reviewer),
            vec![None, Some(Role::Manager)],
            vec![Some(Role::Annotator), None],
        )
    );
    let by_session = records.find_session(&[1; 32]).await.unwrap().unwrap().person;
    let by_token = records.find_token(&[2; 32]).await.unwrap().unwrap().person;
    for other in [by_session, by_token] {
        assert_eq!(format!("{other:?}"), format!("{person:?}"));
    }

    // In Label Studio, too: who shares a project with whom.
    let user = UserRow { account, number: 7, token: String::new(), password: None };
    records.put_label_studio_user(&user).await.unwrap();
    for project in records.projects(acme).await.unwrap() {
        let shared = records.label_studio_members(acme, &[project.id]).await.unwrap();
        assert_eq!(shared, [7], "{}", project.name);
    }
    let rows = records.workspace_members(acme, &"b".parse().unwrap()).await.unwrap();
    let rows: Vec<_> = rows.iter().map(|row| (row.account, row.role, row.mapped)).collect();
    assert_eq!(rows, [(account, Role::Manager, true)]);
}

#[tokio::test]
async fn the_last_good_metadata_are_kept_for_each_organization() {
    let (records, hand, _folder) = fresh().await;
    let (acme, umbrella) = ("acme".parse().unwrap(), "umbrella".parse().unwrap());
    assert_eq!(records.provider_metadata(&acme).await.unwrap(), None);
    let first = records.clock.now();
    records.keep_provider_metadata(&acme, "<one/>").await.unwrap();
    records.keep_provider_metadata(&umbrella, "<other/>").await.unwrap();
    hand.advance(Duration::from_secs(60).try_into().unwrap());
    records.keep_provider_metadata(&acme, "<two/>").await.unwrap();
    let now = records.clock.now();
    let found = async |name| records.provider_metadata(name).await.unwrap().unwrap();
    assert_eq!(found(&acme).await, ("<two/>".to_owned(), now));
    assert_eq!(found(&umbrella).await, ("<other/>".to_owned(), first));
}
