//! The table: code, status, sentence. `docs/errors.md` is generated from it.

use http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $code:literal $status:ident $message:literal;)*) => {
        /// A documented, stable reason for a no.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $($(#[$doc])* $variant),* }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),* }
            }

            /// What the client reads: nothing in it depends on what is behind the gateway.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message),* }
            }
        }
    };
}

codes! {
    AmbiguousFraming "ambiguous-framing" BAD_REQUEST "The request's length can be read in more than one way.";
    MalformedHead "malformed-head" BAD_REQUEST "The request's head is not well-formed.";
    BadTarget "bad-target" BAD_REQUEST "The request's path holds something that is not allowed there.";
    BadHost "bad-host" BAD_REQUEST "The request does not name exactly one well-formed host.";
    BadUpgrade "bad-upgrade" BAD_REQUEST "Protocol upgrades are not served here.";
    BadKey "bad-key" BAD_REQUEST "The object key is not well-formed.";
    BadQuery "bad-query" BAD_REQUEST "A query parameter is unknown, doubled, missing or malformed.";
    BadHeader "bad-header" BAD_REQUEST "A header is malformed.";
    BadBody "bad-body" BAD_REQUEST "The body is not what this route takes.";
    ForeignHandle "foreign-handle" BAD_REQUEST "A handle in the request is none of yours for this project: handles are of one session and one project, so read the data afresh.";
    UnexpectedBody "unexpected-body" BAD_REQUEST "This route takes no body.";
    BadEmail "bad-email" BAD_REQUEST "That is no e-mail address.";
    BadPassword "bad-password" BAD_REQUEST "A password has 8 to 128 characters, and is not the e-mail address.";
    TwoPeople "two-people" BAD_REQUEST "The request carries credentials of different people.";
    NotSignedIn "not-signed-in" UNAUTHORIZED "Sign in first: a session or an API token is needed.";
    SignInAgain "sign-in-again" UNAUTHORIZED "Your access to this storage has ended: sign in again.";
    WrongPassword "wrong-password" UNAUTHORIZED "The e-mail or the password is wrong.";
    SignInRefused "sign-in-refused" FORBIDDEN "The sign-in at your organization was not accepted here: begin again, or ask an administrator.";
    SignOutRefused "sign-out-refused" FORBIDDEN "What your organization said about signing out was not accepted here: to be sure, sign out here, too.";
    SignInExpired "sign-in-expired" FORBIDDEN "This sign-in was not begun in this browser, or took too long: begin again.";
    NoRole "no-role" FORBIDDEN "You are known at your organization, but nobody has given you a role here: ask an administrator.";
    LabelStudioPassword "label-studio-password" FORBIDDEN "That is not the password of your user in Label Studio.";
    Forbidden "forbidden" FORBIDDEN "You may not do this.";
    HiddenColumn "hidden-column" FORBIDDEN "This column holds locations that you may not see: filter it by whole handles, or by whether it is empty.";
    ExportWithheld "export-withheld" FORBIDDEN "This export holds locations that you may not see, in a form that cannot be rewritten: choose another format, or export without the files.";
    CrossOrigin "cross-origin" FORBIDDEN "A change with a session must come from this site's own pages.";
    NotFound "not-found" NOT_FOUND "There is nothing here for you.";
    MethodNotAllowed "method-not-allowed" METHOD_NOT_ALLOWED "This address does not take that method.";
    SlowHead "slow-head" REQUEST_TIMEOUT "The request took too long to arrive.";
    SlowBody "slow-body" REQUEST_TIMEOUT "The rest of the request took too long to arrive.";
    EmailTaken "email-taken" CONFLICT "There is an account with this e-mail already: sign in with it.";
    LabelStudioUser "label-studio-user" CONFLICT "Label Studio has a user of your e-mail address already: show at /-/label-studio, once, that it is you.";
    LengthRequired "length-required" LENGTH_REQUIRED "A write must say its length (Content-Length).";
    PreconditionFailed "precondition-failed" PRECONDITION_FAILED "The object is not in the state that the request asks for.";
    BodyTooLarge "body-too-large" PAYLOAD_TOO_LARGE "The body is larger than this gateway takes.";
    RangeNotSatisfiable "range-not-satisfiable" RANGE_NOT_SATISFIABLE "The object does not reach that far.";
    BadExpectation "bad-expectation" EXPECTATION_FAILED "Only the expectation 100-continue is known.";
    MisdirectedHost "misdirected-host" MISDIRECTED_REQUEST "This gateway does not serve that host.";
    TooManyRequests "too-many-requests" TOO_MANY_REQUESTS "Too many requests: wait a little.";
    HeadTooLarge "head-too-large" REQUEST_HEADER_FIELDS_TOO_LARGE "The request's headers are too many or too large.";
    OurFault "our-fault" INTERNAL_SERVER_ERROR "Something went wrong here; the operator finds it by the request id.";
    BadMethod "bad-method" NOT_IMPLEMENTED "That method is not known here.";
    StorageFault "storage-fault" BAD_GATEWAY "The place where this lies gave no usable answer.";
    StorageUnavailable "storage-unavailable" SERVICE_UNAVAILABLE "The place where this lies cannot be reached now: try later.";
    TryLater "try-later" SERVICE_UNAVAILABLE "This cannot be served now: try later.";
    StorageTimeout "storage-timeout" GATEWAY_TIMEOUT "The place where this lies took too long to answer.";
}
