//! A catalogue as facts: what exists, told by names alone. The difference of two states is a plan; carrying the plan out
//! twice changes nothing the second time. Knows neither the file that people write nor the records.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{
    CredentialName, Email, Federation, GroupFacts, GroupName, OrganizationName, Place, ProjectName,
    Role, StorageKey, StorageName, WorkspaceName,
};

/// Everything that a catalogue file can say. Names of workspaces and projects stand with their organization's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The title.
    pub organizations: BTreeMap<OrganizationName, String>,
    /// The role in the organization. A wanted `None` says nothing about the role: like whatever else is absent, it takes a
    /// role away only where absent things go.
    pub accounts: BTreeMap<(OrganizationName, Email), Option<Role>>,
    /// The title.
    pub workspaces: BTreeMap<(OrganizationName, WorkspaceName), String>,
    pub projects: BTreeMap<(OrganizationName, ProjectName), ProjectFacts>,
    pub storages: BTreeMap<(OrganizationName, ProjectName, StorageName), StorageFacts>,
    pub workspace_members: BTreeMap<(OrganizationName, WorkspaceName, Email), Role>,
    pub project_members: BTreeMap<(OrganizationName, ProjectName, Email), Role>,
    /// What the identity provider's groups give. Who has roles by them stands nowhere here: that changes at each sign-in.
    pub groups: BTreeMap<(OrganizationName, GroupName), GroupFacts>,
}

/// What a project is besides its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectFacts {
    pub workspace: WorkspaceName,
    pub title: String,
}

/// What a storage is besides its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageFacts {
    pub place: Place,
    pub credential: CredentialName,
    pub federation: Option<Federation>,
}

/// One fact that comes (`was` is absent), changes, or goes (`now` is absent).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit<K, V> {
    pub key: K,
    pub was: Option<V>,
    pub now: Option<V>,
}

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Organization(Edit<OrganizationName, String>),
    Account(Edit<(OrganizationName, Email), Option<Role>>),
    Workspace(Edit<(OrganizationName, WorkspaceName), String>),
    Project(Edit<(OrganizationName, ProjectName), ProjectFacts>),
    Storage(Box<Edit<(OrganizationName, ProjectName, StorageName), StorageFacts>>),
    WorkspaceMember(Edit<(OrganizationName, WorkspaceName, Email), Role>),
    ProjectMember(Edit<(OrganizationName, ProjectName, Email), Role>),
    Group(Edit<(OrganizationName, GroupName), GroupFacts>),
}

/// Whether what the wanted state does not have goes or stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    Stays,
    /// In the organizations that the wanted state names; in others everything stays.
    Goes,
}

impl State {
    /// The steps from this state to the wanted one, in an order that can be carried out: what others stand on comes first
    /// and goes last. Organizations never go. Accounts never go either (the audit speaks of them), but lose their role.
    #[must_use]
    pub fn plan(&self, wanted: &Self, absent: Absent) -> Vec<Step> {
        let named: BTreeSet<_> = match absent {
            Absent::Goes => wanted.organizations.keys().collect(),
            Absent::Stays => BTreeSet::new(),
        };
        let prunes = |organization: &OrganizationName| named.contains(organization);
        let storage = |edit| Step::Storage(Box::new(edit));
        let mut steps = Vec::new();
        let mut add = |list: Vec<Step>| steps.extend(list);
        add(coming(&self.organizations, &wanted.organizations, Step::Organization));
        add(self.accounts_coming(wanted, prunes));
        add(coming(&self.workspaces, &wanted.workspaces, Step::Workspace));
        add(coming(&self.projects, &wanted.projects, Step::Project));
        add(coming(&self.storages, &wanted.storages, storage));
        add(coming(&self.workspace_members, &wanted.workspace_members, Step::WorkspaceMember));
        add(coming(&self.project_members, &wanted.project_members, Step::ProjectMember));
        add(coming(&self.groups, &wanted.groups, Step::Group));
        add(going(&self.groups, &wanted.groups, |key| prunes(&key.0), Step::Group));
        let (have, want) = (&self.project_members, &wanted.project_members);
        add(going(have, want, |key| prunes(&key.0), Step::ProjectMember));
        let (have, want) = (&self.workspace_members, &wanted.workspace_members);
        add(going(have, want, |key| prunes(&key.0), Step::WorkspaceMember));
        add(going(&self.storages, &wanted.storages, |key| prunes(&key.0), storage));
        add(going(&self.projects, &wanted.projects, |key| prunes(&key.0), Step::Project));
        add(going(&self.workspaces, &wanted.workspaces, |key| prunes(&key.0), Step::Workspace));
        add(self.losing_roles(wanted, prunes));
        steps
    }

    /// Where every storage is.
    #[must_use]
    pub fn places(&self) -> BTreeMap<StorageKey, Place> {
        let place = |((organization, project, storage), facts): (&(_, _, _), &StorageFacts)| {
            let (organization, project): (&OrganizationName, &ProjectName) =
                (organization, project);
            let storage: &StorageName = storage;
            let key = StorageKey {
                organization: organization.clone(),
                project: project.clone(),
                storage: storage.clone(),
            };
            (key, facts.place.clone())
        };
        self.storages.iter().map(place).collect()
    }

    /// E-mail addresses that the wanted state gives to one organization while another has the account.
    #[must_use]
    pub fn claimed_twice(&self, wanted: &Self) -> Vec<(Email, OrganizationName)> {
        let owner: BTreeMap<_, _> =
            self.accounts.keys().map(|(organization, email)| (email, organization)).collect();
        let elsewhere = wanted.accounts.keys().filter_map(|(organization, email)| {
            let other = owner.get(email).filter(|other| **other != organization)?;
            Some((email.clone(), (*other).clone()))
        });
        elsewhere.collect()
    }

    fn accounts_coming(
        &self,
        wanted: &Self,
        prunes: impl Fn(&OrganizationName) -> bool,
    ) -> Vec<Step> {
        let mut told = wanted.accounts.clone();
        told.retain(|key, role| {
            role.is_some() || prunes(&key.0) || !self.accounts.contains_key(key)
        });
        coming(&self.accounts, &told, Step::Account)
    }

    fn losing_roles(&self, wanted: &Self, prunes: impl Fn(&OrganizationName) -> bool) -> Vec<Step> {
        self.accounts
            .iter()
            .filter(|(key, role)| {
                role.is_some() && prunes(&key.0) && !wanted.accounts.contains_key(key)
            })
            .map(|(key, role)| {
                Step::Account(Edit { key: key.clone(), was: Some(*role), now: Some(None) })
            })
            .collect()
    }
}

fn coming<K: Ord + Clone, V: PartialEq + Clone>(
    have: &BTreeMap<K, V>,
    want: &BTreeMap<K, V>,
    step: fn(Edit<K, V>) -> Step,
) -> Vec<Step> {
    want.iter()
        .filter(|(key, now)| have.get(key) != Some(now))
        .map(|(key, now)| {
            let was = have.get(key).cloned();
            step(Edit { key: key.clone(), was, now: Some(now.clone()) })
        })
        .collect()
}

fn going<K: Ord + Clone, V: Clone>(
    have: &BTreeMap<K, V>,
    want: &BTreeMap<K, V>,
    prunes: impl Fn(&K) -> bool,
    step: fn(Edit<K, V>) -> Step,
) -> Vec<Step> {
    have.iter()
        .filter(|(key, _)| prunes(key) && !want.contains_key(key))
        .map(|(key, was)| step(Edit { key: key.clone(), was: Some(was.clone()), now: None }))
        .collect()
}

impl<K, V> Edit<K, V> {
    const fn sign(&self) -> char {
        match (&self.was, &self.now) {
            (None, _) => '+',
            (Some(_), Some(_)) => '~',
            (Some(_), None) => '-',
        }
    }
}

/// As the plan is shown: a sign, the kind, the names from the organization down, and what it says now.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = |title: &String| format!("{title:?}");
        match self {
            Self::Organization(edit) => line(f, "organization", &[&edit.key], edit, title),
            Self::Account(edit) => {
                let (organization, email) = &edit.key;
                line(f, "account", &[organization, email], edit, |role| {
                    role.map_or_else(|| "no role".to_owned(), |role| role.to_string())
                })
            }
            Self::Workspace(edit) => {
                let (organization, workspace) = &edit.key;
                line(f, "workspace", &[organization, workspace], edit, title)
            }
            Self::Project(edit) => {
                let (organization, project) = &edit.key;
                line(f, "project", &[organization, project], edit, |facts| {
                    format!("{:?} in workspace {}", facts.title, facts.workspace)
                })
            }
            Self::Storage(edit) => {
                let (organization, project, storage) = &edit.key;
                line(f, "storage", &[organization, project, storage], edit, StorageFacts::words)
            }
            Self::WorkspaceMember(edit) => {
                let (organization, workspace, email) = &edit.key;
                let key: [&dyn fmt::Display; 3] = [organization, workspace, email];
                line(f, "workspace member", &key, edit, Role::to_string)
            }
            Self::ProjectMember(edit) => {
                let (organization, project, email) = &edit.key;
                let key: [&dyn fmt::Display; 3] = [organization, project, email];
                line(f, "project member", &key, edit, Role::to_string)
            }
            Self::Group(edit) => {
                let (organization, group) = &edit.key;
                // Anything may stand in it, slashes too.
                let group = format!("{:?}", group.as_str());
                line(f, "group", &[organization, &group], edit, GroupFacts::to_string)
            }
        }
    }
}

impl StorageFacts {
    fn words(&self) -> String {
        let words = format!("{}, credential {}", self.place, self.credential);
        match &self.federation {
            Some(federation) => format!("{words}, at AWS {federation}"),
            None => words,
        }
    }
}

fn line<K, V>(
    f: &mut fmt::Formatter<'_>,
    kind: &str,
    names: &[&dyn fmt::Display],
    edit: &Edit<K, V>,
    words: impl Fn(&V) -> String,
) -> fmt::Result {
    write!(f, "{} {kind} ", edit.sign())?;
    for (place, name) in names.iter().enumerate() {
        write!(f, "{}{name}", if place == 0 { "" } else { "/" })?;
    }
    match (&edit.was, &edit.now) {
        (Some(was), Some(now)) => write!(f, ": {} -> {}", words(was), words(now)),
        (None, Some(now)) => write!(f, ": {}", words(now)),
        (_, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_map;
    use proptest::option;
    use proptest::prelude::{Just, Strategy, prop_oneof, proptest};

    use super::*;
    use crate::catalog::{Addressing, Prefix, S3Place};

    /// Names from a set so small that two states share many of them.
    fn name<T: std::str::FromStr<Err: fmt::Debug> + fmt::Debug + Clone>() -> impl Strategy<Value = T>
    {
        prop_oneof![Just("a"), Just("b"), Just("c")].prop_map(|text| text.parse().unwrap())
    }

    fn email() -> impl Strategy<Value = Email> {
        prop_oneof![Just("a@x.example"), Just("b@x.example")].prop_map(|text| text.parse().unwrap())
    }

    fn role() -> impl Strategy<Value = Role> {
        prop_oneof![Just(Role::Owner), Just(Role::Reviewer), Just(Role::Annotator)]
    }

    fn storage() -> impl Strategy<Value = StorageFacts> {
        let bucket = prop_oneof![Just("one"), Just("two")];
        let roles = btree_map(role(), prop_oneof![Just("x"), Just("y")], 0..2);
        (bucket, option::of(roles)).prop_map(|(bucket, roles)| StorageFacts {
            place: Place::S3(S3Place {
                bucket: bucket.to_owned(),
                prefix: Prefix::new("p"),
                region: "r".to_owned(),
                endpoint: None,
                addressing: Addressing::Path,
            }),
            credential: "default".parse().unwrap(),
            federation: roles.map(|roles| Federation {
                provider: "p".to_owned(),
                roles: roles.into_iter().map(|(role, arn)| (role, arn.to_owned())).collect(),
            }),
        })
    }

    fn project() -> impl Strategy<Value = ProjectFacts> {
        (name(), prop_oneof![Just("A"), Just("B")])
            .prop_map(|(workspace, title)| ProjectFacts { workspace, title: title.to_owned() })
    }

    fn title() -> impl Strategy<Value = String> {
        prop_oneof![Just("A"), Just("B")].prop_map(str::to_owned)
    }

    fn group() -> impl Strategy<Value = GroupName> {
        prop_oneof![Just("/staff"), Just("CN=a,OU=b")].prop_map(|text| text.parse().unwrap())
    }

    fn group_facts() -> impl Strategy<Value = GroupFacts> {
        let (workspaces, projects) =
            (btree_map(name(), role(), 0..2), btree_map(name(), role(), 0..2));
        (option::of(role()), workspaces, projects)
            .prop_map(|(role, workspaces, projects)| GroupFacts { role, workspaces, projects })
    }

    fn state() -> impl Strategy<Value = State> {
        (
            btree_map(name(), title(), 0..3),
            btree_map((name(), email()), option::of(role()), 0..4),
            btree_map((name(), name()), title(), 0..4),
            btree_map((name(), name()), project(), 0..4),
            btree_map((name(), name(), name()), storage(), 0..4),
            btree_map((name(), name(), email()), role(), 0..4),
            btree_map((name(), name(), email()), role(), 0..4),
            btree_map((name(), group()), group_facts(), 0..4),
        )
            .prop_map(
                |(organizations, accounts, workspaces, projects, storages, one, other, groups)| {
                    State {
                        organizations,
                        accounts,
                        workspaces,
                        projects,
                        storages,
                        workspace_members: one,
                        project_members: other,
                        groups,
                    }
                },
            )
    }

    fn carry_out(mut state: State, plan: Vec<Step>) -> State {
        fn edit<K: Ord, V>(map: &mut BTreeMap<K, V>, edit: Edit<K, V>) {
            match edit.now {
                Some(now) => map.insert(edit.key, now),
                None => map.remove(&edit.key),
            };
        }
        for step in plan {
            match step {
                Step::Organization(one) => edit(&mut state.organizations, one),
                Step::Account(one) => edit(&mut state.accounts, one),
                Step::Workspace(one) => edit(&mut state.workspaces, one),
                Step::Project(one) => edit(&mut state.projects, one),
                Step::Storage(one) => edit(&mut state.storages, *one),
                Step::WorkspaceMember(one) => edit(&mut state.workspace_members, one),
                Step::ProjectMember(one) => edit(&mut state.project_members, one),
                Step::Group(one) => edit(&mut state.groups, one),
            }
        }
        state
    }

    proptest! {
        #[test]
        fn a_plan_carried_out_leaves_nothing_to_do(have in state(), want in state()) {
            for absent in [Absent::Stays, Absent::Goes] {
                let after = carry_out(have.clone(), have.plan(&want, absent));
                assert_eq!(after.plan(&want, absent), []);
            }
        }

        #[test]
        fn nothing_goes_unless_told_and_nothing_of_others_ever(have in state(), want in state()) {
            let gentle = carry_out(have.clone(), have.plan(&want, Absent::Stays));
            assert!(have.storages.keys().all(|key| gentle.storages.contains_key(key)));
            assert!(have.project_members.keys().all(|key| gentle.project_members.contains_key(key)));
            assert!(have.groups.keys().all(|key| gentle.groups.contains_key(key)));
            for (key, role) in &have.accounts {
                let told = want.accounts.get(key).copied().flatten();
                assert_eq!(gentle.accounts.get(key), Some(&told.or(*role)));
            }
            let strict = carry_out(have.clone(), have.plan(&want, Absent::Goes));
            for (key, role) in &have.accounts {
                let told = want.accounts.get(key).copied().flatten();
                let stays = role.filter(|_| !want.organizations.contains_key(&key.0));
                assert_eq!(strict.accounts.get(key), Some(&told.or(stays)));
            }
            for (key, facts) in &have.storages {
                let of_another = !want.organizations.contains_key(&key.0);
                if of_another && !want.storages.contains_key(key) {
                    assert_eq!(strict.storages.get(key), Some(facts));
                }
            }
            for (key, facts) in &have.groups {
                let stays = Some(facts).filter(|_| !want.organizations.contains_key(&key.0));
                assert_eq!(strict.groups.get(key), want.groups.get(key).or(stays));
            }
        }

        #[test]
        fn what_is_wanted_is_there_afterwards(have in state(), want in state()) {
            let after = carry_out(have.clone(), have.plan(&want, Absent::Goes));
            for (key, facts) in &want.storages {
                assert_eq!(after.storages.get(key), Some(facts));
            }
            for (key, facts) in &want.groups {
                assert_eq!(after.groups.get(key), Some(facts));
            }
            for (key, role) in &want.accounts {
                let had = have.accounts.get(key).copied().flatten();
                let stays = had.filter(|_| !want.organizations.contains_key(&key.0));
                assert_eq!(after.accounts.get(key), Some(&role.or(stays)));
            }
        }
    }

    #[test]
    fn a_plan_reads_as_signs_and_names() {
        let key =
            ("acme".parse().unwrap(), "faces".parse().unwrap(), "a@x.example".parse().unwrap());
        let step = |was, now| Step::ProjectMember(Edit { key: key.clone(), was, now }).to_string();
        let (annotator, reviewer) = (Some(Role::Annotator), Some(Role::Reviewer));
        assert_eq!(step(None, annotator), "+ project member acme/faces/a@x.example: annotator");
        assert_eq!(
            step(annotator, reviewer),
            "~ project member acme/faces/a@x.example: annotator -> reviewer"
        );
        assert_eq!(step(annotator, None), "- project member acme/faces/a@x.example");
    }

    #[test]
    fn a_group_is_shown_with_all_that_it_gives() {
        let key = ("acme".parse().unwrap(), "/staff, \"all\"".parse().unwrap());
        let step = |was, now| Step::Group(Edit { key: key.clone(), was, now }).to_string();
        let one = GroupFacts { role: Some(Role::Reviewer), ..GroupFacts::default() };
        let two = GroupFacts {
            role: None,
            workspaces: [("vision".parse().unwrap(), Role::Manager)].into(),
            projects: [("faces".parse().unwrap(), Role::Annotator)].into(),
        };
        let named = "group acme/\"/staff, \\\"all\\\"\"";
        assert_eq!(step(None, Some(one.clone())), format!("+ {named}: reviewer"));
        let words = "reviewer -> workspace vision: manager; project faces: annotator";
        assert_eq!(step(Some(one.clone()), Some(two)), format!("~ {named}: {words}"));
        assert_eq!(step(Some(one), None), format!("- {named}"));
    }

    #[test]
    fn an_account_of_another_organization_is_not_taken_over() {
        let account = |organization: &str| State {
            accounts: [((organization.parse().unwrap(), "a@x.example".parse().unwrap()), None)]
                .into_iter()
                .collect(),
            ..State::default()
        };
        assert_eq!(account("a").claimed_twice(&account("a")), []);
        let claimed = account("a").claimed_twice(&account("b"));
        assert_eq!(claimed, [("a@x.example".parse().unwrap(), "a".parse().unwrap())]);
    }
}
