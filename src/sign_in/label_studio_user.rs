//! The page on which somebody shows that a user of Label Studio's is he, as it first appears and as it comes back with a reason,
//! and its form.

use askama::Template;

use super::{BadForm, ReturnAddress, form};
use crate::ground::secret::Secret;

/// The page's variable parts; askama escapes them.
#[derive(Debug, Clone, Template)]
#[template(path = "label_studio_user.html")]
pub struct LabelStudioUserPage {
    /// His, here and there.
    pub email: String,
    pub return_to: ReturnAddress,
    /// Why the page is here again.
    pub problem: Option<&'static str>,
}

/// What he typed.
#[derive(Debug)]
pub struct LabelStudioUserForm {
    pub password: Secret<String>,
    pub return_to: ReturnAddress,
}

impl LabelStudioUserForm {
    /// Reads `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// [`BadForm`] as its variants say. An unsafe return address is no error: it becomes home.
    pub fn parse(body: &[u8]) -> Result<Self, BadForm> {
        let (mut password, mut return_to) = (None, None);
        for (name, value) in form_urlencoded::parse(body) {
            match &*name {
                "password" => form::once(&mut password, "password", value)?,
                "return" => form::once(&mut return_to, "return", value)?,
                _ => return Err(BadForm::Unknown),
            }
        }
        Ok(Self {
            password: Secret::new(password.ok_or(BadForm::Missing("password"))?),
            return_to: ReturnAddress::or_home(return_to.as_deref()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_escaped_and_no_password_comes_back() {
        let email = "\"><script>@example.com".to_owned();
        let return_to = ReturnAddress::or_home(Some("/projects/1"));
        let page = LabelStudioUserPage { email, return_to, problem: Some("That is not it.") };
        let html = page.render().unwrap();
        assert!(!html.contains("<script>@") && html.contains("role=\"alert\""), "{html}");
        assert!(
            html.contains("value=\"/projects/1\"") && !html.contains("type=\"password\" value")
        );
    }

    #[test]
    fn the_form_has_a_password_and_perhaps_a_way_back_and_names_nobody() {
        let form = LabelStudioUserForm::parse(b"password=a+b&return=%2F%2Fevil.example").unwrap();
        assert_eq!((&**form.password.expose(), form.return_to.as_str()), ("a b", "/-/"));
        for body in
            ["return=%2F", "password=a&password=b", "password=a&email=b", "password=a&user=7"]
        {
            assert!(LabelStudioUserForm::parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
