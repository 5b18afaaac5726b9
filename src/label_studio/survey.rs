//! What an install says and shows of itself, for `check --online`. Asks only; nothing there is changed.

use http::header::DATE;
use http::{Method, StatusCode};
use serde::Deserialize;

use super::api::{Api, ApiError, As};
use crate::ground::random::Random;
use crate::ground::secret::Secret;

/// What everybody is shown.
#[derive(Debug)]
pub struct Shown {
    /// The `Date` of its answer.
    pub date: Option<String>,
    /// Whoever comes may become a user, without an invitation.
    pub open_sign_up: bool,
    /// `LABEL_STUDIO_HOST`, with which its pages call themselves.
    pub calls_itself: Option<String>,
    /// What it shows without a sign-in, of what is nobody's business.
    pub open: Vec<&'static str>,
}

/// Whose the gateway's token is.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing {
    Refused,
    /// Of a user who does not own the install.
    Other {
        email: String,
    },
    Owner,
}

/// What its owner is told.
#[derive(Debug)]
pub struct Told {
    /// Such as `1.23.2`.
    pub release: String,
    pub personal_tokens: bool,
    pub legacy_tokens: bool,
    pub projects: Vec<SurveyedProject>,
}

#[derive(Debug)]
pub struct SurveyedProject {
    pub number: u64,
    pub title: String,
    pub storages: Vec<SurveyedStorage>,
}

/// A storage that tasks come from.
#[derive(Debug, Clone, Deserialize)]
pub struct SurveyedStorage {
    #[serde(rename = "id")]
    pub number: u64,
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub bucket: Option<String>,
    #[serde(default)]
    pub prefix: Option<String>,
    #[serde(rename = "region_name", default)]
    pub region: Option<String>,
    #[serde(rename = "s3_endpoint", default)]
    pub endpoint: Option<String>,
}

/// Shown to everybody by Label Studio 1.23 itself; there is no setting that shuts it.
const OPEN: [&str; 3] = ["/version/", "/docs/api/schema/json/", "/samples/time-series.csv"];

impl Api {
    /// What a stranger sees.
    ///
    /// # Errors
    /// [`ApiError`]; [`ApiError::Garbled`] when it is no Label Studio.
    pub async fn shown(&self, random: &Random) -> Result<Shown, ApiError> {
        const WHAT: &str = "whether it is well";
        let health = self.send(As::Nobody, (Method::GET, "/health"), None).await?;
        let well = String::from_utf8_lossy(&health.body).contains("\"UP\"");
        if health.status != StatusCode::OK || !well {
            return Err(ApiError::Garbled { what: WHAT });
        }
        let date = health.headers.get(DATE).and_then(|date| date.to_str().ok());
        // A form in which nothing stands makes nobody. Where an invitation is needed, the form is not even looked at.
        let nothing = ("", &Secret::new(String::new()));
        let form = self.post_form(random, "/user/signup/", nothing).await?;
        let page = self.send(As::Nobody, (Method::GET, "/user/login/"), None).await?;
        let mut open = Vec::new();
        for path in OPEN {
            let answered = self.send(As::Nobody, (Method::GET, path), None).await?;
            open.extend((answered.status == StatusCode::OK).then_some(path));
        }
        Ok(Shown {
            date: date.map(str::to_owned),
            open_sign_up: form.status == StatusCode::OK,
            calls_itself: calls_itself(&String::from_utf8_lossy(&page.body)),
            open,
        })
    }

    /// Whose the gateway's own token is.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn standing(&self) -> Result<Standing, ApiError> {
        const WHAT: &str = "whose its own token is";
        #[derive(Deserialize)]
        struct Whoami {
            id: u64,
            email: String,
            active_organization: u64,
        }
        #[derive(Deserialize)]
        struct Organization {
            created_by: u64,
        }
        let who = match self.get::<Whoami>(WHAT, "/api/current-user/whoami").await {
            Ok(who) => who.ok_or(ApiError::Garbled { what: WHAT })?,
            Err(ApiError::Refused { status, .. }) if status == StatusCode::UNAUTHORIZED => {
                return Ok(Standing::Refused);
            }
            Err(error) => return Err(error),
        };
        let path = format!("/api/organizations/{}", who.active_organization);
        let organization: Option<Organization> = self.get("its organization", &path).await?;
        let owned = organization.is_some_and(|organization| organization.created_by == who.id);
        Ok(if owned { Standing::Owner } else { Standing::Other { email: who.email } })
    }

    /// What it tells its owner.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn told(&self) -> Result<Told, ApiError> {
        #[derive(Deserialize)]
        struct Version {
            release: String,
        }
        #[derive(Deserialize)]
        struct Tokens {
            api_tokens_enabled: bool,
            legacy_api_tokens_enabled: bool,
        }
        let version: Version = self.must("its version", "/api/version/").await?;
        let tokens: Tokens = self.must("its settings of tokens", "/api/jwt/settings").await?;
        let mut projects = Vec::new();
        for listed in self.projects().await? {
            let path = format!("/api/storages/?project={}", listed.id);
            let storages = self.must("a project's storages", &path).await?;
            let title = listed.title.unwrap_or_default();
            projects.push(SurveyedProject { number: listed.id, title, storages });
        }
        Ok(Told {
            release: version.release,
            personal_tokens: tokens.api_tokens_enabled,
            legacy_tokens: tokens.legacy_api_tokens_enabled,
            projects,
        })
    }

    async fn must<T: serde::de::DeserializeOwned>(
        &self,
        what: &'static str,
        path: &str,
    ) -> Result<T, ApiError> {
        self.get(what, path).await?.ok_or(ApiError::Garbled { what })
    }
}

/// The origin that a page of Label Studio's gives its own style sheets: none, unless it was told one.
fn calls_itself(page: &str) -> Option<String> {
    let (before, _) = page.split_once("/static/css/")?;
    let origin = before.rsplit('"').next()?;
    (!origin.is_empty()).then(|| origin.to_owned())
}

#[cfg(test)]
mod tests {
    use super::calls_itself;

    #[test]
    fn the_origin_of_a_page_is_read_from_its_style_sheet() {
        for (page, origin) in [
            ("<link href=\"/static/css/main.9be7.css\" />", None),
            (
                "<link href=\"https://ls.example:8443/static/css/main.9be7.css\" />",
                Some("https://ls.example:8443"),
            ),
            ("<p>", None),
        ] {
            assert_eq!(calls_itself(page).as_deref(), origin, "{page}");
        }
    }
}
