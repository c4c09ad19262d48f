-- name: records
-- All tenants with what the platform knows of them, or the one of an id or ccid.
SELECT {tenant_columns}, created_at, coalesce(p.state, CASE WHEN t.active THEN 'ready' ELSE 'suspended' END) AS state,
    coalesce(p.state_at, t.created_at) AS state_at, p.reason, p.delete_after, coalesce(p.outside, '{}') AS outside,
    p.sealed IS NOT NULL AS has_secrets
FROM tenant t LEFT JOIN provisioning p ON p.tenant_id = t.id
WHERE $1::text IS NULL OR t.id = $1 OR t.ccid = $1
ORDER BY t.id;

-- name: begin_tenant
-- A tenant that is to be made; nothing when its id is there.
INSERT INTO tenant ({tenant_names}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: change_tenant
-- What may change of a tenant that is there.
UPDATE tenant SET name = $2, ccid = $3, time_zone = $4, settings = $5 WHERE id = $1;

-- name: save_outside
-- Addresses and secrets of other systems; secrets that are not given stay.
INSERT INTO provisioning AS p (tenant_id, state, state_at, outside, sealed)
SELECT id, CASE WHEN active THEN 'ready' ELSE 'suspended' END, $2, $3, $4 FROM tenant WHERE id = $1
ON CONFLICT (tenant_id) DO UPDATE SET outside = p.outside || excluded.outside, sealed = coalesce(excluded.sealed, p.sealed);

-- name: set_state
-- How far a tenant is.
INSERT INTO provisioning (tenant_id, state, state_at, reason, delete_after) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_id) DO UPDATE SET state = excluded.state, state_at = excluded.state_at, reason = excluded.reason,
    delete_after = excluded.delete_after;

-- name: set_active
-- Whether anybody is let in.
UPDATE tenant SET active = $2 WHERE id = $1;

-- name: sealed
-- The sealed secrets of other systems for a tenant.
SELECT sealed FROM provisioning WHERE tenant_id = $1;

-- name: forget_tenant
-- Removes all that is known of a tenant.
SELECT forget_tenant($1);

-- name: end_sessions
-- Ends all browser sessions of a tenant.
DELETE FROM session WHERE tenant_id = $1;

-- name: audit
-- An entry of the platform's audit.
INSERT INTO audit (tenant_id, at, actor, action, object_kind, object_id, detail) VALUES (NULL, $1, $2, $3, $4, $5, $6);

-- name: audit_log
-- The platform's audit, newest first, before an entry; of one tenant where it is named.
SELECT id, at, actor, action, object_kind, object_id, detail FROM audit
WHERE tenant_id IS NULL AND ($1::bigint IS NULL OR id < $1) AND ($2::text IS NULL OR object_id = $2)
ORDER BY id DESC LIMIT $3;

-- name: control_usage
-- What a tenant has in this database.
SELECT (SELECT count(*) FROM app_user WHERE tenant_id = $1 AND active) AS users,
    (SELECT count(*) FROM api_key WHERE tenant_id = $1 AND active) AS api_keys,
    greatest((SELECT max(last_used_at) FROM api_key WHERE tenant_id = $1),
        (SELECT max(last_login_at) FROM app_user WHERE tenant_id = $1)) AS last_used_at;

-- name: tenant_usage
-- What a tenant has in its own database. The log's length is the planner's estimate.
SELECT pg_database_size(current_database()) AS bytes,
    (SELECT count(*) FROM item WHERE status IN ('new', 'captured', 'queued', 'assigned', 'held', 'errorheld')) AS open_items,
    (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'item'::regclass) AS items_estimated,
    (SELECT coalesce(max(pos), 0) FROM event e WHERE e.generation = (SELECT generation FROM tenant_state)) AS events,
    (SELECT count(*) FROM agent WHERE active) AS agents;

-- name: describe_database
-- Says of a database whose it is.
SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1;

-- name: is_empty
-- Whether this database has no table of anybody's.
SELECT NOT EXISTS (SELECT FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm')
    AND relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\_%' OR nspname = 'information_schema'));

-- name: connections
-- Connections of each database of the server.
SELECT datname, count(*) AS n FROM pg_stat_activity WHERE datname IS NOT NULL GROUP BY 1;

-- name: note_use
-- Tenants that are in use at this process.
INSERT INTO tenant_use (tenant_id, used_at) SELECT u.id, clock_timestamp() FROM unnest($1::text[]) AS u(id)
WHERE EXISTS (SELECT FROM tenant t WHERE t.id = u.id)
ON CONFLICT (tenant_id) DO UPDATE SET used_at = excluded.used_at;

-- name: used_lately
-- Tenants that were in use at any process within so many seconds.
SELECT tenant_id FROM tenant_use WHERE used_at > clock_timestamp() - make_interval(secs => $1);
