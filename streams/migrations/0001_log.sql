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
    partitions  smallint    NOT NULL CHECK (partitions > 0),
    key_check   bytea       -- a digest only the right master key gives
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
-- batch: {events: [{r, tenant, stream, version, type, event_id, customer_id, partition, occurred_at, actor,
--                   source, command_id, correlation_id, causation_id, data}],
--         expected: [{r, tenant, stream, version}],      the version each writer saw, for every stream written
--         commands: [{r, tenant, command_id, fingerprint, answer, events, last}],   answer {version, answer}; last: index of its last event
--         claims:   [{r, tenant, kind, digest, stream}],
--         releases: [{tenant, kind, digest, stream}],    kind and digest null: all claims of the stream
--         destroy:  [{tenant, subject}],                 keys to destroy
--         reopen:   [{tenant, command_id}]}              commands whose effects are withdrawn, to be asked again
-- Answers {refused: [{r, reason, ...}]} or {position, recorded_at}: the position before the first event.
-- A unique_violation means that another process was faster since the checks: ask again.
CREATE FUNCTION log.append(batch jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
DECLARE
    refused jsonb;
    taken   bigint;
    at      timestamptz;
BEGIN
    WITH repeated AS (
        SELECT c.r, jsonb_build_object('r', c.r, 'reason', 'command', 'fingerprint', encode(k.fingerprint, 'hex'),
                   'answer', k.answer, 'position', k.position, 'events', k.events) AS why
        FROM jsonb_to_recordset(batch -> 'commands') AS c (r int, tenant text, command_id text)
        JOIN log.commands k ON k.tenant = c.tenant AND k.command_id = c.command_id
    ), stale AS (
        SELECT e.r, jsonb_build_object('r', e.r, 'reason', 'version', 'stream', e.stream, 'expected', e.version,
                   'current', coalesce(h.version, 0)) AS why
        FROM jsonb_to_recordset(batch -> 'expected') AS e (r int, tenant text, stream text, version int)
        LEFT JOIN LATERAL (
            SELECT version FROM log.events v WHERE v.tenant = e.tenant AND v.stream = e.stream
            ORDER BY v.version DESC LIMIT 1
        ) h ON true
        WHERE coalesce(h.version, 0) <> e.version
    ), held AS (
        SELECT c.r, jsonb_build_object('r', c.r, 'reason', 'claim', 'kind', c.kind, 'digest', c.digest,
                   'holder', k.stream) AS why
        FROM jsonb_to_recordset(batch -> 'claims') AS c (r int, tenant text, kind text, digest text, stream text)
        JOIN log.claims k ON k.tenant = c.tenant AND k.kind = c.kind AND k.digest = decode(c.digest, 'hex')
        WHERE k.stream <> c.stream
    ), all_refused AS (
        SELECT r, why, 1 AS weight FROM repeated
        UNION ALL SELECT r, why, 2 FROM stale
        UNION ALL SELECT r, why, 3 FROM held
    )
    SELECT jsonb_agg(why) INTO refused
    FROM (SELECT DISTINCT ON (r) why FROM all_refused ORDER BY r, weight) AS first_reason;
    IF refused IS NOT NULL THEN
        RETURN jsonb_build_object('refused', refused);
    END IF;

    IF batch ? 'destroy' THEN
        UPDATE log.keys k SET wrapped = NULL, destroyed_at = clock_timestamp()
        FROM jsonb_to_recordset(batch -> 'destroy') AS d (tenant text, subject text)
        WHERE k.tenant = d.tenant AND k.subject = d.subject AND k.destroyed_at IS NULL;
    END IF;
    IF batch ? 'releases' THEN
        DELETE FROM log.claims k
        USING jsonb_to_recordset(batch -> 'releases') AS f (tenant text, kind text, digest text, stream text)
        WHERE k.tenant = f.tenant AND k.stream = f.stream
          AND (f.kind IS NULL OR (k.kind = f.kind AND k.digest = decode(f.digest, 'hex')));
    END IF;
    IF batch ? 'reopen' THEN
        DELETE FROM log.commands k
        USING jsonb_to_recordset(batch -> 'reopen') AS o (tenant text, command_id text)
        WHERE k.tenant = o.tenant AND k.command_id = o.command_id;
    END IF;

    WITH head AS (
        UPDATE log.head h
        SET position = h.position + jsonb_array_length(batch -> 'events'),
            recorded_at = greatest(h.recorded_at, clock_timestamp())
        RETURNING h.position - jsonb_array_length(batch -> 'events') AS position, h.recorded_at
    ), answered AS (
        INSERT INTO log.commands (tenant, command_id, fingerprint, answer, position, events, recorded_at)
        SELECT c.tenant, c.command_id, decode(c.fingerprint, 'hex'), c.answer, head.position + c.last, c.events,
               head.recorded_at
        FROM head, jsonb_to_recordset(batch -> 'commands') AS c (
            tenant text, command_id text, fingerprint text, answer jsonb, events int, last int)
    ), claimed AS (
        INSERT INTO log.claims (tenant, kind, digest, stream, position)
        SELECT c.tenant, c.kind, decode(c.digest, 'hex'), c.stream, head.position
        FROM head, jsonb_to_recordset(batch -> 'claims') AS c (tenant text, kind text, digest text, stream text)
        WHERE NOT EXISTS (
            SELECT FROM log.claims k
            WHERE k.tenant = c.tenant AND k.kind = c.kind AND k.digest = decode(c.digest, 'hex')
              AND k.stream = c.stream)
    ), recorded AS (
        INSERT INTO log.events (position, tenant, stream, version, type, event_id, customer_id, partition,
            occurred_at, recorded_at, actor, source, command_id, correlation_id, causation_id, data)
        SELECT head.position + e.n, e.tenant, e.stream, e.version, e.type, e.event_id, e.customer_id, e.partition,
               e.occurred_at, head.recorded_at, e.actor, e.source, e.command_id, e.correlation_id, e.causation_id,
               e.data
        FROM head, ROWS FROM (jsonb_to_recordset(batch -> 'events') AS (
            tenant text, stream text, version int, type text, event_id uuid, customer_id text, partition smallint,
            occurred_at timestamptz, actor text, source text, command_id text, correlation_id text,
            causation_id text, data jsonb)) WITH ORDINALITY AS e (
            tenant, stream, version, type, event_id, customer_id, partition, occurred_at, actor, source,
            command_id, correlation_id, causation_id, data, n)
    )
    SELECT position, recorded_at INTO taken, at FROM head;
    PERFORM pg_notify('backstory_log', (taken + jsonb_array_length(batch -> 'events'))::text);
    RETURN jsonb_build_object('position', taken, 'recorded_at', at);
END
$$;

GRANT USAGE ON SCHEMA log TO backstory_app;
GRANT SELECT ON ALL TABLES IN SCHEMA log TO backstory_app;
GRANT INSERT ON log.keys TO backstory_app;
REVOKE ALL ON FUNCTION log.append(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append(jsonb) TO backstory_app;
