//! The names of SAML 2.0 (core, metadata), XML Signature and XML Encryption that are read here, each as its namespace and local
//! name.

use roxmltree::Node;

/// The name of an element, to be met exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) space: &'static str,
    pub(super) local: &'static str,
}

impl Name {
    /// Whether the element has this name.
    pub(super) fn is(self, node: Node<'_, '_>) -> bool {
        node.is_element()
            && node.tag_name().name() == self.local
            && node.tag_name().namespace() == Some(self.space)
    }
}

pub(super) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(super) const ASSERTIONS: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub(super) const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
pub(super) const SIGNATURES: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(super) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub(super) const ENCRYPTION: &str = "http://www.w3.org/2001/04/xmlenc#";
pub(super) const ENCRYPTION_11: &str = "http://www.w3.org/2009/xmlenc11#";

macro_rules! names {
    ($($space:ident: $($constant:ident $local:literal),+;)+) => {
        $($(pub(super) const $constant: Name = Name { space: $space, local: $local };)+)+
    };
}

names! {
    PROTOCOL: RESPONSE "Response", STATUS "Status", STATUS_CODE "StatusCode", STATUS_MESSAGE "StatusMessage",
        STATUS_DETAIL "StatusDetail";
    ASSERTIONS: ASSERTION "Assertion", ENCRYPTED_ASSERTION "EncryptedAssertion", ISSUER "Issuer", SUBJECT "Subject", NAME_ID "NameID",
        CONFIRMATION "SubjectConfirmation", CONFIRMATION_DATA "SubjectConfirmationData",
        CONDITIONS "Conditions", RESTRICTION "AudienceRestriction", AUDIENCE "Audience",
        ONE_TIME_USE "OneTimeUse", PROXY_RESTRICTION "ProxyRestriction",
        SIGN_IN "AuthnStatement", LOCALITY "SubjectLocality", CONTEXT "AuthnContext",
        CONTEXT_CLASS "AuthnContextClassRef", CONTEXT_DECLARATION "AuthnContextDeclRef",
        AUTHORITY "AuthenticatingAuthority",
        ATTRIBUTES "AttributeStatement", ATTRIBUTE "Attribute", VALUE "AttributeValue";
    METADATA: ENTITY "EntityDescriptor", ENTITIES "EntitiesDescriptor", PROVIDER "IDPSSODescriptor",
        KEY "KeyDescriptor", SINGLE_SIGN_ON "SingleSignOnService", SINGLE_LOGOUT "SingleLogoutService";
    SIGNATURES: SIGNATURE "Signature", SIGNED_INFO "SignedInfo", CANONICALIZATION "CanonicalizationMethod",
        METHOD "SignatureMethod", REFERENCE "Reference", TRANSFORMS "Transforms", TRANSFORM "Transform",
        DIGEST_METHOD "DigestMethod", DIGEST_VALUE "DigestValue", SIGNATURE_VALUE "SignatureValue",
        KEY_INFO "KeyInfo", X509_DATA "X509Data", X509_CERTIFICATE "X509Certificate", KEY_NAME "KeyName",
        KEY_VALUE "KeyValue";
    EXCLUSIVE: INCLUSIVE "InclusiveNamespaces";
    ENCRYPTION: ENCRYPTED_DATA "EncryptedData", ENCRYPTED_KEY "EncryptedKey", ENCRYPTION_METHOD "EncryptionMethod",
        OAEP_PARAMETERS "OAEPparams", CIPHER_DATA "CipherData", CIPHER_VALUE "CipherValue",
        REFERENCE_LIST "ReferenceList", DATA_REFERENCE "DataReference";
    ENCRYPTION_11: MASK "MGF";
}
