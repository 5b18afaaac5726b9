//! The demo: the real gateway over an embedded default, with people, projects and media to try it on.

mod media;
mod store;
