//! The demo: the real gateway over an embedded default (SQLite, a fresh authority, a bucket in this process that
//! verifies signatures), with people, projects and media to try it on. Only the bucket is not the real thing.

mod authority;
mod folder;
mod media;
mod people;
mod store;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use authority::Authority;
use people::Bucket;

use crate::catalog::{BadEmail, BadName};
use crate::ground::clock::Clock;
use crate::ground::digest::{hex, sha256};
use crate::ground::random::Random;
use crate::identity::PasswordError;
use crate::records::{Records, RecordsError};

/// Bucket and key id are recognisable on purpose: neither may ever be seen by a client.
const BUCKET: &str = "demo-bucket-that-no-client-sees";
const KEY_ID: &str = "AKIADEMOKEYTHATNOBODYSEES";

/// The object that the printed lines speak of.
const OBJECT: &str = "scans/2026/fractal.jpg";

/// A demo that is ready to be served.
#[derive(Debug)]
pub struct Demo {
    /// The settings to serve with.
    pub settings: PathBuf,
    /// `KEY=value` lines for a shell.
    pub lines: Vec<(&'static str, String)>,
    /// No other demo takes the folder meanwhile.
    _held: folder::Held,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("the demo's folder cannot be written")]
    Folder(#[from] std::io::Error),
    #[error("the folder {} {what}: name another one with --state", .folder.display())]
    NotOurs { folder: PathBuf, what: &'static str },
    #[error("another demo runs in {}: end it, or name another folder with --state", .folder.display())]
    Running { folder: PathBuf },
    #[error("no certificate could be made")]
    Authority(#[from] rcgen::Error),
    #[error("the demo's records refused")]
    Records(#[from] RecordsError),
    #[error("a password could not be set")]
    Password(#[from] PasswordError),
    #[error("a name in the demo is not one")]
    Name(#[from] BadName),
    #[error("an e-mail in the demo is not one")]
    Email(#[from] BadEmail),
}

/// Makes everything but the gateway itself. The bucket is served by the runtime that this is called on.
///
/// # Errors
/// [`DemoError`] as its variants say.
pub async fn prepare(
    state: &Path,
    (listen, operations): (SocketAddr, SocketAddr),
    clock: Clock,
    random: Random,
) -> Result<Demo, DemoError> {
    let held = folder::hold(state)?;
    let secret = hex(&random.bytes::<20>());
    let keys = (KEY_ID, secret.as_str());
    let bucket = store::serve(BUCKET, media::SAMPLES, keys, clock.clone()).await?;
    let authority = Authority::fresh()?;
    let facts = folder::Facts { listen, operations, bucket, keys };
    let settings = folder::write(state, &authority, &random, &facts)?;
    let records = Records::open(&state.join("records.sqlite"), clock.clone()).await?;
    let place = Bucket { endpoint: &format!("http://{bucket}"), name: BUCKET };
    let secrets = people::settle(&records, (&random, clock.now()), &place).await?;
    records.close().await;
    let path = |name: &str| state.join(name).display().to_string();
    let lines = vec![
        ("SLUICEGATE_URL", format!("https://localhost:{}", listen.port())),
        ("SLUICEGATE_CA", path("ca.pem")),
        ("SLUICEGATE_OPERATIONS_URL", format!("http://{operations}")),
        ("DEMO_OBJECT_PATH", format!("/-/objects/radiology/media/{OBJECT}")),
        ("DEMO_OBJECT_SHA256", object_digest()),
        ("DEMO_ADMIN_EMAIL", people::ADMIN.to_owned()),
        ("DEMO_ADMIN_PASSWORD", secrets.admin_password.expose().clone()),
        ("DEMO_ANNOTATOR_EMAIL", people::ANNOTATOR.to_owned()),
        ("DEMO_ANNOTATOR_PASSWORD", secrets.annotator_password.expose().clone()),
        ("DEMO_ANNOTATOR_TOKEN", secrets.annotator_token.expose().clone()),
        ("DEMO_STRANGER_TOKEN", secrets.stranger_token.expose().clone()),
        ("DEMO_CONFIG", settings.display().to_string()),
        ("DEMO_AUDIT", path("audit")),
    ];
    Ok(Demo { settings, lines, _held: held })
}

fn object_digest() -> String {
    media::SAMPLES
        .iter()
        .find(|sample| sample.key.ends_with(OBJECT))
        .map(|sample| hex(&sha256(sample.bytes)))
        .unwrap_or_default()
}
