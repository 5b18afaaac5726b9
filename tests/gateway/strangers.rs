//! Every route, tried by nobody and by somebody of another organization. The table below names each operation once at
//! least; the audit says that its rows are what they claim to be.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use sluicegate::request::Operation;

use crate::support::{Moto, Site};

/// What a route is to somebody of another organization.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    /// The same for the whole world.
    Everybody,
    /// His own data, without a word of others'.
    Himself,
    /// Nothing is there.
    Insider,
}

struct Route {
    operation: &'static str,
    method: Method,
    path: String,
    body: &'static str,
    open: To,
    /// What the owner gets: the request is a good one.
    owner: u16,
}

const SEAL: &str = r#"{"project":"scans","storage":"media","key":"a.png"}"#;
/// Words of the organization that a stranger must not read anywhere.
const OURS: [&str; 3] = ["acme", "scans", "owner@example.com"];

/// `handle` and `request` are the owner's; `invitation` is the path of one.
fn table(handle: &str, request: &str, invitation: &str) -> Vec<Route> {
    let object = "/-/objects/scans/media/a.png";
    let explain = format!("/-/api/requests/{request}");
    let rows = [
        ("ReadObject", Method::GET, object, To::Insider, 200),
        ("ReadObject", Method::HEAD, object, To::Insider, 200),
        ("ReadMedia", Method::GET, handle, To::Insider, 200),
        ("ReadMedia", Method::HEAD, handle, To::Insider, 200),
        ("WriteObject", Method::PUT, "/-/objects/scans/media/new.bin", To::Insider, 200),
        ("ListObjects", Method::GET, "/-/objects/scans/media/", To::Insider, 200),
        ("ListObjects", Method::GET, "/-/objects/scans/media/?prefix=a&limit=1", To::Insider, 200),
        ("ListObjects", Method::HEAD, "/-/objects/scans/media/", To::Insider, 200),
        ("ShowAsset", Method::GET, "/-/assets/style.css", To::Everybody, 200),
        ("ShowAsset", Method::GET, "/-/assets/app.js", To::Everybody, 200),
        ("ShowAsset", Method::GET, "/-/assets/favicon.svg", To::Everybody, 200),
        ("ShowAsset", Method::HEAD, "/-/assets/style.css", To::Everybody, 200),
        ("ShowHome", Method::GET, "/-/", To::Himself, 200),
        ("ShowHome", Method::HEAD, "/-/", To::Himself, 200),
        ("ShowSignIn", Method::GET, "/-/sign-in", To::Everybody, 200),
        ("ShowSignIn", Method::HEAD, "/-/sign-in?return=%2F-%2F", To::Everybody, 200),
        ("SignIn", Method::POST, "/-/sign-in", To::Everybody, 401),
        ("ShowAccount", Method::GET, "/-/api/account", To::Himself, 200),
        ("ShowAccount", Method::HEAD, "/-/api/account", To::Himself, 200),
        ("SealHandle", Method::POST, "/-/api/handles", To::Insider, 200),
        ("ExplainRequest", Method::GET, &explain, To::Insider, 200),
        ("ExplainRequest", Method::HEAD, &explain, To::Insider, 200),
        ("ShowInvitation", Method::GET, invitation, To::Everybody, 200),
        ("AcceptInvitation", Method::POST, invitation, To::Everybody, 400),
        ("ShowSamlMetadata", Method::GET, "/-/saml/acme/metadata", To::Everybody, 404),
        ("BeginSamlSignIn", Method::GET, "/-/saml/acme/sign-in", To::Everybody, 404),
        ("AcceptAssertion", Method::POST, "/-/saml/acme/acs", To::Everybody, 404),
        ("SingleLogout", Method::GET, "/-/saml/acme/slo", To::Everybody, 404),
        ("SingleLogout", Method::POST, "/-/saml/acme/slo", To::Everybody, 404),
        ("ShowLabelStudioUser", Method::GET, "/-/label-studio", To::Himself, 200),
        ("ShowLabelStudioUser", Method::HEAD, "/-/label-studio?return=%2F", To::Himself, 200),
        ("ClaimLabelStudioUser", Method::POST, "/-/label-studio", To::Himself, 404),
        ("Preflight", Method::OPTIONS, object, To::Everybody, 204),
        // The last one: it ends the session that asks.
        ("SignOut", Method::POST, "/-/sign-out", To::Himself, 303),
    ];
    rows.map(|(operation, method, path, open, owner)| {
        let body = match operation {
            "SealHandle" => SEAL,
            "WriteObject" => "new bytes",
            "SignIn" => "email=nobody%40example.com&password=wrong-password",
            "AcceptAssertion" => "SAMLResponse=PGEvPg%3D%3D",
            "ClaimLabelStudioUser" => "password=wrong-password",
            "AcceptInvitation" => "email=nobody%40example.com&password=short",
            _ => "",
        };
        Route { operation, method, path: path.to_owned(), body, open, owner }
    })
    .into()
}

/// An answer as these tests look at it.
struct Got {
    status: u16,
    location: String,
    id: String,
    text: String,
}

impl Got {
    fn code(&self) -> String {
        let refusal: Option<serde_json::Value> = serde_json::from_str(&self.text).ok();
        refusal.and_then(|it| it["code"].as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// Whoever shows this header, or nobody.
struct Visitor<'a> {
    site: &'a Site,
    client: Client,
    proof: Option<(&'static str, String)>,
}

impl<'a> Visitor<'a> {
    fn new(site: &'a Site, proof: Option<(&'static str, String)>) -> Self {
        Self { site, client: site.client(), proof }
    }

    async fn try_route(&self, route: &Route, accept: &str) -> Got {
        let request = self.client.request(route.method.clone(), self.site.url(&route.path));
        let mut request = request.header("accept", accept).header("origin", self.site.url(""));
        if route.operation == "Preflight" {
            request = request.header("access-control-request-method", "GET");
        }
        if let Some((name, value)) = &self.proof {
            request = request.header(*name, value);
        }
        if !route.body.is_empty() {
            let is_form = ["SignIn", "AcceptInvitation", "AcceptAssertion", "ClaimLabelStudioUser"]
                .contains(&route.operation);
            let kind =
                if is_form { "application/x-www-form-urlencoded" } else { "application/json" };
            request = request.header("content-type", kind).body(route.body);
        }
        let answer = request.send().await.unwrap();
        let header = |name: &str| {
            answer.headers().get(name).map(|it| it.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let (location, id) = (header("location"), header("x-request-id"));
        let status = answer.status().as_u16();
        Got { status, location, id, text: answer.text().await.unwrap() }
    }
}

struct World {
    site: Site,
    owner: String,
    stranger: String,
}

fn world() -> World {
    let moto = Moto::shared();
    moto.put("strangers/a.png", "image/png", b"only for acme");
    let mut site = Site::before_moto(moto, "");
    let owner = site.person("acme", "owner@example.com", "owner").token;
    site.project("acme", "scans", &Site::moto_place(moto, "strangers/"));
    // An owner too, of an organization with a project of the same name: that is what he may see.
    let stranger = site.person("elsewhere", "stranger@example.com", "owner").token;
    let listed = format!("SLUICEGATE_LISTEN__CORS_ORIGINS=[\"{}\"]", site.url(""));
    site.start_under(&["env", &listed]);
    World { site, owner: format!("Bearer {owner}"), stranger: format!("Bearer {stranger}") }
}

/// The owner's session, and the table with a handle and a request of it.
async fn prepared(world: &World) -> (String, Vec<Route>) {
    let cookie = world.site.sign_in("owner@example.com").await;
    let visitor = Visitor::new(&world.site, Some(("cookie", cookie.clone())));
    let made = world.site.run(&["invitation", "create", "--organization", "acme"]);
    let invitation = made.trim().split_once("/-/").map(|(_, path)| format!("/-/{path}")).unwrap();
    let all = table("/-/m/AAAA", "0", &invitation);
    let seal = all.iter().find(|route| route.operation == "SealHandle").unwrap();
    let sealed = visitor.try_route(seal, "*/*").await;
    let json: serde_json::Value = serde_json::from_str(&sealed.text).unwrap();
    (cookie, table(json["url"].as_str().unwrap(), &sealed.id, &invitation))
}

/// What the audit knows of each request: its operation.
fn recorded(site: &Site, ids: &BTreeMap<String, &str>) -> BTreeMap<String, String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let told = site.run(&["audit", "tail", "--last", "1000", "--json"]);
        let entries = told.lines().map(|line| serde_json::from_str(line).unwrap());
        let known: BTreeMap<String, String> = entries
            .filter_map(|entry: serde_json::Value| {
                let id = entry["request"].as_str()?.to_owned();
                Some((id, entry["operation"].as_str()?.to_owned()))
            })
            .filter(|(id, _)| ids.contains_key(id))
            .collect();
        if known.len() == ids.len() {
            return known;
        }
        assert!(Instant::now() < deadline, "only {} of {} are known", known.len(), ids.len());
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

#[tokio::test]
async fn the_table_covers_every_operation_and_each_row_is_what_it_says() {
    let named: BTreeSet<_> = table("", "", "").iter().map(|route| route.operation).collect();
    // That one is there only where Label Studio's own tokens are accepted.
    let all = Operation::OURS.into_iter().filter(|operation| *operation != "ExchangeToken");
    assert_eq!(named, all.collect());
    let world = world();
    let (cookie, routes) = prepared(&world).await;
    let owner = Visitor::new(&world.site, Some(("cookie", cookie)));
    let mut ids = BTreeMap::new();
    for route in &routes {
        let got = owner.try_route(route, "*/*").await;
        let what = format!("{} {}", route.method, route.path);
        assert_eq!(got.status, route.owner, "{what}: {}", got.text);
        ids.insert(got.id, route.operation);
    }
    for (id, operation) in recorded(&world.site, &ids) {
        assert_eq!(operation, ids[&id]);
    }
}

#[tokio::test]
async fn nobody_gets_only_what_is_public() {
    let world = world();
    let (_, routes) = prepared(&world).await;
    let wrong_token = "Bearer sgt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let wrong = [
        None,
        Some(("authorization", wrong_token.to_owned())),
        Some(("cookie", format!("__Host-sluicegate={}", "A".repeat(43)))),
    ];
    for proof in wrong {
        let nobody = Visitor::new(&world.site, proof);
        for route in &routes {
            let what = format!("{} {} with {:?}", route.method, route.path, nobody.proof);
            let got = nobody.try_route(route, "*/*").await;
            // A wrong token is refused wherever it is shown; a session that has ended must not bar the way back in.
            let is_token = nobody.proof.as_ref().is_some_and(|(name, _)| *name == "authorization");
            if route.open == To::Everybody && !is_token {
                assert_eq!(got.status, route.owner, "{what}: {}", got.text);
                continue;
            }
            assert_eq!(got.status, 401, "{what}: {}", got.text);
            let code = if route.method == Method::HEAD { "" } else { "not-signed-in" };
            assert_eq!(got.code(), code, "{what}");
        }
    }
}

#[tokio::test]
async fn nobody_who_navigates_is_led_to_the_sign_in_page() {
    let world = world();
    let (_, routes) = prepared(&world).await;
    let nobody = Visitor::new(&world.site, None);
    for route in routes.iter().filter(|route| route.open != To::Everybody) {
        let got = nobody.try_route(route, "text/html,application/xhtml+xml").await;
        let what = format!("{} {}", route.method, route.path);
        if route.method == Method::GET || route.method == Method::HEAD {
            assert_eq!(got.status, 303, "{what}: {}", got.text);
            assert!(
                got.location.starts_with("/-/sign-in?return=%2F%2D%2F"),
                "{what}: {}",
                got.location
            );
        } else {
            assert_eq!(got.status, 401, "{what}: {}", got.text);
        }
    }
}

#[tokio::test]
async fn a_stranger_finds_nothing_but_his_own() {
    let world = world();
    let (owners_cookie, routes) = prepared(&world).await;
    let cookie = world.site.sign_in("stranger@example.com").await;
    for proof in [("authorization", world.stranger.clone()), ("cookie", cookie)] {
        let stranger = Visitor::new(&world.site, Some(proof));
        for route in &routes {
            let got = stranger.try_route(route, "text/html").await;
            let what = format!("{} {} as {:?}", route.method, route.path, stranger.proof);
            if route.open == To::Insider {
                assert_eq!(got.status, 404, "{what}: {}", got.text);
                let code = if route.method == Method::HEAD { "" } else { "not-found" };
                assert_eq!(got.code(), code, "{what}");
            } else {
                assert_eq!(got.status, route.owner, "{what}: {}", got.text);
            }
            let told = format!("{} {}", got.location, got.text);
            // An invitation says to whom it invites; its code is what makes him no stranger to that.
            let invited = |word: &str| route.operation.ends_with("Invitation") && word == "acme";
            let ours = OURS.iter().find(|word| told.contains(*word) && !invited(word));
            assert_eq!(ours, None, "{what}: {told}");
        }
    }
    // Whatever he did ended and wrote nothing of ours.
    let headers = [("cookie", owners_cookie.as_str())];
    let account = world.site.ask(Method::GET, "/-/api/account", None, &headers).await;
    assert_eq!(account.status, StatusCode::OK);
    let headers = [("authorization", world.owner.as_str())];
    let written = world.site.ask(Method::GET, "/-/objects/scans/media/new.bin", None, &headers);
    assert_eq!(written.await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_his_look_the_same_to_a_stranger() {
    let world = world();
    let (_, routes) = prepared(&world).await;
    let stranger = Visitor::new(&world.site, Some(("authorization", world.stranger.clone())));
    for route in routes.iter().filter(|route| route.open == To::Insider && route.body.is_empty()) {
        let absent = route.path.replace("/scans/", "/no-such/").replace("/m/", "/m/A");
        let absent = match route.operation {
            "ExplainRequest" => format!("/-/api/requests/{}", "0".repeat(32)),
            _ => absent,
        };
        assert_ne!(absent, route.path);
        let there = stranger.try_route(route, "*/*").await;
        let other = Route { path: absent, method: route.method.clone(), ..*route };
        let not_there = stranger.try_route(&other, "*/*").await;
        let (mine, other) =
            (there.text.replace(&there.id, ""), not_there.text.replace(&not_there.id, ""));
        assert_eq!((there.status, mine), (not_there.status, other), "{}", route.path);
    }
}
