//! One answer on its way to one person: raw locations become handles of his session, or are left out.

use std::sync::Arc;

use http::StatusCode;

use super::archive::Fit;
use super::body::Rewriter;
use super::lists;
use crate::catalog::{Place as Lying, Project};
use crate::identity::{Identity, Person};
use crate::label_studio::{
    Answer, Call, Deed, Garbled, JsonRewriter, Kind, Known, Location as Found, Lookup, Member,
    Place, Seal, TextRewriter, may_hold, replace,
};
use crate::policy::{Errand, Grant, Location};

/// What sealing needs, of the grant that the answer is for.
#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact about the answer, or about who reads it"
)]
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
    /// Words for people about what went wrong.
    is_error: bool,
    /// Whether such words can be in it, among others.
    tells_errors: bool,
    /// The filter that the client itself put into the request for a list of projects.
    ids: Option<Box<str>>,
    /// Whether people of the whole organization may be named.
    sees_all: bool,
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

/// Members that say what went wrong, in answers that are no errors themselves.
const OF_ERRORS: [&str; 3] = ["error", "errors", "detail"];

/// Where a storage's settings name a place.
const PLACES: [&str; 10] = [
    "bucket",
    "key",
    "regex_filter",
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
        (call, ids): (&Call, Option<Box<str>>),
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
            is_error: false,
            tells_errors: matches!(
                call.deed(),
                Deed::ImportData | Deed::ExportData | Deed::ViewModel | Deed::ChangeModel
            ),
            ids,
            sees_all: wanted.sees_all,
        }
    }

    /// An answer of this status.
    pub(super) fn of_status(self, status: StatusCode) -> Self {
        let is_error = !status.is_success();
        Self { is_error, tells_errors: is_error || self.tells_errors, ..self }
    }

    /// Whether the reader's session can be renewed while he works on a page.
    pub(super) fn is_renewable(&self) -> bool {
        self.identity.person().is_some_and(|person| person.asserted().is_some())
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

    /// For JSON that may be several documents.
    pub(super) fn into_json_lines(self) -> Box<dyn Rewriter> {
        Box::new(Json(JsonRewriter::of_many(self)))
    }

    pub(super) fn into_text(self) -> Box<dyn Rewriter> {
        let known = self.known.clone();
        Box::new(Text(TextRewriter::new(known), self))
    }

    /// What leaves instead of a location that was found.
    fn leaving(&self, found: &Found, raw: &str, (task, in_data): (Option<u64>, bool)) -> String {
        match found {
            Found::Upstream(path) => {
                format!("{}{}", self.origin, lists::link(path, self.ids.as_deref()))
            }
            _ if self.sees_locations && !matches!(found, Found::Upload) => raw.to_owned(),
            // A mere name, in words for people.
            Found::Mention if self.is_error => "…".to_owned(),
            // An address of the gateway's own; who may read it is asked when it is.
            Found::Upload => {
                let path = self.path_of(raw).unwrap_or(raw);
                self.learn(path, task, in_data);
                path.to_owned()
            }
            Found::Resolver { task: named, uri } => {
                self.handle(uri, uri, (named.or(task), in_data))
            }
            Found::LocalFile | Found::Mention => self.handle(raw, raw, (task, in_data)),
            Found::Uri(plain) | Found::Link(plain) => self.handle(raw, plain, (task, in_data)),
        }
    }

    /// Sealed is what stood there, byte for byte: it comes back when the handle is opened. Learnt is what it means.
    fn handle(&self, raw: &str, plain: &str, (task, in_data): (Option<u64>, bool)) -> String {
        let (Some(project), Some(person)) = (&self.project, self.person()) else {
            return LEFT_OUT.to_owned();
        };
        let location = Location { project: project.id, task, text: raw.into() };
        let Some(handle) = location.seal(person.account(), person.handle_key()) else {
            return LEFT_OUT.to_owned();
        };
        self.learn(plain, task, in_data);
        format!("/-/m/{}", handle.as_str())
    }

    /// Only what stands in a task's data is referred to by the task: annotations and tabs say what their owners typed.
    fn learn(&self, text: &str, task: Option<u64>, in_data: bool) {
        let number = self.project.as_ref().and_then(|project| project.number);
        if let (Some(number), true) = (number, in_data && self.lists_tasks) {
            self.lookup.learn_uri((number, task), text, self.asked_at);
        }
    }

    fn person(&self) -> Option<&Person> {
        self.identity.person()
    }
}

impl Seal for Passing {
    fn minds(&self, raw: &str) -> bool {
        let may_be_address = !self.sees_all && raw.contains('@');
        self.is_storage || self.tells_errors || may_be_address || may_hold(raw, &self.known)
    }

    fn string(&mut self, at: &Place<'_>, text: &str) -> Option<String> {
        if self.is_storage && !self.sees_locations && PLACES.contains(&at.key()) {
            return Some(if text.is_empty() {
                String::new()
            } else {
                self.handle(text, text, (None, false))
            });
        }
        if !self.sees_all && matches!(at.path().as_slice(), ["active_organization_meta", "email"]) {
            // Its owner's, whom not everybody shares a project with.
            return Some(String::new());
        }
        let sealed = self.name(at, text);
        let tells_of_errors = self.is_error || (OF_ERRORS.contains(&at.key()) && !in_content(at));
        if !tells_of_errors || self.sees_locations {
            return sealed;
        }
        without_paths(sealed.as_deref().unwrap_or(text)).or(sealed)
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
    matches!(at.path().as_slice(), ["data", ..] | ["tasks" | "results", "data", ..])
}

/// What people have put in, whose names are theirs: a task's data, the results of annotations and predictions.
fn in_content(at: &Place<'_>) -> bool {
    let path = at.path();
    let outer = path.split_last().map_or(&[][..], |(_, outer)| outer);
    outer.iter().any(|name| matches!(*name, "data" | "result" | "meta"))
}

/// Words about an error without the paths of the server's files; `None`: there are none.
fn without_paths(text: &str) -> Option<String> {
    let starts = |before: &str| {
        before.is_empty() || before.ends_with([' ', '"', '\'', '=', '(', '[', ':', ',', '\n'])
    };
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | ']' | ',' | ';');
    let (mut clean, mut from, mut at) = (String::new(), 0, 0);
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('/')) {
        let start = at + found;
        let rest = text.get(start..).unwrap_or_default();
        let path = rest.get(..rest.find(ends).unwrap_or(rest.len())).unwrap_or(rest);
        at = start + path.len().max(1);
        let is_ours = path.starts_with("/-/m/") || path.starts_with("//");
        let is_path = path.matches('/').count() > 1 && !is_ours;
        if is_path && starts(text.get(..start).unwrap_or_default()) {
            clean.push_str(text.get(from..start).unwrap_or_default());
            clean.push('…');
            from = at;
        }
    }
    clean.push_str(text.get(from..).unwrap_or_default());
    (from > 0).then_some(clean)
}

fn known(projects: &[Arc<Project>], upstream: String) -> Known {
    let host = upstream.split_once("://").map(|(_, host)| host.to_owned());
    let mut known = Known { endpoints: host.into_iter().collect(), upstream, ..Known::default() };
    for storage in projects.iter().flat_map(|project| project.storages()) {
        let Lying::S3(place) = &storage.place;
        known.buckets.push(place.bucket.clone());
        let endpoint = place.endpoint.as_deref().and_then(|it| it.split_once("://"));
        known.endpoints.extend(endpoint.map(|(_, host)| host.to_owned()));
    }
    known
}

impl Fit for Passing {
    fn finds(&self, name: &str) -> bool {
        replace(name, &self.known, &mut |_, _| String::new()).is_some()
    }

    fn json(&self) -> Box<dyn Rewriter> {
        self.clone().into_json_lines()
    }

    fn text(&self) -> Box<dyn Rewriter> {
        self.clone().into_text()
    }
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

#[cfg(test)]
mod tests {
    use super::without_paths;

    #[test]
    fn words_about_errors_lose_paths_of_files_and_nothing_else() {
        for (text, expected) in [
            (
                "\"/etc\" is not in ROOT=\"/srv/data/files\" today",
                Some("\"/etc\" is not in ROOT=\"…\" today"),
            ),
            ("File /usr/lib/python3/a.py, line 3", Some("File …, line 3")),
            ("/srv/a/b", Some("…")),
            ("see https://example.com/a/b", None),
            ("and/or, 1/2/3", None),
            ("take /-/m/abc", None),
            ("", None),
        ] {
            assert_eq!(without_paths(text).as_deref(), expected, "{text}");
        }
    }
}
