//! The rules that hold: schema and policies, read whole, validated strictly, or refused with every fault at once.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use cedar_policy::ffi::DetailedError;
use cedar_policy::{
    Authorizer, Decision, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator,
};

use super::faults::{Fault, RulesError};
use super::question::Question;
use super::reads::Reads;
use super::source::Source;
use super::terms::Terms;
use super::{BY_SCOPE, Denial, PUBLIC, Settings};

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
const ROLES: &str = include_str!("../../policies/roles.cedar");

impl Rules {
    /// Reads and validates what the settings name.
    ///
    /// # Errors
    /// [`RulesError`] with every fault that was found.
    pub fn load(settings: &Settings) -> Result<Self, RulesError> {
        match &settings.folder {
            Some(folder) => Self::from_sources(&Source::read_folder(folder)?),
            None => Self::built_in(),
        }
    }

    /// The role pack that is built in.
    ///
    /// # Errors
    /// Never, unless the program was built from a broken `policies/`.
    pub fn built_in() -> Result<Self, RulesError> {
        Self::from_sources(&[Source::new("roles.cedar (built in)", ROLES)])
    }

    pub(super) fn from_sources(sources: &[Source]) -> Result<Self, RulesError> {
        static NEXT: AtomicU64 = AtomicU64::new(1);

        let (schema, terms) = vocabulary()?;
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

fn vocabulary() -> Result<(Schema, Terms), RulesError> {
    let of_program = |message: String| {
        RulesError::one(Fault::of_file("schema.cedarschema (built in)", message, "report this"))
    };
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA)
        .map_err(|fault| of_program(DetailedError::from(&fault).message))?;
    let terms = Terms::new().map_err(|fault| of_program(fault.to_string()))?;
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
    let found = result
        .validation_errors()
        .map(|error| (error.policy_id(), DetailedError::from(error)))
        .chain(
            result
                .validation_warnings()
                .map(|warning| (warning.policy_id(), DetailedError::from(warning))),
        );
    let remedy = "make it fit policies/schema.cedarschema";
    let faults = found.map(|(policy, detail)| {
        let id: &str = policy.as_ref();
        match sources.iter().find(|source| source.line_of_policy(id).is_some()) {
            Some(source) => source.fault(&detail, Some(id), remedy),
            None => Fault::of_file("*.cedar", detail.message, remedy),
        }
    });
    RulesError::unless_empty(faults.collect::<BTreeSet<_>>().into_iter().collect())
}
