-- Who is signed in: no facts, so not in the log. A session is found by the digest of the secret its cookie holds.
CREATE TABLE log.sessions (
    digest     bytea       PRIMARY KEY,
    tenant     text        COLLATE "C" NOT NULL,
    person_id  text        COLLATE "C" NOT NULL,
    role       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX sessions_of_person ON log.sessions (tenant, person_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON log.sessions TO backstory_app;
