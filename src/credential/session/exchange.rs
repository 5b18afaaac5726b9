//! The exchange at sign-in: one call to STS for each role that the person's projects need and that his assertion holds, all
//! at once, bounded in number and time. One that fails fails nothing but itself: not another's call, not one to another STS,
//! and not what an earlier one brought.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::super::minter::Minter;
use super::super::person::is_session_name;
use super::super::saml::Shown;
use super::super::slot::MARGIN;
use super::super::sts::SessionPolicy;
use super::super::tools::Tools;
use super::needs::{Need, of_person};
use super::sealed::{self, KeySet, Owner};
use super::{ExchangeFailure, Exchanged, Presented};
use crate::catalog::{AccountId, Catalog, Project, ProjectId, ProjectName};
use crate::ground::clock::{SignedDuration, Timestamp};
use crate::ground::control::ControlFailed;
use crate::ground::secret::Secret;
use crate::identity::ProofId;
use crate::outbound::Host;
use crate::records::{KnownPerson, SessionCredentialRow};
use crate::telemetry::{Count, count};

/// Nobody waits longer for a sign-in than for a page.
pub(in crate::credential) const DEADLINE: Duration = Duration::from_secs(10);
/// Of one exchange, to one STS.
const CALLS_AT_ONCE: usize = 8;
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html>, `SAMLAssertion`.
const RESPONSE_AT_MOST: usize = 100_000;
/// The same, "Permissions".
const REDEEMED_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// What all calls of one exchange share.
#[derive(Debug)]
struct Proof {
    account: AccountId,
    response: Secret<String>,
    session_name: String,
    ends: Option<Timestamp>,
}

/// How long one call may take: first until it has its turn, then with STS. Both together are how long the exchange may, so
/// that every call ends by itself, and what came of it is known and noted, whoever waits for it.
#[derive(Debug, Clone, Copy)]
struct Patience {
    turn: Duration,
    call: Duration,
}

/// What is kept together: everything that one AWS role opens in one project.
struct Row<'n> {
    id: ProjectId,
    sets: Vec<KeySet>,
    failures: Vec<(&'n Need, ExchangeFailure)>,
}

impl From<Duration> for Patience {
    fn from(all: Duration) -> Self {
        let call = all * 2 / 5;
        Self { turn: all.saturating_sub(call), call }
    }
}

impl Row<'_> {
    const fn of(project: &Project) -> Self {
        Self { id: project.id, sets: Vec::new(), failures: Vec::new() }
    }
}

impl Minter {
    /// Exchanges an assertion for the credentials that this person's projects need: the caller keeps the rows with the
    /// session, and tells the failures. In the order of the projects' names.
    ///
    /// Nothing is asked for that the assertion does not hold as a pair of role and provider, nor for a role that the settings
    /// do not list. Where no AWS role stands for the person's role, nothing is needed, and nothing fails.
    pub async fn exchange(
        &self,
        catalog: &Catalog,
        person: &KnownPerson,
        session: &ProofId,
        presented: &Presented,
    ) -> Vec<Exchanged> {
        let sources = self.sources();
        let needs = of_person(catalog, person, &sources.shelves).into_iter().map(Arc::new);
        let needs: Vec<_> = needs.collect();
        let had = self.call_all(&needs, person.account, presented).await;
        let mut rows: BTreeMap<(ProjectName, &str), Row<'_>> = BTreeMap::new();
        for (need, outcome) in needs.iter().zip(had) {
            let (project, role) = (&need.project, need.role.as_str());
            let row = rows.entry((project.name.clone(), role)).or_insert_with(|| Row::of(project));
            match outcome {
                Ok(set) => row.sets.push(set),
                Err(failure) => {
                    count(Count::CredentialFailures);
                    let (person, cause) = (person.email.as_str(), failure.logged());
                    tracing::warn!(person, project = %project.name, role, cause, "no credential for who signs in");
                    row.failures.push((need, failure));
                }
            }
        }
        let mut all = Vec::new();
        for ((project, role), Row { id, mut sets, failures }) in rows {
            let owner = Owner { session, account: person.account, project: id, role };
            let nothing_new = sets.is_empty();
            let failed: Vec<_> = failures.iter().map(|(need, _)| *need).collect();
            sets.extend(self.left(owner, &failed, nothing_new).await);
            let row = (!sets.is_empty()).then(|| self.keep(owner, &sets, catalog.last_change()));
            // What is only kept is nothing that was had.
            let (had, mut kept) = if nothing_new { (None, row) } else { (row, None) };
            let failures = failures.into_iter().map(|(_, failure)| Err(failure));
            for outcome in had.into_iter().chain(failures) {
                let (project, role) = (project.clone(), role.to_owned());
                let kept = kept.take().and_then(Result::ok);
                all.push(Exchanged { project, role, outcome, kept });
            }
        }
        all
    }

    /// What the session has of what could not be had anew: it serves to its end. Where nothing at all is new, what is kept stays
    /// as it is, unless the records are about to drop it for a part that has ended.
    async fn left(&self, owner: Owner<'_>, failed: &[&Need], nothing_new: bool) -> Vec<KeySet> {
        let (Some(vault), false) = (self.vault(), failed.is_empty()) else { return Vec::new() };
        // A session that begins has nothing; what cannot be read cannot be kept.
        let sets = vault.sets(owner).await.unwrap_or_default();
        let now = self.tools().clock.now();
        let (sets, over): (Vec<_>, Vec<_>) = sets.into_iter().partition(|set| set.serves_at(now));
        if nothing_new && over.is_empty() {
            return Vec::new();
        }
        let left = |set: KeySet| {
            let credential = set.credential.clone();
            set.only(|storage| failed.iter().any(|need| need.is_for(storage, &credential)))
        };
        sets.into_iter().filter_map(left).collect()
    }

    fn keep(
        &self,
        owner: Owner<'_>,
        sets: &[KeySet],
        as_of: i64,
    ) -> Result<SessionCredentialRow, ExchangeFailure> {
        let vault = self.vault().ok_or(ExchangeFailure::NothingKept)?;
        let sealed = sealed::seal(&vault.master, owner, sets);
        let sealed = sealed.ok_or(ExchangeFailure::NothingKept)?;
        // From then on, something of it is missing.
        let expires = sets.iter().map(|set| set.ends).min().unwrap_or(Timestamp::MIN);
        let (project, role) = (owner.project, owner.role.to_owned());
        Ok(SessionCredentialRow { project, role, sealed, expires, as_of })
    }

    /// One outcome for each need, in their order.
    async fn call_all(
        &self,
        needs: &[Arc<Need>],
        account: AccountId,
        presented: &Presented,
    ) -> Vec<Result<KeySet, ExchangeFailure>> {
        let now = self.tools().clock.now();
        let checks = needs.iter().map(|need| check(need, presented, now).err());
        let mut failures: Vec<_> = checks.collect();
        let proof = Proof {
            account,
            response: presented.response.clone(),
            session_name: presented.asserted.session_name.clone().unwrap_or_default(),
            ends: presented.ends,
        };
        let sound = needs.iter().zip(&failures).enumerate();
        let sound = sound.filter(|(_, (_, failure))| failure.is_none());
        let sound: Vec<_> = sound.map(|(at, (need, _))| (at, Arc::clone(need))).collect();
        let calls = calls(self.tools().clone(), (proof, self.patience().into()), sound);
        // Over there, so that it is finished whoever waits for it.
        let mut had = self.tools().control.run(calls).await.unwrap_or_default();
        let outcome = |(at, failure): (usize, &mut Option<ExchangeFailure>)| match failure.take() {
            Some(failure) => Err(failure),
            None => had.remove(&at).unwrap_or(Err(ExchangeFailure::Sts(ControlFailed.into()))),
        };
        failures.iter_mut().enumerate().map(outcome).collect()
    }
}

type Had = BTreeMap<usize, Result<KeySet, ExchangeFailure>>;

/// Makes the calls. Each STS has turns of its own, so that none waits for another's.
async fn calls(
    tools: Tools,
    (proof, patience): (Proof, Patience),
    needs: Vec<(usize, Arc<Need>)>,
) -> Had {
    let mut at_once: HashMap<Host, Arc<Semaphore>> = HashMap::new();
    let (proof, mut calls) = (Arc::new(proof), JoinSet::new());
    for (at, need) in needs {
        let there = at_once.entry(need.roles.host().clone());
        let there = there.or_insert_with(|| Arc::new(Semaphore::new(CALLS_AT_ONCE)));
        let (tools, proof, there) = (tools.clone(), Arc::clone(&proof), Arc::clone(there));
        let one = async move { Box::pin(call(&tools, &proof, (&need, there), patience)).await };
        calls.spawn(async move { (at, one.await) });
    }
    let mut had = Had::new();
    while let Some(outcome) = calls.join_next().await {
        // One that panicked has no outcome.
        had.extend(outcome);
    }
    had
}

async fn call(
    tools: &Tools,
    proof: &Proof,
    (need, at_once): (&Need, Arc<Semaphore>),
    patience: Patience,
) -> Result<KeySet, ExchangeFailure> {
    let unlisted = || ExchangeFailure::NotListed { credential: need.credential.to_string() };
    let role = need.roles.get(&need.role).ok_or_else(unlisted)?;
    let storages = need.storages.iter().map(|storage| &**storage);
    let policy = SessionPolicy::for_storages(storages, role.partition());
    let policy = policy.map_err(ExchangeFailure::Sts)?;
    let shown = Shown {
        provider: &need.provider,
        assertion: &proof.response,
        session_name: &proof.session_name,
        ends: proof.ends,
    };
    let late = |_late| ExchangeFailure::NoTurn { seconds: patience.turn.as_secs() };
    let turn = role.turn(tools, proof.account, at_once);
    let turn = tokio::time::timeout(patience.turn, turn).await.map_err(late)?;
    let turn = turn.map_err(ExchangeFailure::Sts)?;
    let keys = need.roles.exchange(tools, (turn, patience.call), &policy, &shown).await;
    let keys = keys.map_err(ExchangeFailure::Sts)?;
    let ends = keys.expires().into_iter().chain(proof.ends).min().unwrap_or(Timestamp::MIN);
    let storages = need.storages.iter().map(|storage| KeySet::of(storage)).collect();
    count(Count::CredentialsMinted);
    let (credential, session_name) = (need.credential.clone(), proof.session_name.clone());
    Ok(KeySet { credential, keys, session_name, ends, storages })
}

/// What can be known without a call.
fn check(need: &Need, presented: &Presented, now: Timestamp) -> Result<(), ExchangeFailure> {
    let Presented { response, asserted, issued, ends } = presented;
    if !asserted.holds(&need.role, &need.provider) {
        return Err(ExchangeFailure::NotAsserted { provider: need.provider.clone() });
    }
    if need.roles.get(&need.role).is_none() {
        return Err(ExchangeFailure::NotListed { credential: need.credential.to_string() });
    }
    if !asserted.session_name.as_deref().is_some_and(is_session_name) {
        return Err(ExchangeFailure::NoSessionName);
    }
    let age = now.duration_since(*issued);
    if age > REDEEMED_WITHIN {
        return Err(ExchangeFailure::Stale { seconds: age.as_secs() });
    }
    if ends.is_some_and(|ends| ends.duration_since(now) <= MARGIN) {
        return Err(ExchangeFailure::Ended);
    }
    match response.expose().len() {
        0..=RESPONSE_AT_MOST => Ok(()),
        characters => Err(ExchangeFailure::TooLarge { characters, most: RESPONSE_AT_MOST }),
    }
}
