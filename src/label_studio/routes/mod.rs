//! The route catalogue: every address of Label Studio that exists for us, what it does and what it is about. The table is
//! `1.23.txt`, for people; this reads it and finds the one row of a request. Matching is exact, anchored and case-sensitive,
//! on the path as it stands on the wire: no address needs an escape, so none is decoded.

mod body;
mod call;
mod matching;
mod multipart;
mod query;
mod row;

use std::sync::Arc;

use http::Method;

pub(super) use matching::number;

use super::Tokens;

pub use body::{BadBody, Body, BodyRule};
pub use call::Call;
pub use row::{Answer, BadTable, Decision, Route};

/// The closed table, parsed.
#[derive(Debug, Default)]
pub struct Routes {
    rows: Vec<Arc<Route>>,
    exchange: bool,
}

/// Why a request is not Label Studio's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    #[error("no row has this method and path")]
    Unlisted,
    #[error("its row is shut for everybody")]
    Shut,
    #[error("the query parameter {name} is unknown, doubled, missing or malformed")]
    BadQuery { name: String },
}

const TABLE: &str = include_str!("1.23.txt");

impl Routes {
    /// The catalogue of Label Studio 1.23.
    ///
    /// # Errors
    /// [`BadTable`]: the program was built with a table that says nothing sound.
    pub fn built_in() -> Result<Self, BadTable> {
        Self::read(TABLE)
    }

    /// Reads a table.
    ///
    /// # Errors
    /// [`BadTable`] with every line that is wrong.
    pub fn read(text: &str) -> Result<Self, BadTable> {
        Ok(Self { rows: row::read(text)?, exchange: false })
    }

    /// The same, with the one address of tokens that opens where Label Studio's own are accepted. The gateway answers there.
    #[must_use]
    pub fn with_exchange(self, tokens: Tokens) -> Self {
        Self { exchange: tokens == Tokens::Accepted, ..self }
    }

    /// Whether tokens are exchanged at this path.
    #[must_use]
    pub fn exchanges(&self, path: &str) -> bool {
        self.exchange && matches!(path, "/api/token/refresh/" | "/api/token/refresh")
    }

    /// The rows, in the order of the table.
    pub fn rows(&self) -> impl Iterator<Item = &Route> {
        self.rows.iter().map(Arc::as_ref)
    }

    /// What a request asks for. `path` and `query` as they stand on the wire.
    ///
    /// # Errors
    /// [`NoRoute`] for everything that no row says.
    pub fn find(&self, method: &Method, path: &str, query: Option<&str>) -> Result<Call, NoRoute> {
        let head_only = *method == Method::HEAD;
        let method = if head_only { &Method::GET } else { method };
        let query = query::read(query)?;
        let mut nearest = NoRoute::Unlisted;
        for route in &self.rows {
            if !route.takes(method) {
                continue;
            }
            let Some(found) = matching::find(&route.path, path) else { continue };
            if route.decision == Decision::Nobody {
                return Err(NoRoute::Shut);
            }
            match route.query.take(&query) {
                query::Taken::NotThis => {}
                query::Taken::Bad(name) => {
                    nearest = NoRoute::BadQuery { name };
                    break;
                }
                query::Taken::All(taken) => {
                    return Ok(Call::new(route, (method, head_only), &found, taken));
                }
            }
        }
        Err(nearest)
    }
}

#[cfg(test)]
mod tests;
