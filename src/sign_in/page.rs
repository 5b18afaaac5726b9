//! The sign-in page, as it first appears and as it comes back after a failed attempt. Needs no script.

use askama::Template;

use super::ReturnAddress;

/// The page's variable parts; askama escapes them.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    pub return_to: ReturnAddress,
    /// What was typed before, so that it need not be typed again. The password never comes back.
    pub email: String,
    /// Why the page is here again.
    pub problem: Option<&'static str>,
    /// Users of Label Studio's may come with the password that they have there.
    pub takes_label_studio: bool,
}

impl SignInPage {
    /// The page as a first visit sees it.
    #[must_use]
    pub const fn fresh(return_to: ReturnAddress, takes_label_studio: bool) -> Self {
        Self { return_to, email: String::new(), problem: None, takes_label_studio }
    }
}

#[cfg(test)]
mod tests {
    use askama::Template as _;

    use super::SignInPage;
    use crate::sign_in::ReturnAddress;

    #[test]
    fn hostile_text_is_escaped() {
        let page = SignInPage {
            return_to: ReturnAddress::parse("/-/?a=\"><script>alert(1)</script>").unwrap(),
            email: "\"><img src=x onerror=alert(1)>".to_owned(),
            problem: Some("The e-mail or the password is wrong."),
            takes_label_studio: true,
        };
        let html = page.render().unwrap();
        assert!(!html.contains("<script") && !html.contains("<img src=x"), "{html}");
        assert!(html.contains("role=\"alert\""));
    }

    #[test]
    fn a_first_visit_sees_no_problem() {
        let page = SignInPage::fresh(ReturnAddress::or_home(Some("/-/objects/p/s/k")), false);
        let html = page.render().unwrap();
        assert!(!html.contains("role=\"alert\"") && !html.contains("Label Studio"));
        assert!(html.contains("name=\"return\" value=\"/-/objects/p/s/k\""));
    }
}
