//! Every key there is, once: the reader takes values by these, and `docs/settings.md` is written from them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, Uri};

use super::key::Absent::{Default, Optional, Required};
use super::key::Applies::{Reload, Restart};
use super::key::{Key, Row};
use super::kind::{
    HOUR, MINUTE, SECOND, address, boolean, choice, duration, file, files, integer, list, parsed,
    path, some, text,
};
use super::pieces::{CredentialKind, certificates, clear_text, keys as key_files};
use super::secret::{seal_key, secret};
use crate::audit::Durability;
use crate::catalog::{CredentialName, Email, OrganizationName, Several, WorkspaceName};
use crate::ground::seal::MasterKey;
use crate::ground::secret::Secret;
use crate::label_studio::{Passwords, Tokens, Version};
use crate::listener::{CertificateFiles, ClearText, CorsOrigin, Network, ServedHost};
use crate::outbound::Allowed;
use crate::sign_in::{BaseUrl, EmailDomain, KeyFiles, Mode, Preset, SignInContext, Unsolicited};
use crate::telemetry::{Form, Level};

macro_rules! keys {
    ($($constant:ident: $type:ty = $kind:expr, $section:literal $name:literal, $absent:expr, $applies:expr, $meaning:literal;)*) => {
        $(pub(super) const $constant: Key<$type> = $kind.key(($section, $name), $absent, $applies, $meaning);)*

        /// Every key, in the order of the document.
        pub const ROWS: &[Row] = &[$($constant.row),*];
    };
}

/// The section that the keys of every credential stand under.
pub(super) const CREDENTIAL: &str = "credentials.NAME";
/// The section that the keys of every identity provider stand under.
pub(super) const SAML: &str = "saml.ORGANIZATION";

keys! {
    LISTEN_ADDRESS: SocketAddr = address(), "listen" "address", Default("\"0.0.0.0:8443\""), Restart,
        "where HTTPS is served";
    LISTEN_HOSTS: Vec<ServedHost> = some(|| "a list of host names".into()), "listen" "hosts", Required, Restart,
        "the Host values that are served, with or without a port; requests for others get 421";
    LISTEN_CERTIFICATES: Vec<CertificateFiles> = certificates(), "listen" "certificates", Default("[]"), Restart,
        "certificates by server name, each { chain = \"PEM\", key = \"PEM\" }; the first serves clients that name none; the files are read again when they change, the list at a start; needed unless clear_text serves";
    LISTEN_CLEAR_TEXT: ClearText = clear_text(), "listen" "clear_text", Optional, Restart,
        "a second socket without TLS, { address = \"IP:PORT\", mode = \"redirect\" }; mode \"serve\" is for a load balancer that ends TLS in front";
    LISTEN_THREADS: usize = integer::<1, 1024, usize>(), "listen" "threads", Optional, Restart,
        "threads that serve; without it one per core";
    LISTEN_TRUSTED_PROXIES: Vec<Network> = list(|| "a list of networks".into()), "listen" "trusted_proxies", Default("[]"), Restart,
        "peers whose client_address_header is believed";
    LISTEN_CLIENT_ADDRESS_HEADER: HeaderName = parsed(|| "the name of a header".into()), "listen" "client_address_header", Optional, Restart,
        "the header in which trusted proxies say who the client is";
    LISTEN_CORS_ORIGINS: Vec<CorsOrigin> = list(|| "a list of origins".into()), "listen" "cors_origins", Default("[]"), Restart,
        "other sites whose scripts may ask here with a token and read the answers, each as browsers write it: \"https://labels.example.com\"";

    LIMITS_HEAD: Duration = duration::<SECOND, 1, 600>(), "limits" "head_seconds", Default("10"), Restart,
        "a request's head must have arrived within it";
    LIMITS_HANDSHAKE: Duration = duration::<SECOND, 1, 600>(), "limits" "handshake_seconds", Default("10"), Restart,
        "a TLS handshake must be done within it";
    LIMITS_IDLE: Duration = duration::<SECOND, 1, 3600>(), "limits" "idle_seconds", Default("75"), Restart,
        "a connection without a request is closed after it";
    LIMITS_STALL: Duration = duration::<SECOND, 1, 3600>(), "limits" "stall_seconds", Default("60"), Restart,
        "a client that takes nothing, or less than about 3 KiB a second, for so long is cut off";
    LIMITS_DRAIN: Duration = duration::<SECOND, 0, 3600>(), "limits" "drain_seconds", Default("30"), Restart,
        "how long running answers may go on after the program was told to stop";
    LIMITS_CONNECTIONS: usize = integer::<1, 10_000_000, usize>(), "limits" "max_connections", Default("20000"), Restart,
        "open connections in all";
    LIMITS_CONNECTIONS_PER_ADDRESS: usize = integer::<1, 10_000_000, usize>(), "limits" "max_connections_per_address", Default("4096"), Restart,
        "open connections from one address";
    LIMITS_STREAMS: u32 = integer::<1, 65535, u32>(), "limits" "max_streams", Default("128"), Restart,
        "requests at once on one HTTP/2 connection";
    LIMITS_ANSWERS_PER_ACCOUNT: usize = integer::<1, 10_000_000, usize>(), "limits" "max_answers_per_account", Default("512"), Restart,
        "answers from storages that run for one account at once; each data-plane thread has its share of them";
    LIMITS_UPLOAD: u64 = integer::<0, 5_497_558_138_880, u64>(), "limits" "max_upload_bytes", Default("5368709120"), Restart,
        "the largest body that is taken";
    LIMITS_RATE: usize = integer::<0, 10_000_000, usize>(), "limits" "requests_per_second_per_address", Default("0"), Restart,
        "requests per second from one address; 0 is no limit";

    OPERATIONS_ADDRESS: SocketAddr = address(), "operations" "address", Default("\"127.0.0.1:9464\""), Restart,
        "where /livez, /readyz and /metrics are served, in clear text; keep it off the public network";
    OPERATIONS_DRAIN_DELAY: Duration = duration::<SECOND, 0, 600>(), "operations" "drain_delay_seconds", Default("0"), Reload,
        "how long /readyz fails before the drain begins, so that load balancers look away first";

    RECORDS_FILE: PathBuf = path(), "records" "file", Default("\"sluicegate.sqlite\""), Restart,
        "the SQLite file of accounts, sessions, tokens and the catalogue; made when it does not exist";

    SEAL_KEY: MasterKey = seal_key(), "seal" "key", Required, Restart,
        "where the sealing key stands: 32 random bytes in base64 (openssl rand -base64 32)";

    SESSIONS_IDLE: Duration = duration::<MINUTE, 1, 43200>(), "sessions" "idle_minutes", Default("60"), Restart,
        "a session without a request ends after it";
    SESSIONS_ABSOLUTE: Duration = duration::<HOUR, 1, 8760>(), "sessions" "absolute_hours", Default("12"), Restart,
        "every session ends after it";

    SIGN_IN_ATTEMPTS: u32 = integer::<1, 10_000, u32>(), "sign_in" "attempts_per_minute", Default("10"), Restart,
        "attempts to sign in per minute, for one account and for one address";

    SAML_BASE_URL: BaseUrl = parsed(|| "https://host[:port]".into()), "saml.ORGANIZATION" "base_url", Required, Reload,
        "where browsers find this gateway: its metadata are at /-/saml/ORGANIZATION/metadata below it, which is its entity id too, its assertion endpoint at /-/saml/ORGANIZATION/acs";
    SAML_METADATA: PathBuf = file(), "saml.ORGANIZATION" "metadata", Optional, Reload,
        "the identity provider's metadata, a file; either this or metadata_url";
    SAML_METADATA_URL: Uri = parsed(|| "https://host/path".into()), "saml.ORGANIZATION" "metadata_url", Optional, Reload,
        "where to fetch them: at a start, then every hour; the last good ones serve while that fails";
    SAML_METADATA_CERTIFICATE: PathBuf = file(), "saml.ORGANIZATION" "metadata_certificate", Optional, Reload,
        "PEM: fetched metadata must be signed by it; without it TLS alone vouches for them";
    SAML_IDENTITY_PROVIDER: String = text(), "saml.ORGANIZATION" "identity_provider", Optional, Reload,
        "the entity id that is meant, where the metadata describe several";
    SAML_KEYS: Vec<KeyFiles> = key_files(), "saml.ORGANIZATION" "keys", Required, Reload,
        "our own keys, one or two: the first signs, each is announced and opens what is encrypted";
    SAML_PRESET: Preset = choice(), "saml.ORGANIZATION" "preset", Optional, Reload,
        "what the attributes below are called by default; each has its page in docs/saml";
    SAML_EMAIL: String = text(), "saml.ORGANIZATION" "email_attribute", Optional, Reload,
        "the attribute that holds the e-mail; without it and a preset that says otherwise, it is the name of the subject (NameID)";
    SAML_DOMAINS: Vec<EmailDomain> = some(|| "a list of domains".into()), "saml.ORGANIZATION" "email_domains", Optional, Reload,
        "e-mail addresses that the identity provider may vouch for; without it, of any domain: one organization's provider can then take addresses that another's people have";
    SAML_GROUPS: String = text(), "saml.ORGANIZATION" "groups_attribute", Optional, Reload,
        "the attribute that holds the groups; without it `groups`, or what the preset says";
    SAML_ROLES: String = text(), "saml.ORGANIZATION" "roles_attribute", Optional, Reload,
        "the attribute that holds pairs of AWS role and provider; without it `https://aws.amazon.com/SAML/Attributes/Role`";
    SAML_FORCE: bool = boolean(), "saml.ORGANIZATION" "force_sign_in", Default("false"), Reload,
        "true: people prove who they are at every sign-in, though they have a session there (renewals excepted)";
    SAML_CONTEXTS: Vec<SignInContext> = list(|| "a list of addresses of classes".into()), "saml.ORGANIZATION" "sign_in_contexts", Default("[]"), Reload,
        "how people must have proven it there (RequestedAuthnContext, exactly one of these)";
    SAML_MODE: Mode = choice(), "saml.ORGANIZATION" "sign_in", Default("\"both\""), Reload,
        "\"both\": at the identity provider or with a password here; \"sso-only\": with a password only those of break_glass; \"native-only\": nobody at the identity provider";
    SAML_BREAK_GLASS: Vec<Email> = list(|| "a list of e-mails".into()), "saml.ORGANIZATION" "break_glass", Default("[]"), Reload,
        "who may still come with a password, for the day that the identity provider is gone; each use is told loudly";
    SAML_UNSOLICITED: Unsolicited = choice(), "saml.ORGANIZATION" "unsolicited", Default("\"refused\""), Reload,
        "\"accepted\": a sign-in may begin at the identity provider; then anybody who has an answer of his own can make a browser sign in as him";
    SAML_SEVERAL: Several = choice(), "saml.ORGANIZATION" "several", Default("\"most-powerful\""), Reload,
        "which role counts when several groups give one for the same thing";

    AUDIT_FOLDER: PathBuf = path(), "audit" "folder", Default("\"audit\""), Restart,
        "where the audit is written";
    AUDIT_DURABILITY: Durability = choice(), "audit" "durability", Default("\"before-bytes\""), Restart,
        "\"before-bytes\": an object's first byte leaves when its entry is on disk; \"async\": soon after";
    AUDIT_SEGMENT: u64 = integer::<1, 65536, u64>(), "audit" "segment_megabytes", Default("64"), Restart,
        "a file of the audit is closed when it has grown past this";

    POLICY_FOLDER: PathBuf = path(), "policy" "folder", Optional, Reload,
        "schema and policies; without it the roles that are built in";
    POLICY_RATE: u32 = integer::<0, 1_000_000, u32>(), "policy" "requests_per_second", Default("0"), Reload,
        "requests per second of one person; 0 is no quota";
    POLICY_BURST: u32 = integer::<0, 1_000_000, u32>(), "policy" "burst", Default("0"), Reload,
        "how many of them at once after a pause; 0 is as many as one second has";

    OUTBOUND_PRIVATE: Vec<Allowed> = list(|| "a list of \"ip\", \"ip:port\" or \"ip/bits\"".into()), "outbound" "allow_private", Default("[]"), Reload,
        "private, loopback and link-local addresses that may be connected to, all others of those are refused; and the only addresses, public ones too, that are spoken to without TLS (`http://`)";
    OUTBOUND_ROOTS: Vec<PathBuf> = files(), "outbound" "ca_files", Default("[]"), Reload,
        "PEM files of roots that are trusted besides the system's";
    OUTBOUND_CONNECT: Duration = duration::<SECOND, 1, 600>(), "outbound" "connect_seconds", Default("5"), Reload,
        "a connection, with its TLS handshake, must stand within it";
    OUTBOUND_ANSWER: Duration = duration::<SECOND, 1, 3600>(), "outbound" "answer_seconds", Default("30"), Reload,
        "the first byte of an answer must have come within it";
    OUTBOUND_STALL: Duration = duration::<SECOND, 1, 3600>(), "outbound" "stall_seconds", Default("30"), Reload,
        "the longest pause between bytes of an answer";

    CREDENTIAL_KIND: CredentialKind = choice(), "credentials.NAME" "kind", Required, Reload,
        "\"static\": keys from files or variables; \"chain\": what the machine offers, as the AWS tools find it; \"assume-role\": a role that another credential may take; \"saml\": people bring it, by the assertion that they sign in with, each for the roles that it holds";
    CREDENTIAL_KEY_ID: Secret<String> = secret(), "credentials.NAME" "access_key_id", Optional, Reload,
        "static (required)";
    CREDENTIAL_SECRET_KEY: Secret<String> = secret(), "credentials.NAME" "secret_access_key", Optional, Reload,
        "static (required)";
    CREDENTIAL_SESSION_TOKEN: Secret<String> = secret(), "credentials.NAME" "session_token", Optional, Reload,
        "static: of temporary keys";
    CREDENTIAL_PROFILE: String = text(), "credentials.NAME" "profile", Optional, Reload,
        "chain: the profile of the AWS files, and then nothing but it";
    CREDENTIAL_SOURCE: CredentialName = parsed(|| "the name of a credential".into()), "credentials.NAME" "source", Optional, Reload,
        "assume-role (required): the credential that takes the role";
    CREDENTIAL_ROLE: String = text(), "credentials.NAME" "role_arn", Optional, Reload,
        "assume-role (required): the role; its keys are cut to each storage's bucket and prefix, and S3 tells such keys nothing of an object that does not exist: below a prefix it is storage-fault, not not-found";
    CREDENTIAL_EXTERNAL_ID: String = text(), "credentials.NAME" "external_id", Optional, Reload,
        "assume-role: what the role's trust policy asks for";
    CREDENTIAL_DURATION: Duration = duration::<SECOND, 900, 43200>(), "credentials.NAME" "duration_seconds", Optional, Reload,
        "assume-role, saml: how long one credential lasts, or less where the role allows less; without it 3600";
    CREDENTIAL_ENDPOINT: Uri = parsed(|| "https://host[:port]".into()), "credentials.NAME" "sts_endpoint", Optional, Reload,
        "assume-role, saml: where STS is; without it Amazon's of the region";
    CREDENTIAL_IAM_SOURCE: CredentialName = parsed(|| "the name of a credential".into()), "credentials.NAME" "iam_source", Optional, Reload,
        "saml: the credential by which check --online asks IAM whether it has the storages' providers, and with which keys (iam:GetSAMLProvider); without it nobody asks";
    CREDENTIAL_IAM_ENDPOINT: Uri = parsed(|| "https://host[:port]".into()), "credentials.NAME" "iam_endpoint", Optional, Reload,
        "saml: where IAM is; without it Amazon's of the provider's partition";
    CREDENTIAL_REGION: String = text(), "credentials.NAME" "region", Optional, Reload,
        "assume-role, saml (required): the region of STS";
    CREDENTIAL_ROLES: Vec<String> = some(|| "a list of ARNs".into()), "credentials.NAME" "role_arns", Optional, Reload,
        "saml (required): the only roles that may ever be asked for, whatever the catalogue and the assertion name; assume-role with per_person: roles besides role_arn that may be taken where a storage names one for a person's role";
    CREDENTIAL_PER_PERSON: bool = boolean(), "credentials.NAME" "per_person", Optional, Reload,
        "assume-role: true gives each person keys of his own, with his e-mail address as session name and source identity, and session tags sluicegate:organization, sluicegate:project and sluicegate:role; the role's trust policy must allow sts:SetSourceIdentity and sts:TagSession; where the storage names an AWS role for the person's role, that one is taken instead of role_arn; without it false";

    LABEL_STUDIO_URL: Uri = parsed(|| "http(s)://host[:port]".into()), "label_studio" "url", Optional, Restart,
        "where Label Studio is; without it there is none, and every path but /-/ is unknown";
    LABEL_STUDIO_TOKEN: Secret<String> = secret(), "label_studio" "token", Optional, Restart,
        "(required with url) a token of the install's owner, with which the gateway looks things up and invites people";
    LABEL_STUDIO_ORGANIZATION: OrganizationName = parsed(|| "the name of an organization".into()), "label_studio" "organization", Optional, Restart,
        "(required with url) whose it is: nobody of another organization reaches it";
    LABEL_STUDIO_WORKSPACE: WorkspaceName = parsed(|| "the name of a workspace".into()), "label_studio" "workspace", Default("\"label-studio\""), Restart,
        "where projects go that are made in Label Studio; made when it does not exist";
    LABEL_STUDIO_PASSWORDS: Passwords = choice(), "label_studio" "passwords", Default("\"accepted\""), Restart,
        "\"accepted\": who is a user of Label Studio may sign in here with his password there, and has an account from then on; \"refused\": only passwords of the gateway's own";
    LABEL_STUDIO_LOCAL_FILES: PathBuf = path(), "label_studio" "local_files", Optional, Restart,
        "its LOCAL_FILES_DOCUMENT_ROOT, as its own machine has it; without it nobody gets a file of its disk";
    LABEL_STUDIO_DATABASE: Secret<String> = secret(), "label_studio" "database", Optional, Restart,
        "its database, from which the gateway reads where things belong instead of asking the API: sqlite:///PATH of its file, or postgresql://USER:PASSWORD@HOST/NAME of a user that may only read (another machine's with ?sslmode=verify-full, sslrootcert, sslcert and sslkey)";
    LABEL_STUDIO_TOKENS: Tokens = choice(), "label_studio" "tokens", Default("\"refused\""), Restart,
        "\"accepted\": a token of Label Studio's own (legacy, or one got for a personal access token) stands for its holder's account here, under the same policy; \"refused\": only the gateway's own";
    LABEL_STUDIO_CATALOGUE: Version = choice(), "label_studio" "catalogue", Default("\"1.23\""), Restart,
        "the version of Label Studio whose catalogue of routes applies; check --online tells when it is another";
    LABEL_STUDIO_BODY: usize = integer::<1, 1024, usize>(), "label_studio" "max_body_megabytes", Default("64"), Restart,
        "the largest body that is taken for it; each is held whole while it is sent";

    LOG_LEVEL: Level = choice(), "log" "level", Default("\"info\""), Reload,
        "how much is logged to standard error";
    LOG_FORMAT: Form = choice(), "log" "format", Default("\"json\""), Restart,
        "\"json\" for programs, \"text\" for people";
}
