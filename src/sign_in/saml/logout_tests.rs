//! What the receiver of redirects lets through, and what it refuses, each hostile query for exactly its reason.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::peer::{
    self, IDP, MORE, Made, NOW, SLO, Signed, deflated, elliptic, encoded, other, rsa, time,
};
use super::{
    BadRedirect, Closed, Logout, LogoutAnswer, LogoutRequest, NotSignedOut, SignOutReply,
    SignOutStatus, receive_logout,
};
use crate::ground::clock::SignedDuration;
use crate::ground::random::Random;

const EXPECTED: Option<&str> = Some("_ours-1");

/// What usually stands in the root, and in it.
const HEAD: &str = "xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
                    xmlns:a=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_theirs-1\" Version=\"2.0\" \
                    IssueInstant=\"2026-11-26T08:00:00Z\" \
                    Destination=\"https://gateway.example.com/-/saml/acme/slo\"";
const ISSUER: &str = "<a:Issuer>https://idp.example.com/metadata</a:Issuer>";
const NAME: &str = "<a:NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\" \
                    NameQualifier=\"n\" SPNameQualifier=\"s\">alice@corp.example</a:NameID>";
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

fn request() -> String {
    format!(
        "<p:LogoutRequest {HEAD} NotOnOrAfter=\"2026-11-26T08:05:00Z\">{ISSUER}{NAME}\
         <p:SessionIndex>_session-1</p:SessionIndex><p:SessionIndex>_session-2</p:SessionIndex>\
         </p:LogoutRequest>"
    )
}

fn response() -> String {
    format!(
        "<p:LogoutResponse {HEAD} InResponseTo=\"_ours-1\">{ISSUER}\
         <p:Status><p:StatusCode Value=\"{SUCCESS}\"/></p:Status></p:LogoutResponse>"
    )
}

fn alice() -> LogoutRequest {
    LogoutRequest {
        id: "_theirs-1".to_owned(),
        name_id: "alice@corp.example".to_owned(),
        name_id_format: Some("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress".to_owned()),
        name_qualifier: Some("n".to_owned()),
        sp_name_qualifier: Some("s".to_owned()),
        session_indexes: vec!["_session-1".to_owned(), "_session-2".to_owned()],
        issue_instant: time("2026-11-26T08:00:00Z"),
        relay_state: Some("/a b".to_owned()),
    }
}

fn judged(query: &str) -> Result<Logout, NotSignedOut> {
    let provider = peer::provider(&[elliptic(), rsa()]);
    receive_logout(query, &peer::ours(rsa()), &provider, EXPECTED, time(NOW))
}

fn asked(xml: &str) -> Result<Logout, NotSignedOut> {
    judged(&Signed::new("SAMLRequest", xml).query())
}

fn answered(xml: &str) -> Result<Logout, NotSignedOut> {
    judged(&Signed::new("SAMLResponse", xml).query())
}

#[test]
fn the_addresses_of_the_test_are_those_of_the_parties() {
    assert_eq!(peer::ours(rsa()).sign_out(), SLO);
    assert!(HEAD.contains(SLO) && ISSUER.contains(IDP));
}

#[test]
fn good_requests_say_who_is_to_be_signed_out() {
    let xml = request();
    let plain = LogoutRequest {
        name_id_format: None,
        name_qualifier: None,
        sp_name_qualifier: None,
        session_indexes: vec![],
        ..alice()
    };
    let start = &format!("<p:LogoutRequest {HEAD}>{ISSUER}");
    let shortest = format!("{start}<a:NameID>alice@corp.example</a:NameID></p:LogoutRequest>");
    let sessions = |count| "<p:SessionIndex>_1</p:SessionIndex>".repeat(count);
    let many = shortest.replace("</p:L", &format!("{}</p:L", sessions(64)));
    let marked = shortest.replace("alice", "o&apos;brien&lt;b&gt;&amp;amp;");
    let skewed = xml.replace("T08:00:00Z", "T08:01:00Z").replace("T08:05:00Z", "T07:59:01Z");
    for (name, xml, expected) in [
        ("all of it", xml.clone(), alice()),
        ("a declaration", format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}\n"), alice()),
        ("lines between", xml.replace("><", ">\n  <"), alice()),
        ("the least of it", shortest, plain.clone()),
        (
            "many sessions",
            many,
            LogoutRequest { session_indexes: vec!["_1".into(); 64], ..plain.clone() },
        ),
        (
            "markup",
            marked,
            LogoutRequest { name_id: "o'brien<b>&amp;@corp.example".into(), ..plain },
        ),
        (
            "within the skew",
            skewed,
            LogoutRequest { issue_instant: time("2026-11-26T08:01:00Z"), ..alice() },
        ),
        ("a consent", xml.replace(" Version", " Consent=\"urn:x\" Reason=\"y\" Version"), alice()),
    ] {
        assert_eq!(asked(&xml), Ok(Logout::Request(expected)), "{name}");
    }
}

#[test]
fn good_answers_end_our_own_request() {
    let relay_state = Some("/a b".to_owned());
    let code = format!("<p:StatusCode Value=\"{SUCCESS}\"/>");
    let with = |inside: &str| {
        format!(
            "<p:StatusCode Value=\"{SUCCESS}\"><p:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:{inside}\"/>\
             </p:StatusCode><p:StatusMessage>words</p:StatusMessage>"
        )
    };
    for (name, xml, partial) in [
        ("plain", response(), false),
        ("partial", response().replace(&code, &with("PartialLogout")), true),
        ("another second code", response().replace(&code, &with("Other")), false),
    ] {
        let expected = LogoutAnswer { partial, relay_state: relay_state.clone() };
        assert_eq!(answered(&xml), Ok(Logout::Answer(expected)), "{name}");
    }
}

#[test]
fn every_listed_algorithm_and_every_spelling_of_a_query() {
    let curve = Made::of(&rcgen::PKCS_ECDSA_P384_SHA384);
    let provider = peer::provider(&[other(), &curve, elliptic(), rsa()]);
    let (ours, xml) = (peer::ours(rsa()), request());
    let judged = |query: &str| receive_logout(query, &ours, &provider, None, time(NOW));
    for (name, key) in [
        ("rsa-sha256", rsa()),
        ("rsa-sha256", other()),
        ("rsa-sha384", rsa()),
        ("rsa-sha512", rsa()),
        ("ecdsa-sha256", elliptic()),
        ("ecdsa-sha384", &curve),
    ] {
        let algorithm = format!("{MORE}{name}");
        let signed = Signed { algorithm, key, ..Signed::new("SAMLRequest", &xml) };
        assert_eq!(judged(&signed.query()), Ok(Logout::Request(alice())), "{name}");
    }
    for relay_state in [None, Some(""), Some("é&=+%/?#")] {
        let signed = Signed { relay_state, ..Signed::new("SAMLRequest", &xml) };
        let expected = LogoutRequest { relay_state: relay_state.map(str::to_owned), ..alice() };
        assert_eq!(judged(&signed.query()), Ok(Logout::Request(expected)), "{relay_state:?}");
    }
    // What is signed has its own order.
    let signed = Signed::new("SAMLRequest", &xml).query();
    let mut parts: Vec<&str> = signed.split('&').collect();
    for _ in 0..4 {
        parts.rotate_left(1);
        assert_eq!(judged(&parts.join("&")), Ok(Logout::Request(alice())), "{parts:?}");
    }
}

/// What our own side sends, received at the other end of the same rules.
#[test]
fn a_reply_to_a_request_goes_back_to_it() {
    let Ok(Logout::Request(request)) = asked(&request()) else { panic!("not a request") };
    let reply = request.reply(SignOutStatus::Partial);
    let relay_state = Some("/a b");
    let expected =
        SignOutReply { in_response_to: "_theirs-1", relay_state, status: SignOutStatus::Partial };
    assert_eq!(reply, expected);
    let provider = peer::provider(&[rsa()]);
    let sent = reply.redirect(&peer::ours(rsa()), &provider, time(NOW), &Random::system()).unwrap();
    let received = peer::received(&sent.location, "https://idp.example.com/slo?", rsa());
    assert!(received.xml.contains("InResponseTo=\"_theirs-1\""), "{}", received.xml);
}

/// Queries that are not as the identity provider made them, or that somebody else made.
#[expect(clippy::too_many_lines, reason = "a table")]
fn hostile_queries() -> Vec<(&'static str, String, BadRedirect)> {
    use BadRedirect::{
        Algorithm, Encoding, NoMessage, NoSuchKey, NotBase64, NotDeflated, NotUtf8, Signature,
        TooLarge, TooLong, Twice, TwoMessages, Unknown, Unsigned,
    };
    let good = || Signed::new("SAMLRequest", &request());
    let query = good().query();
    let part =
        |name: &str| query.split('&').find(|part| part.starts_with(name)).unwrap().to_owned();
    let without = |name: &str| {
        let kept: Vec<&str> = query.split('&').filter(|part| !part.starts_with(name)).collect();
        kept.join("&")
    };
    let [message, state, algorithm, signature] =
        ["SAMLRequest", "RelayState", "SigAlg", "Signature"].map(part);
    let by = |name: &str| Signed { algorithm: name.to_owned(), ..good() }.query();
    let more = |name: &str| by(&format!("{MORE}{name}"));
    let raw = |bytes: &[u8]| Signed { message: STANDARD.encode(bytes), ..good() }.query();
    let whole = deflated(request().as_bytes());
    let swapped = Signed { relay_state: None, ..good() };
    let swapped = format!("{}&Signature={}", swapped.octets(), {
        let algorithm = encoded(&swapped.algorithm);
        let message = encoded(&swapped.message);
        let octets = format!("SigAlg={algorithm}&SAMLRequest={message}");
        encoded(&STANDARD.encode(rsa().sign("", octets.as_bytes())))
    });
    let curve = Signed { key: elliptic(), algorithm: format!("{MORE}ecdsa-sha256"), ..good() };
    // The same signature in the form of X9.62, which is not that of XML Signature.
    let der = rcgen::SigningKey::sign(&elliptic().pair, curve.octets().as_bytes()).unwrap();
    let der = format!("{}&Signature={}", curve.octets(), encoded(&STANDARD.encode(der)));
    let lower = |text: &str| text.replace("%2b", "%2B").replace("%2f", "%2F").replace("%3d", "%3D");
    let twice = |text: &str| format!("{query}&{text}");
    let response = Signed::new("SAMLResponse", &response()).query();
    let response = response.split('&').next().unwrap();
    let none = rsa().sign("", b"");
    vec![
        ("nothing", String::new(), NoMessage),
        ("a parameter without value", format!("SAMLRequest&{query}"), Unknown),
        ("an unknown parameter", twice("a=b"), Unknown),
        (
            "an encoding",
            twice("SAMLEncoding=urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"),
            Unknown,
        ),
        ("an empty parameter", twice(""), Unknown),
        ("a name in small letters", query.replace("RelayState", "relaystate"), Unknown),
        ("a name that is encoded", query.replace("RelayState", "Relay%53tate"), Unknown),
        ("a name with a blank", query.replace("RelayState", "RelayState+"), Unknown),
        ("a semicolon between", query.replace("&RelayState", ";RelayState"), Signature),
        ("the message twice", twice(&message), Twice("SAMLRequest")),
        ("the relay state twice", twice("RelayState=%2Fevil"), Twice("RelayState")),
        ("the algorithm twice", twice(&algorithm), Twice("SigAlg")),
        ("the signature twice", twice(&signature), Twice("Signature")),
        ("a request and a response", twice(response), TwoMessages),
        ("no message", without("SAMLRequest"), NoMessage),
        ("no signature", without("Signature"), Unsigned("Signature")),
        ("no algorithm", without("SigAlg"), Unsigned("SigAlg")),
        ("neither", format!("{message}&{state}"), Unsigned("SigAlg")),
        ("an empty signature", query.replace(&signature, "Signature="), Signature),
        ("an empty algorithm", query.replace(&algorithm, "SigAlg="), Algorithm),
        ("another key", Signed { key: other(), ..good() }.query(), Signature),
        ("another kind of key", more("ecdsa-sha256"), Signature),
        ("rsa-sha1", by("http://www.w3.org/2000/09/xmldsig#rsa-sha1"), Algorithm),
        ("dsa-sha1", by("http://www.w3.org/2000/09/xmldsig#dsa-sha1"), Algorithm),
        ("hmac-sha256", more("hmac-sha256"), Algorithm),
        ("rsa-md5", more("rsa-md5"), Algorithm),
        ("rsa-pss", by("http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"), Algorithm),
        ("ecdsa-sha512", more("ecdsa-sha512"), Algorithm),
        (
            "another digest than it says",
            {
                let octets = Signed { algorithm: format!("{MORE}rsa-sha512"), ..good() }.octets();
                let signature = encoded(&STANDARD.encode(rsa().sign("", octets.as_bytes())));
                format!("{octets}&Signature={signature}")
            },
            Signature,
        ),
        ("ECDSA in DER", der, Signature),
        ("signed in another order", swapped, Signature),
        ("the relay state is another", query.replace(&state, "RelayState=%2Fevil"), Signature),
        ("the relay state is gone", without("RelayState"), Signature),
        (
            "a relay state has come",
            {
                let signed = Signed { relay_state: None, ..good() };
                format!("{}&RelayState=%2Fevil", signed.query())
            },
            Signature,
        ),
        (
            "the message is another",
            {
                let name = request().replace("alice", "mallory");
                let other = encoded(&Signed::new("SAMLRequest", &name).message);
                query.replace(&message, &format!("SAMLRequest={other}"))
            },
            Signature,
        ),
        ("a request as a response", query.replace("SAMLRequest", "SAMLResponse"), Signature),
        (
            "the same in another spelling",
            lower(&message) + query.strip_prefix(&message).unwrap(),
            Signature,
        ),
        (
            "signed over nothing",
            format!("{}&Signature={}", good().octets(), encoded(&STANDARD.encode(none))),
            Signature,
        ),
        (
            "no base64 as signature",
            query.replace(&signature, "Signature=%25"),
            NotBase64("Signature"),
        ),
        (
            "a signature with a blank",
            query.replace("Signature=", "Signature=+"),
            NotBase64("Signature"),
        ),
        ("a broken escape", format!("{query}%4"), Encoding("Signature")),
        (
            "an escape of no digits",
            query.replace("Signature=", "Signature=%zz"),
            Encoding("Signature"),
        ),
        ("no UTF-8", query.replace("SigAlg=", "SigAlg=%ff"), Encoding("SigAlg")),
        ("NUL", query.replace("SigAlg=", "SigAlg=%00"), Encoding("SigAlg")),
        ("a line break", query.replace("Signature=", "Signature=%0a"), Encoding("Signature")),
        ("a long query", format!("{query}{}", "a".repeat(32 * 1_024)), TooLong),
        (
            "a relay state with a line break",
            Signed { relay_state: Some("a\nb"), ..good() }.query(),
            Encoding("RelayState"),
        ),
        (
            "a message with line breaks",
            Signed { message: "YWJj\nYWJj".into(), ..good() }.query(),
            Encoding("SAMLRequest"),
        ),
        (
            "a message in the URL alphabet",
            Signed { message: "-_-_".into(), ..good() }.query(),
            NotBase64("SAMLRequest"),
        ),
        ("an empty message", raw(b""), NotDeflated),
        ("not deflated", raw(request().as_bytes()), NotDeflated),
        ("cut off", raw(&whole[..whole.len() - 4]), NotDeflated),
        ("something behind it", raw(&[whole.as_slice(), b"a"].concat()), NotDeflated),
        ("twice deflated", raw(&whole.repeat(2)), NotDeflated),
        ("a bomb", raw(&deflated(&vec![b' '; 16 << 20])), TooLarge),
        ("one byte too much", raw(&deflated(&vec![b' '; (64 << 10) + 1])), TooLarge),
        ("UTF-16", raw(&deflated(b"\xff\xfe<\0")), NotUtf8),
        ("no key of its kind", curve.query(), NoSuchKey),
    ]
}

#[test]
fn hostile_queries_are_refused_for_their_own_reason() {
    let mut faults = Vec::new();
    for (name, query, expected) in hostile_queries() {
        let keys: &[&Made] =
            if expected == BadRedirect::NoSuchKey { &[rsa()] } else { &[elliptic(), rsa()] };
        let provider = peer::provider(keys);
        let found = receive_logout(&query, &peer::ours(rsa()), &provider, EXPECTED, time(NOW));
        if found != Err(NotSignedOut::Redirect(expected)) {
            faults.push(format!("{name}: {found:?}, not {expected:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Signed by the identity provider, and still nothing to act on.
#[expect(clippy::too_many_lines, reason = "a table")]
fn hostile_requests() -> Vec<(&'static str, String, NotSignedOut)> {
    use NotSignedOut::{
        Closed as Shape, Destination, Encrypted, Future, Issuer, Old, Other, Over, Time,
        TooManySessions,
    };
    let with = |from: &str, to: &str| {
        let xml = request();
        assert!(xml.contains(from), "{from}");
        xml.replace(from, to)
    };
    let of = "LogoutRequest";
    let destination = format!(" Destination=\"{SLO}\"");
    let session = "<p:SessionIndex>_session-1</p:SessionIndex>";
    let signature = "<d:Signature xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\"/>";
    let no_name = Closed::NoElement { of, name: "NameID" };
    let no_issuer = Closed::NoElement { of, name: "Issuer" };
    let not_one = |of| Shape(Closed::NotOneText { of });
    vec![
        ("a DOCTYPE", format!("<!DOCTYPE a>{}", request()), Shape(Closed::Doctype)),
        (
            "an entity",
            format!("<!DOCTYPE a [<!ENTITY b 'c'>]>{}", with("alice", "&b;")),
            Shape(Closed::Doctype),
        ),
        ("a comment in the name", with("alice", "alice<!---->"), Shape(Closed::Comment)),
        ("a comment before it", format!("<!--a-->{}", request()), Shape(Closed::Comment)),
        ("CDATA", with("alice", "<![CDATA[alice]]>"), Shape(Closed::CData)),
        ("an instruction", with("alice", "alice<?a?>"), Shape(Closed::ProcessingInstruction)),
        ("not well-formed", with("</a:NameID>", ""), Shape(Closed::NotWellFormed)),
        ("no XML", "SAML".to_owned(), Shape(Closed::Declaration)),
        ("ID twice", with("<a:Issuer", "<a:Issuer ID=\"_theirs-1\""), Shape(Closed::IdTwice)),
        ("id", with(" ID=", " Id="), Shape(Closed::IdSpelling)),
        ("no ID", with(" ID=\"_theirs-1\"", ""), Shape(Closed::NoAttribute { of, name: "ID" })),
        (
            "extensions",
            with(NAME, &format!("<p:Extensions/>{NAME}")),
            Shape(Closed::Forbidden("Extensions")),
        ),
        ("another message", with(of, "AuthnRequest"), Other(of)),
        ("a response", response(), Other(of)),
        ("another namespace", with("2.0:protocol", "2.0:protocols"), Other(of)),
        ("version 1.1", with("\"2.0\"", "\"1.1\""), Shape(Closed::Version { of })),
        ("no version", with(" Version=\"2.0\"", ""), Shape(Closed::Version { of })),
        ("no destination", with(&destination, ""), Destination),
        ("the destination is another's", with("gateway.example", "another.example"), Destination),
        ("the destination is longer", with("/slo\"", "/slo/\""), Destination),
        ("the destination is another organization's", with("/acme/", "/acme2/"), Destination),
        ("the destination is the assertion endpoint", with("/slo\"", "/acs\""), Destination),
        ("the destination has a prefix", with(" Destination", " p:Destination"), Destination),
        ("no issuer", with(ISSUER, ""), Shape(no_issuer.clone())),
        ("the issuer is another", with("idp.example.com", "idp2.example.com"), Issuer),
        ("the issuer with a blank", with("/metadata<", "/metadata <"), Issuer),
        ("two issuers", with(ISSUER, &ISSUER.repeat(2)), Shape(no_name.clone())),
        (
            "issuer of another namespace",
            request().replace("a:Issuer", "p:Issuer"),
            Shape(no_issuer),
        ),
        ("old", with("T08:00:00Z", "T07:53:59Z"), Old),
        ("of the future", with("T08:00:00Z", "T08:01:01Z"), Future),
        ("of no time", with("T08:00:00Z", "T08:00:00"), Time("IssueInstant")),
        (
            "without time",
            with(" IssueInstant=\"2026-11-26T08:00:00Z\"", ""),
            Shape(Closed::NoAttribute { of, name: "IssueInstant" }),
        ),
        ("over", with("T08:05:00Z", "T07:59:00Z"), Over),
        ("over at no time", with("T08:05:00Z", "T08:05"), Time("NotOnOrAfter")),
        ("encrypted", with(NAME, "<a:EncryptedID/>"), Encrypted),
        ("encrypted beside a name", with(NAME, &format!("<a:EncryptedID/>{NAME}")), Encrypted),
        (
            "encrypted after a name",
            with(NAME, &format!("{NAME}<a:EncryptedID/>")),
            Shape(Closed::Unexpected { of }),
        ),
        ("no name", with(NAME, ""), Shape(no_name.clone())),
        ("two names", with(NAME, &NAME.repeat(2)), Shape(Closed::Unexpected { of })),
        ("a BaseID", with(NAME, "<a:BaseID/>"), Shape(no_name.clone())),
        ("an empty name", with("alice@corp.example", ""), not_one("NameID")),
        ("a blank name", with("alice@corp.example", " \n "), not_one("NameID")),
        ("an element in the name", with("alice", "<a:b/>alice"), not_one("NameID")),
        ("a control character", with("alice", "alice&#10;"), not_one("NameID")),
        ("an empty session", with("_session-1", ""), not_one("SessionIndex")),
        ("65 sessions", with(session, &session.repeat(64)), TooManySessions),
        (
            "a session before the name",
            with(NAME, &format!("{session}{NAME}")),
            Shape(no_name.clone()),
        ),
        ("a signature inside", with(NAME, &format!("{signature}{NAME}")), Shape(no_name)),
        (
            "something behind",
            with(session, &format!("{session}<p:b/>")),
            Shape(Closed::Unexpected { of }),
        ),
        (
            "text between",
            with(session, &format!("mallory{session}")),
            Shape(Closed::StrayText { of }),
        ),
        ("another in it", with(NAME, &request()), Shape(Closed::IdTwice)),
    ]
}

fn hostile_responses() -> Vec<(&'static str, String, NotSignedOut)> {
    use NotSignedOut::{Closed as Shape, Destination, Issuer, Old, Other, ResponseTo, Status};
    let with = |from: &str, to: &str| {
        let xml = response();
        assert!(xml.contains(from), "{from}");
        xml.replace(from, to)
    };
    let of = "LogoutResponse";
    let code = format!("<p:StatusCode Value=\"{SUCCESS}\"/>");
    let status = |first: &str, second: &str| {
        let value = |last: &str| format!("Value=\"urn:oasis:names:tc:SAML:2.0:status:{last}\"");
        let (first, second) = (value(first), value(second));
        with(&code, &format!("<p:StatusCode {first}><p:StatusCode {second}/></p:StatusCode>"))
    };
    let no_code = Closed::NoElement { of: "Status", name: "StatusCode" };
    let no_value = Closed::NoAttribute { of: "StatusCode", name: "Value" };
    vec![
        ("a request", request(), Other(of)),
        ("an answer to a sign-in", with(of, "Response"), Other(of)),
        ("no destination", with(&format!(" Destination=\"{SLO}\""), ""), Destination),
        ("another issuer", with("idp.example.com", "idp2.example.com"), Issuer),
        ("old", with("T08:00:00Z", "T07:53:59Z"), Old),
        ("to another request", with("_ours-1", "_ours-2"), ResponseTo),
        ("to no request", with(" InResponseTo=\"_ours-1\"", ""), ResponseTo),
        (
            "no status",
            with(&format!("<p:Status>{code}</p:Status>"), ""),
            Shape(Closed::NoElement { of, name: "Status" }),
        ),
        ("no code", with(&code, ""), Shape(no_code)),
        ("two codes", with(&code, &code.repeat(2)), Shape(Closed::Unexpected { of: "Status" })),
        ("a code without value", with(&code, "<p:StatusCode/>"), Shape(no_value)),
        ("a failure", with("Success", "Responder"), Status("Responder".into())),
        (
            "a failure by its second code",
            status("Responder", "PartialLogout"),
            Status("PartialLogout".into()),
        ),
        ("a success inside of a failure", status("Requester", "Success"), Status("Success".into())),
        ("a status with markup", with("Success", "a&lt;b"), Status("a status of its own".into())),
        ("a longer success", with("Success", "Success2"), Status("Success2".into())),
    ]
}

#[test]
fn hostile_messages_are_refused_for_their_own_reason() {
    let mut faults = Vec::new();
    for (name, xml, expected) in hostile_requests() {
        let found = asked(&xml);
        if found.as_ref() != Err(&expected) {
            faults.push(format!("request, {name}: {found:?}, not {expected:?}"));
        }
    }
    for (name, xml, expected) in hostile_responses() {
        let found = answered(&xml);
        if found.as_ref() != Err(&expected) {
            faults.push(format!("response, {name}: {found:?}, not {expected:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn without_a_pending_request_no_answer_is_expected() {
    let provider = peer::provider(&[rsa()]);
    let judged = |xml: &str| {
        let query = Signed::new("SAMLResponse", xml).query();
        receive_logout(&query, &peer::ours(rsa()), &provider, None, time(NOW))
    };
    let unsolicited = response().replace(" InResponseTo=\"_ours-1\"", "");
    assert_eq!(judged(&response()), Err(NotSignedOut::ResponseTo));
    assert_eq!(judged(&unsolicited), Err(NotSignedOut::ResponseTo));
}

#[test]
fn messages_and_metadata_end() {
    let text = peer::metadata(&[rsa()]);
    let text = text.replace(" entityID", " validUntil=\"2026-11-26T08:00:30Z\" entityID");
    let limited = super::IdentityProvider::read(&text, None, time(NOW)).unwrap();
    let query = Signed::new("SAMLRequest", &request()).query();
    for (provider, seconds, outcome) in [
        (&peer::provider(&[rsa()]), -61, Some("Future")),
        (&peer::provider(&[rsa()]), -60, None),
        (&peer::provider(&[rsa()]), 359, None),
        (&peer::provider(&[rsa()]), 360, Some("Over")),
        (&peer::provider(&[rsa()]), 361, Some("Old")),
        (&limited, 29, None),
        (&limited, 30, Some("MetadataOver")),
    ] {
        let now = time(NOW) + SignedDuration::from_secs(seconds);
        let found = receive_logout(&query, &peer::ours(rsa()), provider, None, now);
        let found = found.err().map(|error| format!("{error:?}"));
        assert_eq!(found.as_deref(), outcome, "{seconds}");
    }
}

/// One byte of a signed query is another: nobody else is signed out, ever.
#[test]
fn a_changed_byte_signs_nobody_else_out() {
    let query = Signed::new("SAMLRequest", &request()).query();
    let (ours, provider) = (peer::ours(rsa()), peer::provider(&[rsa()]));
    let mut passed = 0;
    for at in 0..query.len() {
        for byte in *b"aA0=&+" {
            let mut changed = query.clone().into_bytes();
            changed[at] = byte;
            let changed = String::from_utf8(changed).unwrap();
            if let Ok(found) = receive_logout(&changed, &ours, &provider, None, time(NOW)) {
                assert_eq!(found, Logout::Request(alice()), "{at}");
                passed += usize::from(changed != query);
            }
        }
    }
    // Only the spelling of the signature itself is free: small and capital letters of its escapes.
    assert!(passed < 40, "{passed}");
}
