//! What a request brings along for Label Studio: handles in it are opened, and filters of the Data Manager are looked at.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;

use super::Location;
use super::inquiry::{About, InquiryError};
use crate::catalog::{Place, Project};
use crate::label_studio::{Call, Column, Form, NoRoute, check_json, open_handles, raw_columns};
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
        projects: &BTreeSet<u64>,
    ) -> Result<Bytes, InquiryError> {
        let (mut out, mut from) = (Vec::new(), 0);
        for (range, form) in texts {
            let text = body.get(range.clone()).unwrap_or_default();
            if let Some(opened) = self.opened_text(text, *form, projects)? {
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
        if let Some(json) = call.filters()? {
            check_json(json.as_bytes()).map_err(InquiryError::BadFilters)?;
            columns = raw_columns(json.as_bytes());
            let opened = self.opened_text(json.as_bytes(), Form::Json, projects)?;
            let opened = opened.and_then(|opened| String::from_utf8(opened).ok());
            target = call.target_with_filters(&opened.unwrap_or(json)).into();
        }
        if let (Some(body), true) = (body, call.target().starts_with(DATA_MANAGER)) {
            columns.extend(raw_columns(body));
        }
        for column in columns {
            if self.may_hold_locations(&column, projects).await? {
                return Ok((target, true));
            }
        }
        Ok((target, false))
    }

    /// Handles become what they stand for, where they stand for something of the very projects that the request is about.
    fn opened_text(
        &self,
        text: &[u8],
        form: Form,
        projects: &BTreeSet<u64>,
    ) -> Result<Option<Vec<u8>>, InquiryError> {
        open_handles(text, form, &mut |handle| {
            let location = SealedHandle::new(handle).and_then(|handle| self.opened(&handle));
            let Location { project, text, .. } = location.ok_or(InquiryError::ForeignHandle)?;
            let project = self.catalog.project_by_id(self.person.organization(), project);
            match project.and_then(|project| project.number) {
                Some(number) if projects.contains(&number) && !text.contains(['\r', '\n']) => {
                    Ok(text.into_string())
                }
                Some(_) | None => Err(InquiryError::ForeignHandle),
            }
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
