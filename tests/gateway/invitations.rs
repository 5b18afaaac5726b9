//! A link opens one account, once, for whoever opens it first; its code is nowhere but in the link.

use reqwest::{Method, StatusCode};

use crate::support::site::{Answer, inside};
use crate::support::{Moto, Site};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const GOOD: &str = "email=new%40example.com&password=correct+horse+battery";

fn world(more: &str) -> Site {
    let moto = Moto::shared();
    moto.put("invited/a.txt", "text/plain", b"seen by the invited");
    let mut site = Site::before_moto(moto, more);
    site.person("acme", "owner@example.com", "owner");
    site.project("acme", "scans", &Site::moto_place(moto, "invited/"));
    site.project("acme", "other", &Site::moto_place(moto, "other/"));
    site.start();
    site
}

/// The path of a new invitation's link.
fn invite(site: &Site, more: &[&str]) -> String {
    let mut arguments = vec!["invitation", "create", "--organization", "acme"];
    arguments.extend(more);
    let said = site.run(&arguments);
    let at = said.find("/-/invitations/").unwrap_or_else(|| panic!("no link: {said}"));
    assert!(said.trim().starts_with("https://localhost"), "{said}");
    said.trim().get(at..).unwrap().to_owned()
}

async fn accept(site: &Site, path: &str, form: &str) -> Answer {
    let origin = site.url("");
    let headers = [FORM, ("origin", &*origin)];
    site.send(Method::POST, path, None, &headers, form.as_bytes().to_vec()).await
}

#[tokio::test]
async fn an_invitation_makes_one_account_with_its_roles_and_signs_it_in() {
    let site = world("");
    let path = invite(&site, &["--project", "scans", "--project-role", "annotator"]);
    let page = site.get(&path, None).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("Welcome to acme"), "{}", page.text());
    assert_eq!(page.header("cache-control"), "no-store");
    let accepted = accept(&site, &path, GOOD).await;
    assert_eq!((accepted.status.as_u16(), accepted.header("location")), (303, "/-/"));
    let cookie = accepted.header("set-cookie").split(';').next().unwrap().to_owned();
    let ask = async |path: &str| {
        site.ask(Method::GET, path, None, &[("cookie", &*cookie)]).await.status.as_u16()
    };
    assert_eq!(ask("/-/objects/scans/media/a.txt").await, 200);
    assert_eq!(ask("/-/objects/other/media/a.txt").await, 404, "a role in one project only");
    site.sign_in("new@example.com").await;
    // Once.
    for answer in [site.get(&path, None).await, accept(&site, &path, GOOD).await] {
        assert_eq!((answer.status.as_u16(), &*answer.code()), (404, "not-found"));
    }
    let listed = site.run(&["invitation", "list"]);
    assert!(listed.contains("annotator of scans") && listed.contains("used by new@example.com"));
    let audit = site.run(&["audit", "tail", "--last", "100", "--json"]);
    assert!(audit.contains("\"AcceptInvitation\"") && audit.contains("\"ShowInvitation\""));
    // The code is in no record, log or entry.
    let code = path.rsplit('/').next().unwrap();
    let records = std::fs::read(inside(&site, "records.sqlite")).unwrap();
    let log = std::fs::read(inside(&site, "records.sqlite-wal")).unwrap_or_default();
    for (where_to, bytes) in [
        ("records", records),
        ("their log", log),
        ("log", site.log().into()),
        ("audit", audit.into()),
    ] {
        let held = bytes.windows(code.len()).any(|window| window == code.as_bytes());
        assert!(!held, "the code is in the {where_to}");
    }
}

#[tokio::test]
async fn what_is_no_good_changes_nothing_and_the_invitation_stays() {
    let site = world("");
    let path = invite(&site, &["--role", "manager"]);
    let long = format!("email=new%40example.com&password={}", "x".repeat(129));
    for (form, status, code) in [
        ("email=new%40example.com&password=short", 400, "bad-password"),
        ("email=new%40example.com&password=new%40example.com", 400, "bad-password"),
        (&*long, 400, "bad-password"),
        ("email=nobody&password=correct+horse+battery", 400, "bad-email"),
        ("email=owner%40example.com&password=correct+horse+battery", 409, "email-taken"),
        ("email=new%40example.com&password=correct+horse+battery&role=owner", 400, "bad-body"),
        ("email=new%40example.com", 400, "bad-body"),
    ] {
        let answer = accept(&site, &path, form).await;
        assert_eq!((answer.status.as_u16(), &*answer.code()), (status, code), "{form}");
        assert_eq!(answer.header("set-cookie"), "", "{form}");
    }
    // To a browser: the form again, with the reason and without the password.
    let origin = site.url("");
    let headers = [FORM, ("origin", &*origin), ("accept", "text/html")];
    let form = b"email=new%40example.com&password=short".to_vec();
    let again = site.send(Method::POST, &path, None, &headers, form).await.text();
    assert!(again.contains("role=\"alert\"") && again.contains("new@example.com"), "{again}");
    assert!(!again.contains("value=\"short\""), "{again}");
    // From another site nobody accepts for him.
    let headers = [FORM, ("origin", "https://evil.example")];
    let foreign = site.send(Method::POST, &path, None, &headers, GOOD.into()).await;
    assert_eq!(foreign.code(), "cross-origin");
    assert_eq!(accept(&site, &path, GOOD).await.status, StatusCode::SEE_OTHER);
    let listed = site.run(&["account", "list"]);
    assert!(listed.lines().any(|it| it.contains("new@example.com") && it.contains("manager")));
}

#[tokio::test]
async fn revoked_expired_and_invented_invitations_are_one_and_the_same() {
    let site = world("");
    let revoked = invite(&site, &[]);
    let number = site.run(&["invitation", "list", "--json"]);
    let number: serde_json::Value = serde_json::from_str(&number).unwrap();
    site.run(&["invitation", "revoke", &number[0]["number"].to_string()]);
    let expired = invite(&site, &["--expires", "1s"]);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while site.get(&expired, None).await.status == StatusCode::OK {
        assert!(std::time::Instant::now() < deadline, "it does not expire");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let invented = format!("/-/invitations/{}", "A".repeat(43));
    for path in [&*revoked, &expired, &invented, "/-/invitations/short", "/-/invitations/"] {
        for answer in [site.get(path, None).await, accept(&site, path, GOOD).await] {
            assert_eq!((answer.status.as_u16(), &*answer.code()), (404, "not-found"), "{path}");
        }
    }
    let again = site.try_run(&["invitation", "revoke", &number[0]["number"].to_string()], "");
    assert!(again.status.success(), "revoking twice is no harm");
    for wrong in [
        &["--project", "scans"][..],
        &["--project", "nowhere", "--project-role", "annotator"],
        &["--expires", "never"],
        &["--role", "king"],
    ] {
        let mut arguments = vec!["invitation", "create", "--organization", "acme"];
        arguments.extend(wrong);
        assert!(!site.try_run(&arguments, "").status.success(), "{wrong:?}");
    }
}

#[tokio::test]
async fn trying_codes_is_counted_as_trying_passwords_is() {
    let site = world("[sign_in]\nattempts_per_minute = 1\n");
    let invented = format!("/-/invitations/{}", "A".repeat(43));
    let mut refused = None;
    for _ in 0..30 {
        let answer = site.get(&invented, None).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("30 codes may be tried in a moment");
    assert_ne!(refused.header("retry-after"), "");
}

#[tokio::test]
async fn of_many_who_come_at_once_one_is_let_in() {
    let site = world("[sign_in]\nattempts_per_minute = 600\n");
    let path = invite(&site, &[]);
    let all = (0..8).map(|number| {
        let (site, path) = (&site, &path);
        async move {
            let form = format!("email=n{number}%40example.com&password=correct+horse+battery");
            accept(site, path, &form).await.status.as_u16()
        }
    });
    let mut statuses = futures_of(all).await;
    statuses.sort_unstable();
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 303 | 404 | 429)), "{statuses:?}");
}

/// All of them at once.
async fn futures_of(all: impl Iterator<Item = impl Future<Output = u16>>) -> Vec<u16> {
    let mut waiting: Vec<_> = all.map(Box::pin).collect();
    let mut done = vec![None; waiting.len()];
    std::future::poll_fn(|context| {
        for (one, slot) in waiting.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let std::task::Poll::Ready(status) = one.as_mut().poll(context)
            {
                *slot = Some(status);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn looking_at_links_uses_up_nobodys_sign_in() {
    let site = world("");
    // As a page of anybody's could make a browser do.
    let invented = format!("/-/invitations/{}", "A".repeat(43));
    let mut looks = 0;
    while site.get(&invented, None).await.status != StatusCode::TOO_MANY_REQUESTS {
        looks += 1;
        assert!(looks < 500, "they are not counted");
    }
    site.sign_in("owner@example.com").await;
}
