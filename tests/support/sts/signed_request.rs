//! Signature Version 4 of a call (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>): the request is
//! signed anew with the `aws-sigv4` crate and the user's secret, and must come out the same.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use http::request::Parts;
use sluicegate::ground::clock::{SignedDuration, Timestamp};

use super::refusal::{Code, Refusal};
use crate::support::account::{Account, User};

/// The one region that this STS is of.
pub const REGION: &str = "eu-central-1";
/// The page above, "elements of a request signature": signatures are good for 15 minutes in most cases.
const OFF_BY: SignedDuration = SignedDuration::from_mins(15);

/// The `Authorization` header's parts.
struct Authorization<'a> {
    access_key_id: &'a str,
    day: &'a str,
    region: &'a str,
    service: &'a str,
    signed: Vec<&'a str>,
    signature: &'a str,
}

/// Who signed the request.
pub(super) fn caller<'a>(
    account: &'a Account,
    request: &Parts,
    body: &[u8],
) -> Result<&'a User, Refusal> {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let Some(text) = header("authorization") else {
        return Err(
            Code::MissingAuthenticationToken.because("Request is missing Authentication Token")
        );
    };
    let authorization = Authorization::parse(text).ok_or_else(|| {
        Code::IncompleteSignature.because("Authorization header is not one of AWS4-HMAC-SHA256")
    })?;
    let wrong = |words: &str| Code::SignatureDoesNotMatch.because(words);
    if (authorization.region, authorization.service) != (REGION, "sts") {
        return Err(wrong("Credential should be scoped to a valid region and to service 'sts'."));
    }
    let stamp = header("x-amz-date").unwrap_or_default();
    let time = instant(stamp).ok_or_else(|| wrong("x-amz-date is missing or no time"))?;
    if account.clock.now().duration_since(time).abs() > OFF_BY {
        return Err(wrong("Signature expired"));
    }
    let unknown = || {
        Code::InvalidClientTokenId.because("The security token included in the request is invalid.")
    };
    let user = account.user_of_key(authorization.access_key_id).ok_or_else(unknown)?;
    if header("x-amz-security-token").is_some() {
        // Permanent keys have none, and no session of this account may assume a role.
        return Err(unknown());
    }
    let covered = ["host", "x-amz-date"].iter().all(|name| authorization.signed.contains(name));
    let expected = signature(user, time, (&authorization, request), body);
    let matches = expected.is_some_and(|expected| expected == authorization.signature);
    if !covered || !stamp.starts_with(authorization.day) || !matches {
        return Err(wrong(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        ));
    }
    Ok(user)
}

/// The key id that a request names, whoever signed it.
pub(super) fn claimed_key(request: &Parts) -> Option<&str> {
    let text = request.headers.get("authorization")?.to_str().ok()?;
    Authorization::parse(text).map(|authorization| authorization.access_key_id)
}

/// What the signature should be; none where the request cannot be signed at all.
fn signature(
    user: &User,
    time: Timestamp,
    (authorization, request): (&Authorization<'_>, &Parts),
    body: &[u8],
) -> Option<String> {
    let identity = Credentials::new(&user.access_key_id, &user.secret, None, None, "test").into();
    let mut settings = SigningSettings::default();
    if authorization.signed.contains(&"x-amz-content-sha256") {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let since = Duration::from_secs(time.as_second().unsigned_abs());
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name("sts")
        .time(SystemTime::UNIX_EPOCH + since)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    // Those two it adds by itself.
    let given = |name: &&str| !matches!(*name, "x-amz-date" | "x-amz-content-sha256");
    let mut headers = BTreeMap::new();
    for name in authorization.signed.iter().copied().filter(given) {
        let value = request.headers.get(name).and_then(|value| value.to_str().ok());
        headers.insert(name, value.unwrap_or_default());
    }
    let host = headers.get("host").copied().unwrap_or_default();
    let uri = format!("http://{host}{}", request.uri);
    let method = request.method.as_str();
    let signable =
        SignableRequest::new(method, uri, headers.into_iter(), SignableBody::Bytes(body));
    sign(signable.ok()?, &parameters).ok().map(|signed| signed.into_parts().1)
}

impl<'a> Authorization<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let parts = text.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let parts: BTreeMap<_, _> =
            parts.split(',').filter_map(|part| part.trim().split_once('=')).collect();
        let scope: Vec<_> = parts.get("Credential")?.split('/').collect();
        let [access_key_id, day, region, service, "aws4_request"] = scope.as_slice() else {
            return None;
        };
        Some(Self {
            access_key_id,
            day,
            region,
            service,
            signed: parts.get("SignedHeaders")?.split(';').collect(),
            signature: parts.get("Signature")?,
        })
    }
}

/// `20260101T000000Z`.
fn instant(text: &str) -> Option<Timestamp> {
    let (day, time) = text.strip_suffix('Z')?.split_once('T')?;
    let sound =
        |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
    if !sound(day, 8) || !sound(time, 6) {
        return None;
    }
    let [year, month, date] = [&day[..4], &day[4..6], &day[6..]];
    let [hour, minute, second] = [&time[..2], &time[2..4], &time[4..]];
    format!("{year}-{month}-{date}T{hour}:{minute}:{second}Z").parse().ok()
}
