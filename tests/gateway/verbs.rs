//! The verbs that an operator sets an install up and asks it with, through the program.

use std::fs;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};

use crate::support::{Moto, Site, peer, site::inside};

const CREDENTIALS: &str = "[credentials.default]\nkind = \"chain\"\n";

const CATALOG: &str = "\
[organization.acme]
members = { \"owner@example.com\" = \"owner\" }
[organization.acme.workspace.lab.project.scans]
members = { \"annotator@example.com\" = \"annotator\" }
[organization.acme.workspace.lab.project.scans.storage.media]
bucket = \"some-bucket\"
region = \"eu-central-1\"
";

/// What `catalog import --json` says: whether it changed anything, and its steps.
fn import(site: &Site, more: &[&str]) -> (bool, Vec<String>) {
    let mut arguments = vec!["catalog", "import", "catalog.toml", "--json"];
    arguments.extend(more);
    let told: serde_json::Value = serde_json::from_str(&site.run(&arguments)).unwrap();
    let steps = told["steps"].as_array().unwrap().iter();
    let steps = steps.map(|step| step.as_str().unwrap().to_owned()).collect();
    (told["changed"].as_bool().unwrap(), steps)
}

fn projects(site: &Site) -> Vec<String> {
    let told: serde_json::Value =
        serde_json::from_str(&site.run(&["project", "list", "--json"])).unwrap();
    let names = told.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned());
    names.collect()
}

#[test]
fn a_catalogue_is_planned_imported_repeated_and_pruned() {
    let site = Site::prepare(CREDENTIALS, &[], "");
    let file = inside(&site, "catalog.toml");
    let spare = format!("{CATALOG}[organization.acme.workspace.lab.project.spare]\n");
    fs::write(&file, spare).unwrap();

    let plan = site.run(&["catalog", "import", "catalog.toml", "--dry-run"]);
    for step in ["+ organization acme", "+ project acme/scans", "+ project acme/spare"] {
        assert!(plan.contains(step), "{step} is not in\n{plan}");
    }
    assert_eq!(projects(&site), [""; 0], "a dry run changed something");

    let (changed, steps) = import(&site, &[]);
    assert!(changed);
    assert_eq!(steps, plan.lines().collect::<Vec<_>>(), "another plan than the dry run's");
    assert_eq!(projects(&site), ["scans", "spare"]);
    assert_eq!(import(&site, &[]), (false, vec![]), "a second run changes nothing");

    fs::write(&file, CATALOG).unwrap();
    assert_eq!(import(&site, &[]), (false, vec![]), "only --prune takes away");
    let (_, steps) = import(&site, &["--prune", "--dry-run"]);
    assert!(matches!(&steps[..], [one] if one.starts_with("- project acme/spare")), "{steps:?}");
    assert_eq!(projects(&site), ["scans", "spare"]);
    assert_eq!(import(&site, &["--prune"]), (true, steps));
    assert_eq!(projects(&site), ["scans"]);
}

#[test]
fn groups_and_roles_at_aws_come_change_and_go_with_the_file() {
    const AWS: &str = "aws = { provider = \"arn:aws:iam::123456789012:saml-provider/idp\", \
                       roles = { annotator = \"arn:aws:iam::123456789012:role/labeler\" } }\n";
    let site = Site::prepare(CREDENTIALS, &[], "");
    let file = inside(&site, "catalog.toml");
    let group = |role: &str| {
        format!("[organization.acme.group.\"/staff, all\"]\nprojects = {{ scans = \"{role}\" }}\n")
    };
    let federation = || {
        let told = site.run(&["storage", "list", "--json"]);
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        told[0]["federation"].clone()
    };
    fs::write(&file, format!("{CATALOG}{AWS}{}", group("annotator"))).unwrap();
    let (_, steps) = import(&site, &[]);
    let expected = r#"+ group acme/"/staff, all": project scans: annotator"#;
    assert!(steps.iter().any(|step| step == expected), "{steps:?}");
    assert_eq!(federation()["roles"]["annotator"], "arn:aws:iam::123456789012:role/labeler");
    assert_eq!(import(&site, &[]), (false, vec![]), "a second run changes nothing");

    fs::write(&file, format!("{CATALOG}{AWS}{}", group("reviewer"))).unwrap();
    let expected =
        r#"~ group acme/"/staff, all": project scans: annotator -> project scans: reviewer"#;
    assert_eq!(import(&site, &[]), (true, vec![expected.to_owned()]));

    fs::write(&file, CATALOG).unwrap();
    let (changed, steps) = import(&site, &[]);
    assert!(changed && matches!(&steps[..], [one] if one.starts_with("~ storage")), "{steps:?}");
    assert!(federation().is_null());
    let expected = r#"- group acme/"/staff, all""#;
    assert_eq!(import(&site, &["--prune"]), (true, vec![expected.to_owned()]));
}

#[test]
fn a_storage_is_made_with_its_roles_at_aws_all_of_them_or_none() {
    const PROVIDER: [&str; 2] = ["--aws-provider", "arn:aws:iam::123456789012:saml-provider/idp"];
    const ROLE: [&str; 2] = ["--aws-role", "annotator=arn:aws:iam::123456789012:role/a"];
    let site = Site::prepare(CREDENTIALS, &[], "");
    fs::write(inside(&site, "catalog.toml"), CATALOG).unwrap();
    site.run(&["catalog", "import", "catalog.toml"]);
    let create = |more: &[&str]| {
        let mut words = vec!["storage", "create", "--organization", "acme", "--project", "scans"];
        words.extend(["--name", "own", "--bucket", "other", "--region", "eu-central-1"]);
        words.extend(more);
        site.try_run(&words, "").status.code()
    };
    let other = ["--aws-role", "annotator=arn:aws:iam::123456789012:role/b"];
    let nobodys = ["--aws-role", "annotator=arn:aws:iam::123456789012:role/AWSReservedSSO_x"];
    for refused in [
        PROVIDER.to_vec(),
        ROLE.to_vec(),
        [PROVIDER, ["--aws-role", "king=arn:aws:iam::123456789012:role/a"]].concat(),
        [PROVIDER, ["--aws-role", "annotator"]].concat(),
        [PROVIDER, nobodys].concat(),
        [ROLE, ["--aws-provider", "arn:aws:iam::123456789012:role/a"]].concat(),
        [PROVIDER, ROLE, other].concat(),
    ] {
        assert_eq!(create(&refused), Some(2), "{refused:?}");
    }
    let manager = ["--aws-role", "manager=arn:aws:iam::123456789012:role/m"];
    assert_eq!(create(&[PROVIDER, ROLE, manager].concat()), Some(0));
    let listed = site.run(&["storage", "list"]);
    // Most powerful first.
    let expected = "manager=arn:aws:iam::123456789012:role/m, \
                    annotator=arn:aws:iam::123456789012:role/a by \
                    arn:aws:iam::123456789012:saml-provider/idp";
    let of_own = listed.lines().find(|line| line.contains(" own "));
    assert!(of_own.is_some_and(|line| line.ends_with(expected)), "{expected} is not in\n{listed}");
}

#[test]
fn a_catalogue_with_faults_changes_nothing_and_names_them_all() {
    let site = Site::prepare(CREDENTIALS, &[], "");
    let faulty = CATALOG.replace("\"annotator\"", "\"king\"").replace("bucket", "buckets");
    fs::write(inside(&site, "catalog.toml"), faulty).unwrap();
    let output = site.try_run(&["catalog", "import", "catalog.toml"], "");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("king") && told.contains("buckets"), "{told}");
    assert_eq!(projects(&site), [""; 0]);
}

#[test]
fn the_matrix_is_the_accepted_one_until_a_policy_of_the_install_forbids() {
    let site = Site::prepare(CREDENTIALS, &[], "[policy]\nfolder = \"rules\"\n");
    fs::create_dir(inside(&site, "rules")).unwrap();
    let accepted = peer::root().join("tests/snapshots/policy-matrix.snap");
    let accepted = fs::read_to_string(accepted).unwrap();
    let accepted = accepted.splitn(3, "---\n").nth(2).unwrap().trim_end();
    let printed = site.run(&["policy", "matrix", "--built-in"]);
    assert_eq!(printed.trim_end(), accepted);

    let forbid = "@id(\"nobody-writes\")\n\
                  forbid (principal, action == Action::\"WriteObject\", resource);\n";
    fs::copy(peer::root().join("policies/roles.cedar"), inside(&site, "rules/roles.cedar"))
        .unwrap();
    fs::write(inside(&site, "rules/no-writing.cedar"), forbid).unwrap();
    let printed = site.run(&["policy", "matrix"]);
    let rows: Vec<_> = printed.lines().filter(|row| row.contains("WriteObject")).collect();
    assert!(!rows.is_empty() && rows.iter().all(|row| !row.contains("yes")), "{printed}");
    assert!(printed.lines().any(|row| row.contains("ReadObject") && row.contains("yes")));
}

#[test]
fn explain_says_what_somebody_would_get_and_what_is_missing() {
    let site = Site::prepare(CREDENTIALS, &[], "");
    fs::write(inside(&site, "catalog.toml"), CATALOG).unwrap();
    site.run(&["catalog", "import", "catalog.toml"]);
    site.person("elsewhere", "stranger@example.com", "owner");
    let cases = [
        ("annotator@example.com", "ReadObject", "permitted"),
        ("annotator@example.com", "WriteObject", "refused (403)"),
        ("owner@example.com", "WriteObject", "permitted"),
        ("stranger@example.com", "ReadObject", "not found (404)"),
    ];
    for (who, operation, answer) in cases {
        let told =
            site.run(&["explain", "--as", who, "--operation", operation, "--project", "scans"]);
        let first = told.lines().next().unwrap();
        assert!(first.ends_with(answer), "{who} {operation}: {told}");
        if answer == "refused (403)" {
            assert!(told.contains("may WriteObject here: owner"), "{told}");
        }
    }
    let unknown = ["explain", "--as", "annotator@example.com", "--operation", "Fly"];
    assert_eq!(site.try_run(&unknown, "").status.code(), Some(2));
}

#[tokio::test]
async fn a_token_does_what_its_scope_says_until_it_expires() {
    let moto = Moto::shared();
    for key in ["verbs/a.txt", "others/a.txt"] {
        moto.put(key, "text/plain", b"bytes");
    }
    let quota = "[policy]\nrequests_per_second = 10000\nburst = 100000\n";
    let mut site = Site::before_moto(moto, quota);
    let owner = site.person("acme", "owner@example.com", "owner");
    site.project("acme", "scans", &Site::moto_place(moto, "verbs/"));
    site.project("acme", "traffic", &Site::moto_place(moto, "others/"));
    let reader = site.token(&owner.email, &["--project", "scans", "--operation", "ReadObject"]);
    site.start();
    let statuses = |person| {
        let site = &site;
        async move {
            let mut statuses = Vec::new();
            for (method, path) in [
                (Method::GET, "/-/objects/scans/media/a.txt"),
                (Method::GET, "/-/objects/scans/media/"),
                (Method::PUT, "/-/objects/scans/media/b.txt"),
                (Method::GET, "/-/objects/traffic/media/a.txt"),
            ] {
                let body = if method == Method::PUT { b"new".to_vec() } else { Vec::new() };
                let answer = site.send(method, path, Some(person), &[], body).await;
                statuses.push(answer.status.as_u16());
            }
            statuses
        }
    };
    assert_eq!(statuses(&owner).await, [200, 200, 200, 200]);
    assert_eq!(statuses(&reader).await, [200, 403, 403, 404]);

    let brief = site.token(&owner.email, &["--expires", "3s"]);
    let deadline = Instant::now() + Duration::from_secs(20);
    let refused = loop {
        let answer = site.get("/-/objects/scans/media/a.txt", Some(&brief)).await;
        if answer.status == StatusCode::UNAUTHORIZED {
            break answer;
        }
        // What was permitted when it came, and not any more when it left: once, at the very moment.
        assert!([200, 403].contains(&answer.status.as_u16()), "{}", answer.text());
        assert!(Instant::now() < deadline, "the token never expired");
    };
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (401, "not-signed-in"));
    let never = ["token", "create", "--email", &owner.email, "--name", "x", "--expires", "0d"];
    assert_eq!(site.try_run(&never, "").status.code(), Some(2));
}
