//! Who has which role where. A row cannot tie an account to another organization's project: the schema forbids it.

use std::collections::BTreeMap;

use super::change::one_row;
use super::storages::project_in;
use super::vouched::group_facts;
use super::{Change, Db, Records, RecordsError, word, word_if_any};
use crate::catalog::{
    AccountId, Email, GroupFacts, OrganizationId, OrganizationName, Project, ProjectId,
    ProjectName, Role, WorkspaceId, WorkspaceName,
};

/// A member as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRow {
    pub account: AccountId,
    pub email: Email,
    /// The one that counts.
    pub role: Role,
    /// It follows from groups of the identity provider: nobody gave one by hand, which would go before it.
    pub mapped: bool,
}

/// All roles of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memberships {
    pub workspaces: BTreeMap<WorkspaceId, Role>,
    pub projects: BTreeMap<ProjectId, Role>,
}

/// The person behind a session or token, with all that decisions need. Never of a disabled account.
#[derive(Debug, Clone)]
pub struct KnownPerson {
    pub account: AccountId,
    pub email: Email,
    pub organization: OrganizationId,
    pub organization_name: OrganizationName,
    pub organization_role: Option<Role>,
    pub memberships: Memberships,
}

impl KnownPerson {
    /// The one role that counts in a project of the organization ([`Role::that_counts`]).
    #[must_use]
    pub fn role_that_counts(&self, project: &Project) -> Option<Role> {
        let Memberships { workspaces, projects } = &self.memberships;
        let own = projects.get(&project.id);
        let in_project = own.or_else(|| workspaces.get(&project.workspace)).copied();
        Role::that_counts(self.organization_role, in_project)
    }
}

impl Records {
    /// Gives an account a role in a workspace and so in its projects, or takes it away (`None`).
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] when the organization has no such workspace, account or member.
    pub async fn set_workspace_member(
        &self,
        organization: OrganizationId,
        workspace: &WorkspaceName,
        account: AccountId,
        role: Option<Role>,
    ) -> Result<(), RecordsError> {
        let mut change = Change::begin(self).await?;
        let id: Option<i64> =
            sqlx::query_scalar("SELECT id FROM workspace WHERE organization = $1 AND name = $2")
                .bind(organization.0)
                .bind(workspace.as_str())
                .fetch_optional(&mut *change.tx)
                .await?;
        let id = id.ok_or(RecordsError::NotFound { what: "workspace" })?;
        let query = match role {
            Some(_) => {
                "INSERT INTO workspace_member (organization, workspace, account, role) \
                 SELECT organization, $2, id, $4 FROM account WHERE organization = $1 AND id = $3 \
                 ON CONFLICT (workspace, account) DO UPDATE SET role = excluded.role"
            }
            None => {
                "DELETE FROM workspace_member \
                 WHERE organization = $1 AND workspace = $2 AND account = $3"
            }
        };
        let who = (organization, id, account);
        set(&mut change, query, who, role, "workspace member").await?;
        let role = role.map_or("no role", Role::as_str);
        change.commit(&format!("account {} has {role} in workspace {workspace}", account.0)).await
    }

    /// Gives an account a role in a project, or takes it away (`None`).
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] when the organization has no such project, account or member.
    pub async fn set_project_member(
        &self,
        organization: OrganizationId,
        project: &ProjectName,
        account: AccountId,
        role: Option<Role>,
    ) -> Result<(), RecordsError> {
        let mut change = Change::begin(self).await?;
        let id = project_in(&mut change, organization, project).await?.0;
        let query = match role {
            Some(_) => {
                "INSERT INTO project_member (organization, project, account, role) \
                 SELECT organization, $2, id, $4 FROM account WHERE organization = $1 AND id = $3 \
                 ON CONFLICT (project, account) DO UPDATE SET role = excluded.role"
            }
            None => {
                "DELETE FROM project_member \
                 WHERE organization = $1 AND project = $2 AND account = $3"
            }
        };
        let who = (organization, id, account);
        set(&mut change, query, who, role, "project member").await?;
        let role = role.map_or("no role", Role::as_str);
        change.commit(&format!("account {} has {role} in project {project}", account.0)).await
    }

    /// A workspace's own members, by e-mail.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn workspace_members(
        &self,
        organization: OrganizationId,
        workspace: &WorkspaceName,
    ) -> Result<Vec<MemberRow>, RecordsError> {
        let rows: Vec<MemberColumns> = sqlx::query_as(
            "SELECT account.id, account.email, coalesce(given.role, mapped.role), given.role IS NULL \
             FROM workspace JOIN account ON account.organization = workspace.organization \
             LEFT JOIN workspace_member AS given \
             ON given.workspace = workspace.id AND given.account = account.id \
             LEFT JOIN mapped_workspace_member AS mapped \
             ON mapped.workspace = workspace.id AND mapped.account = account.id \
             WHERE workspace.organization = $1 AND workspace.name = $2 \
             AND coalesce(given.role, mapped.role) IS NOT NULL ORDER BY account.email",
        )
        .bind(organization.0)
        .bind(workspace.as_str())
        .fetch_all(&self.reads)
        .await?;
        rows.into_iter().map(member).collect()
    }

    /// A project's own members (not those of its workspace), by e-mail.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn project_members(
        &self,
        organization: OrganizationId,
        project: &ProjectName,
    ) -> Result<Vec<MemberRow>, RecordsError> {
        let rows: Vec<MemberColumns> = sqlx::query_as(
            "SELECT account.id, account.email, coalesce(given.role, mapped.role), given.role IS NULL \
             FROM project JOIN account ON account.organization = project.organization \
             LEFT JOIN project_member AS given \
             ON given.project = project.id AND given.account = account.id \
             LEFT JOIN mapped_project_member AS mapped \
             ON mapped.project = project.id AND mapped.account = account.id \
             WHERE project.organization = $1 AND project.name = $2 \
             AND coalesce(given.role, mapped.role) IS NOT NULL ORDER BY account.email",
        )
        .bind(organization.0)
        .bind(project.as_str())
        .fetch_all(&self.reads)
        .await?;
        rows.into_iter().map(member).collect()
    }

    /// The person of this account as decisions see it; none when it is unknown or disabled.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn person(&self, account: AccountId) -> Result<Option<KnownPerson>, RecordsError> {
        let mut connection = self.reads.acquire().await?;
        let row: Option<PersonColumns> = sqlx::query_as(
            "SELECT account.id, account.email, coalesce(account.role, account.mapped_role), \
             organization.id, organization.name \
             FROM account JOIN organization ON organization.id = account.organization \
             WHERE account.id = $1 AND account.disabled IS NULL",
        )
        .bind(account.0)
        .fetch_optional(&mut *connection)
        .await?;
        match row {
            None => Ok(None),
            Some(row) => person(&mut connection, row).await.map(Some),
        }
    }

    /// Everybody of an organization as decisions see him; nobody who is disabled.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn people(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<KnownPerson>, RecordsError> {
        let mut connection = self.reads.acquire().await?;
        let rows: Vec<PersonColumns> = sqlx::query_as(
            "SELECT account.id, account.email, coalesce(account.role, account.mapped_role), \
             organization.id, organization.name \
             FROM account JOIN organization ON organization.id = account.organization \
             WHERE organization.id = $1 AND account.disabled IS NULL ORDER BY account.email",
        )
        .bind(organization.0)
        .fetch_all(&mut *connection)
        .await?;
        let given: Vec<(i64, String, bool, i64, String)> = sqlx::query_as(
            "SELECT account, 'workspace', FALSE, workspace, role FROM workspace_member \
             WHERE organization = $1 \
             UNION ALL SELECT account, 'workspace', TRUE, workspace, role FROM mapped_workspace_member \
             WHERE organization = $1 \
             UNION ALL SELECT account, 'project', FALSE, project, role FROM project_member \
             WHERE organization = $1 \
             UNION ALL SELECT account, 'project', TRUE, project, role FROM mapped_project_member \
             WHERE organization = $1",
        )
        .bind(organization.0)
        .fetch_all(&mut *connection)
        .await?;
        let mut memberships: BTreeMap<i64, Memberships> = BTreeMap::new();
        for (account, kind, mapped, id, role) in given {
            memberships.entry(account).or_default().add((kind, mapped, id, role))?;
        }
        let person = |row: PersonColumns| {
            let memberships = memberships.remove(&row.0).unwrap_or_default();
            known(row, memberships)
        };
        rows.into_iter().map(person).collect()
    }

    /// What an organization's groups give, each by itself.
    ///
    /// # Errors
    /// [`RecordsError`]
    pub async fn groups(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<GroupFacts>, RecordsError> {
        let rows: Vec<String> =
            sqlx::query_scalar("SELECT facts FROM group_mapping WHERE organization = $1")
                .bind(organization.0)
                .fetch_all(&self.reads)
                .await?;
        rows.iter().map(|text| group_facts(text)).collect()
    }
}

type MemberColumns = (i64, String, String, bool);
/// The role is the one that counts.
pub(super) type PersonColumns = (i64, String, Option<String>, i64, String);
/// `workspace` or `project`, whether it follows from groups, the number of it, the role.
type MembershipColumns = (String, bool, i64, String);

/// Completes a person with his memberships, over the connection that read the rest. What was given by hand goes before
/// what follows from groups.
pub(super) async fn person(
    connection: &mut <Db as sqlx::Database>::Connection,
    row: PersonColumns,
) -> Result<KnownPerson, RecordsError> {
    let given: Vec<MembershipColumns> = sqlx::query_as(
        "SELECT 'workspace', FALSE, workspace, role FROM workspace_member \
         WHERE organization = $1 AND account = $2 \
         UNION ALL SELECT 'workspace', TRUE, workspace, role FROM mapped_workspace_member \
         WHERE organization = $1 AND account = $2 \
         UNION ALL SELECT 'project', FALSE, project, role FROM project_member \
         WHERE organization = $1 AND account = $2 \
         UNION ALL SELECT 'project', TRUE, project, role FROM mapped_project_member \
         WHERE organization = $1 AND account = $2",
    )
    .bind(row.3)
    .bind(row.0)
    .fetch_all(connection)
    .await?;
    let mut memberships = Memberships::default();
    for one in given {
        memberships.add(one)?;
    }
    known(row, memberships)
}

impl Memberships {
    fn add(&mut self, (kind, mapped, id, role): MembershipColumns) -> Result<(), RecordsError> {
        let role = word(&role, "a role")?;
        if kind == "workspace" {
            keep(&mut self.workspaces, WorkspaceId(id), (role, mapped));
        } else {
            keep(&mut self.projects, ProjectId(id), (role, mapped));
        }
        Ok(())
    }
}

fn known(
    (account, email, role, organization, name): PersonColumns,
    memberships: Memberships,
) -> Result<KnownPerson, RecordsError> {
    Ok(KnownPerson {
        account: AccountId(account),
        email: word(&email, "an e-mail")?,
        organization: OrganizationId(organization),
        organization_name: word(&name, "an organization's name")?,
        organization_role: word_if_any(role.as_deref(), "a role")?,
        memberships,
    })
}

/// In whatever order they come.
fn keep<K: Ord>(roles: &mut BTreeMap<K, Role>, id: K, (role, mapped): (Role, bool)) {
    if mapped {
        roles.entry(id).or_insert(role);
    } else {
        roles.insert(id, role);
    }
}

async fn set(
    change: &mut Change,
    query: &'static str,
    (organization, place, account): (OrganizationId, i64, AccountId),
    role: Option<Role>,
    member: &'static str,
) -> Result<(), RecordsError> {
    let mut statement = sqlx::query(query).bind(organization.0).bind(place).bind(account.0);
    if let Some(role) = role {
        statement = statement.bind(role.as_str());
    }
    let done = statement.execute(&mut *change.tx).await?;
    let missing = if role.is_some() { "account" } else { member };
    one_row(done.rows_affected(), missing)
}

fn member((account, email, role, mapped): MemberColumns) -> Result<MemberRow, RecordsError> {
    let email = word(&email, "an e-mail")?;
    Ok(MemberRow { account: AccountId(account), email, role: word(&role, "a role")?, mapped })
}
