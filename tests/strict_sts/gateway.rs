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
