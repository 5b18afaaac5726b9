//! What of the catalogue the settings' credentials will never open, known without asking anybody: for `check`.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::error::SourceError;
use super::session::needs;
use super::sts::{RoleArn, SessionPolicy};
use super::{AssumeRole, Settings, Source, Sources};
use crate::catalog::{Catalog, OrganizationName, Project, Role, Storage};
use crate::ground::causes::told;

/// One thing that will fail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Foreseen {
    /// `project ORGANIZATION/PROJECT` or `storage ORGANIZATION/PROJECT/STORAGE`.
    pub at: String,
    pub problem: String,
    pub remedy: &'static str,
}

/// Everything that will fail, in order. Nothing where the settings themselves are at fault: they are told first.
#[must_use]
pub fn foresee(catalog: &Catalog, settings: &Settings) -> Vec<Foreseen> {
    let Ok(sources) = Sources::read(settings) else { return Vec::new() };
    let mut found = BTreeSet::new();
    for organization in catalog.organizations() {
        for project in organization.projects() {
            found.extend(of_project(&organization.name, project, &sources));
            for storage in project.storages() {
                let at = format!("storage {}/{}/{}", organization.name, project.name, storage.name);
                found.extend(of_storage(&at, storage, settings));
            }
        }
    }
    found.into_iter().collect()
}

/// Whether what each role opens in the project fits into one session policy.
fn of_project(
    organization: &OrganizationName,
    project: &Arc<Project>,
    sources: &Sources,
) -> Vec<Foreseen> {
    let at = format!("project {organization}/{}", project.name);
    let needs = Role::ALL.into_iter().flat_map(|role| needs(project, role, &sources.shelves));
    let too_large = |need: &super::session::Need| {
        let role = need.roles.get(&need.role)?;
        let storages = need.storages.iter().map(|storage| &**storage);
        let error = SessionPolicy::for_storages(storages, role.partition()).err()?;
        Some(fault(&at, format!("{}: {}", need.role, told(&error)), PREFIXES))
    };
    needs.filter_map(|need| too_large(&need)).collect()
}

const PREFIXES: &str = "shorten prefixes, put storages below one another, or divide the project";

fn of_storage(at: &str, storage: &Storage, settings: &Settings) -> Vec<Foreseen> {
    match settings.sources.get(&storage.credential) {
        Some(Source::Saml(saml)) => {
            let Some(federation) = &storage.federation else {
                let problem = format!(
                    "the credential {} is people's own, and no AWS role is named for anybody: nobody opens it",
                    storage.credential
                );
                let remedy = "give it aws = { provider = …, roles = … }, or another credential";
                return vec![fault(at, problem, remedy)];
            };
            let roles = federation.roles.values();
            let strange = roles.filter(|role| !saml.role_arns.contains(*role));
            strange.map(|role| not_listed(at, role)).collect()
        }
        Some(Source::AssumeRole(role)) => {
            let mut found: Vec<_> = too_large(at, storage, role).into_iter().collect();
            if role.per_person {
                let roles =
                    storage.federation.iter().flat_map(|federation| federation.roles.values());
                let listed =
                    |one: &&String| **one == role.role_arn || role.role_arns.contains(*one);
                found.extend(roles.filter(|one| !listed(one)).map(|one| not_listed(at, one)));
            }
            found
        }
        Some(Source::Static { .. } | Source::Chain { .. }) | None => Vec::new(),
    }
}

fn too_large(at: &str, storage: &Storage, role: &AssumeRole) -> Option<Foreseen> {
    let role: RoleArn = role.role_arn.parse().ok()?;
    let error: SourceError = SessionPolicy::for_storage(storage, role.partition()).err()?;
    Some(fault(at, told(&error), "shorten its prefix"))
}

fn not_listed(at: &str, role: &impl fmt::Display) -> Foreseen {
    let problem =
        format!("names the AWS role {role}, which its credential's role_arns do not list");
    fault(at, problem, "add it to role_arns, or take it out of the catalogue")
}

fn fault(at: &str, problem: String, remedy: &'static str) -> Foreseen {
    Foreseen { at: at.to_owned(), problem, remedy }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::catalog::{
        Federation, Organization, OrganizationId, Project, ProjectId, StorageId, WorkspaceId,
    };
    use crate::credential::Saml;
    use crate::credential::tests::storage;

    fn role(name: &str) -> String {
        format!("arn:aws:iam::123456789012:role/{name}")
    }

    fn settings() -> Settings {
        let (duration, region) = (Duration::from_secs(3600), "eu-central-1".to_owned());
        let saml = Saml {
            role_arns: vec![role("labeler")],
            duration,
            sts_endpoint: None,
            region: region.clone(),
            iam_source: None,
            iam_endpoint: None,
        };
        let assumed = |per_person: bool| {
            Source::AssumeRole(AssumeRole {
                source: "base".parse().unwrap(),
                role_arn: role("own"),
                external_id: None,
                duration,
                sts_endpoint: None,
                region: region.clone(),
                per_person,
                role_arns: if per_person { vec![role("labeler")] } else { Vec::new() },
            })
        };
        let sources = [
            ("base", Source::Chain { profile: None }),
            ("named", assumed(true)),
            ("people", Source::Saml(saml)),
            ("team", assumed(false)),
        ];
        let sources = sources.map(|(name, source)| (name.parse().unwrap(), source)).into();
        Settings { sources, ..Settings::default() }
    }

    /// What is foreseen of one project with storages of these credentials, prefixes and annotators' roles.
    fn foreseen(storages: &[(&str, &str, Option<&str>)]) -> Vec<(String, String)> {
        let storages = (1..).zip(storages).map(|(id, (credential, prefix, named))| {
            let mut one = storage(7, id, credential, ("media", prefix));
            one.id = StorageId(id);
            one.federation = named.map(|name| Federation {
                provider: "arn:aws:iam::123456789012:saml-provider/idp".to_owned(),
                roles: [(Role::Annotator, role(name))].into(),
            });
            one
        });
        let vision = (WorkspaceId(1), "vision".parse().unwrap());
        let project = Project::new(
            ProjectId(7),
            OrganizationId(1),
            vision,
            "cats".parse().unwrap(),
            String::new(),
        );
        let project = project.with_storages(storages);
        let acme = "acme".parse().unwrap();
        let acme = Organization::new(OrganizationId(1), acme, String::new(), [project]);
        let all = foresee(&Catalog::new([acme]), &settings());
        all.into_iter().map(|one| (one.at, one.problem)).collect()
    }

    #[test]
    fn what_fits_is_not_told() {
        let good = [
            ("people", "a", Some("labeler")),
            ("people", "b", Some("labeler")),
            ("named", "c", Some("labeler")),
            ("named", "d", Some("own")),
            ("named", "e", None),
            ("team", "f", Some("whatever it is: it is not taken")),
            ("base", &"p".repeat(1000), None),
        ];
        assert_eq!(foreseen(&good), []);
    }

    #[test]
    fn what_will_fail_is_told_before_anybody_signs_in() {
        let (long, foreign) = ("p".repeat(1000), "п".repeat(200));
        for (storage, at, words) in [
            (("people", "a", None), "storage acme/cats/storage-1", "nobody opens it"),
            (("people", "a", Some("admin")), "storage acme/cats/storage-1", "role/admin"),
            (("named", "a", Some("admin")), "storage acme/cats/storage-1", "do not list"),
            (("team", &*long, None), "storage acme/cats/storage-1", "characters"),
            (("named", &*long, None), "storage acme/cats/storage-1", "characters"),
            (("people", &*long, Some("labeler")), "project acme/cats", "characters"),
            (("team", &*foreign, None), "storage acme/cats/storage-1", "characters"),
            (("people", &*foreign, Some("labeler")), "project acme/cats", "characters"),
        ] {
            let found = foreseen(&[storage]);
            let [(place, problem)] = &found[..] else { panic!("{storage:?}: {found:?}") };
            assert_eq!(place, at, "{storage:?}");
            assert!(problem.contains(words), "{storage:?}: {problem}");
        }
    }

    #[test]
    fn a_project_whose_storages_do_not_fit_into_one_policy_is_told_once_for_the_role() {
        let prefixes: Vec<String> =
            (0..40).map(|one| format!("batches/of-2026/{one:04}")).collect();
        let many: Vec<_> =
            prefixes.iter().map(|one| ("people", one.as_str(), Some("labeler"))).collect();
        let found = foreseen(&many);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, "project acme/cats");
        assert!(found[0].1.starts_with(&role("labeler")), "{found:?}");
    }
}
