//! What `check` tells of single sign-on before anybody is locked out: what cannot work is a fault, what is seldom meant a remark.

use std::fs;

use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;
use sluicegate::ground::clock::{Clock, SignedDuration, Timestamp};

use crate::company::{import, prepared};
use crate::forge::Forge;
use crate::support::assertion::{Algorithm, IdentityProvider};
use crate::support::site::{Site, inside};

const GROUP: &str = "[organization.acme.group.annotators]\nrole = \"annotator\"\n";
const DOMAINS: &str = "email_domains = [\"example.com\"]\n";
const PEOPLE: &str = "[credentials.people]\nkind = \"saml\"\nregion = \"eu-central-1\"\n\
                      role_arns = [\"arn:aws:iam::123456789012:role/annotator\"]\n";

/// An install that was never started.
struct Install {
    site: Site,
    idp: IdentityProvider,
    sp_key: String,
}

impl Install {
    /// With this catalogue, with `[saml.NAME]` for each name with these further keys, and with more settings.
    fn new(catalogue: &str, organizations: &[(&str, &str)], more: &str) -> Self {
        let (site, key) = prepared();
        let idp = IdentityProvider::new("https://idp.example.com/metadata", Algorithm::EcdsaSha256);
        fs::write(inside(&site, "idp.xml"), idp.metadata("https://idp.example.com/sso")).unwrap();
        let file = inside(&site, "sluicegate.toml");
        let mut settings = fs::read_to_string(&file).unwrap() + more;
        // With faults in the settings, nothing could be imported any more.
        fs::write(&file, &settings).unwrap();
        if !catalogue.is_empty() {
            import(&site, catalogue);
        }
        for (name, keys) in organizations {
            settings.push_str(&format!(
                "\n[saml.{name}]\nbase_url = {:?}\nmetadata = \"idp.xml\"\n\
                 keys = [{{ certificate = \"sp.pem\", key = \"sp.key\" }}]\n{keys}\n",
                site.url("")
            ));
        }
        fs::write(&file, settings).unwrap();
        Self { site, idp, sp_key: key.key_pem }
    }

    /// Remarks, and faults as `key: what (remedy)`.
    fn told(&self) -> (Vec<String>, Vec<String>) {
        told(&self.site)
    }
}

fn told(site: &Site) -> (Vec<String>, Vec<String>) {
    let output = site.try_run(&["check", "--json"], "");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let remarks = json["remarks"].as_array().unwrap().iter().map(text).collect();
    let fault = |fault: &Value| {
        let [key, what, remedy] = ["key", "what", "remedy"].map(|name| text(&fault[name]));
        format!("{key}: {what} ({remedy})")
    };
    let faults: Vec<_> = json["faults"].as_array().unwrap().iter().map(fault).collect();
    assert_eq!(output.status.code(), Some(i32::from(!faults.is_empty())), "{json:#}");
    (remarks, faults)
}

/// The one line that begins so.
fn line<'a>(lines: &'a [String], start: &str) -> &'a str {
    let found: Vec<_> = lines.iter().filter(|line| line.starts_with(start)).collect();
    let [one] = found[..] else { panic!("{start:?} is not there once: {lines:#?}") };
    one
}

fn holds(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
}

#[test]
fn nothing_is_told_of_what_is_sound() {
    let keys = format!(
        "{DOMAINS}sign_in = \"sso-only\"\nbreak_glass = [\"root@example.com\"]\n\
         sign_in_contexts = [\"https://refeds.org/profile/mfa\", \"urn:oasis:names:tc:SAML:2.0:ac:classes:X509\"]"
    );
    let install = Install::new(GROUP, &[("acme", &keys)], "");
    install.site.person("acme", "root@example.com", "owner");
    assert_eq!(install.told(), (vec![], vec![]));
    // Before there are any, no organization is missing.
    let early = Install::new("", &[("acme", DOMAINS)], "");
    assert_eq!(early.told(), (vec![], vec![]));
}

#[test]
fn a_section_of_an_organization_that_there_is_not_is_a_fault() {
    let install = Install::new(GROUP, &[("acmee", DOMAINS)], "");
    let (_, faults) = install.told();
    assert_eq!(faults.len(), 1, "{faults:#?}");
    holds(line(&faults, "saml.acmee: "), &["no organization", "organization list"]);
}

#[test]
fn a_storage_whose_people_have_no_identity_provider_is_a_fault() {
    let storage = "bucket = \"media\"\nregion = \"eu-central-1\"\ncredential = \"people\"\n";
    let aws = "provider = \"arn:aws:iam::123456789012:saml-provider/idp\"\n\
               roles = { annotator = \"arn:aws:iam::123456789012:role/annotator\" }\n";
    let of = |name: &str| {
        format!(
            "[organization.{name}.aws]\n{aws}\
             [organization.{name}.workspace.w.project.p.storage.{name}s]\n{storage}prefix = {name:?}\n"
        )
    };
    let catalogue = format!("{GROUP}{}{}", of("acme"), of("globex"));
    let install = Install::new(&catalogue, &[("acme", DOMAINS)], PEOPLE);
    let (_, faults) = install.told();
    assert_eq!(faults.len(), 1, "{faults:#?}");
    holds(line(&faults, "storage globex/p/globexs: "), &["people", "write [saml.globex]"]);
    // One that is there and wrong is told as that, and not as missing.
    let wrong = format!("{DOMAINS}severals = 1\nseveral = \"none\"\n");
    let install = Install::new(&catalogue, &[("acme", DOMAINS), ("globex", &wrong)], PEOPLE);
    let (_, faults) = install.told();
    assert!(faults.iter().all(|fault| fault.starts_with("saml.globex.several")), "{faults:#?}");
}

#[test]
fn a_context_that_is_no_absolute_address_is_a_fault_at_its_place() {
    let keys = format!("{DOMAINS}sign_in_contexts = [\"https://refeds.org/profile/mfa\", \"foo\"]");
    let install = Install::new(GROUP, &[("acme", &keys)], "");
    let (_, faults) = install.told();
    assert_eq!(faults.len(), 1, "{faults:#?}");
    holds(line(&faults, "saml.acme.sign_in_contexts: "), &["\"foo\"", "refeds.org"]);
    let drawn = install.site.try_run(&["check"], "");
    holds(&String::from_utf8(drawn.stderr).unwrap(), &["sluicegate.toml:", "sign_in_contexts ="]);
}

#[test]
fn what_locks_people_out_in_an_emergency_is_remarked_upon() {
    let sso_only = format!("{DOMAINS}sign_in = \"sso-only\"\n");
    let install = Install::new(GROUP, &[("acme", &sso_only)], "");
    let (remarks, faults) = install.told();
    assert_eq!((remarks.len(), faults.len()), (1, 0), "{remarks:#?} {faults:#?}");
    holds(line(&remarks, "saml.acme.sign_in: "), &["sso-only", "break_glass"]);

    let names = ["nobody", "bare", "gone", "elsewhere", "root"];
    let glass: Vec<_> = names.iter().map(|name| format!("{name}@example.com")).collect();
    let keys = format!("{sso_only}break_glass = {glass:?}");
    let install = Install::new(GROUP, &[("acme", &keys)], "");
    for (name, organization) in [("gone", "acme"), ("root", "acme"), ("elsewhere", "globex")] {
        install.site.person(organization, &format!("{name}@example.com"), "");
    }
    let bare = "account create --email bare@example.com --organization acme --no-password";
    install.site.run(&bare.split(' ').collect::<Vec<_>>());
    install.site.run(&["account", "disable", "--email", "gone@example.com"]);
    let (remarks, faults) = install.told();
    assert_eq!((remarks.len(), faults.len()), (4, 0), "{remarks:#?} {faults:#?}");
    for (name, what, remedy) in [
        ("nobody", "has no account", "account create --email nobody@example.com"),
        ("bare", "has no password", "account set-password --email bare@example.com"),
        ("gone", "is disabled", "account enable --email gone@example.com"),
        ("elsewhere", "of another organization", "somebody of acme"),
    ] {
        let start = format!("saml.acme.break_glass: {name}@example.com ");
        holds(line(&remarks, &start), &[what, remedy]);
    }
}

#[test]
fn what_is_risky_or_lets_nobody_in_is_remarked_upon() {
    let keys = format!("{DOMAINS}unsolicited = \"accepted\"\n");
    let (remarks, faults) = Install::new(GROUP, &[("acme", &keys)], "").told();
    assert_eq!((remarks.len(), faults.len()), (1, 0), "{remarks:#?} {faults:#?}");
    holds(line(&remarks, "saml.acme.unsolicited: "), &["/-/saml/acme/sign-in"]);

    let (remarks, faults) =
        Install::new("[organization.acme]\ntitle = \"Acme\"\n", &[("acme", DOMAINS)], "").told();
    assert_eq!((remarks.len(), faults.len()), (1, 0), "{remarks:#?} {faults:#?}");
    holds(line(&remarks, "saml.acme: "), &["group", "[organization.acme.group."]);

    // Where nobody comes by an identity provider, none of it matters.
    let keys = "sign_in = \"native-only\"\nunsolicited = \"accepted\"";
    let bare = "[organization.acme]\ntitle = \"Acme\"\n[organization.globex]\ntitle = \"Globex\"\n";
    assert_eq!(Install::new(bare, &[("acme", keys)], "").told(), (vec![], vec![]));

    // Others' addresses are at stake where there are others, whether they have an identity provider or not.
    let other = "[organization.globex.group.annotators]\nrole = \"annotator\"\n";
    let both = format!("{GROUP}{other}");
    for (catalogue, sections, lacking) in [
        (GROUP, &[("acme", "")][..], &[][..]),
        (&both, &[("acme", ""), ("globex", "")], &["acme", "globex"]),
        (&both, &[("acme", ""), ("globex", DOMAINS)], &["acme"]),
        (&both, &[("acme", "")], &["acme"]),
        ("", &[("acme", ""), ("globex", "")], &["acme", "globex"]),
    ] {
        let (remarks, faults) = Install::new(catalogue, sections, "").told();
        assert_eq!((remarks.len(), faults.len()), (lacking.len(), 0), "{remarks:#?} {faults:#?}");
        for name in lacking {
            line(&remarks, &format!("saml.{name}.email_domains: "));
        }
    }
}

#[test]
fn a_role_that_people_have_and_aws_roles_lack_is_remarked_upon() {
    let storage = "region = \"eu-central-1\"\ncredential = \"people\"\n";
    let catalogue = format!(
        "[organization.acme.group.annotators]\nprojects = {{ p = \"annotator\" }}\n\
         [organization.acme.group.reviewers]\nworkspaces = {{ w = \"reviewer\" }}\n\
         [organization.acme.aws]\nprovider = \"arn:aws:iam::123456789012:saml-provider/idp\"\n\
         roles = {{ annotator = \"arn:aws:iam::123456789012:role/annotator\" }}\n\
         [organization.acme.workspace.w.project.p.storage.one]\nbucket = \"one\"\n{storage}\
         [organization.acme.workspace.w.project.p.storage.two]\nbucket = \"two\"\n{storage}"
    );
    let install = Install::new(&catalogue, &[("acme", DOMAINS)], PEOPLE);
    let (remarks, faults) = install.told();
    assert_eq!((remarks.len(), faults.len()), (1, 0), "{remarks:#?} {faults:#?}");
    let start = "storage acme/p/one and 1 more: ";
    holds(line(&remarks, start), &["reviewer", "403", "aws.roles"]);
    // Whoever is in no project and does not act everywhere has no role that counts.
    install.site.person("acme", "ann@example.com", "manager");
    install.site.person("acme", "olga@example.com", "owner");
    let (remarks, _) = install.told();
    assert_eq!(remarks.len(), 1, "{remarks:#?}");
    let told = line(&remarks, start);
    holds(told, &["owner", "reviewer"]);
    assert!(!told.contains("manager"), "{told}");
    install.site.run(&["account", "disable", "--email", "olga@example.com"]);
    assert!(!line(&install.told().0, start).contains("owner"));
}

/// A certificate of this key that ends on that day.
fn certificate(key: &str, ends: Timestamp) -> String {
    let date = ends.strftime("%Y-%m-%d").to_string();
    let mut parts = date.split('-');
    let mut number = || parts.next().unwrap().parse::<u16>().unwrap();
    let (year, month, day) = (number(), number(), number());
    let mut parameters = CertificateParams::default();
    let small = |number: u16| u8::try_from(number).unwrap();
    parameters.not_after = rcgen::date_time_ymd(i32::from(year), small(month), small(day));
    parameters.self_signed(&KeyPair::from_pem(key).unwrap()).unwrap().pem()
}

/// What stands between the marks of PEM.
fn bare(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

/// Has both sides' certificates end then.
fn certify(site: &Site, idp: &IdentityProvider, sp_key: &str, ends: Timestamp) {
    let theirs = certificate(&idp.key_pem, ends);
    let metadata = idp.metadata("https://idp.example.com/sso");
    let changed = metadata.replace(&bare(&idp.certificate_pem), &bare(&theirs));
    assert_ne!(changed, metadata);
    fs::write(inside(site, "idp.xml"), changed).unwrap();
    site.secret("sp.pem", &certificate(sp_key, ends));
}

#[test]
fn certificates_that_have_ended_or_end_soon_are_remarked_upon() {
    let install = Install::new(GROUP, &[("acme", DOMAINS)], "");
    let now = Clock::system().now();
    for (days, words) in [(-400, Some("ended on")), (5, Some("ends on")), (40, None)] {
        let ends = now + SignedDuration::from_hours(24 * days);
        certify(&install.site, &install.idp, &install.sp_key, ends);
        let (remarks, faults) = install.told();
        let Some(words) = words else {
            assert_eq!((remarks.len(), faults.len()), (0, 0), "{remarks:#?} {faults:#?}");
            continue;
        };
        assert_eq!((remarks.len(), faults.len()), (2, 0), "{remarks:#?} {faults:#?}");
        let day = ends.strftime("%Y-%m-%d").to_string();
        let theirs = line(&remarks, "saml.acme: ");
        holds(theirs, &[words, &day, "accepted all the same", "2.6.1", "AWS", "new metadata"]);
        let ours = line(&remarks, "saml.acme.keys: ");
        holds(ours, &["sp.pem", words, &day, "docs/saml.md#replacing-keys"]);
    }
}

#[test]
fn our_certificate_is_looked_at_whatever_the_identity_providers_metadata_are() {
    let install = Install::new(GROUP, &[("acme", DOMAINS)], "");
    let ends = Clock::system().now() - SignedDuration::from_hours(24);
    install.site.secret("sp.pem", &certificate(&install.sp_key, ends));
    fs::write(inside(&install.site, "idp.xml"), "none").unwrap();
    let (remarks, faults) = install.told();
    assert_eq!((remarks.len(), faults.len()), (1, 1), "{remarks:#?} {faults:#?}");
    line(&remarks, "saml.acme.keys: ");
    line(&faults, "saml.acme.metadata: ");
    // Only --online fetches.
    let file = inside(&install.site, "sluicegate.toml");
    let settings = fs::read_to_string(&file).unwrap();
    let elsewhere = "metadata_url = \"https://idp.example.com/metadata\"";
    fs::write(&file, settings.replace("metadata = \"idp.xml\"", elsewhere)).unwrap();
    let (remarks, faults) = install.told();
    assert_eq!((remarks.len(), faults.len()), (1, 0), "{remarks:#?} {faults:#?}");
    line(&remarks, "saml.acme.keys: ");
}

#[tokio::test]
async fn a_certificate_that_has_ended_signs_people_in_all_the_same() {
    let mut forge = Forge::start();
    let sp_key = fs::read_to_string(inside(&forge.site, "sp.key")).unwrap();
    forge.site.signal("TERM");
    forge.site.ended();
    let ends = Clock::system().now() - SignedDuration::from_hours(24 * 400);
    certify(&forge.site, &forge.idp, &sp_key, ends);
    let (remarks, _) = told(&forge.site);
    holds(line(&remarks, "saml.acme: "), &["ended on"]);
    forge.site.start();
    forge.sign_in("alice@example.com", &["annotators"]).await;
}
