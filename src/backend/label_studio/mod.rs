//! Label Studio as a place: its pages and its API, asked as the person's own user and rewritten on the way out, so that no
//! raw URI, cookie, host or path of the server leaves.

mod answer;
mod archive;
mod body;
mod files;
mod kept;
mod lists;
mod ours;
mod page;
mod picked;
mod seal;
mod server;

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::Full;
use tokio::sync::Semaphore;

use super::kind::Act;
use super::pool::Pool;
use super::send::{Answer, Errand};
use super::upload::Upload;
use super::{BackendError, Reply};
use crate::credential::Credential;
use crate::ground::causes::told;
use crate::ground::control::Control;
use crate::label_studio::{self, Adoption, Call, Deed, Lookup, People};
use crate::outbound::Host;
use crate::policy::{self, Grant};
use crate::request::{ObjectKey, ObjectRead};

pub use archive::Withheld;
pub(super) use body::Rewritten;
use files::Files;
use picked::Picked;
use server::Server;

/// The configured install, shared by all threads.
#[derive(Debug)]
pub struct Install {
    pub(super) host: Host,
    server: Server,
    lookup: Arc<Lookup>,
    adoption: Arc<Adoption>,
    people: Arc<People>,
    control: Control,
    files: Files,
    archives: Arc<Semaphore>,
    lists: Arc<Semaphore>,
}

/// Archives that are rewritten at once: each is held whole, as it came and as it leaves.
const MOST_ARCHIVES: usize = 2;
/// Lists of things of all projects that are made at once.
const MOST_LISTS: usize = 2;

impl Install {
    /// # Errors
    /// [`BackendError`] when no request could ever be made to this host.
    pub fn new(
        host: Host,
        lookup: Arc<Lookup>,
        (adoption, people, control): (Arc<Adoption>, Arc<People>, Control),
    ) -> Result<Self, BackendError> {
        let server = Server::new(host.clone())?;
        let (files, archives) = (Files::default(), Arc::new(Semaphore::new(MOST_ARCHIVES)));
        let lists = Arc::new(Semaphore::new(MOST_LISTS));
        Ok(Self { host, server, lookup, adoption, people, control, files, archives, lists })
    }
}

/// One thread's way to it.
#[derive(Debug)]
pub(super) struct Front {
    install: Arc<Install>,
    kind: Rc<Server>,
    pool: Rc<Pool>,
}

/// A page with nothing in it but the frame and the script that all pages share.
const SHELL: &str = "/projects/";
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HTML: HeaderValue = HeaderValue::from_static("text/html");
const ANYTHING: HeaderValue = HeaderValue::from_static("*/*");
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

impl Front {
    pub(super) fn new(install: Arc<Install>, pool: Rc<Pool>) -> Self {
        let kind = Rc::new(install.server.clone());
        Self { install, kind, pool }
    }

    fn errand(&self, way: Rc<super::send::Way>, credential: &Credential) -> Errand {
        let (kind, pool) = (Rc::clone(&self.kind), Rc::clone(&self.pool));
        Errand { way, kind, pool, credential: credential.clone() }
    }

    /// Sends one call and makes its answer fit to leave.
    pub(super) async fn call(
        &self,
        way: Rc<super::send::Way>,
        (grant, credential): (&Grant, &Credential),
        (call, wanted): (&Call, &policy::Errand),
    ) -> Result<Reply, BackendError> {
        if call.answer() == label_studio::Answer::Gateway {
            return Ok(ours::reply(grant, call));
        }
        let errand = self.errand(way, credential);
        if call.answer() == label_studio::Answer::Static {
            return self.file(&errand, call, wanted).await;
        }
        if call.answer() == label_studio::Answer::List
            && wanted.projects.is_empty()
            && !wanted.sees_all
        {
            return Ok(answer::nothing());
        }
        let people = self.people((grant, wanted), credential, call).await?;
        if let (Some(people), Some(user)) = (&people, call.user())
            && !people.contains(&user)
        {
            return Err(BackendError::NoSuchObject);
        }
        let picked = of_projects(call, wanted);
        // Label Studio makes the whole list, of all projects, before it answers: the turn is over then, however slowly who asked
        // reads.
        let turn = match &picked {
            Some(_) => Arc::clone(&self.install.lists).acquire_owned().await.ok(),
            None => None,
        };
        let lists::Narrowed { target, own } = lists::narrowed(call, wanted);
        let asked_at = self.install.lookup.moves();
        let moving = Moving::begin(&self.install.lookup, call);
        let (errand, answered) = again_if_unknown(errand, async |errand: &Errand| {
            asked(errand, (call, &target), wanted).await
        })
        .await?;
        drop(turn);
        moving.end(call, answered.status).await;
        let here = (self.install.host.to_string(), Arc::clone(&self.install.lookup), asked_at);
        let passing = seal::Passing::new((grant, wanted), (call, own), here);
        if call.deed() == Deed::CreateProject && answered.status == StatusCode::CREATED {
            return self.created(&errand, answered, (grant, passing)).await;
        }
        let people = people.filter(|_| call.user().is_none()).map(Picked::ById);
        if let (Some(picked), StatusCode::OK) = (people.or(picked), answered.status) {
            return answer::list(&errand, answered, passing, picked);
        }
        answer::reply(&errand, answered, (call, &self.install.archives), passing).await
    }

    /// Whom a list of people may hold; `None`: everybody, or it is no such list.
    async fn people(
        &self,
        (grant, wanted): (&Grant, &policy::Errand),
        credential: &Credential,
        call: &Call,
    ) -> Result<Option<HashSet<u64>>, BackendError> {
        let Some(person) = grant.identity().person() else { return Ok(None) };
        if call.deed() != Deed::ListPeople || wanted.sees_all {
            return Ok(None);
        }
        let projects: Vec<_> =
            wanted.projects.iter().filter_map(|it| Some((it.id, it.number?))).collect();
        let (people, organization) = (Arc::clone(&self.install.people), person.organization());
        let found =
            self.install.control.run(async move { people.of(organization, &projects).await });
        let unknown = |error: Box<dyn std::error::Error + Send + Sync>| BackendError::People(error);
        let found = found.await.map_err(|error| unknown(error.into()))?;
        let mut people = found.map_err(|error| unknown(error.into()))?;
        people.extend(credential.label_studio().map(|access| access.user));
        Ok(Some(people))
    }

    /// A project that was just made is the catalogue's before its maker hears of it: his next request is for it.
    async fn created(
        &self,
        errand: &Errand,
        answered: Answer,
        (grant, passing): (&Grant, seal::Passing),
    ) -> Result<Reply, BackendError> {
        let (made, reply) = answer::made(errand, answered, passing).await?;
        if let Some(person) = grant.identity().person() {
            let (adoption, creator) = (Arc::clone(&self.install.adoption), person.account());
            let work = async move { adoption.made(made.id, &made.title, creator).await };
            let failed = match self.install.control.run(work).await {
                Ok(done) => done.err().map(|error| told(&error)),
                Err(error) => Some(told(&error)),
            };
            if let Some(cause) = failed {
                // The next reading of the list takes it in, without its maker.
                tracing::warn!(cause, "a new project was not adopted");
            }
        }
        Ok(reply)
    }

    /// A static file: from memory, if anybody asked for it lately.
    async fn file(
        &self,
        errand: &Errand,
        call: &Call,
        wanted: &policy::Errand,
    ) -> Result<Reply, BackendError> {
        let target = call.target();
        if let Some(file) = self.install.files.get(target) {
            return Ok(file.reply(&wanted.asked));
        }
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(ACCEPT, ANYTHING);
        headers.insert(ACCEPT_ENCODING, IDENTITY);
        let answered = errand.ask(whole(call.method(), target, &key_of(target)), headers).await?;
        let (kind, bytes) = answer::file(errand, answered).await?;
        Ok(self.install.files.keep(target, kind, bytes).await.reply(&wanted.asked))
    }

    /// The bytes of something that Label Studio itself keeps: an upload, a local file.
    pub(super) async fn read(
        &self,
        way: Rc<super::send::Way>,
        credential: &Credential,
        (read, wanted): (&ObjectRead, &policy::Errand),
    ) -> Result<Reply, BackendError> {
        let errand = self.errand(way, credential);
        let key = key_of(&wanted.target).ok_or(BackendError::NoSuchObject)?;
        match super::read::read(&errand, &key, read).await {
            Err(BackendError::CredentialRejected { .. }) => {
                let credential = errand.credential.afresh().await?;
                super::read::read(&Errand { credential, ..errand }, &key, read).await
            }
            done => done,
        }
    }
}

/// Of what projects a list that names none may hold things; `None`: of all, or it is no such list.
fn of_projects(call: &Call, wanted: &policy::Errand) -> Option<Picked> {
    let is_list = call.answer() == label_studio::Answer::List && call.names_no_project();
    let is_cut = is_list && !wanted.sees_all;
    let numbers = wanted.projects.iter().filter_map(|project| project.number);
    is_cut.then(|| Picked::ByProject(numbers.collect()))
}

/// What can move or remove more than it names.
const MOVE_MUCH: [Deed; 6] = [
    Deed::DeleteProject,
    Deed::ImportData,
    Deed::ChangeTask,
    Deed::DeleteTask,
    Deed::ActOnTasks,
    Deed::ChangeStorage,
];

/// A write on its way. Until it is known what became of it, it may have moved or removed anything: if that is never known,
/// everything is looked up afresh.
struct Moving<'a>(Option<&'a Lookup>);

impl<'a> Moving<'a> {
    fn begin(lookup: &'a Lookup, call: &Call) -> Self {
        let moves = call.changes() && !matches!(call.deed(), Deed::LabelTask | Deed::AskModel);
        Self(moves.then_some(lookup))
    }

    /// It was answered: what it may have moved or removed is looked up afresh.
    async fn end(mut self, call: &Call, status: StatusCode) {
        let Some(lookup) = self.0.take() else { return };
        if status.is_client_error() {
            return;
        }
        if MOVE_MUCH.contains(&call.deed()) {
            return lookup.forget_all();
        }
        for reference in call.references() {
            lookup.forget(*reference).await;
        }
    }
}

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        if let Some(lookup) = self.0 {
            lookup.forget_all();
        }
    }
}

async fn asked(
    errand: &Errand,
    (call, target): (&Call, &str),
    wanted: &policy::Errand,
) -> Result<Answer, BackendError> {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(ACCEPT, accepted(call.answer()));
    headers.insert(ACCEPT_ENCODING, IDENTITY);
    let key = key_of(target).filter(|_| call.answer() == label_studio::Answer::Export);
    let act = whole(call.method(), target, &key);
    match &wanted.body {
        None if *call.method() == Method::GET => errand.ask(act, headers).await,
        None => send(errand, act, headers, Bytes::new()).await,
        Some(body) => {
            headers.insert(CONTENT_TYPE, body.content_type.clone());
            send(errand, act, headers, body.bytes.clone()).await
        }
    }
}

/// Label Studio did not know the person by his access token, so it did nothing: asked once more with a fresh one, whatever
/// it is that is asked. Where that one is not known either, its no stands.
async fn again_if_unknown(
    errand: Errand,
    ask: impl AsyncFn(&Errand) -> Result<Answer, BackendError>,
) -> Result<(Errand, Answer), BackendError> {
    let answered = ask(&errand).await?;
    if !answer::knows_nobody(&answered) {
        return Ok((errand, answered));
    }
    drop(answered);
    let credential = errand.credential.afresh().await?;
    let errand = Errand { credential, ..errand };
    let answered = ask(&errand).await?;
    Ok((errand, answered))
}

/// As something that is read.
fn key_of(target: &str) -> Option<ObjectKey> {
    ObjectKey::new(target.strip_prefix('/')?).ok()
}

/// Files are asked for as such, so that they say how long they are; see [`kept`].
fn whole<'a>(method: &'a Method, target: &'a str, key: &'a Option<ObjectKey>) -> Act<'a> {
    match key {
        Some(key) if *method == Method::GET => Act::Get(key),
        Some(_) | None => Act::Call(method, target),
    }
}

async fn send(
    errand: &Errand,
    act: Act<'_>,
    mut headers: HeaderMap,
    bytes: Bytes,
) -> Result<Answer, BackendError> {
    // Label Studio takes a body in chunks for an empty one, so the length is always said.
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    errand.put(act, headers, Upload::new(Full::new(bytes), length)).await
}

const fn accepted(answer: label_studio::Answer) -> HeaderValue {
    use label_studio::Answer;
    match answer {
        Answer::Json | Answer::List | Answer::Storage => JSON,
        Answer::Page | Answer::Shell => HTML,
        Answer::Static | Answer::Media | Answer::Export | Answer::Version | Answer::Gateway => {
            ANYTHING
        }
    }
}
