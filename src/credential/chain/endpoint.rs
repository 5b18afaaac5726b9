//! Keys that the machine's surroundings serve over HTTP: containers (ECS, EKS pod identity) and instance metadata
//! (IMDSv2 only). The [`crate::outbound::Door`] lets these calls, and no others, reach the metadata addresses.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri};

use super::super::aws::Keys;
use super::{Environment, SourceError, Tools, read_secret};
use crate::ground::clock::Timestamp;
use crate::ground::secret::Secret;

const CONTAINER: &str = "the container's credential endpoint";
const INSTANCE: &str = "instance metadata";
/// Both answer from the same host or from this machine.
const DEADLINE: Duration = Duration::from_secs(2);
const ANSWER_AT_MOST: usize = 32 * 1024;

/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>
pub(super) async fn container(
    from: &Environment,
    tools: &Tools,
) -> Result<Option<Keys>, SourceError> {
    let uri = match (&from.container_relative_uri, &from.container_full_uri) {
        (Some(path), _) => format!("http://169.254.170.2/{}", path.trim_start_matches('/')),
        (None, Some(uri)) => uri.clone(),
        (None, None) => return Ok(None),
    };
    let bad = |problem| SourceError::BadRequest { who: CONTAINER, problem };
    let uri: Uri = uri.parse().or(Err(bad("its address is not a URI")))?;
    let relative = from.container_relative_uri.is_some();
    if uri.scheme_str() != Some("https") && !relative && !may_be_clear(&uri) {
        return Err(bad("clear text only on this machine and at 169.254.170.2 or 169.254.170.23"));
    }
    let token = match &from.container_token_file {
        Some(file) => Some(read_secret(file).await?),
        None => from.container_token.clone(),
    };
    let header = token.as_ref().map(|token| ("authorization", token.expose().as_str()));
    let asked = (Method::GET, uri.to_string(), header);
    let (status, body) = exchange(tools, CONTAINER, asked).await?;
    if status != StatusCode::OK {
        return Err(SourceError::Status { who: CONTAINER, status: status.as_u16() });
    }
    keys(CONTAINER, &body).map(Some)
}

fn may_be_clear(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let services = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];
    host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| {
            address.is_loopback() || services.iter().any(|one| one.parse() == Ok(address))
        })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html>. `None` when nobody
/// answers (not such a machine) or the machine has no role.
pub(super) async fn instance(
    from: &Environment,
    tools: &Tools,
) -> Result<Option<Keys>, SourceError> {
    if from.metadata_disabled {
        return Ok(None);
    }
    let base = from.metadata_endpoint.as_deref().unwrap_or("http://169.254.169.254");
    let base = base.trim_end_matches('/');
    let ttl = ("x-aws-ec2-metadata-token-ttl-seconds", "21600");
    let asked = (Method::PUT, format!("{base}/latest/api/token"), Some(ttl));
    let session = match exchange(tools, INSTANCE, asked).await {
        Ok((StatusCode::OK, body)) => body,
        // Older metadata services would do without a session; they are not asked.
        Ok((status, _)) => {
            return Err(SourceError::Status { who: INSTANCE, status: status.as_u16() });
        }
        Err(SourceError::Unasked { .. }) => return Ok(None),
        Err(other) => return Err(other),
    };
    let session = Secret::new(String::from_utf8_lossy(&session).into_owned());
    let path = format!("{base}/latest/meta-data/iam/security-credentials/");
    let get = |uri| {
        let header = ("x-aws-ec2-metadata-token", session.expose().as_str());
        exchange(tools, INSTANCE, (Method::GET, uri, Some(header)))
    };
    let (status, roles) = get(path.clone()).await?;
    let roles = String::from_utf8_lossy(&roles);
    let role = match (status, roles.lines().next()) {
        (StatusCode::OK, Some(role)) if !role.is_empty() => role.trim(),
        (StatusCode::OK | StatusCode::NOT_FOUND, _) => return Ok(None),
        (status, _) => return Err(SourceError::Status { who: INSTANCE, status: status.as_u16() }),
    };
    let (status, body) = get(format!("{path}{role}")).await?;
    if status != StatusCode::OK {
        return Err(SourceError::Status { who: INSTANCE, status: status.as_u16() });
    }
    keys(INSTANCE, &body).map(Some)
}

async fn exchange(
    tools: &Tools,
    who: &'static str,
    (method, uri, header): (Method, String, Option<(&'static str, &str)>),
) -> Result<(StatusCode, Bytes), SourceError> {
    let mut request = Request::builder().method(method).uri(uri);
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let problem = "its address or its token cannot stand in a request";
    let bad = SourceError::BadRequest { who, problem };
    let request = request.body(Bytes::new()).or(Err(bad))?;
    let exchange = tools.door.exchange_with_metadata(request, DEADLINE, ANSWER_AT_MOST);
    let answer = Box::pin(exchange).await.map_err(|cause| SourceError::Unasked { who, cause })?;
    Ok((answer.status(), answer.into_body()))
}

/// What both kinds of endpoint answer.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    /// Instance metadata says `Success`, containers nothing.
    code: Option<String>,
    access_key_id: String,
    secret_access_key: String,
    token: String,
    expiration: String,
}

fn keys(who: &'static str, body: &[u8]) -> Result<Keys, SourceError> {
    let bad = |problem| SourceError::BadAnswer { who, problem };
    let answer: Answer = serde_json::from_slice(body).or(Err(bad("it is not keys in JSON")))?;
    let (secret, token) = (Secret::new(answer.secret_access_key), Secret::new(answer.token));
    if answer.code.is_some_and(|code| code != "Success") {
        return Err(bad("its code is not Success"));
    }
    let expires: Timestamp =
        answer.expiration.parse().or(Err(bad("its Expiration is not a time")))?;
    Ok(Keys::new(&answer.access_key_id, secret, Some(token), Some(expires)))
}
