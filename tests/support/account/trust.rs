//! A role's trust policy, as far as these peers need one: who may assume it, and on what conditions.

/// One statement of it.
#[derive(Debug, Clone)]
pub struct Trust {
    pub who: Who,
    /// `sts:TagSession` is among its actions: without it, a session that would carry tags is refused
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html>).
    pub may_tag: bool,
    /// `sts:SetSourceIdentity` is among its actions
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html>).
    pub may_set_source_identity: bool,
}

/// Its principal.
#[derive(Debug, Clone)]
pub enum Who {
    /// People of a SAML provider, by ARN; `SAML:aud` is the assertion's Recipient
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-saml>).
    Federated { provider: String, audience: String },
    /// A user, by ARN; and the `sts:ExternalId` that is asked of him, if one is.
    User { arn: String, external_id: Option<String> },
}

impl Trust {
    /// In a SAML provider's people, when their assertions are addressed to this recipient.
    pub fn saml(provider: String, audience: &str) -> Self {
        Self::of(Who::Federated { provider, audience: audience.to_owned() })
    }

    /// In a user.
    pub fn user(arn: String) -> Self {
        Self::of(Who::User { arn, external_id: None })
    }

    /// In a user who names this external id.
    pub fn user_with_external_id(arn: String, external_id: &str) -> Self {
        Self::of(Who::User { arn, external_id: Some(external_id.to_owned()) })
    }

    const fn of(who: Who) -> Self {
        Self { who, may_tag: false, may_set_source_identity: false }
    }

    /// With both further actions.
    #[must_use]
    pub const fn and_tags(mut self) -> Self {
        self.may_tag = true;
        self.may_set_source_identity = true;
        self
    }

    /// Whether a session with or without these is one that it lets be made.
    pub const fn covers(&self, tags: bool, source_identity: bool) -> bool {
        (self.may_tag || !tags) && (self.may_set_source_identity || !source_identity)
    }
}
