//! What the operator is told of a sign-in: by `explain`, and by the verbs that read the audit.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::company::{entries, entry};
use crate::forge::Forge;
use crate::modes::with_password;
use crate::support::assertion::Signed;
use crate::support::site::Site;
use crate::support::sts::{Code, Fault};

const ALICE: &str = "alice@example.com";

/// What `explain` says of this request: in words, and as JSON.
fn explained(site: &Site, request: &str) -> (String, Value) {
    let json = site.run(&["explain", request, "--json"]);
    (site.run(&["explain", request]), serde_json::from_str(&json).unwrap())
}

/// The request as this verb of the audit prints it as JSON, and its line in words.
fn read(site: &Site, verb: &[&str], request: &str) -> (Value, String) {
    let lines = site.run(&[&["audit"], verb, &["--json"]].concat());
    let mut found = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found = found.find(|one| one["request"] == request);
    let words = site.run(&[&["audit"], verb].concat());
    let line = words.lines().find(|line| line.contains(request));
    (
        found.unwrap_or_else(|| panic!("{request} is not in\n{lines}")),
        line.unwrap_or_else(|| panic!("{request} is not in\n{words}")).to_owned(),
    )
}

const TAIL: &[&str] = &["tail", "--last", "100"];

#[tokio::test]
async fn a_role_that_was_not_had_is_told_with_its_reason_and_remedy() {
    let forge = Forge::start();
    forge.sts.fail_next(1, Fault::Refuse(Code::AccessDenied));
    let way = forge.depart("").await;
    let claims = forge.claims(ALICE, &["annotators", "admins"], Some(&way.request));
    let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let request = answer.header("x-request-id");
    let written = entry(&forge.site, request);
    let credentials: Vec<_> =
        written["credentials"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let [not_had] = credentials.iter().filter(|it| it.contains("not had")).collect::<Vec<_>>()[..]
    else {
        panic!("{credentials:?}")
    };
    for part in ["arn:aws:iam::123456789012:role/", "AccessDenied", "trust policy must allow"] {
        assert!(not_had.contains(part), "{part} is not in {not_had}");
    }

    let (words, json) = explained(&forge.site, request);
    for part in [
        "asked by    alice@example.com\n",
        "sign-in     alice@example.com signed in by saml\n",
        &format!("assertion   {}\n", written["assertion"].as_str().unwrap()),
        "changes     ",
        "credentials ",
    ] {
        assert!(words.contains(part), "{part} is not in\n{words}");
    }
    let changes = written["changes"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
    for one in credentials.iter().copied().chain(changes) {
        assert!(words.contains(one), "{one} is not in\n{words}");
    }
    let fields = ["sign_in", "signed_in_by", "assertion", "changes", "credentials"];
    let whose = ["what-saw", ALICE, "--all"];
    for (found, line) in [read(&forge.site, TAIL, request), read(&forge.site, &whose, request)] {
        for field in fields {
            assert_ne!(written[field], Value::Null, "{field}: {written}");
            assert_eq!(found[field], written[field], "{field}");
            assert_eq!(json["request"][field], written[field], "{field}");
        }
        assert!(line.contains("alice@example.com signed in by saml; "), "{line}");
        assert!(line.contains(not_had), "{line}");
    }
    // It is of no organization: nobody reads it through the gateway, not even who may read of every request of his own.
    let owner = forge.site.person("acme", "owner@example.com", "owner");
    let theirs = way.browser.get("/-/api/account").await;
    entry(&forge.site, theirs.header("x-request-id"));
    for (request, expected) in
        [(theirs.header("x-request-id"), StatusCode::OK), (request, StatusCode::NOT_FOUND)]
    {
        let told = forge.site.get(&format!("/-/api/requests/{request}"), Some(&owner)).await;
        assert_eq!(told.status, expected, "{}", told.text());
    }
}

#[tokio::test]
async fn a_glass_that_was_broken_is_told_as_such_and_one_that_was_not_too() {
    let forge = Forge::with(|draft| {
        draft.saml.push_str("sign_in = \"sso-only\"\nbreak_glass = [\"root@example.com\"]");
    });
    for email in ["ann@example.com", "root@example.com"] {
        forge.site.person("acme", email, "administrator");
    }
    let root = with_password(&forge, "root@example.com").await;
    assert_eq!(root.status, StatusCode::SEE_OTHER, "{}", root.text());
    let ann = with_password(&forge, "ann@example.com").await;
    assert_eq!(ann.status, StatusCode::UNAUTHORIZED, "{}", ann.text());
    entries(&forge.site, "SignIn", 2);

    let request = root.header("x-request-id");
    let (words, json) = explained(&forge.site, request);
    assert!(words.contains("root@example.com signed in by break-glass"), "{words}");
    assert_eq!(json["request"]["signed_in_by"], "break-glass", "{json}");
    let (found, line) = read(&forge.site, TAIL, request);
    assert_eq!(found["signed_in_by"], "break-glass", "{found}");
    assert!(line.contains("root@example.com signed in by break-glass"), "{line}");

    let request = ann.header("x-request-id");
    let (words, _) = explained(&forge.site, request);
    assert!(words.contains("asked by    nobody\n"), "anybody may have typed it: {words}");
    assert!(words.contains("ann@example.com was named, and did not sign in"), "{words}");
    assert!(words.contains("identity provider only"), "{words}");
    let (found, _) = read(&forge.site, &["what-saw", "ann@example.com", "--all"], request);
    assert_eq!(
        (&found["sign_in"], &found["signed_in_by"]),
        (&json!("ann@example.com"), &Value::Null)
    );
}

#[tokio::test]
async fn who_was_signed_out_elsewhere_is_told() {
    let forge = Forge::start();
    forge.sign_in(ALICE, &["annotators"]).await;
    let answer = crate::sign_out::sign_out_all(&forge, ALICE).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    let request = answer.header("x-request-id");
    entry(&forge.site, request);
    let (words, json) = explained(&forge.site, request);
    assert!(words.contains("signed out  alice@example.com"), "{words}");
    assert_eq!(json["request"]["signed_out"], json!([ALICE]));
    for verb in [TAIL, &["what-saw", ALICE, "--all"]] {
        let (found, line) = read(&forge.site, verb, request);
        assert_eq!(found["signed_out"], json!([ALICE]));
        assert!(line.contains("signed out: alice@example.com"), "{line}");
    }
}
