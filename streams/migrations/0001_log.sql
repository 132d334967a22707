-- The log: one table of immutable events in gapless commit order, and what must be settled with them.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'backstory_app') THEN
        CREATE ROLE backstory_app NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'backstory_analyst') THEN
        CREATE ROLE backstory_analyst NOLOGIN;
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

-- Appends a batch of requests at once, or says which of them are refused and writes nothing.
--
-- batch is an object of lists; `r` is the caller's number of a request, absent lists are empty:
--   events    [tenant, stream, version, type, event_id, customer_id, partition, occurred_at, actor, source,
--              command_id, correlation_id, causation_id, data]
--   expected  [r, tenant, stream, version]            the version each writer saw, for every stream written
--   commands  [r, tenant, command_id, fingerprint, answer, events, last]   last: the index of its last event
--   claims    [r, tenant, kind, digest, stream]
--   releases  [tenant, stream, kind, digest]          kind and digest null: all claims of the stream
--   destroy   [tenant, subject]                       keys to destroy
--   reopen    [tenant, command_id]                    commands whose effects are withdrawn, to be asked again
-- Answers {refused: [{r, reason, ...}]} or {position, recorded_at}: the position before the first event.
-- A unique_violation means that another process was faster since the checks: ask again.
--
-- The plans are made once, perhaps while the tables are empty: the settings keep them to the indexes.
CREATE FUNCTION log.append(batch jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = log, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_material = off
AS $$
DECLARE
    refused jsonb;
    added   integer := coalesce(jsonb_array_length(batch -> 'events'), 0);
    taken   bigint;
    at      timestamptz;
BEGIN
    WITH all_refused AS (
        SELECT (c ->> 0)::int AS r, 1 AS weight,
               jsonb_build_object('reason', 'command', 'fingerprint', encode(k.fingerprint, 'hex'),
                   'answer', k.answer, 'position', k.position, 'events', k.events) AS why
        FROM jsonb_array_elements(batch -> 'commands') AS c
        JOIN log.commands k ON k.tenant = c ->> 1 AND k.command_id = c ->> 2
        UNION ALL
        SELECT (e ->> 0)::int, 2,
               jsonb_build_object('reason', 'version', 'stream', e ->> 2, 'expected', (e ->> 3)::int,
                   'current', coalesce(newest.version, 0))
        FROM jsonb_array_elements(batch -> 'expected') AS e
        LEFT JOIN LATERAL (
            SELECT version FROM log.events v WHERE v.tenant = e ->> 1 AND v.stream = e ->> 2
            ORDER BY v.version DESC LIMIT 1
        ) AS newest ON true
        WHERE coalesce(newest.version, 0) <> (e ->> 3)::int
        UNION ALL
        SELECT (c ->> 0)::int, 3,
               jsonb_build_object('reason', 'claim', 'kind', k.kind, 'holder', k.stream)
        FROM jsonb_array_elements(batch -> 'claims') AS c
        JOIN log.claims k ON k.tenant = c ->> 1 AND k.kind = c ->> 2 AND k.digest = decode(c ->> 3, 'hex')
        WHERE k.stream <> c ->> 4
    )
    SELECT jsonb_agg(why || jsonb_build_object('r', r)) INTO refused
    FROM (SELECT DISTINCT ON (r) r, why FROM all_refused ORDER BY r, weight) AS first_reason;
    IF refused IS NOT NULL THEN
        RETURN jsonb_build_object('refused', refused);
    END IF;

    IF batch ?| '{releases,reopen,destroy}' THEN
        PERFORM FROM log.head FOR UPDATE;  -- before any row that a holder of the head may wait for
        DELETE FROM log.claims k
        USING jsonb_array_elements(batch -> 'releases') AS f
        WHERE k.tenant = f ->> 0 AND k.stream = f ->> 1
          AND (f ->> 2 IS NULL OR (k.kind = f ->> 2 AND k.digest = decode(f ->> 3, 'hex')));
        DELETE FROM log.commands k
        USING jsonb_array_elements(batch -> 'reopen') AS o
        WHERE k.tenant = o ->> 0 AND k.command_id = o ->> 1;
        UPDATE log.keys k SET wrapped = NULL, destroyed_at = clock_timestamp()
        FROM jsonb_array_elements(batch -> 'destroy') AS d
        WHERE k.tenant = d ->> 0 AND k.subject = d ->> 1 AND k.destroyed_at IS NULL;
    END IF;

    UPDATE log.head h SET position = h.position + added, recorded_at = greatest(h.recorded_at, clock_timestamp())
    RETURNING h.position - added, h.recorded_at INTO taken, at;
    INSERT INTO log.events (position, tenant, stream, version, type, event_id, customer_id, partition,
        occurred_at, recorded_at, actor, source, command_id, correlation_id, causation_id, data)
    SELECT taken + n, e ->> 0, e ->> 1, (e ->> 2)::int, e ->> 3, (e ->> 4)::uuid, e ->> 5, (e ->> 6)::smallint,
           (e ->> 7)::timestamptz, at, e ->> 8, e ->> 9, e ->> 10, e ->> 11, e ->> 12, e -> 13
    FROM jsonb_array_elements(batch -> 'events') WITH ORDINALITY AS new (e, n);
    IF batch ? 'commands' THEN
        INSERT INTO log.commands (tenant, command_id, fingerprint, answer, position, events, recorded_at)
        SELECT c ->> 1, c ->> 2, decode(c ->> 3, 'hex'), c -> 4, taken + (c ->> 6)::int, (c ->> 5)::int, at
        FROM jsonb_array_elements(batch -> 'commands') AS c;
    END IF;
    IF batch ? 'claims' THEN
        INSERT INTO log.claims (tenant, kind, digest, stream, position)
        SELECT DISTINCT c ->> 1, c ->> 2, decode(c ->> 3, 'hex'), c ->> 4, taken
        FROM jsonb_array_elements(batch -> 'claims') AS c
        WHERE NOT EXISTS (
            SELECT FROM log.claims k WHERE k.tenant = c ->> 1 AND k.kind = c ->> 2
              AND k.digest = decode(c ->> 3, 'hex') AND k.stream = c ->> 4);
    END IF;
    PERFORM pg_notify('backstory_log', (taken + added)::text);
    RETURN jsonb_build_object('position', taken, 'recorded_at', at);
END
$$;

GRANT USAGE ON SCHEMA log TO backstory_app;
GRANT SELECT ON ALL TABLES IN SCHEMA log TO backstory_app;
GRANT INSERT ON log.keys TO backstory_app;
REVOKE ALL ON FUNCTION log.append(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append(jsonb) TO backstory_app;
