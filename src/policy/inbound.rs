//! What a request brings along for Label Studio: handles in it are opened, and filters of the Data Manager are looked at.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;

use super::Location;
use super::inquiry::{About, InquiryError};
use crate::catalog::{Place, Project};
use crate::label_studio::{
    Call, Column, Form, Known, NoRoute, check_json, open_handles, plain_uri, raw_columns,
    stands_alone,
};
use crate::request::SealedHandle;

/// The Data Manager's own part of the API.
const DATA_MANAGER: &str = "/api/dm/";
/// The parameter in which filters come.
const FILTERS: &str = "query";

impl About<'_> {
    /// The body with its handles opened.
    pub(super) fn opened_body(
        &self,
        body: Bytes,
        texts: &[(Range<usize>, Form)],
        about: Opened<'_>,
    ) -> Result<Bytes, InquiryError> {
        let (mut out, mut from) = (Vec::new(), 0);
        for (range, form) in texts {
            let text = body.get(range.clone()).unwrap_or_default();
            if let Some(opened) = self.opened_text(text, *form, about, &mut Vec::new())? {
                out.extend_from_slice(body.get(from..range.start).unwrap_or_default());
                out.extend_from_slice(&opened);
                from = range.end;
            }
        }
        if from == 0 {
            return Ok(body);
        }
        out.extend_from_slice(body.get(from..).unwrap_or_default());
        Ok(out.into())
    }

    /// Path and query with the handles opened; and whether the request compares raw values with what holds locations.
    pub(super) async fn filters(
        &self,
        call: &Call,
        body: Option<&Bytes>,
        projects: &BTreeSet<u64>,
    ) -> Result<(Box<str>, bool), InquiryError> {
        let (mut target, mut columns) = (call.target().into(), Vec::new());
        let (about, mut opened_here) = (Opened { projects, of_storages: false }, Vec::new());
        if let Some(json) = call.filters()? {
            check_json(json.as_bytes()).map_err(InquiryError::BadFilters)?;
            columns = raw_columns(json.as_bytes());
            let opened = self.opened_text(json.as_bytes(), Form::Json, about, &mut opened_here)?;
            let opened = opened.and_then(|opened| String::from_utf8(opened).ok());
            target = call.target_with_filters(&opened.unwrap_or(json)).into();
        }
        if let (Some(body), true) = (body, call.target().starts_with(DATA_MANAGER)) {
            columns.extend(raw_columns(body));
            self.opened_text(body, Form::Json, about, &mut opened_here)?;
        }
        // A handle can be had of anything that one types: only what a task shows is known already to whoever has it.
        for Held { project, task, text } in &opened_here {
            let lookup = &self.install.lookup;
            // The name of an upload is nothing that anybody guesses.
            let may_search = task.is_none() && text.starts_with("/data/upload/");
            let is_known = lookup.refers(*project, *task, text).await?
                || (may_search
                    && self.may_search(*project)
                    && lookup.is_anywhere(*project, text).await?);
            if !is_known {
                return Ok((target, true));
            }
        }
        for column in columns {
            if self.may_hold_locations(&column, projects).await? {
                return Ok((target, true));
            }
        }
        Ok((target, false))
    }

    /// Handles become what they stand for, where they stand for something of the very projects that the request is about:
    /// a location, but for a storage's own settings, and in words that will be sealed again as they were.
    fn opened_text(
        &self,
        text: &[u8],
        form: Form,
        Opened { projects, of_storages }: Opened<'_>,
        all: &mut Vec<Held>,
    ) -> Result<Option<Vec<u8>>, InquiryError> {
        open_handles(text, form, &mut |handle, around| {
            let location = SealedHandle::new(handle).and_then(|handle| self.opened(&handle));
            let Location { project, task, text } = location.ok_or(InquiryError::ForeignHandle)?;
            let project = self.catalog.project_by_id(self.person.organization(), project);
            let number = project.and_then(|project| project.number);
            let (Some(project), Some(number)) = (project, number) else {
                return Err(InquiryError::ForeignHandle);
            };
            let known = Known { buckets: names(project), ..Known::default() };
            let plain = plain_uri(&text);
            let is_location = plain.contains("://")
                || text.starts_with("/data/")
                || known.buckets.iter().any(|name| **name == *text);
            let alone = around == ("", "") || form == Form::Table;
            let fits = alone || stands_alone(&text, around, &known);
            let here = projects.contains(&number) && !text.contains(['\r', '\n']);
            if !here || !fits || !(is_location || of_storages) {
                return Err(InquiryError::ForeignHandle);
            }
            all.push(Held { project: number, task, text: plain });
            Ok(text.into_string())
        })
    }

    async fn may_hold_locations(
        &self,
        column: &Column,
        projects: &BTreeSet<u64>,
    ) -> Result<bool, InquiryError> {
        let Column::Data(name) = column else { return Ok(true) };
        for number in projects {
            let names = self.project(*number).map(|project| names(project)).unwrap_or_default();
            if self.install.lookup.holds_locations(*number, name, &names).await? {
                return Ok(true);
            }
        }
        Ok(projects.is_empty())
    }
}

/// What handles may stand for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened<'a> {
    /// Something of these projects.
    pub(super) projects: &'a BTreeSet<u64>,
    /// Also a text of a storage's settings, which need not be a location.
    pub(super) of_storages: bool,
}

/// What one stood for.
struct Held {
    project: u64,
    task: Option<u64>,
    text: String,
}

/// Of a project's storages: buckets and hosts.
fn names(project: &Project) -> Vec<String> {
    let mut names = Vec::new();
    for storage in project.storages() {
        let Place::S3(place) = &storage.place;
        names.push(place.bucket.clone());
        let endpoint = place.endpoint.as_deref().and_then(|it| it.split_once("://"));
        names.extend(endpoint.map(|(_, host)| host.to_owned()));
    }
    names
}

impl InquiryError {
    /// The parameter of the query that is at fault.
    #[must_use]
    pub fn parameter(&self) -> Option<&str> {
        if let Self::BadQuery(NoRoute::BadQuery { name }) = self {
            return Some(name);
        }
        matches!(self, Self::BadFilters(_)).then_some(FILTERS)
    }
}
