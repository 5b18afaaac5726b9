//! Label Studio's own SDK, unchanged, with a token of the gateway's as its API key. The calls and what must come of each stand
//! in `sdk.py`; here are the people, and what they have in the gateway.

use std::collections::BTreeMap;
use std::process::Command;

use crate::support::world::World;
use crate::support::{Person, Site, peer};

/// What one part of the script printed; all of its calls came out as they must.
fn run(world: &World, part: &str, who: &Person, given: &BTreeMap<String, String>) -> String {
    let folder = peer::root();
    let ca = world.site.folder.path().join("ca.pem");
    let output = Command::new(folder.join(".cache/peers/label-studio/bin/python"))
        .arg(folder.join("tests/label_studio/sdk.py"))
        .arg(part)
        .envs(given)
        .env("GATEWAY", world.site.url(""))
        .env("KEY", &who.token)
        .env("BUCKET", world.moto.bucket)
        // What httpx and requests take for the authorities that they trust.
        .env("SSL_CERT_FILE", &ca)
        .env("REQUESTS_CA_BUNDLE", &ca)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{part}:\n{said}\n{why}\n{}", world.site.log());
    said
}

#[test]
fn the_sdk_works_unchanged_and_is_refused_where_it_must_be() {
    let world = World::shared();
    let image = include_bytes!("../support/picture.png");
    for number in 0..25 {
        world.moto.put(&format!("sdk/{number}.png"), "image/png", image);
    }
    let manager = world.site.person("acme", "max@example.com", "manager");
    let annotator = world.site.person("acme", "ann@example.com", "");
    let said = run(world, "manager", &manager, &BTreeMap::new());
    let told = |name: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name}:\n{said}")).to_owned()
    };
    let project = told("project");
    let name = format!("by-the-sdk-{project}");
    let place = Site::moto_place(world.moto, "sdk/");
    let mut arguments =
        vec!["storage", "create", "--organization", "acme", "--project", &name, "--name", "media"];
    arguments.extend(place.split_whitespace());
    world.site.run(&arguments);
    world.site.member("acme", &name, &annotator.email, "annotator");
    let given = BTreeMap::from([
        ("PROJECT".to_owned(), project),
        ("TASK".to_owned(), told("task")),
        ("ANNOTATION".to_owned(), told("annotation")),
        ("ELSEWHERE".to_owned(), world.birds.number.to_string()),
        ("THEIR_TASK".to_owned(), world.birds.tasks[0].to_string()),
    ]);
    run(world, "annotator", &annotator, &given);
    run(world, "legacy", &manager, &given);
    run(world, "drop", &manager, &given);
}
