-- Who is signed in: no facts, so not in the log. A session is found by the digest of the secret in its cookie.
CREATE TABLE log.sessions (
    digest     bytea       PRIMARY KEY,
    tenant     text        COLLATE "C" NOT NULL,
    person_id  text        COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX sessions_of_person ON log.sessions (tenant, person_id);

-- One-time links to sign in with, found by the digest of their token; using one takes its row.
CREATE TABLE log.sign_in_links (
    digest     bytea       PRIMARY KEY,
    tenant     text        COLLATE "C" NOT NULL,
    person_id  text        COLLATE "C" NOT NULL,
    leads_to   text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX sign_in_links_by_age ON log.sign_in_links (created_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON log.sessions, log.sign_in_links TO backstory_app;
