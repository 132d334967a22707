WITH tenants AS (
    SELECT DISTINCT tenant FROM model.deals
), rules AS (
    SELECT tenant, pipeline, stages, renamed FROM model.pipelines
    UNION ALL
    SELECT tenant, $default_name, $default_stages::jsonb, '{}'::jsonb
    FROM tenants t
    WHERE NOT EXISTS (
        SELECT FROM model.pipelines p WHERE p.tenant = t.tenant AND p.pipeline = $default_name)
), stages AS (
    SELECT r.tenant, r.pipeline, s.stage ->> 'name' AS stage, s.n::int AS stage_order,
           coalesce((s.stage ->> 'probability')::numeric, 0) AS probability,
           coalesce(s.stage ->> 'outcome', 'open') AS outcome
    FROM rules r CROSS JOIN LATERAL jsonb_array_elements(r.stages) WITH ORDINALITY AS s (stage, n)
), standing AS (
    SELECT d.tenant, d.pipeline, coalesce(r.renamed ->> d.stage, d.stage) AS stage, d.currency, d.amount, d.outcome,
           d.stage_since
    FROM model.deals d
    LEFT JOIN rules r ON r.tenant = d.tenant AND r.pipeline = d.pipeline
    WHERE d.opened_at IS NOT NULL
)
SELECT d.tenant, d.pipeline, d.stage, s.stage_order, d.currency, count(*) AS deals, coalesce(sum(d.amount), 0) AS amount,
       coalesce(sum(d.amount * coalesce(s.probability, CASE d.outcome WHEN 'won' THEN 1 ELSE 0 END)), 0) AS weighted,
       min(d.stage_since) AS oldest_since, s.probability, s.outcome
FROM standing d
LEFT JOIN stages s ON s.tenant = d.tenant AND s.pipeline = d.pipeline AND s.stage = d.stage
WHERE d.outcome = 'open' OR s.outcome IS NULL OR s.outcome <> 'open'
GROUP BY d.tenant, d.pipeline, d.stage, s.stage_order, d.currency, s.probability, s.outcome
