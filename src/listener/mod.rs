//! Stage 1: sockets, TLS, HTTP/1.1 and HTTP/2, limits, drain; and the validator, which turns what a client
//! sent into one canonical [`Incoming`] or refuses it. Nothing later ever looks at the raw request again.

mod body;
mod census;
mod chunks;
mod cors;
mod drain;
mod fault;
mod frames;
mod gate;
mod head;
mod host;
mod incoming;
mod inspect;
mod line;
mod network;
mod outgoing;
mod room;
mod run;
mod serve;
mod settings;
mod socket;
mod target;
mod tls;
mod validator;
mod validity;
mod whole;
mod wire;

pub use body::{BodyError, RequestBody};
pub use cors::{BadOrigin, CorsOrigin, Elsewhere};
pub use drain::Drain;
pub use fault::RequestFault;
pub use head::{Framing, judge_head};
pub use host::{BadHost, ServedHost};
pub use incoming::{Incoming, Protocol, RequestId};
pub use inspect::Inspected;
pub use line::ConnectionSwitch;
pub use network::{BadNetwork, Network};
pub use run::{Bound, ListenError, bind};
pub use settings::{CertificateFiles, ClearText, ClearTextMode, Limits, Settings};
pub use tls::{CertificateError, CertificateFault, Certificates};
pub use whole::{BodyFault, read_whole};
