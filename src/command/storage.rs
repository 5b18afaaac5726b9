//! `storage …`: where a project's objects lie.

use clap::{Args, Subcommand, ValueEnum};

use super::{Common, Failure};
use crate::catalog::{self, CredentialName, OrganizationName, ProjectName, StorageName};

/// See the verb's help.
#[derive(Debug, Subcommand)]
pub(super) enum Storage {
    /// Give a project a storage; nothing is written to the bucket
    #[command(after_help = "\
Examples:
  sluicegate storage create --organization acme --project faces --name media \\
      --bucket acme-media --prefix faces/ --region eu-central-1
  sluicegate storage create --organization acme --project faces --name lab \\
      --bucket lab --region us-east-1 --endpoint https://minio.lab:9000 --addressing path --credential lab")]
    Create(Create),
    /// List the storages
    List(List),
    /// Forget a storage; the objects themselves stay where they are
    Delete(Which),
}

#[derive(Debug, Args)]
pub(super) struct Which {
    #[arg(long)]
    organization: OrganizationName,
    #[arg(long)]
    project: ProjectName,
    #[arg(long = "name")]
    storage: StorageName,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    storage: Which,
    #[arg(long)]
    bucket: String,
    /// What every key of the project starts with: nothing outside of it can be reached
    #[arg(long, default_value = "")]
    prefix: String,
    #[arg(long)]
    region: String,
    /// http(s)://host[:port]; absent for Amazon's own of the region
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Where the bucket's name stands: in the host's name or in the path
    #[arg(long, value_enum, default_value = "virtual")]
    addressing: Addressing,
    /// The settings' [credentials.NAME] that opens it
    #[arg(long, value_name = "NAME", default_value = "default")]
    credential: CredentialName,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Addressing {
    Virtual,
    Path,
}

impl From<Addressing> for catalog::Addressing {
    fn from(word: Addressing) -> Self {
        match word {
            Addressing::Virtual => Self::Virtual,
            Addressing::Path => Self::Path,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[arg(long)]
    organization: Option<OrganizationName>,
    #[arg(long)]
    project: Option<ProjectName>,
}

impl Storage {
    pub(super) fn run(self, _common: &Common) -> Result<(), Failure> {
        Err(Failure::new("this verb is not built in"))
    }
}
