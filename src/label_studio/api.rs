//! Label Studio's API as the gateway itself asks it: whole bodies on the control plane, a connection each, no redirect
//! followed, nothing repeated but what a fresh access token may help.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Holder, Settings, UserToken};
use crate::ground::secret::Secret;
use crate::outbound::{Door, Host, OutboundError};

/// Asks Label Studio. Shared by all threads.
#[derive(Debug)]
pub struct Api {
    door: Arc<Door>,
    url: Uri,
    token: Secret<String>,
    /// Got for the token, where that is one that must be exchanged.
    access: ArcSwapOption<Secret<String>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("Label Studio cannot be asked")]
    Unreachable(#[from] OutboundError),
    #[error("Label Studio answered {status} to {what}")]
    Refused { what: &'static str, status: StatusCode },
    #[error("Label Studio gave no usable answer to {what}")]
    Garbled { what: &'static str },
}

/// As whom a request is made.
#[derive(Debug, Clone, Copy)]
pub(super) enum As<'a> {
    Nobody,
    Gateway,
    /// By the cookie of a session.
    Session(&'a Secret<String>),
    /// As the holder of a token.
    Holder(&'a UserToken),
}

/// A project as it is listed.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    pub(super) id: u64,
    pub(super) title: Option<String>,
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A page of a thousand tasks fits.
const LARGEST: usize = 64 << 20;
/// Label Studio's own limit of a page.
const PAGE: usize = 100;
const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Api {
    #[must_use]
    pub fn new(door: Arc<Door>, settings: &Settings) -> Self {
        let (url, token) = (settings.url.clone(), settings.token.clone());
        Self { door, url, token, access: ArcSwapOption::empty() }
    }

    /// Whether the gateway acts by a token of the old kind.
    #[must_use]
    pub fn acts_by_legacy(&self) -> bool {
        !self.token.expose().contains('.')
    }

    /// Where it is.
    ///
    /// # Errors
    /// [`OutboundError::BadAddress`]
    pub fn host(&self) -> Result<Host, OutboundError> {
        Host::of(&self.url)
    }

    /// Something as the gateway itself; `None` for what does not exist.
    ///
    /// # Errors
    /// [`ApiError`]
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        what: &'static str,
        path: &str,
    ) -> Result<Option<T>, ApiError> {
        let mut answered = self.send(As::Gateway, (Method::GET, path), None).await?;
        if answered.status == StatusCode::UNAUTHORIZED {
            // The access token was at its end.
            self.access.store(None);
            answered = self.send(As::Gateway, (Method::GET, path), None).await?;
        }
        match answered.status {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => answered.json(what).map(Some),
            status => Err(ApiError::Refused { what, status }),
        }
    }

    /// All of its projects.
    pub(super) async fn projects(&self) -> Result<Vec<Listed>, ApiError> {
        #[derive(Deserialize)]
        struct Page {
            results: Vec<Listed>,
            next: Option<String>,
        }
        let mut all = Vec::new();
        for page in 1.. {
            let path = format!("/api/projects/?page={page}&page_size={PAGE}&include=id,title");
            // A list that is not there is no list that is empty.
            let page: Option<Page> = self.get("its projects", &path).await?;
            let page = page.ok_or(ApiError::Garbled { what: "its projects" })?;
            let Page { results, next } = page;
            all.extend(results);
            if next.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// One project; `None` when there is none of this number.
    pub(super) async fn project(&self, number: u64) -> Result<Option<Listed>, ApiError> {
        self.get("a project", &format!("/api/projects/{number}/?include=id,title")).await
    }

    /// Exchanges a token that lasts for one that does not. `None`: it is no longer good.
    pub(super) async fn refresh(
        &self,
        token: &Secret<String>,
    ) -> Result<Option<Secret<String>>, ApiError> {
        #[derive(Deserialize)]
        struct Refreshed {
            access: String,
        }
        const WHAT: &str = "the refresh of a token";
        let body = serde_json::json!({ "refresh": token.expose() }).to_string();
        let asked = (Method::POST, "/api/token/refresh/");
        let answered = self.send(As::Nobody, asked, Some((JSON, body))).await?;
        match answered.status {
            StatusCode::OK => {
                answered.json::<Refreshed>(WHAT).map(|it| Some(Secret::new(it.access)))
            }
            StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST => Ok(None),
            status => Err(ApiError::Refused { what: WHAT, status }),
        }
    }

    /// Whose token that is. `None`: it holds no more, or never did.
    pub(super) async fn holder(&self, token: &UserToken) -> Result<Option<Holder>, ApiError> {
        const WHAT: &str = "whose a token is";
        let asked = (Method::GET, "/api/current-user/whoami");
        let answered = self.send(As::Holder(token), asked, None).await?;
        match answered.status {
            StatusCode::OK => answered.json(WHAT).map(Some),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(None),
            status => Err(ApiError::Refused { what: WHAT, status }),
        }
    }

    /// One exchange, whatever its status.
    pub(super) async fn send(
        &self,
        who: As<'_>,
        (method, path): (Method, &str),
        body: Option<(HeaderValue, String)>,
    ) -> Result<Answered, ApiError> {
        let mut headers = HeaderMap::new();
        match who {
            As::Nobody => {}
            As::Gateway => {
                headers.insert(AUTHORIZATION, secret_value(&self.authorization().await?)?);
            }
            As::Session(cookie) => {
                headers.insert(COOKIE, secret_value(cookie)?);
            }
            As::Holder(token) => {
                headers.insert(AUTHORIZATION, secret_value(&token.authorization())?);
            }
        }
        self.exchange(headers, (method, path), body).await
    }

    /// One exchange with these headers.
    pub(super) async fn exchange(
        &self,
        headers: HeaderMap,
        (method, path): (Method, &str),
        body: Option<(HeaderValue, String)>,
    ) -> Result<Answered, ApiError> {
        let garbled = |_fault| ApiError::Garbled { what: "an address" };
        let base = self.url.to_string();
        let uri = format!("{}{path}", base.trim_end_matches('/')).parse::<Uri>();
        let (kind, body) = body.map_or((None, String::new()), |(kind, body)| (Some(kind), body));
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri.map_err(garbled)?;
        *request.headers_mut() = headers;
        request.headers_mut().insert(ACCEPT, JSON);
        if let Some(kind) = kind {
            request.headers_mut().insert(CONTENT_TYPE, kind);
        }
        let authority = self.host()?.authority().to_owned();
        if let Ok(authority) = HeaderValue::try_from(authority) {
            request.headers_mut().insert(HOST, authority);
        }
        let deadline = self.door.patience().answer;
        let answer: Response<Bytes> = self.door.exchange(request, deadline, LARGEST).await?;
        let (head, body) = answer.into_parts();
        Ok(Answered { status: head.status, headers: head.headers, body })
    }

    /// A legacy token is shown as it is; a personal access token is exchanged.
    async fn authorization(&self) -> Result<Secret<String>, ApiError> {
        if self.acts_by_legacy() {
            return Ok(Secret::new(format!("Token {}", self.token.expose())));
        }
        if let Some(access) = &*self.access.load() {
            return Ok(Secret::clone(access));
        }
        let status = StatusCode::UNAUTHORIZED;
        let refused = ApiError::Refused { what: "the gateway's own token", status };
        let access = Box::pin(self.refresh(&self.token)).await?.ok_or(refused)?;
        let bearer = Secret::new(format!("Bearer {}", access.expose()));
        self.access.store(Some(Arc::new(bearer.clone())));
        Ok(bearer)
    }
}

impl Answered {
    pub(super) fn json<T: DeserializeOwned>(&self, what: &'static str) -> Result<T, ApiError> {
        serde_json::from_slice(&self.body).or(Err(ApiError::Garbled { what }))
    }
}

fn secret_value(secret: &Secret<String>) -> Result<HeaderValue, ApiError> {
    let mut value = HeaderValue::try_from(secret.expose().as_str())
        .or(Err(ApiError::Garbled { what: "a token that no header can carry" }))?;
    value.set_sensitive(true);
    Ok(value)
}
