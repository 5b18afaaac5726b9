//! A real Chromium, driven through chromedriver with the few WebDriver commands that the tests need.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use super::peer;

/// One browser with one window and a profile of its own; both programs end when this is dropped. Only one exists at a time.
pub struct Browser {
    client: Client,
    session: String,
    driver: Child,
    _profile: TempDir,
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::const_new(());
/// Longer than anything takes on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);
const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",
    // It ends when the pipe does, and so with the driver, however that ends.
    "--remote-debugging-pipe",
];
pub const ENTER: &str = "\u{e007}";
pub const TAB: &str = "\u{e004}";

impl Browser {
    /// As it comes: another site's cookies do not go with what a page embeds.
    pub async fn start() -> Self {
        Self::with(json!({})).await
    }

    /// One whose owner lets them.
    pub async fn with_third_party_cookies() -> Self {
        // 0 is "off" (Chromium's `CookieControlsMode`).
        Self::with(json!({ "profile.cookie_controls_mode": 0 })).await
    }

    async fn with(preferences: Value) -> Self {
        let alone = ALONE.lock().await;
        let profile = tempfile::Builder::new().prefix("sluicegate-chromium-").tempdir().unwrap();
        let port = peer::free_port();
        let mut command = peer::bound_to_us("/usr/bin/chromedriver");
        command.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null());
        let mut driver = peer::spawn(command);
        peer::wait_for_port(port, &mut driver);
        let client = Client::builder().no_proxy().build().unwrap();
        let mut flags: Vec<String> = FLAGS.iter().map(|&flag| flag.to_owned()).collect();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        flags.push("--window-size=1200,1000".to_owned());
        let options = json!({ "binary": "/usr/bin/chromium", "args": flags, "prefs": preferences });
        let wish = json!({ "capabilities": { "alwaysMatch": {
            "acceptInsecureCerts": true, "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" } } } });
        let base = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self { client, session: base, driver, _profile: profile, _alone: alone };
        let made = browser.post("", wish).await;
        let id = made["sessionId"].as_str().unwrap();
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    async fn post(&self, command: &str, body: Value) -> Value {
        let asked = self.client.post(format!("{}{command}", self.session)).json(&body);
        let mut answer: Value = asked.send().await.unwrap().json().await.unwrap();
        assert!(answer["value"]["error"].is_null(), "{command} {body}: {answer}");
        answer["value"].take()
    }

    pub async fn open(&self, url: &str) {
        self.post("/url", json!({ "url": url })).await;
    }

    /// Runs the body of a function; a promise is awaited.
    pub async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// Polls until the script returns something true; fails after a minute.
    pub async fn until(&self, what: &str, script: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.run(script).await;
            if !matches!(value, Value::Null | Value::Bool(false)) {
                return value;
            }
            if Instant::now() > deadline {
                let text = self.run("return location.href + '\\n' + document.body.innerText").await;
                panic!("not within a minute: {what}\n{}", text.as_str().unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Types on the keyboard, wherever the focus is.
    pub async fn keys(&self, text: &str) {
        let strokes: Vec<Value> = text
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })))
            .collect();
        let source = json!({ "type": "key", "id": "keyboard", "actions": strokes });
        self.post("/actions", json!({ "actions": [source] })).await;
    }

    /// Presses the mouse in the middle of the element that this expression gives, once it is there, enabled, uncovered and
    /// where it was a moment ago.
    pub async fn click(&self, element: &str) {
        let middle = format!(
            "const it = {element}; if (!it || it.disabled) return false; it.scrollIntoView({{ block: 'nearest' }}); \
             const middle = () => {{ const box = it.getBoundingClientRect(); \
             return [box.x + box.width / 2, box.y + box.height / 2] }}; const before = middle(); \
             return new Promise((done) => setTimeout(() => {{ const now = middle(); \
             done(now.join() === before.join() && it.contains(document.elementFromPoint(...now)) && now) }}, 100))"
        );
        let middle = self.until(&format!("at rest: {element}"), &middle).await;
        let at = [middle[0].as_f64().unwrap(), middle[1].as_f64().unwrap()];
        self.drag(at, at).await;
    }

    /// Presses the mouse there, moves it, and lets go; in pixels of the window.
    pub async fn drag(&self, from: [f64; 2], to: [f64; 2]) {
        let step = |part: f64| {
            let [x, y] = [0, 1].map(|axis| (from[axis] + (to[axis] - from[axis]) * part).round());
            json!({ "type": "pointerMove", "duration": 40, "x": x, "y": y })
        };
        let mut actions = vec![step(0.0), json!({ "type": "pointerDown", "button": 0 })];
        actions.extend([0.25, 0.5, 0.75, 1.0].map(step));
        actions.push(json!({ "type": "pointerUp", "button": 0 }));
        let mouse = json!({ "type": "pointer", "id": "mouse",
            "parameters": { "pointerType": "mouse" }, "actions": actions });
        self.post("/actions", json!({ "actions": [mouse] })).await;
    }

    /// Presses the tabulator until what this selector finds has the focus, as somebody without a mouse does.
    pub async fn tab_to(&self, selector: &str) {
        let there = format!("return !!document.activeElement?.matches({selector:?})");
        self.until(selector, &format!("return !!document.querySelector({selector:?})")).await;
        for _ in 0..60 {
            if self.run(&there).await == true {
                return;
            }
            self.keys(TAB).await;
        }
        panic!("no way by keyboard to {selector}");
    }

    /// The names of the cookies that go with the page, those that no script sees too.
    pub async fn cookies(&self) -> Vec<String> {
        let asked = self.client.get(format!("{}/cookie", self.session));
        let answer: Value = asked.send().await.unwrap().json().await.unwrap();
        let all = answer["value"].as_array().unwrap().iter();
        all.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    }

    /// How many windows are open.
    pub async fn windows(&self) -> usize {
        let asked = self.client.get(format!("{}/window/handles", self.session));
        let answer: Value = asked.send().await.unwrap().json().await.unwrap();
        answer["value"].as_array().unwrap().len()
    }

    /// Gives a file to the page's first field for one.
    pub async fn give_file(&self, path: &std::path::Path) {
        let wish = json!({ "using": "css selector", "value": "input[type=file]" });
        let field = self.post("/element", wish).await;
        let id = field.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        self.post(&format!("/element/{id}/value"), json!({ "text": path })).await;
    }

    /// Where downloads go from now on.
    pub async fn download_into(&self, folder: &std::path::Path) {
        let wish = json!({ "behavior": "allow", "downloadPath": folder });
        self.devtools("Browser.setDownloadBehavior", wish).await;
    }

    /// What was asked for since this was last asked: address, and status of the answer.
    pub async fn requests(&self) -> Vec<(String, Option<u64>)> {
        let mut asked = Vec::new();
        for event in self.log("performance").await {
            let message = event["message"].as_str().unwrap();
            let message: Value = serde_json::from_str(message).unwrap();
            let params = &message["message"]["params"];
            let (what, status) = match message["message"]["method"].as_str().unwrap() {
                "Network.requestWillBeSent" => (&params["request"], None),
                "Network.responseReceived" => {
                    (&params["response"], params["response"]["status"].as_u64())
                }
                _ => continue,
            };
            asked.push((what["url"].as_str().unwrap().to_owned(), status));
        }
        asked
    }

    /// Errors in the console since this was last asked.
    pub async fn complaints(&self) -> Vec<String> {
        let all = self.log("browser").await.into_iter();
        let errors = all.filter(|entry| entry["level"] == "SEVERE");
        errors.map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let Value::Array(all) = self.post("/se/log", json!({ "type": kind })).await else {
            panic!("no log of {kind}");
        };
        all
    }

    /// Takes the whole page in light and in dark into `target/screens`.
    pub async fn screens(&self, name: &str) {
        let folder = peer::root().join("target/screens");
        std::fs::create_dir_all(&folder).unwrap();
        for scheme in ["light", "dark"] {
            let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
            self.devtools("Emulation.setEmulatedMedia", json!({ "features": [feature] })).await;
            let wish = json!({ "captureBeyondViewport": true });
            let taken = self.devtools("Page.captureScreenshot", wish).await;
            let base64 = base64::engine::general_purpose::STANDARD;
            let image = base64.decode(taken["data"].as_str().unwrap()).unwrap();
            std::fs::write(folder.join(format!("{name}-{scheme}.png")), image).unwrap();
        }
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.post("/goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    /// Ends the browser in good order.
    pub async fn quit(self) {
        drop(self.client.delete(&self.session).send().await);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}
