//! A no for a person: what a browser shows that went to an address which it may not open.

use askama::Template;

/// The page's variable parts; askama escapes them.
#[derive(Debug, Template)]
#[template(path = "refused.html")]
pub(crate) struct RefusedPage<'a> {
    pub title: &'a str,
    pub message: &'a str,
    /// By which the operator finds out why.
    pub request_id: String,
}
