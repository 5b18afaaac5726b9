//! What becomes of a stream that runs while its credential ends, or its session, or the right of whoever reads it.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use sluicegate::ground::clock::{Clock, SignedDuration};

use crate::company::{Browser, Company, entries, entry};
use crate::download::{Cut, Download};
use crate::support::aws::Keys;
use crate::support::s3::Tap;
use crate::support::site::Answer;
use crate::world::{ANNOTATOR, INSIDE};

const FILM: &str = "/-/objects/scans/media/film.webm";
const LENGTH: usize = 16 << 20;
const PIECE: usize = 32 << 10;
const RESET: Cut = Cut::Reset(h2::Reason::INTERNAL_ERROR);

/// As S3 knows it.
fn key_of(name: &str) -> String {
    format!("{}{name}", ANNOTATOR.prefix)
}

/// Puts a film there that S3 hands out as the test lets it. No two pieces of it are alike.
fn film(company: &Company) -> (Vec<u8>, Tap) {
    let words = (0..u32::try_from(LENGTH / 4).unwrap()).flat_map(u32::to_be_bytes);
    let film: Vec<u8> = words.collect();
    let (bucket, key) = (ANNOTATOR.bucket, key_of("film.webm"));
    let tap = company.world.s3.put_behind_tap(bucket, &key, "video/webm", &film);
    (film, tap)
}

/// Asks for the film, and reads its first piece.
async fn begun(browser: &Browser<'_>) -> Download {
    let mut download = Download::begin(browser, FILM, LENGTH).await;
    download.reads_up_to(PIECE).await;
    download
}

#[tokio::test]
async fn what_has_begun_outlasts_its_credential_and_nothing_begins_after_it() {
    let company = Company::start();
    let (sts, s3) = (&company.world.sts, &company.world.s3);
    sts.shorten(Some(SignedDuration::from_secs(20)));
    let alice = company.signed_in("alice").await;
    let calls = sts.calls().len();
    let (film, tap) = film(&company);
    tap.let_out(PIECE);
    let mut download = begun(&alice).await;
    let key = s3.records()[0].access_key_id.clone().unwrap();
    let issued = company.world.account.session(&key).unwrap();

    // It goes on all the time, until S3 would not take the key any more.
    let deadline = Instant::now() + Duration::from_secs(60);
    while Clock::system().now() < issued.expires {
        assert!(Instant::now() < deadline, "it does not end");
        tap.let_out(PIECE);
        download.reads_up_to(download.read.len() + PIECE).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let keys = Keys { id: key, secret: issued.secret.clone(), token: Some(issued.token.clone()) };
    let direct = company.world.read(&keys, ANNOTATOR.bucket, &key_of(INSIDE)).await;
    assert_eq!((direct.status, direct.text.contains("ExpiredToken")), (400, true));

    let asked = s3.records().len();
    for path in [FILM, &format!("/-/objects/scans/media/{INSIDE}")] {
        let new = alice.get(path).await;
        let told = (new.status, new.code());
        assert_eq!(told, (StatusCode::UNAUTHORIZED, "sign-in-again".to_owned()), "{path}");
    }
    assert_eq!(s3.records().len(), asked, "S3 is not asked");
    assert_eq!(alice.get("/-/api/account").await.status, 200, "her session is as it was");

    assert!(download.read.len() < LENGTH, "there is something left of it");
    tap.let_out(LENGTH);
    let request = download.request.clone();
    is_whole(download, &film).await;
    let entry = entry(&company.site, &request);
    assert_eq!((&entry["outcome"], &entry["bytes"]), (&"complete".into(), &LENGTH.into()));
    assert_eq!(entry["credential"], keys.id.as_str());
    let of_film = s3.records().into_iter().filter(|one| one.target.contains("film.webm"));
    assert_eq!(of_film.count(), 1, "all of it by one request");
    assert_eq!(sts.calls().len(), calls, "and STS was not asked for more");
}

/// Nothing of it is missing, and nothing is another's.
async fn is_whole(download: Download, film: &[u8]) {
    let read = download.whole().await;
    assert!(read == film, "{} of {} bytes, or others", read.len(), film.len());
}

/// It was cut after its first piece, and the audit tells of it.
async fn cut(company: &Company, mut download: Download, expected: Cut, film: &[u8]) {
    assert_eq!(download.cut().await, expected);
    assert!(download.read == film[..PIECE], "{} bytes", download.read.len());
    let entry = entry(&company.site, &download.request);
    assert_eq!(entry["outcome"], "lapsed", "{entry}");
    assert_eq!((&entry["status"], &entry["bytes"]), (&200.into(), &PIECE.into()), "{entry}");
    let by = (&entry["email"], &entry["proof"]);
    assert_eq!(by, (&"alice@example.com".into(), &"session".into()), "{entry}");
    assert_eq!((&entry["project"], &entry["key"]), (&"scans".into(), &"film.webm".into()));
}

/// Waits until S3 has lost so many connections.
async fn closed(tap: &Tap, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while tap.cut() < count {
        assert!(Instant::now() < deadline, "S3 still has {} of {count}", count - tap.cut());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Alice reads over HTTP/2 and over HTTP/1.1, and so does bob. What ends hers cuts all that she reads and nothing of his, and
/// is told with this status from then on.
async fn cuts(company: &Company, end: impl AsyncFnOnce(&Browser<'_>), status: StatusCode) {
    let (film, tap) = film(company);
    let (alice, bob) = (company.signed_in("alice").await, company.signed_in("bob").await);
    tap.let_out(PIECE);
    let hers = [begun(&alice).await, begun(&alice.over_http1()).await];
    let his = begun(&bob).await;

    // S3 gives nothing more: its silence would end them too at last, but the audit would call that another outcome.
    end(&alice).await;
    for (download, expected) in hers.into_iter().zip([RESET, Cut::Closed]) {
        cut(company, download, expected, &film).await;
    }
    closed(&tap, 2).await;
    assert_eq!(alice.get(FILM).await.status, status);
    assert_eq!(company.world.s3.records().len(), 3, "S3 is asked for three streams only");

    tap.let_out(LENGTH);
    is_whole(his, &film).await;
    assert_eq!(tap.cut(), 2, "his was not cut");
}

#[tokio::test]
async fn who_signs_out_here_ends_what_she_reads() {
    let company = Company::start();
    let end = async |alice: &Browser<'_>| {
        let origin = company.site.url("");
        let answer = alice.ask(Method::POST, "/-/sign-out", &[("origin", &origin)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    };
    cuts(&company, end, StatusCode::UNAUTHORIZED).await;
}

#[tokio::test]
async fn who_signs_out_at_the_identity_provider_ends_what_she_reads_here() {
    let company = Company::start();
    let end = async |alice: &Browser<'_>| {
        let message = alice.visit().sign_out("https://elsewhere.example/").await;
        let (_, path) = message.split_once(&company.site.url("")).unwrap();
        assert!(path.starts_with("/-/saml/acme/slo?SAMLRequest="), "{path}");
        let answer = alice.open(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    };
    cuts(&company, end, StatusCode::UNAUTHORIZED).await;
}

/// Alice signs in in another browser, in this group only.
async fn comes_again(company: &Company, group: &str) -> Answer {
    company.world.idp.change(|setup| {
        let alice = setup.people.get_mut("alice").unwrap();
        alice.attributes.insert("groups".to_owned(), vec![group.to_owned()]);
    });
    company.browser().sign_in("alice", "/-/").await
}

#[tokio::test]
async fn whom_no_mapping_fits_any_more_reads_on_nowhere() {
    let company = Company::start();
    let end = async |_: &Browser<'_>| {
        let answer = comes_again(&company, "unknown").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
    };
    cuts(&company, end, StatusCode::UNAUTHORIZED).await;
    let entries = entries(&company.site, "AcceptAssertion", 3);
    assert_eq!(entries[2]["code"], "no-role");
    let changes = entries[2]["changes"].as_array().unwrap();
    assert!(changes.contains(&"account disabled".into()), "{changes:?}");
}

#[tokio::test]
async fn who_loses_a_role_by_signing_in_elsewhere_ends_what_it_opened_and_keeps_the_session() {
    let company = Company::start();
    let end = async |_: &Browser<'_>| {
        let answer = comes_again(&company, "admins").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    };
    cuts(&company, end, StatusCode::NOT_FOUND).await;
}

#[tokio::test]
async fn the_end_of_the_session_at_the_identity_provider_ends_what_is_read() {
    let company = Company::with(|_, setup| setup.session_seconds = 20);
    let alice = company.signed_in("alice").await;
    let (film, tap) = film(&company);
    tap.let_out(PIECE);
    let download = begun(&alice).await;
    cut(&company, download, RESET, &film).await;
    closed(&tap, 1).await;
    assert_eq!(alice.get("/-/api/account").await.status, StatusCode::UNAUTHORIZED);
}
