//! The sign-in page, as it first appears and as it comes back after a failed attempt. Needs no script.

use askama::Template;

use super::ReturnAddress;
use crate::catalog::OrganizationName;

/// The page's variable parts; askama escapes them.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    pub return_to: ReturnAddress,
    /// What was typed before, so that it need not be typed again. The password never comes back.
    pub email: String,
    /// Why the page is here again.
    pub problem: Option<&'static str>,
    pub ways: Ways,
}

/// How people may come, besides with a password of the gateway's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ways {
    /// Users of Label Studio's may come with the password that they have there.
    pub label_studio: bool,
    pub organizations: Organizations,
    /// Nearly nobody comes with a password.
    pub password_is_rare: bool,
}

/// Whose people sign in at an identity provider. Of several none is named: who is here is nobody's business.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Organizations {
    #[default]
    None,
    One(OrganizationName),
    Several,
}

impl SignInPage {
    /// Where the page's link to the identity provider leads.
    #[must_use]
    pub fn sso_address(&self, organization: &OrganizationName) -> String {
        sso_address(organization, &self.return_to)
    }

    /// The page as a first visit sees it.
    #[must_use]
    pub const fn fresh(return_to: ReturnAddress, ways: Ways) -> Self {
        Self { return_to, email: String::new(), problem: None, ways }
    }
}

/// Where a browser goes to sign in at this organization's identity provider, and then on.
#[must_use]
pub fn sso_address(organization: &OrganizationName, return_to: &ReturnAddress) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("return", return_to.as_str());
    format!("/-/saml/{organization}/sign-in?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use askama::Template as _;

    use super::{Organizations, SignInPage, Ways};
    use crate::sign_in::ReturnAddress;

    #[test]
    fn hostile_text_is_escaped() {
        let page = SignInPage {
            return_to: ReturnAddress::parse("/-/?a=\"><script>alert(1)</script>").unwrap(),
            email: "\"><img src=x onerror=alert(1)>".to_owned(),
            problem: Some("The e-mail or the password is wrong."),
            ways: Ways { label_studio: true, ..Ways::default() },
        };
        let html = page.render().unwrap();
        assert!(!html.contains("<script") && !html.contains("<img src=x"), "{html}");
        assert!(html.contains("role=\"alert\""));
    }

    #[test]
    fn a_first_visit_sees_no_problem() {
        let page =
            SignInPage::fresh(ReturnAddress::or_home(Some("/-/objects/p/s/k")), Ways::default());
        let html = page.render().unwrap();
        assert!(!html.contains("role=\"alert\"") && !html.contains("Label Studio"));
        assert!(html.contains("name=\"return\" value=\"/-/objects/p/s/k\""));
    }

    #[test]
    fn a_single_organization_has_a_link_and_several_are_asked_for_unnamed() {
        let page = |organizations| {
            let ways = Ways { organizations, password_is_rare: true, ..Ways::default() };
            SignInPage::fresh(ReturnAddress::or_home(Some("/projects/1?a=b&c")), ways).render()
        };
        let one = page(Organizations::One("acme".parse().unwrap())).unwrap();
        let link = "href=\"/-/saml/acme/sign-in?return=%2Fprojects%2F1%3Fa%3Db%26c\"";
        assert!(one.contains(link) && one.contains("<details"), "{one}");
        let several = page(Organizations::Several).unwrap();
        assert!(several.contains("name=\"organization\"") && !several.contains("/-/saml/"));
        let none = page(Organizations::None).unwrap();
        assert!(!none.contains("/-/saml/") && !none.contains("name=\"organization\""));
    }
}
