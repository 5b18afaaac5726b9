//! One decision: find the spot, hold the token's scope against it, ask the policies, choose between 403 and 404.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::Guard;

use super::question::{Asker, Question, SEE_PROJECT, Subject};
use super::rules::Rules;
use super::spot::{Named, Spot, not_found};
use super::verdicts::{Verdict, Verdicts};
use super::{BY_SCOPE, Basis, Denial, NotFoundWhy};
use crate::catalog::{Allowed, Catalog, Organization, Project};
use crate::identity::Person;

/// Everything that one decision reads, as of one moment.
pub(super) struct Moment<'p> {
    pub(super) generation: u64,
    pub(super) catalog: Arc<Catalog>,
    pub(super) rules: Guard<Arc<Rules>>,
    pub(super) verdicts: &'p Verdicts,
}

impl Moment<'_> {
    /// May this person do this there? With what was found, and on what the yes rests.
    pub(super) fn judge(
        &self,
        person: &Person,
        action: &'static str,
        named: Named<'_>,
        client: IpAddr,
    ) -> Result<(Spot<'_>, Arc<Basis>), Denial> {
        let spot = named.find(person, &self.catalog)?;
        let question = ask(person, action, &spot, client);
        // A token learns nothing of projects outside its scope, not even from a 403.
        if !in_scope(person, question.subject.project()) {
            return Err(not_found(NotFoundWhy::Invisible(self.by_scope())));
        }
        if !may_try(person, action) {
            return Err(self.refuse(&question, self.by_scope()));
        }
        let verdict = self.ask(&question)?;
        if verdict.permitted {
            Ok((spot, verdict.basis))
        } else {
            Err(self.refuse(&question, verdict.basis))
        }
    }

    /// The projects of the person's organization that he may know of.
    pub(super) fn visible_projects(&self, person: &Person, client: IpAddr) -> Vec<Arc<Project>> {
        let Some(organization) = self.catalog.organization(person.organization()) else {
            return Vec::new();
        };
        let visible = |project: &Arc<Project>| {
            let question = self.about_project(person, SEE_PROJECT, (organization, project), client);
            in_scope(person, Some(project))
                && self.ask(&question).is_ok_and(|verdict| verdict.permitted)
        };
        organization.projects().filter(|project| visible(project)).cloned().collect()
    }

    pub(super) fn about_project<'q>(
        &self,
        person: &'q Person,
        action: &'static str,
        (organization, project): (&'q Organization, &'q Project),
        client: IpAddr,
    ) -> Question<'q> {
        Question {
            asker: Asker::from(person),
            action,
            subject: Subject::Project(organization, project),
            project_role: person.role_in(project.id, project.workspace),
            client,
            key: None,
            own: None,
        }
    }

    /// A 403 to who may know of the project (or where there is none), a 404 to everybody else.
    pub(super) fn refuse(&self, question: &Question<'_>, basis: Arc<Basis>) -> Denial {
        let Some(visibility) = question.of_visibility() else {
            return Denial::Forbidden { basis };
        };
        match self.ask(&visibility) {
            Ok(Verdict { permitted: true, .. }) => Denial::Forbidden { basis },
            Ok(Verdict { permitted: false, .. }) => not_found(NotFoundWhy::Invisible(basis)),
            Err(denial) => denial,
        }
    }

    pub(super) fn ask(&self, question: &Question<'_>) -> Result<Verdict, Denial> {
        self.verdicts.ask(&self.rules, question, self.generation)
    }

    pub(super) fn by_scope(&self) -> Arc<Basis> {
        Arc::new(Basis { policies: vec![BY_SCOPE.into()], generation: self.generation })
    }
}

pub(super) fn ask<'q>(
    person: &'q Person,
    action: &'static str,
    spot: &'q Spot<'_>,
    client: IpAddr,
) -> Question<'q> {
    let subject = spot.subject();
    Question {
        asker: Asker::from(person),
        action,
        subject,
        project_role: subject
            .project()
            .and_then(|project| person.role_in(project.id, project.workspace)),
        client,
        key: spot.key(),
        own: None,
    }
}

pub(super) fn in_scope(person: &Person, project: Option<&Project>) -> bool {
    project.is_none_or(|project| person.scope().projects.holds(&project.name))
}

pub(super) fn may_try(person: &Person, action: &str) -> bool {
    match &person.scope().operations {
        Allowed::All => true,
        Allowed::Only(operations) => operations.iter().any(|operation| operation == action),
    }
}
