-- The log: one table of immutable events in gapless commit order, and what must be settled with them.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'backstory_app') THEN
        CREATE ROLE backstory_app NOLOGIN;
        GRANT backstory_app TO CURRENT_USER;  -- an owner who is no superuser may not yet take it
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'backstory_analyst') THEN
        CREATE ROLE backstory_analyst NOLOGIN;
        GRANT backstory_analyst TO CURRENT_USER;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- roles belong to the whole cluster: another database of it was being set up at this moment
END
$$;

CREATE TABLE log.events (
    position       bigint      PRIMARY KEY,
    tenant         text        COLLATE "C" NOT NULL,
    stream         text        COLLATE "C" NOT NULL,
    version        integer     NOT NULL CHECK (version > 0),
    type           text        COLLATE "C" NOT NULL,
    event_id       uuid        NOT NULL,
    customer_id    text        COLLATE "C",
    partition      smallint    NOT NULL,
    occurred_at    timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL,
    actor          text        NOT NULL,
    source         text        NOT NULL,
    command_id     text,
    correlation_id text,
    causation_id   text,
    data           jsonb       NOT NULL,
    CONSTRAINT one_event_per_version UNIQUE (tenant, stream, version)
);

CREATE INDEX events_of_customer ON log.events (tenant, customer_id, position) WHERE customer_id IS NOT NULL;

-- The place of the newest event. Its row is the last lock of an append, so positions are gapless in commit order.
CREATE TABLE log.head (
    one         boolean     PRIMARY KEY DEFAULT true CHECK (one),
    position    bigint      NOT NULL,
    recorded_at timestamptz NOT NULL,
    partitions  smallint    NOT NULL CHECK (partitions > 0)
) WITH (fillfactor = 10);
INSERT INTO log.head (position, recorded_at, partitions) VALUES (0, '-infinity', 12);

-- What was asked, by its idempotency key: a fingerprint of the request, and the answer it got.
CREATE TABLE log.commands (
    tenant      text        COLLATE "C" NOT NULL,
    command_id  text        COLLATE "C" NOT NULL,
    fingerprint bytea       NOT NULL,
    answer      jsonb       NOT NULL,
    position    bigint      NOT NULL,
    events      integer     NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT one_answer_per_command PRIMARY KEY (tenant, command_id)
);

-- Uniqueness across streams; the value is a keyed digest, so no personal field stands here.
CREATE TABLE log.claims (
    tenant   text  COLLATE "C" NOT NULL,
    kind     text  COLLATE "C" NOT NULL,
    digest   bytea NOT NULL,
    stream   text  COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    CONSTRAINT one_holder_per_claim PRIMARY KEY (tenant, kind, digest)
);
CREATE INDEX claims_of_stream ON log.claims (tenant, stream);

-- Each person's own key, wrapped by the master key. Forgetting a person empties it for good.
-- The row of the empty tenant is the log's own key: it proves the master key and peppers the digests.
CREATE TABLE log.keys (
    tenant       text        COLLATE "C" NOT NULL,
    subject      text        COLLATE "C" NOT NULL,
    wrapped      bytea,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at timestamptz,
    PRIMARY KEY (tenant, subject),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);

CREATE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is immutable: % on log.% is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'record a compensating event instead';
END
$$;
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON log.events
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

-- A destroyed key never comes back.
CREATE FUNCTION log.refuse_revival() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.destroyed_at IS NOT NULL THEN
        RAISE EXCEPTION 'the key of % was destroyed at %', OLD.subject, OLD.destroyed_at
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER destroyed_for_good BEFORE UPDATE OR DELETE ON log.keys
    FOR EACH ROW EXECUTE FUNCTION log.refuse_revival();

-- Where an eventsourcing application stands in what it follows, written with the events it made of it.
CREATE TABLE log.tracking (
    tenant      text   COLLATE "C" NOT NULL,
    application text   COLLATE "C" NOT NULL,
    upstream    text   COLLATE "C" NOT NULL,
    position    bigint NOT NULL,
    PRIMARY KEY (tenant, application, upstream)
);

-- Snapshots of eventsourcing applications: no facts, so not in the log.
CREATE TABLE log.snapshots (
    tenant      text    COLLATE "C" NOT NULL,
    application text    COLLATE "C" NOT NULL,
    originator  text    COLLATE "C" NOT NULL,
    version     integer NOT NULL,
    topic       text    NOT NULL,
    state       bytea   NOT NULL,
    CONSTRAINT one_snapshot_per_version PRIMARY KEY (tenant, application, originator, version)
);

GRANT USAGE ON SCHEMA log TO backstory_app;
GRANT SELECT ON ALL TABLES IN SCHEMA log TO backstory_app;
GRANT INSERT ON log.keys, log.snapshots TO backstory_app;
