//! Requests to Label Studio: each is decided for every project that it touches. Lists are permitted as such, and hold what
//! the asker may know of.

use std::net::IpAddr;
use std::sync::Arc;

use super::decide::{Moment, in_scope, may_try};
use super::matter::{Asked, Work, WorkBody};
use super::question::{MANAGE_ORGANIZATION, Question, SEE_LOCATION, SEE_PROJECT};
use super::spot::{Named, not_found};
use super::{Basis, Denial, NotFoundWhy};
use crate::catalog::{Allowed, Project};
use crate::identity::Person;
use crate::label_studio::{Answer, Deed, Reach};
use crate::request::{Ask, ObjectRead, Operation, Target};

/// What Label Studio is asked for, and about what.
#[derive(Debug)]
pub struct Errand {
    /// Every project that the request touches; for a list of projects or people, all that the asker may see.
    pub projects: Vec<Arc<Project>>,
    own: Option<bool>,
    /// Path and query in canonical form.
    pub target: Box<str>,
    pub body: Option<WorkBody>,
    /// The gateway's own origin, as the client named it.
    pub origin: Box<str>,
    pub asked: Asked,
    /// Whether raw locations of all these projects may be seen.
    pub sees_locations: bool,
    /// Whether lists may hold all that the organization has.
    pub sees_all: bool,
}

impl Moment<'_> {
    /// May he have this done?
    pub(super) fn judge_work(
        &self,
        person: &Person,
        operation: &Operation,
        work: Work,
        client: IpAddr,
    ) -> Result<(Errand, Arc<Basis>), Denial> {
        let Work { projects: numbers, own, mut target, filters_raw, body, origin, asked } = work;
        let deed = deed(operation).ok_or(not_found(NotFoundWhy::LabelStudio))?;
        let sees_all = self.sees_all(person, client);
        let (projects, basis) = match (deed.reach(), operation.ask()) {
            (Reach::Project, Ask::LabelStudio(call)) if call.names_no_project() => {
                match self.visible_numbers(person, client).as_slice() {
                    all if sees_all => {
                        self.judge_projects(person, (deed.as_str(), own), all, client)?
                    }
                    [one] => {
                        target = call.target_for_project(*one).into();
                        self.judge_projects(person, (deed.as_str(), own), &[*one], client)?
                    }
                    several if call.answer() == Answer::List => {
                        self.judge_list(person, deed, several, client)?
                    }
                    _ => return Err(Denial::NamesNoProject),
                }
            }
            (Reach::Project, _) => {
                self.judge_projects(person, (deed.as_str(), own), &numbers, client)?
            }
            (Reach::Organization, _) => {
                let (_, basis) = self.judge(person, deed.as_str(), Named::Own, client)?;
                (self.listed(person, deed, &numbers, client)?, basis)
            }
        };
        let sees_locations = self.sees_locations(person, &projects, client);
        if filters_raw && !sees_locations {
            return Err(Denial::HiddenColumn);
        }
        let errand =
            Errand { projects, own, target, body, origin, asked, sees_locations, sees_all };
        Ok((errand, basis))
    }

    /// May he still?
    pub(super) fn judge_errand(
        &self,
        person: &Person,
        operation: &Operation,
        errand: &Errand,
        client: IpAddr,
    ) -> Result<(), Denial> {
        let deed = deed(operation).ok_or(not_found(NotFoundWhy::LabelStudio))?;
        match deed.reach() {
            Reach::Organization => self.judge(person, deed.as_str(), Named::Own, client).map(drop),
            // A list for who may know of no project: nothing is in it.
            Reach::Project if errand.projects.is_empty() => Ok(()),
            Reach::Project => {
                let numbers: Vec<_> =
                    errand.projects.iter().filter_map(|project| project.number).collect();
                self.judge_projects(person, (deed.as_str(), errand.own), &numbers, client).map(drop)
            }
        }
    }

    /// The projects that a request about the whole organization may speak of: those that it names, else all that the person
    /// may know of.
    fn listed(
        &self,
        person: &Person,
        deed: Deed,
        numbers: &[u64],
        client: IpAddr,
    ) -> Result<Vec<Arc<Project>>, Denial> {
        if !numbers.is_empty() {
            return Ok(self.judge_projects(person, (SEE_PROJECT, None), numbers, client)?.0);
        }
        if !matches!(deed, Deed::ListProjects | Deed::ListPeople) {
            return Ok(Vec::new());
        }
        let visible = self.visible_projects(person, client);
        Ok(visible.into_iter().filter(|project| project.number.is_some()).collect())
    }

    /// The projects whose things a list may hold: those of these where he may have it, if only in one. For who may know of no
    /// project, it is empty.
    fn judge_list(
        &self,
        person: &Person,
        deed: Deed,
        numbers: &[u64],
        client: IpAddr,
    ) -> Result<(Vec<Arc<Project>>, Arc<Basis>), Denial> {
        if numbers.is_empty() {
            let open = Deed::OpenLabelStudio.as_str();
            return self
                .judge(person, open, Named::Own, client)
                .map(|(_, basis)| (Vec::new(), basis));
        }
        let mut listed = None;
        let mut denial = not_found(NotFoundWhy::Reference);
        for number in numbers {
            match self.judge_projects(person, (deed.as_str(), None), &[*number], client) {
                Ok((project, basis)) => {
                    listed.get_or_insert((Vec::new(), basis)).0.extend(project);
                }
                Err(no @ (Denial::Forbidden { .. } | Denial::NotFound { .. })) => denial = no,
                Err(fault) => return Err(fault),
            }
        }
        listed.ok_or(denial)
    }

    /// May he do this in each of these projects of Label Studio? With all of them, and on what the last yes rests. None at
    /// all is a no: where a project is needed, an empty list never means every project.
    fn judge_projects(
        &self,
        person: &Person,
        (deed, own): (&'static str, Option<bool>),
        numbers: &[u64],
        client: IpAddr,
    ) -> Result<(Vec<Arc<Project>>, Arc<Basis>), Denial> {
        let within = person.organization();
        let organization =
            self.catalog.organization(within).ok_or(not_found(NotFoundWhy::Project))?;
        let mut found = Vec::with_capacity(numbers.len());
        let mut basis = None;
        for number in numbers {
            let project = self.catalog.project_by_number(within, *number);
            let project = project.ok_or(not_found(NotFoundWhy::Project))?;
            let question = self.about_project(person, deed, (organization, project), client);
            let question = Question { own, ..question };
            if !in_scope(person, Some(project)) {
                return Err(not_found(NotFoundWhy::Invisible(self.by_scope())));
            }
            if !may_try(person, deed) {
                return Err(self.refuse(&question, self.by_scope()));
            }
            let verdict = self.ask(&question)?;
            if !verdict.permitted {
                return Err(self.refuse(&question, verdict.basis));
            }
            found.push(Arc::clone(project));
            basis = Some(verdict.basis);
        }
        Ok((found, basis.ok_or(not_found(NotFoundWhy::Reference))?))
    }

    fn visible_numbers(&self, person: &Person, client: IpAddr) -> Vec<u64> {
        let visible = self.visible_projects(person, client);
        visible.iter().filter_map(|project| project.number).collect()
    }

    /// Whether he runs the organization, by a proof that is not cut down to some of its projects.
    fn sees_all(&self, person: &Person, client: IpAddr) -> bool {
        person.scope().projects == Allowed::All
            && self.judge(person, MANAGE_ORGANIZATION, Named::Own, client).is_ok()
    }

    /// Whether raw locations of all these projects may be seen.
    fn sees_locations(&self, person: &Person, projects: &[Arc<Project>], client: IpAddr) -> bool {
        let Some(organization) = self.catalog.organization(person.organization()) else {
            return false;
        };
        let sees = |project: &Arc<Project>| {
            let question =
                self.about_project(person, SEE_LOCATION, (organization, project), client);
            self.ask(&question).is_ok_and(|verdict| verdict.permitted)
        };
        !projects.is_empty() && projects.iter().all(sees)
    }
}

/// What is asked of Label Studio: by one of its addresses, or by a handle of something that lies there.
fn deed(operation: &Operation) -> Option<Deed> {
    match operation.ask() {
        Ask::LabelStudio(call) => Some(call.deed()),
        Ask::Read(ObjectRead { target: Target::TaskMedia(call), .. }) => Some(call.deed()),
        Ask::Read(_) => Some(Deed::ReadTaskMedia),
        Ask::Write(_) | Ask::List { .. } | Ask::Visit(_) => None,
    }
}
