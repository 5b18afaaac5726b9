-- What is newer than what. Of an identity provider's words: orders to sign somebody out, assertions, by the time that it gave each.
-- Its clock is compared with itself and never with ours.

-- When the session's assertion was issued.
ALTER TABLE vouched_session ADD COLUMN issued BIGINT NOT NULL DEFAULT 0;
-- When the assertion was issued that the account's mapped roles are of.
ALTER TABLE account ADD COLUMN vouched_issued BIGINT NOT NULL DEFAULT 0;

-- The last change in the catalogue that it was had for.
ALTER TABLE session_credential ADD COLUMN as_of BIGINT NOT NULL DEFAULT 0;

-- An order holds also for assertions that come after it and were issued before: it is kept for as long as anybody would accept
-- one of those.
CREATE TABLE sign_out_order (
    -- as in vouched_session
    subject TEXT NOT NULL,
    -- empty: of all sessions there
    session_index TEXT NOT NULL,
    issued BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (subject, session_index)
);
CREATE INDEX sign_out_order_until ON sign_out_order (until);
