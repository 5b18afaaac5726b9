//! One request to Label Studio as the catalogue understood it: what is sent is rebuilt from this, never copied.

use std::sync::Arc;

use http::Method;
use percent_encoding::percent_decode_str;

use super::super::{Deed, Reference};
use super::NoRoute;
use super::body::BodyRule;
use super::matching::Found;
use super::query::{self, FILTERS, Pairs};
use super::row::{Answer, Decision, Route};
use crate::label_studio::StorageType;

/// Cheap to clone. Made by [`super::Routes::find`] only.
#[derive(Debug, Clone)]
pub struct Call(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    route: Arc<Route>,
    deed: Deed,
    method: Method,
    head_only: bool,
    references: Vec<Reference>,
    named: usize,
    user: Option<u64>,
    storage_type: Option<StorageType>,
    target: Box<str>,
    names_no_project: bool,
    filters: Option<Box<str>>,
}

impl Call {
    pub(super) fn new(
        route: &Arc<Route>,
        (method, head_only): (&Method, bool),
        found: &Found,
        query: Pairs,
    ) -> Self {
        let project = found.numbers.iter().find(|(name, ..)| **name == *"project");
        let project = project.map(|(_, _, number)| *number);
        let reference = |thing: super::row::Thing, number| {
            Some(Reference { kind: thing.kind(found.storage_type, project)?, number })
        };
        let numbers = found.numbers.iter();
        let mut references: Vec<_> =
            numbers.filter_map(|(_, thing, number)| reference((*thing)?, *number)).collect();
        let named = references.len();
        references.extend(query.things.into_iter().filter_map(|(thing, it)| reference(thing, it)));
        let user = found.numbers.iter().find(|(name, ..)| **name == *"user");
        let mut target = found.path.clone();
        if !query.text.is_empty() {
            target.push('?');
            target.push_str(&query.text);
        }
        let deed = match route.decision {
            Decision::Deed(deed) => deed,
            // Never found; if it were, nobody but an administrator had it.
            Decision::Nobody => Deed::ManageOrganization,
        };
        Self(Arc::new(Inner {
            route: Arc::clone(route),
            deed,
            method: method.clone(),
            head_only,
            references,
            named,
            user: user.map(|(_, _, number)| *number),
            storage_type: found.storage_type,
            target: target.into(),
            names_no_project: query.names_no_project,
            filters: query.filters,
        }))
    }

    #[must_use]
    pub fn route(&self) -> &Route {
        &self.0.route
    }

    #[must_use]
    pub fn deed(&self) -> Deed {
        self.0.deed
    }

    /// GET for a HEAD, too.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// Whether it may change something.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.0.method != Method::GET
    }

    #[must_use]
    pub fn head_only(&self) -> bool {
        self.0.head_only
    }

    #[must_use]
    pub fn answer(&self) -> Answer {
        self.0.route.answer
    }

    /// Everything that path and query name.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.0.references
    }

    /// Those of them that stand in the path: what the request is done to.
    #[must_use]
    pub fn subjects(&self) -> &[Reference] {
        self.0.references.get(..self.0.named).unwrap_or_default()
    }

    /// The user whom the path names.
    #[must_use]
    pub fn user(&self) -> Option<u64> {
        self.0.user
    }

    /// The type of storage that the path names.
    #[must_use]
    pub fn storage_type(&self) -> Option<StorageType> {
        self.0.storage_type
    }

    /// Path and query in canonical form.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.0.target
    }

    /// Whether it is a list of one project that names none.
    #[must_use]
    pub fn names_no_project(&self) -> bool {
        self.0.names_no_project
    }

    /// The same for this project.
    #[must_use]
    pub fn target_for_project(&self, number: u64) -> String {
        let joint = if self.0.target.contains('?') { '&' } else { '?' };
        format!("{}{joint}project={number}", self.0.target)
    }

    /// The JSON of the Data Manager's filters in the query. Label Studio decodes it twice, and so does this.
    ///
    /// # Errors
    /// [`NoRoute::BadQuery`] for what is not UTF-8.
    pub fn filters(&self) -> Result<Option<String>, NoRoute> {
        let bad = |_| NoRoute::BadQuery { name: FILTERS.to_owned() };
        let text = self.0.filters.as_deref();
        let decoded = text.map(|text| percent_decode_str(text).decode_utf8().map(String::from));
        decoded.transpose().map_err(bad)
    }

    /// Path and query with these filters, encoded twice.
    #[must_use]
    pub fn target_with_filters(&self, json: &str) -> String {
        let (path, query) = self.0.target.split_once('?').unwrap_or((&self.0.target, ""));
        let kept = query.split('&').filter(|pair| pair.split('=').next() != Some(FILTERS));
        let filters = query::pair(FILTERS, &json.replace('%', "%25"));
        let pairs: Vec<_> = kept.chain([&*filters]).filter(|pair| !pair.is_empty()).collect();
        format!("{path}?{}", pairs.join("&"))
    }

    #[must_use]
    pub fn body(&self) -> &BodyRule {
        &self.0.route.body
    }
}
