//! Addresses of Label Studio's that the gateway answers by itself: signing in and out is ours, and so is the service worker;
//! and what its pages ask for at every turn although it is shut, so that they go on without it.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::backend::Reply;
use crate::label_studio::Call;
use crate::policy::Grant;

/// Takes the place of Label Studio's service worker, which kept presigned addresses: forgets them, and retires.
const SERVICE_WORKER: &str = "self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', event => event.waitUntil((async () => {
  for (const name of await caches.keys()) await caches.delete(name);
  await self.registration.unregister();
})()));
";

/// Tokens are the gateway's: the account page then offers none of Label Studio's own.
const NO_TOKENS: &str = r#"{"api_tokens_enabled":false,"legacy_api_tokens_enabled":false}"#;

/// One address, and what is answered there.
enum Ours {
    Text(&'static str, &'static str),
    /// "Look there."
    There(&'static str),
}

const SCRIPT: &str = "text/javascript";
const JSON: &str = "application/json";
/// The person's page: his projects, and the button that signs him out.
const HOME: Ours = Ours::There("/-/");

pub(super) fn reply(grant: &Grant, call: &Call) -> Reply {
    let answer = match &*call.route().text {
        "/sw.js" => Ours::Text(SCRIPT, SERVICE_WORKER),
        "/sw-fallback.js" => Ours::Text(SCRIPT, ""),
        "/favicon.ico" => Ours::There("/static/images/favicon.ico"),
        "/api/jwt/settings" => Ours::Text(JSON, NO_TOKENS),
        // Tips for the home page, which Label Studio would fetch from elsewhere.
        "/heidi-tips/" => Ours::Text(JSON, "{}"),
        // Earlier exports, which lie in a folder that all projects share.
        "/api/projects/{project}/export/files" => Ours::Text(JSON, r#"{"export_files":[]}"#),
        // Who comes to `/user/login/` is signed in; and `/logout` signs nobody out, because a mere link must not.
        _ => HOME,
    };
    let (status, header, value, body) = match answer {
        Ours::Text(kind, text) => (StatusCode::OK, CONTENT_TYPE, kind, text),
        Ours::There(path) => (StatusCode::SEE_OTHER, LOCATION, path, ""),
    };
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = status;
    let own: [(HeaderName, HeaderValue); 2] = [
        (header, HeaderValue::from_static(value)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    response.headers_mut().extend(own);
    Reply::ours(grant, response, None)
}
