-- What the relay needs to carry the log to Kafka, and a restored log to go on from there.

-- What a request settled beside its events: claims, releases, reopened commands, tracking; at its last event.
CREATE TABLE log.effects (
    position bigint PRIMARY KEY,
    effect   jsonb  NOT NULL
);

-- log.append takes a further list, effects: [last, effect], where last is the index of the request's last event.
ALTER FUNCTION log.append(jsonb) RENAME TO append_events;
REVOKE ALL ON FUNCTION log.append_events(jsonb) FROM backstory_app;
CREATE FUNCTION log.append(batch jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = log, pg_temp
AS $$
DECLARE
    answer jsonb := log.append_events(batch);
BEGIN
    IF batch ? 'effects' AND answer ? 'position' THEN
        INSERT INTO log.effects (position, effect)
        SELECT (answer ->> 'position')::bigint + (e ->> 0)::int, e -> 1
        FROM jsonb_array_elements(batch -> 'effects') AS e;
    END IF;
    RETURN answer;
END
$$;
REVOKE ALL ON FUNCTION log.append(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append(jsonb) TO backstory_app;

-- Keys that were made, wrapped anew or destroyed, and that the relay has not yet published.
CREATE TABLE log.key_changes (
    tenant  text   COLLATE "C" NOT NULL,
    subject text   COLLATE "C" NOT NULL,
    change  bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant, subject)
);
CREATE FUNCTION log.note_key_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = log, pg_temp
AS $$
BEGIN
    INSERT INTO log.key_changes (tenant, subject) VALUES (NEW.tenant, NEW.subject)
    ON CONFLICT (tenant, subject) DO UPDATE SET change = DEFAULT;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION log.note_key_change() FROM PUBLIC;
CREATE TRIGGER noted AFTER INSERT OR UPDATE ON log.keys
    FOR EACH ROW EXECUTE FUNCTION log.note_key_change();
INSERT INTO log.key_changes (tenant, subject) SELECT tenant, subject FROM log.keys;

-- How far the log is published: every event up to `position` is acknowledged by all in-sync replicas.
-- `sequences` is the last acknowledged one of each partition, the first element that of partition 0.
CREATE TABLE log.published (
    one          boolean     PRIMARY KEY DEFAULT true CHECK (one),
    position     bigint      NOT NULL,
    recorded_at  timestamptz NOT NULL,
    sequences    bigint[]    NOT NULL,
    heartbeat_at timestamptz NOT NULL,
    trouble      text
) WITH (fillfactor = 10);

GRANT SELECT ON log.effects, log.key_changes, log.published TO backstory_app;
GRANT DELETE, INSERT ON log.key_changes TO backstory_app;
GRANT INSERT, UPDATE ON log.published TO backstory_app;
