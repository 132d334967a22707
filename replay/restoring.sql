-- What a restore keeps until everything is read, and how it settles what stood beside the events.
CREATE TEMPORARY TABLE restored_answers (position bigint, answered jsonb) ON COMMIT DROP;
CREATE TEMPORARY TABLE restored_keys (tenant text, subject text, change bigint, wrapped bytea) ON COMMIT DROP;

-- settle
INSERT INTO log.commands (tenant, command_id, fingerprint, answer, position, events, recorded_at)
SELECT DISTINCT ON (e.tenant, e.command_id) e.tenant, e.command_id, decode(a.answered ->> 'fingerprint', 'hex'),
       a.answered -> 'answer', e.position, (a.answered ->> 'events')::int, e.recorded_at
FROM restored_answers a
JOIN log.events e USING (position)
WHERE NOT EXISTS (
    SELECT FROM log.effects f, jsonb_array_elements(f.effect -> 'reopen') AS o
    WHERE f.position > e.position AND o ->> 0 = e.tenant AND o ->> 1 = e.command_id)
ORDER BY e.tenant, e.command_id, e.position DESC;

CREATE TEMPORARY TABLE restored_releases ON COMMIT DROP AS
SELECT f.position, r ->> 0 AS tenant, r ->> 1 AS stream, r ->> 2 AS kind, decode(r ->> 3, 'hex') AS digest
FROM log.effects f, jsonb_array_elements(f.effect -> 'releases') AS r;

INSERT INTO log.claims (tenant, kind, digest, stream, position)
SELECT DISTINCT ON (c.tenant, c.kind, c.digest) c.tenant, c.kind, c.digest, c.stream, c.position
FROM (
    SELECT f.position, c ->> 1 AS tenant, c ->> 2 AS kind, decode(c ->> 3, 'hex') AS digest, c ->> 4 AS stream
    FROM log.effects f, jsonb_array_elements(f.effect -> 'claims') AS c
) AS c
WHERE NOT EXISTS (
    SELECT FROM restored_releases r
    WHERE r.position > c.position AND r.tenant = c.tenant AND r.stream = c.stream
      AND (r.kind IS NULL OR (r.kind = c.kind AND r.digest = c.digest)))
ORDER BY c.tenant, c.kind, c.digest, c.position DESC;

INSERT INTO log.tracking (tenant, application, upstream, position)
SELECT t ->> 1, t ->> 2, t ->> 3, max((t ->> 4)::bigint)
FROM log.effects f, jsonb_array_elements(f.effect -> 'tracking') AS t
GROUP BY 1, 2, 3;

INSERT INTO log.keys (tenant, subject, wrapped)
SELECT tenant, subject, wrapped
FROM (
    SELECT DISTINCT ON (tenant, subject) tenant, subject, wrapped
    FROM restored_keys ORDER BY tenant, subject, change DESC
) AS newest
WHERE wrapped IS NOT NULL;

-- Who sealed something and has no key is forgotten.
INSERT INTO log.keys (tenant, subject, destroyed_at)
SELECT s.tenant, s.subject, coalesce(max(e.recorded_at), clock_timestamp())
FROM (SELECT DISTINCT tenant, data ->> '$subject' AS subject FROM log.events WHERE data ? '$subject') AS s
LEFT JOIN log.events e ON e.tenant = s.tenant AND e.type = current_setting('backstory.erased')
    AND s.subject IN (e.stream, 'customer-' || e.customer_id)
WHERE NOT EXISTS (SELECT FROM log.keys k WHERE k.tenant = s.tenant AND k.subject = s.subject)
GROUP BY s.tenant, s.subject;

-- What follows from events by itself goes on from the restored log, whatever was noted before it was here.
DELETE FROM log.jobs;
DELETE FROM log.outgoing;

DELETE FROM log.key_changes;
ANALYZE log.events, log.commands, log.claims, log.keys;
