//! Stage 3: who asks. Sessions and API tokens become one [`Identity`]; a credential that was tried and failed
//! never falls through to nobody, except a stale cookie on a page that is anybody's.

mod api_token;
mod attempts;
mod error;
mod invitation;
mod label_studio;
mod origin;
mod password;
mod person;
mod schemes;
mod session;
mod settings;
mod shown;
mod signed_in;
mod suppose;
#[cfg(test)]
mod tests;
mod vouched;

pub use api_token::{TokenWish, create_token};
pub use error::{IdentityError, SignInError};
pub use invitation::{Acceptance, InvitationError, InvitationWish, create_invitation};
pub use label_studio::Exchanged;
pub use password::{PasswordError, Passwords};
pub use person::{Identity, Person, Proof, ProofId};
pub use schemes::{Parts, Schemes};
pub use session::{CLEARING_COOKIE, NewSession, SignIn};
pub use settings::{NativeSignIn, Settings};
pub use shown::{COOKIE_NAME, ShownToken, TOKEN_PREFIX, session_in, session_shown, token_in};
pub use signed_in::{Attendance, SignedIn, SignedInBy};
pub(crate) use suppose::{Supposed, suppose};
pub use vouched::{Admittance, Beginning, Opening, VouchedError, Word};

pub use crate::catalog::{Allowed, Scope};
