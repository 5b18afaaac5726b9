//! Who may do what, as S3 decides it: the key must be known, the token must be the key's own, signed and alive, and the
//! session must be allowed the action on the resource by its role *and* by its policy
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html> has the codes).

use std::sync::Arc;

use http::{HeaderMap, Uri};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::path::S3Path;
use s3s::{S3Result, s3_error};

use super::objects::Objects;
use crate::support::account::{Account, Context, Session};

/// Asked before each request is looked at further.
pub(super) struct Gatekeeper {
    account: Arc<Account>,
    objects: Objects,
}

/// What a request wants to do.
struct Wish {
    action: &'static str,
    resource: String,
    context: Context,
}

impl Gatekeeper {
    pub(super) fn new(account: &Arc<Account>, objects: &Objects) -> Self {
        Self { account: Arc::clone(account), objects: objects.clone() }
    }

    /// The session that signed, once its token is right.
    fn session(&self, cx: &S3AccessContext<'_>) -> S3Result<Arc<Session>> {
        let Some(credentials) = cx.credentials() else {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        };
        let token = token(cx.headers(), cx.uri());
        let Some(session) = self.account.session(&credentials.access_key) else {
            // Permanent keys have no token, and users no permissions here.
            return Err(match token {
                Some(_) => {
                    s3_error!(InvalidToken, "The provided token is malformed or otherwise invalid.")
                }
                None => s3_error!(AccessDenied, "Access Denied"),
            });
        };
        match token {
            None => Err(s3_error!(
                InvalidAccessKeyId,
                "The AWS Access Key Id you provided does not exist in our records."
            )),
            Some(token) if token != session.token => Err(s3_error!(
                InvalidToken,
                "The provided token is malformed or otherwise invalid."
            )),
            Some(_) if session.expires <= self.account.clock.now() => {
                Err(s3_error!(ExpiredToken, "The provided token has expired."))
            }
            Some(_) => Ok(session),
        }
    }

    /// A missing key is told as missing only to who may list the bucket
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>, "Permissions").
    fn hides(&self, session: &Session, path: &S3Path) -> bool {
        path.as_object().is_some_and(|(bucket, key)| {
            let missing = self.objects.find(bucket, key).is_none();
            let bucket = format!("arn:aws:s3:::{bucket}");
            missing && !session.may("s3:ListBucket", &bucket, &Context::default())
        })
    }
}

#[async_trait::async_trait]
impl S3Auth for Gatekeeper {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let session = self.account.session(access_key).map(|session| session.secret.clone());
        let user = || self.account.user_of_key(access_key).map(|user| user.secret.clone());
        session.or_else(user).map(SecretKey::from).ok_or_else(|| {
            s3_error!(
                InvalidAccessKeyId,
                "The AWS Access Key Id you provided does not exist in our records."
            )
        })
    }
}

#[async_trait::async_trait]
impl S3Access for Gatekeeper {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let session = self.session(cx)?;
        let denied = || s3_error!(AccessDenied, "Access Denied");
        let wish = Wish::of(cx).ok_or_else(denied)?;
        if !session.may(wish.action, &wish.resource, &wish.context) {
            return Err(denied());
        }
        if wish.action == "s3:GetObject" && self.hides(&session, cx.s3_path()) {
            return Err(denied());
        }
        Ok(())
    }
}

impl Wish {
    /// The action that a permission must name
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>), for the operations that
    /// there are here.
    fn of(cx: &S3AccessContext<'_>) -> Option<Self> {
        let mut context = Context::default();
        let path = cx.s3_path();
        let (action, resource) = match cx.s3_op().name() {
            "GetObject" | "HeadObject" => ("s3:GetObject", path.as_object()),
            "PutObject" => ("s3:PutObject", path.as_object()),
            "DeleteObject" => ("s3:DeleteObject", path.as_object()),
            "ListObjectsV2" => {
                for (name, value) in pairs(cx.uri()) {
                    match &*name {
                        "prefix" | "delimiter" | "max-keys" => {
                            context.set(&format!("s3:{name}"), &value)
                        }
                        _ => {}
                    }
                }
                let resource = format!("arn:aws:s3:::{}", path.as_bucket()?);
                return Some(Self { action: "s3:ListBucket", resource, context });
            }
            _ => return None,
        };
        let (bucket, key) = resource?;
        Some(Self { action, resource: format!("arn:aws:s3:::{bucket}/{key}"), context })
    }
}

/// The token that came along, if it is covered by the signature: one in the query always is.
fn token(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let queried = query(uri, "X-Amz-Security-Token");
    queried.or_else(|| {
        let (_, signed) = header("authorization")?.split_once("SignedHeaders=")?;
        let mut signed = signed.split([',', ' ']).next()?.split(';');
        signed.any(|name| name == "x-amz-security-token").then_some(())?;
        header("x-amz-security-token").map(str::to_owned)
    })
}

/// The key id that a request names.
pub(super) fn claimed_key(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let header = headers.get("authorization").and_then(|value| value.to_str().ok());
    let of_header = header.and_then(|text| Some(text.split_once("Credential=")?.1.to_owned()));
    let scope = of_header.or_else(|| query(uri, "X-Amz-Credential"))?;
    scope.split('/').next().map(str::to_owned)
}

fn query(uri: &Uri, wanted: &str) -> Option<String> {
    pairs(uri).find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
}

fn pairs(uri: &Uri) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
}
