//! `/-/`: the visitor's projects. The server lists projects and storages; the page's script fills in the media.

use std::sync::Arc;

use askama::Template;

use crate::catalog::{Project, Role, StorageName};
use crate::identity::Person;

/// The page's variable parts; askama escapes them.
#[derive(Debug, Template)]
#[template(path = "home.html")]
pub(super) struct HomePage<'a> {
    email: &'a str,
    organization: &'a str,
    role: Option<Role>,
    projects: Vec<ProjectSection>,
    trials: Option<Trials>,
}

#[derive(Debug)]
struct ProjectSection {
    name: String,
    title: String,
    role: Option<Role>,
    storages: Vec<String>,
    /// Its number in Label Studio.
    number: Option<u64>,
}

/// What the demo's buttons ask for.
#[derive(Debug)]
struct Trials {
    /// An object in a project that is not the visitor's.
    foreign: String,
    /// The address that the visitor's own objects start with.
    own: String,
}

impl<'a> HomePage<'a> {
    /// The page for a person who may see `visible`, and list of each what `listable` says.
    pub(super) fn new(
        person: &'a Person,
        visible: &[Arc<Project>],
        listable: impl Fn(&Project) -> Vec<StorageName>,
    ) -> Self {
        let shown = visible.iter().map(|one| section(person, one, &listable(one)));
        let mut projects: Vec<_> = shown.collect();
        projects.sort_by(|a, b| (&a.title, &a.name).cmp(&(&b.title, &b.name)));
        Self {
            email: person.email(),
            organization: person.organization_name().as_str(),
            role: person.organization_role(),
            projects,
            trials: None,
        }
    }

    /// Adds the demo's section; `hidden` is a project that the visitor may not see, if there is one.
    pub(super) fn with_trials(mut self, hidden: Option<&Project>) -> Self {
        let address = |place: Option<String>, otherwise: &str| {
            format!("/-/objects/{}/", place.as_deref().unwrap_or(otherwise))
        };
        let storage = |project: &Project| project.storages().next().map(|one| one.name.to_string());
        let foreign = hidden.and_then(|one| Some(format!("{}/{}", one.name, storage(one)?)));
        let first = |one: &ProjectSection| Some(format!("{}/{}", one.name, one.storages.first()?));
        let own = self.projects.iter().find_map(first);
        self.trials = Some(Trials {
            foreign: address(foreign, "another-project/media") + "picture.jpg",
            own: address(own, "no-project/media"),
        });
        self
    }
}

fn section(person: &Person, project: &Project, storages: &[StorageName]) -> ProjectSection {
    ProjectSection {
        name: project.name.to_string(),
        title: project.title.clone(),
        role: person.role_in(project.id, project.workspace),
        storages: storages.iter().map(ToString::to_string).collect(),
        number: project.number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_escaped() {
        let hostile = "\"><script>alert(1)</script>";
        let page = HomePage {
            email: hostile,
            organization: hostile,
            role: Some(Role::Annotator),
            projects: vec![ProjectSection {
                name: hostile.to_owned(),
                title: hostile.to_owned(),
                role: None,
                number: None,
                storages: vec![hostile.to_owned()],
            }],
            trials: None,
        }
        .with_trials(None);
        let html = page.render().unwrap();
        assert!(!html.contains("<script>"), "{html}");
        assert!(html.contains("Try what is refused"));
    }

    #[test]
    fn trials_are_in_the_demo_only() {
        let page =
            HomePage { email: "a", organization: "o", role: None, projects: vec![], trials: None };
        let html = page.render().unwrap();
        assert!(!html.contains("demo.js") && !html.contains("Try what is refused"));
        assert!(html.contains("No project is open to you yet"));
    }
}
