-- Signing in at an identity provider: which groups mean what, who came that way and with what.

-- Which AWS role a member's role stands for there; absent: nobody brings a credential of his own.
ALTER TABLE storage ADD COLUMN federation TEXT;

-- What membership of a group means, as the catalogue file says it: JSON.
CREATE TABLE group_mapping (
    id BIGINT PRIMARY KEY NOT NULL,
    organization BIGINT NOT NULL REFERENCES organization (id),
    name TEXT NOT NULL,
    facts TEXT NOT NULL,
    UNIQUE (organization, name)
);

-- Roles that follow from groups, as of the last sign-in. Those that were given by hand stand beside them and go before them.
ALTER TABLE account ADD COLUMN mapped_role TEXT;
-- When the identity provider first vouched for whose the e-mail is.
ALTER TABLE account ADD COLUMN vouched BIGINT;
-- Why it is disabled, where nobody did it by hand: 'no-mapping'.
ALTER TABLE account ADD COLUMN disabled_for TEXT;

CREATE TABLE mapped_workspace_member (
    organization BIGINT NOT NULL,
    workspace BIGINT NOT NULL,
    account BIGINT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (workspace, account),
    FOREIGN KEY (organization, workspace) REFERENCES workspace (organization, id) ON DELETE CASCADE,
    FOREIGN KEY (organization, account) REFERENCES account (organization, id) ON DELETE CASCADE
);
CREATE INDEX mapped_workspace_member_account ON mapped_workspace_member (organization, account);

CREATE TABLE mapped_project_member (
    organization BIGINT NOT NULL,
    project BIGINT NOT NULL,
    account BIGINT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (project, account),
    FOREIGN KEY (organization, project) REFERENCES project (organization, id) ON DELETE CASCADE,
    FOREIGN KEY (organization, account) REFERENCES account (organization, id) ON DELETE CASCADE
);
CREATE INDEX mapped_project_member_account ON mapped_project_member (organization, account);

-- An assertion is used once, on any node: its hash is kept for as long as anybody would accept it.
CREATE TABLE used_assertion (
    hash TEXT PRIMARY KEY NOT NULL,
    until BIGINT NOT NULL
);
CREATE INDEX used_assertion_until ON used_assertion (until);

-- What belongs to a session that began with an assertion.
CREATE TABLE vouched_session (
    session BIGINT PRIMARY KEY NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    -- the hash of organization and name there: what a logout of the identity provider's names
    subject TEXT NOT NULL,
    session_index TEXT,
    -- sealed: what a logout at the identity provider has to name
    logout TEXT NOT NULL,
    -- the AWS roles that the assertion holds: a JSON list
    roles TEXT NOT NULL
);
CREATE INDEX vouched_session_subject ON vouched_session (subject);

-- Credentials that were had for an assertion, sealed for their session: they go with it.
CREATE TABLE session_credential (
    session BIGINT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    project BIGINT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    sealed TEXT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (session, project, role)
);

-- The last metadata of an identity provider that was fetched and good.
CREATE TABLE provider_metadata (
    organization TEXT PRIMARY KEY NOT NULL,
    document TEXT NOT NULL,
    fetched BIGINT NOT NULL
);
