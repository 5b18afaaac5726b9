//! The way out of one data-plane thread: knows the storages that it was asked about, and keeps its own connections.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::label_studio::{Front, Install};
use super::pool::{Open, Pool};
use super::send::{Errand, Way};
use super::upload::Upload;
use super::{BackendError, Reply, Settings, kind, list, read, write};
use crate::catalog::{Storage, StorageId};
use crate::credential::Credential;
use crate::ground::clock::Clock;
use crate::ground::random::Random;
use crate::listener::RequestBody;
use crate::outbound::{Door, Host};
use crate::policy::{Destination, Grant};
use crate::request::Ask;

/// The way out, one per data-plane thread (its connections are never shared). Its futures must run in a
/// [`tokio::task::LocalSet`].
#[derive(Debug)]
pub struct Store {
    way: Rc<Way>,
    settings: Settings,
    known: RefCell<HashMap<StorageId, Known, ahash::RandomState>>,
    pools: RefCell<HashMap<Host, Rc<Pool>, ahash::RandomState>>,
    open: Rc<Open>,
    front: Option<Rc<Front>>,
}

/// A storage as it was at one revision, with everything that does not depend on a request worked out.
#[derive(Debug, Clone)]
struct Known {
    revision: u64,
    kind: Rc<dyn kind::Kind>,
    pool: Rc<Pool>,
}

/// Storages and hosts remembered at most; beyond it, all are forgotten and learnt anew.
const REMEMBERED: usize = 10_000;

impl Store {
    #[must_use]
    pub fn new(door: Arc<Door>, clock: Clock, random: Random, settings: Settings) -> Self {
        let way = Rc::new(Way { door, clock, random });
        Self {
            way,
            settings,
            known: RefCell::default(),
            pools: RefCell::default(),
            open: Rc::default(),
            front: None,
        }
    }

    /// The same, and a way to Label Studio.
    #[must_use]
    pub fn before(self, install: Option<Arc<Install>>) -> Self {
        let front = install.map(|install| {
            let (settings, open) = (self.settings.clone(), Rc::clone(&self.open));
            let pool = Pool::prompt(install.host.clone(), settings, open);
            Rc::new(Front::new(install, pool))
        });
        Self { front, ..self }
    }

    fn front(&self) -> Result<&Front, BackendError> {
        self.front.as_deref().ok_or(BackendError::NotForStorage)
    }

    fn way(&self) -> Rc<Way> {
        Rc::clone(&self.way)
    }

    /// Sends what the grant permits and checks the answer's head.
    ///
    /// # Errors
    /// [`BackendError`]; never a reply that could be cut short unnoticed.
    pub async fn send(
        &self,
        grant: &Grant,
        credential: &Credential,
        body: Option<RequestBody>,
    ) -> Result<Reply, BackendError> {
        match (grant.operation().ask(), grant.destination()) {
            (Ask::Read(read), Destination::Object { storage, key, .. }) => {
                read::read(&self.errand(storage, credential)?, key, read).await
            }
            (Ask::Write(write), Destination::Object { storage, key, .. }) => {
                let errand = self.errand(storage, credential)?;
                let upload = match body {
                    Some(body) => Upload::new(body, write.length),
                    None => Upload::new(http_body_util::Empty::new(), write.length),
                };
                // Boxed: rare beside reads, and large.
                Box::pin(write::write(&errand, key, write, upload)).await
            }
            (Ask::List { page, .. }, Destination::Listing { storage, .. }) => {
                Box::pin(list::list(&self.errand(storage, credential)?, page)).await
            }
            (Ask::LabelStudio(call), Destination::LabelStudio(errand)) => {
                let asked = self.front()?.call(self.way(), (grant, credential), (call, errand));
                Box::pin(asked).await
            }
            (Ask::Read(read), Destination::LabelStudio(errand)) => {
                let read = self.front()?.read(self.way(), credential, (read, errand));
                Box::pin(read).await
            }
            (Ask::Read(_), Destination::Listing { .. } | Destination::Ours)
            | (
                Ask::Write(_),
                Destination::Listing { .. } | Destination::Ours | Destination::LabelStudio(_),
            )
            | (
                Ask::List { .. },
                Destination::Object { .. } | Destination::Ours | Destination::LabelStudio(_),
            )
            | (
                Ask::LabelStudio(_),
                Destination::Object { .. } | Destination::Listing { .. } | Destination::Ours,
            )
            | (Ask::Visit(_), _) => Err(BackendError::NotForStorage),
        }
    }

    /// What a request to this storage needs.
    pub(super) fn errand(
        &self,
        storage: &Storage,
        credential: &Credential,
    ) -> Result<Errand, BackendError> {
        let known = &mut *self.known.borrow_mut();
        let known = match known.get(&storage.id) {
            Some(known) if known.revision == storage.revision => known.clone(),
            Some(_) | None => {
                let fresh = self.learn(storage)?;
                if known.len() >= REMEMBERED {
                    known.clear();
                }
                known.insert(storage.id, fresh.clone());
                fresh
            }
        };
        let (way, credential) = (Rc::clone(&self.way), credential.clone());
        Ok(Errand { way, kind: known.kind, pool: known.pool, credential })
    }

    fn learn(&self, storage: &Storage) -> Result<Known, BackendError> {
        let kind = kind::of(&storage.place)?;
        let pools = &mut *self.pools.borrow_mut();
        if pools.len() >= REMEMBERED {
            pools.clear();
        }
        let pool = pools.entry(kind.host().clone()).or_insert_with_key(|host| {
            Pool::new(host.clone(), self.settings.clone(), Rc::clone(&self.open))
        });
        Ok(Known { revision: storage.revision, pool: Rc::clone(pool), kind })
    }
}
