//! From groups to membership: people are made, changed and shut out as their identity provider and the catalogue say, and the
//! audit tells each change.

use reqwest::StatusCode;
use serde_json::Value;
use sluicegate::ground::clock::{SignedDuration, Timestamp};

use crate::company::{Company, entries, entry};
use crate::forge::Forge;
use crate::support::assertion::Signed;
use crate::world::{ANNOTATOR, INSIDE, ROLE};

fn changes(entry: &Value) -> Vec<&str> {
    entry["changes"]
        .as_array()
        .map_or(Vec::new(), |all| all.iter().map(|change| change.as_str().unwrap()).collect())
}

#[tokio::test]
async fn people_are_made_at_the_first_sign_in_updated_at_each_and_shut_out_when_nothing_fits() {
    let company = Company::with(|_, setup| {
        // His groups decide what he is here; AWS would give him both.
        let pairs = setup.people["alice"].attributes[ROLE].clone();
        setup.people.get_mut("bob").unwrap().attributes.insert(ROLE.to_owned(), pairs);
    });
    let bob = company.signed_in("bob").await;
    assert_eq!(bob.get(&format!("/-/objects/scans/media/{INSIDE}")).await.status, 200);
    assert_eq!(bob.get(&format!("/-/objects/ledgers/media/{INSIDE}")).await.status, 404);
    let groups = |groups: &[&str]| {
        let groups = groups.iter().map(|&group| group.to_owned()).collect::<Vec<_>>();
        company.world.idp.change(|setup| {
            let bob = setup.people.get_mut("bob").unwrap();
            bob.attributes.insert("groups".to_owned(), groups);
        });
    };
    groups(&["admins", "unknown"]);
    let again = company.signed_in("bob").await;
    let account = again.get("/-/api/account").await.json();
    assert_eq!(account["memberships"].as_array().unwrap().len(), 1, "{account}");
    assert_eq!(account["memberships"][0]["project"], "ledgers");
    // What he is counts in the session that he had as well.
    assert_eq!(bob.get(&format!("/-/objects/scans/media/{INSIDE}")).await.status, 404);
    groups(&["unknown"]);
    let third = company.browser();
    let answer = third.sign_in("bob", "/-/").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
    assert!(answer.text().contains("nobody has given you a role"), "{}", answer.text());
    for session in [&bob, &again] {
        assert_eq!(session.get("/-/api/account").await.status, 401, "his sessions ended");
    }
    groups(&["annotators"]);
    let back = company.signed_in("bob").await;
    assert_eq!(back.get(&format!("/-/objects/scans/media/{INSIDE}")).await.status, 200);

    let entries = entries(&company.site, "AcceptAssertion", 4);
    assert_eq!(changes(&entries[0]), ["account made", "role annotator in project scans"]);
    assert_eq!(
        changes(&entries[1]),
        ["role manager in project ledgers", "no role in project scans any more"]
    );
    assert_eq!(entries[2]["code"], "no-role");
    assert!(entries[2]["reason"].as_str().unwrap().contains("no mapping"), "{}", entries[2]);
    assert_eq!(entries[3]["sign_in"], "bob@example.com");
    assert_eq!(entries[3]["signed_in_by"], "saml");
    assert!(!changes(&entries[3]).is_empty(), "{}", entries[3]);
}

#[tokio::test]
async fn an_answer_that_was_issued_earlier_and_comes_later_gives_nothing_back() {
    const ALICE: &str = "alice@example.com";
    const SCANS: &str = "/-/objects/scans/media/inside.txt";
    const LEDGERS: &str = "/-/objects/ledgers/media/inside.txt";
    let forge = Forge::start();
    let issued = |claims: &mut crate::support::assertion::Claims, seconds| {
        claims.issued += SignedDuration::from_secs(seconds);
    };
    let alice = forge.sign_in(ALICE, &["annotators", "admins"]).await;
    let older = forge.depart_with(alice, "?renew=try").await;
    let mut old = forge.claims(ALICE, &["annotators", "admins"], Some(&older.request));
    issued(&mut old, 10);
    // By then the identity provider knows better: no admin any more, and five minutes are left.
    let newer = forge.depart("").await;
    let mut new = forge.claims(ALICE, &["annotators"], Some(&newer.request));
    issued(&mut new, 20);
    new.session_not_on_or_after = Some(new.issued + SignedDuration::from_mins(5));
    let answer = newer.post(&forge.idp.posted(&new, Signed::Both)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    assert_eq!(older.browser.get(LEDGERS).await.status, 404);
    let answer = older.post(&forge.idp.posted(&old, Signed::Both)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "as what she is now: {}", answer.text());
    for browser in [&older.browser, &newer.browser] {
        assert_eq!(browser.get(LEDGERS).await.status, 404, "what was taken away is not back");
        assert_eq!(browser.get(SCANS).await.status, 200);
    }
    let entry = entries(&forge.site, "AcceptAssertion", 3).pop().unwrap();
    assert_eq!(changes(&entry), [""; 0], "{entry}");

    // Nor does it take what the session has from a newer one: its end.
    let until = async |browser: &crate::company::Browser<'_>| {
        let account = browser.get("/-/api/account").await.json();
        account["until"].as_str().unwrap().parse::<Timestamp>().unwrap()
    };
    let before = until(&newer.browser).await;
    let late = forge.depart_with(newer.browser, "?renew=try").await;
    let mut old = forge.claims(ALICE, &["annotators", "admins"], Some(&late.request));
    issued(&mut old, 10);
    let answer = late.post(&forge.idp.posted(&old, Signed::Both)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    assert_eq!(until(&late.browser).await, before);
    assert_eq!(late.browser.get(LEDGERS).await.status, 404);
}

#[tokio::test]
async fn the_stranger_gets_no_session_and_whoever_lacks_a_role_at_aws_is_told_and_is_in() {
    let company = Company::start();
    let stranger = company.browser();
    let answer = stranger.sign_in("stranger", "/-/").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
    assert_eq!(stranger.get("/-/api/account").await.status, 401);
    let accounts = company.site.run(&["account", "list", "--json"]);
    assert!(!accounts.contains("stranger"), "{accounts}");

    let carol = company.browser();
    let answer = carol.sign_in("carol", "/projects/1").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let page = answer.text();
    assert!(page.contains("scans") && page.contains("href=\"/projects/1\""), "{page}");
    for hidden in
        ["arn:aws", ANNOTATOR.prefix, ANNOTATOR.bucket, "111122223333", &company.world.sts.url()]
    {
        assert!(!page.contains(hidden), "{hidden}: {page}");
    }
    assert_eq!(carol.get("/-/api/account").await.status, 200);
    let read = carol.get(&format!("/-/objects/scans/media/{INSIDE}")).await;
    assert_eq!(read.status, StatusCode::FORBIDDEN, "{}", read.text());
    assert!(company.world.s3.records().is_empty());
    let entries = entries(&company.site, "AcceptAssertion", 2);
    let had = entries[1]["credentials"][0].as_str().unwrap();
    assert!(had.contains("not had") && had.contains("SAML/Attributes/Role"), "{had}");
    assert!(company.site.log().contains("no credential for who signs in"));
}

#[tokio::test]
async fn of_several_groups_the_most_powerful_counts_unless_the_settings_say_otherwise() {
    const GROUPS: &str = "\
[organization.acme.group.low]
projects = { scans = \"annotator\" }
[organization.acme.group.\"CN=High, OU=Staff\"]
projects = { scans = \"reviewer\" }
workspaces = { main = \"annotator\" }
";
    for (setting, expected) in [
        ("", "reviewer"),
        ("several = \"most-powerful\"", "reviewer"),
        ("several = \"least-powerful\"", "annotator"),
    ] {
        let forge = Forge::with(|draft| {
            draft.groups = GROUPS.to_owned();
            draft.saml.push_str(setting);
        });
        let ann = forge.sign_in("ann@example.com", &["low", "CN=High, OU=Staff"]).await;
        let account = ann.get("/-/api/account").await.json();
        let role = |project: &str| {
            let all = account["memberships"].as_array().unwrap();
            all.iter().find(|one| one["project"] == project).map(|one| one["role"].clone())
        };
        assert_eq!(role("scans").unwrap(), expected, "{setting}: {account}");
        assert_eq!(role("ledgers").unwrap(), "annotator", "by the workspace: {account}");
    }
}

#[tokio::test]
async fn what_is_given_by_hand_stays_and_another_organizations_people_stay_its_own() {
    let forge = Forge::with(|draft| {
        draft.catalogue =
            "[organization.other]\nmembers = { \"theirs@example.com\" = \"owner\" }\n".to_owned();
    });
    let theirs = forge.depart("").await;
    let claims = forge.claims("theirs@example.com", &["annotators"], Some(&theirs.request));
    let answer = theirs.post(&forge.idp.posted(&claims, Signed::Both)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let entry = &entries(&forge.site, "AcceptAssertion", 1)[0];
    assert!(entry["reason"].as_str().unwrap().contains("another organization"), "{entry}");

    forge.site.person("acme", "hand@example.com", "");
    forge.site.member("acme", "ledgers", "hand@example.com", "reviewer");
    let hand = forge.sign_in("hand@example.com", &["admins"]).await;
    let account = hand.get("/-/api/account").await.json();
    assert_eq!(account["memberships"][0]["role"], "reviewer", "{account}");
    // No group at all: what was given by hand is enough.
    let hand = forge.sign_in("hand@example.com", &[]).await;
    assert_eq!(hand.get("/-/api/account").await.status, 200);
    forge.site.run(&["account", "disable", "--email", "hand@example.com"]);
    let way = forge.depart("").await;
    let claims = forge.claims("hand@example.com", &["admins"], Some(&way.request));
    let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "disabled by hand stays disabled");
}

#[tokio::test]
async fn the_e_mail_is_one_text_of_the_attribute_that_the_settings_name() {
    let forge = Forge::with(|draft| {
        draft.saml.push_str("preset = \"entra-id\"\ngroups_attribute = \"groups\"")
    });
    const CLAIM: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress";
    for (values, reason) in [
        (&["ann@example.com", "owner@example.com"][..], "several"),
        (&[], "several"),
        (&["not an address"], "none"),
        (&[""], "none"),
    ] {
        let way = forge.depart("").await;
        let claims = forge.claims("opaque-1", &["annotators"], Some(&way.request));
        let claims = claims.with(CLAIM, values);
        let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{values:?}");
        assert!(!answer.text().contains(reason));
    }
    let way = forge.depart("").await;
    let claims = forge.claims("opaque-1", &["annotators"], Some(&way.request));
    let claims = claims.with(CLAIM, &["Ann@Example.com"]);
    let answer = way.post(&forge.idp.posted(&claims, Signed::Assertion)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    let account = way.browser.get("/-/api/account").await.json();
    assert_eq!(account["email"], "ann@example.com");
}

#[tokio::test]
async fn whoever_registered_with_somebody_elses_e_mail_is_out_when_its_owner_comes() {
    let forge = Forge::start();
    let made = forge.site.run(&["invitation", "create", "--organization", "acme", "--json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let link = made["link"].as_str().or(made["url"].as_str()).unwrap().to_owned();
    let path = link.split_once("/-/").unwrap().1;
    let origin = forge.site.url("");
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", &*origin)];
    let form = b"email=boss%40example.com&password=mallorys+password".to_vec();
    let mallory =
        forge.site.send(reqwest::Method::POST, &format!("/-/{path}"), None, &headers, form).await;
    assert_eq!(mallory.status, StatusCode::SEE_OTHER, "{}", mallory.text());
    let cookie = mallory.header("set-cookie").split(';').next().unwrap().to_owned();
    let headers = [("cookie", &*cookie)];
    let account =
        async || forge.site.ask(reqwest::Method::GET, "/-/api/account", None, &headers).await;
    assert_eq!(account().await.status, 200);
    forge.sign_in("boss@example.com", &["admins"]).await;
    assert_eq!(account().await.status, 401, "his session ended");
    let form = b"email=boss%40example.com&password=mallorys+password".to_vec();
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", &*origin)];
    let again = forge.site.send(reqwest::Method::POST, "/-/sign-in", None, &headers, form).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED, "and his password opens nothing");
    let entry = &entries(&forge.site, "AcceptAssertion", 1)[0];
    assert!(entry["changes"].to_string().contains("taken away"), "{entry}");
}

#[tokio::test]
async fn the_identity_provider_vouches_for_its_own_domains_and_for_nobody_who_may_break_the_glass()
{
    let forge = Forge::with(|draft| {
        draft.saml.push_str(
            "email_domains = [\"example.com\"]\nsign_in = \"sso-only\"\nbreak_glass = [\"root@example.com\"]",
        );
    });
    for (count, (email, reason)) in (1..).zip([
        ("ann@example.org", "email_domains"),
        ("ann@sub.example.com", "email_domains"),
        ("root@example.com", "break_glass"),
    ]) {
        let way = forge.depart("").await;
        let claims = forge.claims(email, &["admins"], Some(&way.request));
        let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{email}");
        let entry = &entries(&forge.site, "AcceptAssertion", count)[count - 1];
        assert!(entry["reason"].as_str().unwrap().contains(reason), "{entry}");
        assert_eq!(entry["sign_in"], email, "whom a verified answer named is told");
        assert_eq!(entry["assertion"], claims.assertion_id.as_str());
    }
    forge.sign_in("ann@example.com", &["admins"]).await;
}

/// A directory may write a street in two lines, and nobody cares; what something is decided by is refused so, and changes nothing.
#[tokio::test]
async fn a_value_of_several_lines_keeps_out_only_who_is_decided_on_by_it_and_disables_nobody() {
    let forge = Forge::start();
    let alice = forge.sign_in("alice@example.com", &["annotators"]).await;
    let role = "https://aws.amazon.com/SAML/Attributes/Role";
    for (attribute, values, taken) in [
        ("street", &["1 Main Street\nSuite 2"][..], true),
        ("groups", &["annotators", "\n  admins\n"], false),
        (
            role,
            &[
                "\n arn:aws:iam::123456789012:role/annotator,arn:aws:iam::123456789012:saml-provider/idp\n",
            ],
            false,
        ),
    ] {
        let way = forge.depart("").await;
        let claims = forge.claims("alice@example.com", &["annotators"], Some(&way.request));
        let claims = claims.with(attribute, values);
        let answer = way.post(&forge.idp.posted(&claims, Signed::Both)).await;
        let expected = if taken { StatusCode::SEE_OTHER } else { StatusCode::FORBIDDEN };
        assert_eq!(answer.status, expected, "{attribute}: {}", answer.text());
        let entry = entry(&forge.site, answer.header("x-request-id"));
        assert_eq!(entry.get("changes"), None, "{entry}");
        let told = entry["reason"].as_str().unwrap_or_default().contains("several lines");
        assert_eq!(told, !taken, "{entry}");
    }
    assert_eq!(alice.get("/-/api/account").await.status, StatusCode::OK, "she works on");
}
