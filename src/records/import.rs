//! Bringing the records to a wanted state, as a catalogue file tells it: read, plan and write in one transaction, so that
//! the plan that is shown is the plan that is carried out.

use sqlx::Database;
use sqlx::query::Query;

use super::change::one_row;
use super::storages::{federation_of, federation_text};
use super::vouched::group_facts;
use super::{Change, Db, Records, RecordsError, word, word_if_any};
use crate::catalog::{
    Absent, Edit, Email, GroupFacts, GroupName, OrganizationName, ProjectFacts, ProjectName, Role,
    State, Step, StorageFacts, StorageName, WorkspaceName,
};

/// Whether a plan is carried out or only made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Plan,
    Do,
}

impl Records {
    /// Makes the records say what is wanted. Gives the steps; all of them are done, or none.
    ///
    /// # Errors
    /// [`RecordsError::Elsewhere`] when an e-mail belongs to another organization; [`RecordsError::Taken`].
    pub async fn bring_to(
        &self,
        wanted: &State,
        absent: Absent,
        deed: Deed,
    ) -> Result<Vec<Step>, RecordsError> {
        let mut change = Change::begin(self).await?;
        let present = read(&mut change).await?;
        let elsewhere = present.claimed_twice(wanted);
        if !elsewhere.is_empty() {
            return Err(RecordsError::Elsewhere { accounts: elsewhere });
        }
        let steps = present.plan(wanted, absent);
        if deed == Deed::Do && !steps.is_empty() {
            for step in &steps {
                carry_out(&mut change, step).await?;
            }
            change.commit(&format!("a catalogue was imported: {} changes", steps.len())).await?;
        }
        Ok(steps)
    }
}

/// What the records say now.
async fn read(change: &mut Change) -> Result<State, RecordsError> {
    let mut state = State::default();
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT name, title FROM organization").fetch_all(&mut *change.tx).await?;
    for (name, title) in rows {
        state.organizations.insert(word(&name, "an organization's name")?, title);
    }
    let rows: Vec<(String, String, Option<String>)> = sqlx::query_as(
        "SELECT organization.name, email, role FROM account \
         JOIN organization ON organization.id = account.organization",
    )
    .fetch_all(&mut *change.tx)
    .await?;
    for (organization, email, role) in rows {
        let key = (word(&organization, "an organization's name")?, word(&email, "an e-mail")?);
        state.accounts.insert(key, word_if_any(role.as_deref(), "a role")?);
    }
    read_workspaces(change, &mut state).await?;
    read_projects(change, &mut state).await?;
    read_groups(change, &mut state).await?;
    Ok(state)
}

async fn read_workspaces(change: &mut Change, state: &mut State) -> Result<(), RecordsError> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT organization.name, workspace.name, workspace.title FROM workspace \
         JOIN organization ON organization.id = workspace.organization",
    )
    .fetch_all(&mut *change.tx)
    .await?;
    for (organization, name, title) in rows {
        let key =
            (word(&organization, "an organization's name")?, word(&name, "a workspace's name")?);
        state.workspaces.insert(key, title);
    }
    let rows: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT organization.name, workspace.name, account.email, workspace_member.role \
         FROM workspace_member JOIN account ON account.id = workspace_member.account \
         JOIN workspace ON workspace.id = workspace_member.workspace \
         JOIN organization ON organization.id = workspace.organization",
    )
    .fetch_all(&mut *change.tx)
    .await?;
    for (organization, name, email, role) in rows {
        let organization = word(&organization, "an organization's name")?;
        let key = (organization, word(&name, "a workspace's name")?, word(&email, "an e-mail")?);
        state.workspace_members.insert(key, word(&role, "a role")?);
    }
    Ok(())
}

async fn read_projects(change: &mut Change, state: &mut State) -> Result<(), RecordsError> {
    let rows: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT organization.name, project.name, workspace.name, project.title FROM project \
         JOIN workspace ON workspace.id = project.workspace \
         JOIN organization ON organization.id = project.organization",
    )
    .fetch_all(&mut *change.tx)
    .await?;
    for (organization, name, workspace, title) in rows {
        let key =
            (word(&organization, "an organization's name")?, word(&name, "a project's name")?);
        let workspace = word(&workspace, "a workspace's name")?;
        state.projects.insert(key, ProjectFacts { workspace, title });
    }
    let rows: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT organization.name, project.name, account.email, project_member.role \
         FROM project_member JOIN account ON account.id = project_member.account \
         JOIN project ON project.id = project_member.project \
         JOIN organization ON organization.id = project.organization",
    )
    .fetch_all(&mut *change.tx)
    .await?;
    for (organization, name, email, role) in rows {
        let organization = word(&organization, "an organization's name")?;
        let key = (organization, word(&name, "a project's name")?, word(&email, "an e-mail")?);
        state.project_members.insert(key, word(&role, "a role")?);
    }
    let rows: Vec<(String, String, String, String, String, Option<String>)> = sqlx::query_as(
        "SELECT organization.name, project.name, storage.name, place, credential, federation \
         FROM storage \
         JOIN project ON project.id = storage.project \
         JOIN organization ON organization.id = project.organization",
    )
    .fetch_all(&mut *change.tx)
    .await?;
    for (organization, project, name, place, credential, federation) in rows {
        let organization = word(&organization, "an organization's name")?;
        let key =
            (organization, word(&project, "a project's name")?, word(&name, "a storage's name")?);
        let place = serde_json::from_str(&place)
            .map_err(|cause| RecordsError::damaged("a storage's place", cause))?;
        let credential = word(&credential, "a credential's name")?;
        let federation = federation_of(federation.as_deref())?;
        state.storages.insert(key, StorageFacts { place, credential, federation });
    }
    Ok(())
}

async fn read_groups(change: &mut Change, state: &mut State) -> Result<(), RecordsError> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT organization.name, group_mapping.name, facts FROM group_mapping \
         JOIN organization ON organization.id = group_mapping.organization",
    )
    .fetch_all(&mut *change.tx)
    .await?;
    for (organization, name, facts) in rows {
        let key = (word(&organization, "an organization's name")?, word(&name, "a group's name")?);
        state.groups.insert(key, group_facts(&facts)?);
    }
    Ok(())
}

async fn carry_out(change: &mut Change, step: &Step) -> Result<(), RecordsError> {
    match step {
        Step::Organization(edit) => organization(change, edit).await,
        Step::Account(edit) => account(change, edit).await,
        Step::Workspace(edit) => workspace(change, edit).await,
        Step::Project(edit) => project(change, edit).await,
        Step::Storage(edit) => storage(change, edit).await,
        Step::WorkspaceMember(edit) => workspace_member(change, edit).await,
        Step::ProjectMember(edit) => project_member(change, edit).await,
        Step::Group(edit) => group(change, edit).await,
    }
}

async fn organization(
    change: &mut Change,
    edit: &Edit<OrganizationName, String>,
) -> Result<(), RecordsError> {
    let query = match (&edit.was, &edit.now) {
        (None, Some(title)) => {
            let insert = "INSERT INTO organization (id, name, title) VALUES ($3, $1, $2)";
            sqlx::query(insert).bind(edit.key.as_str()).bind(title).bind(change.next_id().await?)
        }
        (_, Some(title)) => sqlx::query("UPDATE organization SET title = $2 WHERE name = $1")
            .bind(edit.key.as_str())
            .bind(title),
        // Organizations never go: see `State::plan`.
        (_, None) => return Ok(()),
    };
    once(change, query, "organization").await
}

async fn account(
    change: &mut Change,
    edit: &Edit<(OrganizationName, Email), Option<Role>>,
) -> Result<(), RecordsError> {
    let (organization, email) = (edit.key.0.as_str(), edit.key.1.as_str());
    let role = edit.now.flatten().map(Role::as_str);
    let query = match &edit.was {
        None => sqlx::query(
            "INSERT INTO account (id, organization, email, role, created) \
             SELECT $4, id, $2, $3, $5 FROM organization WHERE name = $1",
        )
        .bind(organization)
        .bind(email)
        .bind(role)
        .bind(change.next_id().await?)
        .bind(change.now),
        Some(_) => sqlx::query(
            "UPDATE account SET role = $3 WHERE email = $2 \
             AND organization = (SELECT id FROM organization WHERE name = $1)",
        )
        .bind(organization)
        .bind(email)
        .bind(role),
    };
    once(change, query, "account").await
}

async fn workspace(
    change: &mut Change,
    edit: &Edit<(OrganizationName, WorkspaceName), String>,
) -> Result<(), RecordsError> {
    let (organization, name) = (edit.key.0.as_str(), edit.key.1.as_str());
    let sql = match (&edit.was, &edit.now) {
        (None, Some(_)) => {
            "INSERT INTO workspace (id, organization, name, title) \
             SELECT $4, id, $2, $3 FROM organization WHERE name = $1"
        }
        (_, Some(_)) => {
            "UPDATE workspace SET title = $3 WHERE name = $2 \
             AND organization = (SELECT id FROM organization WHERE name = $1)"
        }
        (_, None) => {
            "DELETE FROM workspace WHERE name = $2 \
             AND organization = (SELECT id FROM organization WHERE name = $1)"
        }
    };
    let id = change.next_id().await?;
    let query = sqlx::query(sql).bind(organization).bind(name).bind(edit.now.as_deref()).bind(id);
    once(change, query, "workspace").await
}

async fn project(
    change: &mut Change,
    edit: &Edit<(OrganizationName, ProjectName), ProjectFacts>,
) -> Result<(), RecordsError> {
    let (organization, name) = (edit.key.0.as_str(), edit.key.1.as_str());
    let sql = match (&edit.was, &edit.now) {
        (None, Some(_)) => {
            "INSERT INTO project (id, organization, workspace, name, title) \
             SELECT $5, organization, id, $2, $3 FROM workspace WHERE name = $4 \
             AND organization = (SELECT id FROM organization WHERE name = $1)"
        }
        (_, Some(_)) => {
            "UPDATE project SET title = $3, workspace = (SELECT workspace.id FROM workspace \
             WHERE workspace.name = $4 AND workspace.organization = project.organization) \
             WHERE name = $2 AND organization = (SELECT id FROM organization WHERE name = $1)"
        }
        (_, None) => {
            "DELETE FROM project WHERE name = $2 \
             AND organization = (SELECT id FROM organization WHERE name = $1)"
        }
    };
    let id = change.next_id().await?;
    let query = sqlx::query(sql)
        .bind(organization)
        .bind(name)
        .bind(edit.now.as_ref().map(|facts| facts.title.as_str()))
        .bind(edit.now.as_ref().map(|facts| facts.workspace.as_str()))
        .bind(id);
    once(change, query, "project").await
}

async fn storage(
    change: &mut Change,
    edit: &Edit<(OrganizationName, ProjectName, StorageName), StorageFacts>,
) -> Result<(), RecordsError> {
    let (organization, project, name) = &edit.key;
    let place = edit.now.as_ref().map(|facts| serde_json::to_string(&facts.place)).transpose();
    let place = place.map_err(|cause| RecordsError::damaged("a storage's place", cause))?;
    let federation = edit.now.as_ref().and_then(|facts| facts.federation.as_ref());
    let federation = federation.map(federation_text).transpose()?;
    let sql = match (&edit.was, &edit.now) {
        (None, Some(_)) => {
            "INSERT INTO storage (id, project, name, place, credential, federation, revision) \
             SELECT $7, id, $3, $4, $5, $6, $7 FROM project WHERE name = $2 \
             AND organization = (SELECT id FROM organization WHERE name = $1)"
        }
        (_, Some(_)) => {
            "UPDATE storage SET place = $4, credential = $5, federation = $6, revision = $7 \
             WHERE name = $3 \
             AND project = (SELECT project.id FROM project \
             JOIN organization ON organization.id = project.organization \
             WHERE organization.name = $1 AND project.name = $2)"
        }
        (_, None) => {
            "DELETE FROM storage WHERE name = $3 AND project = (SELECT project.id FROM project \
             JOIN organization ON organization.id = project.organization \
             WHERE organization.name = $1 AND project.name = $2)"
        }
    };
    // A revision is never used twice, and ids come from the same counter.
    let revision = change.next_id().await?;
    let query = sqlx::query(sql)
        .bind(organization.as_str())
        .bind(project.as_str())
        .bind(name.as_str())
        .bind(place)
        .bind(edit.now.as_ref().map(|facts| facts.credential.as_str()))
        .bind(federation)
        .bind(revision);
    once(change, query, "storage").await
}

async fn workspace_member(
    change: &mut Change,
    edit: &Edit<(OrganizationName, WorkspaceName, Email), Role>,
) -> Result<(), RecordsError> {
    let (organization, workspace, email) = &edit.key;
    let sql = match edit.now {
        Some(_) => {
            "INSERT INTO workspace_member (organization, workspace, account, role) \
             SELECT organization.id, workspace.id, account.id, $4 FROM organization \
             JOIN workspace ON workspace.organization = organization.id \
             JOIN account ON account.organization = organization.id \
             WHERE organization.name = $1 AND workspace.name = $2 AND account.email = $3 \
             ON CONFLICT (workspace, account) DO UPDATE SET role = excluded.role"
        }
        None => {
            "DELETE FROM workspace_member WHERE workspace = (SELECT workspace.id FROM workspace \
             JOIN organization ON organization.id = workspace.organization \
             WHERE organization.name = $1 AND workspace.name = $2) \
             AND account = (SELECT id FROM account WHERE email = $3)"
        }
    };
    let query = sqlx::query(sql)
        .bind(organization.as_str())
        .bind(workspace.as_str())
        .bind(email.as_str())
        .bind(edit.now.map(Role::as_str));
    once(change, query, "workspace member").await
}

async fn project_member(
    change: &mut Change,
    edit: &Edit<(OrganizationName, ProjectName, Email), Role>,
) -> Result<(), RecordsError> {
    let (organization, project, email) = &edit.key;
    let sql = match edit.now {
        Some(_) => {
            "INSERT INTO project_member (organization, project, account, role) \
             SELECT organization.id, project.id, account.id, $4 FROM organization \
             JOIN project ON project.organization = organization.id \
             JOIN account ON account.organization = organization.id \
             WHERE organization.name = $1 AND project.name = $2 AND account.email = $3 \
             ON CONFLICT (project, account) DO UPDATE SET role = excluded.role"
        }
        None => {
            "DELETE FROM project_member WHERE project = (SELECT project.id FROM project \
             JOIN organization ON organization.id = project.organization \
             WHERE organization.name = $1 AND project.name = $2) \
             AND account = (SELECT id FROM account WHERE email = $3)"
        }
    };
    let query = sqlx::query(sql)
        .bind(organization.as_str())
        .bind(project.as_str())
        .bind(email.as_str())
        .bind(edit.now.map(Role::as_str));
    once(change, query, "project member").await
}

async fn group(
    change: &mut Change,
    edit: &Edit<(OrganizationName, GroupName), GroupFacts>,
) -> Result<(), RecordsError> {
    let (organization, name) = (edit.key.0.as_str(), edit.key.1.as_str());
    let facts = edit.now.as_ref().map(serde_json::to_string).transpose();
    let facts = facts.map_err(|cause| RecordsError::damaged("a group's roles", cause))?;
    let sql = match (&edit.was, &edit.now) {
        (None, Some(_)) => {
            "INSERT INTO group_mapping (id, organization, name, facts) \
             SELECT $4, id, $2, $3 FROM organization WHERE name = $1"
        }
        (_, Some(_)) => {
            "UPDATE group_mapping SET facts = $3 WHERE name = $2 \
             AND organization = (SELECT id FROM organization WHERE name = $1)"
        }
        (_, None) => {
            "DELETE FROM group_mapping WHERE name = $2 \
             AND organization = (SELECT id FROM organization WHERE name = $1)"
        }
    };
    let id = change.next_id().await?;
    let query = sqlx::query(sql).bind(organization).bind(name).bind(facts).bind(id);
    once(change, query, "group").await
}

/// Every step is about one row; one that meets none was planned wrongly, and nothing is kept.
async fn once(
    change: &mut Change,
    query: Query<'_, Db, <Db as Database>::Arguments>,
    what: &'static str,
) -> Result<(), RecordsError> {
    let done = query.execute(&mut *change.tx).await.map_err(RecordsError::of_naming(what))?;
    one_row(done.rows_affected(), what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Addressing, Federation, Place, Prefix, S3Place, Several};
    use crate::ground::clock::{Clock, Timestamp};
    use crate::records::{Admitted, Vouched};

    fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().unwrap()
    }

    fn wanted(bucket: &str, role: Role) -> State {
        let (acme, faces): (OrganizationName, ProjectName) = (name("acme"), name("faces"));
        let ann: Email = name("ann@example.com");
        let place = Place::S3(S3Place {
            bucket: bucket.to_owned(),
            prefix: Prefix::new("faces"),
            region: "us-east-1".to_owned(),
            endpoint: None,
            addressing: Addressing::Path,
        });
        let facts = ProjectFacts { workspace: name("vision"), title: "Faces".to_owned() };
        let federation = Some(Federation {
            provider: "arn:provider".to_owned(),
            roles: [(role, "arn:role".to_owned())].into(),
        });
        let storage = StorageFacts { place, credential: name("default"), federation };
        let group =
            GroupFacts { projects: [(faces.clone(), role)].into(), ..GroupFacts::default() };
        State {
            organizations: [(acme.clone(), "Acme".to_owned())].into(),
            accounts: [((acme.clone(), ann.clone()), None)].into(),
            workspaces: [((acme.clone(), name("vision")), "Vision".to_owned())].into(),
            projects: [((acme.clone(), faces.clone()), facts)].into(),
            storages: [((acme.clone(), faces.clone(), name("media")), storage)].into(),
            workspace_members: [((acme.clone(), name("vision"), ann.clone()), role)].into(),
            project_members: [((acme.clone(), faces.clone(), ann), role)].into(),
            groups: [((acme, name("/staff")), group)].into(),
        }
    }

    async fn records(folder: &tempfile::TempDir) -> Records {
        Records::open(&folder.path().join("records.sqlite"), Clock::system()).await.unwrap()
    }

    #[tokio::test]
    async fn an_import_is_done_once_and_changes_only_what_differs() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(&folder).await;
        let first = wanted("one", Role::Annotator);
        let tried = records.bring_to(&first, Absent::Goes, Deed::Plan).await.unwrap();
        let done = records.bring_to(&first, Absent::Goes, Deed::Do).await.unwrap();
        assert_eq!(tried, done, "a dry run changes nothing and shows what would happen");
        assert_eq!(done.len(), 8);
        let before = records.last_change().await.unwrap();
        assert_eq!(records.bring_to(&first, Absent::Goes, Deed::Do).await.unwrap(), []);
        assert_eq!(records.last_change().await.unwrap(), before, "nothing to tell the watchers");

        let second = wanted("two", Role::Reviewer);
        let done = records.bring_to(&second, Absent::Stays, Deed::Do).await.unwrap();
        let shown: Vec<_> = done.iter().map(ToString::to_string).collect();
        assert!(shown.iter().all(|line| line.starts_with('~')), "{shown:?}");
        assert_eq!(shown.len(), 4, "{shown:?}");
        assert!(records.last_change().await.unwrap() > before);
        assert_eq!(records.bring_to(&second, Absent::Stays, Deed::Do).await.unwrap(), []);
    }

    #[tokio::test]
    async fn only_pruning_takes_away_and_never_an_account() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(&folder).await;
        let full = wanted("one", Role::Manager);
        records.bring_to(&full, Absent::Stays, Deed::Do).await.unwrap();
        let bare = State { organizations: full.organizations.clone(), ..State::default() };
        assert_eq!(records.bring_to(&bare, Absent::Stays, Deed::Do).await.unwrap(), []);
        assert_eq!(records.bring_to(&bare, Absent::Goes, Deed::Do).await.unwrap().len(), 6);
        let catalog = records.catalog().await.unwrap();
        let organization = catalog.organizations().next().unwrap();
        assert_eq!(organization.projects().count(), 0);
        let ann = records.account_by_email(&name("ann@example.com")).await.unwrap();
        assert!(ann.is_some());
    }

    #[tokio::test]
    async fn what_follows_from_groups_is_neither_shown_nor_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(&folder).await;
        let wanted = wanted("one", Role::Manager);
        records.bring_to(&wanted, Absent::Stays, Deed::Do).await.unwrap();
        let acme = records.find_organization(&name("acme")).await.unwrap().unwrap().id;
        let bob: Email = name("bob@example.com");
        let vouched = Vouched {
            organization: acme,
            email: &bob,
            groups: &["/staff".to_owned()],
            several: Several::MostPowerful,
            assertion: &[1; 32],
            issued: Timestamp::UNIX_EPOCH,
            until: Timestamp::MAX,
        };
        let admitted = records.admit_vouched(vouched).await.unwrap();
        let Admitted::Person { account, .. } = admitted else { panic!("{admitted:?}") };
        let before = format!("{:?}", records.person(account).await.unwrap());
        assert!(before.contains("Manager"), "{before}");
        assert_eq!(records.bring_to(&wanted, Absent::Goes, Deed::Do).await.unwrap(), []);
        assert_eq!(format!("{:?}", records.person(account).await.unwrap()), before);
    }

    #[tokio::test]
    async fn naming_a_member_of_a_project_takes_no_role_in_the_organization_away() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(&folder).await;
        let (acme, ann): (OrganizationName, Email) = (name("acme"), name("ann@example.com"));
        let mut owned = wanted("one", Role::Manager);
        owned.accounts.insert((acme, ann.clone()), Some(Role::Owner));
        records.bring_to(&owned, Absent::Stays, Deed::Do).await.unwrap();
        let role = async || records.account_by_email(&ann).await.unwrap().unwrap().role;
        let silent = wanted("one", Role::Manager);
        assert_eq!(records.bring_to(&silent, Absent::Stays, Deed::Do).await.unwrap(), []);
        assert_eq!(role().await, Some(Role::Owner));
        let steps = records.bring_to(&silent, Absent::Goes, Deed::Do).await.unwrap();
        assert_eq!(steps.len(), 1, "{steps:?}");
        assert_eq!(role().await, None);
    }

    #[tokio::test]
    async fn a_project_moves_between_workspaces_with_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(&folder).await;
        let first = wanted("one", Role::Manager);
        records.bring_to(&first, Absent::Stays, Deed::Do).await.unwrap();
        let mut second = first.clone();
        second.workspaces = [((name("acme"), name("archive")), "Archive".to_owned())].into();
        second.workspace_members.clear();
        for facts in second.projects.values_mut() {
            facts.workspace = name("archive");
        }
        records.bring_to(&second, Absent::Goes, Deed::Do).await.unwrap();
        let catalog = records.catalog().await.unwrap();
        let organization = catalog.organizations().next().unwrap();
        let project = organization.projects().next().unwrap();
        assert_eq!(project.workspace_name.as_str(), "archive");
        assert_eq!(project.storages().count(), 1);
        assert_eq!(records.workspaces(organization.id).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn an_account_of_another_organization_stops_everything() {
        let folder = tempfile::tempdir().unwrap();
        let records = records(&folder).await;
        records.bring_to(&wanted("one", Role::Manager), Absent::Stays, Deed::Do).await.unwrap();
        let other: OrganizationName = name("other");
        let wanted = State {
            organizations: [(other.clone(), "Other".to_owned())].into(),
            accounts: [((other, name("ann@example.com")), Some(Role::Owner))].into(),
            ..State::default()
        };
        let error = records.bring_to(&wanted, Absent::Stays, Deed::Do).await.unwrap_err();
        assert_eq!(error.to_string(), "ann@example.com is an account of the organization acme");
        assert_eq!(records.organizations().await.unwrap().len(), 1);
    }
}
