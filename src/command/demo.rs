//! `demo`: the real gateway over sample media, in the foreground. Standard output carries only `KEY=value` lines that a
//! shell can eval; words for people go to standard error.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::serve::{self, Plan};
use super::{Common, Failure, loaded};
use crate::demo::{self, Demo as Prepared};
use crate::ground::clock::Clock;
use crate::ground::random::Random;
use crate::settings::Environment;

/// See the verb's help.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Demo {
    /// Where the gateway listens (HTTPS)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// Where /livez, /readyz and /metrics are
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9464")]
    operations: SocketAddr,
    /// The folder for records, audit, certificates and settings; kept, and used again at the next start
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  sluicegate demo > demo.env &           then:  . ./demo.env
  curl --cacert $SLUICEGATE_CA -H \"Authorization: Bearer $DEMO_ANNOTATOR_TOKEN\" $SLUICEGATE_URL$DEMO_OBJECT_PATH
  sluicegate audit tail --config $DEMO_CONFIG
  sluicegate demo --listen 127.0.0.1:9443 --operations 127.0.0.1:9465 --state ./demo";

impl Demo {
    pub(super) fn run(self, _common: &Common) -> Result<(), Failure> {
        let state =
            self.state.clone().unwrap_or_else(|| std::env::temp_dir().join("sluicegate-demo"));
        // The bucket lives on a runtime of its own: to the gateway it is somewhere else.
        let elsewhere = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| Failure::because("cannot start", &error))?;
        let places = (self.listen, self.operations);
        let work = demo::prepare(&state, places, Clock::system(), Random::system());
        let prepared = elsewhere
            .block_on(work)
            .map_err(|error| Failure::because("the demo cannot be prepared", &error))?;
        // Only the demo's own settings count here: what is exported for another install stays out.
        let environment = Environment::of([]);
        let files = vec![prepared.settings.clone()];
        let loaded = loaded::load(&files, &environment)?;
        let plan = Plan { loaded, files, environment, demo: true };
        let failed = |error| Failure::because("the demo cannot run", &error);
        serve::run(plan, |_addresses| tell(&prepared)).map_err(failed)
    }
}

/// The gateway listens: says how to reach it.
fn tell(prepared: &Prepared) {
    let mut lines = String::new();
    for (name, value) in &prepared.lines {
        lines.push_str(&format!("{name}={}\n", quoted(value)));
    }
    let value = |wanted: &str| {
        let found = prepared.lines.iter().find(|(name, _)| *name == wanted);
        found.map_or("", |(_, value)| value.as_str())
    };
    // Whoever closed our output still has the gateway; there is nobody left to tell.
    drop(io::stdout().write_all(lines.as_bytes()).and_then(|()| io::stdout().flush()));
    drop(writeln!(
        io::stderr(),
        "The gateway is ready. Open {}/-/ and sign in as {} with {} (the certificate is the demo's own: {}). \
         Ctrl-C ends it.",
        value("SLUICEGATE_URL"),
        value("DEMO_ANNOTATOR_EMAIL"),
        value("DEMO_ANNOTATOR_PASSWORD"),
        value("SLUICEGATE_CA"),
    ));
}

/// A value for a shell: bare where it is plain, else in single quotes.
fn quoted(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@".contains(&byte);
    if value.bytes().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn values_are_quoted_for_a_shell_where_needed() {
        assert_eq!(quoted("/tmp/a-b_c.1@x:9"), "/tmp/a-b_c.1@x:9");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("$HOME"), "'$HOME'");
    }
}
