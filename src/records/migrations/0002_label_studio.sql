-- Which account is which user of Label Studio, with what it takes to act as him; which project is which.

CREATE TABLE label_studio_user (
    account BIGINT PRIMARY KEY NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    number BIGINT NOT NULL UNIQUE,
    -- sealed: a token that lasts, and, for users that the gateway made itself, their password
    token TEXT NOT NULL,
    password TEXT
);

CREATE TABLE label_studio_project (
    project BIGINT PRIMARY KEY NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    number BIGINT NOT NULL UNIQUE
);
