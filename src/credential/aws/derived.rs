//! Signing keys: four HMACs that depend on secret, day, region and service only, done once and kept beside the secret.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key, Tag, sign};
use zeroize::Zeroizing;

use super::SigningTime;
use crate::ground::secret::Secret;

/// The signing keys of one secret. Read without a lock.
#[derive(Default)]
pub(super) struct Kept(ArcSwap<Vec<Arc<SigningKey>>>);

/// What signs for one day, region and service.
pub(super) struct SigningKey {
    scope: Box<str>,
    date: Box<str>,
    region: Box<str>,
    service: Box<str>,
    key: Key,
}

/// More regions than one credential is used in; older entries go first.
const KEPT_AT_MOST: usize = 16;

impl Kept {
    /// Calls `then` with the key of (day, region, service), derived now if it was not known.
    pub(super) fn with<T>(
        &self,
        secret: &Secret<String>,
        scope: (&str, &str, &str),
        then: impl FnOnce(&SigningKey) -> T,
    ) -> T {
        if let Some(key) = self.0.load().iter().find(|key| key.is_for(scope)) {
            return then(key);
        }
        let key = Arc::new(SigningKey::derive(secret, scope));
        self.0.rcu(|kept| {
            // Yesterday's keys sign nothing any more.
            let today = kept.iter().filter(|one| *one.date == *scope.0 && !one.is_for(scope));
            let newest = std::iter::once(&key).chain(today).take(KEPT_AT_MOST);
            newest.map(Arc::clone).collect::<Vec<_>>()
        });
        then(&key)
    }
}

impl SigningKey {
    fn derive(secret: &Secret<String>, (date, region, service): (&str, &str, &str)) -> Self {
        let mut seed = Zeroizing::new(Vec::with_capacity(4 + secret.expose().len()));
        seed.extend_from_slice(b"AWS4");
        seed.extend_from_slice(secret.expose().as_bytes());
        let step = |key: &[u8], part: &str| sign(&Key::new(HMAC_SHA256, key), part.as_bytes());
        let mut tag: Tag = step(&seed, date);
        for part in [region, service, "aws4_request"] {
            tag = step(tag.as_ref(), part);
        }
        Self {
            scope: format!("{date}/{region}/{service}/aws4_request").into(),
            date: date.into(),
            region: region.into(),
            service: service.into(),
            key: Key::new(HMAC_SHA256, tag.as_ref()),
        }
    }

    fn is_for(&self, (date, region, service): (&str, &str, &str)) -> bool {
        *self.date == *date && *self.region == *region && *self.service == *service
    }

    /// `day/region/service/aws4_request`
    pub(super) fn scope(&self) -> &str {
        &self.scope
    }

    /// Signs the hash of a canonical request.
    pub(super) fn sign(&self, at: &SigningTime, canonical: &[u8; 32]) -> [u8; 32] {
        let mut text = [0; 64];
        let mut context = Context::with_key(&self.key);
        context.update(b"AWS4-HMAC-SHA256\n");
        context.update(at.amz_date().as_bytes());
        context.update(b"\n");
        context.update(self.scope.as_bytes());
        context.update(b"\n");
        context.update(super::hex(canonical, &mut text).as_bytes());
        super::array(context.sign().as_ref())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.scope).finish()
    }
}
