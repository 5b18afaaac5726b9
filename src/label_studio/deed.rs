//! What can be done in Label Studio: the closed set that the route catalogue, the policies and the audit speak of.

/// One kind of request to Label Studio. Its name is the operation's name in policies, settings, logs and the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Deed {
    /// Its pages, their files, and what every page asks for.
    OpenLabelStudio,
    /// The list of projects; each member gets his.
    ListProjects,
    CreateProject,
    /// Names of people; each member gets those that he shares a project with.
    ListPeople,
    ChangeOwnProfile,
    /// The organization's page, its members, the labels of all projects.
    ManageOrganization,
    ViewProject,
    ChangeProject,
    DeleteProject,
    ViewTask,
    /// The next task of the label stream.
    LabelTask,
    ImportData,
    ChangeTask,
    DeleteTask,
    ViewAnnotation,
    CreateAnnotation,
    ChangeAnnotation,
    DeleteAnnotation,
    /// To read, write and drop drafts.
    KeepDraft,
    ViewPrediction,
    ChangePrediction,
    /// The Data Manager's tabs (`views` in the API).
    ViewTab,
    /// To make, change and drop one tab.
    KeepTab,
    /// To order or drop all of them.
    ChangeTab,
    /// The Data Manager's bulk actions.
    ActOnTasks,
    ExportData,
    ViewStorage,
    ChangeStorage,
    ViewWebhook,
    ChangeWebhook,
    /// Machine learning backends.
    ViewModel,
    ChangeModel,
    /// Interactive predictions while labeling.
    AskModel,
    /// The bytes that a task refers to, by Label Studio's own addresses.
    ReadTaskMedia,
}

/// What a deed is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Organization,
    Project,
}

impl Deed {
    pub const ALL: [Self; 34] = [
        Self::OpenLabelStudio,
        Self::ListProjects,
        Self::CreateProject,
        Self::ListPeople,
        Self::ChangeOwnProfile,
        Self::ManageOrganization,
        Self::ViewProject,
        Self::ChangeProject,
        Self::DeleteProject,
        Self::ViewTask,
        Self::LabelTask,
        Self::ImportData,
        Self::ChangeTask,
        Self::DeleteTask,
        Self::ViewAnnotation,
        Self::CreateAnnotation,
        Self::ChangeAnnotation,
        Self::DeleteAnnotation,
        Self::KeepDraft,
        Self::ViewPrediction,
        Self::ChangePrediction,
        Self::ViewTab,
        Self::KeepTab,
        Self::ChangeTab,
        Self::ActOnTasks,
        Self::ExportData,
        Self::ViewStorage,
        Self::ChangeStorage,
        Self::ViewWebhook,
        Self::ChangeWebhook,
        Self::ViewModel,
        Self::ChangeModel,
        Self::AskModel,
        Self::ReadTaskMedia,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenLabelStudio => "OpenLabelStudio",
            Self::ListProjects => "ListProjects",
            Self::CreateProject => "CreateProject",
            Self::ListPeople => "ListPeople",
            Self::ChangeOwnProfile => "ChangeOwnProfile",
            Self::ManageOrganization => "ManageOrganization",
            Self::ViewProject => "ViewProject",
            Self::ChangeProject => "ChangeProject",
            Self::DeleteProject => "DeleteProject",
            Self::ViewTask => "ViewTask",
            Self::LabelTask => "LabelTask",
            Self::ImportData => "ImportData",
            Self::ChangeTask => "ChangeTask",
            Self::DeleteTask => "DeleteTask",
            Self::ViewAnnotation => "ViewAnnotation",
            Self::CreateAnnotation => "CreateAnnotation",
            Self::ChangeAnnotation => "ChangeAnnotation",
            Self::DeleteAnnotation => "DeleteAnnotation",
            Self::KeepDraft => "KeepDraft",
            Self::ViewPrediction => "ViewPrediction",
            Self::ChangePrediction => "ChangePrediction",
            Self::ViewTab => "ViewTab",
            Self::KeepTab => "KeepTab",
            Self::ChangeTab => "ChangeTab",
            Self::ActOnTasks => "ActOnTasks",
            Self::ExportData => "ExportData",
            Self::ViewStorage => "ViewStorage",
            Self::ChangeStorage => "ChangeStorage",
            Self::ViewWebhook => "ViewWebhook",
            Self::ChangeWebhook => "ChangeWebhook",
            Self::ViewModel => "ViewModel",
            Self::ChangeModel => "ChangeModel",
            Self::AskModel => "AskModel",
            Self::ReadTaskMedia => "ReadTaskMedia",
        }
    }

    /// What the policies are asked about: the organization, or each project that the request touches.
    #[must_use]
    pub const fn reach(self) -> Reach {
        match self {
            Self::OpenLabelStudio
            | Self::ListProjects
            | Self::CreateProject
            | Self::ListPeople
            | Self::ChangeOwnProfile
            | Self::ManageOrganization => Reach::Organization,
            Self::ViewProject
            | Self::ChangeProject
            | Self::DeleteProject
            | Self::ViewTask
            | Self::LabelTask
            | Self::ImportData
            | Self::ChangeTask
            | Self::DeleteTask
            | Self::ViewAnnotation
            | Self::CreateAnnotation
            | Self::ChangeAnnotation
            | Self::DeleteAnnotation
            | Self::KeepDraft
            | Self::ViewPrediction
            | Self::ChangePrediction
            | Self::ViewTab
            | Self::KeepTab
            | Self::ChangeTab
            | Self::ActOnTasks
            | Self::ExportData
            | Self::ViewStorage
            | Self::ChangeStorage
            | Self::ViewWebhook
            | Self::ChangeWebhook
            | Self::ViewModel
            | Self::ChangeModel
            | Self::AskModel
            | Self::ReadTaskMedia => Reach::Project,
        }
    }
}

impl std::str::FromStr for Deed {
    type Err = NoDeed;

    fn from_str(text: &str) -> Result<Self, NoDeed> {
        Self::ALL.into_iter().find(|deed| deed.as_str() == text).ok_or(NoDeed)
    }
}

/// Not the name of a deed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such operation")]
pub struct NoDeed;
