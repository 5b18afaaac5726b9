//! The rules that hold: schema and policies, read whole, validated strictly, or refused with every fault at once.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use cedar_policy::ffi::DetailedError;
use cedar_policy::{
    Authorizer, Decision, Policy, PolicyId, PolicySet, Schema, ValidationError, ValidationMode,
    Validator,
};

use super::faults::{Fault, RulesError};
use super::question::Question;
use super::reads::Reads;
use super::source::Source;
use super::terms::Terms;
use super::{BY_SCOPE, Denial, PUBLIC, Settings};
use crate::catalog::{CredentialName, Storage};

/// One consistent set of rules.
#[derive(Debug)]
pub struct Rules {
    /// Tells this set from every other of this process: part of the cache's key.
    number: u64,
    schema: Schema,
    policies: PolicySet,
    terms: Terms,
    reads: Reads,
}

/// What the policies say to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) permitted: bool,
    /// Ids of the policies that decided, sorted. Empty for a no by default.
    pub(super) policies: Vec<Box<str>>,
}

pub(super) const SCHEMA: &str = include_str!("../../policies/schema.cedarschema");
/// The role pack as text, for who starts a folder of policies of his own from it.
pub const ROLES: &str = include_str!("../../policies/roles.cedar");

impl Rules {
    /// Reads and validates what the settings name.
    ///
    /// # Errors
    /// [`RulesError`] with every fault that was found.
    pub fn load(settings: &Settings) -> Result<Self, RulesError> {
        let brought = settings.brought.clone();
        match &settings.folder {
            Some(folder) => Self::of(&Source::read_folder(folder)?, brought),
            None => Self::of(&built_in(), brought),
        }
    }

    /// The role pack that is built in.
    ///
    /// # Errors
    /// Never, unless the program was built from a broken `policies/`.
    pub fn built_in() -> Result<Self, RulesError> {
        Self::of(&built_in(), BTreeSet::new())
    }

    pub(super) fn of(
        sources: &[Source],
        brought: BTreeSet<CredentialName>,
    ) -> Result<Self, RulesError> {
        static NEXT: AtomicU64 = AtomicU64::new(1);

        let (schema, terms) = vocabulary(brought)?;
        let (policies, reads) = collect(sources)?;
        validate(&schema, &policies, sources)?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { number, schema, policies, terms, reads })
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) const fn reads(&self) -> Reads {
        self.reads
    }

    /// Whether the storage is opened by roles that people assert.
    pub(super) fn is_federated(&self, storage: &Storage) -> bool {
        self.terms.is_federated(storage)
    }

    /// How many policies there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.policies.num_of_policies()
    }

    /// Asks afresh.
    pub(super) fn ask(&self, question: &Question<'_>) -> Result<Answer, Denial> {
        let (request, entities) = self
            .terms
            .express(question, &self.schema)
            .map_err(|fault| Denial::Evaluation(fault.to_string()))?;
        let response = Authorizer::new().is_authorized(&request, &self.policies, &entities);
        // Cedar skips a policy that fails, which would be fatal for a `forbid`: one failure, and nothing is permitted.
        if let Some(failure) = response.diagnostics().errors().next() {
            return Err(Denial::Evaluation(failure.to_string()));
        }
        let mut policies: Vec<Box<str>> =
            response.diagnostics().reason().map(|id| AsRef::<str>::as_ref(id).into()).collect();
        policies.sort_unstable();
        Ok(Answer { permitted: response.decision() == Decision::Allow, policies })
    }
}

fn built_in() -> [Source; 1] {
    [Source::new("roles.cedar (built in)", ROLES)]
}

fn vocabulary(brought: BTreeSet<CredentialName>) -> Result<(Schema, Terms), RulesError> {
    let of_program = |message: String| {
        RulesError::one(Fault::of_file("schema.cedarschema (built in)", message, "report this"))
    };
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA)
        .map_err(|fault| of_program(DetailedError::from(&fault).message))?;
    let terms = Terms::new(brought).map_err(|fault| of_program(fault.to_string()))?;
    Ok((schema, terms))
}

/// Every policy of every file, by its `@id`.
fn collect(sources: &[Source]) -> Result<(PolicySet, Reads), RulesError> {
    let mut set = PolicySet::new();
    let mut reads = Reads::NOTHING;
    let mut faults = Vec::new();
    for source in sources {
        let parsed = match PolicySet::from_str(source.text()) {
            Ok(parsed) => parsed,
            Err(errors) => {
                let remedy = "correct the syntax: policies/README.md has the language on one page";
                faults.extend(
                    errors
                        .iter()
                        .map(|error| source.fault(&DetailedError::from(error), None, remedy)),
                );
                continue;
            }
        };
        if parsed.num_of_templates() > 0 {
            let message = "a template (?principal or ?resource) is not a policy";
            faults.push(Fault::of_file(source.name(), message, "write the policy out"));
        }
        for policy in parsed.policies() {
            match name(policy, source, &set) {
                Ok(policy) => {
                    reads = reads
                        .and(policy.to_json().map_or(Reads::EVERYTHING, |json| Reads::of(&json)));
                    if let Err(fault) = set.add(policy) {
                        faults.push(Fault::of_file(source.name(), fault.to_string(), UNIQUE));
                    }
                }
                Err(fault) => faults.push(fault),
            }
        }
    }
    if faults.is_empty() && set.is_empty() {
        let message = "there is no policy: nobody could do anything";
        faults.push(Fault::of_file(
            "*.cedar",
            message,
            "begin with a copy of policies/roles.cedar",
        ));
    }
    RulesError::unless_empty(faults)?;
    Ok((set, reads))
}

const UNIQUE: &str =
    "give every policy an @id(\"…\") of its own: 1 to 64 letters, digits, '-', '_' or '.'";

/// The policy under the name that its `@id` gives it.
fn name(policy: &Policy, source: &Source, others: &PolicySet) -> Result<Policy, Fault> {
    let head = policy.to_string();
    let Some(id) = policy.annotation("id") else {
        return Err(Fault::of_file(source.name(), format!("a policy has no @id: {head}"), UNIQUE));
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let complaint = if !((1..=64).contains(&id.len()) && id.bytes().all(allowed)) {
        "is not well-formed"
    } else if matches!(id, BY_SCOPE | PUBLIC) {
        "is taken by the program itself"
    } else if others.policy(&PolicyId::new(id)).is_some() {
        "stands on two policies"
    } else {
        return Ok(policy.new_id(PolicyId::new(id)));
    };
    Err(source.fault_of_policy(id, format!("the @id \"{id}\" {complaint}"), UNIQUE))
}

/// Strictly: a warning (a policy that never matches, letters that look like others) refuses too.
fn validate(schema: &Schema, policies: &PolicySet, sources: &[Source]) -> Result<(), RulesError> {
    let result = Validator::new(schema.clone()).validate(policies, ValidationMode::default());
    let mut found: BTreeMap<&PolicyId, Vec<DetailedError>> = BTreeMap::new();
    // A consequence (nothing applies, never true) is told only where no cause is.
    let (consequences, causes): (Vec<_>, Vec<_>) = result
        .validation_errors()
        .partition(|error| matches!(error, ValidationError::InvalidActionApplication(_)));
    for error in causes {
        found.entry(error.policy_id()).or_default().push(DetailedError::from(error));
    }
    for error in consequences {
        found.entry(error.policy_id()).or_insert_with(|| vec![DetailedError::from(error)]);
    }
    for warning in result.validation_warnings() {
        found.entry(warning.policy_id()).or_insert_with(|| vec![DetailedError::from(warning)]);
    }
    let remedy = "make it fit policies/schema.cedarschema";
    let place = |(policy, detail): (&PolicyId, DetailedError)| {
        let id: &str = policy.as_ref();
        match sources.iter().find(|source| source.line_of_policy(id).is_some()) {
            Some(source) => source.fault(&detail, Some(id), remedy),
            None => Fault::of_file("*.cedar", detail.message, remedy),
        }
    };
    let details = found
        .into_iter()
        .flat_map(|(policy, details)| details.into_iter().map(move |detail| (policy, detail)));
    let faults: BTreeSet<_> = details.map(place).collect();
    RulesError::unless_empty(faults.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sample::rules_with;

    fn faults(text: &str) -> Vec<(Option<usize>, String)> {
        let error = Rules::of(&[Source::new("a.cedar", text)], BTreeSet::new()).unwrap_err();
        let told = error.faults().iter().map(|fault| (fault.line, fault.message.clone()));
        assert!(error.faults().iter().all(|fault| !fault.remedy.is_empty()), "{error}");
        told.collect()
    }

    #[test]
    fn the_examples_fit_the_role_pack() {
        for example in [
            include_str!("../../policies/examples/office-network-only.cedar"),
            include_str!("../../policies/examples/sealed-off-folder.cedar"),
            include_str!("../../policies/examples/managers-see-locations.cedar"),
        ] {
            assert_eq!(rules_with(example).count(), Rules::built_in().unwrap().count() + 1);
        }
    }

    #[test]
    fn each_fault_is_told_with_its_line() {
        let permit = "permit (principal, action, resource)";
        for (name, text, line, words) in [
            (
                "syntax",
                "@id(\"a\")\npermit (principal, action, resource) whn { true };".to_owned(),
                2,
                "whn",
            ),
            ("no id", format!("\n{permit};"), 0, "no @id"),
            ("bad id", format!("\n@id(\"a b\") {permit};"), 2, "not well-formed"),
            ("reserved id", format!("@id(\"token-scope\") {permit};"), 1, "taken by the program"),
            (
                "doubled id",
                format!("@id(\"a\") {permit};\n\n@id(\"a\") {permit};"),
                3,
                "two policies",
            ),
            (
                "unknown action",
                "@id(\"a\")\npermit (principal, action == Action::\"Reed\", resource);".to_owned(),
                2,
                "Action::\"Reed\"",
            ),
            (
                "unsafe access",
                format!("@id(\"a\") {permit}\n  when {{\n context.key == \"x\" }};"),
                3,
                "key",
            ),
            (
                "wrong type",
                format!("@id(\"a\") {permit}\n\nwhen {{ context.proof == 1 }};"),
                3,
                "type",
            ),
            ("a warning", format!("@id(\"a\") {permit}\nwhen {{ 1 == 2 }};"), 1, "impossible"),
            (
                "a template",
                "@id(\"a\") permit (principal == ?principal, action, resource);".to_owned(),
                0,
                "template",
            ),
            ("nothing", "// only a comment".to_owned(), 0, "there is no policy"),
        ] {
            let found = faults(&text);
            let (found_line, message) = &found[0];
            assert_eq!(found_line.unwrap_or(0), line, "{name}: {found:?}");
            assert!(message.contains(words), "{name}: {found:?}");
        }
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let text = "@id(\"a\") permit (principal, action == Action::\"Reed\", resource);\n\
                    @id(\"b\") permit (principal, action == Action::\"Rite\", resource);";
        let lines: Vec<_> = faults(text).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [Some(1), Some(2)]);
    }

    #[test]
    fn a_folder_is_read_whole_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { folder: Some(folder.path().to_owned()), ..Settings::default() };
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let load = || Rules::load(&settings).map(|rules| rules.count()).map_err(|e| e.to_string());
        assert!(load().unwrap_err().contains("there is no policy"));

        write("roles.cedar", ROLES);
        write("README.md", "words");
        write(".hidden", "words");
        write("schema.cedarschema", SCHEMA);
        std::fs::create_dir(folder.path().join("examples")).unwrap();
        write("examples/broken.cedar", "not Cedar");
        assert_eq!(load(), Ok(Rules::built_in().unwrap().count()));

        write("stop.ceder", "@id(\"stop\") forbid (principal, action, resource);");
        assert!(load().unwrap_err().contains("stop.ceder"));
        std::fs::remove_file(folder.path().join("stop.ceder")).unwrap();

        write("schema.cedarschema", "entity Account;");
        assert!(load().unwrap_err().contains("not the schema of this version"));

        let gone = Settings { folder: Some(folder.path().join("gone")), ..Settings::default() };
        assert!(Rules::load(&gone).unwrap_err().to_string().contains("cannot be read"));
    }

    #[test]
    fn a_policy_that_fails_permits_nothing() {
        use crate::policy::sample::{self, ACME};
        // Overflow is Cedar's one failure that no validation finds.
        let rules = rules_with(
            "@id(\"x\") forbid (principal, action == Action::\"ShowHome\", resource) \
             when { 9223372036854775807 + 1 == 0 && principal.email == \"never\" };",
        );
        let (catalog, person) = (sample::catalog(), sample::member_of(ACME));
        let identity = sample::identity(person);
        let question = Question {
            asker: identity.person().unwrap().into(),
            action: "ShowHome",
            subject: crate::policy::question::Subject::Organization(
                catalog.organization(ACME).unwrap(),
            ),
            project_role: None,
            client: sample::client(),
            key: None,
            own: None,
        };
        assert!(matches!(rules.ask(&question), Err(Denial::Evaluation(_))));
    }
}
