//! The things of Label Studio that a request can name by number.

/// A kind of thing that has a number of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Project,
    Task,
    Annotation,
    Draft,
    Prediction,
    /// A tab of the Data Manager (`view` in the API).
    Tab,
    /// A source (`import`) or target (`export`) storage of one of Label Studio's types.
    Storage(Direction, StorageType),
    /// A file that was uploaded into a project.
    Upload,
    Webhook,
    /// A machine learning backend.
    Model,
    LabelLink,
    /// An export snapshot of this project: Label Studio converts one whatever project the address names.
    Snapshot(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    Import,
    Export,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StorageType {
    S3,
    Gcs,
    Azure,
    Redis,
    LocalFiles,
}

/// One thing that a request names: its project must be found and permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    pub kind: Kind,
    pub number: u64,
}

impl StorageType {
    pub const ALL: [Self; 5] = [Self::S3, Self::Gcs, Self::Azure, Self::Redis, Self::LocalFiles];

    /// As Label Studio writes it in a path.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gcs => "gcs",
            Self::Azure => "azure",
            Self::Redis => "redis",
            Self::LocalFiles => "localfiles",
        }
    }
}
