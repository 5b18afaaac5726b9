//! All that knows Label Studio: what its routes are, whose objects they name, how a person becomes its user, and how raw
//! URIs in its answers become handles. Speaks of people and projects by numbers and names; who may do what is `policy`'s.

mod adoption;
mod api;
mod bridge;
mod claims;
mod columns;
mod deed;
mod filters;
mod kept;
mod lookup;
mod passed;
mod people;
mod reference;
mod rewrite;
mod routes;
mod rows;
mod search;
mod settings;
mod survey;
mod user_token;
mod users;

pub use adoption::{Adoption, AdoptionError};
pub use api::{Api, ApiError};
pub use bridge::{Access, Banks, Bridge, BridgeError, Known as KnownUser};
pub use deed::{Deed, NoDeed, Reach};
pub use filters::{Column, raw_columns};
pub use kept::Kept;
pub use lookup::{Found, Lookup, LookupError, STALE, Sources};
pub use people::{People, PeopleError};
pub use reference::{Direction, Kind, Reference, StorageType};
pub use rewrite::{
    Around, Form, Garbled, JsonRewriter, Known, Location, Member, Place, Seal, TextRewriter, Uris,
    is_handle, may_hold, media_text, open_handles, plain_uri, replace, stands_alone,
};
pub use routes::{
    Answer, BadBody, BadTable, Body, BodyRule, Call, Decision, NoRoute, Route, Routes, check_json,
};
pub use rows::{Access as RowAccess, BadDatabase, Database, Rows};
pub use settings::{Passwords, Settings, Tokens, Version};
pub use survey::{Shown, Standing, SurveyedProject, SurveyedStorage, Told};
pub use user_token::{Holder, UserToken};
