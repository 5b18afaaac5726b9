//! Why: what the policies say to one case, which of them decided, and what was missing. For operators only.

use std::fmt;
use std::net::IpAddr;

use super::decide::{Moment, ask};
use super::matrix::OBJECTS;
use super::question::Question;
use super::spot::Named;
use super::{Denial, NotFoundWhy, PUBLIC, Policy};
use crate::catalog::{ProjectName, Role, StorageName};
use crate::identity::{Identity, Person};
use crate::label_studio::{Deed, Reach};
use crate::request::{ObjectKey, Operation};

/// One case to be explained.
#[derive(Debug, Clone)]
pub struct Case {
    /// One of [`crate::request::Operation::NAMES`].
    pub operation: &'static str,
    pub project: Option<ProjectName>,
    /// Absent: the project's first, by name.
    pub storage: Option<StorageName>,
    pub key: Option<ObjectKey>,
    pub client: IpAddr,
}

/// The decision and its reasons, in words for an operator.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Explanation {
    pub answer: Answer,
    /// The ids that decided; empty where no policy permitted it or nothing was asked.
    pub policies: Vec<Box<str>>,
    pub generation: u64,
    /// The AWS role that the storage names for the person's role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Box<str>>,
    /// What was decided about, and what was missing.
    pub notes: Vec<String>,
}

/// What the person would get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    Permitted,
    /// 403
    Forbidden,
    /// 404
    NotFound,
    /// 401
    NotSignedIn,
    /// 500: the policies could not be evaluated.
    Failed,
}

/// What there is to tell besides the decision.
#[derive(Debug, Default)]
struct Told {
    role: Option<Box<str>>,
    notes: Vec<String>,
}

impl Policy {
    /// Explains what this person would get now. Touches no quota.
    #[must_use]
    pub fn explain(&self, identity: &Identity, case: &Case) -> Explanation {
        let moment = self.moment();
        let mut told = Told::default();
        let outcome = match identity.person() {
            _ if Operation::PUBLIC.contains(&case.operation) => Ok(vec![PUBLIC.into()]),
            None => Err(Denial::NotSignedIn),
            Some(person) => moment.consider(person, case, &mut told),
        };
        let Told { role, mut notes } = told;
        let (answer, policies) = match outcome {
            Ok(policies) => (Answer::Permitted, policies),
            Err(denial) => {
                notes.insert(0, denial.to_string());
                let policies = denial.basis().map(|basis| basis.policies.clone());
                (Answer::to(&denial), policies.unwrap_or_default())
            }
        };
        Explanation { answer, policies, generation: moment.generation, role, notes }
    }
}

impl Case {
    /// Whether the operation may be about a project, and not about our own pages only.
    #[must_use]
    pub fn takes_a_project(operation: &str) -> bool {
        OBJECTS.contains(&operation) || of_label_studio(operation)
    }

    /// Handles are also asked for without a project: each object is then asked about by itself.
    fn needs_a_project(&self) -> bool {
        Self::takes_a_project(self.operation) && self.operation != "SealHandle"
    }
}

/// Whether it is about a project as Label Studio has it, and no storage of it.
fn of_label_studio(operation: &str) -> bool {
    operation.parse().is_ok_and(|deed: Deed| deed.reach() == Reach::Project)
}

impl Moment<'_> {
    fn consider(
        &self,
        person: &Person,
        case: &Case,
        Told { role, notes }: &mut Told,
    ) -> Result<Vec<Box<str>>, Denial> {
        let storage = case.storage.clone().or_else(|| self.first_storage(person, case));
        let named = match (&case.project, &storage) {
            _ if !Case::takes_a_project(case.operation) => Named::Own,
            (Some(project), _) if of_label_studio(case.operation) => Named::Project(project),
            (Some(project), Some(storage)) => {
                let key = case.key.as_ref().filter(|_| case.operation != "ListObjects");
                notes.push(format!("asked about storage {storage} of project {project}"));
                if key.is_none() && case.operation != "ListObjects" && self.rules.reads().key {
                    notes.push("a policy reads the key, and none was named: name one".to_owned());
                }
                Named::Place { project, storage, key }
            }
            (Some(_), None) => {
                notes.push("the project does not exist here, or has no storage".to_owned());
                return Err(Denial::NotFound { why: NotFoundWhy::Storage });
            }
            (None, _) if case.needs_a_project() => {
                notes.push("this operation is about a project: name one".to_owned());
                return Err(Denial::NotFound { why: NotFoundWhy::Project });
            }
            (None, _) => Named::Own,
        };
        let result = self.judge(person, case.operation, named, case.client);
        if let Ok(spot) = named.find(person, &self.catalog) {
            let question = ask(person, case.operation, &spot, case.client);
            *role = question.storage_role().map(Into::into);
            notes.extend(self.role_at_aws(&question));
            if result.is_err() {
                notes.push(roles_of(&question));
                notes.extend(self.roles_that_may(&question));
            }
        }
        result.map(|(_, basis)| basis.policies.clone())
    }

    fn first_storage(&self, person: &Person, case: &Case) -> Option<StorageName> {
        let project = self.catalog.project(person.organization(), case.project.as_ref()?)?;
        project.storages().map(|storage| storage.name.clone()).min()
    }

    /// Which AWS role it is about, and why.
    fn role_at_aws(&self, question: &Question<'_>) -> Option<String> {
        let storage = question.subject.storage()?;
        storage.federation.as_ref()?;
        let counts = question.role_that_counts().map_or("none", Role::as_str);
        let Some(role) = question.storage_role() else {
            return Some(format!(
                "the storage names no AWS role for the role that counts, {counts}"
            ));
        };
        let asserted = question.asker.asserted.iter().flat_map(|asserted| &asserted.roles);
        let holds = match (self.rules.is_federated(storage), asserted.count()) {
            (false, _) => "the gateway takes it itself, if it takes one for each person",
            (true, 0) => "the person asserts no roles",
            (true, _) if question.asserts(role) => "which the person's assertion holds",
            (true, _) => "which the person's assertion does not hold",
        };
        Some(format!(
            "the storage names the AWS role {role} for the role that counts, {counts}: {holds}"
        ))
    }

    /// Found by asking the policies for each role in turn, so that it stays true whatever they say.
    fn roles_that_may(&self, question: &Question<'_>) -> [String; 2] {
        let permitted =
            |question: Question<'_>| self.rules.ask(&question).is_ok_and(|answer| answer.permitted);
        let in_project = Role::ALL.into_iter().filter(|role| {
            let mut question = *question;
            question.asker.organization_role = None;
            question.project_role = Some(*role);
            permitted(question)
        });
        let in_organization = Role::ALL.into_iter().filter(|role| {
            let mut question = *question;
            question.asker.organization_role = Some(*role);
            question.project_role = None;
            permitted(question)
        });
        let action = question.action;
        [
            format!("roles in the project that may {action} here: {}", list(in_project)),
            format!("roles in the organization that may {action} here: {}", list(in_organization)),
        ]
    }
}

fn roles_of(question: &Question<'_>) -> String {
    let name = |role: Option<Role>| role.map_or("none", Role::as_str);
    let (project, organization) = (question.project_role, question.asker.organization_role);
    format!("role in the project: {}; in the organization: {}", name(project), name(organization))
}

fn list(roles: impl Iterator<Item = Role>) -> String {
    let names: Vec<_> = roles.map(Role::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl Answer {
    const fn to(denial: &Denial) -> Self {
        match denial {
            Denial::NotSignedIn => Self::NotSignedIn,
            Denial::Forbidden { .. } | Denial::HiddenColumn => Self::Forbidden,
            Denial::NotFound { .. } => Self::NotFound,
            // None of these is asked about by a case.
            Denial::NamesNoProject | Denial::OverQuota { .. } | Denial::Evaluation(_) => {
                Self::Failed
            }
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::Forbidden => "refused (403)",
            Self::NotFound => "not found (404)",
            Self::NotSignedIn => "not signed in (401)",
            Self::Failed => "failed (500)",
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "answer      {}", self.answer.words())?;
        let policies = self.policies.join(", ");
        let none = if self.policies.is_empty() { "none" } else { policies.as_str() };
        writeln!(f, "decided by  {none}")?;
        write!(f, "generation  {}", self.generation)?;
        if let Some(role) = &self.role {
            write!(f, "\nAWS role    {role}")?;
        }
        for note in &self.notes {
            write!(f, "\n  - {note}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::policy::sample::{
        ACME, FACES, GLOBEX, SIGNS, aws_role, client, identity, member_of, policy, rules_with,
        scoped, vouched, with_role,
    };

    fn case(operation: &'static str, project: Option<&str>) -> Case {
        Case {
            operation,
            project: project.map(|name| name.parse().unwrap()),
            storage: None,
            key: None,
            client: client(),
        }
    }

    #[test]
    fn a_yes_names_the_policies() {
        let who = with_role(Role::Manager, SIGNS);
        let why = policy().explain(&who, &case("WriteObject", Some("signs")));
        assert_eq!(why.answer, Answer::Permitted);
        assert_eq!(why.policies, [Box::from("manager-writes")]);
        assert_eq!(why.notes, ["asked about storage films of project signs"]);
    }

    #[test]
    fn a_no_tells_what_is_missing() {
        let who = with_role(Role::Annotator, SIGNS);
        let why = policy().explain(&who, &case("WriteObject", Some("signs")));
        let told = "\
            answer      refused (403)\n\
            decided by  none\n\
            generation  1\n  \
              - no policy permits it\n  \
              - asked about storage films of project signs\n  \
              - role in the project: annotator; in the organization: none\n  \
              - roles in the project that may WriteObject here: owner, administrator, manager\n  \
              - roles in the organization that may WriteObject here: owner, administrator";
        assert_eq!(why.to_string(), told);
    }

    #[test]
    fn our_own_pages_are_about_no_project() {
        let why =
            policy().explain(&with_role(Role::Owner, SIGNS), &case("ShowHome", Some("signs")));
        assert_eq!(why.answer, Answer::Permitted, "{why}");
    }

    #[test]
    fn a_key_that_policies_read_is_asked_for() {
        let policy = policy();
        let hidden = "@id(\"x\") forbid (principal, action == Action::\"ReadObject\", resource) \
            when { context has key && context.key like \"hidden/*\" };";
        policy.rules.store(Arc::new(rules_with(hidden)));
        let who = with_role(Role::Owner, SIGNS);
        let asked = |key: Option<&str>| {
            let key = key.map(|key| ObjectKey::new(key).unwrap());
            let case = Case { key, ..case("ReadObject", Some("signs")) };
            let why = policy.explain(&who, &case);
            (why.answer, why.to_string().contains("name one"))
        };
        assert_eq!(asked(None), (Answer::Permitted, true));
        assert_eq!(asked(Some("a")), (Answer::Permitted, false));
        assert_eq!(asked(Some("hidden/a")), (Answer::Forbidden, false));
    }

    #[test]
    fn the_role_at_aws_is_told_with_its_reason() {
        let own =
            Case { storage: Some("own".parse().unwrap()), ..case("ReadObject", Some("faces")) };
        let mut person = member_of(ACME);
        person.organization_role = Some(Role::Owner);
        for (asserts, answer, words) in [
            (
                &["admin"][..],
                Answer::Permitted,
                "for the role that counts, owner: which the person's assertion holds",
            ),
            (
                &["labeler"][..],
                Answer::Forbidden,
                "owner: which the person's assertion does not hold",
            ),
            (&[][..], Answer::Forbidden, "owner: the person asserts no roles"),
        ] {
            let why = policy().explain(&vouched(person.clone(), asserts), &own);
            assert_eq!(why.answer, answer, "{why}");
            let text = why.to_string();
            assert!(text.contains(words), "{text}");
            assert!(text.contains(&format!("AWS role    {}", aws_role("admin"))), "{text}");
        }
        let why = policy().explain(&with_role(Role::Manager, FACES), &own);
        assert!(why.to_string().contains("names no AWS role for the role that counts, manager"));
        assert_eq!(why.role, None);
        let taken = Case { storage: Some("taken".parse().unwrap()), ..own };
        let why = policy().explain(&with_role(Role::Owner, FACES), &taken);
        assert!(why.to_string().contains("the gateway takes it itself"), "{why}");
    }

    #[test]
    fn every_answer_has_its_explanation() {
        let policy = policy();
        let annotator = with_role(Role::Annotator, SIGNS);
        for (name, who, case, answer, words) in [
            ("nobody", Identity::NOBODY, case("ShowHome", None), Answer::NotSignedIn, "nobody"),
            ("public", Identity::NOBODY, case("SignIn", None), Answer::Permitted, ""),
            ("own page", annotator.clone(), case("ShowHome", None), Answer::Permitted, ""),
            (
                "explain",
                annotator.clone(),
                case("ExplainRequest", None),
                Answer::Forbidden,
                "owner, administrator",
            ),
            (
                "no project said",
                annotator.clone(),
                case("ReadObject", None),
                Answer::NotFound,
                "name one",
            ),
            (
                "no such project",
                annotator,
                case("ReadObject", Some("none")),
                Answer::NotFound,
                "does not exist",
            ),
            (
                "role elsewhere",
                with_role(Role::Owner, FACES),
                case("ReadObject", Some("signs")),
                Answer::NotFound,
                "may not know",
            ),
            (
                "no role",
                identity(member_of(ACME)),
                case("ListObjects", Some("signs")),
                Answer::NotFound,
                "role in the project: none",
            ),
            (
                "another organization",
                identity(member_of(GLOBEX)),
                case("ReadObject", Some("faces")),
                Answer::NotFound,
                "does not exist",
            ),
            (
                "out of scope",
                scoped(Some(&[]), None),
                case("ReadObject", Some("signs")),
                Answer::NotFound,
                "token-scope",
            ),
        ] {
            let why = policy.explain(&who, &case);
            assert_eq!(why.answer, answer, "{name}: {why}");
            assert!(why.notes.join("\n").contains(words), "{name}: {why}");
        }
    }
}
