//! `check --online` and IAM's copy of the identity provider: moto's IAM, which enforces signatures.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::forge::Forge;
use crate::support::assertion::{Algorithm, IdentityProvider};
use crate::support::site::secret_file;
use crate::support::{Moto, peer};

const PROVIDER: &str = "arn:aws:iam::123456789012:saml-provider/idp";

/// An install, and where its secrets are.
struct Installed {
    forge: Forge,
    _folder: tempfile::TempDir,
}

/// An install whose operator has named who may ask IAM.
fn install(moto: &Moto, secret: &str) -> Installed {
    let folder = tempfile::tempdir().unwrap();
    let (id, key) = (folder.path().join("id"), folder.path().join("secret"));
    secret_file(&id, &moto.access_key_id);
    secret_file(&key, secret);
    let forge = Forge::with(|draft| {
        draft.settings = format!(
            "iam_source = \"inspector\"\niam_endpoint = {:?}\n\
             [credentials.inspector]\nkind = \"static\"\naccess_key_id = {{ file = {id:?} }}\n\
             secret_access_key = {{ file = {key:?} }}\n",
            moto.endpoint
        );
    });
    Installed { forge, _folder: folder }
}

/// What is told of the provider: a remark, or a fault with its remedy.
fn told(forge: &Forge) -> (Vec<String>, Vec<String>) {
    let output = forge.site.try_run(&["check", "--online", "--json"], "");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = |name: &str| json[name].as_array().unwrap().clone();
    let remarks = all("remarks").iter().map(text).filter(|one| one.contains(PROVIDER)).collect();
    let faults: Vec<_> = all("faults")
        .iter()
        .map(|fault| {
            format!(
                "{}: {} ({})",
                text(&fault["key"]),
                text(&fault["what"]),
                text(&fault["remedy"])
            )
        })
        .collect();
    assert_eq!(output.status.success(), faults.is_empty(), "{json:#}");
    (remarks, faults)
}

/// Gives moto's IAM the metadata of a SAML provider of this name, as an operator would; returns the ARN.
fn give(moto: &Moto, name: &str, metadata: &str) -> String {
    let script = "import sys,boto3\n\
        e,k,s,name=sys.argv[1:]\n\
        c=boto3.client('iam',endpoint_url=e,region_name='us-east-1',aws_access_key_id=k,aws_secret_access_key=s)\n\
        for p in c.list_saml_providers()['SAMLProviderList']:\n\
        \x20 if p['Arn'].endswith('/'+name): c.delete_saml_provider(SAMLProviderArn=p['Arn'])\n\
        print(c.create_saml_provider(Name=name,SAMLMetadataDocument=sys.stdin.read())['SAMLProviderArn'])\n";
    let mut child = Command::new(peer::root().join(".cache/peers/moto/bin/python"))
        .args(["-c", script, &moto.endpoint, &moto.access_key_id, &moto.secret_access_key])
        .arg(name)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(metadata.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "could not give IAM {name}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn what_iam_has_of_the_identity_provider_is_held_against_its_metadata() {
    let moto = Moto::shared();
    let Installed { forge, _folder } = install(moto, &moto.secret_access_key);
    let (remarks, faults) = told(&forge);
    assert_eq!(remarks, Vec::<String>::new());
    let [fault] = &faults[..] else { panic!("{faults:#?}") };
    assert!(fault.starts_with(PROVIDER) && fault.contains("no provider of this name"), "{fault}");

    let sign_on = "https://idp.example.com/sso";
    assert_eq!(give(moto, "idp", &forge.idp.metadata(sign_on)), PROVIDER);
    let (remarks, faults) = told(&forge);
    assert_eq!(faults, Vec::<String>::new());
    let [remark] = &remarks[..] else { panic!("{remarks:#?}") };
    assert!(remark.contains("IAM has it, with the keys"), "{remark}");

    // The identity provider has another key since, or is another.
    let entity = &forge.idp.entity_id;
    let elsewhere = "https://other.example.com/metadata";
    for (entity, words) in
        [(&**entity, "lacks 1 of the identity provider's 1"), (elsewhere, "cannot be used")]
    {
        let old = IdentityProvider::new(entity, Algorithm::RsaSha256);
        give(moto, "idp", &old.metadata(sign_on));
        let (_, faults) = told(&forge);
        let [fault] = &faults[..] else { panic!("{faults:#?}") };
        assert!(fault.contains(words) && fault.contains("update-saml-provider"), "{fault}");
    }

    let stranger = install(moto, "wrong");
    let (_, faults) = told(&stranger.forge);
    assert!(faults.iter().any(|fault| fault.contains("IAM refused")), "{faults:#?}");
}

#[test]
fn where_nobody_may_ask_that_is_remarked_upon() {
    let (remarks, faults) = told(&Forge::start());
    assert_eq!(faults, Vec::<String>::new());
    let [remark] = &remarks[..] else { panic!("{remarks:#?}") };
    assert!(remark.contains("set credentials.people.iam_source"), "{remark}");
}
