//! What the environment says to the default chain
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html>).

use std::path::PathBuf;

use crate::credential::settings::Variables;
use crate::ground::secret::Secret;

/// The variables that the chain knows.
#[derive(Debug, Default)]
pub(super) struct Environment {
    pub(super) access_key_id: Option<String>,
    pub(super) secret_access_key: Option<Secret<String>>,
    pub(super) session_token: Option<Secret<String>>,
    pub(super) profile: Option<String>,
    pub(super) region: Option<String>,
    pub(super) config_file: Option<PathBuf>,
    pub(super) credentials_file: Option<PathBuf>,
    pub(super) home: Option<PathBuf>,
    pub(super) web_identity_token_file: Option<PathBuf>,
    pub(super) role_arn: Option<String>,
    pub(super) role_session_name: Option<String>,
    pub(super) container_relative_uri: Option<String>,
    pub(super) container_full_uri: Option<String>,
    pub(super) container_token: Option<Secret<String>>,
    pub(super) container_token_file: Option<PathBuf>,
    pub(super) sts_endpoint: Option<String>,
    pub(super) metadata_endpoint: Option<String>,
    pub(super) metadata_disabled: bool,
}

impl Environment {
    pub(super) fn read(variables: &Variables) -> Self {
        let text = |name: &str| variables.get(name).map(str::to_owned);
        let secret = |name: &str| text(name).map(Secret::new);
        let path = |name: &str| text(name).map(PathBuf::from);
        Self {
            access_key_id: text("AWS_ACCESS_KEY_ID"),
            secret_access_key: secret("AWS_SECRET_ACCESS_KEY"),
            session_token: secret("AWS_SESSION_TOKEN"),
            profile: text("AWS_PROFILE"),
            region: text("AWS_REGION").or_else(|| text("AWS_DEFAULT_REGION")),
            config_file: path("AWS_CONFIG_FILE"),
            credentials_file: path("AWS_SHARED_CREDENTIALS_FILE"),
            home: path("HOME"),
            web_identity_token_file: path("AWS_WEB_IDENTITY_TOKEN_FILE"),
            role_arn: text("AWS_ROLE_ARN"),
            role_session_name: text("AWS_ROLE_SESSION_NAME"),
            container_relative_uri: text("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
            container_full_uri: text("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
            container_token: secret("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
            container_token_file: path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
            sts_endpoint: text("AWS_ENDPOINT_URL_STS"),
            metadata_endpoint: text("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
            metadata_disabled: text("AWS_EC2_METADATA_DISABLED")
                .is_some_and(|value| value.eq_ignore_ascii_case("true")),
        }
    }
}
