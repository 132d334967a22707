SELECT current_setting('backstory.tenant', true) AS tenant, p.name AS model, p.partition, p.position,
       w.events AS lag_events, coalesce(greatest(extract(epoch FROM clock_timestamp() - w.since), 0), 0) AS lag_seconds,
       p.worker, p.heartbeat_at
FROM model.places p
JOIN model.waiting() w USING (partition, position)
