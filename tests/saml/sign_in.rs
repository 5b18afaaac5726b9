//! Signing in at the real identity provider through the real gateway, and what that opens.

use reqwest::StatusCode;

use crate::company::Company;
use crate::support::idp::Encryption;
use crate::world::{ADMIN, ANNOTATOR, INSIDE};

#[tokio::test]
async fn alice_opens_the_media_of_both_projects_with_two_credentials_each_cut_to_its_prefix() {
    let company = Company::start();
    let alice = company.signed_in("alice").await;
    for (project, reach) in [("scans", ANNOTATOR), ("ledgers", ADMIN)] {
        let read = alice.get(&format!("/-/objects/{project}/media/{INSIDE}")).await;
        assert_eq!(read.status, StatusCode::OK, "{}\n{}", read.text(), company.site.log());
        assert_eq!(read.text(), format!("{}{INSIDE}", reach.prefix));
    }
    let mut keys: Vec<_> =
        company.world.s3.records().iter().map(|one| one.access_key_id.clone().unwrap()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 2, "{keys:?}");
    for (record, reach) in company.world.s3.records().iter().zip([ANNOTATOR, ADMIN]) {
        assert_eq!(record.role, Some(company.world.account.role_arn(reach.role)));
        assert_eq!(record.session.as_deref(), Some("alice@example.com"));
        let session =
            company.world.account.session(record.access_key_id.as_ref().unwrap()).unwrap();
        for (other, may) in
            [(ANNOTATOR, reach.bucket == ANNOTATOR.bucket), (ADMIN, reach.bucket == ADMIN.bucket)]
        {
            let arn = format!("arn:aws:s3:::{}/{}{INSIDE}", other.bucket, other.prefix);
            let none = crate::support::account::Context::default();
            assert_eq!(session.may("s3:GetObject", &arn, &none), may, "{arn}");
        }
    }
    let account = alice.get("/-/api/account").await.json();
    assert_eq!(account["email"], "alice@example.com");
    assert_eq!(account["memberships"][0]["project"], "ledgers");
    assert_eq!(account["memberships"][0]["role"], "manager");
    let metrics = reqwest::get(format!("http://127.0.0.1:{}/metrics", company.site.operations));
    let metrics = metrics.await.unwrap().text().await.unwrap();
    assert!(metrics.contains("saml_sign_ins_total 1"), "{metrics}");
}

#[tokio::test]
async fn what_is_encrypted_to_us_signs_in_by_gcm_and_not_otherwise() {
    for (encryption, expected) in [
        (Encryption::Aes256Gcm, StatusCode::OK),
        (Encryption::Aes128Gcm, StatusCode::OK),
        (Encryption::Aes128Cbc, StatusCode::FORBIDDEN),
    ] {
        let company = Company::with(|_, _| {});
        company.world.idp.change(|setup| setup.service_providers[0].encryption = Some(encryption));
        let alice = company.browser();
        let answer = alice.sign_in("alice", "/-/").await;
        assert_eq!(answer.status, expected, "{encryption:?}: {}", answer.text());
        let account = alice.get("/-/api/account").await;
        assert_eq!(account.status == StatusCode::OK, expected == StatusCode::OK);
        // STS cannot read what is encrypted to us: she is in, and is told that the projects' files stay shut.
        if expected == StatusCode::OK {
            assert!(answer.text().contains("scans"), "{}", answer.text());
        }
    }
}
