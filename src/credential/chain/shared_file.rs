//! The shared `config` and `credentials` files: sections of `name = value` lines
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>).

use std::collections::BTreeMap;

use crate::ground::secret::Secret;

/// Every profile of both files, by name.
#[derive(Debug, Default)]
pub(super) struct Profiles(BTreeMap<String, Profile>);

/// One profile's properties.
#[derive(Debug, Default)]
pub(super) struct Profile(BTreeMap<String, Secret<String>>);

/// Which of the two a text is: they name their sections differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// `[profile NAME]`, `[default]`; other sections are not profiles.
    Config,
    /// `[NAME]`
    Credentials,
}

impl Profiles {
    pub(super) fn get(&self, name: &str) -> Option<&Profile> {
        self.0.get(name)
    }

    /// Adds a file's profiles; what is there already is replaced, so `credentials` comes after `config`.
    pub(super) fn add(&mut self, text: &str, which: Which) {
        let mut section = None;
        for line in text.lines() {
            let nested = line.starts_with([' ', '\t']);
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) || nested {
                continue;
            }
            if let Some(rest) = line.strip_prefix('[') {
                section = rest.split_once(']').and_then(|(name, _)| profile_name(name, which));
            } else if let (Some(name), Some((key, value))) = (&section, line.split_once('=')) {
                let profile = self.0.entry(name.clone()).or_default();
                let value = Secret::new(without_comment(value).trim().to_owned());
                profile.0.insert(key.trim().to_ascii_lowercase(), value);
            }
        }
    }
}

impl Profile {
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.secret(key).map(|value| value.expose().as_str())
    }

    pub(super) fn secret(&self, key: &str) -> Option<&Secret<String>> {
        self.0.get(key).filter(|value| !value.expose().is_empty())
    }
}

fn profile_name(section: &str, which: Which) -> Option<String> {
    let section = section.trim();
    let name = match which {
        Which::Credentials => section,
        Which::Config if section == "default" => section,
        Which::Config => section.strip_prefix("profile")?.strip_prefix([' ', '\t'])?.trim(),
    };
    let bare = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(name);
    (!bare.is_empty()).then(|| bare.to_owned())
}

/// A `#` or `;` after white space starts a comment.
fn without_comment(value: &str) -> &str {
    [" #", " ;", "\t#", "\t;"]
        .iter()
        .filter_map(|mark| value.split_once(mark).map(|(before, _)| before))
        .min_by_key(|before| before.len())
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_read_as_aws_reads_them() {
        let mut profiles = Profiles::default();
        let config = "# head\n[default]\nregion = eu-west-1 # ours\ns3 =\n  addressing_style = path\n\
            [profile team]\nrole_arn=arn\nSource_Profile = default\n[sso-session x]\nsso_region = a\n\
            [profile \"two words\"]\nregion=b;c\n[nobody]\nregion=lost\n";
        profiles.add(config, Which::Config);
        let credentials = "[default]\naws_access_key_id = AKID\naws_secret_access_key = a=b#c/d+\n\
            region = eu-north-1\n[plain]\r\naws_access_key_id=OTHER\r\n";
        profiles.add(credentials, Which::Credentials);
        let text = |profile: &str, key: &str| {
            profiles.get(profile).and_then(|found| found.text(key)).map(str::to_owned)
        };
        assert_eq!(text("default", "region").as_deref(), Some("eu-north-1"));
        assert_eq!(text("default", "aws_secret_access_key").as_deref(), Some("a=b#c/d+"));
        assert_eq!(text("default", "addressing_style"), None);
        assert_eq!(text("default", "s3"), None);
        assert_eq!(text("team", "source_profile").as_deref(), Some("default"));
        assert_eq!(text("two words", "region").as_deref(), Some("b;c"));
        assert_eq!(text("plain", "aws_access_key_id").as_deref(), Some("OTHER"));
        assert!(profiles.get("x").is_none() && profiles.get("nobody").is_none());
        assert!(!format!("{profiles:?}").contains("a=b"));
    }
}
