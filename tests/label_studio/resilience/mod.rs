//! A Label Studio that is gone, slow, restarted or not itself: clear refusals, nothing that leaks, nothing that hangs, and
//! all well again as soon as it is.

mod elsewhere;
mod faults;
mod pretender;
mod restart;

use std::time::{Duration, Instant};

use reqwest::StatusCode;

use crate::support::site::Answer;
use crate::support::{Person, Site};
use pretender::{Pretender, SECRET};

/// What is asked of it in most tests.
pub const TASKS: &str = "/api/tasks?project=1";
/// A gateway with little patience before a pretended Label Studio with one project.
pub struct Stage {
    pub studio: Pretender,
    pub site: Site,
    pub ann: Person,
}

impl Stage {
    pub fn set() -> Self {
        let studio = Pretender::start();
        let mut site = pretender::before(&studio, "");
        site.run(&["organization", "create", "--name", "acme"]);
        let ann = site.person("acme", "ann@example.com", "");
        site.start();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !site.run(&["project", "list", "--organization", "acme"]).contains("cats-1") {
            assert!(Instant::now() < deadline, "the project is not adopted:\n{}", site.log());
            std::thread::park_timeout(Duration::from_millis(100));
        }
        site.member("acme", "cats-1", &ann.email, "manager");
        Self { studio, site, ann }
    }

    /// The answer, which came within what the settings allow.
    pub async fn ask(&self, path: &str) -> Answer {
        let begin = Instant::now();
        let answer = self.site.get(path, Some(&self.ann)).await;
        assert!(begin.elapsed() < Duration::from_secs(6), "{path}: {:?}", begin.elapsed());
        for (name, value) in &answer.headers {
            let told = ["set-cookie", "access-control-allow-origin", "server", "via", "x-secret"];
            assert!(!told.contains(&name.as_str()), "{path}: {name}");
            assert!(!value.to_str().unwrap().contains(SECRET), "{path}: {name}");
        }
        assert!(!answer.text().contains(SECRET), "{path}: {}", answer.text());
        answer
    }

    pub async fn refused(&self, what: &str, path: &str, (status, code): (StatusCode, &str)) {
        let answer = self.ask(path).await;
        assert_eq!((answer.status, &*answer.code()), (status, code), "{what}: {}", answer.text());
    }

    /// The answer begins well, and must not end well.
    pub async fn breaks_off(&self, what: &str, path: &str) {
        let begin = Instant::now();
        let asked = self.site.client().get(self.site.url(path)).bearer_auth(&self.ann.token);
        // It may be broken before the first byte has left.
        if let Ok(answer) = asked.send().await {
            assert_eq!(answer.status(), StatusCode::OK, "{what}");
            let body = answer.bytes().await;
            assert!(body.is_err(), "{what}: a clean end after {} bytes", body.unwrap().len());
        }
        assert!(begin.elapsed() < Duration::from_secs(10), "{what}: {:?}", begin.elapsed());
    }

    /// It is itself again, and so is the gateway at the next question.
    pub async fn is_well(&self, what: &str, path: &str) {
        self.studio.is_itself();
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let answer = self.ask(path).await;
            if answer.status == StatusCode::OK {
                return;
            }
            // What the people file of the gateway says takes a moment to hold.
            let early = answer.status == StatusCode::NOT_FOUND && Instant::now() < deadline;
            assert!(early, "after {what}: {} {}", answer.status, answer.text());
            tokio::task::yield_now().await;
        }
    }
}
