//! Our own metadata (SAML metadata 2.3 and 2.4), as an identity provider's operator imports them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::markup::Markup;
use super::metadata::{POST, REDIRECT};
use super::names::{METADATA, PROTOCOL, SIGNATURES};
use super::service_key::ServiceKey;
use super::service_provider::ServiceProvider;

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// What may be encrypted for us, by R8: a key by OAEP, and what it encrypts by GCM.
const ENCRYPTION: [&str; 3] = [
    "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
    "http://www.w3.org/2009/xmlenc11#aes128-gcm",
    "http://www.w3.org/2009/xmlenc11#aes256-gcm",
];

/// The names that we can tell people apart by. Not transient ones: they are others at each sign-in.
const FORMATS: [&str; 2] = [
    "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
];

impl ServiceProvider {
    /// The document that [`Self::metadata_address`] serves (`application/samlmetadata+xml`).
    #[must_use]
    pub fn metadata(&self) -> String {
        let mut markup = Markup::default();
        let entity = [
            ("xmlns:md", Some(METADATA)),
            ("xmlns:ds", Some(SIGNATURES)),
            ("entityID", Some(self.entity_id())),
        ];
        markup.open("md:EntityDescriptor", &entity);
        let role = [
            ("AuthnRequestsSigned", Some("true")),
            ("WantAssertionsSigned", Some("true")),
            ("protocolSupportEnumeration", Some(PROTOCOL)),
        ];
        markup.open("md:SPSSODescriptor", &role);
        for key in self.keys() {
            announce(&mut markup, key, "signing", &[]);
        }
        for key in self.keys().filter(|key| key.decrypting().is_some()) {
            announce(&mut markup, key, "encryption", &ENCRYPTION);
        }
        let sign_out = [("Binding", Some(REDIRECT)), ("Location", Some(self.sign_out()))];
        markup.empty("md:SingleLogoutService", &sign_out);
        for format in FORMATS {
            markup.text("md:NameIDFormat", &[], format);
        }
        let endpoint = [
            ("Binding", Some(POST)),
            ("Location", Some(self.endpoint())),
            ("index", Some("0")),
            ("isDefault", Some("true")),
        ];
        markup.empty("md:AssertionConsumerService", &endpoint);
        markup.close("md:SPSSODescriptor");
        markup.close("md:EntityDescriptor");
        format!("{XML}{}\n", markup.finish())
    }
}

fn announce(markup: &mut Markup, key: &ServiceKey, to: &'static str, methods: &[&'static str]) {
    markup.open("md:KeyDescriptor", &[("use", Some(to))]);
    markup.open("ds:KeyInfo", &[]);
    markup.open("ds:X509Data", &[]);
    markup.text("ds:X509Certificate", &[], &STANDARD.encode(key.certificate().der()));
    markup.close("ds:X509Data");
    markup.close("ds:KeyInfo");
    for method in methods {
        markup.empty("md:EncryptionMethod", &[("Algorithm", Some(method))]);
    }
    markup.close("md:KeyDescriptor");
}

#[cfg(test)]
mod tests {
    use roxmltree::{Document, Node};

    use super::super::certificate::Certificate;
    use super::super::names::METADATA;
    use super::super::peer::{Made, elliptic, rsa};
    use super::super::service_provider::ServiceProvider;

    fn document(entity_id: Option<&str>, keys: &[&Made]) -> String {
        let keys = keys.iter().map(|key| key.service_key()).collect();
        let address = "https://gateway.example.com";
        ServiceProvider::new(address, &"acme".parse().unwrap(), entity_id, keys).unwrap().metadata()
    }

    fn named<'a>(document: &'a Document<'a>, local: &'a str) -> Vec<Node<'a, 'a>> {
        document.descendants().filter(|node| node.has_tag_name((METADATA, local))).collect()
    }

    fn attributes(node: Node<'_, '_>) -> Vec<(String, String)> {
        let owned =
            |one: roxmltree::Attribute<'_, '_>| (one.name().to_owned(), one.value().to_owned());
        node.attributes().map(owned).collect()
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn it_says_all_that_an_identity_provider_asks_for() {
        let text = document(None, &[rsa()]);
        let document = Document::parse(&text).unwrap();
        let root = document.root_element();
        assert!(root.has_tag_name((METADATA, "EntityDescriptor")));
        let base = "https://gateway.example.com/-/saml/acme";
        assert_eq!(attributes(root), pairs(&[("entityID", &format!("{base}/metadata"))]));
        let role = root.children().next().unwrap();
        // In the order of the schema.
        let children: Vec<_> = role.children().map(|node| node.tag_name().name()).collect();
        assert_eq!(
            children,
            [
                "KeyDescriptor",
                "KeyDescriptor",
                "SingleLogoutService",
                "NameIDFormat",
                "NameIDFormat",
                "AssertionConsumerService"
            ]
        );
        assert_eq!(
            attributes(role),
            pairs(&[
                ("AuthnRequestsSigned", "true"),
                ("WantAssertionsSigned", "true"),
                ("protocolSupportEnumeration", "urn:oasis:names:tc:SAML:2.0:protocol"),
            ])
        );
        assert_eq!(
            attributes(named(&document, "SingleLogoutService")[0]),
            pairs(&[
                ("Binding", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"),
                ("Location", &format!("{base}/slo")),
            ])
        );
        assert_eq!(
            attributes(named(&document, "AssertionConsumerService")[0]),
            pairs(&[
                ("Binding", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"),
                ("Location", &format!("{base}/acs")),
                ("index", "0"),
                ("isDefault", "true"),
            ])
        );
        let formats = named(&document, "NameIDFormat");
        let formats: Vec<_> = formats.iter().filter_map(|node| node.text()).collect();
        assert_eq!(
            formats,
            [
                "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
                "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
            ]
        );
    }

    #[test]
    fn both_keys_are_announced_and_only_rsa_ones_to_encrypt_for() {
        let methods = [
            "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
            "http://www.w3.org/2009/xmlenc11#aes128-gcm",
            "http://www.w3.org/2009/xmlenc11#aes256-gcm",
        ];
        let text = document(None, &[elliptic(), rsa()]);
        let document = Document::parse(&text).unwrap();
        let found: Vec<_> = named(&document, "KeyDescriptor")
            .into_iter()
            .map(|key| {
                let texts =
                    key.descendants().find(|node| node.tag_name().name() == "X509Certificate");
                let certificate = Certificate::from_base64(texts.unwrap().text().unwrap()).unwrap();
                let methods =
                    key.children().filter(|node| node.tag_name().name() == "EncryptionMethod");
                let methods: Vec<_> =
                    methods.map(|node| node.attribute("Algorithm").unwrap().to_owned()).collect();
                (key.attribute("use").unwrap().to_owned(), certificate, methods)
            })
            .collect();
        let expected = [("signing", elliptic()), ("signing", rsa()), ("encryption", rsa())].map(
            |(to, made)| {
                let methods =
                    methods.iter().filter(|_| to == "encryption").map(|one| (*one).to_owned());
                (to.to_owned(), made.service_key().certificate().clone(), methods.collect())
            },
        );
        assert_eq!(found, expected);
    }

    #[test]
    fn an_entity_id_is_no_markup() {
        let strange = "urn:a\"/><b>&amp;'";
        let text = document(Some(strange), &[rsa()]);
        let document = Document::parse(&text).unwrap();
        assert_eq!(document.root_element().attribute("entityID"), Some(strange));
    }
}
