//! The story of a request. Every line is a stage, every stage is a module; there is no logic here, but for who is heard out.

use std::rc::Rc;
use std::sync::Arc;

use http::Response;

use crate::admin::Desk;
use crate::audit::{Audit, Entry};
use crate::backend::{Reply, Store};
use crate::credential::Minter;
use crate::identity::Schemes;
use crate::label_studio::Routes;
use crate::listener::Incoming;
use crate::policy::{Destination, Grant, Inquiry, Policy};
use crate::refusal::Refusal;
use crate::request::Operation;
use crate::stream::{self, Held, RelayBody, Running};

/// One data-plane thread's view of the whole: shared stages, and what is this thread's own.
#[derive(Debug)]
pub struct Gateway {
    pub audit: Arc<Audit>,
    /// What Label Studio may be asked, where there is one.
    pub routes: Arc<Routes>,
    pub schemes: Arc<Schemes>,
    pub inquiry: Arc<Inquiry>,
    pub policy: Arc<Policy>,
    pub minter: Arc<Minter>,
    pub desk: Arc<Desk>,
    /// This thread's connections to the places where bytes live.
    pub store: Store,
    /// This thread's running streams.
    pub running: Rc<Running>,
}

impl Gateway {
    /// Answers one request, for as long as its client waits; who signs in or out is served to the end, and told of, in any case.
    pub async fn answer(self: Rc<Self>, incoming: Incoming) -> Response<RelayBody<Entry>> {
        let attends = Operation::is_attendance(&incoming, &self.routes);
        // Boxed, so that an idle connection holds no room for it.
        let story = async move { Box::pin(self.serve(incoming)).await };
        if attends { stream::to_the_end(story).await } else { story.await }
    }

    /// The story: open an entry, fulfil, relay; the entry is finished by the stream's end.
    async fn serve(&self, mut incoming: Incoming) -> Response<RelayBody<Entry>> {
        let mut entry = self.audit.open(&incoming).await;
        match self.fulfil(&mut incoming, &mut entry).await {
            Ok((reply, held)) => stream::relay(reply, held, &incoming, entry),
            Err(refusal) => {
                entry.refused(refusal.code(), refusal.cause());
                entry.tried(refusal.sign_in(), refusal.about());
                stream::answer(refusal.render(&incoming), &incoming, entry)
            }
        }
    }

    async fn fulfil(
        &self,
        incoming: &mut Incoming,
        entry: &mut Entry,
    ) -> Result<(Reply, Held), Refusal> {
        let operation = Operation::parse(incoming, &self.routes)?; // what is asked
        entry.asked(&operation);
        let identity = self.schemes.identify(incoming, &operation).await?; // who asks
        entry.identified(&identity);
        let admission = self.policy.admit(&identity, &operation)?; // may he ask at all
        let matter = self.inquiry.find(incoming, &operation, (&identity, admission)).await?; // about what
        let client = incoming.client();
        let grant = self.policy.decide_about(&identity, &operation, matter, client)?; // may they
        entry.permitted(&grant);
        let held = self.running.hold(grant, incoming)?; // from here on it can lapse
        let reply = held.unless_lapsed(self.act(&held, incoming, entry)).await??;
        Ok((reply, held))
    }

    async fn act(
        &self,
        grant: &Grant,
        incoming: &mut Incoming,
        entry: &mut Entry,
    ) -> Result<Reply, Refusal> {
        let credential = self.minter.mint(grant).await?; // as whom we act
        entry.acting_as(&credential).await?; // recorded before the deed
        let body = incoming.take_body();
        let reply = match grant.destination() {
            Destination::Ours => Box::pin(self.desk.answer(grant, incoming, body)).await?,
            Destination::Object { .. }
            | Destination::Listing { .. }
            | Destination::LabelStudio(_) => {
                self.store.send(grant, &credential, body).await? // where the bytes live
            }
        };
        entry.about_to_answer(&reply).await?; // recorded before the first byte
        Ok(reply)
    }
}
