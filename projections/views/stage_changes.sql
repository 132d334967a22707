SELECT t.tenant, t.deal_id, (e.entry ->> 3)::bigint AS position, at.changed_at,
       substr(before.entry ->> 2, 2) AS from_stage, substr(e.entry ->> 2, 2) AS to_stage,
       ((e.entry ->> 0)::bigint - (before.entry ->> 0)::bigint) / 1000000.0 AS seconds_in_from,
       e.entry ->> 4 AS actor, e.entry ->> 5 AS source, e.n AS entry
FROM model.deals t
CROSS JOIN LATERAL (SELECT (t.state -> 'entries')::jsonb) AS s (entries)
CROSS JOIN LATERAL jsonb_array_elements(s.entries) WITH ORDINALITY AS e (entry, n)
CROSS JOIN LATERAL (SELECT CASE WHEN e.n > 1 THEN s.entries -> (e.n - 2)::int END) AS before (entry)
CROSS JOIN LATERAL (
    SELECT timestamptz 'epoch' + (e.entry ->> 0)::bigint * interval '1 microsecond' AS changed_at
) at
