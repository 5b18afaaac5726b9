//! The real program before these peers: its own signatures and its session policy are taken by code that shares nothing
//! with it, and the storage sees a credential that is cut to the prefix.

use reqwest::{Method, StatusCode};

use crate::support::Site;
use crate::support::sts::Outcome;
use crate::world::{BUCKET, World};

#[tokio::test]
async fn the_gateway_assumes_a_role_here_and_reads_and_is_held_to_what_it_was_given() {
    let world = World::new();
    let mut site = Site::prepare(
        &format!(
            "[credentials.base]\nkind = \"static\"\naccess_key_id = {{ file = \"id\" }}\n\
             secret_access_key = {{ file = \"secret\" }}\n\
             [credentials.default]\nkind = \"assume-role\"\nsource = \"base\"\n\
             role_arn = {:?}\nregion = \"eu-central-1\"\nsts_endpoint = {:?}\n",
            world.account.role_arn("program"),
            world.sts.url()
        ),
        &[&world.sts.address, &world.s3.address],
        "",
    );
    let keys = world.gateway();
    site.secret("id", &keys.id);
    site.secret("secret", &keys.secret);
    let owner = site.person("acme", "owner@example.com", "owner");
    let endpoint = world.s3.url();
    let place = format!(
        "--bucket {BUCKET} --prefix cats/ --region eu-central-1 --endpoint {endpoint} --addressing path"
    );
    site.project("acme", "cats", &place);
    site.start();

    let read = site.get("/-/objects/cats/media/one.txt", Some(&owner)).await;
    assert_eq!(read.status, StatusCode::OK, "{}\n{}", read.text(), site.log());
    assert_eq!(read.body, b"cats/one.txt");
    let missing = site.get("/-/objects/cats/media/none.txt", Some(&owner)).await;
    assert_ne!(missing.status, StatusCode::OK);

    let [call] = world.sts.calls().try_into().unwrap();
    assert_eq!(call.principal, Some(keys.id));
    let Outcome::Issued(id) = &call.outcome else { panic!("{call:?}") };
    for record in world.s3.records() {
        assert_eq!(record.access_key_id.as_ref(), Some(id), "{record:?}");
        assert_eq!(record.role, Some(world.account.role_arn("program")), "{record:?}");
        assert_eq!(record.method, Method::GET, "{record:?}");
        assert!(record.target.starts_with("/media/cats/"), "{record:?}");
    }
    // The role reads the whole bucket; what was issued does not.
    let session = world.account.session(id).unwrap();
    let may = |key: &str| {
        let resource = format!("arn:aws:s3:::{BUCKET}/{key}");
        session.may("s3:GetObject", &resource, &crate::support::account::Context::default())
    };
    assert!(may("cats/one.txt") && !may("dogs/one.txt"));
}

#[tokio::test]
async fn each_person_is_known_to_aws_by_his_name_and_the_audit_has_it_too() {
    let world = World::new();
    let mut site = Site::prepare(
        &format!(
            "[credentials.base]\nkind = \"static\"\naccess_key_id = {{ file = \"id\" }}\n\
             secret_access_key = {{ file = \"secret\" }}\n\
             [credentials.default]\nkind = \"assume-role\"\nsource = \"base\"\nper_person = true\n\
             role_arn = {:?}\nregion = \"eu-central-1\"\nsts_endpoint = {:?}\n",
            world.account.role_arn("program"),
            world.sts.url()
        ),
        &[&world.sts.address, &world.s3.address],
        "",
    );
    let keys = world.gateway();
    site.secret("id", &keys.id);
    site.secret("secret", &keys.secret);
    let owner = site.person("acme", "owner@example.com", "owner");
    let annotator = site.person("acme", "o'neil@example.com", "");
    let endpoint = world.s3.url();
    let place = format!(
        "--bucket {BUCKET} --prefix cats/ --region eu-central-1 --endpoint {endpoint} --addressing path"
    );
    site.project("acme", "cats", &place);
    site.member("acme", "cats", "o'neil@example.com", "annotator");
    site.start();

    for person in [&owner, &annotator, &owner] {
        let read = site.get("/-/objects/cats/media/one.txt", Some(person)).await;
        assert_eq!(read.status, StatusCode::OK, "{}\n{}", read.text(), site.log());
    }
    let mut calls = world.sts.calls();
    calls.sort_by(|a, b| b.session.cmp(&a.session));
    let [ours, theirs] = &calls[..] else { panic!("{calls:?}") };
    let aws_name = theirs.session.as_deref().unwrap();
    assert_eq!(ours.session.as_deref(), Some("owner@example.com"));
    assert!(aws_name.starts_with("o-neil@example.com-") && aws_name.len() == 27, "{aws_name}");
    let records = world.s3.records();
    for (call, role, reads) in [(ours, "owner", 2), (theirs, "annotator", 1)] {
        assert_eq!(call.source_identity, call.session, "{call:?}");
        let tags = [("organization", "acme"), ("project", "cats"), ("role", role)]
            .map(|(key, value)| (format!("sluicegate:{key}"), value.to_owned()));
        assert_eq!(call.tags, tags, "{call:?}");
        let Outcome::Issued(id) = &call.outcome else { panic!("{call:?}") };
        let of_it = records.iter().filter(|one| one.access_key_id.as_ref() == Some(id));
        assert!(of_it.clone().all(|one| one.session == call.session));
        assert_eq!(of_it.count(), reads, "{records:?}");
    }

    // CloudTrail has the names, the audit the names and who they are.
    let audited = site.run(&["audit", "who-saw", "cats/media/one.txt", "--json"]);
    let mut seen: Vec<_> = audited
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| {
            assert_eq!(line["role"], world.account.role_arn("program"), "{line}");
            [&line["email"], &line["aws_session"]].map(|it| it.as_str().unwrap().to_owned())
        })
        .collect();
    seen.sort();
    seen.dedup();
    let expected = [["o'neil@example.com", aws_name], ["owner@example.com", "owner@example.com"]];
    assert_eq!(seen, expected.map(|pair| pair.map(str::to_owned)), "{audited}");
    site.run(&["audit", "verify"]);
}

#[tokio::test]
async fn a_role_whose_trust_does_not_let_people_be_named_is_told_with_what_it_needs() {
    let world = World::new();
    let site = Site::prepare(
        &format!(
            "[credentials.base]\nkind = \"static\"\naccess_key_id = {{ file = \"id\" }}\n\
             secret_access_key = {{ file = \"secret\" }}\n\
             [credentials.default]\nkind = \"assume-role\"\nsource = \"base\"\nper_person = true\n\
             external_id = \"acme-1\"\nrole_arn = {:?}\nregion = \"eu-central-1\"\nsts_endpoint = {:?}\n",
            world.account.role_arn("named"),
            world.sts.url()
        ),
        &[&world.sts.address, &world.s3.address],
        "",
    );
    let keys = world.gateway();
    site.secret("id", &keys.id);
    site.secret("secret", &keys.secret);
    site.person("acme", "owner@example.com", "owner");
    let endpoint = world.s3.url();
    let place = format!(
        "--bucket {BUCKET} --prefix cats/ --region eu-central-1 --endpoint {endpoint} --addressing path"
    );
    site.project("acme", "cats", &place);
    let checked = site.try_run(&["check", "--online"], "");
    let told = String::from_utf8(checked.stderr).unwrap();
    // Drawn into a frame, lines are broken anywhere.
    let told: String = told.chars().filter(|c| !c.is_whitespace() && *c != '│').collect();
    assert!(!checked.status.success() && told.contains("sts:TagSession"), "{told}");
}
