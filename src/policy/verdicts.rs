//! Remembered answers. The key holds every field of the question that the policies may read, compared whole (no
//! hash decides), besides the rules' own number and the generation: a remembered answer cannot differ from a
//! fresh one, nor outlive its cause.

use std::net::IpAddr;
use std::sync::Arc;

use ahash::RandomState;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::question::{ProofKind, Question};
use super::rules::Rules;
use super::{Basis, Denial};
use crate::catalog::{AccountId, Asserted, OrganizationId, ProjectId, Role, StorageId};
use crate::request::ObjectKey;

/// What was decided, and on what.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) permitted: bool,
    pub(super) basis: Arc<Basis>,
}

/// The answers that are remembered.
#[derive(Debug)]
pub(super) struct Verdicts(Cache<Key, Verdict, RandomState>);

/// In bytes. What people's identity providers assert is as long as those like.
const MOST: u64 = 32 << 20;
/// A verdict and its key, but for what is asserted.
const EACH: u32 = 512;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    rules: u64,
    generation: u64,
    /// What is known of the person is as of this generation.
    person_generation: u64,
    organization: OrganizationId,
    account: AccountId,
    organization_role: Option<Role>,
    proof: ProofKind,
    /// Of the session, and so not told by the account.
    asserted: Option<Arc<Asserted>>,
    action: &'static str,
    subject_organization: OrganizationId,
    project: Option<ProjectId>,
    storage: Option<StorageId>,
    /// With the storage and the role in the organization it also tells the storage's role at AWS.
    project_role: Option<Role>,
    own: Option<bool>,
    /// `None` also where no policy reads it.
    client: Option<IpAddr>,
    /// `None` also where no policy reads it.
    key: Option<ObjectKey>,
}

impl Verdicts {
    pub(super) fn new() -> Self {
        // Least recently used goes first: after a change of generation the old entries must not defend their
        // place by how often they were asked for.
        let cache = Cache::builder()
            .max_capacity(MOST)
            .weigher(|key: &Key, _| {
                // Shared by all answers to one person of one time: counted with each, so that it is never counted too little.
                let asserted = key.asserted.as_ref().map_or(0, |asserted| asserted.length());
                EACH.saturating_add(u32::try_from(asserted).unwrap_or(u32::MAX))
            })
            .eviction_policy(EvictionPolicy::lru())
            .build_with_hasher(RandomState::new());
        Self(cache)
    }

    /// The answer of these rules in this generation. A failed evaluation is not remembered.
    pub(super) fn ask(
        &self,
        rules: &Rules,
        question: &Question<'_>,
        generation: u64,
    ) -> Result<Verdict, Denial> {
        let key = Key::new(rules, question, generation);
        if let Some(verdict) = self.0.get(&key) {
            return Ok(verdict);
        }
        let answer = rules.ask(question)?;
        let basis = Arc::new(Basis { policies: answer.policies, generation });
        let verdict = Verdict { permitted: answer.permitted, basis };
        self.0.insert(key, verdict.clone());
        Ok(verdict)
    }
}

impl Key {
    fn new(rules: &Rules, question: &Question<'_>, generation: u64) -> Self {
        let reads = rules.reads();
        let asker = &question.asker;
        Self {
            rules: rules.number(),
            generation,
            person_generation: asker.generation,
            organization: asker.organization,
            account: asker.account,
            organization_role: asker.organization_role,
            proof: asker.proof,
            asserted: asker.asserted.cloned(),
            action: question.action,
            subject_organization: question.subject.organization().id,
            project: question.subject.project().map(|project| project.id),
            storage: question.subject.storage().map(|storage| storage.id),
            project_role: question.project_role,
            own: question.own,
            client: reads.client.then_some(question.client),
            key: question.key.filter(|_| reads.key).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::{AssertedRole, Catalog, Organization, Project};
    use crate::policy::question::{Asker, SEE_PROJECT, Subject};
    use crate::policy::sample::{self, ACME, GLOBEX};
    use crate::records::KnownPerson;

    /// A question by parts, so that proptest can vary each alone.
    #[derive(Debug, Clone)]
    struct Parts {
        from: OrganizationId,
        account: i64,
        organization_role: Option<Role>,
        project_role: Option<Role>,
        proof: ProofKind,
        action: &'static str,
        project: usize,
        storage: usize,
        client: IpAddr,
        key: Option<ObjectKey>,
        own: Option<bool>,
        asserted: Vec<&'static str>,
    }

    const ABOUT_STORAGES: [&str; 5] =
        ["ReadObject", "ReadMedia", "WriteObject", "ListObjects", "SealHandle"];
    const ABOUT_ORGANIZATIONS: [&str; 6] = [
        "ShowHome",
        "ShowAccount",
        "SignOut",
        "ClaimLabelStudioUser",
        "SealHandle",
        "ExplainRequest",
    ];
    const KEYS: [&str; 5] = ["raw/1.png", "raw", "open/1.png", "*", "raw/é"];
    const CLIENTS: [&str; 4] = ["192.0.2.1", "198.51.100.7", "::1", "2001:db8::1"];

    fn role() -> impl Strategy<Value = Option<Role>> {
        prop::option::of(prop::sample::select(Role::ALL.to_vec()))
    }

    fn parts() -> impl Strategy<Value = Parts> {
        let who = (
            prop::sample::select(vec![ACME, GLOBEX]),
            7..9i64,
            role(),
            role(),
            prop::sample::select(vec![ProofKind::Session, ProofKind::Token]),
            prop::sample::subsequence(vec!["admin", "labeler"], 0..=2),
        );
        let actions =
            [&ABOUT_STORAGES[..], &ABOUT_ORGANIZATIONS, &[SEE_PROJECT, "ChangeAnnotation"]]
                .concat();
        let what = (
            prop::sample::select(actions),
            0..4usize,
            0..3usize,
            prop::sample::select(CLIENTS.to_vec()),
            prop::option::of(prop::sample::select(KEYS.to_vec())),
            any::<Option<bool>>(),
        );
        (who, what).prop_map(|(who, what)| {
            let (from, account, organization_role, project_role, proof, asserted) = who;
            let (action, project, storage, client, key, own) = what;
            let client = client.parse().unwrap();
            let key = key.map(|key| ObjectKey::new(key).unwrap());
            Parts {
                from,
                account,
                organization_role,
                project_role,
                proof,
                action,
                project,
                storage,
                client,
                key,
                own,
                asserted,
            }
        })
    }

    impl Parts {
        /// Calls `with` with the question, in this catalogue.
        fn ask<T>(&self, catalog: &Catalog, with: impl FnOnce(&Question<'_>) -> T) -> T {
            let own = catalog.organization(self.from).unwrap();
            let email = format!("person{}@example.com", self.account);
            let mut all: Vec<&Arc<Project>> =
                catalog.organizations().flat_map(|one| one.projects()).collect();
            all.sort_by_key(|project| project.id);
            let project: &Project = all[self.project % all.len()];
            let mut storages: Vec<_> = project.storages().collect();
            storages.sort_by_key(|storage| storage.id);
            let organization = catalog.organization(project.organization).unwrap();
            let roles = self
                .asserted
                .iter()
                .map(|name| AssertedRole { role: sample::aws_role(name), provider: String::new() });
            let asserted = Asserted { roles: roles.collect(), session_name: None };
            let asserted = Some(Arc::new(asserted)).filter(|asserted| !asserted.roles.is_empty());
            let subject = match self.action {
                SEE_PROJECT | "ChangeAnnotation" => Subject::Project(organization, project),
                "SealHandle" if self.project == 3 => Subject::Organization(own),
                action if ABOUT_STORAGES.contains(&action) => {
                    Subject::Storage(organization, project, storages[self.storage % storages.len()])
                }
                _ => Subject::Organization(own),
            };
            with(&Question {
                asker: Asker {
                    account: AccountId(self.account),
                    email: &email,
                    organization: own.id,
                    organization_name: &own.name,
                    organization_role: self.organization_role,
                    proof: self.proof,
                    asserted: asserted.as_ref(),
                    generation: 1,
                },
                action: self.action,
                subject,
                project_role: self.project_role.filter(|_| subject.project().is_some()),
                client: self.client,
                key: self.key.as_ref(),
                own: self.own,
            })
        }
    }

    /// Conditions that between them read everything that there is to read, in several spellings.
    fn condition() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "context has own && context.own",
            "context has key",
            "context has key && context.key like \"raw/*\"",
            "context has key && context[\"key\"] == \"*\"",
            "context has project_role && context.project_role == \"reviewer\"",
            "context.proof == \"token\"",
            "context.client.isInRange(ip(\"192.0.2.0/24\"))",
            "context.client.isIpv6()",
            "(if context.proof == \"token\" then {a: context.client} else {a: ip(\"::1\")}).a.isLoopback()",
            "principal.email like \"*7@*\"",
            "principal == Account::\"person8@example.com\"",
            "principal.asserted_roles.contains(\"arn:aws:iam::123456789012:role/admin\")",
            "context has storage_role && principal.asserted_roles.contains(context.storage_role)",
            "context has storage_role && context.storage_role like \"*/admin\"",

            "principal has organization_role && principal.organization_role == \"manager\"",
            "resource in Project::\"acme/signs\"",
            "resource in Organization::\"globex\"",
            "resource == Storage::\"acme/signs/films\"",
            "context == context && context.client.isLoopback()",
            "action == Action::\"ReadMedia\"",
        ])
        .prop_map(|text| format!("({text})"));
        leaf.prop_recursive(3, 12, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
                inner.prop_map(|a| format!("(!{a})")),
            ]
        })
    }

    fn policies() -> impl Strategy<Value = String> {
        let effect = prop::sample::select(vec!["permit", "forbid"]);
        let clause = prop::sample::select(vec!["when", "unless"]);
        let one = (effect, clause, condition());
        prop::collection::vec(one, 0..4).prop_map(|all| {
            let texts = all.iter().enumerate().map(|(number, (effect, clause, condition))| {
                format!(
                    "@id(\"random-{number}\") {effect} (principal, \
                     action in [Action::\"ReadObject\", Action::\"ReadMedia\", Action::\"WriteObject\", \
                     Action::\"ListObjects\"], resource) {clause} {{ {condition} }};\n"
                )
            });
            texts.collect()
        })
    }

    /// The role pack once more, in Rust and by hand.
    fn naive(question: &Question<'_>) -> bool {
        let asker = &question.asker;
        if question.subject.organization().id != asker.organization {
            return false;
        }
        let commands = matches!(asker.organization_role, Some(Role::Owner | Role::Administrator));
        let role = question.project_role;
        let asserts = question.storage_role().is_some_and(|role| question.asserts(role));
        if let Subject::Storage(_, _, storage) = question.subject
            && storage.credential.as_str() == "people"
            && !asserts
        {
            return false;
        }
        match (question.action, question.subject) {
            ("ReadObject" | "ListObjects" | "SealHandle", Subject::Storage(_, project, _)) => {
                let labels = matches!(role, Some(Role::Reviewer | Role::Annotator));
                commands || (role.is_some() && !(labels && project.number.is_some()))
            }
            ("SeeProject" | "ReadMedia", _) => commands || role.is_some(),
            ("WriteObject", _) => {
                let may = matches!(role, Some(Role::Owner | Role::Administrator | Role::Manager));
                commands || may
            }
            ("ExplainRequest", _) => commands,
            ("ChangeAnnotation", _) => match role {
                Some(Role::Annotator) => commands || question.own == Some(true),
                role => commands || role.is_some(),
            },
            ("ShowHome" | "ShowAccount" | "SignOut" | "ClaimLabelStudioUser", _)
            | ("SealHandle", Subject::Organization(_)) => true,
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn a_remembered_answer_is_the_fresh_one(
            more in policies(),
            asked in prop::collection::vec(parts(), 1..60),
        ) {
            // Some random policies can never apply, which the validator refuses: those say nothing here.
            let Ok(rules) = sample::try_rules_with(&more) else { return Ok(()) };
            let catalog = sample::catalog();
            let verdicts = Verdicts::new();
            for parts in asked.iter().chain(&asked) {
                let (remembered, fresh) = parts.ask(&catalog, |question| {
                    (verdicts.ask(&rules, question, 1), rules.ask(question))
                });
                let (remembered, fresh) = (remembered.unwrap(), fresh.unwrap());
                prop_assert_eq!(remembered.permitted, fresh.permitted, "{:?} under {}", parts, more);
                prop_assert_eq!(&remembered.basis.policies, &fresh.policies, "{:?} under {}", parts, more);
            }
        }

        #[test]
        fn the_role_pack_says_what_a_naive_reading_says(asked in prop::collection::vec(parts(), 40)) {
            let rules = sample::rules_with("");
            let catalog = sample::catalog();
            for parts in &asked {
                parts.ask(&catalog, |question| {
                    let fresh = rules.ask(question).unwrap();
                    prop_assert_eq!(fresh.permitted, naive(question), "{:?}", parts);
                    Ok(())
                })?;
            }
        }
    }

    #[test]
    fn most_random_policies_are_taken_so_that_the_property_says_something() {
        use proptest::strategy::ValueTree as _;
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let taken = (0..50)
            .filter(|_| {
                let more = policies().new_tree(&mut runner).unwrap().current();
                more.contains("random-0") && sample::try_rules_with(&more).is_ok()
            })
            .count();
        assert!(taken >= 15, "{taken} of 50");
    }

    #[test]
    fn what_nobody_reads_shares_an_answer_and_what_somebody_reads_does_not() {
        let catalog = sample::catalog();
        let entries = |rules: &Rules| {
            let verdicts = Verdicts::new();
            for key in KEYS {
                for client in CLIENTS {
                    let parts = Parts {
                        from: ACME,
                        account: 7,
                        organization_role: None,
                        project_role: Some(Role::Annotator),
                        proof: ProofKind::Session,
                        action: "ReadObject",
                        project: 0,
                        storage: 0,
                        client: client.parse().unwrap(),
                        key: Some(ObjectKey::new(key).unwrap()),
                        own: None,
                        asserted: Vec::new(),
                    };
                    drop(parts.ask(&catalog, |question| verdicts.ask(rules, question, 1)));
                }
            }
            verdicts.0.run_pending_tasks();
            verdicts.0.entry_count()
        };
        let forbid = |what: &str| {
            let effect =
                "@id(\"x\") forbid (principal, action == Action::\"ReadObject\", resource)";
            sample::rules_with(&format!("{effect} when {{ {what} }};"))
        };
        assert_eq!(entries(&Rules::built_in().unwrap()), 1);
        assert_eq!(entries(&forbid("context has key && context.key == \"a\"")), 5);
        assert_eq!(entries(&forbid("context.client.isLoopback()")), 4);
        assert_eq!(entries(&forbid("context == context && context.proof == \"a\"")), 20);
    }

    fn shows_home<'q>(
        person: &'q KnownPerson,
        organization: &'q Organization,
        proof: ProofKind,
        asserted: Option<&'q Arc<Asserted>>,
    ) -> Question<'q> {
        Question {
            asker: Asker {
                account: person.account,
                email: person.email.as_str(),
                organization: ACME,
                organization_name: &person.organization_name,
                organization_role: person.organization_role,
                proof,
                asserted,
                generation: 1,
            },
            action: "ShowHome",
            subject: Subject::Organization(organization),
            project_role: None,
            client: sample::client(),
            key: None,
            own: None,
        }
    }

    /// Any renewal makes a new generation, and with it what is asserted anew, for everybody.
    #[test]
    fn what_is_asserted_at_length_takes_no_more_room_for_that() {
        let (catalog, verdicts) = (sample::catalog(), Verdicts::new());
        let rules = sample::rules_with("");
        let organization = catalog.organization(ACME).unwrap();
        let person = sample::member_of(ACME);
        let pair = |number| AssertedRole {
            role: sample::aws_role(&format!("role-{number}")),
            provider: "arn:aws:iam::123456789012:saml-provider/idp".to_owned(),
        };
        let roles: Vec<_> = (0..1_000).map(pair).collect();
        let length = Asserted { roles: roles.clone(), session_name: None }.length();
        for generation in 1..=1_000 {
            let asserted = Arc::new(Asserted { roles: roles.clone(), session_name: None });
            let question = shows_home(&person, organization, ProofKind::Session, Some(&asserted));
            let question = Question { asker: Asker { generation, ..question.asker }, ..question };
            verdicts.ask(&rules, &question, generation).unwrap();
        }
        verdicts.0.run_pending_tasks();
        let kept = usize::try_from(verdicts.0.entry_count()).unwrap();
        assert!(length > 100_000 && kept > 0, "{length} {kept}");
        assert!(kept * length <= usize::try_from(MOST).unwrap(), "{kept} of {length} bytes");
    }

    #[test]
    fn another_generation_asks_afresh() {
        let (catalog, verdicts) = (sample::catalog(), Verdicts::new());
        let reading = sample::rules_with("");
        let stopped = sample::rules_with("@id(\"stop\") forbid (principal, action, resource);");
        let mut person = sample::member_of(ACME);
        person.organization_role = Some(Role::Owner);
        let organization = catalog.organization(ACME).unwrap();
        let question = shows_home(&person, organization, ProofKind::Token, None);
        let ask = |rules, generation| verdicts.ask(rules, &question, generation).unwrap();
        assert!(ask(&reading, 1).permitted);
        assert!(!ask(&stopped, 1).permitted, "other rules, same generation");
        assert_eq!(ask(&reading, 2).basis.generation, 2);
        assert_eq!(ask(&reading, 1).basis.generation, 1);
    }
}
