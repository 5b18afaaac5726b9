//! The page of an invitation, as it first appears and as it comes back with a reason, and its form.

use askama::Template;

use super::{BadForm, form};
use crate::ground::secret::Secret;

/// The page's variable parts; askama escapes them.
#[derive(Debug, Clone, Template)]
#[template(path = "invitation.html")]
pub struct InvitationPage {
    pub organization: String,
    /// What was typed before. The password never comes back.
    pub email: String,
    /// Why the page is here again.
    pub problem: Option<&'static str>,
}

/// What the invited typed.
#[derive(Debug)]
pub struct InvitationForm {
    pub email: String,
    pub password: Secret<String>,
}

impl InvitationForm {
    /// Reads `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// [`BadForm`] as its variants say.
    pub fn parse(body: &[u8]) -> Result<Self, BadForm> {
        let (mut email, mut password) = (None, None);
        for (name, value) in form_urlencoded::parse(body) {
            match &*name {
                "email" => form::once(&mut email, "email", value)?,
                "password" => form::once(&mut password, "password", value)?,
                _ => return Err(BadForm::Unknown),
            }
        }
        Ok(Self {
            email: email.ok_or(BadForm::Missing("email"))?.trim().to_owned(),
            password: Secret::new(password.ok_or(BadForm::Missing("password"))?),
        })
    }
}

#[cfg(test)]
mod tests {
    use askama::Template as _;

    use super::{InvitationForm, InvitationPage};

    #[test]
    fn hostile_text_is_escaped_and_no_password_comes_back() {
        let page = InvitationPage {
            organization: "<script>alert(1)</script>".to_owned(),
            email: "\"><img src=x>".to_owned(),
            problem: Some("There is an account with this e-mail already."),
        };
        let html = page.render().unwrap();
        assert!(!html.contains("<script") && !html.contains("<img src=x"), "{html}");
        assert!(html.contains("role=\"alert\"") && !html.contains("type=\"password\" value"));
    }

    #[test]
    fn the_form_has_two_fields_and_no_role() {
        let form = InvitationForm::parse(b"email=+ann%40example.com&password=a+b").unwrap();
        assert_eq!((&*form.email, &**form.password.expose()), ("ann@example.com", "a b"));
        for body in
            ["email=a", "password=b", "email=a&password=b&role=owner", "email=a&email=b&password=c"]
        {
            assert!(InvitationForm::parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
