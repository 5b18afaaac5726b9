//! Somebody at the identity provider without a browser: follows redirects while they stay there, fills in the form for
//! name and password, keeps the cookies, and tells what a browser would post, or where it would go next.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{LOCATION, SET_COOKIE};
use reqwest::{Certificate, Client, RequestBuilder, Url, redirect};

use super::html::Form;
use super::{Idp, Setup};

/// One person's stay; the session there lives as long as this.
#[derive(Debug)]
pub struct Visit {
    client: Client,
    idp: String,
    setup: Arc<Mutex<Setup>>,
    cookies: Mutex<Vec<String>>,
}

/// What it came to.
#[derive(Debug, Clone)]
pub enum Arrived {
    /// It asks for name and password.
    SignIn(Questions),
    /// A page that posts itself elsewhere.
    Posted(Posted),
    /// A redirect to somebody else: the address.
    Left(String),
    /// A page for people, an error as a rule.
    Page { status: u16, text: String },
}

/// The form for name and password, and where it is.
#[derive(Debug, Clone)]
pub struct Questions {
    form: Form,
    at: Url,
}

/// What a browser would post by itself.
#[derive(Debug, Clone)]
pub struct Posted {
    pub endpoint: String,
    pub fields: Vec<(String, String)>,
}

impl Visit {
    pub fn new(idp: &Idp) -> Self {
        let mut client = Client::builder().no_proxy().cookie_store(true);
        client = client.redirect(redirect::Policy::none());
        if let Some(authority) = idp.authority() {
            let authority = Certificate::from_pem(authority.as_bytes()).unwrap();
            client = client.tls_certs_only([authority]);
        }
        Self {
            client: client.build().unwrap(),
            idp: idp.url.clone(),
            setup: Arc::clone(&idp.setup),
            cookies: Mutex::default(),
        }
    }

    /// Goes to this address of the identity provider, and on as it is told.
    pub async fn go(&self, url: &str) -> Arrived {
        assert!(url.starts_with(&self.idp), "{url} is not at the identity provider {}", self.idp);
        self.follow(self.client.get(url)).await
    }

    /// Signs in there, with his own password.
    pub async fn sign_in(&self, name: &str, url: &str) -> Posted {
        let password = self.setup.lock().unwrap().people[name].password.clone();
        self.try_password(name, &password, url).await.posted()
    }

    /// Signs in with this password, and tells what comes of it; asked must he be.
    pub async fn try_password(&self, name: &str, password: &str, url: &str) -> Arrived {
        let arrived = self.go(url).await;
        let Arrived::SignIn(Questions { form, at }) = arrived else {
            panic!("nobody asked {name} for a password: {arrived:?}")
        };
        let form = form.filled("username", name).filled("password", password);
        // SimpleSAMLphp's `action="?"` is its own page.
        let request = self.client.post(at.join(&form.action).unwrap());
        let mut body = form_urlencoded::Serializer::new(String::new());
        let body = body.extend_pairs(&form.fields).finish();
        let kind = "application/x-www-form-urlencoded";
        self.follow(request.header("content-type", kind).body(body)).await
    }

    /// What is answered without asking: because a session lives, or because the request forbids to ask.
    pub async fn passive(&self, url: &str) -> Posted {
        self.go(url).await.posted()
    }

    /// Signs in at the identity provider first, for this service provider, which did not ask.
    pub async fn unsolicited(&self, name: &str, entity_id: &str) -> Posted {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("spentityid", entity_id)
            .finish();
        let url = format!("{}saml2/idp/SSOService.php?{query}", self.idp);
        self.sign_in(name, &url).await
    }

    /// Signs out at the identity provider first: where it sends the browser, the first service provider or back here.
    pub async fn sign_out(&self, return_to: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("ReturnTo", return_to)
            .finish();
        let url = format!("{}saml2/idp/SingleLogoutService.php?{query}", self.idp);
        self.go(&url).await.left()
    }

    /// Every cookie that was set so far, as it was set.
    pub fn cookies(&self) -> Vec<String> {
        self.cookies.lock().unwrap().clone()
    }

    async fn follow(&self, mut request: RequestBuilder) -> Arrived {
        // A chain of SimpleSAMLphp's has three links.
        for _ in 0..10 {
            let answer = request.send().await.unwrap();
            let cookies = answer.headers().get_all(SET_COOKIE).into_iter();
            let cookies = cookies.map(|one| one.to_str().unwrap().to_owned());
            self.cookies.lock().unwrap().extend(cookies);
            let (status, at) = (answer.status(), answer.url().clone());
            if status.is_redirection() {
                let to = at.join(answer.headers()[LOCATION].to_str().unwrap()).unwrap();
                if !to.as_str().starts_with(&self.idp) {
                    return Arrived::Left(to.into());
                }
                request = self.client.get(to);
                continue;
            }
            return Arrived::read(status.as_u16(), at, answer.text().await.unwrap());
        }
        panic!("the identity provider redirects without end");
    }
}

impl Arrived {
    fn read(status: u16, at: Url, text: String) -> Self {
        match Form::find(&text) {
            Some(form) if form.posts && form.field("AuthState").is_some() => {
                Self::SignIn(Questions { form, at })
            }
            Some(form) if form.posts && form.field("SAMLResponse").is_some() => {
                Self::Posted(Posted { endpoint: form.action, fields: form.fields })
            }
            _ => Self::Page { status, text },
        }
    }

    #[track_caller]
    pub fn posted(self) -> Posted {
        let Self::Posted(posted) = self else { panic!("not an answer to post, but {self:?}") };
        posted
    }

    #[track_caller]
    pub fn left(self) -> String {
        let Self::Left(url) = self else { panic!("not sent elsewhere, but {self:?}") };
        url
    }
}

impl Posted {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// `SAMLResponse` as it is posted.
    pub fn response(&self) -> &str {
        self.field("SAMLResponse").unwrap()
    }

    /// The document in it.
    pub fn xml(&self) -> String {
        String::from_utf8(STANDARD.decode(self.response()).unwrap()).unwrap()
    }
}
