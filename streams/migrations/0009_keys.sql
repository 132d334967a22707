-- As 0006 made it, and a person's key is made with the first event that it seals: both are committed, or neither.
-- A batch with a condition takes the row of the head before any check, so that each is true at the position it gets.
--
-- Appends a batch of requests at once, or says which of them are refused and writes nothing.
--
-- batch is an object of lists; `r` is the caller's number of a request, absent lists are empty:
--   events    [tenant, stream, version, type, event_id, customer_id, partition, occurred_at, actor, source,
--              command_id, correlation_id, causation_id, data]
--   expected  [r, tenant, stream, version]            the version each writer saw, for every stream written
--   relied    [r, tenant, stream, version]            the version of every other stream that was read
--   held      [r, tenant, kind, digest, stream]       who held a claim that was looked up; null: nobody
--   gathered  [r, tenant, customer_id, position]      no event of the customer's may be after this position
--   sealed    [r, tenant, subject]                    whose key sealed fields: it must not be destroyed
--   keys      [r, tenant, subject, wrapped, under]    whose new key sealed fields: made, unless they have another one;
--                                                     under: the log's own key, wrapped by the same master key
--   fresh     [r, tenant, stream, version]            versions that must not exist, where gaps are allowed
--   tracking  [r, tenant, application, upstream, position]   must be further than what is tracked
--   commands  [r, tenant, command_id, fingerprint, answer, events, last]   last: the index of its last event
--   claims    [r, tenant, kind, digest, stream]
--   releases  [tenant, stream, kind, digest]          kind and digest null: all claims of the stream
--   destroy   [tenant, subject]                       keys to destroy
--   reopen    [tenant, command_id]                    commands whose effects are withdrawn, to be asked again
-- Answers {refused: [{r, reason, ...}]} or {position, recorded_at}: the position before the first event.
-- A unique_violation means that another process was faster since the checks: ask again.
--
-- The plans are made once, perhaps while the tables are empty: the settings keep them to the indexes.
CREATE OR REPLACE FUNCTION log.append_events(batch jsonb) RETURNS jsonb
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
    tracked bigint;
BEGIN
    IF batch ?| '{relied,held,gathered,sealed,keys,releases,reopen,destroy}' THEN
        PERFORM FROM log.head FOR UPDATE;  -- before any row that a holder of the head may wait for
    END IF;
    WITH all_refused AS (
        SELECT (c ->> 0)::int AS r, 1 AS weight,
               jsonb_build_object('reason', 'command', 'fingerprint', encode(k.fingerprint, 'hex'),
                   'answer', k.answer, 'position', k.position, 'events', k.events) AS why
        FROM jsonb_array_elements(batch -> 'commands') AS c
        JOIN log.commands k ON k.tenant = c ->> 1 AND k.command_id = c ->> 2
        UNION ALL
        SELECT (e ->> 0)::int, 2,
               jsonb_build_object('reason', 'version', 'tenant', e ->> 1, 'stream', e ->> 2,
                   'expected', (e ->> 3)::int, 'current', coalesce(newest.version, 0))
        FROM jsonb_array_elements(batch -> 'expected') AS e
        LEFT JOIN LATERAL (
            SELECT version FROM log.events v WHERE v.tenant = e ->> 1 AND v.stream = e ->> 2
            ORDER BY v.version DESC LIMIT 1
        ) AS newest ON true
        WHERE coalesce(newest.version, 0) <> (e ->> 3)::int
        UNION ALL
        SELECT (e ->> 0)::int, 2,
               jsonb_build_object('reason', 'version', 'tenant', e ->> 1, 'stream', e ->> 2,
                   'expected', (e ->> 3)::int, 'current', coalesce(newest.version, 0))
        FROM jsonb_array_elements(batch -> 'relied') AS e
        LEFT JOIN LATERAL (
            SELECT version FROM log.events v WHERE v.tenant = e ->> 1 AND v.stream = e ->> 2
            ORDER BY v.version DESC LIMIT 1
        ) AS newest ON true
        WHERE coalesce(newest.version, 0) <> (e ->> 3)::int
        UNION ALL
        SELECT (f ->> 0)::int, 2,
               jsonb_build_object('reason', 'version', 'tenant', v.tenant, 'stream', v.stream, 'expected', v.version - 1,
                   'current', v.version)
        FROM jsonb_array_elements(batch -> 'fresh') AS f
        JOIN log.events v ON v.tenant = f ->> 1 AND v.stream = f ->> 2 AND v.version = (f ->> 3)::int
        UNION ALL
        SELECT (t ->> 0)::int, 2,
               jsonb_build_object('reason', 'version', 'tenant', k.tenant, 'stream', 'tracking-' || k.upstream,
                   'expected', (t ->> 4)::bigint - 1, 'current', k.position)
        FROM jsonb_array_elements(batch -> 'tracking') AS t
        JOIN log.tracking k ON k.tenant = t ->> 1 AND k.application = t ->> 2 AND k.upstream = t ->> 3
        WHERE k.position >= (t ->> 4)::bigint
        UNION ALL
        SELECT (c ->> 0)::int, 3,
               jsonb_build_object('reason', 'claim', 'kind', k.kind, 'holder', k.stream)
        FROM jsonb_array_elements(batch -> 'claims') AS c
        JOIN log.claims k ON k.tenant = c ->> 1 AND k.kind = c ->> 2 AND k.digest = decode(c ->> 3, 'hex')
        WHERE k.stream <> c ->> 4
        UNION ALL
        SELECT (c ->> 0)::int, 4, jsonb_build_object('reason', 'held', 'kind', c ->> 2)
        FROM jsonb_array_elements(batch -> 'held') AS c
        LEFT JOIN log.claims k ON k.tenant = c ->> 1 AND k.kind = c ->> 2 AND k.digest = decode(c ->> 3, 'hex')
        WHERE k.stream IS DISTINCT FROM c ->> 4
        UNION ALL
        SELECT (g ->> 0)::int, 5, jsonb_build_object('reason', 'gathered', 'customer', g ->> 2)
        FROM jsonb_array_elements(batch -> 'gathered') AS g
        WHERE EXISTS (SELECT FROM log.events v
            WHERE v.tenant = g ->> 1 AND v.customer_id = g ->> 2 AND v.position > (g ->> 3)::bigint)
        UNION ALL
        SELECT (s ->> 0)::int, 6, jsonb_build_object('reason', 'sealed', 'subject', s ->> 2)
        FROM jsonb_array_elements(batch -> 'sealed') AS s
        JOIN log.keys k ON k.tenant = s ->> 1 AND k.subject = s ->> 2 AND k.destroyed_at IS NOT NULL
        UNION ALL
        SELECT (n ->> 0)::int, 6, jsonb_build_object('reason', 'keyed', 'subject', n ->> 2)
        FROM jsonb_array_elements(batch -> 'keys') AS n
        JOIN log.keys k ON k.tenant = n ->> 1 AND k.subject = n ->> 2
        WHERE k.wrapped IS DISTINCT FROM decode(n ->> 3, 'hex')
        UNION ALL
        SELECT (n ->> 0)::int, 7, jsonb_build_object('reason', 'rotated')
        FROM jsonb_array_elements(batch -> 'keys') AS n
        JOIN log.keys k ON k.tenant = '' AND k.subject = 'log'
        WHERE k.wrapped <> decode(n ->> 4, 'hex')
    )
    SELECT jsonb_agg(why || jsonb_build_object('r', r)) INTO refused
    FROM (SELECT DISTINCT ON (r) r, why FROM all_refused ORDER BY r, weight) AS first_reason;
    IF refused IS NOT NULL THEN
        RETURN jsonb_build_object('refused', refused);
    END IF;

    IF batch ? 'keys' THEN
        INSERT INTO log.keys (tenant, subject, wrapped)
        SELECT n ->> 1, n ->> 2, decode(n ->> 3, 'hex')
        FROM jsonb_array_elements(batch -> 'keys') AS n
        WHERE EXISTS (SELECT FROM log.keys k
            WHERE k.tenant = '' AND k.subject = 'log' AND k.wrapped = decode(n ->> 4, 'hex'))
        ORDER BY (n ->> 1) COLLATE "C", (n ->> 2) COLLATE "C"  -- as whoever makes keys alone: none waits for the other
        ON CONFLICT DO NOTHING;
        IF EXISTS (SELECT FROM jsonb_array_elements(batch -> 'keys') AS n
            WHERE NOT EXISTS (SELECT FROM log.keys k
                WHERE k.tenant = n ->> 1 AND k.subject = n ->> 2 AND k.wrapped = decode(n ->> 3, 'hex')))
        THEN
            RAISE unique_violation USING MESSAGE = 'another process was faster';
        END IF;
    END IF;
    IF batch ?| '{releases,reopen,destroy}' THEN
        DELETE FROM log.claims k
        USING jsonb_array_elements(batch -> 'releases') AS f
        WHERE k.tenant = f ->> 0 AND k.stream = f ->> 1
          AND (f ->> 2 IS NULL OR (k.kind = f ->> 2 AND k.digest = decode(f ->> 3, 'hex')));
        DELETE FROM log.commands k
        USING jsonb_array_elements(batch -> 'reopen') AS o
        WHERE k.tenant = o ->> 0 AND k.command_id = o ->> 1;
        INSERT INTO log.keys AS k (tenant, subject, wrapped, destroyed_at)  -- also one that was never made
        SELECT tenant, subject, NULL, clock_timestamp()
        FROM (SELECT DISTINCT d ->> 0 AS tenant, d ->> 1 AS subject
              FROM jsonb_array_elements(batch -> 'destroy') AS d) AS gone
        ON CONFLICT (tenant, subject) DO UPDATE SET wrapped = NULL, destroyed_at = excluded.destroyed_at
        WHERE k.destroyed_at IS NULL;
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
    IF batch ? 'tracking' THEN
        INSERT INTO log.tracking AS k (tenant, application, upstream, position)
        SELECT t ->> 1, t ->> 2, t ->> 3, (t ->> 4)::bigint FROM jsonb_array_elements(batch -> 'tracking') AS t
        ON CONFLICT (tenant, application, upstream) DO UPDATE SET position = excluded.position
        WHERE k.position < excluded.position;
        GET DIAGNOSTICS tracked = ROW_COUNT;
        IF tracked < jsonb_array_length(batch -> 'tracking') THEN
            RAISE unique_violation USING MESSAGE = 'another process was faster';
        END IF;
    END IF;
    PERFORM pg_notify('backstory_log', (taken + added)::text);
    RETURN jsonb_build_object('position', taken, 'recorded_at', at);
END
$$;
