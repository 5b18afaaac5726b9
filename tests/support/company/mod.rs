//! The real gateway of a company: before its identity provider, its STS and its S3, with the catalogue that maps its groups.

mod key;
pub mod world;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::cookie::Jar;
use reqwest::{Method, Response, StatusCode};

use crate::support::account::Account;
use crate::support::idp::{Posted, ServiceProvider, Setup, Visit};
use crate::support::s3::S3;
use crate::support::site::{Answer, Site};
use crate::support::sts::Sts;

pub use key::Key;
use world::{ADMIN, ANNOTATOR, World};

/// All of it, running.
pub struct Company {
    pub world: World,
    pub site: Site,
}

/// What a test says otherwise.
pub struct Draft {
    /// Further keys of `[saml.acme]`.
    pub saml: String,
    /// Sections of the settings.
    pub settings: String,
    /// More of the catalogue.
    pub catalogue: String,
    /// What the groups mean.
    pub groups: String,
    pub duration_seconds: u32,
}

/// What is behind an install.
#[derive(Clone, Copy)]
pub struct Behind<'a> {
    pub account: &'a Account,
    pub sts: &'a Sts,
    pub s3: &'a S3,
}

/// A browser without a screen: its cookies at the gateway and at the identity provider.
pub struct Browser<'c> {
    site: &'c Site,
    client: reqwest::Client,
    cookies: Arc<Jar>,
    /// At the identity provider, where there is a real one.
    visit: Option<Visit>,
    origin: String,
}

const GROUPS: &str = "\
[organization.acme.group.annotators]
projects = { scans = \"annotator\" }
[organization.acme.group.admins]
projects = { ledgers = \"manager\" }
";

impl Company {
    pub fn start() -> Self {
        Self::with(|_, _| {})
    }

    /// The same, with the draft and the identity provider's side of it changed before anything starts.
    pub fn with(change: impl FnOnce(&mut Draft, &mut Setup)) -> Self {
        let mut draft = Draft::default();
        let (mut site, key) = prepared();
        let base = site.url("/-/saml/acme");
        let mut ours = ServiceProvider::new(&format!("{base}/metadata"), &format!("{base}/acs"));
        ours.sign_out = Some(format!("{base}/slo"));
        ours.certificates = vec![key.certificate_pem];
        ours.signed_requests = true;
        let world = World::with(vec![ours], |setup| change(&mut draft, setup));
        let behind = Behind { account: &world.account, sts: &world.sts, s3: &world.s3 };
        draft.install(&mut site, &world.idp.metadata(), behind);
        Self { world, site }
    }

    pub fn browser(&self) -> Browser<'_> {
        let visit = Some(Visit::new(&self.world.idp));
        Browser { visit, ..Browser::at(&self.site, &self.world.idp.url) }
    }

    /// Somebody who has signed in at the identity provider and here.
    pub async fn signed_in(&self, name: &str) -> Browser<'_> {
        let browser = self.browser();
        let answer = browser.sign_in(name, "/-/").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}\n{}", answer.text(), self.site.log());
        assert_eq!(answer.header("location"), "/-/");
        browser
    }
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            saml: String::new(),
            settings: String::new(),
            catalogue: String::new(),
            groups: GROUPS.to_owned(),
            duration_seconds: 3_600,
        }
    }
}

/// An install that nothing but its own keys is known of.
pub fn prepared() -> (Site, Key) {
    let site = Site::prepare("", &["127.0.0.1"], "");
    let key = Key::new();
    site.secret("sp.pem", &key.certificate_pem);
    site.secret("sp.key", &key.key_pem);
    (site, key)
}

impl Draft {
    /// Tells the install all of it, and starts it.
    pub fn install(&self, site: &mut Site, metadata: &str, behind: Behind<'_>) {
        fs::write(site.folder.path().join("idp.xml"), metadata).unwrap();
        let settings = site.folder.path().join("sluicegate.toml");
        let text = fs::read_to_string(&settings).unwrap();
        fs::write(&settings, format!("{text}\n{}", self.settings(site, behind))).unwrap();
        import(site, &self.catalogue(behind));
        site.start();
    }

    fn settings(&self, site: &Site, behind: Behind<'_>) -> String {
        let roles = [ANNOTATOR, ADMIN].map(|reach| behind.account.role_arn(reach.role));
        format!(
            "[saml.acme]\nbase_url = {:?}\nmetadata = \"idp.xml\"\n\
             keys = [{{ certificate = \"sp.pem\", key = \"sp.key\" }}]\n{}\n\
             [credentials.people]\nkind = \"saml\"\nregion = \"eu-central-1\"\nsts_endpoint = {:?}\n\
             role_arns = {roles:?}\nduration_seconds = {}\n{}\n",
            site.url(""),
            self.saml,
            behind.sts.url(),
            self.duration_seconds,
            self.settings
        )
    }

    /// The catalogue file.
    pub fn catalogue(&self, behind: Behind<'_>) -> String {
        let [annotator, admin] = [ANNOTATOR, ADMIN].map(|one| behind.account.role_arn(one.role));
        let mut text = format!(
            "[organization.acme]\ntitle = \"Acme\"\n[organization.acme.aws]\nprovider = {:?}\n\
             roles = {{ annotator = {annotator:?}, manager = {admin:?} }}\n{}\n{}\n",
            behind.account.provider_arn("idp"),
            self.groups,
            self.catalogue,
        );
        for (project, reach) in [("scans", ANNOTATOR), ("ledgers", ADMIN)] {
            text.push_str(&format!(
                "[organization.acme.workspace.main.project.{project}.storage.media]\n\
                 bucket = {:?}\nprefix = {:?}\nregion = \"eu-central-1\"\nendpoint = {:?}\n\
                 addressing = \"path\"\ncredential = \"people\"\n",
                reach.bucket,
                reach.prefix,
                behind.s3.url()
            ));
        }
        text
    }
}

/// Brings a catalogue in.
pub fn import(site: &Site, text: &str) {
    let path = site.folder.path().join("catalogue.toml");
    fs::write(&path, text).unwrap();
    site.run(&["catalog", "import", &Path::new("catalogue.toml").display().to_string()]);
}

impl<'c> Browser<'c> {
    /// A fresh one, whose posts come from a page of this origin.
    pub fn at(site: &'c Site, origin: &str) -> Self {
        let cookies = Arc::new(Jar::default());
        let client = client(site, &cookies).build().unwrap();
        Self { site, client, cookies, visit: None, origin: origin.to_owned() }
    }

    /// The same browser on connections of HTTP/1.1.
    pub fn over_http1(&self) -> Self {
        let client = client(self.site, &self.cookies).http1_only().build().unwrap();
        let (cookies, origin) = (Arc::clone(&self.cookies), self.origin.clone());
        Self { site: self.site, client, cookies, visit: None, origin }
    }

    pub const fn site(&self) -> &Site {
        self.site
    }

    pub fn visit(&self) -> &Visit {
        self.visit.as_ref().unwrap()
    }

    /// A navigation, as browsers make them.
    pub async fn open(&self, path: &str) -> Answer {
        self.send(self.client.get(self.site.url(path)).header("sec-fetch-mode", "navigate")).await
    }

    /// What a script or a medium asks for.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.client.get(self.site.url(path))).await
    }

    /// The same, but nothing of the body is read yet.
    pub async fn begin(&self, path: &str) -> Response {
        self.client.get(self.site.url(path)).send().await.unwrap()
    }

    /// Has objects sealed, as our pages do.
    pub async fn seal(&self, objects: &str) -> Answer {
        self.post_json("/-/api/handles", objects).await
    }

    /// What a page's script posts.
    pub async fn post_json(&self, path: &str, body: &str) -> Answer {
        let request = self
            .client
            .post(self.site.url(path))
            .header("content-type", "application/json")
            .header("origin", self.site.url(""))
            .body(body.to_owned());
        self.send(request).await
    }

    /// Writes an object, as our pages would.
    pub async fn put(&self, path: &str, bytes: &str) -> Answer {
        let request = self.client.put(self.site.url(path)).header("origin", self.site.url(""));
        self.send(request.body(bytes.to_owned())).await
    }

    pub async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.client.request(method, self.site.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request).await
    }

    /// To the identity provider's address that a page of ours leads to.
    pub async fn depart(&self, query: &str) -> String {
        let answer = self.open(&format!("/-/saml/acme/sign-in{query}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        answer.header("location").to_owned()
    }

    /// Posts what the identity provider's page posts, as from that page.
    pub async fn post(&self, posted: &Posted) -> Answer {
        self.post_to(&posted.endpoint, &posted.fields).await
    }

    pub async fn post_to(&self, endpoint: &str, fields: &[(String, String)]) -> Answer {
        self.send(self.request_to_post(endpoint, fields)).await
    }

    pub fn request_to_post(
        &self,
        endpoint: &str,
        fields: &[(String, String)],
    ) -> reqwest::RequestBuilder {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.client
            .post(endpoint)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", &self.origin)
            .header("accept", "text/html,application/xhtml+xml")
            .header("sec-fetch-site", "cross-site")
            .header("sec-fetch-mode", "navigate")
            .body(form.finish())
    }

    /// Through the identity provider's form and back.
    pub async fn sign_in(&self, name: &str, return_to: &str) -> Answer {
        let there = self.depart(&format!("?return={}", return_to.replace('/', "%2F"))).await;
        self.post(&self.visit().sign_in(name, &there).await).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }
}

fn client(site: &Site, cookies: &Arc<Jar>) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(site.ca()).unwrap()])
        .no_proxy()
        .cookie_provider(Arc::clone(cookies))
        .redirect(reqwest::redirect::Policy::none())
}

/// The audit's entries of this operation, oldest first: exactly so many, which the last answers may be a moment ahead of.
pub fn entries(site: &Site, operation: &str, count: usize) -> Vec<serde_json::Value> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let mut entries = entries_now(site);
        entries.retain(|entry| entry["operation"] == operation);
        if entries.len() == count {
            return entries;
        }
        let late = entries.len() > count || Instant::now() > deadline;
        assert!(!late, "{} entries of {operation}, not {count}: {entries:#?}", entries.len());
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// The audit's entry of this request, which the end of its answer may be a moment ahead of.
pub fn entry(site: &Site, request: &str) -> serde_json::Value {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(entry) = entries_now(site).into_iter().find(|one| one["request"] == request) {
            return entry;
        }
        assert!(Instant::now() < deadline, "no entry of {request} has an end");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

fn entries_now(site: &Site) -> Vec<serde_json::Value> {
    let mut entries = Vec::new();
    let mut files: Vec<_> = fs::read_dir(site.folder.path().join("audit"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "jsonl"))
        .collect();
    files.sort();
    let lines = files.iter().flat_map(|file| {
        let text = fs::read_to_string(file).unwrap();
        // What is written just now may stand there in part.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    let mut begun = std::collections::BTreeMap::new();
    for line in lines {
        let entry: serde_json::Value = serde_json::from_str(&line).unwrap();
        let request = entry["request"].as_str().unwrap_or_default().to_owned();
        match entry["kind"].as_str() {
            Some("begun") => drop(begun.insert(request, entry)),
            Some("ended") => {
                let mut whole = begun.remove(&request).unwrap_or_default();
                let fields = entry.as_object().unwrap().clone();
                whole.as_object_mut().unwrap().extend(fields);
                entries.push(whole);
            }
            _ => entries.push(entry),
        }
    }
    entries
}
