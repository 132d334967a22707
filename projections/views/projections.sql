SELECT current_setting('backstory.tenant', true) AS tenant, t.name, c.version, c.position, h.head,
       greatest(h.head - c.position, 0) AS lag_events,
       coalesce(greatest(extract(epoch FROM clock_timestamp() - model.waiting_since(c.position)), 0), 0) AS lag_seconds,
       CASE WHEN c.state = 'following' AND c.heartbeat_at < clock_timestamp() - interval '30 seconds' THEN 'stopped'
            ELSE c.state END AS state,
       (SELECT count(*) FROM model.held d WHERE d.model = c.name AND d.suffix = '') AS held_keys,
       c.verified_through, c.verified_at, c.name AS model, c.heartbeat_at
FROM model.tables t
JOIN model.checkpoints c ON c.name = t.model
CROSS JOIN LATERAL (SELECT model.log_head() AS head) h
