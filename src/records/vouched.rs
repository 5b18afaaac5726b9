//! Somebody for whom his organization's identity provider vouches: whether he may come in, and as what. The assertion is used,
//! the account made or brought up to date, in one transaction, so that an assertion opens one session at the most, on any node.

use std::collections::{BTreeMap, BTreeSet};

use super::accounts::end_sessions;
use super::{Change, Records, RecordsError, hex, word, word_if_any};
use crate::catalog::{
    AccountId, Email, GroupFacts, OrganizationId, ProjectName, Role, Several, WorkspaceName,
};
use crate::ground::clock::Timestamp;

/// Somebody for whom an organization's identity provider vouches, as one assertion says it.
#[derive(Debug, Clone, Copy)]
pub struct Vouched<'a> {
    pub organization: OrganizationId,
    pub email: &'a Email,
    pub groups: &'a [String],
    pub several: Several,
    /// The hash of its issuer and id: it is used once.
    pub assertion: &'a [u8; 32],
    /// By the identity provider's clock.
    pub issued: Timestamp,
    /// Nobody accepts it from then on; until then it is known that it was used.
    pub until: Timestamp,
}

/// What becomes of him. Changes are told in words for the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// He may sign in.
    Person {
        account: AccountId,
        changes: Vec<String>,
    },
    /// No mapping fits and nothing was given by hand: an account that there was is disabled now, its sessions ended.
    Unmapped {
        changes: Vec<String>,
    },
    UsedAlready,
    /// Somebody disabled the account by hand.
    Disabled,
    /// The e-mail is an account of another organization.
    Elsewhere,
}

/// The value of `disabled_for` of an account that no mapping fits.
const NO_MAPPING: &str = "no-mapping";

impl Records {
    /// Uses the assertion, and makes the person's account what the organization's mapping says of his groups; unless a newer
    /// assertion has said what he is: then he is that.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn admit_vouched(&self, vouched: Vouched<'_>) -> Result<Admitted, RecordsError> {
        let mut change = Change::begin(self).await?;
        change.line_up().await?;
        if !claim(&mut change, &vouched).await? {
            return Ok(Admitted::UsedAlready);
        }
        let wanted = wanted(&mut change, &vouched).await?;
        let Some(account) = account(&mut change, vouched.email).await? else {
            return newcomer(change, &vouched, &wanted).await;
        };
        if let Some(barred) = account.barred(vouched.organization) {
            // The assertion is used up all the same.
            change.commit_quietly().await?;
            return Ok(barred);
        }
        let (admitted, changes) = if account.vouched_issued > vouched.issued.as_millisecond() {
            stay(&mut change, &account).await?
        } else {
            become_what(&mut change, &account, (&wanted, vouched.issued)).await?
        };
        commit(change, account.id, &changes).await?;
        Ok(if admitted {
            Admitted::Person { account: account.id, changes }
        } else {
            Admitted::Unmapped { changes }
        })
    }
}

/// Whether nobody used the assertion before. One whose time is over counts as used: it is not known any more.
async fn claim(change: &mut Change, vouched: &Vouched<'_>) -> Result<bool, RecordsError> {
    if vouched.until.as_millisecond() <= change.now {
        return Ok(false);
    }
    sqlx::query("DELETE FROM used_assertion WHERE until <= $1")
        .bind(change.now)
        .execute(&mut *change.tx)
        .await?;
    let done = sqlx::query(
        "INSERT INTO used_assertion (hash, until) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING",
    )
    .bind(hex(vouched.assertion))
    .bind(vouched.until.as_millisecond())
    .execute(&mut *change.tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Roles by the numbers of what they are in.
#[derive(Debug, Default)]
struct Roles {
    organization: Option<Role>,
    workspaces: BTreeMap<i64, (String, Role)>,
    projects: BTreeMap<i64, (String, Role)>,
}

impl Roles {
    fn is_empty(&self) -> bool {
        self.organization.is_none() && self.workspaces.is_empty() && self.projects.is_empty()
    }
}

/// What the person's groups give him of what there is: a mapping may outlive a project that it names.
async fn wanted(change: &mut Change, vouched: &Vouched<'_>) -> Result<Roles, RecordsError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT name, facts FROM group_mapping WHERE organization = $1")
            .bind(vouched.organization.0)
            .fetch_all(&mut *change.tx)
            .await?;
    let groups: BTreeSet<&str> = vouched.groups.iter().map(String::as_str).collect();
    let mut facts = GroupFacts::default();
    for (_, text) in rows.iter().filter(|(name, _)| groups.contains(name.as_str())) {
        facts.join(group_facts(text)?, vouched.several);
    }
    let mut roles = Roles { organization: facts.role, ..Roles::default() };
    let there = "SELECT id, name FROM workspace WHERE organization = $1";
    for (id, name) in named(change, there, vouched.organization).await? {
        let key: WorkspaceName = word(&name, "a workspace's name")?;
        roles.workspaces.extend(facts.workspaces.get(&key).map(|role| (id, (name, *role))));
    }
    let there = "SELECT id, name FROM project WHERE organization = $1";
    for (id, name) in named(change, there, vouched.organization).await? {
        let key: ProjectName = word(&name, "a project's name")?;
        roles.projects.extend(facts.projects.get(&key).map(|role| (id, (name, *role))));
    }
    Ok(roles)
}

async fn named(
    change: &mut Change,
    query: &'static str,
    organization: OrganizationId,
) -> Result<Vec<(i64, String)>, RecordsError> {
    Ok(sqlx::query_as(query).bind(organization.0).fetch_all(&mut *change.tx).await?)
}

pub(super) fn group_facts(text: &str) -> Result<GroupFacts, RecordsError> {
    serde_json::from_str(text).map_err(|cause| RecordsError::damaged("a group's roles", cause))
}

#[derive(Debug)]
struct Account {
    id: AccountId,
    organization: OrganizationId,
    mapped_role: Option<Role>,
    shut_out: Option<ShutOut>,
    /// It has a role somewhere that somebody gave it.
    has_by_hand: bool,
    /// Nobody has shown yet whose its e-mail is: who made it by an invitation chose that himself.
    unproven: bool,
    /// When the assertion was issued that its mapped roles are of.
    vouched_issued: i64,
}

impl Account {
    /// Why nobody comes in by it, whatever the mapping says.
    fn barred(&self, organization: OrganizationId) -> Option<Admitted> {
        if self.organization != organization {
            Some(Admitted::Elsewhere)
        } else if self.shut_out == Some(ShutOut::ByHand) {
            Some(Admitted::Disabled)
        } else {
            None
        }
    }

    /// Whether it has a role anywhere, by hand or by groups.
    async fn has_something(&self, change: &mut Change) -> Result<bool, RecordsError> {
        if self.has_by_hand || self.mapped_role.is_some() {
            return Ok(true);
        }
        let mapped: i64 = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM mapped_workspace_member WHERE account = $1) \
             + (SELECT count(*) FROM mapped_project_member WHERE account = $1)",
        )
        .bind(self.id.0)
        .fetch_one(&mut *change.tx)
        .await?;
        Ok(mapped > 0)
    }
}

/// The account is what an assertion says that is not older than the last one. Whether he may come in, and what changed.
async fn become_what(
    change: &mut Change,
    account: &Account,
    (wanted, issued): (&Roles, Timestamp),
) -> Result<(bool, Vec<String>), RecordsError> {
    let mut changes = bring_to(change, account, wanted).await?;
    sqlx::query("UPDATE account SET vouched_issued = $2 WHERE id = $1")
        .bind(account.id.0)
        .bind(issued.as_millisecond())
        .execute(&mut *change.tx)
        .await?;
    let admitted = !wanted.is_empty() || account.has_by_hand;
    if admitted {
        prove(change, account, &mut changes).await?;
    }
    open_or_shut(change, (account, admitted), &mut changes).await?;
    Ok((admitted, changes))
}

/// The account stays what a newer assertion said. Whether he may come in, and what changed: an older one, too, shows whose the
/// e-mail is.
async fn stay(change: &mut Change, account: &Account) -> Result<(bool, Vec<String>), RecordsError> {
    let mut changes = Vec::new();
    let admitted = account.shut_out.is_none() && account.has_something(change).await?;
    if admitted {
        prove(change, account, &mut changes).await?;
    }
    Ok((admitted, changes))
}

/// Enables who was disabled and is admitted now, and the other way round.
async fn open_or_shut(
    change: &mut Change,
    (account, admitted): (&Account, bool),
    changes: &mut Vec<String>,
) -> Result<(), RecordsError> {
    match (admitted, account.shut_out) {
        (true, Some(_)) => {
            enable(change, account.id).await?;
            changes.push("account enabled".to_owned());
        }
        (false, None) => {
            disable(change, account.id).await?;
            changes.push("account disabled".to_owned());
        }
        (true, None) | (false, Some(_)) => {}
    }
    Ok(())
}

/// Why an account is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ShutOut {
    ByHand,
    NoMapping,
}

type Columns = (i64, i64, Option<String>, Option<i64>, Option<String>, bool, bool, i64);

async fn account(change: &mut Change, email: &Email) -> Result<Option<Account>, RecordsError> {
    let row: Option<Columns> = sqlx::query_as(
        "SELECT id, organization, mapped_role, disabled, disabled_for, role IS NOT NULL \
             OR EXISTS (SELECT 1 FROM workspace_member AS given WHERE given.account = account.id) \
             OR EXISTS (SELECT 1 FROM project_member AS given WHERE given.account = account.id), \
             vouched IS NULL AND EXISTS (SELECT 1 FROM invitation WHERE invitation.account = account.id), \
             vouched_issued \
             FROM account WHERE email = $1",
    )
    .bind(email.as_str())
    .fetch_optional(&mut *change.tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (id, organization, mapped_role, disabled, disabled_for, has_by_hand, unproven, issued) =
        row;
    let shut_out = disabled.map(|_since| match disabled_for.as_deref() {
        Some(NO_MAPPING) => ShutOut::NoMapping,
        Some(_) | None => ShutOut::ByHand,
    });
    Ok(Some(Account {
        id: AccountId(id),
        organization: OrganizationId(organization),
        mapped_role: word_if_any(mapped_role.as_deref(), "a role")?,
        shut_out,
        has_by_hand,
        unproven,
        vouched_issued: issued,
    }))
}

/// Somebody who has no account yet. Whom no mapping fits gets none.
async fn newcomer(
    mut change: Change,
    vouched: &Vouched<'_>,
    wanted: &Roles,
) -> Result<Admitted, RecordsError> {
    if wanted.is_empty() {
        change.commit_quietly().await?;
        return Ok(Admitted::Unmapped { changes: Vec::new() });
    }
    let id = AccountId(change.next_id().await?);
    sqlx::query("INSERT INTO account (id, organization, email, created, vouched, vouched_issued) VALUES ($1, $2, $3, $4, $4, $5)")
        .bind(id.0)
        .bind(vouched.organization.0)
        .bind(vouched.email.as_str())
        .bind(change.now)
        .bind(vouched.issued.as_millisecond())
        .execute(&mut *change.tx)
        .await?;
    let account = Account {
        id,
        organization: vouched.organization,
        mapped_role: None,
        shut_out: None,
        has_by_hand: false,
        unproven: false,
        vouched_issued: vouched.issued.as_millisecond(),
    };
    let mut changes = vec!["account made".to_owned()];
    changes.extend(bring_to(&mut change, &account, wanted).await?);
    commit(change, id, &changes).await?;
    Ok(Admitted::Person { account: id, changes })
}

/// The account is his from now on. Whoever made it with an e-mail that he never had to show as his is out.
async fn prove(
    change: &mut Change,
    account: &Account,
    changes: &mut Vec<String>,
) -> Result<(), RecordsError> {
    sqlx::query("UPDATE account SET vouched = coalesce(vouched, $2) WHERE id = $1")
        .bind(account.id.0)
        .bind(change.now)
        .execute(&mut *change.tx)
        .await?;
    if !account.unproven {
        return Ok(());
    }
    for query in [
        "UPDATE account SET password_hash = NULL WHERE id = $1",
        "DELETE FROM label_studio_user WHERE account = $1",
        "DELETE FROM token WHERE account = $1",
    ] {
        sqlx::query(query).bind(account.id.0).execute(&mut *change.tx).await?;
    }
    end_sessions(change, account.id).await?;
    changes.push(
        "password, tokens and sessions of before taken away: nobody had shown whose the e-mail is"
            .to_owned(),
    );
    Ok(())
}

/// Makes the account's mapped roles be exactly these. Tells the differences.
async fn bring_to(
    change: &mut Change,
    account: &Account,
    wanted: &Roles,
) -> Result<Vec<String>, RecordsError> {
    let mut changes = Vec::new();
    if account.mapped_role != wanted.organization {
        sqlx::query("UPDATE account SET mapped_role = $2 WHERE id = $1")
            .bind(account.id.0)
            .bind(wanted.organization.map(Role::as_str))
            .execute(&mut *change.tx)
            .await?;
        changes.push(match wanted.organization {
            Some(role) => format!("role {role} in the organization"),
            None => "no role in the organization any more".to_owned(),
        });
    }
    changes.extend(WORKSPACES.bring_to(change, account, &wanted.workspaces).await?);
    changes.extend(PROJECTS.bring_to(change, account, &wanted.projects).await?);
    Ok(changes)
}

/// One of the tables of mapped members.
struct Table {
    what: &'static str,
    select: &'static str,
    put: &'static str,
    delete: &'static str,
}

const WORKSPACES: Table = Table {
    what: "workspace",
    select: "SELECT workspace.id, workspace.name, mapped_workspace_member.role \
             FROM mapped_workspace_member \
             JOIN workspace ON workspace.id = mapped_workspace_member.workspace \
             WHERE mapped_workspace_member.account = $1",
    put: "INSERT INTO mapped_workspace_member (organization, workspace, account, role) \
          VALUES ($1, $2, $3, $4) ON CONFLICT (workspace, account) DO UPDATE SET role = excluded.role",
    delete: "DELETE FROM mapped_workspace_member WHERE workspace = $1 AND account = $2",
};

const PROJECTS: Table = Table {
    what: "project",
    select: "SELECT project.id, project.name, mapped_project_member.role \
             FROM mapped_project_member \
             JOIN project ON project.id = mapped_project_member.project \
             WHERE mapped_project_member.account = $1",
    put: "INSERT INTO mapped_project_member (organization, project, account, role) \
          VALUES ($1, $2, $3, $4) ON CONFLICT (project, account) DO UPDATE SET role = excluded.role",
    delete: "DELETE FROM mapped_project_member WHERE project = $1 AND account = $2",
};

impl Table {
    async fn bring_to(
        &self,
        change: &mut Change,
        account: &Account,
        wanted: &BTreeMap<i64, (String, Role)>,
    ) -> Result<Vec<String>, RecordsError> {
        let rows: Vec<(i64, String, String)> =
            sqlx::query_as(self.select).bind(account.id.0).fetch_all(&mut *change.tx).await?;
        let mut present = BTreeMap::new();
        for (id, name, role) in rows {
            present.insert(id, (name, word::<Role>(&role, "a role")?));
        }
        let mut changes = Vec::new();
        for (id, (name, role)) in wanted {
            if present.get(id).is_none_or(|(_, had)| had != role) {
                sqlx::query(self.put)
                    .bind(account.organization.0)
                    .bind(id)
                    .bind(account.id.0)
                    .bind(role.as_str())
                    .execute(&mut *change.tx)
                    .await?;
                changes.push(format!("role {role} in {} {name}", self.what));
            }
        }
        for (id, (name, _)) in present.iter().filter(|(id, _)| !wanted.contains_key(id)) {
            sqlx::query(self.delete).bind(id).bind(account.id.0).execute(&mut *change.tx).await?;
            changes.push(format!("no role in {} {name} any more", self.what));
        }
        Ok(changes)
    }
}

async fn enable(change: &mut Change, id: AccountId) -> Result<(), RecordsError> {
    sqlx::query("UPDATE account SET disabled = NULL, disabled_for = NULL WHERE id = $1")
        .bind(id.0)
        .execute(&mut *change.tx)
        .await?;
    Ok(())
}

async fn disable(change: &mut Change, id: AccountId) -> Result<(), RecordsError> {
    sqlx::query("UPDATE account SET disabled = $2, disabled_for = $3 WHERE id = $1")
        .bind(id.0)
        .bind(change.now)
        .bind(NO_MAPPING)
        .execute(&mut *change.tx)
        .await?;
    end_sessions(change, id).await?;
    Ok(())
}

async fn commit(change: Change, id: AccountId, changes: &[String]) -> Result<(), RecordsError> {
    if changes.is_empty() {
        return change.commit_quietly().await;
    }
    change
        .commit(&format!("account {} at the identity provider: {}", id.0, changes.join(", ")))
        .await
}
