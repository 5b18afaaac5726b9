-- Holds for SQLite and for PostgreSQL as it stands: ids come from `counter` instead of a vendor's sequence, times are
-- milliseconds since 1970, hashes are hexadecimal text. An id is never given twice, also after a deletion.
--
-- The composite foreign keys carry the organization, so that no row can tie two organizations together.

CREATE TABLE counter (
    name TEXT PRIMARY KEY NOT NULL,
    last BIGINT NOT NULL
);
INSERT INTO counter (name, last) VALUES ('id', 0);
INSERT INTO counter (name, last) VALUES ('change', 0);

CREATE TABLE organization (
    id BIGINT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL
);

CREATE TABLE workspace (
    id BIGINT PRIMARY KEY NOT NULL,
    organization BIGINT NOT NULL REFERENCES organization (id),
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    UNIQUE (organization, name),
    UNIQUE (organization, id)
);

CREATE TABLE project (
    id BIGINT PRIMARY KEY NOT NULL,
    organization BIGINT NOT NULL,
    workspace BIGINT NOT NULL,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    UNIQUE (organization, name),
    UNIQUE (organization, id),
    FOREIGN KEY (organization, workspace) REFERENCES workspace (organization, id)
);
CREATE INDEX project_workspace ON project (organization, workspace);

CREATE TABLE storage (
    id BIGINT PRIMARY KEY NOT NULL,
    project BIGINT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    place TEXT NOT NULL,
    credential TEXT NOT NULL,
    revision BIGINT NOT NULL,
    UNIQUE (project, name)
);

CREATE TABLE account (
    id BIGINT PRIMARY KEY NOT NULL,
    organization BIGINT NOT NULL REFERENCES organization (id),
    email TEXT NOT NULL UNIQUE,
    password_hash TEXT,
    role TEXT,
    created BIGINT NOT NULL,
    disabled BIGINT,
    UNIQUE (organization, id)
);

CREATE TABLE workspace_member (
    organization BIGINT NOT NULL,
    workspace BIGINT NOT NULL,
    account BIGINT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (workspace, account),
    FOREIGN KEY (organization, workspace) REFERENCES workspace (organization, id) ON DELETE CASCADE,
    FOREIGN KEY (organization, account) REFERENCES account (organization, id) ON DELETE CASCADE
);
CREATE INDEX workspace_member_account ON workspace_member (organization, account);

CREATE TABLE project_member (
    organization BIGINT NOT NULL,
    project BIGINT NOT NULL,
    account BIGINT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (project, account),
    FOREIGN KEY (organization, project) REFERENCES project (organization, id) ON DELETE CASCADE,
    FOREIGN KEY (organization, account) REFERENCES account (organization, id) ON DELETE CASCADE
);
CREATE INDEX project_member_account ON project_member (organization, account);

CREATE TABLE session (
    id BIGINT PRIMARY KEY NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    account BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    absolute_end BIGINT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL
);
CREATE INDEX session_account ON session (account);
CREATE INDEX session_end ON session (absolute_end);

CREATE TABLE token (
    id BIGINT PRIMARY KEY NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    account BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT,
    last_used BIGINT,
    revoked BIGINT
);
CREATE INDEX token_account ON token (account);

CREATE TABLE known_address (
    account BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    address_hash TEXT NOT NULL,
    last_success BIGINT NOT NULL,
    PRIMARY KEY (account, address_hash)
);

-- What decides has changed: every such mutation appends here in its own transaction, and every node watches the end.
CREATE TABLE change (
    seq BIGINT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    what TEXT NOT NULL
);
