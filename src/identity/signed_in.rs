//! What a sign-in or a sign-out did, for the audit: at the time of the request, nobody was known.

use std::collections::BTreeSet;

/// Who came, or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attendance {
    SignedIn(SignedIn),
    /// An identity provider signed them out, by their e-mail addresses.
    SignedOut(BTreeSet<String>),
}

/// Somebody has just signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    pub email: String,
    pub by: SignedInBy,
    /// What the account became on the way, in words.
    pub changes: Vec<String>,
    /// Which credentials were had, and which were not: project, AWS role, and why not.
    pub credentials: Vec<String>,
}

/// How.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedInBy {
    Password,
    /// With a password where nearly nobody may come with one.
    BreakGlass,
    /// With a token of Label Studio's.
    LabelStudioToken,
    /// By an assertion of this id. `renewed`: the session was there, and goes on.
    Saml {
        assertion: String,
        renewed: bool,
    },
}

impl SignedIn {
    #[must_use]
    pub const fn with_password(email: String, break_glass: bool) -> Self {
        let by = if break_glass { SignedInBy::BreakGlass } else { SignedInBy::Password };
        Self::by(email, by)
    }

    #[must_use]
    pub const fn with_label_studio_token(email: String) -> Self {
        Self::by(email, SignedInBy::LabelStudioToken)
    }

    const fn by(email: String, by: SignedInBy) -> Self {
        Self { email, by, changes: Vec::new(), credentials: Vec::new() }
    }
}

impl SignedInBy {
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::BreakGlass => "break-glass",
            Self::LabelStudioToken => "label-studio-token",
            Self::Saml { renewed: false, .. } => "saml",
            Self::Saml { renewed: true, .. } => "saml-renewal",
        }
    }
}
