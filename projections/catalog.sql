CREATE TABLE IF NOT EXISTS model.checkpoints (
    name             text        PRIMARY KEY,
    version          integer     NOT NULL,
    shape            text        NOT NULL,  -- digest of the tables' definitions
    epoch            bigint      NOT NULL DEFAULT 0,  -- counts the times that others than the projector wrote rows
    state            text        NOT NULL DEFAULT 'following' CHECK (state IN ('following', 'outdated')),
    verified_through bigint,
    verified_at      timestamptz
) WITH (fillfactor = 50);

-- How far each is in each partition of the log; whoever moves a row compares and sets it.
CREATE TABLE IF NOT EXISTS model.places (
    name         text        NOT NULL REFERENCES model.checkpoints,
    partition    integer     NOT NULL,
    position     bigint      NOT NULL DEFAULT 0,
    heartbeat_at timestamptz NOT NULL DEFAULT '-infinity',
    worker       text,
    PRIMARY KEY (name, partition)
) WITH (fillfactor = 50);
-- A catalog from before there were places had one position a model: that of all its partitions.
INSERT INTO model.places (name, partition, position)
SELECT c.name, n, (to_jsonb(c) ->> 'position')::bigint
FROM model.checkpoints c, log.head, generate_series(0, partitions - 1) AS n
WHERE to_jsonb(c) ? 'position' ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS model.tables (
    name  text PRIMARY KEY,
    model text NOT NULL REFERENCES model.checkpoints (name)
);

-- Units that wait behind an event their fold could not take; with a suffix, those of tables being built.
CREATE TABLE IF NOT EXISTS model.held (
    model    text        NOT NULL,
    suffix   text        NOT NULL DEFAULT '',
    tenant   text        NOT NULL,
    unit     text        NOT NULL,
    stream   text        NOT NULL,
    position bigint      NOT NULL,
    type     text        NOT NULL,
    error    text        NOT NULL,
    held_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (model, suffix, tenant, unit)
);

-- Events that a read model passes over because a person said so.
CREATE TABLE IF NOT EXISTS model.skipped (
    model      text        NOT NULL,
    tenant     text        NOT NULL,
    position   bigint      NOT NULL,
    reason     text        NOT NULL,
    actor      text        NOT NULL,
    skipped_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (model, position)
);

-- Tables being folded from the log beside the live ones (`suffix`), as the log stood at `through`; `positions`, by
-- partition, move on from there once every range is finished.
CREATE TABLE IF NOT EXISTS model.builds (
    model      text        NOT NULL,
    suffix     text        NOT NULL,
    version    integer     NOT NULL,
    shape      text        NOT NULL,
    through    bigint      NOT NULL,
    positions  bigint[],
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (model, suffix)
);

ALTER TABLE model.builds ADD COLUMN IF NOT EXISTS positions bigint[];

-- The parts of a build: streams of a tenant after `done` and before `below`.
CREATE TABLE IF NOT EXISTS model.build_ranges (
    model    text    NOT NULL,
    suffix   text    NOT NULL,
    n        integer NOT NULL,
    tenant   text    COLLATE "C" NOT NULL,
    done     text    COLLATE "C" NOT NULL,
    below    text    COLLATE "C" NOT NULL,
    finished boolean NOT NULL DEFAULT false,
    events   bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (model, suffix, n),
    FOREIGN KEY (model, suffix) REFERENCES model.builds ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS model.views (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    digest text    NOT NULL
);

-- What an analyst may know of the log itself: how far it goes, and since when an event waits to be shown.
CREATE OR REPLACE FUNCTION model.log_head() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT position FROM log.head $$;
CREATE OR REPLACE FUNCTION model.waiting_since(after bigint) RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT recorded_at FROM log.events WHERE position = after + 1 $$;

-- ... and how many events of a partition wait behind each place, since when; of the next million of the log.
CREATE OR REPLACE FUNCTION model.waiting()
RETURNS TABLE (partition integer, "position" bigint, events bigint, since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
    SELECT q.partition, q.position, count(e.position), min(e.recorded_at)
    FROM (SELECT DISTINCT partition, position FROM model.places) q
    LEFT JOIN log.events e ON e.partition = q.partition AND e.position > q.position
        AND e.position > (SELECT min(position) FROM model.places)
        AND e.position <= (SELECT min(position) + 1000000 FROM model.places)
    GROUP BY q.partition, q.position
$$;

GRANT USAGE ON SCHEMA model, read TO backstory_analyst;
GRANT SELECT ON model.checkpoints, model.places, model.tables TO backstory_analyst;
GRANT SELECT ON model.held, model.skipped TO backstory_analyst;
ALTER TABLE model.held ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_tenant ON model.held;
CREATE POLICY own_tenant ON model.held FOR SELECT TO backstory_analyst
    USING (tenant = current_setting('backstory.tenant', true));
ALTER TABLE model.skipped ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own_tenant ON model.skipped;
CREATE POLICY own_tenant ON model.skipped FOR SELECT TO backstory_analyst
    USING (tenant = current_setting('backstory.tenant', true));
