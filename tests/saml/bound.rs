//! What an answer is bound to: this browser, one use, us, now, and an address of ours (R1, R5, R6, R7, R9). Each refusal is one
//! entry of the audit with its reason, and makes no session.

use reqwest::StatusCode;
use sluicegate::ground::clock::SignedDuration;
use tokio::task::JoinSet;

use crate::company::{Browser, entries};
use crate::forge::Forge;
use crate::support::assertion::{Algorithm, Claims, IdentityProvider, Signed};
use crate::support::site::{Answer, Site};

const ALICE: &str = "alice@example.com";

/// Nobody is signed in, one sentence is said, and the last entry of the audit has this reason.
#[track_caller]
fn refused(site: &Site, name: &str, answer: &Answer, (code, reason): (&str, &str), count: usize) {
    let status = if code == "bad-body" { StatusCode::BAD_REQUEST } else { StatusCode::FORBIDDEN };
    assert_eq!(answer.status, status, "{name}: {}", answer.text());
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    let session = |cookie: &&&reqwest::header::HeaderValue| {
        cookie.to_str().unwrap().starts_with("__Host-sluicegate=")
    };
    assert_eq!(cookies.iter().filter(session).count(), 0, "{name}: {cookies:?}");
    let entries = entries(site, "AcceptAssertion", count);
    let last = entries.last().unwrap();
    assert_eq!(last["code"], code, "{name}: {last}");
    let told = last["reason"].as_str().unwrap_or_default();
    assert!(told.contains(reason), "{name}: {told}");
    assert_eq!(last["decision"], "permitted", "the route itself is open");
    assert!(!answer.text().contains(told), "{name}: the reason is told to the world");
}

fn sessions(site: &Site) -> usize {
    let list = site.run(&["session", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    list.as_array().unwrap().len()
}

type Change = fn(&Forge, &mut Claims);

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn what_is_not_about_us_for_us_now_and_in_answer_to_us_signs_nobody_in() {
    let forge = Forge::start();
    const LATE: SignedDuration = SignedDuration::from_mins(10);
    let cases: [(&str, Change, &str); 22] = [
        (
            "another destination",
            |_, it| it.destination = Some("https://other.example/acs".into()),
            "destination",
        ),
        ("no destination", |_, it| it.destination = None, "destination"),
        (
            "another recipient",
            |_, it| it.confirmations[0].recipient = Some("https://other.example/acs".into()),
            "recipient",
        ),
        ("no recipient", |_, it| it.confirmations[0].recipient = None, "recipient"),
        (
            "another audience",
            |_, it| it.audiences = vec![vec!["https://other.example".into()]],
            "audience",
        ),
        (
            "AWS alone",
            |_, it| it.audiences = vec![vec!["urn:amazon:webservices".into()]],
            "audience",
        ),
        (
            "a second restriction",
            |_, it| it.audiences.push(vec!["https://other.example".into()]),
            "audience",
        ),
        ("no audience", |_, it| it.audiences.clear(), "audience"),
        ("another issuer", |_, it| it.issuer = "https://other.example".into(), "issued by"),
        (
            "another issuer inside",
            |_, it| it.assertion_issuer = Some("https://other.example".into()),
            "issued by",
        ),
        ("another request", |_, it| it.in_response_to = Some("_another".into()), "another request"),
        (
            "another request inside",
            |_, it| it.confirmations[0].in_response_to = Some("_another".into()),
            "another request",
        ),
        ("no request", |_, it| it.in_response_to = None, "another request"),
        ("no request inside", |_, it| it.confirmations[0].in_response_to = None, "another request"),
        (
            "no bearer",
            |_, it| {
                it.confirmations[0].method = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key".into()
            },
            "bearer",
        ),
        ("over", |_, it| it.not_on_or_after = Some(it.issued - LATE), "over"),
        (
            "confirmed until before",
            |_, it| it.confirmations[0].not_on_or_after = Some(it.issued - LATE),
            "over",
        ),
        ("not yet", |_, it| it.not_before = Some(it.issued + LATE), "later"),
        ("issued in the future", |_, it| it.issued += LATE, "future"),
        ("issued long ago", |_, it| it.issued -= LATE, "ago"),
        (
            "a session that is over",
            |_, it| it.session_not_on_or_after = Some(it.issued - LATE),
            "session",
        ),
        (
            "failed there",
            |_, it| it.status = "urn:oasis:names:tc:SAML:2.0:status:Responder".into(),
            "did not sign in",
        ),
    ];
    for (count, (name, change, reason)) in (1..).zip(cases) {
        let way = forge.depart("").await;
        let mut claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
        change(&forge, &mut claims);
        let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
        refused(&forge.site, name, &answer, ("sign-in-refused", reason), count);
    }
    assert_eq!(sessions(&forge.site), 0);
}

#[tokio::test]
async fn who_signs_otherwise_than_the_identity_provider_does_signs_nobody_in() {
    let forge = Forge::start();
    let other = IdentityProvider::new(&forge.idp.entity_id, Algorithm::RsaSha256);
    type Make = fn(&Forge, &IdentityProvider, &Claims) -> String;
    let cases: [(&str, Make, (&str, &str)); 4] = [
        (
            "nothing signed",
            |forge, _, it| forge.idp.posted(it, Signed::Neither),
            ("sign-in-refused", "nothing is signed"),
        ),
        (
            "another's key",
            |_, other, it| other.posted(it, Signed::Both),
            ("sign-in-refused", "none of the identity provider's keys"),
        ),
        ("no base64", |_, _, _| "%%%".to_owned(), ("bad-body", "base64")),
        ("nothing", |_, _, _| String::new(), ("sign-in-refused", "XML")),
    ];
    for (count, (name, make, expected)) in (1..).zip(cases) {
        let way = forge.depart("").await;
        let claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
        let response = make(&forge, &other, &claims);
        refused(&forge.site, name, &way.post(&response).await, expected, count);
    }
    assert_eq!(sessions(&forge.site), 0);
}

#[tokio::test]
async fn an_answer_is_for_the_browser_that_asked() {
    let forge = Forge::start();
    let victim = forge.depart("").await;
    let attacker = forge.depart("").await;
    let claims = forge.claims("mallory@example.com", &["annotators"], Some(&attacker.request));
    let response = forge.idp.posted(&claims, Signed::Both);
    // Login CSRF: an answer for the attacker's request, posted by the victim's browser.
    let answer = victim.post(&response).await;
    refused(&forge.site, "of another browser", &answer, ("sign-in-refused", "another request"), 1);
    let nobody = Browser::at(&forge.site, "https://idp.example.com");
    let fields = [("SAMLResponse", &*response), ("RelayState", "0")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let answer = nobody.post_to(&forge.site.url("/-/saml/acme/acs"), &fields).await;
    refused(&forge.site, "of none", &answer, ("sign-in-expired", "waits for no answer"), 2);
    let answer = attacker.post_with(&response, "3").await;
    refused(&forge.site, "another slot", &answer, ("sign-in-expired", "waits for no answer"), 3);
    // Whatever another site posts from this browser: its own sign-in goes on.
    let answer = attacker.post("rubbish").await;
    refused(&forge.site, "rubbish", &answer, ("bad-body", "base64"), 4);
    assert_eq!(sessions(&forge.site), 0);
    // It was for the attacker's own all along.
    assert_eq!(attacker.post(&response).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_hundred_posts_of_one_assertion_make_one_session() {
    let forge = Forge::start();
    let way = forge.depart("").await;
    let claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
    let response = forge.idp.posted(&claims, Signed::Both);
    let mut posting = JoinSet::new();
    for _ in 0..100 {
        let request = way.request_to_post(&response);
        posting.spawn(async move { request.send().await.unwrap().status() });
    }
    let statuses = posting.join_all().await;
    let signed_in = statuses.iter().filter(|status| **status == StatusCode::SEE_OTHER).count();
    assert_eq!(signed_in, 1, "{statuses:?}");
    let refused = statuses.iter().filter(|status| **status == StatusCode::FORBIDDEN).count();
    assert_eq!(refused, 99, "{statuses:?}");
    assert_eq!(sessions(&forge.site), 1);
    let entries = entries(&forge.site, "AcceptAssertion", 100);
    let used = |entry: &&serde_json::Value| {
        entry["reason"].as_str().is_some_and(|reason| reason.contains("used before"))
    };
    assert_eq!(entries.iter().filter(used).count(), 99);
    // Nor later, nor after a restart: what was used is in the records.
    let again = forge.depart("").await;
    assert_eq!(again.post(&response).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn one_leads_back_to_an_address_of_ours_and_to_no_other() {
    let forge = Forge::start();
    for (asked, expected) in [
        ("%2Fprojects%2F1%3Ftab%3D2", "/projects/1?tab=2"),
        ("%2F%2Fevil.example", "/-/"),
        ("%2F%5Cevil.example", "/-/"),
        ("https%3A%2F%2Fevil.example", "/-/"),
        ("%2F%09%2Fevil.example", "/-/"),
        ("%2Fa%0Ab", "/-/"),
        ("javascript%3Aalert(1)", "/-/"),
        ("", "/-/"),
    ] {
        let opened = forge.site.get(&format!("/-/saml/acme/sign-in?return={asked}"), None).await;
        if opened.status == StatusCode::BAD_REQUEST {
            assert!(asked.contains("%0A"), "{asked}: {}", opened.text());
            continue;
        }
        let way = forge.depart(&format!("?return={asked}")).await;
        let claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
        let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        assert_eq!(answer.header("location"), expected, "{asked}");
    }
    // What comes back beside the answer is believed for nothing.
    for relay_state in ["https://evil.example", "//evil.example", "/projects/1"] {
        let way = forge.depart("?return=%2Fmine").await;
        let claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
        let response = forge.idp.posted(&claims, Signed::Both);
        let answer = way.post_with(&response, relay_state).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{relay_state}");
    }
}

#[tokio::test]
async fn what_nobody_asked_for_counts_only_where_the_operator_says_so_and_then_once() {
    let forge = Forge::start();
    let claims = forge.claims(ALICE, &["annotators"], None);
    let response = forge.idp.posted(&claims, Signed::Both);
    let unsolicited = async |forge: &Forge, response: &str| {
        let browser = Browser::at(&forge.site, "https://idp.example.com");
        let fields = [("SAMLResponse".to_owned(), response.to_owned())];
        browser.post_to(&forge.site.url("/-/saml/acme/acs"), &fields).await
    };
    let answer = unsolicited(&forge, &response).await;
    refused(&forge.site, "unsolicited", &answer, ("sign-in-expired", "waits for no answer"), 1);

    let forge = Forge::with(|draft| draft.saml.push_str("unsolicited = \"accepted\""));
    let response = forge.idp.posted(&forge.claims(ALICE, &["annotators"], None), Signed::Both);
    let answer = unsolicited(&forge, &response).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    assert_eq!(answer.header("location"), "/-/");
    let answer = unsolicited(&forge, &response).await;
    refused(&forge.site, "again", &answer, ("sign-in-refused", "used before"), 2);
    // One that answers somebody's request is still for his browser only.
    let way = forge.depart("?return=%2Fprojects%2F7").await;
    let claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
    let answer = unsolicited(&forge, &forge.idp.posted(&claims, Signed::Both)).await;
    refused(&forge.site, "another's", &answer, ("sign-in-refused", "another request"), 3);
    let mut claims = forge.claims(ALICE, &["annotators"], None);
    claims.audiences = vec![vec!["https://other.example".to_owned()]];
    let answer = unsolicited(&forge, &forge.idp.posted(&claims, Signed::Both)).await;
    refused(&forge.site, "of another", &answer, ("sign-in-refused", "audience"), 4);
    // Nor does it take over what the browser was about.
    let claims = forge.claims(ALICE, &["annotators"], None);
    let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/-/"));
}

#[tokio::test]
async fn what_was_asked_for_beyond_a_name_is_held_against_the_answer() {
    const CARD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI";
    let forge = Forge::with(|draft| draft.saml.push_str(&format!("sign_in_contexts = [{CARD:?}]")));
    let way = forge.depart("").await;
    let claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
    let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
    refused(&forge.site, "a password", &answer, ("sign-in-refused", "other means"), 1);

    for (setting, query) in [("force_sign_in = true", ""), ("", "?renew=anew")] {
        let forge = Forge::with(|draft| draft.saml.push_str(setting));
        for (minutes, taken) in [(30, false), (0, true)] {
            let way = forge.depart(query).await;
            let mut claims = forge.claims(ALICE, &["annotators"], Some(&way.request));
            claims.authenticated -= SignedDuration::from_mins(minutes);
            let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
            if taken {
                assert_eq!(answer.header("location"), "/-/", "{}", answer.text());
            } else {
                refused(&forge.site, "an old sign-in", &answer, ("sign-in-refused", "anew"), 1);
            }
        }
    }
}

#[tokio::test]
async fn another_sites_images_and_frames_begin_nothing() {
    let forge = Forge::start();
    for destination in ["image", "iframe"] {
        let browser = Browser::at(&forge.site, "https://evil.example");
        let headers = [("sec-fetch-site", "cross-site"), ("sec-fetch-dest", destination)];
        let answer = browser.ask(reqwest::Method::GET, "/-/saml/acme/sign-in", &headers).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{destination}");
        assert!(answer.headers.get("set-cookie").is_none(), "{destination}");
    }
    let browser = Browser::at(&forge.site, "https://evil.example");
    let answer = browser.open("/-/saml/acme/sign-in?renew=unseen").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "nobody's session is renewed");
}
