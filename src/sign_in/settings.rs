//! What an operator decides about identity providers: `[saml.ORGANIZATION]`. Filled by `settings`; plain values here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use http::Uri;

use super::saml::is_absolute;
use crate::catalog::{Email, OrganizationName, Several};

/// Each organization with an identity provider of its own.
pub type Settings = BTreeMap<OrganizationName, SamlSettings>;

/// `[saml.ORGANIZATION]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamlSettings {
    pub base_url: BaseUrl,
    pub metadata: MetadataSource,
    /// Which entity of the metadata, where it describes several.
    pub identity_provider: Option<String>,
    /// The first signs; all are announced, and open what is encrypted. At least one.
    pub keys: Vec<KeyFiles>,
    pub attributes: AttributeNames,
    /// Whose e-mail addresses it may vouch for; any, when absent.
    pub email_domains: Option<Vec<EmailDomain>>,
    pub force_sign_in: bool,
    pub sign_in_contexts: Vec<String>,
    pub mode: Mode,
    /// Who may come with a password where nobody else may.
    pub break_glass: Vec<Email>,
    pub unsolicited: Unsolicited,
    pub several: Several,
}

/// Where the identity provider's metadata comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataSource {
    File(PathBuf),
    Address {
        url: Uri,
        /// The document must be signed by it.
        certificate: Option<PathBuf>,
    },
}

/// PEM files of one key pair of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// In which attributes the identity provider says what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeNames {
    /// Absent: the name of the subject is the e-mail.
    pub email: Option<String>,
    pub groups: String,
    pub roles: String,
}

/// What the attributes are called by default at each kind of identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    SimpleSamlPhp,
    Keycloak,
    Okta,
    EntraId,
    GoogleWorkspace,
    Adfs,
}

/// How people of the organization sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// At the identity provider, or with a password here.
    Both,
    SsoOnly,
    NativeOnly,
}

/// Whether answers count that nobody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsolicited {
    Refused,
    Accepted,
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html>
pub const AWS_ROLE: &str = "https://aws.amazon.com/SAML/Attributes/Role";
/// What AWS calls the person; see [`AWS_ROLE`].
pub const AWS_SESSION_NAME: &str = "https://aws.amazon.com/SAML/Attributes/RoleSessionName";

const CLAIMS_EMAIL: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress";

impl Preset {
    /// What its page in `docs/saml/` tells to set up there.
    #[must_use]
    pub fn attributes(preset: Option<Self>) -> AttributeNames {
        let (email, groups) = match preset {
            None | Some(Self::SimpleSamlPhp | Self::Okta | Self::GoogleWorkspace) => {
                (None, "groups")
            }
            Some(Self::Keycloak) => (Some("email"), "groups"),
            Some(Self::EntraId) => (
                Some(CLAIMS_EMAIL),
                "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
            ),
            Some(Self::Adfs) => (Some(CLAIMS_EMAIL), "http://schemas.xmlsoap.org/claims/Group"),
        };
        AttributeNames {
            email: email.map(str::to_owned),
            groups: groups.to_owned(),
            roles: AWS_ROLE.to_owned(),
        }
    }
}

/// What stands behind the `@` of an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailDomain(String);

/// Text that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is a domain, such as example.com")]
pub struct BadDomain;

impl EmailDomain {
    /// Exactly this domain: none below it.
    #[must_use]
    pub fn holds(&self, email: &Email) -> bool {
        email.as_str().rsplit('@').next() == Some(&*self.0)
    }
}

impl FromStr for EmailDomain {
    type Err = BadDomain;

    fn from_str(text: &str) -> Result<Self, BadDomain> {
        let plain = |one: char| !one.is_whitespace() && !one.is_control() && !"@/:,".contains(one);
        let sound = !text.is_empty() && text.chars().all(plain) && !text.starts_with('.');
        if sound { Ok(Self(text.to_lowercase())) } else { Err(BadDomain) }
    }
}

/// A means of proving who one is, as identity providers name it (`AuthnContextClassRef`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInContext(String);

/// Text that names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is an absolute URI, such as https://refeds.org/profile/mfa or urn:oasis:names:tc:SAML:2.0:ac:classes:X509"
)]
pub struct BadContext;

impl FromStr for SignInContext {
    type Err = BadContext;

    /// SAML core 1.3.2: references are absolute (RFC 3986 4.3).
    fn from_str(text: &str) -> Result<Self, BadContext> {
        let names = text.split_once(':').is_some_and(|(_, rest)| !rest.is_empty());
        if names && is_absolute(text) { Ok(Self(text.to_owned())) } else { Err(BadContext) }
    }
}

impl From<SignInContext> for String {
    fn from(SignInContext(text): SignInContext) -> Self {
        text
    }
}

/// `https://host[:port]`: where browsers find the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

/// Text that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is https://HOST[:PORT] and nothing behind it")]
pub struct BadBaseUrl;

impl BaseUrl {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `host[:port]`
    #[must_use]
    pub fn authority(&self) -> &str {
        self.0.strip_prefix("https://").unwrap_or_default()
    }
}

impl FromStr for BaseUrl {
    type Err = BadBaseUrl;

    fn from_str(text: &str) -> Result<Self, BadBaseUrl> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let authority = text.strip_prefix("https://").ok_or(BadBaseUrl)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
        let parsed: Uri = text.parse().or(Err(BadBaseUrl))?;
        let sound = !authority.is_empty()
            && authority.bytes().all(plain)
            && parsed.host().is_some_and(|host| !host.is_empty())
            // `https://host:443` would be another text than what browsers and providers compare.
            && !authority.ends_with(":443")
            && !authority.ends_with(':');
        if sound { Ok(Self(text.to_ascii_lowercase())) } else { Err(BadBaseUrl) }
    }
}

#[cfg(test)]
mod tests {
    use super::{BaseUrl, SignInContext};

    #[test]
    fn a_base_url_is_scheme_host_and_port_only() {
        for (text, expected) in [
            ("https://label.example.com", Some("https://label.example.com")),
            ("https://Label.Example.com:8443/", Some("https://label.example.com:8443")),
            ("https://[::1]:8443", Some("https://[::1]:8443")),
            ("https://label.example.com:443", None),
            ("https://label.example.com:", None),
            ("http://label.example.com", None),
            ("https://", None),
            ("https://a/b", None),
            ("https://a//", None),
            ("https://user@a", None),
            ("https://a?b", None),
            ("label.example.com", None),
        ] {
            let read = text.parse::<BaseUrl>().ok();
            assert_eq!(read.as_ref().map(BaseUrl::as_str), expected, "{text}");
        }
    }

    #[test]
    fn a_context_is_an_absolute_address() {
        for (text, good) in [
            ("https://refeds.org/profile/mfa", true),
            ("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", true),
            ("http://schemas.microsoft.com/claims/multipleauthn", true),
            ("phr", false),
            ("foo", false),
            ("/profile/mfa", false),
            ("//refeds.org/profile/mfa", false),
            ("urn:", false),
            (":classes:X509", false),
            ("2fa:yes", false),
            ("urn:a b", false),
            ("urn:é", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<SignInContext>().is_ok(), good, "{text}");
        }
    }
}
