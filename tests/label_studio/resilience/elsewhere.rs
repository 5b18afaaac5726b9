//! What nobody may lose because something else answers at Label Studio's address, and what strangers may not make it do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::{Method, StatusCode};

use super::Stage;
use super::pretender::{Done, answer};
use crate::support::Site;
use crate::support::scripted::{hang_up, say};
use crate::support::world::until;

/// The path of a request's head.
fn path(head: &str) -> &str {
    let target = head.split(' ').nth(1).unwrap_or_default();
    target.split('?').next().unwrap_or_default().trim_end_matches('/')
}

fn projects(site: &Site) -> String {
    site.run(&["project", "list", "--organization", "acme"])
}

/// Ends the gateway and starts it again: it reads the list of projects at once.
fn again(site: &mut Site) {
    site.signal("TERM");
    assert!(site.ended().success());
    site.start();
}

#[test]
fn projects_and_their_members_outlive_whatever_answers_in_label_studios_place() {
    let mut stage = Stage::set();
    let members = ["project", "member", "list", "--organization", "acme", "--name", "cats-1"];
    for (what, status, body) in [
        ("nothing of its own", "404 Not Found", "{}"),
        ("an install without projects", "200 OK", r#"{"results":[],"next":null}"#),
    ] {
        let lists = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&lists);
        stage.studio.does(move |head, socket| {
            if path(head) != "/api/projects" {
                return Done::No;
            }
            say(socket, &answer(status, "application/json", body));
            seen.fetch_add(1, Ordering::SeqCst);
            Done::Yes
        });
        again(&mut stage.site);
        until(what, || lists.load(Ordering::SeqCst) > 0);
        // A second start: what the first made of the answer is done by then.
        again(&mut stage.site);
        assert!(projects(&stage.site).contains("cats-1"), "{what}");
        assert!(stage.site.run(&members).contains("ann@example.com"), "{what}");
    }
    // A list that lacks one that is there: it was read while it changed.
    let asked = Arc::new(AtomicUsize::new(0));
    let gone = Arc::new(AtomicUsize::new(0));
    let (seen, is_gone) = (Arc::clone(&asked), Arc::clone(&gone));
    stage.studio.does(move |head, socket| {
        let (status, body) = match path(head) {
            "/api/projects" => ("200 OK", r#"{"results":[{"id":2,"title":"Dogs"}],"next":null}"#),
            "/api/projects/1" if is_gone.load(Ordering::SeqCst) > 0 => ("404 Not Found", "{}"),
            "/api/projects/1" => ("200 OK", r#"{"id":1,"title":"Cats"}"#),
            _ => return Done::No,
        };
        say(socket, &answer(status, "application/json", body));
        seen.fetch_add(usize::from(path(head) == "/api/projects/1"), Ordering::SeqCst);
        Done::Yes
    });
    again(&mut stage.site);
    until("the missing one is asked for by itself", || asked.load(Ordering::SeqCst) > 0);
    again(&mut stage.site);
    assert!(projects(&stage.site).contains("dogs-2") && projects(&stage.site).contains("cats-1"));
    // One that is gone indeed is let go of.
    gone.store(1, Ordering::SeqCst);
    again(&mut stage.site);
    until("the deleted one is gone", || !projects(&stage.site).contains("cats-1"));
    assert!(projects(&stage.site).contains("dogs-2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_have_only_so_many_passwords_tried_at_label_studio_at_once() {
    let mut stage = tokio::task::spawn_blocking(Stage::set).await.unwrap();
    let shown = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&shown);
    stage.studio.does(move |head, socket| {
        if path(head) != "/user/login" {
            return Done::No;
        }
        if seen.fetch_add(1, Ordering::SeqCst) < 2 {
            // Says nothing for as long as it is waited for.
            return Done::Yes;
        }
        say(socket, &answer("200 OK", "text/html", "no"));
        hang_up(socket);
        Done::Yes
    });
    tokio::task::block_in_place(|| {
        stage.site.signal("TERM");
        assert!(stage.site.ended().success());
        stage.site.start_under(&["env", "SLUICEGATE_OUTBOUND__ANSWER_SECONDS=20"]);
    });
    let site = Arc::new(stage.site);
    let sign_in = |email: &str| {
        let (site, form) =
            (Arc::clone(&site), format!("email={email}%40invented.example&password=whatever"));
        async move {
            let origin = site.url("");
            let headers =
                [("content-type", "application/x-www-form-urlencoded"), ("origin", &*origin)];
            site.send(Method::POST, "/-/sign-in", None, &headers, form.into_bytes()).await.status
        }
    };
    let waiting = [tokio::spawn(sign_in("one")), tokio::spawn(sign_in("two"))];
    tokio::task::block_in_place(|| until("two are shown", || shown.load(Ordering::SeqCst) == 2));
    assert_eq!(sign_in("three").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(shown.load(Ordering::SeqCst), 2, "it was not shown");
    // Whoever has a password of the gateway's does not wait for Label Studio.
    site.sign_in("ann@example.com").await;
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}
