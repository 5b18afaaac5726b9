//! What Label Studio adds to a request: its route is found, what it is about is looked up and decided, its answer is
//! rewritten.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput};
use http::{HeaderMap, Method};
use sluicegate::catalog::{AccountId, ProjectId};
use sluicegate::ground::clock::Clock;
use sluicegate::ground::control::Control;
use sluicegate::ground::random::Random;
use sluicegate::ground::seal::{MasterKey, SealKey};
use sluicegate::ground::secret::Secret;
use sluicegate::label_studio::{
    Api, Banks, Bridge, JsonRewriter, Known, Location as Found, Lookup, Member, Passwords, Place,
    Routes, Seal, Settings, Sources, TextRewriter, Tokens, Version, may_hold, replace,
};
use sluicegate::listener::Incoming;
use sluicegate::outbound::{self, Door, Rules};
use sluicegate::policy::{Inquiry, Install, Location, Matter, Work};
use sluicegate::request::Operation;

use super::{CLIENT, World};

/// Seals what a gateway would, for one session.
struct Sealing {
    known: Known,
    key: SealKey,
}

impl Sealing {
    fn new() -> Self {
        let known = Known {
            endpoints: vec!["minio.example.com:9000".to_owned()],
            buckets: vec!["hush-hush-bucket".to_owned()],
            upstream: "http://127.0.0.1:8080".to_owned(),
        };
        Self { known, key: MasterKey::new(Secret::new([7; 32])).derive(&[b"handles", b"one"]) }
    }

    fn sealed(&self, found: &Found, task: Option<u64>) -> String {
        let Found::Uri(text) = found else { return String::new() };
        let location = Location { project: ProjectId(1), task, text: text.as_str().into() };
        format!("/-/m/{}", location.seal(AccountId(1), &self.key).unwrap().as_str())
    }
}

impl Seal for Sealing {
    fn minds(&self, raw: &str) -> bool {
        may_hold(raw, &self.known)
    }

    fn string(&mut self, at: &Place<'_>, text: &str) -> Option<String> {
        replace(text, &self.known, &mut |found, _| self.sealed(found, at.task()))
    }

    fn name(&mut self, _at: &Place<'_>, _text: &str) -> Option<String> {
        None
    }

    fn member(&mut self, at: &Place<'_>) -> Member {
        if at.key() == "storage_filename" { Member::Null } else { Member::Keep }
    }

    fn object(&mut self, _at: &Place<'_>, id: u64, project: u64) {
        black_box((id, project));
    }
}

/// A list as the Data Manager gets it, of at least a mebibyte.
fn list(image: impl Fn(usize) -> String) -> Vec<u8> {
    let mut text = String::from("{\"tasks\":[");
    for id in 1.. {
        let task = format!(
            "{}{{\"id\":{id},\"predictions\":[],\"annotations\":[],\"drafts\":[],\"annotators\":[],\"inner_id\":{id},\
             \"cancelled_annotations\":0,\"total_annotations\":0,\"total_predictions\":0,\"completed_at\":null,\
             \"annotations_results\":\"\",\"predictions_results\":\"\",\"predictions_score\":null,\"file_upload\":null,\
             \"storage_filename\":null,\"annotations_ids\":\"\",\"predictions_model_versions\":\"\",\"avg_lead_time\":null,\
             \"draft_exists\":false,\"updated_by\":[],\"data\":{{\"image\":\"{}\",\"caption\":\"A street at dusk, seen from \
             above\"}},\"meta\":{{}},\"created_at\":\"2026-11-26T04:19:01.625512Z\",\"updated_at\":\
             \"2026-11-26T04:19:01.625542Z\",\"is_labeled\":false,\"overlap\":1,\"comment_count\":0,\
             \"unresolved_comment_count\":0,\"last_comment_updated_at\":null,\"project\":1,\"comment_authors\":[]}}",
            if id > 1 { "," } else { "" },
            image(id)
        );
        text.push_str(&task);
        if text.len() >= 1 << 20 {
            break;
        }
    }
    text.push_str("],\"total\":1}");
    text.into_bytes()
}

fn csv() -> Vec<u8> {
    let mut text = String::from("image,id,choice,annotator,created_at\n");
    for id in 1.. {
        let image = format!("s3://hush-hush-bucket/2026/11/patient-{id:06}/slice.png");
        text.push_str(&format!("{image},{id},Cat,1,2026-11-26T04:19:01.625512Z\n"));
        if text.len() >= 1 << 20 {
            break;
        }
    }
    text.into_bytes()
}

const PIECE: usize = 64 << 10;

pub fn rewriting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rewrite");
    let located = |id| format!("s3://hush-hush-bucket/2026/11/patient-{id:06}/slice.png");
    for (name, json) in [
        ("JSON without locations", list(|id| format!("picture number {id}"))),
        ("JSON, a location per task", list(located)),
    ] {
        group.throughput(Throughput::Bytes(u64::try_from(json.len()).unwrap()));
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let (mut rewriter, mut out) = (JsonRewriter::new(Sealing::new()), Vec::new());
                for piece in json.chunks(PIECE) {
                    out.clear();
                    rewriter.push(black_box(piece), &mut out).unwrap();
                    black_box(&out);
                }
                rewriter.finish(&mut out).unwrap();
            });
        });
    }
    let (text, sealing) = (csv(), Sealing::new());
    group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap()));
    group.bench_function("CSV, a location per line", |bench| {
        bench.iter(|| {
            let (mut rewriter, mut out) = (TextRewriter::new(sealing.known.clone()), Vec::new());
            let with = &mut |found: &Found, _: &str| sealing.sealed(found, None);
            for piece in text.chunks(PIECE) {
                out.clear();
                rewriter.push(black_box(piece), with, &mut out).unwrap();
                black_box(&out);
            }
            rewriter.finish(with, &mut out).unwrap();
        });
    });
}

pub fn routes(criterion: &mut Criterion) {
    let routes = Routes::built_in().unwrap();
    for (name, path, query) in [
        ("a task", "/api/tasks/17/", None),
        ("the Data Manager's list", "/api/tasks", Some("page=1&page_size=30&view=1&project=1")),
        ("a file", "/react-app/main.js", Some("v=df96d7")),
        ("nothing", "/api/brand-new/7", None),
    ] {
        criterion.bench_function(&format!("route/{name}"), |bench| {
            bench.iter(|| routes.find(black_box(&Method::GET), black_box(path), query));
        });
    }
}

fn api(url: &http::Uri) -> Arc<Api> {
    let patience = outbound::Patience {
        connect: Duration::from_secs(1),
        answer: Duration::from_secs(1),
        stall: Duration::from_secs(1),
    };
    let settings = outbound::Settings { allow_private: Vec::new(), ca_files: Vec::new(), patience };
    let door = Door::new(Rules::read(&settings).unwrap());
    let settings = Settings {
        url: url.clone(),
        token: Secret::new("none".to_owned()),
        organization: "bench".parse().unwrap(),
        workspace: "main".parse().unwrap(),
        passwords: Passwords::Refused,
        local_files: None,
        database: None,
        tokens: Tokens::Refused,
        catalogue: Version::V1_23,
        max_body: 1 << 20,
    };
    Arc::new(Api::new(Arc::new(door), &settings))
}

/// A task whose project has passed in an answer: no look-up, one decision.
pub fn asking(criterion: &mut Criterion, world: &World) {
    let (clock, random) = (Clock::system(), Random::system());
    let control = Control::new(world.runtime.handle().clone());
    let api = api(&http::Uri::from_static("http://127.0.0.1:9"));
    let sources = Sources { api: Arc::clone(&api), rows: None };
    let lookup = Arc::new(Lookup::new(sources, (control.clone(), clock.clone()), None));
    let banks = Banks { api, records: world.records.clone(), control, clock, random };
    let bridge = Arc::new(Bridge::new(banks, &MasterKey::new(Secret::new([7; 32]))));
    let organization = "bench".parse().unwrap();
    let install = Install { organization, lookup: Arc::clone(&lookup), bridge, max_body: 1 << 20 };
    let inquiry = Inquiry::new(world.catalog.clone(), Some(install));
    let (routes, mut request) = (Routes::built_in().unwrap(), request(world));
    let operation = Operation::parse(&request, &routes).unwrap();
    let identify = world.schemes.identify(&request, &operation);
    let identity = world.runtime.block_on(identify).unwrap();
    criterion.bench_function("inquire/a task that passed", |bench| {
        lookup.learn_task(17, 1, lookup.moves());
        bench.iter(|| {
            let admitted = world.policy.admit(&identity, &operation).unwrap();
            let found = inquiry.find(&mut request, &operation, (&identity, admitted));
            let matter = world.runtime.block_on(found).unwrap();
            assert!(matches!(matter, Matter::Work(_)), "{matter:?}");
        });
    });
    criterion.bench_function("decide/a task of a project, cached", |bench| {
        let work =
            || Work { projects: vec![1], target: "/api/tasks/17/".into(), ..Work::default() };
        let matter = || Matter::Work(Box::new(work()));
        let decide =
            |matter| world.policy.decide_about(&identity, &operation, matter, CLIENT).unwrap();
        bench.iter_batched(matter, decide, BatchSize::SmallInput);
    });
}

fn request(world: &World) -> Incoming {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", world.bearer());
    Incoming::for_tests(Method::GET, "/api/tasks/17/", headers, Bytes::new())
}
