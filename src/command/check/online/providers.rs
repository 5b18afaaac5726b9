//! Whether IAM has the identity providers that storages name, and with the keys that they sign with now: AWS believes its own
//! copy of their metadata, which nobody but an operator renews.

use std::collections::{BTreeMap, BTreeSet};

use super::Findings;
use crate::catalog::{Catalog, CredentialName, OrganizationName};
use crate::credential::{Minter, NotInspected};
use crate::ground::causes::told;
use crate::ground::clock::Timestamp;
use crate::settings::Fault;
use crate::sign_in::saml::IdentityProvider;

/// A provider's ARN, the credential that people's assertions are exchanged by, and whose people they are.
pub(super) type Named = BTreeSet<(OrganizationName, CredentialName, String)>;

/// Those that the catalogue names.
pub(super) fn of(catalog: &Catalog, brought: &BTreeSet<CredentialName>) -> Named {
    let named = catalog.storages().into_iter().filter_map(|(key, storage)| {
        let federation = storage.federation.as_ref()?;
        let credential = storage.credential.clone();
        brought
            .contains(&credential)
            .then(|| (key.organization, credential, federation.provider.clone()))
    });
    named.collect()
}

pub(super) async fn inspect(
    minter: &Minter,
    known: &BTreeMap<OrganizationName, IdentityProvider>,
    named: Named,
    now: Timestamp,
    findings: &mut Findings,
) {
    for (organization, credential, provider) in named {
        let fault = |what: String, remedy: &str| Fault::of(&provider, what, remedy);
        match (minter.inspect(&credential, &provider).await, known.get(&organization)) {
            (Err(NotInspected::NoSource), _) => {
                let key = format!("credentials.{credential}.iam_source");
                let remark = format!("{provider}: IAM was not asked about it: set {key}");
                findings.remarks.push(remark);
            }
            (Err(error), _) => findings.faults.extend([fault(told(&error), remedy(&error))]),
            // What is wrong with ours is told already.
            (Ok(_), None) => findings.remarks.push(format!("{provider}: IAM has it")),
            (Ok(copy), Some(theirs)) => match theirs.compare(&copy, now) {
                Ok(()) => findings.remarks.push(format!(
                    "{provider}: IAM has it, with the keys that the identity provider signs with"
                )),
                Err(error) => {
                    let what = format!("IAM's copy of the metadata is old: {}", told(&error));
                    let remedy = "give IAM the present metadata (terraform apply, or aws iam update-saml-provider)";
                    findings.faults.extend([fault(what, remedy)]);
                }
            },
        }
    }
}

const fn remedy(error: &NotInspected) -> &'static str {
    match error {
        NotInspected::NoSource | NotInspected::NoArn => {
            "arn:aws:iam::123456789012:saml-provider/NAME, in the catalogue's aws table"
        }
        NotInspected::Source(_) => "see the cause; iam_source names the credential",
        NotInspected::Unasked(_) => {
            "open the way to IAM: outbound.allow_private, outbound.ca_files, iam_endpoint"
        }
        NotInspected::NoSuchProvider => {
            "make it (deploy/terraform), or mend the ARN in the catalogue's aws table: account and capitals count"
        }
        NotInspected::Refused { .. } => {
            "permit iam:GetSAMLProvider on it to the credential that iam_source names"
        }
    }
}
