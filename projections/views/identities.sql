SELECT t.tenant, $customer AS customer_id, i.kind, i.value, i.source, i.linked_at,
       t.customer_id AS recorded_customer_id, t.position
FROM model.customers t $merges
CROSS JOIN LATERAL json_each(t.state -> 'identities') AS e (name, identity)
CROSS JOIN LATERAL json_to_record(e.identity) AS i (kind text, value text, source text, linked_at timestamptz, finds boolean)
WHERE i.finds IS NOT FALSE AND $unmerged
