//! Lists of projects, cut to those that the asker may see by Label Studio's own filter, so that counts, pages and links are
//! right. What comes in one list without a count is cut on its way out: `picked`.

use super::SHELL;
use crate::label_studio::{Answer, Call, Deed};
use crate::policy;

/// A request for a list of projects: Label Studio is asked for no others.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Narrowed {
    pub(super) target: String,
    /// The filter that the client itself had, which its links keep.
    pub(super) own: Option<Box<str>>,
}

const IDS: &str = "ids=";

/// What Label Studio is asked instead.
pub(super) fn narrowed(call: &Call, wanted: &policy::Errand) -> Narrowed {
    if call.answer() == Answer::Shell {
        return Narrowed { target: SHELL.to_owned(), own: None };
    }
    if call.answer() == Answer::Export && !wanted.sees_locations {
        return Narrowed { target: without_media(&wanted.target), own: None };
    }
    if call.deed() != Deed::ListProjects {
        return Narrowed { target: wanted.target.to_string(), own: None };
    }
    let visible = wanted.projects.iter().filter_map(|it| it.number).collect::<Vec<_>>();
    narrow(&wanted.target, (!wanted.sees_all).then_some(visible.as_slice()))
}

/// What Label Studio would fetch for tasks of an export, it fetches from any project: it fetches nothing.
fn without_media(target: &str) -> String {
    const MEDIA: &str = "download_resources=";
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if !path.ends_with("/export") {
        return target.to_owned();
    }
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with(MEDIA));
    let none = format!("{MEDIA}false");
    let pairs: Vec<_> = kept.chain([&*none]).collect();
    format!("{path}?{}", pairs.join("&"))
}

/// `visible`: nothing else may be listed; `None`: everything may.
fn narrow(target: &str, visible: Option<&[u64]>) -> Narrowed {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let own =
        query.split('&').find_map(|pair| pair.strip_prefix(IDS)).filter(|ids| !ids.is_empty());
    let named = own.map(|ids| ids.split(',').filter_map(|id| id.parse().ok()).collect::<Vec<_>>());
    let ids = match (named, visible) {
        (None, None) => return Narrowed { target: target.to_owned(), own: None },
        (None, Some(visible)) => visible.to_vec(),
        (Some(named), None) => named,
        (Some(named), Some(visible)) => {
            named.into_iter().filter(|id| visible.contains(id)).collect()
        }
    };
    // No project has the number 0: for whoever may see none.
    let ids: Vec<_> =
        if ids.is_empty() { &[0] } else { ids.as_slice() }.iter().map(u64::to_string).collect();
    let filter = format!("{IDS}{}", ids.join(","));
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with(IDS));
    let pairs: Vec<_> = kept.chain([&*filter]).collect();
    Narrowed { target: format!("{path}?{}", pairs.join("&")), own: own.map(Into::into) }
}

/// A link to another page, with the client's own filter in place of the gateway's.
pub(super) fn link(path: &str, own: Option<&str>) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let own = own.map(|ids| format!("{IDS}{ids}"));
    let kept = query.split('&').filter(|pair| !pair.starts_with(IDS));
    let pairs: Vec<_> = kept.chain(own.as_deref()).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_asked_for_of_what_it_may_see() {
        for (target, visible, expected) in [
            ("/p/", Some(&[1, 2][..]), "/p/?ids=1,2"),
            ("/p/?page=2", Some(&[1, 2]), "/p/?page=2&ids=1,2"),
            ("/p/?ids=2,3&page=2", Some(&[1, 2]), "/p/?page=2&ids=2"),
            ("/p/?ids=3", Some(&[1, 2]), "/p/?ids=0"),
            ("/p/?ids=x%00,2", Some(&[1, 2]), "/p/?ids=2"),
            ("/p/?ids=", Some(&[1, 2]), "/p/?ids=1,2"),
            ("/p/", Some(&[]), "/p/?ids=0"),
            ("/p/?page=2", None, "/p/?page=2"),
            ("/p/?ids=7,x", None, "/p/?ids=7"),
        ] {
            assert_eq!(narrow(target, visible).target, expected, "{target}");
        }
    }

    #[test]
    fn links_keep_the_filter_of_the_client_and_no_other() {
        assert_eq!(link("/p/?ids=1%2C2&page=2", None), "/p/?page=2");
        assert_eq!(link("/p/?ids=1%2C2", None), "/p/");
        assert_eq!(link("/p/?ids=2&page=2", Some("2,3")), "/p/?page=2&ids=2,3");
        assert_eq!(link("/p/", None), "/p/");
    }
}
