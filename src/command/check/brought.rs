//! Storages that people open with credentials of their own, which only an assertion of their identity provider gives: those
//! whose organization has none, and roles for which no role at AWS is named.

use std::collections::{BTreeMap, BTreeSet};

use super::Findings;
use super::saml::Known;
use crate::catalog::{Catalog, CredentialName, GroupFacts, Project, Role, StorageKey};
use crate::settings::{Fault, Report};
use crate::sign_in::Settings;

/// A storage whose organization has no identity provider opens for nobody.
pub(super) fn unopened(
    catalog: &Catalog,
    brought: &BTreeSet<CredentialName>,
    settings: &Settings,
    findings: &mut Findings,
) {
    for (key, storage) in catalog.storages() {
        let (organization, credential) = (&key.organization, &storage.credential);
        let section = format!("saml.{organization}");
        if brought.contains(credential)
            && !settings.contains_key(organization)
            && !tells_of(&findings.faults, &section)
        {
            let what = format!(
                "the credential {credential} is people's own, and there is no [{section}] to sign in by: nobody opens it"
            );
            let remedy = format!("write [{section}], or give it another credential");
            findings.faults.extend([Fault::of(&format!("storage {key}"), what, &remedy)]);
        }
    }
}

/// Whether it is there, and has faults: then it is not among the settings.
fn tells_of(faults: &Report, section: &str) -> bool {
    faults.faults().iter().any(|fault| {
        let rest = fault.line().key.strip_prefix(section);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// Roles that people have, or that their groups give, for which a storage names no role at AWS: whoever has one is refused.
/// Told once for all storages of an organization that lack the same.
pub(super) fn lacking(
    catalog: &Catalog,
    brought: &BTreeSet<CredentialName>,
    known: &[Known],
    findings: &mut Findings,
) {
    for one in known {
        let Some(organization) = catalog.organization(one.id) else { continue };
        let mut lacking: BTreeMap<BTreeSet<Role>, BTreeSet<StorageKey>> = BTreeMap::new();
        for project in organization.projects() {
            let mut of_people = None;
            for storage in project.storages().filter(|one| brought.contains(&one.credential)) {
                // Without any, nobody opens it: told as a fault.
                let Some(federation) = &storage.federation else { continue };
                let roles = of_people.get_or_insert_with(|| roles(one, project)).iter();
                let without: BTreeSet<Role> =
                    roles.copied().filter(|role| federation.role(*role).is_none()).collect();
                let key = StorageKey {
                    organization: one.name.clone(),
                    project: project.name.clone(),
                    storage: storage.name.clone(),
                };
                lacking.entry(without).or_default().insert(key);
            }
        }
        lacking.remove(&BTreeSet::new());
        findings.remarks.extend(lacking.iter().filter_map(|(roles, keys)| told(roles, keys)));
    }
}

fn told(roles: &BTreeSet<Role>, keys: &BTreeSet<StorageKey>) -> Option<String> {
    let first = keys.first()?;
    let more = match keys.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let roles = roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" and ");
    Some(format!(
        "storage {first}{more}: aws.roles names no role at AWS for {roles}, which people have there or their groups give: they \
         get 403: add it in the catalogue, unless that is meant"
    ))
}

/// The roles that count in the project: of those who have one, and of those whom groups will give one.
fn roles(known: &Known, project: &Project) -> BTreeSet<Role> {
    let given = |facts: &GroupFacts| {
        let own = facts.projects.get(&project.name);
        let in_project = own.or_else(|| facts.workspaces.get(&project.workspace_name)).copied();
        Role::that_counts(facts.role, in_project)
    };
    let had = known.people.iter().filter_map(|person| person.role_that_counts(project));
    had.chain(known.groups.iter().filter_map(given)).collect()
}

#[cfg(test)]
mod tests {
    use super::tells_of;
    use crate::settings::{Fault, Report};

    #[test]
    fn faults_of_a_section_are_its_own_and_those_of_its_keys() {
        for (key, expected) in [
            ("saml.acme", true),
            ("saml.acme.base_url", true),
            ("saml.acmee.base_url", false),
            ("saml.acm", false),
            ("saml", false),
            ("credentials.acme", false),
        ] {
            let mut report = Report::default();
            report.extend([Fault::of(key, String::new(), "")]);
            assert_eq!(tells_of(&report, "saml.acme"), expected, "{key}");
        }
    }
}
