SELECT current_setting('backstory.tenant', true) AS tenant, t.name, c.version, p.position, h.head,
       greatest(h.head - p.position, 0) AS lag_events,
       coalesce(greatest(extract(epoch FROM clock_timestamp() - model.waiting_since(p.position)), 0), 0) AS lag_seconds,
       CASE WHEN c.state = 'following' AND p.heartbeat_at < clock_timestamp() - interval '30 seconds' THEN 'stopped'
            ELSE c.state END AS state,
       (SELECT count(*) FROM model.held d WHERE d.model = c.name AND d.suffix = '') AS held_keys,
       c.verified_through, c.verified_at, c.name AS model, p.heartbeat_at
FROM model.tables t
JOIN model.checkpoints c ON c.name = t.model
JOIN LATERAL (
    SELECT min(position) AS position, min(heartbeat_at) AS heartbeat_at FROM model.places WHERE name = c.name
) p ON true
CROSS JOIN LATERAL (SELECT model.log_head() AS head) h
