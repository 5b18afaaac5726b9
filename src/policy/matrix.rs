//! Role × operation as the loaded policies decide it, asked of them and not copied from them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use super::question::{Asker, ProofKind, Question, Subject};
use super::rules::Rules;
use super::{Denial, PUBLIC};
use crate::catalog::{
    AccountId, Addressing, BadName, Organization, OrganizationId, Place, Prefix, Project,
    ProjectId, Role, S3Place, Storage, StorageId, WorkspaceId,
};
use crate::label_studio::{Deed, Reach};
use crate::request::{ObjectKey, Operation};

/// Every cell of the table.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Matrix {
    cells: Vec<Cell>,
}

/// What one role gets for one operation in one place.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Cell {
    pub held: Held,
    /// What is asked about.
    pub about: About,
    pub operation: &'static str,
    /// Whether the annotation or draft is one's own, where that is asked.
    pub own: Option<bool>,
    /// Absent: anybody, signed in or not.
    pub role: Option<Role>,
    pub answer: Verdict,
    pub policies: Vec<Box<str>>,
}

/// Where the role is held, seen from what is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// In the project itself or in its workspace.
    InProject,
    /// In the organization, with no role in the project.
    InOrganization,
    /// In another project of the same organization.
    InOtherProject,
    /// In another organization.
    InOtherOrganization,
    /// Nowhere: no need to be signed in.
    Nowhere,
}

/// What an operation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    Object,
    /// An object of a project of Label Studio.
    TaskBoundObject,
    /// A project in Label Studio.
    LabelStudioProject,
    OwnOrganization,
    PublicRoute,
}

/// The answer in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Permitted,
    Forbidden,
    NotFound,
}

/// The matrix could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum MatrixError {
    #[error(transparent)]
    Name(#[from] BadName),
    #[error(transparent)]
    Key(#[from] crate::request::BadKey),
    #[error(transparent)]
    Evaluation(#[from] Denial),
}

/// What is about a storage of a project, or may be.
pub(super) const OBJECTS: [&str; 5] =
    ["ReadObject", "ReadMedia", "ListObjects", "SealHandle", "WriteObject"];
const TASK_BOUND: [&str; 6] =
    ["ReadObject", "ReadMedia", "ReadTaskMedia", "ListObjects", "SealHandle", "WriteObject"];
const PAGES: [&str; 7] = [
    "ShowHome",
    "ShowAccount",
    "SignOut",
    "ShowLabelStudioUser",
    "ClaimLabelStudioUser",
    "SealHandle",
    "ExplainRequest",
];

/// What is about a project of Label Studio, in the order of the deeds; with the work of oneself and of others apart.
fn in_label_studio() -> Vec<Row> {
    let deeds = Deed::ALL.into_iter().filter(|deed| deed.reach() == Reach::Project);
    let rows = deeds.flat_map(|deed| {
        let asks = [Deed::ChangeAnnotation, Deed::DeleteAnnotation, Deed::KeepDraft, Deed::KeepTab];
        let whose: &[_] = if asks.contains(&deed) { &[Some(true), Some(false)] } else { &[None] };
        whose.iter().map(move |own| (deed.as_str(), *own))
    });
    rows.collect()
}

fn of_the_organization() -> Vec<Row> {
    let deeds = Deed::ALL.into_iter().filter(|deed| deed.reach() == Reach::Organization);
    PAGES.into_iter().chain(deeds.map(Deed::as_str)).map(|name| (name, None)).collect()
}

/// An operation, and whose work it is about.
type Row = (&'static str, Option<bool>);

fn rows(about: About) -> Vec<Row> {
    let plain = |names: &[&'static str]| names.iter().map(|name| (*name, None)).collect();
    match about {
        About::Object => plain(&OBJECTS),
        About::TaskBoundObject => plain(&TASK_BOUND),
        About::LabelStudioProject => in_label_studio(),
        About::OwnOrganization => of_the_organization(),
        About::PublicRoute => plain(&Operation::PUBLIC),
    }
}

const SECTIONS: [(Held, About); 15] = [
    (Held::InProject, About::Object),
    (Held::InOrganization, About::Object),
    (Held::InOtherProject, About::Object),
    (Held::InOtherOrganization, About::Object),
    (Held::InProject, About::TaskBoundObject),
    (Held::InOrganization, About::TaskBoundObject),
    (Held::InOtherProject, About::TaskBoundObject),
    (Held::InOtherOrganization, About::TaskBoundObject),
    (Held::InProject, About::LabelStudioProject),
    (Held::InOrganization, About::LabelStudioProject),
    (Held::InOtherProject, About::LabelStudioProject),
    (Held::InOtherOrganization, About::LabelStudioProject),
    (Held::InOrganization, About::OwnOrganization),
    (Held::InOtherProject, About::OwnOrganization),
    (Held::Nowhere, About::PublicRoute),
];

impl Matrix {
    /// Asks the rules for every cell.
    ///
    /// # Errors
    /// [`MatrixError::Evaluation`] when a policy fails.
    pub fn of(rules: &Rules) -> Result<Self, MatrixError> {
        let world = World::new()?;
        let mut cells = Vec::new();
        for (held, about) in SECTIONS {
            for row in rows(about) {
                for role in roles(about) {
                    cells.push(world.cell(rules, (held, about), row, role)?);
                }
            }
        }
        Ok(Self { cells })
    }

    pub fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter()
    }
}

fn roles(about: About) -> Vec<Option<Role>> {
    match about {
        About::Object
        | About::TaskBoundObject
        | About::LabelStudioProject
        | About::OwnOrganization => Role::ALL.into_iter().map(Some).collect(),
        About::PublicRoute => vec![None],
    }
}

/// One organization with two projects, and another organization: enough for every cell.
struct World {
    own: Organization,
    other: Organization,
    project: Project,
    /// The same, as one of Label Studio's.
    labeled: Project,
    storage: Storage,
    key: ObjectKey,
}

impl World {
    fn new() -> Result<Self, MatrixError> {
        let organization = |id, name: &str| -> Result<_, BadName> {
            Ok(Organization::new(OrganizationId(id), name.parse()?, name.to_owned(), []))
        };
        let project = || -> Result<_, BadName> {
            Ok(Project::new(
                ProjectId(1),
                OrganizationId(1),
                (WorkspaceId(1), "workspace".parse()?),
                "project".parse()?,
                String::new(),
            ))
        };
        Ok(Self {
            own: organization(1, "own")?,
            other: organization(2, "other")?,
            project: project()?,
            labeled: project()?.with_number(Some(1)),
            storage: Storage {
                id: StorageId(1),
                project: ProjectId(1),
                name: "storage".parse()?,
                revision: 1,
                place: Place::S3(S3Place {
                    bucket: String::new(),
                    prefix: Prefix::default(),
                    region: String::new(),
                    endpoint: None,
                    addressing: Addressing::Path,
                }),
                credential: "default".parse()?,
                federation: None,
            },
            key: ObjectKey::new("key")?,
        })
    }

    fn cell(
        &self,
        rules: &Rules,
        (held, about): (Held, About),
        row: Row,
        role: Option<Role>,
    ) -> Result<Cell, Denial> {
        let (operation, own) = row;
        let (answer, policies) = match about {
            About::PublicRoute => (Verdict::Permitted, vec![PUBLIC.into()]),
            About::Object
            | About::TaskBoundObject
            | About::LabelStudioProject
            | About::OwnOrganization => self.ask(rules, self.question((held, about), row, role))?,
        };
        Ok(Cell { held, about, operation, own, role, answer, policies })
    }

    fn question(
        &self,
        (held, about): (Held, About),
        (operation, own): Row,
        role: Option<Role>,
    ) -> Question<'_> {
        let home = if held == Held::InOtherOrganization { &self.other } else { &self.own };
        let in_organization = matches!(held, Held::InOrganization | Held::InOtherOrganization);
        let is_object = matches!(about, About::Object | About::TaskBoundObject);
        Question {
            asker: Asker {
                account: AccountId(1),
                email: "somebody@example.com",
                organization: home.id,
                organization_name: &home.name,
                organization_role: role.filter(|_| in_organization),
                proof: ProofKind::Session,
                asserted: None,
                generation: 0,
            },
            action: operation,
            subject: match about {
                About::Object => Subject::Storage(&self.own, &self.project, &self.storage),
                About::TaskBoundObject => Subject::Storage(&self.own, &self.labeled, &self.storage),
                About::LabelStudioProject => Subject::Project(&self.own, &self.labeled),
                About::OwnOrganization | About::PublicRoute => Subject::Organization(home),
            },
            project_role: role.filter(|_| held == Held::InProject),
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            key: (is_object && operation != "ListObjects").then_some(&self.key),
            own,
        }
    }

    fn ask(
        &self,
        rules: &Rules,
        question: Question<'_>,
    ) -> Result<(Verdict, Vec<Box<str>>), Denial> {
        let answer = rules.ask(&question)?;
        let verdict = if answer.permitted {
            Verdict::Permitted
        } else {
            match question.of_visibility() {
                Some(visibility) if !rules.ask(&visibility)?.permitted => Verdict::NotFound,
                Some(_) | None => Verdict::Forbidden,
            }
        };
        Ok((verdict, answer.policies))
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (held, about)) in SECTIONS.into_iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            writeln!(f, "{}", title(held, about))?;
            let roles = roles(about);
            let names = roles.iter().map(|role| role.map_or("anybody", Role::as_str));
            writeln!(f, "{}", line("", names))?;
            for (operation, own) in rows(about) {
                let row = self.cells.iter().filter(|cell| {
                    (cell.held, cell.about) == (held, about)
                        && (cell.operation, cell.own) == (operation, own)
                });
                let words = row.map(|cell| cell.answer.word());
                writeln!(f, "{}", line(&format!("{operation}{}", whose(own)), words))?;
            }
        }
        Ok(())
    }
}

const fn whose(own: Option<bool>) -> &'static str {
    match own {
        None => "",
        Some(true) => ", own",
        Some(false) => ", others'",
    }
}

fn line<'a>(head: &str, words: impl Iterator<Item = &'a str>) -> String {
    let mut line = format!("  {head:27}");
    for word in words {
        line.push_str(&format!("{word:15}"));
    }
    line.trim_end().to_owned()
}

const fn title(held: Held, about: About) -> &'static str {
    match (about, held) {
        (About::PublicRoute, _) => "Public routes: no sign-in, a closed list in the program",
        (About::OwnOrganization, Held::InOrganization) => {
            "Own pages, the role is held in the organization"
        }
        (About::OwnOrganization, _) => "Own pages, the role is held in some project",
        (About::LabelStudioProject, Held::InProject) => {
            "Label Studio, the role is held in the project or its workspace"
        }
        (About::LabelStudioProject, Held::InOrganization) => {
            "Label Studio, the role is held in the organization, none in the project"
        }
        (About::LabelStudioProject, Held::InOtherProject) => {
            "Label Studio, the role is held in another project of the organization"
        }
        (About::LabelStudioProject, Held::InOtherOrganization | Held::Nowhere) => {
            "Label Studio, the role is held in another organization"
        }
        (About::TaskBoundObject, Held::InProject) => {
            "Objects of a Label Studio project, the role is held in the project or its workspace"
        }
        (About::TaskBoundObject, Held::InOrganization) => {
            "Objects of a Label Studio project, the role is held in the organization, none in the project"
        }
        (About::TaskBoundObject, Held::InOtherProject) => {
            "Objects of a Label Studio project, the role is held in another project of the organization"
        }
        (About::TaskBoundObject, Held::InOtherOrganization | Held::Nowhere) => {
            "Objects of a Label Studio project, the role is held in another organization"
        }
        (About::Object, Held::InProject) => {
            "Objects, the role is held in the project or its workspace"
        }
        (About::Object, Held::InOrganization) => {
            "Objects, the role is held in the organization, none in the project"
        }
        (About::Object, Held::InOtherProject) => {
            "Objects, the role is held in another project of the organization"
        }
        (About::Object, Held::InOtherOrganization | Held::Nowhere) => {
            "Objects, the role is held in another organization"
        }
    }
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Permitted => "yes",
            Self::Forbidden => "no (403)",
            Self::NotFound => "no (404)",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn built_in() -> Matrix {
        Matrix::of(&Rules::built_in().unwrap()).unwrap()
    }

    #[test]
    fn no_operation_and_no_role_is_left_out() {
        let matrix = built_in();
        let operations: BTreeSet<_> = matrix.cells().map(|cell| cell.operation).collect();
        assert_eq!(operations, Operation::NAMES.into_iter().collect());
        for cell in matrix.cells().filter(|cell| cell.about != About::PublicRoute) {
            let same = |other: &&Cell| {
                (other.held, other.about, other.operation, other.own)
                    == (cell.held, cell.about, cell.operation, cell.own)
            };
            let roles: BTreeSet<_> = matrix.cells().filter(same).map(|cell| cell.role).collect();
            assert_eq!(roles, Role::ALL.into_iter().map(Some).collect(), "{cell:?}");
        }
    }

    #[test]
    fn nothing_crosses_organizations() {
        for cell in built_in().cells().filter(|cell| cell.held == Held::InOtherOrganization) {
            assert_eq!(cell.answer, Verdict::NotFound, "{cell:?}");
            assert_eq!(cell.policies, [Box::from("organizations-never-cross")], "{cell:?}");
        }
    }

    #[test]
    fn the_matrix_of_the_role_pack() {
        let text = built_in().to_string();
        let place = "../../tests/snapshots";
        insta::with_settings!({ snapshot_path => place, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("policy-matrix", text);
        });
    }
}
