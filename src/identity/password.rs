//! Passwords: Argon2id, hashed few at a time, so that a flood of sign-ins cannot take all memory (R18).

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::catalog::Email;
use crate::ground::random::Random;
use crate::ground::secret::Secret;

/// What OWASP's cheat sheet on storing passwords recommends for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// So many hashes at a time: 38 MiB.
const AT_ONCE: usize = 2;
/// So many strangers wait for their turn (a few seconds at most); more are told to come back.
const STRANGERS_IN_LINE: usize = 64;
/// So many more whom the account knows, so that no crowd of strangers sends an owner away.
const FAMILIAR_IN_LINE: usize = 16;

const SHORTEST: usize = 8;
const LONGEST: usize = 128;

/// Why a password is not taken, or could not be hashed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("a password has at least {SHORTEST} characters")]
    TooShort,
    #[error("a password has at most {LONGEST} characters")]
    TooLong,
    #[error("a password is not the e-mail address")]
    IsEmail,
    #[error("too many passwords are being checked")]
    Busy,
    #[error("hashing failed: {0}")]
    Failed(String),
}

/// Who waits for a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whence {
    /// Somebody signed in to the account from there before, or the operator asks.
    Familiar,
    Elsewhere,
}

/// Hashes and checks passwords. Clones share the places.
#[derive(Debug, Clone)]
pub struct Passwords {
    strangers: Arc<Semaphore>,
    familiar: Arc<Semaphore>,
    places: Arc<Semaphore>,
    random: Random,
    /// Checked when there is no account, so that this takes as long as when there is one.
    nobodys: Arc<str>,
}

impl Passwords {
    /// # Errors
    /// [`PasswordError::Failed`] never in practice: one hash is made to be checked against later.
    pub fn new(random: Random) -> Result<Self, PasswordError> {
        let nobodys = hash(&random.bytes::<32>(), &random.bytes())?.into();
        let [strangers, familiar, places] = [STRANGERS_IN_LINE, FAMILIAR_IN_LINE, AT_ONCE]
            .map(|permits| Arc::new(Semaphore::new(permits)));
        Ok(Self { strangers, familiar, places, random, nobodys })
    }

    /// The hash to keep, in PHC form, of a password that keeps the rules.
    ///
    /// # Errors
    /// [`PasswordError`] naming the rule that it breaks, or that it could not be hashed now.
    pub async fn hash(
        &self,
        email: &Email,
        password: Secret<String>,
    ) -> Result<Secret<String>, PasswordError> {
        keeps_rules(email, password.expose())?;
        let salt = self.random.bytes();
        self.in_turn(Whence::Familiar, move || hash(password.expose().as_bytes(), &salt))
            .await?
            .map(Secret::new)
    }

    /// Whether the password belongs to the hash. Takes the same time when there is no hash.
    pub(super) async fn matches(
        &self,
        stored: Option<&Secret<String>>,
        password: Secret<String>,
        from: Whence,
    ) -> Result<bool, PasswordError> {
        let expected =
            stored.map_or_else(|| self.nobodys.to_string(), |hash| hash.expose().clone());
        let exists = stored.is_some();
        let expected = Secret::new(expected);
        let same = self.in_turn(from, move || verify(&expected, &password)).await?;
        Ok(same && exists)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        from: Whence,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let line = match from {
            Whence::Familiar => &self.familiar,
            Whence::Elsewhere => &self.strangers,
        };
        let _in_line = line.try_acquire().map_err(|_full| PasswordError::Busy)?;
        // The place belongs to the work, not to the one who waits: who leaves early frees nothing early.
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(failed)?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        });
        done.await.map_err(failed)
    }
}

/// 8 to 128 characters, and not the e-mail address (R18).
fn keeps_rules(email: &Email, password: &str) -> Result<(), PasswordError> {
    match password.chars().count() {
        short if short < SHORTEST => Err(PasswordError::TooShort),
        long if long > LONGEST => Err(PasswordError::TooLong),
        _ if password.trim().to_lowercase() == email.as_str() => Err(PasswordError::IsEmail),
        _ => Ok(()),
    }
}

fn argon() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &[u8], salt: &[u8; 16]) -> Result<String, PasswordError> {
    let hash: PasswordHash = argon()?.hash_password_with_salt(password, salt).map_err(failed)?;
    Ok(hash.to_string())
}

fn verify(expected: &Secret<String>, password: &Secret<String>) -> bool {
    let argon = argon().ok();
    let verified = argon
        .map(|it| it.verify_password(password.expose().as_bytes(), expected.expose().as_str()));
    matches!(verified, Some(Ok(())))
}

fn failed(cause: impl std::fmt::Display) -> PasswordError {
    PasswordError::Failed(cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_count_characters_and_refuse_the_e_mail() {
        let email = "ann@example.com".parse().unwrap();
        for (password, expected) in [
            ("1234567".to_owned(), Err(PasswordError::TooShort)),
            ("12345678".to_owned(), Ok(())),
            ("ääääääää".to_owned(), Ok(())),
            ("äääääää".to_owned(), Err(PasswordError::TooShort)),
            ("x".repeat(128), Ok(())),
            ("ä".repeat(128), Ok(())),
            ("x".repeat(129), Err(PasswordError::TooLong)),
            ("Ann@Example.com".to_owned(), Err(PasswordError::IsEmail)),
        ] {
            assert_eq!(keeps_rules(&email, &password), expected, "{password}");
        }
    }

    #[tokio::test]
    async fn a_hash_opens_for_its_password_only_and_nobodys_for_none() {
        let passwords = Passwords::new(Random::system()).unwrap();
        let email = "ann@example.com".parse().unwrap();
        let secret = |text: &str| Secret::new(text.to_owned());
        let one = passwords.hash(&email, secret("correct horse")).await.unwrap();
        let other = passwords.hash(&email, secret("correct horse")).await.unwrap();
        assert_ne!(one.expose(), other.expose(), "salted");
        assert!(one.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        for (stored, shown, expected) in [
            (Some(&one), "correct horse", true),
            (Some(&one), "correct horse ", false),
            (None, "correct horse", false),
            (Some(&secret("")), "", false),
        ] {
            let matches = passwords.matches(stored, secret(shown), Whence::Elsewhere).await;
            assert_eq!(matches, Ok(expected), "{shown:?}");
        }
    }

    #[tokio::test]
    async fn a_flood_is_sent_away_instead_of_filling_the_memory() {
        let passwords = Passwords::new(Random::system()).unwrap();
        let _all_in_line = passwords.strangers.acquire_many(64).await.unwrap();
        let asked = |from| passwords.matches(None, Secret::new("x".to_owned()), from);
        assert_eq!(asked(Whence::Elsewhere).await, Err(PasswordError::Busy));
        assert_eq!(asked(Whence::Familiar).await, Ok(false), "places are kept for whom it knows");
    }
}
