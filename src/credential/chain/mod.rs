//! The AWS default chain, in its documented order: environment, shared profile files, web identity, container or pod,
//! instance metadata (<https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>). The first that
//! is set up decides: one that is set up and fails is an error, never a reason to try the next. A profile that the
//! settings name is no link of the chain but a choice, as `--profile` is for the AWS command line, where "command line
//! options" stand before the environment (<https://docs.aws.amazon.com/cli/latest/userguide/cli-chap-authentication.html>):
//! it gives the keys or nothing does. `AWS_PROFILE` only says which profile the chain looks at.

mod endpoint;
mod environment;
mod profile;
mod shared_file;
#[cfg(test)]
mod tests;

use std::path::Path;

use environment::Environment;

use super::aws::Keys;
use super::error::SourceError;
use super::settings::Variables;
use super::sts::{Ask, RoleArn, Sts};
use super::tools::Tools;
use crate::ground::secret::Secret;

/// One chain, with the settings' choices made.
#[derive(Debug)]
pub(super) struct Chain {
    /// The settings name the profile: nothing else is asked.
    only_profile: bool,
    /// Asked for by name, or `None` for `default`, which need not exist.
    profile: Option<String>,
    environment: Environment,
}

/// In CloudTrail, where neither settings nor environment name a session.
const SESSION: &str = "sluicegate";
/// What AWS's own tools fall back to.
const REGION: &str = "us-east-1";

impl Chain {
    pub(super) fn new(profile: Option<String>, variables: &Variables) -> Self {
        let environment = Environment::read(variables);
        let only_profile = profile.is_some();
        let profile = profile.or_else(|| environment.profile.clone());
        Self { only_profile, profile, environment }
    }

    /// The keys of the first link that is set up.
    pub(super) async fn keys(&self, tools: &Tools) -> Result<Keys, SourceError> {
        if self.only_profile {
            let keys = Box::pin(self.profile_keys(tools)).await?;
            return keys.ok_or_else(|| self.profile_fault("it names no keys and no role"));
        }
        if let Some(keys) = self.environment_keys()? {
            return Ok(keys);
        }
        if let Some(keys) = Box::pin(self.profile_keys(tools)).await? {
            return Ok(keys);
        }
        if let Some(keys) = Box::pin(self.web_identity_keys(tools)).await? {
            return Ok(keys);
        }
        if let Some(keys) = Box::pin(endpoint::container(&self.environment, tools)).await? {
            return Ok(keys);
        }
        if let Some(keys) = Box::pin(endpoint::instance(&self.environment, tools)).await? {
            return Ok(keys);
        }
        Err(SourceError::NothingInChain { profile: self.profile_name().to_owned() })
    }

    fn environment_keys(&self) -> Result<Option<Keys>, SourceError> {
        let from = &self.environment;
        let (id, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
        match (&from.access_key_id, &from.secret_access_key) {
            (Some(id), Some(secret)) => {
                Ok(Some(Keys::new(id, secret.clone(), from.session_token.clone(), None)))
            }
            (None, None) => Ok(None),
            (Some(_), None) => Err(SourceError::Incomplete { variable: id, missing: secret }),
            (None, Some(_)) => Err(SourceError::Incomplete { variable: secret, missing: id }),
        }
    }

    async fn web_identity_keys(&self, tools: &Tools) -> Result<Option<Keys>, SourceError> {
        let (file, arn) = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN");
        let from = &self.environment;
        match (&from.web_identity_token_file, &from.role_arn) {
            (Some(file), Some(arn)) => {
                let session = from.role_session_name.as_deref().unwrap_or(SESSION);
                self.web_identity(tools, (file, arn, session), None).await.map(Some)
            }
            (None, _) => Ok(None),
            (Some(_), None) => Err(SourceError::Incomplete { variable: file, missing: arn }),
        }
    }

    /// The role that a token in a file is good for. The file is read each time: it rotates.
    async fn web_identity(
        &self,
        tools: &Tools,
        (file, arn, session): (&Path, &str, &str),
        region: Option<&str>,
    ) -> Result<Keys, SourceError> {
        let token = read_secret(file).await?;
        let role = role(arn)?;
        let ask = Ask {
            role: &role,
            session,
            person: None,
            external_id: None,
            policy: None,
            seconds: None,
        };
        let sts = self.sts(region)?;
        sts.assume_role_with_web_identity(tools, &token, &ask).await
    }

    fn sts(&self, region: Option<&str>) -> Result<Sts, SourceError> {
        let region = region.or(self.environment.region.as_deref()).unwrap_or(REGION);
        let Some(endpoint) = &self.environment.sts_endpoint else {
            return Sts::of_region(region);
        };
        let problem = "AWS_ENDPOINT_URL_STS is not https://HOST[:PORT]";
        let bad = SourceError::BadRequest { who: "the chain", problem };
        Ok(Sts::at(endpoint.parse().or(Err(bad))?, region.to_owned()))
    }
}

fn role(arn: &str) -> Result<RoleArn, SourceError> {
    let problem = "the role's ARN is not arn:PARTITION:iam::ACCOUNT:role/NAME";
    arn.parse().or(Err(SourceError::BadRequest { who: "the chain", problem }))
}

/// A file's text without the line end that editors add.
async fn read_secret(path: &Path) -> Result<Secret<String>, SourceError> {
    let text = tokio::fs::read_to_string(path).await;
    let text =
        text.map(Secret::new).map_err(|cause| SourceError::File { path: path.into(), cause })?;
    Ok(Secret::new(text.expose().trim().to_owned()))
}
