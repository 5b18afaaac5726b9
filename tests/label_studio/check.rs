//! `check --online` before a real Label Studio: a sound one has no faults, and of an unsafe one each is told, with what is to
//! be done about it, word for word.

use std::process::Output;

use serde_json::Value;

use crate::support::label_studio::{LabelStudio, Manner, OWNER_TOKEN, USUAL};
use crate::support::scripted::{Scripted, say};
use crate::support::world::{before, until};
use crate::support::{Moto, Site, site};

/// An install of its own and a gateway whose owner is olga; the number of its one project.
fn pair(manner: Manner) -> (LabelStudio, Site, u64) {
    let (studio, moto) = (LabelStudio::start_in(manner), Moto::shared());
    let project = studio.project("Checked");
    moto.put("checked/one.png", "image/png", b"one");
    studio.storage(project, moto, "checked");
    let mut site = before(&studio, moto);
    site.run(&["organization", "create", "--name", "acme"]);
    site.person("acme", "olga@example.com", "owner");
    site.start();
    until("the project is adopted", || {
        site.run(&["project", "list", "--organization", "acme"]).contains("checked-")
    });
    (studio, site, project)
}

fn check(site: &Site) -> (Output, Value) {
    let output = site.try_run(&["check", "--online", "--json"], "");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let json = serde_json::from_str(&said).unwrap_or_else(|_| {
        panic!("not JSON: {said}\n{}", String::from_utf8_lossy(&output.stderr))
    });
    (output, json)
}

/// What is wrong, with the remedy.
fn faults(site: &Site) -> Vec<(String, String)> {
    let (output, json) = check(site);
    assert_eq!(output.status.code(), Some(1), "{json}");
    let text = |fault: &Value, name: &str| fault[name].as_str().unwrap().to_owned();
    let faults = json["faults"].as_array().unwrap().iter();
    faults.map(|fault| (text(fault, "what"), text(fault, "remedy"))).collect()
}

fn told<'a>(faults: &'a [(String, String)], words: &str) -> &'a str {
    let found = faults.iter().find(|(what, _)| what.contains(words));
    &found.unwrap_or_else(|| panic!("{words:?} is not in {faults:#?}")).1
}

fn in_settings(site: &Site, from: &str, to: &str) {
    let file = site::inside(site, "sluicegate.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    assert!(settings.contains(from), "{settings}");
    std::fs::write(&file, settings.replace(from, to)).unwrap();
}

#[test]
fn a_sound_install_has_no_faults_once_each_remedy_was_done() {
    let (studio, site, project) = pair(USUAL);
    let before = faults(&site);
    // The storage that Label Studio has and the gateway has not: the remedy is the command.
    let command = told(&before, "which no storage of the gateway's covers");
    let words: Vec<_> = command.split_whitespace().map(|word| word.trim_matches('\'')).collect();
    assert_eq!(words[0], "sluicegate", "{command}");
    site.run(&words[1..]);
    // The legacy tokens: a personal one for the gateway first.
    let remedy = told(&before, "legacy tokens");
    assert!(remedy.starts_with("give the gateway a personal access token"), "{remedy}");
    let personal = studio.ask("POST", "/api/token/", None)["token"].as_str().unwrap().to_owned();
    site.secret("studio-token", &personal);
    let remedy = told(&faults(&site), "legacy tokens").to_owned();
    let (command, _) = remedy.split_once(", where ACCESS is").unwrap();
    let access = studio.access(&personal).unwrap();
    let ran = std::process::Command::new("sh")
        .args(["-c", &command.replace("curl ", "curl -sS --fail --noproxy '*' ")])
        .env("ACCESS", access)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{command}: {}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(studio.try_ask("GET", "/api/projects/", None).0, 401, "legacy tokens are off");
    let (output, json) = check(&site);
    assert!(output.status.success(), "{json:#}");
    assert_eq!(json["sound"], true);
    let remarks = json["remarks"].to_string();
    for words in [
        "to which the catalogue of 1.23 applies",
        "/docs/api/schema/json/",
        &format!("project checked-{project} has no member"),
    ] {
        assert!(remarks.contains(words), "{words:?} is not in {remarks}");
    }
    for secret in [&*personal, OWNER_TOKEN] {
        assert!(!json.to_string().contains(secret));
    }
}

#[test]
fn what_is_unsafe_is_told_with_its_remedy() {
    let manner = Manner {
        host: "0.0.0.0",
        environment: &[
            ("DISABLE_SIGNUP_WITHOUT_LINK", "false"),
            ("LABEL_STUDIO_HOST", "https://elsewhere.example:8443"),
        ],
    };
    let (studio, site, _) = pair(manner);
    let people = || studio.ask("GET", "/api/users/", None).as_array().unwrap().len();
    let before = people();
    let found = faults(&site);
    for (what, remedy) in [
        ("whoever reaches Label Studio may sign up", "DISABLE_SIGNUP_WITHOUT_LINK=true"),
        ("call itself https://elsewhere.example:8443", "without LABEL_STUDIO_HOST"),
        ("open on every address of this machine", "--internal-host 127.0.0.1"),
        ("legacy tokens", "\"legacy_api_tokens_enabled\":false"),
        ("which no storage of the gateway's covers", "sluicegate storage create"),
    ] {
        assert!(told(&found, what).contains(remedy), "{found:#?}");
    }
    assert_eq!(people(), before, "to ask whether anybody may sign up signs nobody up");
    // What the settings accept is no fault.
    in_settings(&site, "organization = \"acme\"", "organization = \"acme\"\ntokens = \"accepted\"");
    let found = faults(&site);
    assert!(!found.iter().any(|(what, _)| what.contains("legacy tokens")), "{found:#?}");
    // A member's token.
    let member = studio.user("member@example.com");
    site.secret("studio-token", &member.legacy);
    let remedy = told(&faults(&site), "a token of member@example.com, who does not own").to_owned();
    assert!(remedy.contains("sign in at http://127.0.0.1:"), "{remedy}");
    site.secret("studio-token", &"0".repeat(40));
    told(&faults(&site), "Label Studio does not take it");
    in_settings(&site, "organization = \"acme\"", "organization = \"nowhere\"");
    site.secret("studio-token", OWNER_TOKEN);
    let remedy = told(&faults(&site), "there is no organization nowhere").to_owned();
    assert_eq!(remedy, "sluicegate organization create --name nowhere");
}

#[test]
fn one_that_is_away_or_is_something_else_is_told() {
    let (mut studio, site, _) = pair(USUAL);
    studio.stop();
    let remedy = told(&faults(&site), "Label Studio cannot be asked").to_owned();
    assert!(
        remedy.contains(&format!("outbound.allow_private must name {}", studio.address)),
        "{remedy}"
    );
    // moto is no Label Studio.
    in_settings(&site, &studio.url, &Moto::shared().endpoint);
    told(&faults(&site), "no usable answer");
}

/// A Label Studio of another version, whose clock is wrong; it takes no access token but the second that it gave.
fn another() -> Scripted {
    let given = std::sync::atomic::AtomicUsize::new(0);
    Scripted::start(move |_, head, socket| {
        let mut words = head.split_whitespace().skip(1);
        let path = words.next().unwrap();
        let body = match path {
            "/health" => "{\"status\": \"UP\"}".to_owned(),
            "/api/token/refresh/" => {
                let nth = given.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                format!("{{\"access\": \"access.{nth}.x\"}}")
            }
            "/api/current-user/whoami" => {
                "{\"id\": 1, \"email\": \"root@example.com\", \"active_organization\": 1}"
                    .to_owned()
            }
            "/api/organizations/1" => "{\"created_by\": 1}".to_owned(),
            "/api/version/" => "{\"release\": \"1.230.0\"}".to_owned(),
            "/api/jwt/settings" => {
                "{\"api_tokens_enabled\": false, \"legacy_api_tokens_enabled\": false}".to_owned()
            }
            path if path.starts_with("/api/projects/") => {
                "{\"results\": [], \"next\": null}".to_owned()
            }
            _ => "{}".to_owned(),
        };
        let lower = head.to_lowercase();
        let stale = lower.contains("authorization: bearer access.0.x");
        let status = if stale { "401 Unauthorized" } else { "200 OK" };
        let status = if path.starts_with("/user/signup/") { "403 Forbidden" } else { status };
        say(
            socket,
            &format!(
                "HTTP/1.1 {status}\r\nDate: Wed, 21 Oct 2015 07:28:00 GMT\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            ),
        );
        crate::support::scripted::hang_up(socket);
    })
}

#[test]
fn another_version_a_wrong_clock_and_tokens_switched_off_are_told() {
    let studio = another();
    let site = Site::prepare(
        "",
        &[&format!("127.0.0.1:{}", studio.port)],
        &format!(
            "[label_studio]\nurl = \"http://127.0.0.1:{}\"\ntoken = {{ file = \"studio-token\" }}\norganization = \"acme\"\n",
            studio.port
        ),
    );
    site.secret("studio-token", "a.personal.token");
    site.run(&["organization", "create", "--name", "acme"]);
    let found = faults(&site);
    assert_eq!(found.len(), 3, "{found:#?}");
    let remedy = told(
        &found,
        "Label Studio is 1.230.0, and the catalogue of routes that applies is of 1.23",
    );
    assert!(remedy.contains("pip install 'label-studio==1.23.*'"), "{remedy}");
    told(&found, "our clock is ");
    let remedy = told(&found, "personal access tokens are switched off");
    assert!(remedy.contains("\"api_tokens_enabled\":true"), "{remedy}");
}
