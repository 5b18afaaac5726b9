-- What opens an account for whoever has its code: known by the code's hash only, used once, until it expires.

CREATE TABLE invitation (
    id BIGINT PRIMARY KEY NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    organization BIGINT NOT NULL REFERENCES organization (id),
    role TEXT,
    project BIGINT,
    project_role TEXT,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    revoked BIGINT,
    used BIGINT,
    account BIGINT,
    FOREIGN KEY (organization, project) REFERENCES project (organization, id) ON DELETE CASCADE,
    FOREIGN KEY (organization, account) REFERENCES account (organization, id)
);
