//! A profile of the shared files: keys of its own, a role through a token file, or a role through another profile or
//! another link of the chain. Programs that a profile names (`credential_process`) are not run.

use std::path::{Path, PathBuf};

use super::shared_file::{Profile, Profiles, Which};
use super::{Chain, Keys, SESSION, SourceError, Tools, endpoint, role};
use crate::credential::sts::{Ask, RefusalCode};

/// A role on the way, and the region of the profile that names it.
struct Step<'p> {
    profile: &'p Profile,
    arn: &'p str,
}

/// Where the walk from profile to profile ended.
enum Base<'p> {
    Keys(Keys),
    TokenFile { profile: &'p Profile, arn: &'p str, file: &'p Path },
    Link(&'p str),
}

impl Chain {
    /// `None` when there is no profile of that name that says anything about keys.
    pub(super) async fn profile_keys(&self, tools: &Tools) -> Result<Option<Keys>, SourceError> {
        let profiles = self.read_profiles().await?;
        let name = self.profile_name();
        let fault = |problem| self.profile_fault(problem);
        let Some(profile) = profiles.get(name) else {
            return match &self.profile {
                Some(_) => Err(fault("neither of the shared files has it")),
                None => Ok(None),
            };
        };
        if profile.text("role_arn").is_none() && profile.text("aws_access_key_id").is_none() {
            return match unsupported(profile) {
                Some(problem) => Err(fault(problem)),
                None => Ok(None),
            };
        }
        let (base, steps) = walk(&profiles, name).map_err(fault)?;
        let mut keys = match base {
            Base::Keys(keys) => keys,
            Base::TokenFile { profile, arn, file } => {
                let asked = (file, arn, session(profile));
                Box::pin(self.web_identity(tools, asked, profile.text("region"))).await?
            }
            Base::Link(source) => {
                let found = Box::pin(self.link(source, tools)).await?;
                found.ok_or_else(|| fault("its credential_source has no keys"))?
            }
        };
        for step in steps.iter().rev() {
            keys = Box::pin(self.step(tools, &keys, step)).await?;
        }
        Ok(Some(keys))
    }

    pub(super) fn profile_name(&self) -> &str {
        self.profile.as_deref().unwrap_or("default")
    }

    pub(super) fn profile_fault(&self, problem: &'static str) -> SourceError {
        SourceError::Profile { profile: self.profile_name().to_owned(), problem }
    }

    async fn link(&self, source: &str, tools: &Tools) -> Result<Option<Keys>, SourceError> {
        match source {
            "Environment" => self.environment_keys(),
            "EcsContainer" => endpoint::container(&self.environment, tools).await,
            _ => endpoint::instance(&self.environment, tools).await,
        }
    }

    async fn step(
        &self,
        tools: &Tools,
        source: &Keys,
        step: &Step<'_>,
    ) -> Result<Keys, SourceError> {
        let role = role(step.arn)?;
        let seconds = step.profile.text("duration_seconds").and_then(|text| text.parse().ok());
        let external_id = step.profile.text("external_id");
        let session = session(step.profile);
        let sts = self.sts(step.profile.text("region"))?;
        let ask = |seconds| Ask {
            role: &role,
            session,
            person: None,
            external_id,
            policy: None,
            seconds,
        };
        match sts.assume_role(tools, source, &ask(seconds)).await {
            // Longer than the role allows: take what it gives by itself.
            Err(SourceError::Refused { code: RefusalCode::DurationTooLong, .. })
                if seconds.is_some() =>
            {
                sts.assume_role(tools, source, &ask(None)).await
            }
            other => other,
        }
    }

    async fn read_profiles(&self) -> Result<Profiles, SourceError> {
        let from = &self.environment;
        let default = |name: &str| from.home.as_ref().map(|home| home.join(".aws").join(name));
        let config = from.config_file.clone().or_else(|| default("config"));
        let credentials = from.credentials_file.clone().or_else(|| default("credentials"));
        let mut profiles = Profiles::default();
        for (path, which) in [(config, Which::Config), (credentials, Which::Credentials)] {
            if let Some(text) = read(path).await? {
                profiles.add(&zeroize::Zeroizing::new(text), which);
            }
        }
        Ok(profiles)
    }
}

/// A file that is not there says nothing; one that cannot be read is a fault.
async fn read(path: Option<PathBuf>) -> Result<Option<String>, SourceError> {
    let Some(path) = path else {
        return Ok(None);
    };
    match tokio::fs::read_to_string(&path).await {
        Ok(text) => Ok(Some(text)),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(SourceError::File { path, cause }),
    }
}

/// From profile to profile along `source_profile`, to where keys are; the roles on the way, last one first to be taken.
fn walk<'p>(
    profiles: &'p Profiles,
    first: &'p str,
) -> Result<(Base<'p>, Vec<Step<'p>>), &'static str> {
    let mut steps = Vec::new();
    let mut seen = vec![first];
    loop {
        let name = *seen.last().ok_or("it has no name")?;
        let profile = profiles.get(name).ok_or("its source_profile does not exist")?;
        let Some(arn) = profile.text("role_arn") else {
            return Ok((Base::Keys(own_keys(profile)?), steps));
        };
        if profile.text("mfa_serial").is_some() {
            return Err("its role wants a second factor (mfa_serial), which a server has not");
        }
        if let Some(file) = profile.text("web_identity_token_file") {
            return Ok((Base::TokenFile { profile, arn, file: Path::new(file) }, steps));
        }
        steps.push(Step { profile, arn });
        match (profile.text("source_profile"), profile.text("credential_source")) {
            (Some(_), Some(_)) => return Err("it has both source_profile and credential_source"),
            // A profile may be its own source: its role is taken with its own keys.
            (Some(source), None) if source == name => {
                return Ok((Base::Keys(own_keys(profile)?), steps));
            }
            (Some(source), None) if seen.contains(&source) => {
                return Err("its source_profile leads back to itself");
            }
            (Some(source), None) => seen.push(source),
            (None, Some(link @ ("Environment" | "EcsContainer" | "Ec2InstanceMetadata"))) => {
                return Ok((Base::Link(link), steps));
            }
            (None, Some(_)) => return Err("its credential_source is not known"),
            (None, None) => return Err("it has a role_arn and nothing to take the role with"),
        }
    }
}

fn own_keys(profile: &Profile) -> Result<Keys, &'static str> {
    let id = profile.text("aws_access_key_id");
    let secret = profile.secret("aws_secret_access_key");
    let (Some(id), Some(secret)) = (id, secret) else {
        return Err("aws_access_key_id and aws_secret_access_key are not both there");
    };
    Ok(Keys::new(id, secret.clone(), profile.secret("aws_session_token").cloned(), None))
}

fn session(profile: &Profile) -> &str {
    profile.text("role_session_name").unwrap_or(SESSION)
}

fn unsupported(profile: &Profile) -> Option<&'static str> {
    let has = |key| profile.text(key).is_some();
    if has("credential_process") {
        Some("credential_process is not run: use keys, a role or a token file")
    } else if has("sso_session") || has("sso_start_url") {
        Some("single sign-on is for people: use keys, a role or a token file")
    } else {
        None
    }
}
