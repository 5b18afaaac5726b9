//! One organization sees nothing of another and changes nothing of it, whatever it asks for by whatever name or number.

use proptest::prelude::*;
use std::time::Duration;

use super::fresh;
use crate::catalog::{
    AccountId, Asserted, Email, OrganizationId, ProjectId, Role, Scope, SessionId, Several, TokenId,
};
use crate::ground::clock::Timestamp;
use crate::ground::random::Random;
use crate::ground::secret::Secret;
use crate::records::{
    Grounds, NewAccount, NewSessionRow, NewToken, Records, RecordsError, SessionCredentialRow,
    SignOutOrder, Vouched, VouchedSession,
};

/// Few names, so that organizations share them.
const NAMES: [&str; 3] = ["a", "b", "c"];

/// Something that the first organization tries: which of [`attempt`]'s deeds, with which names, and at which of *all*
/// accounts, sessions and tokens of the install.
#[derive(Debug, Clone, Copy)]
struct Deed {
    what: usize,
    name: &'static str,
    other: &'static str,
    victim: usize,
}

const DEEDS: usize = 17;

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let name = || prop::sample::select(&NAMES[..]);
    let deed = (0..DEEDS, name(), name(), 0usize..12)
        .prop_map(|(what, name, other, victim)| Deed { what, name, other, victim });
    prop::collection::vec(deed, 1..32)
}

/// What an organization holds at the start: which projects (each in a workspace), each with a storage or not.
fn holdings() -> impl Strategy<Value = Vec<(usize, usize, bool)>> {
    prop::collection::vec((0usize..3, 0usize..3, any::<bool>()), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn nobody_reaches_another_organizations_rows(
        ours in holdings(),
        theirs in holdings(),
        deeds in deeds(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (records, _hand, _folder) = fresh().await;
            let us = fill(&records, "us", &ours).await;
            let them = fill(&records, "them", &theirs).await;
            let before = dump(&records, them).await;
            let victims = everyone(&records, [us, them]).await;
            for deed in deeds {
                // Refused or done: both are fine, as long as it stays at home.
                drop(attempt(&records, us, (deed, victims[deed.victim])).await);
                assert_eq!(dump(&records, them).await, before, "after {deed:?}");
                let seen = dump(&records, us).await;
                assert!(!seen.contains("them"), "after {deed:?} we see {seen}");
            }
        });
    }
}

/// Fills an organization; every text in it that is not a name from the common list tells whose it is.
async fn fill(records: &Records, owner: &str, holdings: &[(usize, usize, bool)]) -> OrganizationId {
    let id = records.create_organization(&owner.parse().unwrap(), owner).await.unwrap();
    for name in NAMES {
        records.create_workspace(id, &name.parse().unwrap(), owner).await.unwrap();
    }
    for (place, (project, workspace, storage)) in holdings.iter().enumerate() {
        let (project, workspace) = (NAMES[*project].parse().unwrap(), NAMES[*workspace]);
        drop(records.create_project(id, &workspace.parse().unwrap(), &project, owner).await);
        if *storage {
            put(records, id, (NAMES[place % 3], project.as_str()), owner).await;
        }
    }
    map(records, id).await;
    for number in 0..2u8 {
        a_person(records, (id, owner), number).await;
    }
    id
}

/// An account with a session (the first by password, the second by an assertion), a token and roles.
async fn a_person(records: &Records, (id, owner): (OrganizationId, &str), number: u8) {
    let email = format!("{owner}{number}@example.com").parse().unwrap();
    let password_hash = Secret::new(owner.to_owned());
    let new = NewAccount { email: &email, role: None, password_hash: Some(password_hash.clone()) };
    let account = records.create_account(id, new).await.unwrap();
    let hash = hash_of(account);
    let vouched = vouched(records, owner, id).await;
    let grounds = match number {
        0 => Grounds::Password(Some(&password_hash)),
        _ => Grounds::Vouched(&vouched),
    };
    let session = NewSessionRow {
        hash: &hash,
        account,
        grounds,
        absolute_end: Timestamp::MAX,
        address: "192.0.2.1".parse().unwrap(),
        address_hash: "x",
        user_agent: owner,
    };
    records.insert_session(session).await.unwrap();
    let token = NewToken { hash: &hash, account, name: owner, scope: &Scope::ALL, expires: None };
    records.insert_token(id, token).await.unwrap();
    for name in NAMES {
        let (workspace, project) = (name.parse().unwrap(), name.parse().unwrap());
        let role = Some(Role::Reviewer);
        records.set_workspace_member(id, &workspace, account, role).await.unwrap();
        drop(records.set_project_member(id, &project, account, role).await);
    }
}

const fn hash_of(account: AccountId) -> [u8; 32] {
    [account.0.to_be_bytes()[7]; 32]
}

/// What a session of the organization's has: a credential for each of its projects.
async fn vouched(records: &Records, owner: &str, id: OrganizationId) -> VouchedSession {
    let projects = records.projects(id).await.unwrap();
    let credential = |project: ProjectId| SessionCredentialRow {
        project,
        role: "role".to_owned(),
        sealed: owner.to_owned(),
        expires: Timestamp::MAX,
        as_of: 1,
    };
    VouchedSession {
        subject: [owner.as_bytes()[0]; 32],
        session_index: None,
        issued: Timestamp::UNIX_EPOCH,
        logout: owner.to_owned(),
        asserted: Asserted { roles: Vec::new(), session_name: Some(owner.to_owned()) },
        credentials: projects.iter().map(|project| credential(project.id)).collect(),
    }
}

/// The same group everywhere, giving a role in everything.
async fn map(records: &Records, id: OrganizationId) {
    let facts = r#"{"role":"manager","workspaces":{"a":"owner","b":"owner"},"projects":{"a":"owner","c":"owner"}}"#;
    sqlx::query(
        "INSERT INTO group_mapping (id, organization, name, facts) VALUES ($1, $1, 'g', $2)",
    )
    .bind(id.0)
    .bind(facts)
    .execute(&records.writes)
    .await
    .unwrap();
}

async fn put(records: &Records, id: OrganizationId, (name, project): (&str, &str), owner: &str) {
    let place = format!(r#"{{"kind":"s3","bucket":"{owner}","region":"eu"}}"#);
    let place = serde_json::from_str(&place).unwrap();
    let (name, project) = (name.parse().unwrap(), project.parse().unwrap());
    drop(records.put_storage((id, &project), &name, &place, (&"c".parse().unwrap(), None)).await);
}

/// All that the questions of this folder tell an organization, as text.
async fn dump(records: &Records, id: OrganizationId) -> String {
    let mut text = people(records, id).await;
    text.push_str(&format!("{:?}\n", records.workspaces(id).await.unwrap()));
    text.push_str(&format!("{:?}\n", records.projects(id).await.unwrap()));
    for name in NAMES {
        let (workspace, project) = (name.parse().unwrap(), name.parse().unwrap());
        text.push_str(&format!("{:?}\n", records.storages(id, &project).await.unwrap()));
        text.push_str(&format!("{:?}\n", records.workspace_members(id, &workspace).await.unwrap()));
        text.push_str(&format!("{:?}\n", records.project_members(id, &project).await.unwrap()));
    }
    text + &snapshot(records, id).await
}

async fn people(records: &Records, id: OrganizationId) -> String {
    let accounts = records.accounts(id).await.unwrap();
    let mut text = format!("{accounts:?}\n");
    text.push_str(&format!("{:?}\n", records.sessions(id).await.unwrap()));
    text.push_str(&format!("{:?}\n", records.tokens(id).await.unwrap()));
    text.push_str(&format!("{:?}\n", records.groups(id).await.unwrap()));
    for account in accounts {
        let person = records.person(account.id).await.unwrap();
        assert!(person.as_ref().is_none_or(|person| person.organization == id));
        text.push_str(&format!("{person:?}\n"));
        let session = records.find_session(&hash_of(account.id)).await.unwrap();
        text.push_str(&format!("{session:?}\n"));
        for project in records.projects(id).await.unwrap() {
            let hash = hash_of(account.id);
            let held = records.session_credential(&hash, project.id, "role").await.unwrap();
            text.push_str(&format!("{held:?}\n"));
        }
    }
    text + &at_once(records, id).await
}

/// The same people, asked for at once.
async fn at_once(records: &Records, id: OrganizationId) -> String {
    let mut one_by_one = Vec::new();
    for account in records.accounts(id).await.unwrap() {
        one_by_one.extend(records.person(account.id).await.unwrap());
    }
    let all = format!("{:?}\n", records.people(id).await.unwrap());
    assert_eq!(all, format!("{one_by_one:?}\n"));
    all
}

/// The organization in the catalogue, in a fixed order.
async fn snapshot(records: &Records, id: OrganizationId) -> String {
    let catalog = records.catalog().await.unwrap();
    let mut lines: Vec<_> = catalog
        .organization(id)
        .into_iter()
        .flat_map(|own| own.projects())
        .map(|project| {
            assert_eq!(project.organization, id);
            let mut storages: Vec<_> = project.storages().collect();
            storages.sort_by_key(|storage| storage.id);
            format!("{} {} {storages:?}\n", project.name, project.title)
        })
        .collect();
    lines.sort();
    lines.concat()
}

/// The numbers of all accounts, sessions and tokens.
async fn everyone(records: &Records, organizations: [OrganizationId; 2]) -> Vec<i64> {
    let mut all = Vec::new();
    for id in organizations {
        all.extend(records.accounts(id).await.unwrap().iter().map(|row| row.id.0));
        all.extend(records.sessions(id).await.unwrap().iter().map(|row| row.id.0));
        all.extend(records.tokens(id).await.unwrap().iter().map(|row| row.id.0));
    }
    assert_eq!(all.len(), 12);
    all
}

async fn attempt(
    records: &Records,
    us: OrganizationId,
    (deed, victim): (Deed, i64),
) -> Result<(), RecordsError> {
    let Deed { what, name, other, .. } = deed;
    let project = name.parse().unwrap();
    let (workspace, storage) = (other.parse().unwrap(), other.parse().unwrap());
    match what {
        0 => records.delete_project(us, &project).await,
        1 => records.delete_workspace(us, &workspace).await,
        2 => records.delete_storage(us, &project, &storage).await,
        _ => attempt_on_people(records, us, (deed, victim)).await,
    }
}

async fn attempt_on_people(
    records: &Records,
    us: OrganizationId,
    (deed, victim): (Deed, i64),
) -> Result<(), RecordsError> {
    let (workspace, project) = (deed.other.parse().unwrap(), deed.name.parse().unwrap());
    let account = AccountId(victim);
    let (role, secret) = (Some(Role::Owner), Secret::new("us".to_owned()));
    match deed.what {
        3 => records.set_workspace_member(us, &workspace, account, role).await,
        4 => records.set_workspace_member(us, &workspace, account, None).await,
        5 => records.set_project_member(us, &project, account, role).await,
        6 => records.set_project_member(us, &project, account, None).await,
        7 => records.set_organization_role(us, account, role).await,
        8 => records.set_password_hash(us, account, &secret).await,
        9 => records.disable_account(us, account).await,
        10 => records.end_sessions_of(us, account).await.map(drop),
        11 => records.revoke_session(us, SessionId(victim)).await,
        12 => records.revoke_token(us, TokenId(victim)).await,
        13..=15 => attempt_by_word(records, us, (deed, victim)).await,
        _ => {
            let (hash, scope) = (&Random::system().bytes(), &Scope::ALL);
            let new = NewToken { hash, account, name: "us", scope, expires: None };
            records.insert_token(us, new).await.map(drop)
        }
    }
}

async fn attempt_by_word(
    records: &Records,
    us: OrganizationId,
    (deed, victim): (Deed, i64),
) -> Result<(), RecordsError> {
    match deed.what {
        13 => admit(records, us, (deed, victim)).await,
        14 => {
            let order = SignOutOrder {
                subject: &[b'u'; 32],
                session_indexes: &[],
                issued: Timestamp::MAX,
                until: Timestamp::MAX,
            };
            records.end_vouched_sessions(&order).await.map(drop)
        }
        _ => {
            // By our own person into whosever session, for whosever projects.
            let ours = records.accounts(us).await?[0].id;
            let all = records.organizations().await?;
            let whose = all[usize::from(victim % 2 == 0)].id;
            let brought = vouched(records, "us", whose).await;
            let hash = hash_of(AccountId(victim));
            records.renew_session(&hash, ours, (Timestamp::MAX, Duration::MAX), &brought).await
        }
    }
}

/// Our identity provider vouches for whomever, with the group that gives everything or with none.
async fn admit(
    records: &Records,
    us: OrganizationId,
    (deed, victim): (Deed, i64),
) -> Result<(), RecordsError> {
    let emails = ["us0", "us1", "them0", "them1", "new-of-us"];
    let index = usize::try_from(victim).unwrap() % emails.len();
    let email: Email = format!("{}@example.com", emails[index]).parse().unwrap();
    let groups = if deed.name == "a" { vec![] } else { vec!["g".to_owned()] };
    let vouched = Vouched {
        organization: us,
        email: &email,
        groups: &groups,
        several: Several::MostPowerful,
        assertion: &Random::system().bytes(),
        issued: Timestamp::UNIX_EPOCH,
        until: Timestamp::MAX,
    };
    records.admit_vouched(vouched).await.map(drop)
}
