//! The route catalogue: every address of Label Studio that exists for us, what it does and what it is about. The table is
//! `1.23.txt`, for people; this reads it and finds the one row of a request. Matching is exact, anchored and case-sensitive,
//! on the path as it stands on the wire: no address needs an escape, so none is decoded.

mod body;
mod call;
mod matching;
mod multipart;
mod query;
mod row;

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;

pub(super) use matching::number;

use super::Tokens;

pub use body::{BadBody, Body, BodyRule, check_json};
pub use call::Call;
pub use row::{Answer, BadTable, Decision, Route};

/// The closed table, parsed.
#[derive(Debug, Default)]
pub struct Routes {
    rows: Vec<Arc<Route>>,
    exchange: bool,
    /// By what their paths begin with: the places of the rows, in order.
    beginnings: HashMap<Box<str>, Vec<usize>>,
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
        let rows = row::read(text)?;
        let mut beginnings = HashMap::<_, Vec<_>>::new();
        for (at, row) in rows.iter().enumerate() {
            beginnings.entry(row.path.beginning().into()).or_default().push(at);
        }
        Ok(Self { rows, beginnings, exchange: false })
    }

    /// The rows that a path could be of, in the order of the table.
    fn near(&self, path: &str) -> impl Iterator<Item = &Arc<Route>> {
        let [one, two] = matching::beginnings(path).map(|it| self.beginnings.get(it));
        let (one, two) = (one.into_iter().flatten(), two.into_iter().flatten());
        let mut all: Vec<_> = one.chain(two).copied().collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().filter_map(|at| self.rows.get(at))
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

    /// The methods that this path takes from somebody, each once; HEAD beside GET.
    #[must_use]
    pub fn methods(&self, path: &str) -> Vec<Method> {
        let open = self.rows.iter().filter(|route| route.decision != Decision::Nobody);
        let here = open.filter(|route| matching::find(&route.path, path).is_some());
        let mut methods = Vec::new();
        for method in here.flat_map(|route| &route.methods) {
            let head = (*method == Method::GET).then_some(Method::HEAD);
            for method in [Some(method.clone()), head].into_iter().flatten() {
                if !methods.contains(&method) {
                    methods.push(method);
                }
            }
        }
        methods
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
        for route in self.near(path) {
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
