//! What a session of an identity provider's is: how long it lasts, how it is renewed, and how it ends, there and here.

use reqwest::{Method, StatusCode};
use sluicegate::ground::clock::{Clock, SignedDuration, Timestamp};

use crate::company::{Browser, Company, entries};
use crate::forge::Forge;
use crate::support::assertion::Signed;
use crate::support::sts::Fault;
use crate::world::{ADMIN, ANNOTATOR, INSIDE};

const MEDIUM: &str = "/-/objects/scans/media/inside.txt";

fn time(text: &serde_json::Value) -> Timestamp {
    text.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn no_session_outlives_the_one_at_the_identity_provider() {
    let company = Company::with(|_, setup| setup.session_seconds = 1_200);
    let alice = company.signed_in("alice").await;
    let account = alice.get("/-/api/account").await.json();
    let left = time(&account["until"]).duration_since(Clock::system().now());
    assert!(left <= SignedDuration::from_secs(1_200), "{account}");
    assert!(left > SignedDuration::from_secs(1_100), "{account}");
    for call in company.world.sts.calls() {
        let asked: i64 = call.seconds.unwrap().parse().unwrap();
        assert!((900..=1_200).contains(&asked), "{asked}");
    }
    assert_eq!(account["renewal"]["unseen"], "/-/saml/acme/sign-in?renew=unseen");
    assert!(time(&account["renewal"]["ends"]) <= time(&account["until"]));
}

#[tokio::test]
async fn a_renewal_keeps_session_and_handles_and_brings_other_credentials() {
    let company = Company::start();
    let alice = company.signed_in("alice").await;
    let seal = r#"[{"project":"scans","storage":"media","key":"inside.txt"}]"#;
    let sealed = alice.seal(seal).await.json();
    let handle = sealed[0]["url"].as_str().unwrap().to_owned();
    assert_eq!(alice.get(&handle).await.status, 200);
    let before = alice.get("/-/api/account").await.json();

    let there = alice.depart("?renew=unseen").await;
    let answer = alice.post(&alice.visit().passive(&there).await).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(answer.text().contains("data-renewal=\"renewed\""), "{}", answer.text());
    assert!(answer.header("content-security-policy").contains("frame-ancestors 'self'"));
    assert_eq!(answer.header("x-frame-options"), "SAMEORIGIN");
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert!(
        cookies.iter().all(|it| !it.to_str().unwrap().starts_with("__Host-sluicegate=")),
        "{cookies:?}"
    );

    assert_eq!(alice.get(&handle).await.status, 200, "the film goes on under its address");
    let keys: Vec<_> = company.world.s3.records().into_iter().map(|it| it.access_key_id).collect();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1], "with another credential");
    let after = alice.get("/-/api/account").await.json();
    assert!(time(&after["renewal"]["ends"]) >= time(&before["renewal"]["ends"]));
    let list = company.site.run(&["session", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    let entries = entries(&company.site, "AcceptAssertion", 2);
    assert_eq!(entries[1]["signed_in_by"], "saml-renewal");
}

#[tokio::test]
async fn without_a_session_there_a_page_goes_on_seen_and_a_frame_is_told_no() {
    let company = Company::start();
    let alice = company.signed_in("alice").await;
    let stranger_to_the_idp = company.browser();
    let there = alice.depart("?renew=try&return=%2Fprojects%2F1").await;
    let answer = alice.post(&stranger_to_the_idp.visit().passive(&there).await).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    let seen = answer.header("location").to_owned();
    assert!(seen.starts_with(&company.world.idp.sign_in_url()), "{seen}");
    let answer = alice.post(&stranger_to_the_idp.visit().sign_in("alice", &seen).await).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/projects/1"));

    let there = alice.depart("?renew=unseen").await;
    let other = company.browser();
    let answer = alice.post(&other.visit().passive(&there).await).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text().contains("data-renewal=\"refused\""), "{}", answer.text());
    assert_eq!(alice.get(MEDIUM).await.status, 200, "what there is goes on");
}

#[tokio::test]
async fn somebody_else_at_the_identity_provider_renews_nobodys_session() {
    let company = Company::start();
    let alice = company.signed_in("alice").await;
    let bob = company.browser();
    let there = alice.depart("").await;
    let answer = alice.post(&bob.visit().sign_in("bob", &there).await).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let account = alice.get("/-/api/account").await.json();
    assert_eq!(account["email"], "bob@example.com", "the browser is bob's now");
    let list = company.site.run(&["session", "list", "--json"]);
    assert!(!list.contains("alice@example.com"), "and alice's session has ended: {list}");
}

#[tokio::test]
async fn at_its_end_programs_are_told_so_and_pages_go_through_the_identity_provider() {
    let forge = Forge::start();
    forge.sts.shorten(Some(SignedDuration::from_secs(14)));
    let alice = forge.sign_in("alice@example.com", &["annotators", "admins"]).await;
    assert_eq!(alice.get(MEDIUM).await.status, 200);
    // 10 s of margin: a signature must still hold when it arrives.
    let over = async { while alice.get(MEDIUM).await.status == 200 {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), over).await.expect("it never ends");
    let program = alice.get(MEDIUM).await;
    assert_eq!(
        (program.status, program.code()),
        (StatusCode::UNAUTHORIZED, "sign-in-again".to_owned())
    );
    assert_eq!(program.json()["sign_in"], "/-/saml/acme/sign-in");
    let page = alice.open(MEDIUM).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    let there = page.header("location").to_owned();
    assert!(there.starts_with("/-/saml/acme/sign-in?renew=try&return=%2F%2D%2Fobjects"), "{there}");
    forge.sts.shorten(None);
    let (_, query) = there.split_once('?').unwrap();
    let way = forge.depart_with(alice, &format!("?{query}")).await;
    let claims = forge.claims("alice@example.com", &["annotators", "admins"], Some(&way.request));
    let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, MEDIUM));
    assert_eq!(way.browser.get(MEDIUM).await.status, 200);
}

#[tokio::test]
async fn one_role_that_cannot_be_had_closes_its_project_only() {
    let forge = Forge::start();
    let refused = forge.account.role_arn(ADMIN.role);
    forge.sts.fail_next(1, Fault::Refuse(crate::support::sts::Code::AccessDenied));
    let way = forge.depart("").await;
    let claims = forge.claims("alice@example.com", &["annotators", "admins"], Some(&way.request));
    let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let statuses = [
        way.browser.get(MEDIUM).await.status.as_u16(),
        way.browser.get(&format!("/-/objects/ledgers/media/{INSIDE}")).await.status.as_u16(),
    ];
    assert!(statuses == [200, 401] || statuses == [401, 200], "{statuses:?}");
    let entry = &entries(&forge.site, "AcceptAssertion", 1)[0];
    let credentials = entry["credentials"].to_string();
    assert!(
        credentials.contains("not had") && credentials.contains("trust policy"),
        "{credentials}"
    );
    assert!(
        credentials.contains(&refused)
            || credentials.contains(&forge.account.role_arn(ANNOTATOR.role))
    );
}

#[tokio::test]
async fn who_signs_out_here_is_signed_out_there_and_comes_back() {
    let company = Company::start();
    let alice = company.signed_in("alice").await;
    let origin = company.site.url("");
    let answer = alice.ask(Method::POST, "/-/sign-out", &[("origin", &origin)]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(alice.get("/-/api/account").await.status, 401, "here at once");
    let refresh = answer.header("refresh").to_owned();
    let (_, there) = refresh.split_once("url=").unwrap();
    assert!(there.starts_with(&company.world.idp.sign_out_url()), "{there}");
    let back = alice.visit().go(there).await.left();
    let (_, path) = back.split_once(&origin).unwrap();
    let answer = alice.open(path).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (StatusCode::SEE_OTHER, "/-/sign-in"),
        "{}",
        answer.text()
    );
    let there = alice.depart("?renew=try").await;
    let answer = alice.post(&alice.visit().passive(&there).await).await;
    let seen = answer.header("location").to_owned();
    assert!(
        seen.starts_with(&company.world.idp.sign_in_url()),
        "no session there any more: {seen}"
    );
}

#[tokio::test]
async fn who_signs_out_there_is_signed_out_here() {
    let company = Company::start();
    let alice = company.signed_in("alice").await;
    let bob = company.signed_in("bob").await;
    let message = alice.visit().sign_out("https://elsewhere.example/").await;
    let (_, path) = message.split_once(&company.site.url("")).unwrap();
    let nobody = Browser::at(&company.site, &company.world.idp.url);
    let forged = path.replacen("SAMLRequest=", "SAMLRequest=A", 1);
    assert_eq!(nobody.open(&forged).await.status, StatusCode::FORBIDDEN);
    assert_eq!(alice.get("/-/api/account").await.status, 200);
    let answer = nobody.open(path).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    assert!(answer.header("location").contains("SAMLResponse="));
    assert_eq!(alice.get("/-/api/account").await.status, 401);
    assert_eq!(bob.get("/-/api/account").await.status, 200);
    let entries = entries(&company.site, "SingleLogout", 2);
    assert_eq!(entries[0]["code"], "sign-out-refused");
    assert_eq!(entries[0].get("signed_out"), None);
    assert_eq!(entries[1]["signed_out"], serde_json::json!(["alice@example.com"]));
}

#[tokio::test]
async fn a_renewal_that_gets_no_credential_keeps_the_one_that_there_is_and_says_so() {
    let forge = Forge::start();
    let alice = forge.sign_in("alice@example.com", &["annotators"]).await;
    forge.sts.fail_next(1, Fault::Refuse(crate::support::sts::Code::ServiceUnavailable));
    let way = forge.depart_with(alice, "?renew=unseen").await;
    let claims = forge.claims("alice@example.com", &["annotators"], Some(&way.request));
    let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
    assert!(answer.text().contains("data-renewal=\"refused\""), "{}", answer.text());
    assert_eq!(way.browser.get(MEDIUM).await.status, 200, "the old one serves to its end");
}

#[tokio::test]
async fn beside_a_page_nobody_else_is_signed_in_and_nobody_again() {
    let forge = Forge::start();
    let alice = forge.sign_in("alice@example.com", &["annotators"]).await;
    let way = forge.depart_with(alice, "?renew=unseen").await;
    let claims = forge.claims("bob@example.com", &["annotators"], Some(&way.request));
    let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
    assert!(answer.text().contains("data-renewal=\"refused\""), "{}", answer.text());
    let account = way.browser.get("/-/api/account").await.json();
    assert_eq!(account["email"], "alice@example.com");
    // Signed out while the frame was away: it does not sign in again.
    let way = forge.depart_with(way.browser, "?renew=unseen").await;
    let origin = forge.site.url("");
    way.browser.ask(Method::POST, "/-/sign-out", &[("origin", &origin)]).await;
    let claims = forge.claims("alice@example.com", &["annotators"], Some(&way.request));
    let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
    assert!(answer.text().contains("data-renewal=\"refused\""), "{}", answer.text());
    assert_eq!(way.browser.get("/-/api/account").await.status, 401);
}

#[tokio::test]
async fn a_sign_in_that_is_no_renewal_gets_a_new_session_in_place_of_the_old() {
    let forge = Forge::start();
    let alice = forge.sign_in("alice@example.com", &["annotators"]).await;
    let way = forge.depart_with(alice, "").await;
    let claims = forge.claims("alice@example.com", &["annotators"], Some(&way.request));
    let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert!(cookies.iter().any(|it| it.to_str().unwrap().starts_with("__Host-sluicegate=")));
    let list = forge.site.run(&["session", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
}

/// Who lacks a role for good is renewed all the same: no other try would have more.
#[tokio::test]
async fn a_renewal_without_a_role_that_is_never_asserted_is_a_whole_one() {
    let forge = Forge::start();
    let (role, provider) =
        (forge.account.role_arn(ANNOTATOR.role), forge.account.provider_arn("idp"));
    let pairs = [(role.as_str(), provider.as_str())];
    let way = forge.depart("?return=%2Fprojects%2F7").await;
    let claims = |request: &str| {
        let claims = forge.claims("alice@example.com", &["annotators", "admins"], Some(request));
        claims.for_roles(&pairs, "alice@example.com")
    };
    let answer = way.post(&forge.idp.posted(&claims(&way.request), Signed::Both)).await;
    let page = answer.text();
    assert!(answer.status == 200 && page.contains("does not give you the role"), "{page}");
    assert!(page.contains(answer.header("x-request-id")), "the operator finds it by that: {page}");
    assert!(page.contains("href=\"/projects/7\"") && !page.contains("Sign in again"), "{page}");
    let way = forge.depart_with(way.browser, "?renew=unseen").await;
    let answer = way.post(&forge.idp.posted(&claims(&way.request), Signed::Both)).await;
    let page = answer.text();
    assert!(answer.status == 200 && page.contains("data-renewal=\"renewed\""), "{page}");
}

#[tokio::test]
async fn who_is_refused_tries_again_towards_the_page_that_he_was_about_to_open() {
    let forge = Forge::start();
    let way = forge.depart("?return=%2Fprojects%2F7%3Ftab%3D1").await;
    let mut claims = forge.claims("alice@example.com", &["annotators"], Some(&way.request));
    claims.audiences = vec![vec!["https://other.example".to_owned()]];
    let page = way.post(&forge.idp.posted(&claims, Signed::Both)).await.text();
    assert!(page.contains("/-/sign-in?return=%2Fprojects%2F7%3Ftab%3D1"), "{page}");
    assert!(page.contains("renew=anew&#38;return=%2Fprojects%2F7%3Ftab%3D1"), "{page}");
}
