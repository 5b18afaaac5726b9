//! One answer on its way to one person: raw locations become handles of his session, or are left out.

use std::sync::Arc;

use super::body::Rewriter;
use crate::catalog::{Place as Lying, Project};
use crate::identity::{Identity, Person};
use crate::label_studio::{
    Answer, Call, Deed, Garbled, JsonRewriter, Kind, Known, Location as Found, Lookup, Member,
    Place, Seal, TextRewriter, may_hold, replace,
};
use crate::policy::{Errand, Grant, Location};

/// What sealing needs, of the grant that the answer is for.
pub(super) struct Passing {
    identity: Identity,
    /// Of which a location can be: with several, nobody could say of which it is.
    project: Option<Arc<Project>>,
    sees_locations: bool,
    origin: Box<str>,
    known: Known,
    lookup: Arc<Lookup>,
    /// See [`Lookup::moves`].
    asked_at: u64,
    /// Whether the objects of the answer are tasks.
    lists_tasks: bool,
    /// The task that the request itself names.
    task: Option<u64>,
    is_storage: bool,
}

/// What stands in place of a location that no handle can be made for.
const LEFT_OUT: &str = "";

/// Members that are nobody's business, whatever their value.
const LEFT_OUT_MEMBERS: [&str; 8] = [
    "storage_filename",
    "traceback",
    "task_data_login",
    "task_data_password",
    "local_files_document_root",
    "exc_info",
    "invite_url",
    "token",
];

/// Where a storage's settings name a place.
const PLACES: [&str; 8] = [
    "bucket",
    "container",
    "prefix",
    "path",
    "s3_endpoint",
    "region_name",
    "google_project_id",
    "aws_sse_kms_key_id",
];

impl Passing {
    pub(super) fn new(
        (grant, wanted): (&Grant, &Errand),
        call: &Call,
        (upstream, lookup, asked_at): (String, Arc<Lookup>, u64),
    ) -> Self {
        let task = call.references().iter().find(|one| one.kind == Kind::Task);
        let project = match wanted.projects.as_slice() {
            [one] => Some(Arc::clone(one)),
            _ => None,
        };
        Self {
            identity: grant.identity().clone(),
            project,
            sees_locations: wanted.sees_locations,
            origin: wanted.origin.clone(),
            known: known(&wanted.projects, upstream),
            lookup,
            asked_at,
            lists_tasks: matches!(call.deed(), Deed::ViewTask | Deed::LabelTask),
            task: task.map(|one| one.number),
            is_storage: call.answer() == Answer::Storage,
        }
    }

    pub(super) const fn sees_locations(&self) -> bool {
        self.sees_locations
    }

    /// The path of an address within Label Studio.
    pub(super) fn path_of<'t>(&self, said: &'t str) -> Option<&'t str> {
        let path = said.strip_prefix(&*self.known.upstream).unwrap_or(said);
        (path.starts_with('/') && !path.starts_with("//") && !path.contains('\\')).then_some(path)
    }

    pub(super) fn into_json(self) -> Box<dyn Rewriter> {
        Box::new(Json(JsonRewriter::new(self)))
    }

    pub(super) fn into_text(self) -> Box<dyn Rewriter> {
        let known = self.known.clone();
        Box::new(Text(TextRewriter::new(known), self))
    }

    /// What leaves instead of a location that was found.
    fn leaving(&self, found: &Found, raw: &str, (task, in_data): (Option<u64>, bool)) -> String {
        match found {
            Found::Upstream(path) => format!("{}{}", self.origin, without_ids(path)),
            // A mere name, in words for people.
            Found::Mention => "…".to_owned(),
            // An address of the gateway's own; who may read it is asked when it is.
            Found::Upload => {
                self.learn(raw, task, in_data);
                raw.to_owned()
            }
            // Without a handle nobody could read it: its own address tells no project.
            Found::LocalFile => self.handle(raw, task, in_data),
            _ if self.sees_locations => raw.to_owned(),
            Found::Resolver { task: named, uri } => self.handle(uri, named.or(task), in_data),
            Found::Uri(text) | Found::Link(text) => self.handle(text, task, in_data),
        }
    }

    fn handle(&self, text: &str, task: Option<u64>, in_data: bool) -> String {
        let (Some(project), Some(person)) = (&self.project, self.person()) else {
            return LEFT_OUT.to_owned();
        };
        let location = Location { project: project.id, task, text: text.into() };
        let Some(handle) = location.seal(person.account(), person.handle_key()) else {
            return LEFT_OUT.to_owned();
        };
        self.learn(text, task, in_data);
        format!("/-/m/{}", handle.as_str())
    }

    /// Only what stands in a task's data is referred to by the task: annotations say what annotators typed.
    fn learn(&self, text: &str, task: Option<u64>, in_data: bool) {
        let number = self.project.as_ref().and_then(|project| project.number);
        if let (Some(number), true) = (number, in_data) {
            self.lookup.learn_uri((number, task), text, self.asked_at);
        }
    }

    fn person(&self) -> Option<&Person> {
        self.identity.person()
    }
}

impl Seal for Passing {
    fn minds(&self, raw: &[u8]) -> bool {
        self.is_storage || may_hold(raw, &self.known)
    }

    fn string(&mut self, at: &Place<'_>, text: &str) -> Option<String> {
        if self.is_storage && !self.sees_locations && PLACES.contains(&at.key()) {
            return Some(if text.is_empty() {
                String::new()
            } else {
                self.handle(text, None, false)
            });
        }
        self.name(at, text)
    }

    fn name(&mut self, at: &Place<'_>, text: &str) -> Option<String> {
        let where_from = (at.task().or(self.task), in_task_data(at));
        replace(text, &self.known, &mut |found, raw| self.leaving(found, raw, where_from))
    }

    fn member(&mut self, at: &Place<'_>) -> Member {
        let left_out = LEFT_OUT_MEMBERS.contains(&at.key()) && !in_content(at);
        if left_out { Member::Null } else { Member::Keep }
    }

    fn object(&mut self, at: &Place<'_>, id: u64, project: u64) {
        let here = self.project.as_ref().and_then(|project| project.number) == Some(project);
        if self.lists_tasks && here && matches!(at.path().as_slice(), [] | ["tasks"]) {
            self.lookup.learn_task(id, project, self.asked_at);
        }
    }
}

/// The places where Label Studio's answers have a task's data, and no other: what an annotator wrote could look like a task.
fn in_task_data(at: &Place<'_>) -> bool {
    match at.path().as_slice() {
        ["data", ..] | ["tasks" | "results", "data", ..] => true,
        _ => false,
    }
}

/// What people have put in, whose names are theirs: a task's data, the results of annotations and predictions.
fn in_content(at: &Place<'_>) -> bool {
    let path = at.path();
    let outer = path.split_last().map_or(&[][..], |(_, outer)| outer);
    outer.iter().any(|name| matches!(*name, "data" | "result" | "meta"))
}

fn known(projects: &[Arc<Project>], upstream: String) -> Known {
    let mut known = Known { upstream, ..Known::default() };
    for storage in projects.iter().flat_map(|project| project.storages()) {
        let Lying::S3(place) = &storage.place;
        known.buckets.push(place.bucket.clone());
        let endpoint = place.endpoint.as_deref().and_then(|it| it.split_once("://"));
        known.endpoints.extend(endpoint.map(|(_, host)| host.to_owned()));
    }
    known
}

/// A link to the next page, without the filter that the gateway itself has put into it.
fn without_ids(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let kept: Vec<_> = query.split('&').filter(|pair| !pair.starts_with("ids=")).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

struct Json(JsonRewriter<Passing>);

impl Rewriter for Json {
    fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Garbled> {
        self.0.push(piece, out)
    }

    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<(), Garbled> {
        self.0.finish(out).map(drop)
    }
}

struct Text(TextRewriter, Passing);

impl Rewriter for Text {
    fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Garbled> {
        let passing = &self.1;
        self.0.push(piece, &mut |found, raw| passing.leaving(found, raw, (None, false)), out)
    }

    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<(), Garbled> {
        let Self(rewriter, passing) = *self;
        rewriter.finish(&mut |found, raw| passing.leaving(found, raw, (None, false)), out)
    }
}
