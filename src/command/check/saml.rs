//! What is told of `[saml.ORGANIZATION]` beyond its own faults: what is allowed and seldom meant; and what only the records
//! show: an organization that there is not, groups that give nothing, and people who would not come in in an emergency.

use super::Findings;
use crate::catalog::{Catalog, Email, GroupFacts, Organization, OrganizationId, OrganizationName};
use crate::records::{AccountRow, KnownPerson, Records, RecordsError};
use crate::settings::Fault;
use crate::sign_in::{Mode, SamlSettings, Settings, Unsolicited};

/// What the records say of one organization whose people can come by its identity provider.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: OrganizationId,
    pub(super) name: OrganizationName,
    /// Nobody who is disabled.
    pub(super) people: Vec<KnownPerson>,
    pub(super) groups: Vec<GroupFacts>,
    /// Those of `break_glass`, each with the account that there is.
    break_glass: Vec<(Email, Option<AccountRow>)>,
}

/// Reads it of all of them, in the order of their names.
pub(super) async fn known(
    records: &Records,
    catalog: &Catalog,
    settings: &Settings,
) -> Result<Vec<Known>, RecordsError> {
    let mut all = Vec::new();
    for (name, one) in in_use(settings) {
        let Some(organization) = named(catalog, name) else { continue };
        let id = organization.id;
        let mut break_glass = Vec::with_capacity(one.break_glass.len());
        for email in &one.break_glass {
            break_glass.push((email.clone(), records.account_by_email(email).await?));
        }
        let (people, groups) = (records.people(id).await?, records.groups(id).await?);
        all.push(Known { id, name: name.clone(), people, groups, break_glass });
    }
    Ok(all)
}

/// Those whose identity provider signs people in.
fn in_use(settings: &Settings) -> impl Iterator<Item = (&OrganizationName, &SamlSettings)> {
    settings.iter().filter(|(_, one)| one.mode != Mode::NativeOnly)
}

fn named<'c>(catalog: &'c Catalog, name: &OrganizationName) -> Option<&'c Organization> {
    catalog.organizations().find(|one| one.name == *name)
}

/// What is allowed and seldom meant, by the settings alone.
pub(super) fn alone(settings: &Settings, findings: &mut Findings) {
    for (name, one) in in_use(settings) {
        if one.mode == Mode::SsoOnly && one.break_glass.is_empty() {
            findings.remarks.push(format!(
                "saml.{name}.sign_in: is \"sso-only\", and break_glass names nobody: on the day that the identity provider is \
                 gone nobody comes in: name somebody there who has a password"
            ));
        }
        if one.unsolicited == Unsolicited::Accepted {
            findings.remarks.push(format!(
                "saml.{name}.unsolicited: is \"accepted\": whoever has an answer of his own can make a browser sign in as him: \
                 write \"refused\", and let a tile of the identity provider's lead to /-/saml/{name}/sign-in"
            ));
        }
    }
    if settings.len() > 1 {
        unbounded(settings, findings);
    }
}

/// Where others are on the install, whose addresses an identity provider may vouch for matters.
fn unbounded(settings: &Settings, findings: &mut Findings) {
    for (name, _) in in_use(settings).filter(|(_, one)| one.email_domains.is_none()) {
        findings.remarks.push(format!(
            "saml.{name}.email_domains: names none, and there are other organizations: this identity provider can take \
             addresses that their people have: name the domains that it may vouch for"
        ));
    }
}

/// What the records have to say to it.
pub(super) fn against(
    catalog: &Catalog,
    settings: &Settings,
    known: &[Known],
    findings: &mut Findings,
) {
    let there = catalog.organizations().count();
    // Before there are any, the settings come first.
    for name in settings.keys().filter(|name| there > 0 && named(catalog, name).is_none()) {
        let what = "there is no organization of this name".to_owned();
        let remedy = format!(
            "write a name that sluicegate organization list has, or make it: sluicegate organization create --name {name}"
        );
        findings.faults.extend([Fault::of(&format!("saml.{name}"), what, &remedy)]);
    }
    // Of several sections it is told already.
    if settings.len() == 1 && there > 1 {
        unbounded(settings, findings);
    }
    for one in known {
        let name = &one.name;
        if one.groups.iter().all(GroupFacts::is_empty) {
            findings.remarks.push(format!(
                "saml.{name}: no group is mapped to a role, so only those come in to whom somebody gave one by hand: write \
                 [organization.{name}.group.\"NAME\"] in the catalogue, and import it"
            ));
        }
        for (email, account) in &one.break_glass {
            if let Some((what, remedy)) = kept_out(one, email, account.as_ref()) {
                findings.remarks.push(format!(
                    "saml.{name}.break_glass: {email} {what}, so nobody comes in by it when the identity provider is gone: {remedy}"
                ));
            }
        }
    }
}

/// Why somebody of `break_glass` would not come in with a password, and the remedy.
fn kept_out(
    Known { id, name, .. }: &Known,
    email: &Email,
    account: Option<&AccountRow>,
) -> Option<(&'static str, String)> {
    let Some(account) = account else {
        let remedy =
            format!("sluicegate account create --email {email} --organization {name} --role ROLE");
        return Some(("has no account", remedy));
    };
    if account.organization != *id {
        return Some(("is an account of another organization", format!("name somebody of {name}")));
    }
    if account.disabled.is_some() {
        let remedy = format!("sluicegate account enable --email {email}");
        return Some(("is disabled", remedy));
    }
    account.password_hash.is_none().then(|| {
        let remedy = format!("sluicegate account set-password --email {email}");
        ("has no password", remedy)
    })
}
