//! What IAM has of an organization's identity provider, for a check: AWS believes its own copy of the metadata, and nobody
//! tells it when they change (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetSAMLProvider.html>).

use std::sync::Arc;

use super::error::CredentialError;
use super::query::{Query, Service, printable, refusal, texts, written};
use super::slot::Slot;
use super::tools::Tools;
use super::{SourceError, aws::Keys};
use crate::outbound::{Host, Scheme};

const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
/// IAM takes metadata of up to 10,000,000 characters.
const IAM: Service = Service { who: "IAM", name: "iam", answer_at_most: 12_000_000 };

/// As whom IAM is asked, and where.
#[derive(Debug)]
pub(super) struct Inspector {
    pub(super) source: Arc<Slot>,
    /// Without it, Amazon's of the provider's partition.
    pub(super) endpoint: Option<Host>,
}

/// Why nothing is known of what IAM has.
#[derive(Debug, thiserror::Error)]
pub enum NotInspected {
    #[error("no credential is named that may ask IAM")]
    NoSource,
    #[error("it is no SAML provider's ARN")]
    NoArn,
    #[error(transparent)]
    Source(#[from] CredentialError),
    #[error(transparent)]
    Unasked(#[from] SourceError),
    #[error("IAM has no provider of this name in this account")]
    NoSuchProvider,
    #[error("IAM refused ({code}); it says {message:?}")]
    Refused { code: String, message: String },
}

impl Inspector {
    /// The metadata that IAM has of this provider.
    pub(super) async fn metadata(
        &self,
        tools: &Tools,
        provider: &str,
    ) -> Result<String, NotInspected> {
        let query = self.query(provider)?;
        let held = self.source.take(tools).await?;
        ask(&query, tools, &held.keys, provider).await
    }

    /// <https://docs.aws.amazon.com/general/latest/gr/iam-service.html>
    fn query(&self, provider: &str) -> Result<Query, NotInspected> {
        let mut parts = provider.splitn(6, ':');
        let mut part = || parts.next().unwrap_or_default();
        let (arn, partition, service) = (part(), part(), part());
        let (_region, _account, resource) = (part(), part(), part());
        if (arn, service) != ("arn", "iam") || !resource.starts_with("saml-provider/") {
            return Err(NotInspected::NoArn);
        }
        let (name, region) = match partition {
            "aws" => ("iam.amazonaws.com", "us-east-1"),
            "aws-cn" => ("iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            "aws-us-gov" => ("iam.us-gov.amazonaws.com", "us-gov-west-1"),
            _ => return Err(NotInspected::NoArn),
        };
        let host = match &self.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => Host::new(Scheme::Https, name, None).or(Err(NotInspected::NoArn))?,
        };
        Ok(Query { service: IAM, host, region: region.to_owned() })
    }
}

async fn ask(
    query: &Query,
    tools: &Tools,
    keys: &Keys,
    provider: &str,
) -> Result<String, NotInspected> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", "GetSAMLProvider")
        .append_pair("Version", "2010-05-08")
        .append_pair("SAMLProviderArn", provider);
    let answer = query.signed(tools, keys, written(form)).await?;
    let status = answer.status();
    let body = answer.into_body();
    if status != http::StatusCode::OK {
        return Err(match refusal(&body) {
            None if status == http::StatusCode::FORBIDDEN => {
                let code = status.as_str().to_owned();
                NotInspected::Refused { code, message: String::new() }
            }
            None => SourceError::Status { who: IAM.who, status: status.as_u16() }.into(),
            Some((code, _)) if code == "NoSuchEntity" => NotInspected::NoSuchProvider,
            Some((code, message)) => NotInspected::Refused {
                code: printable(&code, 64),
                message: printable(&message, 300),
            },
        });
    }
    let path = "GetSAMLProviderResponse/GetSAMLProviderResult/SAMLMetadataDocument".to_owned();
    let bad = |problem| SourceError::BadAnswer { who: IAM.who, problem };
    let [document] = texts(&body, &[path], Some(NAMESPACE)).map_err(bad)?;
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::super::slot::Order;
    use super::*;
    use crate::ground::secret::Secret;

    #[test]
    fn each_partition_has_an_iam_and_what_is_no_provider_has_none() {
        let keys = Keys::new("AKIAEXAMPLEEXAMPLE", Secret::new("s".to_owned()), None, None);
        let source = Slot::new("base".parse().unwrap(), Order::Given(Arc::new(keys)));
        let inspector = Inspector { source, endpoint: None };
        for (arn, expected) in [
            ("arn:aws:iam::1:saml-provider/idp", Some("https://iam.amazonaws.com us-east-1")),
            (
                "arn:aws-cn:iam::1:saml-provider/idp",
                Some("https://iam.cn-north-1.amazonaws.com.cn cn-north-1"),
            ),
            (
                "arn:aws-us-gov:iam::1:saml-provider/a:b",
                Some("https://iam.us-gov.amazonaws.com us-gov-west-1"),
            ),
            ("arn:aws-other:iam::1:saml-provider/idp", None),
            ("arn:aws:iam::1:role/idp", None),
            ("arn:aws:sts::1:saml-provider/idp", None),
            ("", None),
        ] {
            let query = inspector.query(arn).ok();
            let told = query.map(|query| format!("{} {}", query.host, query.region));
            assert_eq!(told.as_deref(), expected, "{arn}");
        }
    }
}
