-- What the jobs of `backstory deliver` keep beside the log. Nothing of it is a fact: lost, it is made anew from the log.

-- How far each job has followed the log.
CREATE TABLE log.jobs (
    name     text   COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL
);

-- The messages that wait to be sent, each by the event that queued it.
CREATE TABLE log.outgoing (
    event_id uuid        PRIMARY KEY,
    tenant   text        COLLATE "C" NOT NULL,
    stream   text        COLLATE "C" NOT NULL,
    attempts integer     NOT NULL DEFAULT 0,
    due_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX outgoing_by_due ON log.outgoing (due_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON log.jobs, log.outgoing TO backstory_app;
