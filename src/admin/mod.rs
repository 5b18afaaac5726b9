//! What the gateway answers by itself under `/-/`: pages, the account, handles, explanations.

mod account;
mod answer;
mod asset;
mod body;
mod browser;
mod error;
mod exchange;
mod explain;
mod handles;
mod home;
mod invitation;
mod label_studio_user;
mod refused;
mod saml;
mod signing;

use std::sync::Arc;

use http::StatusCode;

use crate::backend::Reply;
use crate::catalog::{LiveCatalog, Project};
use crate::ground::control::Control;
use crate::identity::{Person, Schemes};
use crate::listener::{Incoming, RequestBody};
use crate::policy::{Denial, Grant, Policy};
use crate::request::{Ask, Visit};
use crate::sign_in::Sso;
use account::Account;
use home::HomePage;

pub(crate) use answer::Answer;
pub use error::DeskError;
pub use explain::Explanations;
pub(crate) use refused::{RefusedPage, Way};
pub(crate) use saml::renewal;

/// Answers our own routes. Shared by all threads.
#[derive(Debug)]
pub struct Desk {
    pub policy: Arc<Policy>,
    pub schemes: Arc<Schemes>,
    pub sso: Arc<Sso>,
    pub control: Control,
    pub explanations: Explanations,
    pub occasion: Occasion,
}

/// What the gateway runs for.
#[derive(Debug, Clone)]
pub enum Occasion {
    Service,
    /// The home page then offers to try what is refused, by the name of a project that the visitor does not have.
    Demo(LiveCatalog),
}

/// 1,000 objects with long keys.
const HANDLES_LIMIT: usize = 1 << 20;

impl Desk {
    /// Answers a visit that has been granted.
    ///
    /// # Errors
    /// [`DeskError`] as its variants say.
    pub async fn answer(
        &self,
        grant: &Grant,
        incoming: &Incoming,
        body: Option<RequestBody>,
    ) -> Result<Reply, DeskError> {
        let visit = match grant.operation().ask() {
            Ask::Visit(visit) => visit,
            Ask::Read(_) | Ask::Write(_) | Ask::List { .. } | Ask::LabelStudio(_) => {
                return Err(DeskError::NotOurs);
            }
        };
        let answer = match visit {
            Visit::Asset(name) => asset::answer(name, incoming.headers())?,
            Visit::Home => self.home(grant)?,
            Visit::SignInPage { return_to, organization } => {
                signing::page(&self.sso, return_to.as_deref(), organization.as_deref())?
            }
            Visit::SignIn => signing::sign_in(self, incoming, body).await?,
            Visit::InvitationPage { code } => {
                invitation::page(&self.schemes, incoming, code).await?
            }
            Visit::AcceptInvitation { code } => {
                invitation::accept(self, incoming, (code, body)).await?
            }
            Visit::SignOut => {
                signing::sign_out(&self.sso, incoming, grant.identity().person()).await?
            }
            Visit::LabelStudioUserPage { return_to } => {
                label_studio_user::page(person(grant)?, return_to.as_deref())?
            }
            Visit::ClaimLabelStudioUser => {
                label_studio_user::claim(&self.schemes, incoming, (person(grant)?, body)).await?
            }
            Visit::SamlMetadata(organization) => saml::metadata(&self.sso, organization)?,
            Visit::SamlSignIn { organization, return_to, how } => {
                let asked = (organization, return_to.as_deref(), *how);
                saml::begin(&self.sso, incoming, asked).await?
            }
            Visit::AcceptAssertion(organization) => {
                Box::pin(saml::accept(&self.sso, incoming, (organization, body))).await?
            }
            Visit::SingleLogout(organization) => {
                Box::pin(saml::hear(&self.sso, incoming, (organization, body))).await?
            }
            Visit::Account => {
                let visible = self.policy.visible_projects(grant);
                Answer::json(&Account::of(person(grant)?, &visible, self.sso.now()))?
            }
            Visit::SealHandles => {
                let body = body::read(incoming, body, "application/json", HANDLES_LIMIT).await?;
                handles::answer(&self.policy, grant, &body)?
            }
            Visit::ExchangeToken => exchange::answer(&self.schemes, incoming, body).await?,
            Visit::Preflight { methods } => Answer::preflight(methods),
            Visit::ExplainRequest(id) => {
                let organization = person(grant)?.organization_name();
                self.explanations.answer(&self.control, *id, organization).await?
            }
        };
        Ok(answer.into_reply(grant))
    }

    fn home(&self, grant: &Grant) -> Result<Answer, DeskError> {
        let visible = self.policy.visible_projects(grant);
        let person = person(grant)?;
        let listable = |project: &Project| self.policy.listable_storages(grant, project);
        let page = HomePage::new(person, &visible, listable);
        let origin = person.asserted().and_then(|_| self.sso.origin(person.organization_name()));
        let framing = |answer: Answer| match &origin {
            Some(origin) => answer.framing(origin),
            None => answer,
        };
        let Occasion::Demo(catalog) = &self.occasion else {
            return Answer::page(StatusCode::OK, &page).map(framing);
        };
        let catalog = catalog.current();
        let all =
            catalog.organization(person.organization()).into_iter().flat_map(|one| one.projects());
        let hidden = all.into_iter().find(|one| !visible.iter().any(|seen| seen.id == one.id));
        Answer::page(StatusCode::OK, &page.with_trials(hidden.map(Arc::as_ref))).map(framing)
    }
}

/// Who is signed in. Policy has made sure that somebody is; this does not rely on it.
fn person(grant: &Grant) -> Result<&Person, DeskError> {
    grant.identity().person().ok_or(DeskError::Denied(Denial::NotSignedIn))
}
