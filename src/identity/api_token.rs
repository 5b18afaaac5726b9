//! Making API tokens, and reading what they are to be good for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::shown::{TOKEN_PREFIX, proof_id};
use crate::catalog::{AccountId, Allowed, BadName, OrganizationId, ProjectName, Scope, TokenId};
use crate::ground::clock::Timestamp;
use crate::ground::random::Random;
use crate::ground::secret::Secret;
use crate::records::{NewToken, Records, RecordsError};
use crate::request::Operation;

/// A token as wished for.
#[derive(Debug)]
pub struct TokenWish<'a> {
    pub organization: OrganizationId,
    pub account: AccountId,
    pub name: &'a str,
    pub scope: &'a Scope,
    pub expires: Option<Timestamp>,
}

/// Makes a token. Its text is returned here once; the records hold its hash (R17).
///
/// # Errors
/// [`RecordsError::NotFound`] when the organization has no such account.
pub async fn create_token(
    records: &Records,
    random: &Random,
    wish: TokenWish<'_>,
) -> Result<(TokenId, Secret<String>), RecordsError> {
    let text = format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(random.bytes::<32>()));
    let TokenWish { organization, account, name, scope, expires } = wish;
    let new = NewToken { hash: &proof_id(&text).0, account, name, scope, expires };
    let id = records.insert_token(organization, new).await?;
    Ok((id, Secret::new(text)))
}

/// Why words are not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadScope {
    #[error("{word:?} is not a project's name: {cause}")]
    Project {
        word: String,
        #[source]
        cause: BadName,
    },
    #[error("{word:?} is not an operation")]
    Operation { word: String },
}

/// The scope in an operator's words. `None` is everything; an empty list is nothing at all.
///
/// # Errors
/// [`BadScope`] naming the first word that means nothing: a mistyped scope must not silently be a smaller one.
pub fn scope_from_words(
    projects: Option<&[String]>,
    operations: Option<&[String]>,
) -> Result<Scope, BadScope> {
    let project = |word: &String| {
        word.parse::<ProjectName>().map_err(|cause| BadScope::Project { word: word.clone(), cause })
    };
    let operation = |word: &String| {
        let known = Operation::NAMES.contains(&word.as_str());
        known.then(|| word.clone()).ok_or_else(|| BadScope::Operation { word: word.clone() })
    };
    Ok(Scope { projects: allowed(projects, project)?, operations: allowed(operations, operation)? })
}

fn allowed<T, E>(
    words: Option<&[String]>,
    read: impl FnMut(&String) -> Result<T, E>,
) -> Result<Allowed<T>, E> {
    match words {
        None => Ok(Allowed::All),
        Some(words) => Ok(Allowed::Only(words.iter().map(read).collect::<Result<_, E>>()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_everything_a_list_or_nothing_and_never_a_guess() {
        let words = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert_eq!(scope_from_words(None, None), Ok(Scope::ALL));
        let nothing = scope_from_words(Some(&[]), Some(&[])).unwrap();
        assert!(!nothing.operations.holds(&"ReadObject".to_owned()));
        let some = scope_from_words(Some(&words(&["scans"])), Some(&words(&["ReadObject"])));
        let some = some.unwrap();
        assert!(some.projects.holds(&"scans".parse().unwrap()));
        assert!(!some.projects.holds(&"other".parse().unwrap()));
        assert!(!some.operations.holds(&"WriteObject".to_owned()));
        let kept = serde_json::to_string(&some).unwrap();
        assert_eq!(serde_json::from_str::<Scope>(&kept).unwrap(), some);
        for (projects, operations) in
            [(words(&["Scans"]), words(&[])), (words(&[]), words(&["readobject"]))]
        {
            assert!(scope_from_words(Some(&projects), Some(&operations)).is_err());
        }
    }
}
