//! Storages of different projects that hold the same objects: allowed, but seldom meant, since a member of either project
//! reaches what both hold.

use std::collections::BTreeMap;
use std::fmt;

use super::{OrganizationName, Place, ProjectName, StorageName};

/// Which storage, by the names from the organization down.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StorageKey {
    pub organization: OrganizationName,
    pub project: ProjectName,
    pub storage: StorageName,
}

/// One storage of one project lies within another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    pub outer: StorageKey,
    pub inner: StorageKey,
}

/// All overlaps between storages of different projects.
#[must_use]
pub fn overlaps(places: &BTreeMap<StorageKey, Place>) -> Vec<Overlap> {
    let mut grounds: BTreeMap<String, Vec<(&str, &StorageKey)>> = BTreeMap::new();
    for (key, place) in places {
        grounds.entry(place.ground()).or_default().push((place.prefix().as_str(), key));
    }
    let mut found = Vec::new();
    for mut there in grounds.into_values() {
        // What lies within a prefix follows right after it.
        there.sort();
        for (at, (prefix, outer)) in there.iter().enumerate() {
            let within =
                there.iter().skip(at + 1).take_while(|(inner, _)| inner.starts_with(prefix));
            let others = within.filter(|(_, inner)| !inner.shares_project(outer));
            found.extend(
                others
                    .map(|(_, inner)| Overlap { outer: (*outer).clone(), inner: (*inner).clone() }),
            );
        }
    }
    found
}

impl StorageKey {
    fn shares_project(&self, other: &Self) -> bool {
        (&self.organization, &self.project) == (&other.organization, &other.project)
    }
}

impl Overlap {
    /// Whether this storage is one of the two.
    #[must_use]
    pub fn concerns(&self, key: &StorageKey) -> bool {
        self.outer == *key || self.inner == *key
    }
}

impl fmt::Display for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.organization, self.project, self.storage)
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { outer, inner } = self;
        write!(
            f,
            "storage {inner} lies within storage {outer}: members of either project reach its objects"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Addressing, Prefix, S3Place};

    #[test]
    fn places_of_different_projects_that_nest_are_found() {
        let names = |text: &str| {
            let [organization, project, storage] = text.split('/').collect::<Vec<_>>()[..] else {
                panic!("{text}")
            };
            let (organization, project) = (organization.parse().unwrap(), project.parse().unwrap());
            StorageKey { organization, project, storage: storage.parse().unwrap() }
        };
        let place = |bucket: &str, prefix, endpoint: Option<&str>| {
            Place::S3(S3Place {
                bucket: bucket.to_owned(),
                prefix: Prefix::new(prefix),
                region: "eu-central-1".to_owned(),
                endpoint: endpoint.map(str::to_owned),
                addressing: Addressing::Path,
            })
        };
        let lab = Some("https://lab.example");
        let places = [
            ("a/all/s", place("media", "", None)),
            ("a/faces/s", place("media", "faces", Some("https://s3.eu-central-1.amazonaws.com"))),
            // The same project may have two ways to the same objects.
            ("a/faces/t", place("media", "faces/new", None)),
            ("b/same/s", place("media", "faces", None)),
            ("b/near/s", place("lab", "faces", lab)),
            ("a/near/s", place("lab", "faces-secret", lab)),
            ("a/other/s", place("media", "", lab)),
        ];
        let places = places.map(|(key, place)| (names(key), place)).into();
        let found: Vec<_> =
            overlaps(&places).iter().map(|one| format!("{} in {}", one.inner, one.outer)).collect();
        let expected = [
            "a/faces/s in a/all/s",
            "b/same/s in a/all/s",
            "a/faces/t in a/all/s",
            "b/same/s in a/faces/s",
            "a/faces/t in b/same/s",
        ];
        assert_eq!(found, expected);
    }
}
