//! The route table: every path that exists, with its methods. One reading of the path, here. Exact, anchored and
//! case-sensitive; nothing is decoded but an object's key.

use http::header::{CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{HeaderName, Method};

use super::conditions::single;
use super::{
    Ask, Conditions, ObjectAddress, ObjectKey, ObjectRead, ObjectWrite, Page, Ranges, Renewal,
    RequestError, SealedHandle, Target, Visit, preflight, query,
};
use crate::catalog::{OrganizationName, ProjectName, StorageName};
use crate::ground::secret::Secret;
use crate::label_studio::{Answer, NoRoute, Routes};
use crate::listener::{Incoming, RequestId};
use crate::telemetry::{Count, count};

/// The files of our own pages, all that there are.
const ASSETS: [&str; 6] =
    ["style.css", "app.js", "favicon.svg", "demo.js", "renew.js", "renewed.js"];

/// How much of an unlisted path is logged, in characters.
const LONGEST_TOLD: usize = 200;

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");

pub(super) fn parse(incoming: &Incoming, routes: &Routes) -> Result<Ask, RequestError> {
    match (incoming.path().strip_prefix("/-/"), preflight::is_one(incoming)) {
        (Some(path), false) => ours(incoming, path),
        (Some(path), true) => preflight::ours(ours(incoming, path)),
        (None, false) => label_studio(incoming, routes),
        (None, true) => preflight::label_studio(incoming, routes),
    }
}

fn ours(incoming: &Incoming, ours: &str) -> Result<Ask, RequestError> {
    let (first, rest) = match ours.split_once('/') {
        Some((first, rest)) => (first, Some(rest)),
        None => (ours, None),
    };
    match (first, rest) {
        ("objects", Some(rest)) => objects(incoming, rest),
        ("m", Some(handle)) => by_handle(incoming, handle),
        ("", None) => read_only(incoming, Visit::Home),
        ("assets", Some(name)) => {
            let asset = ASSETS.into_iter().find(|asset| *asset == name);
            read_only(incoming, Visit::Asset(asset.ok_or(RequestError::NoSuchRoute)?))
        }
        ("sign-in", None) => sign_in(incoming),
        ("invitations", Some(code)) => invitation(incoming, code),
        ("saml", Some(rest)) => saml(incoming, rest),
        ("label-studio", None) => label_studio_user(incoming),
        ("sign-out", None) => post(incoming, Visit::SignOut),
        ("api", Some("account")) => read_only(incoming, Visit::Account),
        ("api", Some("handles")) => post(incoming, Visit::SealHandles),
        ("api", Some(rest)) => {
            let id = rest.strip_prefix("requests/").and_then(RequestId::parse);
            read_only(incoming, Visit::ExplainRequest(id.ok_or(RequestError::NoSuchRoute)?))
        }
        _ => Err(RequestError::NoSuchRoute),
    }
}

/// Every path that is not ours is Label Studio's, if its catalogue has it.
fn label_studio(incoming: &Incoming, routes: &Routes) -> Result<Ask, RequestError> {
    if routes.exchanges(incoming.path()) && incoming.method() == Method::POST {
        return post(incoming, Visit::ExchangeToken);
    }
    let found = routes.find(incoming.method(), incoming.path(), incoming.query());
    let call = found.inspect_err(|fault| tell(incoming, routes, fault))?;
    if call.body().takes_none() || call.answer() == Answer::Media {
        no_body(incoming)?;
    }
    if call.answer() == Answer::Media {
        return object(incoming, Target::TaskMedia(call));
    }
    Ok(Ask::LabelStudio(call))
}

/// The operator learns what the catalogue lacks: a newer Label Studio asks for more, and so does whoever looks for a way in.
fn tell(incoming: &Incoming, routes: &Routes, fault: &NoRoute) {
    if *fault == NoRoute::Shut || routes.rows().next().is_none() {
        return;
    }
    count(Count::RoutesUnlisted);
    let path: String = incoming.path().chars().take(LONGEST_TOLD).collect();
    tracing::info!(method = %incoming.method(), path, %fault, "not in Label Studio's catalogue");
}

/// `{project}/{storage}/{key}`: everything behind the second slash is the key, byte for byte.
fn objects(incoming: &Incoming, rest: &str) -> Result<Ask, RequestError> {
    let (project, rest) = rest.split_once('/').ok_or(RequestError::NoSuchRoute)?;
    let (storage, key) = rest.split_once('/').ok_or(RequestError::NoSuchRoute)?;
    // what cannot be a name names nothing
    let project: ProjectName = project.parse().or(Err(RequestError::NoSuchRoute))?;
    let storage: StorageName = storage.parse().or(Err(RequestError::NoSuchRoute))?;
    if key.is_empty() {
        return match *incoming.method() {
            Method::GET | Method::HEAD => list(incoming, project, storage),
            _ => Err(RequestError::MethodNotAllowed { allow: "GET, HEAD" }),
        };
    }
    let is_write = match *incoming.method() {
        Method::GET | Method::HEAD => false,
        Method::PUT => true,
        _ => return Err(RequestError::MethodNotAllowed { allow: "GET, HEAD, PUT" }),
    };
    let address = ObjectAddress { project, storage, key: ObjectKey::from_path(key)? };
    if is_write { write(incoming, address) } else { read(incoming, Target::Named(address)) }
}

fn by_handle(incoming: &Incoming, handle: &str) -> Result<Ask, RequestError> {
    let handle = SealedHandle::new(handle).ok_or(RequestError::NoSuchRoute)?;
    match *incoming.method() {
        Method::GET | Method::HEAD => read(incoming, Target::Handle(handle)),
        _ => Err(RequestError::MethodNotAllowed { allow: "GET, HEAD" }),
    }
}

fn read(incoming: &Incoming, target: Target) -> Result<Ask, RequestError> {
    bare(incoming)?;
    object(incoming, target)
}

fn object(incoming: &Incoming, target: Target) -> Result<Ask, RequestError> {
    let head_only = incoming.method() == Method::HEAD;
    let range = single(incoming.headers(), &RANGE, "range")?;
    // RFC 9110, 14.2: ranges are defined for GET only
    let range = range.filter(|_| !head_only).and_then(|value| value.to_str().ok());
    Ok(Ask::Read(ObjectRead {
        target,
        head_only,
        ranges: range.and_then(Ranges::parse),
        conditions: Conditions::parse(incoming.headers())?,
    }))
}

fn write(incoming: &Incoming, address: ObjectAddress) -> Result<Ask, RequestError> {
    no_query(incoming)?;
    let headers = incoming.headers();
    // RFC 9110, 14.5: a part of an object would be taken for the whole
    if headers.contains_key(CONTENT_RANGE) {
        return Err(RequestError::BadHeader { name: "content-range" });
    }
    let length = incoming.body_length().ok_or(RequestError::LengthRequired)?;
    let limit = incoming.max_upload();
    if length > limit {
        return Err(RequestError::BodyTooLarge { limit });
    }
    Ok(Ask::Write(ObjectWrite {
        address,
        length,
        content_type: single(headers, &CONTENT_TYPE, "content-type")?.cloned(),
        content_md5: single(headers, &CONTENT_MD5, "content-md5")?.cloned(),
        conditions: Conditions::parse(headers)?,
    }))
}

fn list(
    incoming: &Incoming,
    project: ProjectName,
    storage: StorageName,
) -> Result<Ask, RequestError> {
    no_body(incoming)?;
    let [prefix, after, limit] = query::parse(incoming.query(), ["prefix", "after", "limit"])?;
    let key_part = |name, value: Option<String>| match value.unwrap_or_default() {
        long if long.len() > 1024 => Err(query::bad(name)),
        fits => Ok(fits),
    };
    let limit = match limit.as_deref() {
        None => 100,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let number = digits.parse().ok().filter(|number| (1..=1000).contains(number));
            number.ok_or_else(|| query::bad("limit"))?
        }
        Some(_) => return Err(query::bad("limit")),
    };
    let page =
        Page { prefix: key_part("prefix", prefix)?, after: key_part("after", after)?, limit };
    Ok(Ask::List { project, storage, page })
}

fn sign_in(incoming: &Incoming) -> Result<Ask, RequestError> {
    match *incoming.method() {
        Method::GET | Method::HEAD => {
            no_body(incoming)?;
            let [return_to, organization] =
                query::parse(incoming.query(), ["return", "organization"])?;
            Ok(Ask::Visit(Visit::SignInPage { return_to, organization }))
        }
        Method::POST => {
            no_query(incoming)?;
            Ok(Ask::Visit(Visit::SignIn))
        }
        _ => Err(RequestError::MethodNotAllowed { allow: "GET, HEAD, POST" }),
    }
}

fn label_studio_user(incoming: &Incoming) -> Result<Ask, RequestError> {
    match *incoming.method() {
        Method::GET | Method::HEAD => {
            no_body(incoming)?;
            let [return_to] = query::parse(incoming.query(), ["return"])?;
            Ok(Ask::Visit(Visit::LabelStudioUserPage { return_to }))
        }
        Method::POST => post(incoming, Visit::ClaimLabelStudioUser),
        _ => Err(RequestError::MethodNotAllowed { allow: "GET, HEAD, POST" }),
    }
}

/// `{organization}/{what}`. Whether the organization has an identity provider is not known here.
fn saml(incoming: &Incoming, rest: &str) -> Result<Ask, RequestError> {
    let (organization, what) = rest.split_once('/').ok_or(RequestError::NoSuchRoute)?;
    let organization: OrganizationName = organization.parse().or(Err(RequestError::NoSuchRoute))?;
    match what {
        "metadata" => read_only(incoming, Visit::SamlMetadata(organization)),
        "acs" => post(incoming, Visit::AcceptAssertion(organization)),
        "sign-in" => {
            get_only(incoming)?;
            let [return_to, renew] = query::parse(incoming.query(), ["return", "renew"])?;
            let how = match renew.as_deref() {
                None => Renewal::No,
                Some("anew") => Renewal::Anew,
                Some("try") => Renewal::Quietly,
                Some("unseen") => Renewal::Unseen,
                Some("window") => Renewal::Window,
                Some(_) => return Err(query::bad("renew")),
            };
            Ok(Ask::Visit(Visit::SamlSignIn { organization, return_to, how }))
        }
        "slo" => match *incoming.method() {
            // What it says is signed as it stands: nobody but who verifies it reads it.
            Method::GET => {
                no_body(incoming)?;
                Ok(Ask::Visit(Visit::SingleLogout(organization)))
            }
            Method::POST => post(incoming, Visit::SingleLogout(organization)),
            _ => Err(RequestError::MethodNotAllowed { allow: "GET, POST" }),
        },
        _ => Err(RequestError::NoSuchRoute),
    }
}

fn get_only(incoming: &Incoming) -> Result<(), RequestError> {
    if incoming.method() != Method::GET {
        return Err(RequestError::MethodNotAllowed { allow: "GET" });
    }
    no_body(incoming)
}

fn invitation(incoming: &Incoming, code: &str) -> Result<Ask, RequestError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    // 256 bits in base64url.
    if code.len() != 43 || !code.bytes().all(plain) {
        return Err(RequestError::NoSuchRoute);
    }
    let code = Secret::new(code.to_owned());
    match *incoming.method() {
        Method::GET | Method::HEAD => read_only(incoming, Visit::InvitationPage { code }),
        Method::POST => post(incoming, Visit::AcceptInvitation { code }),
        _ => Err(RequestError::MethodNotAllowed { allow: "GET, HEAD, POST" }),
    }
}

fn read_only(incoming: &Incoming, visit: Visit) -> Result<Ask, RequestError> {
    if !matches!(*incoming.method(), Method::GET | Method::HEAD) {
        return Err(RequestError::MethodNotAllowed { allow: "GET, HEAD" });
    }
    bare(incoming)?;
    Ok(Ask::Visit(visit))
}

fn post(incoming: &Incoming, visit: Visit) -> Result<Ask, RequestError> {
    if incoming.method() != Method::POST {
        return Err(RequestError::MethodNotAllowed { allow: "POST" });
    }
    no_query(incoming)?;
    Ok(Ask::Visit(visit))
}

fn bare(incoming: &Incoming) -> Result<(), RequestError> {
    no_query(incoming)?;
    no_body(incoming)
}

fn no_query(incoming: &Incoming) -> Result<(), RequestError> {
    query::parse(incoming.query(), []).map(|[]| ())
}

fn no_body(incoming: &Incoming) -> Result<(), RequestError> {
    match incoming.body_length() {
        Some(0) => Ok(()),
        Some(_) | None => Err(RequestError::UnexpectedBody),
    }
}

impl From<NoRoute> for RequestError {
    fn from(no_route: NoRoute) -> Self {
        match no_route {
            NoRoute::BadQuery { name } => query::bad(&name),
            NoRoute::Unlisted | NoRoute::Shut => Self::NotInCatalogue(no_route),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::request::Operation;

    fn ask(method: &str, target: &str) -> Result<Ask, RequestError> {
        ask_with(method, target, &[], "")
    }

    fn ask_with(
        method: &str,
        target: &str,
        fields: &[(&'static str, &str)],
        body: &'static str,
    ) -> Result<Ask, RequestError> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let incoming =
            Incoming::for_tests(method, target, headers, Bytes::from_static(body.as_bytes()));
        Operation::parse(&incoming, &Routes::default()).map(|operation| operation.ask().clone())
    }

    #[test]
    fn every_route_has_its_operation() {
        let id = "0123456789abcdef0123456789abcdef";
        let cases = [
            ("GET", "/-/", "ShowHome"),
            ("HEAD", "/-/", "ShowHome"),
            ("GET", "/-/assets/style.css", "ShowAsset"),
            ("GET", "/-/sign-in", "ShowSignIn"),
            ("GET", "/-/sign-in?return=%2F-%2F", "ShowSignIn"),
            ("POST", "/-/sign-in", "SignIn"),
            ("POST", "/-/sign-out", "SignOut"),
            ("GET", "/-/saml/acme/metadata", "ShowSamlMetadata"),
            ("GET", "/-/saml/acme/sign-in", "BeginSamlSignIn"),
            ("GET", "/-/saml/acme/sign-in?return=%2F&renew=unseen", "BeginSamlSignIn"),
            ("POST", "/-/saml/acme/acs", "AcceptAssertion"),
            ("GET", "/-/saml/acme/slo?SAMLRequest=x", "SingleLogout"),
            ("POST", "/-/saml/acme/slo", "SingleLogout"),
            ("GET", "/-/api/account", "ShowAccount"),
            ("POST", "/-/api/handles", "SealHandle"),
            ("GET", &format!("/-/api/requests/{id}"), "ExplainRequest"),
            ("GET", "/-/m/AbC-_9", "ReadMedia"),
            ("HEAD", "/-/m/AbC-_9", "ReadMedia"),
            ("GET", "/-/objects/p/s/k", "ReadObject"),
            ("HEAD", "/-/objects/p/s/k", "ReadObject"),
            ("PUT", "/-/objects/p/s/k", "WriteObject"),
            ("GET", "/-/objects/p/s/", "ListObjects"),
            ("GET", "/-/objects/p/s/?prefix=a&after=b&limit=7", "ListObjects"),
        ];
        for (method, target, name) in cases {
            assert_eq!(ask(method, target).unwrap().name(), name, "{method} {target}");
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_no_route() {
        for target in [
            "/",
            "/-",
            "/x",
            "//-/",
            "/-//",
            "/-/Sign-in",
            "/-/sign-in/",
            "/-/assets/",
            "/-/assets/x.css",
            "/-/assets/../app.js",
            "/-/api",
            "/-/api/",
            "/-/api/Account",
            "/-/api/account/",
            "/-/api/requests/",
            "/-/api/requests/1",
            "/-/m/",
            "/-/m/a.b",
            "/-/m/a/b",
            "/-/m/a%41",
            "/-/saml",
            "/-/saml/acme",
            "/-/saml/acme/",
            "/-/saml/acme/ACS",
            "/-/saml/acme/acs/",
            "/-/saml//acs",
            "/-/saml/Acme/acs",
            "/-/objects",
            "/-/objects/",
            "/-/objects/p",
            "/-/objects/p/s",
            "/-/objects//s/k",
            "/-/objects/p//k",
            "/-/objects/P/s/k",
            "/-/objects/p%41/s/k",
            "/-/objects/../s/k",
            "/-/./objects/p/s/k",
            "/-/objectsx/p/s/k",
            "/data/x",
        ] {
            for method in ["GET", "PUT", "POST"] {
                let asked = ask(method, target);
                assert!(
                    matches!(
                        asked,
                        Err(RequestError::NoSuchRoute | RequestError::NotInCatalogue(_))
                    ),
                    "{method} {target}: {asked:?}"
                );
            }
        }
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        let cases = [
            ("POST", "/-/", "GET, HEAD"),
            ("PUT", "/-/sign-in", "GET, HEAD, POST"),
            ("GET", "/-/sign-out", "POST"),
            ("GET", "/-/saml/acme/acs", "POST"),
            ("POST", "/-/saml/acme/metadata", "GET, HEAD"),
            ("POST", "/-/saml/acme/sign-in", "GET"),
            ("PUT", "/-/saml/acme/slo", "GET, POST"),
            ("GET", "/-/api/handles", "POST"),
            ("POST", "/-/m/a", "GET, HEAD"),
            ("PUT", "/-/m/a", "GET, HEAD"),
            ("DELETE", "/-/objects/p/s/k", "GET, HEAD, PUT"),
            ("PUT", "/-/objects/p/s/", "GET, HEAD"),
            ("OPTIONS", "/-/objects/p/s/k", "GET, HEAD, PUT"),
        ];
        for (method, target, expected) in cases {
            let asked = ask(method, target);
            let told =
                matches!(asked, Err(RequestError::MethodNotAllowed { allow }) if allow == expected);
            assert!(told, "{method} {target}: {asked:?}");
        }
    }

    #[test]
    fn keys_are_decoded_once_and_never_normalised() {
        let cases = [
            ("a/b", "a/b"),
            ("a%2Fb", "a/b"),
            ("a%252Fb", "a%2Fb"),
            ("/", "/"),
            ("//x//", "//x//"),
            ("../../etc/passwd", "../../etc/passwd"),
            ("a/./b/..", "a/./b/.."),
            ("a+b%20c", "a+b c"),
            ("%C3%A9/e%CC%81", "\u{e9}/e\u{301}"),
            ("trailing/", "trailing/"),
            ("a%3Fb%23c", "a?b#c"),
            ("%5C", "\\"),
            ("%7f%01", "\x7f\x01"),
        ];
        for (path, key) in cases {
            let asked = ask("GET", &format!("/-/objects/p/s/{path}")).unwrap();
            let Ask::Read(ObjectRead { target: Target::Named(address), .. }) = asked else {
                panic!("{path}: not a read of a named object");
            };
            assert_eq!(address.key.as_str(), key, "{path}");
        }
        for path in ["%", "%4", "%zz", "%00", "a%0Ab", "a%0d", "%ff", "%C3", &"x".repeat(1025)] {
            let asked = ask("GET", &format!("/-/objects/p/s/{path}"));
            assert!(matches!(asked, Err(RequestError::BadKey(_))), "{path}: {asked:?}");
        }
    }

    #[test]
    fn queries_are_a_closed_list() {
        for target in [
            "/-/?x=1",
            "/-/objects/p/s/k?versionId=1",
            "/-/objects/p/s/?limit=0",
            "/-/objects/p/s/?limit=1001",
            "/-/objects/p/s/?limit=+1",
            "/-/objects/p/s/?limit=",
            "/-/objects/p/s/?limit=1&limit=1",
            "/-/objects/p/s/?max-keys=1",
            "/-/sign-in?return=a&return=b",
            "/-/m/a?download",
            "/-/saml/acme/metadata?x=1",
            "/-/saml/acme/sign-in?renew=",
            "/-/saml/acme/sign-in?renew=maybe",
            "/-/saml/acme/sign-in?SAMLRequest=x",
        ] {
            let asked = ask("GET", target);
            assert!(matches!(asked, Err(RequestError::BadQuery { .. })), "{target}: {asked:?}");
        }
        let Ok(Ask::List { page, .. }) = ask("GET", "/-/objects/p/s/?prefix=a%2Fb+c") else {
            panic!("a list");
        };
        assert_eq!(page, Page { prefix: "a/b c".into(), after: String::new(), limit: 100 });
    }

    #[test]
    fn a_write_says_its_length_and_stays_within_the_limit() {
        let put =
            |fields: &[(&'static str, &str)]| ask_with("PUT", "/-/objects/p/s/k", fields, "12345");
        let Ok(Ask::Write(write)) = put(&[("content-type", "image/png"), ("if-none-match", "*")])
        else {
            panic!("a write");
        };
        assert_eq!(write.length, 5);
        assert_eq!(write.content_type.unwrap(), "image/png");
        assert!(write.conditions.if_none_match.is_some());
        assert!(matches!(
            put(&[("content-range", "bytes 0-4/5")]),
            Err(RequestError::BadHeader { name: "content-range" })
        ));
        assert!(matches!(
            put(&[("content-md5", "a"), ("content-md5", "b")]),
            Err(RequestError::BadHeader { name: "content-md5" })
        ));
    }

    #[test]
    fn reads_take_no_body_and_ranges_only_with_get() {
        for method in ["GET", "HEAD"] {
            let asked = ask_with(method, "/-/objects/p/s/k", &[], "x");
            assert!(matches!(asked, Err(RequestError::UnexpectedBody)), "{method}: {asked:?}");
        }
        let ranged = |method| ask_with(method, "/-/objects/p/s/k", &[("range", "bytes=-100")], "");
        let Ok(Ask::Read(get)) = ranged("GET") else { panic!("a read") };
        let Ok(Ask::Read(head)) = ranged("HEAD") else { panic!("a read") };
        assert!(get.ranges.is_some() && !get.head_only);
        assert!(head.ranges.is_none() && head.head_only);
    }
}
