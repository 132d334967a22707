-- When each API key was last used, to the minute: a note for people, no part of the log.
CREATE TABLE log.key_uses (
    tenant  text        COLLATE "C" NOT NULL,
    key_id  text        COLLATE "C" NOT NULL,
    used_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, key_id)
);
GRANT SELECT, INSERT, UPDATE ON log.key_uses TO backstory_app;
