-- Every merged customer with the one it stands for, through any number of merges.
WITH RECURSIVE way AS (
    SELECT tenant, customer_id, merged_into AS canonical_id
    FROM model.customers
    WHERE merged_into IS NOT NULL
    UNION ALL
    SELECT way.tenant, way.customer_id, c.merged_into
    FROM way
    JOIN model.customers c ON c.tenant = way.tenant AND c.customer_id = way.canonical_id
    WHERE c.merged_into IS NOT NULL
) CYCLE canonical_id SET round USING path
SELECT way.tenant, way.customer_id, way.canonical_id
FROM way
WHERE NOT round AND NOT EXISTS (
    SELECT FROM model.customers c
    WHERE c.tenant = way.tenant AND c.customer_id = way.canonical_id AND c.merged_into IS NOT NULL
)
