//! One file of policies as text, and where in it something stands.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cedar_policy::ffi::DetailedError;

use super::faults::{Fault, RulesError};
use super::rules::SCHEMA;

/// A file's name and text.
#[derive(Debug)]
pub(super) struct Source {
    name: PathBuf,
    text: String,
}

const SCHEMA_FILE: &str = "schema.cedarschema";

impl Source {
    pub(super) fn new(name: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Every `*.cedar` directly in the folder, by name. Another kind of file is a fault, so that a misspelt
    /// one (with its `forbid`s) is not overlooked.
    pub(super) fn read_folder(folder: &Path) -> Result<Vec<Self>, RulesError> {
        let unreadable = |file: &Path, fault: &io::Error| {
            Fault::of_file(
                file,
                format!("cannot be read: {fault}"),
                "check [policy] folder and its permissions",
            )
        };
        let mut files = fs::read_dir(folder)
            .and_then(|entries| {
                entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>()
            })
            .map_err(|fault| RulesError::one(unreadable(folder, &fault)))?;
        files.sort_unstable();
        let mut sources = Vec::new();
        let mut faults = Vec::new();
        for file in files {
            match Kind::of(&file) {
                Kind::Beside => {}
                Kind::Unknown => faults.push(Fault::of_file(
                    file,
                    "is neither *.cedar, *.md nor schema.cedarschema",
                    "rename it, or move it out of the folder",
                )),
                Kind::Policies => match fs::read_to_string(&file) {
                    Ok(text) => sources.push(Self::new(file, text)),
                    Err(fault) => faults.push(unreadable(&file, &fault)),
                },
                Kind::Schema => match fs::read_to_string(&file) {
                    Ok(text) if text == SCHEMA => {}
                    Ok(_) => faults.push(Fault::of_file(
                        file,
                        "is not the schema of this version of the program",
                        "remove it, or replace it by the policies/schema.cedarschema of this version",
                    )),
                    Err(fault) => faults.push(unreadable(&file, &fault)),
                },
            }
        }
        RulesError::unless_empty(faults)?;
        Ok(sources)
    }

    pub(super) fn name(&self) -> &Path {
        &self.name
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What Cedar says, at the place that it names: else at the policy's.
    pub(super) fn fault(
        &self,
        detail: &DetailedError,
        policy: Option<&str>,
        remedy: &str,
    ) -> Fault {
        let place = detail.source_locations.first().map(|place| self.line_at(place.loc.start));
        let message = match policy {
            Some(id) => detail.message.replace(&format!("for policy `{id}`, "), &format!("{id}: ")),
            None => detail.message.clone(),
        };
        Fault {
            file: self.name.clone(),
            line: place.or_else(|| policy.and_then(|id| self.line_of_policy(id))),
            message,
            remedy: detail.help.clone().unwrap_or_else(|| remedy.to_owned()),
        }
    }

    /// Something wrong with the policy of this `@id`, at its last place in the file.
    pub(super) fn fault_of_policy(&self, id: &str, message: String, remedy: &str) -> Fault {
        let at = self.text.rfind(&annotation(id)).map(|offset| self.line_at(offset));
        Fault { file: self.name.clone(), line: at, message, remedy: remedy.to_owned() }
    }

    /// The line of the policy's `@id`, if it stands in this file.
    pub(super) fn line_of_policy(&self, id: &str) -> Option<usize> {
        self.text.find(&annotation(id)).map(|offset| self.line_at(offset))
    }

    fn line_at(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }
}

fn annotation(id: &str) -> String {
    format!("@id(\"{id}\")")
}

enum Kind {
    Policies,
    Schema,
    /// A subfolder, a README, or hidden.
    Beside,
    Unknown,
}

impl Kind {
    fn of(file: &Path) -> Self {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let extension = file.extension().unwrap_or_default();
        if name.starts_with('.') || file.is_dir() || extension == "md" {
            Self::Beside
        } else if extension == "cedar" {
            Self::Policies
        } else if name == SCHEMA_FILE {
            Self::Schema
        } else {
            Self::Unknown
        }
    }
}
