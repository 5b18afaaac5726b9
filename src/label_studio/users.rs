//! Users of Label Studio, driven as a person would: signed up by an invitation, logged in by the form, given a token that
//! lasts. Label Studio checks its CSRF token against a cookie of the same request, so a pair of our own does.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Deserialize;

use super::UserToken;
use super::api::{Answered, Api, ApiError, As};
use crate::ground::random::Random;
use crate::ground::secret::Secret;

/// A user, and the token that lasts.
#[derive(Debug)]
pub(super) struct User {
    pub(super) number: u64,
    pub(super) token: Secret<String>,
}

/// What came of signing somebody up.
#[derive(Debug)]
pub(super) enum SignedUp {
    Made(Secret<String>),
    /// There is a user of this e-mail already.
    Exists,
}

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const TOKENS: &str = "/api/token/";

#[derive(Deserialize)]
struct Token {
    token: String,
}

impl Api {
    /// Signs a new user up by the install's invitation link; gives the cookie of his session.
    pub(super) async fn sign_up(
        &self,
        random: &Random,
        email: &str,
        password: &Secret<String>,
    ) -> Result<SignedUp, ApiError> {
        const WHAT: &str = "a sign-up";
        let invitation: Option<Token> = self.get("its invitation", "/api/invite").await?;
        let Token { token } = invitation.ok_or(ApiError::Garbled { what: "its invitation" })?;
        let path = format!("/user/signup/?token={token}");
        let answered = self.post_form(random, &path, (email, password)).await?;
        match (answered.status, session_of(&answered)) {
            (StatusCode::FOUND, Some(cookie)) => Ok(SignedUp::Made(cookie)),
            (StatusCode::OK, _) if says(&answered, "already exists") => Ok(SignedUp::Exists),
            (status, _) => Err(ApiError::Refused { what: WHAT, status }),
        }
    }

    /// Logs a user in; gives the cookie of his session, or nothing when the password is wrong.
    pub(super) async fn log_in(
        &self,
        random: &Random,
        email: &str,
        password: &Secret<String>,
    ) -> Result<Option<Secret<String>>, ApiError> {
        let answered = self.post_form(random, "/user/login/", (email, password)).await?;
        match answered.status {
            StatusCode::FOUND => Ok(session_of(&answered)),
            StatusCode::OK => Ok(None),
            status => Err(ApiError::Refused { what: "a log-in", status }),
        }
    }

    /// The number of the user whose session it is.
    pub(super) async fn number_of(&self, cookie: &Secret<String>) -> Result<u64, ApiError> {
        const WHAT: &str = "who a user is";
        #[derive(Deserialize)]
        struct Whoami {
            id: u64,
        }
        let who = self.send(As::Session(cookie), (Method::GET, "/api/current-user/whoami"), None);
        let Whoami { id } = who.await?.expect(StatusCode::OK, WHAT)?.json(WHAT)?;
        Ok(id)
    }

    /// Makes the holder of a token one that lasts longer, unless he has one already.
    pub(super) async fn lasting(
        &self,
        token: &UserToken,
    ) -> Result<Option<Secret<String>>, ApiError> {
        const WHAT: &str = "a new token";
        let made = self.send(As::Holder(token), (Method::POST, TOKENS), None).await?;
        if made.status == StatusCode::CONFLICT {
            return Ok(None);
        }
        let Token { token } = made.expect(StatusCode::CREATED, WHAT)?.json(WHAT)?;
        Ok(Some(Secret::new(token)))
    }

    /// Makes the user a token that lasts. Each has one at most: one that he made himself is replaced.
    pub(super) async fn user_of(&self, cookie: &Secret<String>) -> Result<User, ApiError> {
        const WHAT: &str = "a new token";
        let number = self.number_of(cookie).await?;
        let mut made = self.send(As::Session(cookie), (Method::POST, TOKENS), None).await?;
        if made.status == StatusCode::CONFLICT {
            self.drop_tokens(cookie).await?;
            made = self.send(As::Session(cookie), (Method::POST, TOKENS), None).await?;
        }
        let Token { token } = made.expect(StatusCode::CREATED, WHAT)?.json(WHAT)?;
        Ok(User { number, token: Secret::new(token) })
    }

    /// The list has tokens without their signatures, and the blacklist takes them so.
    async fn drop_tokens(&self, cookie: &Secret<String>) -> Result<(), ApiError> {
        const WHAT: &str = "a user's tokens";
        let listed = self.send(As::Session(cookie), (Method::GET, TOKENS), None).await?;
        let tokens: Vec<Token> = listed.expect(StatusCode::OK, WHAT)?.json(WHAT)?;
        for Token { token } in tokens {
            let body = serde_json::json!({ "refresh": token }).to_string();
            let body = (HeaderValue::from_static("application/json"), body);
            let path = (Method::POST, "/api/token/blacklist/");
            let dropped = self.send(As::Session(cookie), path, Some(body)).await?;
            dropped.expect(StatusCode::NO_CONTENT, WHAT)?;
        }
        Ok(())
    }

    pub(super) async fn post_form(
        &self,
        random: &Random,
        path: &str,
        (email, password): (&str, &Secret<String>),
    ) -> Result<Answered, ApiError> {
        // 32 letters and digits.
        let csrf: String = URL_SAFE_NO_PAD
            .encode(random.bytes::<48>())
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .chain("a".repeat(32).chars())
            .take(32)
            .collect();
        let mut headers = HeaderMap::new();
        let cookie = HeaderValue::try_from(format!("csrftoken={csrf}"));
        headers.insert(COOKIE, cookie.or(Err(ApiError::Garbled { what: "a form" }))?);
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("csrfmiddlewaretoken", &csrf)
            .append_pair("email", email)
            .append_pair("password", password.expose())
            .finish();
        self.exchange(headers, (Method::POST, path), Some((FORM, form))).await
    }
}

impl Answered {
    fn expect(self, status: StatusCode, what: &'static str) -> Result<Self, ApiError> {
        if self.status == status {
            Ok(self)
        } else {
            Err(ApiError::Refused { what, status: self.status })
        }
    }
}

fn session_of(answered: &Answered) -> Option<Secret<String>> {
    let cookies = answered.headers.get_all(SET_COOKIE).iter();
    let session = cookies
        .filter_map(|cookie| cookie.to_str().ok())
        .filter_map(|cookie| cookie.split(';').next())
        .find(|cookie| cookie.starts_with("sessionid="));
    session.map(|cookie| Secret::new(cookie.to_owned()))
}

fn says(answered: &Answered, words: &str) -> bool {
    String::from_utf8_lossy(&answered.body).contains(words)
}
