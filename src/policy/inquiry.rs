//! Finds out what a request is about: bodies are read, numbers are looked up, media addresses and sealed locations are
//! followed to an object. It permits nothing; for nobody it finds nothing, so that strangers cannot make it work.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};

use super::decide::in_scope;
use super::inbound::Opened;
use super::matter::{Asked, Matter, Work, WorkBody};
use super::room::{Room, Share};
use super::{Admission, Location, NotFoundWhy};
use crate::catalog::{Catalog, LiveCatalog, OrganizationName, Place, Project, Role};
use crate::identity::{Identity, Person};
use crate::label_studio::{
    Answer, BadBody, Bridge, BridgeError, Call, Deed, Found, Garbled, Kept, Kind, Lookup,
    LookupError, NoRoute, Reference, plain_uri,
};
use crate::listener::{BodyFault, Incoming, read_whole};
use crate::request::{Ask, Conditions, ObjectKey, ObjectRead, Operation, SealedHandle, Target};

/// Where it looks.
#[derive(Debug)]
pub struct Inquiry {
    catalog: LiveCatalog,
    install: Option<(Install, Arc<Room>)>,
}

/// A configured Label Studio: it belongs to one organization.
#[derive(Debug)]
pub struct Install {
    pub organization: OrganizationName,
    pub lookup: Arc<Lookup>,
    pub bridge: Arc<Bridge>,
    /// The largest body that is taken, in bytes: it is held whole until Label Studio has it.
    pub max_body: usize,
}

/// Why it was not found out.
#[derive(Debug, thiserror::Error)]
pub enum InquiryError {
    #[error("what the request names could not be looked up")]
    Lookup(#[from] LookupError),
    #[error("the person has no user in Label Studio")]
    Bridge(#[from] BridgeError),
    #[error(transparent)]
    Body(#[from] BodyFault),
    #[error("there is no room for a further body of this person's, or of anybody's")]
    NoRoom,
    #[error("the body may not be sent to Label Studio: {0}")]
    BadBody(#[from] BadBody),
    #[error("a handle in the body or the query does not open here")]
    ForeignHandle,
    #[error("a text with handles cannot be read: {0}")]
    Garbled(#[from] Garbled),
    #[error(transparent)]
    BadQuery(#[from] NoRoute),
    #[error("the filters in the query: {0}")]
    BadFilters(#[source] BadBody),
}

/// A large import over a slow line takes its time; who sends nothing is cut off earlier.
const BODY_DEADLINE: Duration = Duration::from_secs(15 * 60);

impl Inquiry {
    #[must_use]
    pub fn new(catalog: LiveCatalog, install: Option<Install>) -> Self {
        let install = install.map(|install| {
            let room = Room::new(install.max_body);
            (install, room)
        });
        Self { catalog, install }
    }

    /// What this operation is about, as this person sees it.
    ///
    /// # Errors
    /// [`InquiryError`] when it cannot be known now, or the body is not one that may be sent.
    pub async fn find(
        &self,
        incoming: &mut Incoming,
        operation: &Operation,
        (identity, _admission): (&Identity, Admission),
    ) -> Result<Matter, InquiryError> {
        let (Some((install, room)), Some(person)) = (&self.install, identity.person()) else {
            return Ok(Matter::Told);
        };
        let about = About { install, room, person, catalog: self.catalog.current() };
        match operation.ask() {
            Ask::LabelStudio(_) | Ask::Read(ObjectRead { target: Target::TaskMedia(_), .. })
                if *person.organization_name() != install.organization =>
            {
                Ok(Matter::Nothing(NotFoundWhy::LabelStudio))
            }
            // One's own profile only.
            Ask::LabelStudio(call) if !about.is_self(call).await? => {
                Ok(Matter::Nothing(NotFoundWhy::Reference))
            }
            Ask::LabelStudio(call) => about.work(incoming, call).await,
            Ask::Read(ObjectRead { target: Target::TaskMedia(call), .. }) => {
                about.task_media(call).await
            }
            Ask::Read(ObjectRead { target: Target::Handle(handle), .. }) => {
                match about.opened(handle) {
                    Some(location) => about.media(location).await,
                    None => Ok(Matter::Told),
                }
            }
            Ask::Read(_) | Ask::Write(_) | Ask::List { .. } | Ask::Visit(_) => Ok(Matter::Told),
        }
    }
}

/// One inquiry.
pub(super) struct About<'a> {
    pub(super) install: &'a Install,
    room: &'a Arc<Room>,
    pub(super) person: &'a Person,
    pub(super) catalog: Arc<Catalog>,
}

impl About<'_> {
    /// The body, with the share of the room that it takes while it is held.
    async fn read(&self, incoming: &mut Incoming) -> Result<(Bytes, Share), InquiryError> {
        let said = incoming.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let said = said.and_then(|length| length.parse().ok());
        let body = incoming.take_body();
        let said = if body.is_none() { Some(0) } else { said };
        let share = self.room.take(self.person.account(), said);
        let mut share = share.ok_or(InquiryError::NoRoom)?;
        let whole = read_whole(body, self.install.max_body, BODY_DEADLINE).await?;
        share.shrink(whole.len());
        Ok((whole, share))
    }

    pub(super) fn opened(&self, handle: &SealedHandle) -> Option<Location> {
        Location::open(handle, self.person.account(), self.person.handle_key())
    }

    pub(super) fn project(&self, number: u64) -> Option<&Arc<Project>> {
        self.catalog.project_by_number(self.person.organization(), number)
    }

    async fn work(&self, incoming: &mut Incoming, call: &Call) -> Result<Matter, InquiryError> {
        let mut references = call.references().to_vec();
        let mut body = None;
        if !call.body().takes_none() {
            let (whole, share) = self.read(incoming).await?;
            let said = incoming.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let read = call.body().read(said, &whole, call.storage_type())?;
            references.extend_from_slice(&read.references);
            if !whole.is_empty() {
                let content_type = read.content_type.clone();
                let work = WorkBody { content_type, bytes: whole, _share: Arc::new(share) };
                body = Some((work, read));
            }
        }
        let Some((projects, own)) = self.look_up(call, &references).await? else {
            return Ok(Matter::Nothing(NotFoundWhy::Reference));
        };
        let unopened = body.as_ref().map(|(body, _)| &body.bytes);
        let (target, filters_raw) = self.filters(call, unopened, &projects).await?;
        if let Some((body, read)) = &mut body {
            let of_storages = call.answer() == Answer::Storage;
            let about = Opened { projects: &projects, of_storages };
            let opened = self.opened_body(body.bytes.clone(), &read.texts, about)?;
            if opened != body.bytes {
                // It names the same as before, or it is not what was decided about.
                let said = read.content_type.to_str().ok();
                let again = call.body().read(said, &opened, call.storage_type())?;
                if again.references != read.references {
                    return Err(InquiryError::ForeignHandle);
                }
            }
            body.bytes = opened;
        }
        Ok(Matter::Work(Box::new(Work {
            projects: projects.into_iter().collect(),
            own,
            target,
            filters_raw,
            body: body.map(|(body, _)| body),
            origin: format!("https://{}", incoming.host()).into(),
            asked: asked(incoming.headers()),
        })))
    }

    /// The projects of all that is named, and whether all annotations and drafts among it are the person's own. `None`
    /// when something does not exist.
    async fn look_up(
        &self,
        call: &Call,
        references: &[Reference],
    ) -> Result<Option<(BTreeSet<u64>, Option<bool>)>, InquiryError> {
        let mut projects = BTreeSet::new();
        let mut own = None;
        for reference in references {
            let Some(found) = self.install.lookup.find(*reference).await? else {
                return Ok(None);
            };
            projects.insert(found.project);
            // What it is done to; not what a body only mentions.
            if call.subjects().contains(reference) && is_work(call, reference.kind) {
                own = Some(own.unwrap_or(true) && self.is_author(found).await?);
            }
        }
        Ok(Some((projects, own)))
    }

    async fn is_self(&self, call: &Call) -> Result<bool, InquiryError> {
        match call.user() {
            Some(user) if call.deed() == Deed::ChangeOwnProfile => {
                let access = self.install.bridge.access(self.person.account(), self.person.email());
                Ok(access.await?.user == user)
            }
            Some(_) | None => Ok(true),
        }
    }

    async fn is_author(&self, found: Found) -> Result<bool, InquiryError> {
        let Some(author) = found.author else { return Ok(false) };
        let access = self.install.bridge.access(self.person.account(), self.person.email()).await?;
        Ok(access.user == author)
    }

    /// By an address of Label Studio's own, such as `/tasks/1/resolve/?fileuri=…`.
    async fn task_media(&self, call: &Call) -> Result<Matter, InquiryError> {
        let nothing = Ok(Matter::Nothing(NotFoundWhy::Reference));
        if call.deed() != Deed::ReadTaskMedia {
            // An avatar: of no project.
            return Ok(Matter::Work(Box::new(Work {
                target: call.target().into(),
                ..Work::default()
            })));
        }
        let mut project = None;
        let mut task = None;
        for reference in call.references() {
            let lookup = &self.install.lookup;
            let found = if reference.kind == Kind::Task {
                lookup.find_with_data(reference.number).await?
            } else {
                lookup.find(*reference).await?
            };
            let Some(found) = found else { return nothing };
            project = Some(found.project);
            task = task.or(found.task);
        }
        let text = crate::label_studio::media_text(call.target());
        let (Some(text), Some(project)) = (text, project.and_then(|it| self.project(it))) else {
            return nothing;
        };
        self.media(Location { project: project.id, task, text: text.into() }).await
    }

    /// The object that a location names: a task must refer to it, and it must lie in a storage of the project.
    async fn media(&self, location: Location) -> Result<Matter, InquiryError> {
        let Location { project, task, text } = location;
        let text = plain_uri(&text).into_boxed_str();
        let project = self.catalog.project_by_id(self.person.organization(), project);
        let Some((project, number)) = project.and_then(|it| Some((it, it.number?))) else {
            return Ok(Matter::Nothing(NotFoundWhy::Project));
        };
        let is_kept = text.starts_with("/data/");
        let place = in_storage(project, &text);
        // Nothing is looked for that could not be given.
        if !is_kept && place.is_none() {
            return Ok(Matter::Nothing(NotFoundWhy::Storage));
        }
        if !self.is_referred_to((number, task), &text).await? {
            return Ok(Matter::Nothing(NotFoundWhy::Unreferenced));
        }
        match place {
            Some((storage, key)) if !is_kept => {
                Ok(Matter::Object { project: project.id, storage, key })
            }
            _ => self.kept(number, &text).await,
        }
    }

    /// By the task that is named, or else by any of the project: which is a search, so strangers do not cause it.
    async fn is_referred_to(
        &self,
        (number, task): (u64, Option<u64>),
        text: &str,
    ) -> Result<bool, InquiryError> {
        let lookup = &self.install.lookup;
        if lookup.refers(number, task, text).await? {
            return Ok(true);
        }
        let searched = task.is_none() && self.may_search(number);
        Ok(searched && lookup.is_anywhere(number, text).await?)
    }

    /// Whether this person has a role in the project, or in all of them; and his proof is not cut down to others.
    pub(super) fn may_search(&self, number: u64) -> bool {
        let Some(project) = self.project(number) else { return false };
        let has_role = self.person.role_in(project.id, project.workspace).is_some();
        let runs_all =
            matches!(self.person.organization_role(), Some(Role::Owner | Role::Administrator));
        in_scope(self.person, Some(project)) && (has_role || runs_all)
    }

    /// What Label Studio keeps itself: whoever imports tasks can write any address into them, so it must be the project's own.
    async fn kept(&self, project: u64, address: &str) -> Result<Matter, InquiryError> {
        let Some(kept) = Kept::read(address) else {
            return Ok(Matter::Nothing(NotFoundWhy::Reference));
        };
        let own = match &kept {
            Kept::Upload { project: of, .. } => *of == project,
            Kept::Local { path } => self.install.lookup.keeps_local(project, path).await?,
        };
        if !own {
            return Ok(Matter::Nothing(NotFoundWhy::Storage));
        }
        let target = kept.target().into();
        Ok(Matter::Work(Box::new(Work { projects: vec![project], target, ..Work::default() })))
    }
}

fn asked(headers: &HeaderMap) -> Asked {
    let codings = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let takes_gzip = codings.flat_map(|list| list.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim() == "gzip" && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    });
    // Of conditions that cannot be read, none is taken as met.
    Asked { conditions: Conditions::parse(headers).unwrap_or_default(), takes_gzip }
}

/// Whether a thing of this kind is somebody's own that the request is done to.
fn is_work(call: &Call, kind: Kind) -> bool {
    let own = [(Deed::KeepDraft, Kind::Draft), (Deed::KeepTab, Kind::Tab)];
    let own = own.into_iter().find(|(deed, _)| *deed == call.deed());
    kind == own.map_or(Kind::Annotation, |(_, kind)| kind)
}

/// The project's storage that holds this URI, the one with the longest prefix, and the key in it.
fn in_storage(project: &Project, uri: &str) -> Option<(crate::catalog::StorageId, ObjectKey)> {
    let (scheme, rest) = uri.split_once("://")?;
    let (bucket, key) = rest.split_once('/')?;
    if !scheme.eq_ignore_ascii_case("s3") {
        return None;
    }
    let held = project.storages().filter_map(|storage| {
        let Place::S3(place) = &storage.place;
        let relative = key.strip_prefix(place.prefix.as_str())?;
        (place.bucket == bucket).then_some((place.prefix.as_str().len(), storage.id, relative))
    });
    let (_, storage, relative) = held.max_by_key(|(length, ..)| *length)?;
    Some((storage, ObjectKey::new(relative).ok()?))
}
