//! The main job: an object leaves the bucket only for someone who may see it, whatever kind of credential opens it.

use std::sync::OnceLock;

use reqwest::{Method, StatusCode};

use crate::support::{Moto, Person, Site};

/// An install before moto, shared by the tests of this file.
struct World {
    credential: &'static str,
    site: Site,
    admin: Person,
    annotator: Person,
    stranger: Person,
}

const OBJECT: &str = "/-/objects/scans/media/a/hello.bin";

/// One with static keys, one with an assumed role.
fn worlds() -> &'static [World; 2] {
    static WORLDS: OnceLock<[World; 2]> = OnceLock::new();
    WORLDS.get_or_init(|| {
        let moto = Moto::shared();
        moto.put("scans/a/hello.bin", "image/png", &hello());
        moto.put("traffic/secret.txt", "text/plain", b"not for scans");
        [
            settled("static keys", Site::before_moto(moto, "")),
            settled("an assumed role", Site::with_role(moto, &moto.address)),
        ]
    })
}

fn settled(credential: &'static str, mut site: Site) -> World {
    let moto = Moto::shared();
    let admin = site.person("acme", "admin@example.com", "owner");
    site.project("acme", "scans", &Site::moto_place(moto, "scans/"));
    site.project("acme", "traffic", &Site::moto_place(moto, "traffic/"));
    let annotator = site.person("acme", "annotator@example.com", "");
    site.member("acme", "scans", "annotator@example.com", "annotator");
    let stranger = site.person("elsewhere", "stranger@example.com", "owner");
    site.start();
    World { credential, site, admin, annotator, stranger }
}

fn hello() -> Vec<u8> {
    (0..100_000_u32).map(|n| u8::try_from(n * 7 % 251).unwrap()).collect()
}

#[tokio::test]
async fn a_member_reads_the_object_whole() {
    for world in worlds() {
        let answer = world.site.get(OBJECT, Some(&world.annotator)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}: {}", world.credential, answer.text());
        assert_eq!(answer.body, hello());
        assert_eq!(answer.header("content-type"), "image/png");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("accept-ranges"), "bytes");
    }
}

#[tokio::test]
async fn nobody_gets_401_and_a_stranger_404() {
    for world in worlds() {
        let nobody = world.site.get(OBJECT, None).await;
        assert_eq!(
            (nobody.status, nobody.code().as_str()),
            (StatusCode::UNAUTHORIZED, "not-signed-in")
        );
        let stranger = world.site.get(OBJECT, Some(&world.stranger)).await;
        assert_eq!(
            (stranger.status, stranger.code().as_str()),
            (StatusCode::NOT_FOUND, "not-found")
        );
        let absent = world.site.get("/-/objects/no-such/media/x", Some(&world.stranger)).await;
        assert_eq!(stranger.json()["message"], absent.json()["message"]);
    }
}

#[tokio::test]
async fn another_project_of_the_same_organization_does_not_exist_for_a_member() {
    for world in worlds() {
        let path = "/-/objects/traffic/media/secret.txt";
        let annotator = world.site.get(path, Some(&world.annotator)).await;
        assert_eq!(annotator.status, StatusCode::NOT_FOUND);
        let admin = world.site.get(path, Some(&world.admin)).await;
        assert_eq!((admin.status, admin.body), (StatusCode::OK, b"not for scans".to_vec()));
    }
}

#[tokio::test]
async fn a_suffix_range_is_206_with_exactly_the_last_bytes() {
    for world in worlds() {
        let headers = [("range", "bytes=-100")];
        let answer = world.site.ask(Method::GET, OBJECT, Some(&world.annotator), &headers).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(answer.header("content-range"), "bytes 99900-99999/100000");
        assert_eq!(answer.body, hello()[99_900..]);
    }
}

#[tokio::test]
async fn a_navigation_without_a_session_goes_to_the_sign_in_page() {
    for world in worlds() {
        let headers = [("accept", "text/html,application/xhtml+xml")];
        let answer = world.site.ask(Method::GET, OBJECT, None, &headers).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert!(
            answer.header("location").starts_with("/-/sign-in?return="),
            "{:?}",
            answer.headers
        );
    }
}

#[tokio::test]
async fn an_annotator_may_not_write_and_an_owner_may() {
    for world in worlds() {
        let path = "/-/objects/scans/media/up/load.bin";
        let body = || b"new bytes".to_vec();
        let refused = world.site.send(Method::PUT, path, Some(&world.annotator), &[], body()).await;
        assert_eq!((refused.status, refused.code().as_str()), (StatusCode::FORBIDDEN, "forbidden"));
        let written = world.site.send(Method::PUT, path, Some(&world.admin), &[], body()).await;
        assert!(written.status.is_success(), "{}: {}", world.credential, written.text());
        let read = world.site.get(path, Some(&world.annotator)).await;
        assert_eq!(read.body, b"new bytes");
    }
}
