//! The sign-in form as it is posted: three fields, each at most once, nothing else.

use std::borrow::Cow;

use super::ReturnAddress;
use crate::ground::secret::Secret;

/// What somebody typed.
#[derive(Debug)]
pub struct SignInForm {
    pub email: String,
    pub password: Secret<String>,
    pub return_to: ReturnAddress,
}

/// Why a body is not the form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadForm {
    #[error("the field {0} is missing")]
    Missing(&'static str),
    #[error("the field {0} stands twice")]
    Doubled(&'static str),
    #[error("a field that the form does not have")]
    Unknown,
}

impl SignInForm {
    /// Reads `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// [`BadForm`] as its variants say. An unsafe return address is no error: it becomes home.
    pub fn parse(body: &[u8]) -> Result<Self, BadForm> {
        let (mut email, mut password, mut return_to) = (None, None, None);
        for (name, value) in form_urlencoded::parse(body) {
            match &*name {
                "email" => once(&mut email, "email", value)?,
                "password" => once(&mut password, "password", value)?,
                "return" => once(&mut return_to, "return", value)?,
                _ => return Err(BadForm::Unknown),
            }
        }
        Ok(Self {
            email: email.ok_or(BadForm::Missing("email"))?.trim().to_owned(),
            password: Secret::new(password.ok_or(BadForm::Missing("password"))?),
            return_to: ReturnAddress::or_home(return_to.as_deref()),
        })
    }
}

pub(super) fn once(
    field: &mut Option<String>,
    name: &'static str,
    value: Cow<'_, str>,
) -> Result<(), BadForm> {
    match field.replace(value.into_owned()) {
        None => Ok(()),
        Some(_) => Err(BadForm::Doubled(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::{BadForm, SignInForm};

    #[test]
    fn the_form_is_read_as_browsers_write_it() {
        let body =
            b"email=+ann%40example.com&password=a%2Bb+c%26%C3%A9+&return=%2F-%2Fobjects%2F%3Fa%3D1";
        let form = SignInForm::parse(body).unwrap();
        assert_eq!(form.email, "ann@example.com");
        assert_eq!(form.password.expose(), "a+b c&é ");
        assert_eq!(form.return_to.as_str(), "/-/objects/?a=1");
    }

    #[test]
    fn hostile_or_absent_returns_lead_home() {
        for body in ["email=a&password=b", "email=a&password=b&return=%2F%2Fevil.example"] {
            assert_eq!(SignInForm::parse(body.as_bytes()).unwrap().return_to.as_str(), "/-/");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for (body, fault) in [
            ("", BadForm::Missing("email")),
            ("email=a", BadForm::Missing("password")),
            ("email=a&email=b&password=c", BadForm::Doubled("email")),
            ("email=a&password=b&password=c", BadForm::Doubled("password")),
            ("email=a&password=b&role=owner", BadForm::Unknown),
            ("Email=a&password=b", BadForm::Unknown),
        ] {
            assert_eq!(SignInForm::parse(body.as_bytes()).err(), Some(fault), "{body}");
        }
    }

    #[test]
    fn the_password_is_not_in_the_debug_form() {
        let form = SignInForm::parse(b"email=a&password=canary-7f3").unwrap();
        assert!(!format!("{form:?}").contains("canary-7f3"));
    }
}
