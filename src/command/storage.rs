//! `storage …`: where a project's objects lie.

use clap::{Args, Subcommand, ValueEnum};

use super::options::{organization, organizations};
use super::{Common, Failure, print};
use crate::catalog::{
    self, CredentialName, OrganizationName, Place, Prefix, ProjectName, S3Place, StorageName,
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
    #[arg(long, value_parser = plain)]
    bucket: String,
    /// What every key of the project starts with: nothing outside of it can be reached
    #[arg(long, default_value = "")]
    prefix: String,
    #[arg(long, value_parser = plain)]
    region: String,
    /// `http(s)://host:port`; absent for Amazon's own of the region
    #[arg(long, value_name = "URL", value_parser = endpoint)]
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

#[derive(Debug, serde::Serialize)]
struct Row {
    organization: OrganizationName,
    project: ProjectName,
    name: StorageName,
    place: Place,
    credential: CredentialName,
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
        let Which { organization: of, project, storage } = &self.storage;
        let place = Place::S3(S3Place {
            bucket: self.bucket,
            prefix: Prefix::new(&self.prefix),
            region: self.region,
            endpoint: self.endpoint,
            addressing: self.addressing.into(),
        });
        let put = common.with_records(async |records| {
            let within = (organization(records, of).await?.id, project);
            let known = records.storages(within.0, project).await?;
            if known.iter().any(|one| one.name == *storage) {
                return Err(Failure::new(format!("{project} has a storage {storage} already"))
                    .next("delete it first, or import a catalogue that says what it shall be"));
            }
            Ok(records.put_storage(within, storage, &place, &self.credential).await?)
        })?;
        debug_assert_eq!(put, Put::Created, "the name was free");
        print::note(format_args!("{storage} is a new storage of {project}"))
    }
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
        let Place::S3(place) = &row.place;
        [
            row.organization.to_string(),
            row.project.to_string(),
            row.name.to_string(),
            format!("{}/{}", place.bucket, place.prefix.as_str()),
            place.endpoint.clone().unwrap_or_else(|| format!("Amazon, {}", place.region)),
            row.credential.to_string(),
        ]
    });
    let headings = ["ORGANIZATION", "PROJECT", "STORAGE", "BUCKET", "PLACE", "CREDENTIAL"];
    print::table(headings, &cells.collect::<Vec<_>>())
}

/// A bucket's or region's name: it will stand in a host's name or in a path.
pub(super) fn plain(text: &str) -> Result<String, &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let good = (1..=63).contains(&text.len())
        && text.bytes().all(allowed)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric());
    if good { Ok(text.to_owned()) } else { Err("1 to 63 letters, digits, '.', '-' and '_'") }
}

/// `http(s)://host[:port]`, without a path or a trailing slash.
pub(super) fn endpoint(text: &str) -> Result<String, &'static str> {
    let fault = "an endpoint is http(s)://host[:port] and nothing more";
    let uri: http::Uri = text.parse().or(Err(fault))?;
    let scheme = uri.scheme_str().filter(|one| matches!(*one, "http" | "https")).ok_or(fault)?;
    let authority = uri.authority().ok_or(fault)?;
    let bare = uri.path() == "/" && uri.query().is_none() && !authority.as_str().contains('@');
    if bare { Ok(format!("{scheme}://{authority}")) } else { Err(fault) }
}

#[cfg(test)]
mod tests {
    use super::{endpoint, plain};

    #[test]
    fn endpoints_are_a_scheme_a_host_and_perhaps_a_port() {
        for (text, expected) in [
            ("https://s3.example.com", Some("https://s3.example.com")),
            ("http://127.0.0.1:9000/", Some("http://127.0.0.1:9000")),
            ("https://[::1]:9000", Some("https://[::1]:9000")),
            ("s3.example.com", None),
            ("ftp://s3.example.com", None),
            ("https://s3.example.com/bucket", None),
            ("https://s3.example.com?a", None),
            ("https://key:secret@s3.example.com", None),
            ("", None),
        ] {
            assert_eq!(endpoint(text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn names_of_buckets_cannot_leave_their_place() {
        for (text, good) in [
            ("acme-media", true),
            ("eu-central-1", true),
            ("My.Bucket_1", true),
            ("", false),
            ("../x", false),
            ("a/b", false),
            ("a b", false),
            (".hidden", false),
        ] {
            assert_eq!(plain(text).is_ok(), good, "{text:?}");
        }
    }
}
