//! A no for a person: what a browser shows that went to an address which it may not open.

use askama::Template;

/// The page's variable parts; askama escapes them.
#[derive(Debug, Template)]
#[template(path = "refused.html")]
pub(crate) struct RefusedPage {
    pub title: &'static str,
    pub message: &'static str,
    pub ways: Vec<Way>,
    /// By which the operator finds out why.
    pub request_id: String,
}

/// Where the person can go from there.
#[derive(Debug)]
pub(crate) struct Way {
    pub label: &'static str,
    /// A path of ours.
    pub address: String,
}
