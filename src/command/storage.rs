//! `storage …`: where a project's objects lie.

use std::collections::BTreeMap;

use clap::{Args, Subcommand, ValueEnum};

use super::options::{organization, organizations};
use super::{Common, Failure, print};
use crate::backend::{self, s3_place};
use crate::catalog::{
    self, CredentialName, Federation, OrganizationName, Place, Prefix, ProjectName, Role, S3Place,
    StorageKey, StorageName, arn,
};
use crate::records::Put;

/// See the verb's help.
#[derive(Debug, Subcommand)]
pub(super) enum Storage {
    /// Give a project a storage; nothing is written to the bucket
    #[command(after_help = "\
Examples:
  sluicegate storage create --organization acme --project faces --name media \\
      --bucket acme-media --prefix faces/ --region eu-central-1
  sluicegate storage create --organization acme --project faces --name lab \\
      --bucket lab --region us-east-1 --endpoint https://minio.lab:9000 --addressing path --credential lab
  sluicegate storage create --organization acme --project faces --name own \\
      --bucket acme-media --region eu-central-1 --credential acme-saml \\
      --aws-provider arn:aws:iam::123456789012:saml-provider/acme \\
      --aws-role annotator=arn:aws:iam::123456789012:role/labeler")]
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
    #[arg(long, value_parser = s3_place::bucket)]
    bucket: String,
    /// What every key of the project starts with: nothing outside of it can be reached
    #[arg(long, default_value = "")]
    prefix: String,
    #[arg(long, value_parser = s3_place::region)]
    region: String,
    /// `http(s)://host:port`; absent for Amazon's own of the region
    #[arg(long, value_name = "URL", value_parser = s3_place::endpoint)]
    endpoint: Option<String>,
    /// Where the bucket's name stands: in the host's name or in the path
    #[arg(long, value_enum, default_value = "virtual")]
    addressing: Addressing,
    /// The settings' [credentials.NAME] that opens it
    #[arg(long, value_name = "NAME", default_value = "default")]
    credential: CredentialName,
    /// Where people open it with credentials of their own: their identity provider in IAM
    #[arg(long, value_name = "ARN", value_parser = arn::provider, requires = "aws_role")]
    aws_provider: Option<String>,
    /// The AWS role of a member's role; may be given once for each
    #[arg(long, value_name = "ROLE=ARN", value_parser = aws_role, requires = "aws_provider")]
    aws_role: Vec<(Role, String)>,
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

#[derive(Debug, serde::Serialize)]
struct Row {
    organization: OrganizationName,
    project: ProjectName,
    name: StorageName,
    place: Place,
    credential: CredentialName,
    federation: Option<Federation>,
}

impl Storage {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::Create(it) => it.run(common),
            Self::List(it) => it.run(common),
            Self::Delete(it) => common.with_records(async |records| {
                let organization = organization(records, &it.organization).await?;
                records.delete_storage(organization.id, &it.project, &it.storage).await?;
                print::note(format_args!("the storage {} is gone", it.storage))
            }),
        }
    }
}

impl Create {
    fn run(self, common: &Common) -> Result<(), Failure> {
        let federation = federation(self.aws_provider, self.aws_role)?;
        let Which { organization: of, project, storage } = &self.storage;
        let place = Place::S3(S3Place {
            bucket: self.bucket,
            prefix: Prefix::new(&self.prefix),
            region: self.region,
            endpoint: self.endpoint,
            addressing: self.addressing.into(),
        });
        backend::host_of(&place)
            .map_err(|error| Failure::because("nothing can be kept there", &error))?;
        let put = common.with_install(async |settings, records| {
            if !settings.credential.sources.contains_key(&self.credential) {
                let name = &self.credential;
                return Err(Failure::new(format!("the settings have no credential {name}"))
                    .next(format!("write [credentials.{name}], or name another --credential")));
            }
            let within = (organization(records, of).await?.id, project);
            let known = records.storages(within.0, project).await?;
            if known.iter().any(|one| one.name == *storage) {
                return Err(Failure::new(format!("{project} has a storage {storage} already"))
                    .next("delete it first, or import a catalogue that says what it shall be"));
            }
            let what_opens = (&self.credential, federation.as_ref());
            let put = records.put_storage(within, storage, &place, what_opens).await?;
            let key = StorageKey {
                organization: of.clone(),
                project: project.clone(),
                storage: storage.clone(),
            };
            print::overlaps(&records.catalog().await?.places(), |overlap| overlap.concerns(&key))?;
            Ok(put)
        })?;
        debug_assert_eq!(put, Put::Created, "the name was free");
        print::note(format_args!("{storage} is a new storage of {project}"))
    }
}

fn aws_role(text: &str) -> Result<(Role, String), String> {
    let (role, arn) = text.split_once('=').ok_or("write ROLE=ARN")?;
    let role = role.parse::<Role>().map_err(|error| error.to_string())?;
    Ok((role, arn::role(arn)?))
}

fn federation(
    provider: Option<String>,
    named: Vec<(Role, String)>,
) -> Result<Option<Federation>, Failure> {
    let Some(provider) = provider else { return Ok(None) };
    let mut roles = BTreeMap::new();
    for (role, arn) in named {
        if roles.insert(role, arn).is_some() {
            return Err(Failure::usage(format!("--aws-role names {role} twice")));
        }
    }
    Ok(Some(Federation { provider, roles }))
}

impl List {
    fn run(self, common: &Common) -> Result<(), Failure> {
        let rows = common.with_records(async |records| {
            let mut rows = Vec::new();
            for one in organizations(records, self.organization.as_ref()).await? {
                let mut projects = records.projects(one.id).await?;
                projects.retain(|it| self.project.as_ref().is_none_or(|named| *named == it.name));
                for project in projects {
                    let storages = records.storages(one.id, &project.name).await?;
                    rows.extend(storages.into_iter().map(|storage| Row {
                        organization: one.name.clone(),
                        project: project.name.clone(),
                        name: storage.name,
                        place: storage.place,
                        credential: storage.credential,
                        federation: storage.federation,
                    }));
                }
            }
            Ok(rows)
        })?;
        if common.json { print::json(&rows) } else { print(&rows) }
    }
}

fn print(rows: &[Row]) -> Result<(), Failure> {
    let cells = rows.iter().map(|row| {
        [
            row.organization.to_string(),
            row.project.to_string(),
            row.name.to_string(),
            row.place.folder(),
            row.place.server(),
            row.credential.to_string(),
            row.federation.as_ref().map(Federation::to_string).unwrap_or_default(),
        ]
    });
    let headings =
        ["ORGANIZATION", "PROJECT", "STORAGE", "BUCKET", "PLACE", "CREDENTIAL", "AWS ROLES"];
    print::table(headings, &cells.collect::<Vec<_>>())
}
