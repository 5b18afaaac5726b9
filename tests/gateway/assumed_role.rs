//! The same object through AssumeRole: the storage sees a temporary credential cut to the storage's prefix.

use reqwest::{Method, StatusCode};

use crate::support::{Moto, Site};

#[tokio::test]
async fn an_object_is_read_and_written_with_an_assumed_role() {
    let moto = Moto::shared();
    moto.put("assumed/a.txt", "text/plain", b"by another role");
    let credentials = format!(
        "[credentials.base]\nkind = \"static\"\naccess_key_id = {{ file = \"id\" }}\n\
         secret_access_key = {{ file = \"secret\" }}\n\
         [credentials.default]\nkind = \"assume-role\"\nsource = \"base\"\nrole_arn = {:?}\n\
         region = \"eu-central-1\"\nsts_endpoint = {:?}\n",
        moto.role_arn, moto.endpoint
    );
    let mut site = Site::prepare(&credentials, &[&moto.address], "");
    site.secret("id", &moto.access_key_id);
    site.secret("secret", &moto.secret_access_key);
    let owner = site.person("acme", "owner@example.com", "owner");
    site.project("acme", "assumed", &Site::moto_place(moto, "assumed/"));
    site.start();

    let path = "/-/objects/assumed/media/a.txt";
    let read = site.get(path, Some(&owner)).await;
    assert_eq!(read.status, StatusCode::OK, "{}\n{}", read.text(), site.log());
    assert_eq!(read.body, b"by another role");
    let up = "/-/objects/assumed/media/up.txt";
    let written = site.send(Method::PUT, up, Some(&owner), &[], b"written".to_vec()).await;
    assert!(written.status.is_success(), "{}", written.text());
    assert_eq!(site.get(up, Some(&owner)).await.body, b"written");

    let id = read.header("x-request-id");
    let entries = site.run(&["explain", id, "--json"]);
    assert!(!entries.contains(&moto.access_key_id), "the base key was used: {entries}");
    let audited = site.run(&["audit", "who-saw", "assumed/media/a.txt", "--json"]);
    assert!(audited.contains("ASIA"), "no temporary key is named in the audit: {audited}");
}
