//! Tokens of Label Studio's own, as their holders show them to the gateway. Whether one holds, Label Studio says.

use crate::ground::secret::Secret;

/// What a user of Label Studio shows to be himself.
#[derive(Debug, Clone)]
pub enum UserToken {
    /// `Authorization: Token <40 hex digits>`, which lasts until it is reset there.
    Legacy(Secret<String>),
    /// `Authorization: Bearer <JWT>`, got for a personal access token, for some minutes.
    Access(Secret<String>),
}

/// Whose token it is, by Label Studio's own word.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Holder {
    #[serde(rename = "id")]
    pub number: u64,
    pub email: String,
}

impl UserToken {
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Legacy(text) | Self::Access(text) => text.expose(),
        }
    }

    /// The value of `Authorization` that shows it to Label Studio.
    pub(super) fn authorization(&self) -> Secret<String> {
        let scheme = match self {
            Self::Legacy(_) => "Token",
            Self::Access(_) => "Bearer",
        };
        Secret::new(format!("{scheme} {}", self.text()))
    }
}
