//! What the stages of the hot path cost, one by one: validate, identify, decide, seal, sign; and the computing of a sign-in. All with the real types,
//! reached the way a request reaches them.
#![expect(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a benchmark may panic, and its parts are its own"
)]

mod studio;

use std::fs;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method};
use sluicegate::catalog::{Email, LiveCatalog, Place, Prefix, ProjectName, Role, S3Place, Scope};
use sluicegate::credential::aws::{Keys, Outgoing, Payload, SigningTime};
use sluicegate::ground::clock::Clock;
use sluicegate::ground::control::Control;
use sluicegate::ground::generation::Generation;
use sluicegate::ground::random::Random;
use sluicegate::ground::seal::MasterKey;
use sluicegate::ground::secret::Secret;
use sluicegate::identity::{Parts, Schemes, TokenWish, create_token};
use sluicegate::label_studio::Routes;
use sluicegate::listener::{Incoming, judge_head};
use sluicegate::policy::Policy;
use sluicegate::records::{Adoption, NewAccount, Records, Watch};
use sluicegate::request::{ObjectAddress, ObjectKey, Operation};
use sluicegate::sign_in::saml;
use tokio::runtime::Runtime;

const PATH: &str = "/-/objects/scans/media/2026/11/patient-0042/slice-0017.png";
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A person with a token, a project with a storage, and the stages that know them.
struct World {
    runtime: Runtime,
    schemes: Schemes,
    policy: Policy,
    records: Records,
    catalog: LiveCatalog,
    generation: Generation,
    token: Secret<String>,
    _folder: tempfile::TempDir,
}

fn world() -> World {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (clock, random) = (Clock::system(), Random::system());
    let file = folder.path().join("records.sqlite");
    let generation = Generation::default();
    let (watch, token) = runtime.block_on(async {
        let records = Records::open(&file, clock.clone()).await.unwrap();
        let token = settle(&records, &random).await;
        (Watch::begin(records, generation.clone()).await.unwrap(), token)
    });
    let schemes = Schemes::new(Parts {
        watch: watch.clone(),
        control: Control::new(runtime.handle().clone()),
        clock,
        random,
        master: MasterKey::new(Secret::new([7; 32])),
        settings: sluicegate::identity::Settings::default(),
        serves_clear_text: false,
        studio: None,
    })
    .unwrap();
    let settings = sluicegate::policy::Settings::default();
    let policy = Policy::new(&settings, watch.catalog().clone()).unwrap();
    let (records, catalog) = (watch.records().clone(), watch.catalog().clone());
    World { runtime, schemes, policy, records, catalog, generation, token, _folder: folder }
}

impl World {
    fn bearer(&self) -> HeaderValue {
        HeaderValue::try_from(format!("Bearer {}", self.token.expose())).unwrap()
    }
}

async fn settle(records: &Records, random: &Random) -> Secret<String> {
    let organization = records.create_organization(&"bench".parse().unwrap(), "").await.unwrap();
    let (workspace, project) = ("main".parse().unwrap(), "scans".parse::<ProjectName>().unwrap());
    records.create_workspace(organization, &workspace, "").await.unwrap();
    records.create_project(organization, &workspace, &project, "").await.unwrap();
    let place = Place::S3(S3Place {
        bucket: "bench".to_owned(),
        prefix: Prefix::new("scans"),
        region: "eu-central-1".to_owned(),
        endpoint: None,
        addressing: sluicegate::catalog::Addressing::Virtual,
    });
    let (storage, credential) = ("media".parse().unwrap(), "default".parse().unwrap());
    records
        .put_storage((organization, &project), &storage, &place, (&credential, None))
        .await
        .unwrap();
    let email: Email = "bench@example.com".parse().unwrap();
    let new = NewAccount { email: &email, role: None, password_hash: None };
    let account = records.create_account(organization, new).await.unwrap();
    let role = Some(Role::Annotator);
    records.set_project_member(organization, &project, account, role).await.unwrap();
    let adopted: ProjectName = "cats-1".parse().unwrap();
    let (name, title, creator) = (&adopted, "Cats", Some(account));
    let new = Adoption { organization, workspace: &workspace, number: 1, name, title, creator };
    records.adopt_project(new).await.unwrap();
    let wish =
        TokenWish { organization, account, name: "bench", scope: &Scope::ALL, expires: None };
    create_token(records, random, wish).await.unwrap().1
}

fn incoming(world: &World) -> Incoming {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", world.bearer());
    Incoming::for_tests(Method::GET, PATH, headers, Bytes::new())
}

fn stages(criterion: &mut Criterion) {
    let world = Arc::new(world());
    let request = incoming(&world);
    let routes = Routes::default();
    let operation = Operation::parse(&request, &routes).unwrap();
    let identify = world.schemes.identify(&request, &operation);
    let identity = world.runtime.block_on(identify).unwrap();
    let grant = world.policy.decide(&identity, &operation, CLIENT).unwrap();
    let address = ObjectAddress {
        project: "scans".parse().unwrap(),
        storage: "media".parse().unwrap(),
        key: ObjectKey::new("2026/11/patient-0042/slice-0017.png").unwrap(),
    };

    let head = format!("GET {PATH} HTTP/1.1\r\nhost: gw.example.com\r\naccept: */*\r\n\r\n");
    criterion.bench_function("validate/raw head", |bench| {
        bench.iter(|| judge_head(black_box(head.as_bytes())));
    });
    criterion.bench_function("validate/operation", |bench| {
        bench.iter(|| Operation::parse(black_box(&request), &routes));
    });
    criterion.bench_function("identify/cached token", |bench| {
        bench.iter(|| {
            world.runtime.block_on(world.schemes.identify(black_box(&request), &operation))
        });
    });
    criterion.bench_function("decide/cached", |bench| {
        bench.iter(|| world.policy.decide(black_box(&identity), &operation, CLIENT));
    });
    criterion.bench_function("decide/uncached", |bench| {
        // No decision outlives its generation.
        let advance = || world.generation.advance();
        let decide = |()| world.policy.decide(black_box(&identity), &operation, CLIENT);
        bench.iter_batched(advance, decide, BatchSize::PerIteration);
    });
    studio::asking(criterion, &world);
    criterion.bench_function("seal/handle", |bench| {
        bench.iter(|| world.policy.seal(black_box(&grant), &address));
    });
}

fn sign(criterion: &mut Criterion) {
    let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned());
    let keys = Keys::new("AKIDEXAMPLE", secret, None, None);
    let at = SigningTime::new(Clock::system().now());
    let date = at.amz_date().to_owned();
    let headers = [
        ("host", "bench.s3.eu-central-1.amazonaws.com"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ("x-amz-date", date.as_str()),
    ];
    let out = Outgoing {
        method: "GET",
        path: "/scans/2026/11/patient-0042/slice-0017.png",
        query: "",
        headers: &headers,
        payload: Payload::Unsigned,
    };
    criterion.bench_function("sign/key kept", |bench| {
        bench.iter(|| keys.authorization(black_box(&at), "eu-central-1", "s3", &out));
    });
}

/// What the computing of a sign-in costs: an answer as SimpleSAMLphp gives it, response and assertion signed, gate, engine and
/// claims. Besides it, a sign-in waits for two commits of the records, and for STS.
fn sign_in(criterion: &mut Criterion) {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/saml");
    let text = |name: &str| fs::read_to_string(vectors.join(name)).unwrap();
    let now = "2026-11-26T08:00:00Z".parse().unwrap();
    let provider = saml::IdentityProvider::read(&text("metadata/good.xml"), None, now).unwrap();
    let answer = text("good/both-signed.xml");
    let expected = saml::Expected {
        entity_id: "https://gateway.example.com/-/saml/metadata",
        endpoint: "https://gateway.example.com/-/saml/acs",
        request: Some("_request-1"),
        contexts: &[],
        authenticated_since: None,
    };
    let verify = || saml::verify(black_box(&answer), &provider.trust, &expected, &[], now);
    verify().unwrap();
    criterion.bench_function("sign in/verify an answer", |bench| bench.iter(verify));
}

criterion_group!(benches, stages, sign, sign_in, studio::routes, studio::rewriting);
criterion_main!(benches);
