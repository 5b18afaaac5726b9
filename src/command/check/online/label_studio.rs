//! What is unsafe or wrong in the Label Studio that stands behind, each with what is to be done about it. What that
//! install does not allow to shut is a remark: it is safe as long as nobody but the gateway reaches it.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::Findings;
use super::{PATIENCE, judge_clock};
use crate::catalog::{Catalog, Organization, Place, Prefix, Project};
use crate::command::Failure;
use crate::ground::causes::told;
use crate::ground::clock::Clock;
use crate::ground::random::Random;
use crate::label_studio::{
    Api, RowAccess, Rows, Settings, Shown, Standing, SurveyedProject, SurveyedStorage, Tokens, Told,
};
use crate::outbound::Door;
use crate::records::Watch;
use crate::settings::Fault;

const READER: &str = "make one that may read what is needed and no more: CREATE USER sluicegate PASSWORD '…', then \
                      psql -v reader=sluicegate -f deploy/label-studio-reader.sql in that database";

/// One check of one install.
pub(super) struct Inspection<'a> {
    settings: &'a Settings,
    api: Api,
    clock: &'a Clock,
    findings: &'a mut Findings,
}

impl<'a> Inspection<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        door: &Arc<Door>,
        clock: &'a Clock,
        findings: &'a mut Findings,
    ) -> Self {
        Self { settings, api: Api::new(Arc::clone(door), settings), clock, findings }
    }

    /// `watch` is the gateway's own catalogue, where there are records.
    pub(super) async fn run(mut self, watch: Option<&Watch>) -> Result<(), Failure> {
        let shown = match tokio::time::timeout(PATIENCE, self.api.shown(&Random::system())).await {
            Ok(Ok(shown)) => shown,
            Ok(Err(error)) => {
                self.unreachable(told(&error));
                return Ok(());
            }
            Err(_elapsed) => {
                self.unreachable(format!("no answer within {} s", PATIENCE.as_secs()));
                return Ok(());
            }
        };
        self.shown(&shown);
        self.listening();
        let standing = match self.api.standing().await {
            Ok(standing) => standing,
            Err(error) => {
                self.fault(
                    "label_studio.token",
                    told(&error),
                    "see the cause, and Label Studio's log",
                );
                return Ok(());
            }
        };
        if !self.standing(&standing) {
            return Ok(());
        }
        self.database().await;
        match self.api.told().await {
            Ok(told) => {
                self.told(&told);
                if let Some(watch) = watch {
                    self.catalog(watch, &told.projects).await?;
                }
            }
            Err(error) => {
                self.fault(
                    "label_studio.url",
                    told(&error),
                    "see the cause, and Label Studio's log",
                );
            }
        }
        Ok(())
    }

    /// Whether look-ups by row work, and by a user that can do no harm.
    async fn database(&mut self) {
        let Some(database) = &self.settings.database else { return };
        let rows = Rows::new(database, self.clock.clone());
        match rows.look().await {
            Ok(RowAccess::AsNeeded) => self.remark("its database answers, and is only read"),
            Ok(RowAccess::MayReadTokens) => self.fault(
                "label_studio.database",
                "the user that it names may read the tokens of Label Studio's users",
                READER,
            ),
            Ok(RowAccess::MayWrite) => self.fault(
                "label_studio.database",
                "the user that it names may change Label Studio's tables",
                READER,
            ),
            Err(error) => self.fault(
                "label_studio.database",
                told(&error),
                "correct the address, or what its user may read (deploy/label-studio-reader.sql), or leave it out: the API is \
                 asked then",
            ),
        }
    }

    fn fault(&mut self, key: &str, what: impl Into<String>, remedy: &str) {
        self.findings.faults.extend([Fault::of(key, what.into(), remedy)]);
    }

    fn remark(&mut self, what: &str) {
        self.findings.remarks.push(format!("Label Studio: {what}"));
    }

    fn unreachable(&mut self, what: String) {
        let host = self
            .api
            .host()
            .map_or_else(|_| "HOST:PORT".to_owned(), |host| host.authority().to_owned());
        let remedy = format!(
            "start Label Studio there, or correct the address; outbound.allow_private must name {host} where that is a private \
             address"
        );
        self.fault("label_studio.url", what, &remedy);
    }

    fn shown(&mut self, shown: &Shown) {
        let url = self.settings.url.to_string();
        let url = url.trim_end_matches('/');
        self.remark(&format!("{url} answers"));
        judge_clock(shown.date.as_deref(), self.clock, "label_studio.url", self.findings);
        if shown.open_sign_up {
            self.fault(
                "label_studio.url",
                "whoever reaches Label Studio may sign up there, and is a member of it then",
                "start Label Studio with DISABLE_SIGNUP_WITHOUT_LINK=true in its environment",
            );
        }
        if let Some(origin) = &shown.calls_itself {
            self.fault(
                "label_studio.url",
                format!("Label Studio was told to call itself {origin}, so its pages lead past the gateway"),
                "start Label Studio without LABEL_STUDIO_HOST in its environment",
            );
        }
        if !shown.open.is_empty() {
            let open = shown.open.join(", ");
            self.remark(&format!(
                "shows {open} and avatars without a sign-in, which it cannot be kept from; the gateway shuts them, so nobody \
                 but the gateway may reach it"
            ));
        }
    }

    /// Who else reaches it, as far as this machine can tell.
    fn listening(&mut self) {
        let Ok(host) = self.api.host() else { return };
        let authority = host.authority();
        let (name, port) = authority.rsplit_once(':').unwrap_or((&authority, "80"));
        let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
        let loopback = name == "localhost" || address.is_ok_and(|address| address.is_loopback());
        if !loopback {
            self.remark(&format!(
                "{name} is not this machine's loopback: from here nobody can tell who else reaches it. Let a firewall there \
                 admit this machine alone to port {port}"
            ));
            return;
        }
        let everywhere = port.parse().is_ok_and(super::sockets::listens_everywhere);
        if everywhere {
            let remedy = format!(
                "start Label Studio with --internal-host 127.0.0.1; in a container, publish its port as 127.0.0.1:{port}:8080"
            );
            let what =
                format!("port {port} is open on every address of this machine, past the gateway");
            self.fault("label_studio.url", what, &remedy);
        }
    }

    /// Whether it makes sense to ask further.
    fn standing(&mut self, standing: &Standing) -> bool {
        let url = self.settings.url.to_string();
        let url = url.trim_end_matches('/');
        let remedy = format!(
            "sign in at {url} as the owner of the install, make a token under Account & Settings > Personal Access Token, and \
             write it into the file that label_studio.token names"
        );
        match standing {
            Standing::Owner => true,
            Standing::Refused => {
                self.fault("label_studio.token", "Label Studio does not take it", &remedy);
                false
            }
            Standing::Other { email } => {
                let what = format!("is a token of {email}, who does not own the install");
                self.fault("label_studio.token", what, &remedy);
                true
            }
        }
    }

    fn told(&mut self, told: &Told) {
        let known = self.settings.catalogue.as_str();
        let release = &told.release;
        let of_it = release
            .strip_prefix(known)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if of_it {
            self.remark(&format!("version {release}, to which the catalogue of {known} applies"));
        } else {
            let what = format!(
                "Label Studio is {release}, and the catalogue of routes that applies is of {known}"
            );
            let remedy = format!(
                "install that version there: pip install 'label-studio=={known}.*'; or a release of the gateway that has a \
                 catalogue for {release}"
            );
            self.fault("label_studio.catalogue", what, &remedy);
        }
        if !told.personal_tokens {
            self.fault(
                "label_studio.url",
                "personal access tokens are switched off there, by which people are led to their users",
                &self.switch("true", if told.legacy_tokens { "true" } else { "false" }),
            );
        }
        if told.legacy_tokens && self.settings.tokens == Tokens::Refused {
            let first = if self.api.acts_by_legacy() {
                "give the gateway a personal access token of the owner's first (label_studio.token holds a legacy one); then "
            } else {
                ""
            };
            let remedy = format!("{first}{}", self.switch("true", "false"));
            let what = "legacy tokens, which never end and lie readable in its database, are switched on there, and \
                        label_studio.tokens refuses them here";
            self.fault("label_studio.tokens", what, &remedy);
        }
    }

    /// The command that sets which tokens Label Studio takes.
    fn switch(&self, personal: &str, legacy: &str) -> String {
        let url = self.settings.url.to_string();
        let url = url.trim_end_matches('/');
        format!(
            "curl -X POST {url}/api/jwt/settings -H \"Authorization: Bearer $ACCESS\" -H 'Content-Type: application/json' -d \
             '{{\"api_tokens_enabled\":{personal},\"legacy_api_tokens_enabled\":{legacy}}}', where ACCESS is what POST \
             {url}/api/token/refresh/ gives for a personal access token"
        )
    }

    /// Whether the gateway's catalogue has what Label Studio has.
    async fn catalog(
        &mut self,
        watch: &Watch,
        projects: &[SurveyedProject],
    ) -> Result<(), Failure> {
        let catalog: Arc<Catalog> = watch.catalog().current();
        let name = self.settings.organization.clone();
        let Some(organization) = catalog.organizations().find(|one| one.name == name) else {
            let remedy = format!("sluicegate organization create --name {name}");
            self.fault(
                "label_studio.organization",
                format!("there is no organization {name}"),
                &remedy,
            );
            return Ok(());
        };
        for surveyed in projects {
            let Some(project) = catalog.project_by_number(organization.id, surveyed.number) else {
                let title = &surveyed.title;
                self.remark(&format!(
                    "its project {} ({title:?}) is not in the catalogue yet: sluicegate serve takes it in",
                    surveyed.number
                ));
                continue;
            };
            self.storages(organization, project, &surveyed.storages);
            self.members(watch, organization, project).await?;
        }
        Ok(())
    }

    fn storages(
        &mut self,
        organization: &Organization,
        project: &Project,
        surveyed: &[SurveyedStorage],
    ) {
        for storage in surveyed {
            let SurveyedStorage { number, kind, .. } = storage;
            let key = format!("project {}", project.name);
            let Some((bucket, prefix)) = place_of(storage) else {
                self.remark(&format!(
                    "{key}: its storage {number} is of the kind {kind:?}, from which the gateway serves nothing"
                ));
                continue;
            };
            let covers = |place: &Place| match place {
                Place::S3(place) => {
                    place.bucket == *bucket && prefix.as_str().starts_with(place.prefix.as_str())
                }
            };
            if project.storages().any(|one| covers(&one.place)) {
                continue;
            }
            let remedy = create_storage((organization, project), storage, (bucket, &prefix));
            let what = format!(
                "Label Studio's storage {number} is s3://{bucket}/{}, which no storage of the gateway's covers: its media are \
                 not served",
                prefix.as_str()
            );
            self.fault(&key, what, &remedy);
        }
    }

    async fn members(
        &mut self,
        watch: &Watch,
        organization: &Organization,
        project: &Project,
    ) -> Result<(), Failure> {
        let records = watch.records();
        let own = records.project_members(organization.id, &project.name).await?;
        let workspaces = records.workspaces(organization.id).await?;
        let workspace = workspaces.iter().find(|one| one.id == project.workspace);
        let shared = match workspace {
            Some(workspace) => records.workspace_members(organization.id, &workspace.name).await?,
            None => Vec::new(),
        };
        if own.is_empty() && shared.is_empty() {
            let (project, organization) = (&project.name, &organization.name);
            self.remark(&format!(
                "project {project} has no member, so only owners and administrators see it: sluicegate project member add \
                 --organization {organization} --name {project} --email EMAIL --role annotator"
            ));
        }
        Ok(())
    }
}

/// Where its objects lie, if that is a bucket of S3.
fn place_of(storage: &SurveyedStorage) -> Option<(&String, Prefix)> {
    let bucket = storage.bucket.as_ref().filter(|_| storage.kind == "s3")?;
    Some((bucket, Prefix::new(storage.prefix.as_deref().unwrap_or_default())))
}

/// The command that adds a storage which covers this one.
fn create_storage(
    (organization, project): (&Organization, &Project),
    storage: &SurveyedStorage,
    (bucket, prefix): (&str, &Prefix),
) -> String {
    let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let region = said(&storage.region).unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint = said(&storage.endpoint).map(|endpoint| {
        format!(" --endpoint {} --addressing path", endpoint.trim_end_matches('/'))
    });
    let prefix = match prefix.as_str() {
        "" => String::new(),
        prefix => format!(" --prefix '{prefix}'"),
    };
    format!(
        "sluicegate storage create --organization {} --project {} --name s3-{} --bucket {bucket}{prefix} --region {region}{}",
        organization.name,
        project.name,
        storage.number,
        endpoint.unwrap_or_default()
    )
}
