//! AWS's Query protocol: a form that is posted, signed or with a proof of its own, and an answer in XML
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/programming.html>). The host comes from settings or region only (R15).

mod xml;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, Response};

use super::aws::{Keys, Outgoing, Payload, SigningTime, payload_hash};
use super::error::SourceError;
use super::tools::Tools;
use crate::outbound::{Host, Scheme};

pub(super) use xml::{printable, refusal, texts};

const DEADLINE: Duration = Duration::from_secs(10);
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// One of AWS's services that speak it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Service {
    /// For people.
    pub(super) who: &'static str,
    /// In a signature's scope.
    pub(super) name: &'static str,
    /// Bytes of an answer.
    pub(super) answer_at_most: usize,
}

/// Where the service is, and how calls to it are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) service: Service,
    pub(super) host: Host,
    pub(super) region: String,
}

impl Query {
    /// Posts the form, signed with these keys.
    pub(super) async fn signed(
        &self,
        tools: &Tools,
        keys: &Keys,
        body: String,
    ) -> Result<Response<Bytes>, SourceError> {
        let at = SigningTime::new(tools.clock.now());
        let (authority, hash) = (self.host.authority(), payload_hash(body.as_bytes()));
        let token = keys.session_token().map(|token| token.expose().as_str());
        let mut headers = vec![
            (CONTENT_TYPE.as_str(), FORM),
            (HOST.as_str(), &*authority),
            ("x-amz-date", at.amz_date()),
        ];
        headers.extend(token.map(|token| ("x-amz-security-token", token)));
        let payload = Payload::Hash(&hash);
        let out = Outgoing { method: "POST", path: "/", query: "", headers: &headers, payload };
        let authorization = keys.authorization(&at, &self.region, self.service.name, &out);
        headers.push(("authorization", &authorization));
        self.post(tools, &headers, body).await
    }

    /// Posts the form, which itself holds what proves that the caller may.
    pub(super) async fn unsigned(
        &self,
        tools: &Tools,
        body: String,
    ) -> Result<Response<Bytes>, SourceError> {
        let authority = self.host.authority();
        let headers = [(CONTENT_TYPE.as_str(), FORM), (HOST.as_str(), &*authority)];
        self.post(tools, &headers, body).await
    }

    async fn post(
        &self,
        tools: &Tools,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<Response<Bytes>, SourceError> {
        self.check_clear_text(tools)?;
        let who = self.service.who;
        let mut request = Request::builder().method(Method::POST).uri(format!("{}/", self.host));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let problem = "a setting cannot stand in a request";
        let request = request.body(Bytes::from(body));
        let request = request.or(Err(SourceError::BadRequest { who, problem }))?;
        let exchange = tools.door.exchange(request, DEADLINE, self.service.answer_at_most);
        Box::pin(exchange).await.map_err(|cause| SourceError::Unasked { who, cause })
    }

    /// R15 wants verified TLS. Clear text is for a service on this machine or network that the operator named by address.
    fn check_clear_text(&self, tools: &Tools) -> Result<(), SourceError> {
        let named = |address: IpAddr| {
            let port = self.host.port();
            tools.door.rules().names(SocketAddr::new(address, port))
        };
        match (self.host.scheme(), self.host.name().parse()) {
            (Scheme::Https, _) => Ok(()),
            (Scheme::Http, Ok(address)) if named(address) => Ok(()),
            (Scheme::Http, _) => {
                let problem = "clear text only to an address that [outbound] allow_private names";
                Err(SourceError::BadRequest { who: self.service.who, problem })
            }
        }
    }
}

/// A form as AWS's own SDKs write it (RFC 3986): a service that reads the form before it checks the signature would
/// otherwise write it anew in another way.
pub(super) fn written(mut form: form_urlencoded::Serializer<'_, String>) -> String {
    form.finish().replace('+', "%20").replace('*', "%2A").replace("%7E", "~")
}
