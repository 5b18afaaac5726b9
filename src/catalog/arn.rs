//! The names of things in IAM, as people write them into a catalogue: their form, not whether they exist
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>).

/// `arn:PARTITION:iam::ACCOUNT:saml-provider/NAME`
///
/// # Errors
/// What is wrong, in words.
pub fn provider(text: &str) -> Result<String, &'static str> {
    let byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let name = below(text, ":saml-provider/");
    let sound = name.is_some_and(|name| (1..=128).contains(&name.len()) && name.bytes().all(byte));
    if sound {
        Ok(text.to_owned())
    } else {
        Err("a provider is arn:aws:iam::123456789012:saml-provider/NAME")
    }
}

/// `arn:PARTITION:iam::ACCOUNT:role/[PATH/]NAME`
///
/// # Errors
/// What is wrong, in words.
pub fn role(text: &str) -> Result<String, &'static str> {
    const FORM: &str = "a role is arn:aws:iam::123456789012:role/NAME";
    let path = below(text, ":role/").ok_or(FORM)?;
    let name = path.rsplit('/').next().unwrap_or_default();
    if path.starts_with("aws-reserved/") || name.starts_with("AWSReservedSSO_") {
        return Err(
            "a role of IAM Identity Center can be had through that alone; make one of your own, \
                    which trusts the SAML provider",
        );
    }
    let byte = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@-_/".contains(&byte);
    let sound = (1..=64).contains(&name.len()) && path.bytes().all(byte) && text.len() <= LONGEST;
    if sound { Ok(text.to_owned()) } else { Err(FORM) }
}

const LONGEST: usize = 2048;

/// What stands behind `arn:PARTITION:iam::ACCOUNT` and this kind.
fn below<'t>(text: &'t str, kind: &str) -> Option<&'t str> {
    let rest = text.strip_prefix("arn:")?;
    let (partition, rest) = rest.split_once(":iam::")?;
    let (account, name) = rest.split_once(kind)?;
    let partition_byte = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    let sound = partition.starts_with("aws")
        && partition.bytes().all(partition_byte)
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit());
    sound.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_and_roles_are_told_by_their_form() {
        for (text, is_provider, is_role) in [
            ("arn:aws:iam::123456789012:saml-provider/idp", true, false),
            ("arn:aws-cn:iam::123456789012:saml-provider/My.Idp_1-a", true, false),
            ("arn:aws:iam::123456789012:role/x", false, true),
            ("arn:aws-us-gov:iam::123456789012:role/team/a+b=c,d.e@f-g_h", false, true),
            ("arn:aws:iam::123456789012:saml-provider/", false, false),
            ("arn:aws:iam::123456789012:saml-provider/a/b", false, false),
            ("arn:aws:iam::123456789012:oidc-provider/idp", false, false),
            ("arn:aws:iam::12345678901:role/x", false, false),
            ("arn:aws:iam::123456789012:role/", false, false),
            ("arn:aws:iam::123456789012:role/x y", false, false),
            ("arn:aws:iam::123456789012:user/x", false, false),
            ("arn:aws:sts::123456789012:assumed-role/x/s", false, false),
            ("arn:evil:iam::123456789012:role/x", false, false),
            (" arn:aws:iam::123456789012:role/x", false, false),
            ("", false, false),
        ] {
            assert_eq!(provider(text).is_ok(), is_provider, "{text}");
            assert_eq!(role(text).is_ok(), is_role, "{text}");
        }
    }

    #[test]
    fn roles_that_nobody_else_can_have_are_refused_with_what_to_do() {
        for path in [
            "aws-reserved/sso.amazonaws.com/AWSReservedSSO_Labelers_0123456789abcdef",
            "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_x",
            "AWSReservedSSO_x",
        ] {
            let refused = role(&format!("arn:aws:iam::123456789012:role/{path}"));
            assert!(refused.is_err_and(|why| why.contains("make one of your own")), "{path}");
        }
    }
}
