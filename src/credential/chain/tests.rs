//! The links of the chain, each against what it reads: variables, files, and services at sockets.

use std::path::Path;

use super::super::tests::World;
use super::super::tests::socket::{Received, serve};
use super::{Chain, Keys, SourceError};
use crate::credential::Variables;
use crate::ground::secret::Secret;

/// Variables with nothing in them that would reach this machine's own files or services.
fn chain(profile: Option<&str>, variables: &[(&str, &str)]) -> Chain {
    let alone = [("AWS_EC2_METADATA_DISABLED", "true")];
    let mut all: Vec<(&str, &str)> = alone.to_vec();
    all.extend(variables);
    let all = all.into_iter().map(|(name, value)| (name.to_owned(), Secret::new(value.to_owned())));
    Chain::new(profile.map(str::to_owned), &Variables::new(all))
}

async fn keys(profile: Option<&str>, variables: &[(&str, &str)]) -> Result<Keys, SourceError> {
    let world = World::new().await;
    chain(profile, variables).keys(&world.tools).await
}

fn id(found: &Result<Keys, SourceError>) -> &str {
    found.as_ref().unwrap().access_key_id()
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

const ENVIRONMENT: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "canary-env")];

#[tokio::test]
async fn the_environment_comes_first_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file =
        write(folder.path(), "c", "[default]\naws_access_key_id=A\naws_secret_access_key=b\n");
    let with_file = [ENVIRONMENT[0], ENVIRONMENT[1], ("AWS_SHARED_CREDENTIALS_FILE", &file)];
    assert_eq!(id(&keys(None, &with_file).await), "AKIDENV");
    let half = keys(None, &ENVIRONMENT[..1]).await;
    assert!(matches!(half, Err(SourceError::Incomplete { missing: "AWS_SECRET_ACCESS_KEY", .. })));
    assert!(matches!(keys(None, &[]).await, Err(SourceError::NothingInChain { .. })));
}

#[tokio::test]
async fn profiles_give_keys_roles_and_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(
        folder.path(),
        "config",
        "[default]\nregion = eu-west-1\n\
         [profile base]\naws_access_key_id=AKIASOURCE\naws_secret_access_key=canary-source-secret\n\
         [profile role]\nrole_arn=arn:aws:iam::123456789012:role/x\nsource_profile=middle\n\
         external_id=e-1\nrole_session_name=named\nduration_seconds=43200\n\
         [profile middle]\nrole_arn=arn:aws:iam::123456789012:role/m\nsource_profile=base\n\
         [profile env]\nrole_arn=arn:aws:iam::123456789012:role/e\ncredential_source=Environment\n\
         [profile round]\nrole_arn=arn:aws:iam::123456789012:role/x\nsource_profile=about\n\
         [profile about]\nrole_arn=arn:aws:iam::123456789012:role/x\nsource_profile=round\n\
         [profile empty]\nregion = eu-west-1\n\
         [profile half]\naws_access_key_id=A\n\
         [profile program]\ncredential_process=/bin/false\n\
         [profile second-factor]\nrole_arn=arn:aws:iam::123456789012:role/x\nmfa_serial=s\n",
    );
    let world = World::new().await;
    world.sts.at_most_seconds(3600);
    let sts = format!("http://{}", world.sts.address);
    let variables = [("AWS_CONFIG_FILE", config.as_str()), ("AWS_ENDPOINT_URL_STS", &sts)];
    let of = |profile| {
        let (chain, tools) = (chain(Some(profile), &variables), &world.tools);
        async move { chain.keys(tools).await }
    };
    assert_eq!(id(&of("base").await), "AKIASOURCE");
    let with_keys = [&variables[..], &ENVIRONMENT].concat();
    assert_eq!(id(&keys(Some("base"), &with_keys).await), "AKIASOURCE", "the settings' choice");
    let chosen_there = [&with_keys[..], &[("AWS_PROFILE", "base")]].concat();
    assert_eq!(id(&keys(None, &chosen_there).await), "AKIDENV", "a link of the chain");

    let role = of("role").await;
    let call = world.sts.issued(id(&role));
    assert_eq!(call.parameter("RoleArn"), "arn:aws:iam::123456789012:role/x");
    assert_eq!((call.parameter("ExternalId"), call.parameter("RoleSessionName")), ("e-1", "named"));
    let below = world.sts.issued(call.by.as_deref().unwrap());
    assert_eq!(below.parameter("RoleArn"), "arn:aws:iam::123456789012:role/m");
    assert_eq!(below.by.as_deref(), Some("AKIASOURCE"));

    for (profile, reason) in [
        ("round", "leads back"),
        ("half", "not both"),
        ("empty", "no keys"),
        ("program", "credential_process"),
        ("second-factor", "mfa_serial"),
        ("env", "credential_source"),
        ("nobody", "neither"),
    ] {
        let error = of(profile).await.unwrap_err();
        assert!(error.to_string().contains(reason), "{profile}: {error}");
    }
    // A default profile without keys is no reason to stop.
    assert!(matches!(keys(None, &variables).await, Err(SourceError::NothingInChain { .. })));
}

#[tokio::test]
async fn a_web_identity_token_is_read_from_its_file_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "token", "canary-token-1\n");
    let world = World::new().await;
    let sts = format!("http://{}", world.sts.address);
    let variables = [
        ("AWS_ENDPOINT_URL_STS", sts.as_str()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", &file),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/w"),
    ];
    let chain = chain(None, &variables);
    for token in ["canary-token-1", "canary-token-2"] {
        write(folder.path(), "token", token);
        let call = world.sts.issued(id(&chain.keys(&world.tools).await));
        assert_eq!(call.parameter("Action"), "AssumeRoleWithWebIdentity");
        assert_eq!(call.parameter("WebIdentityToken"), token);
        assert_eq!(call.by, None);
    }
    // Set up and failing is an error, not a reason to try the next link.
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(chain.keys(&world.tools).await, Err(SourceError::File { .. })));
    let half = keys(None, &variables[..2]).await;
    assert!(matches!(half, Err(SourceError::Incomplete { missing: "AWS_ROLE_ARN", .. })));
}

const SERVED: &str = r#"{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"ASIASERVED","SecretAccessKey":"canary-served",
    "Token":"canary-served-token","Expiration":"2026-01-01T06:00:00Z","RoleArn":"arn"}"#;

#[tokio::test]
async fn a_container_is_asked_with_its_token() {
    let address = serve(|received: Received| async move {
        match (received.target.as_str(), received.header("authorization")) {
            ("/v1/credentials", Some("canary-pod-token")) => (200, SERVED.to_owned()),
            _ => (401, String::new()),
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "token", "canary-pod-token\n");
    let uri = format!("http://{address}/v1/credentials");
    let full = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str());
    let token = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary-pod-token");
    let stale = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "stale");
    let from_file = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.as_str());
    for variables in [&[full, token][..], &[full, stale, from_file]] {
        let found = keys(None, variables).await;
        assert_eq!(id(&found), "ASIASERVED");
        let found = found.unwrap();
        assert_eq!(found.expires(), Some("2026-01-01T06:00:00Z".parse().unwrap()));
        assert_eq!(found.session_token().unwrap().expose(), "canary-served-token");
    }
    assert!(matches!(
        keys(None, &[full, stale]).await,
        Err(SourceError::Status { status: 401, .. })
    ));
    for elsewhere in
        ["http://example.com/", "http://10.0.0.1/", "http://169.254.169.254/", "ftp://x/"]
    {
        let refused = keys(None, &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", elsewhere), token]).await;
        assert!(matches!(refused, Err(SourceError::BadRequest { .. })), "{elsewhere}");
    }
}

/// Serves a role's keys to those who show the session that they asked for.
async fn metadata(received: Received) -> (u16, String) {
    let session = received.header("x-aws-ec2-metadata-token") == Some("session");
    let role = "/latest/meta-data/iam/security-credentials/";
    match (received.method.as_str(), received.target.as_str()) {
        ("PUT", "/latest/api/token") => {
            assert_eq!(received.header("x-aws-ec2-metadata-token-ttl-seconds"), Some("21600"));
            (200, "session".to_owned())
        }
        ("GET", target) if target == role && session => (200, "the-role\n".to_owned()),
        ("GET", target) if session && target == format!("{role}the-role") => {
            (200, SERVED.to_owned())
        }
        _ => (401, String::new()),
    }
}

#[tokio::test]
async fn instance_metadata_is_asked_with_a_session_only() {
    let on = ("AWS_EC2_METADATA_DISABLED", "false");
    let address = serve(metadata).await;
    let endpoint = format!("http://{address}/");
    let found = keys(None, &[on, ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint)]).await;
    assert_eq!(id(&found), "ASIASERVED");
    // Only the older service, which knows no sessions: not asked further.
    let old = serve(|received| async move {
        assert_eq!(received.method, "PUT");
        (404, String::new())
    });
    let endpoint = format!("http://{}", old.await);
    let refused = keys(None, &[on, ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint)]).await;
    assert!(matches!(refused, Err(SourceError::Status { status: 404, .. })));
    // Nobody there: not such a machine.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = format!("http://{nobody}");
    let none = keys(None, &[on, ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint)]).await;
    assert!(matches!(none, Err(SourceError::NothingInChain { .. })));
}

#[tokio::test]
async fn served_keys_that_are_not_whole_are_refused() {
    for (name, body) in [
        ("failed", SERVED.replace("Success", "Failed")),
        ("no token", SERVED.replace("\"Token\"", "\"Other\"")),
        ("no time", SERVED.replace("2026-01-01T06:00:00Z", "soon")),
        ("not JSON", "<html>".to_owned()),
        ("too much", format!("{SERVED}{}", " ".repeat(40_000))),
    ] {
        let address = serve(move |_| {
            let body = body.clone();
            async move { (200, body) }
        });
        let uri = format!("http://{}/", address.await);
        let found = keys(None, &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri)]).await;
        let error = found.err().unwrap_or_else(|| panic!("{name} was taken"));
        assert!(!format!("{error:?}").contains("canary"), "{name}: {error:?}");
    }
}
