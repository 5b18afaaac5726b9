//! Addresses of Label Studio's that the gateway answers by itself: signing in and out is ours, and so is the service worker.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Response, StatusCode};

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

const HOME: HeaderValue = HeaderValue::from_static("/-/");
const SCRIPT: HeaderValue = HeaderValue::from_static("text/javascript");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

pub(super) fn reply(grant: &Grant, call: &Call) -> Reply {
    let mut response = if call.target() == "/sw.js" {
        let mut response = Response::new(Bytes::from_static(SERVICE_WORKER.as_bytes()));
        response.headers_mut().insert(CONTENT_TYPE, SCRIPT);
        response
    } else {
        // Who comes here is signed in. Out goes only who presses the button there: a mere link must not sign anybody out.
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::SEE_OTHER;
        response.headers_mut().insert(LOCATION, HOME);
        response
    };
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    Reply::ours(grant, response, None)
}
