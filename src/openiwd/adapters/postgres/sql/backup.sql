-- name: tenant_rows
-- All rows of the control database that belong to a tenant, by table; leases, sessions and processes are of the moment.
SELECT json_build_object(
    'tenant', (SELECT json_agg(t) FROM tenant t WHERE id = $1),
    'provisioning', (SELECT json_agg(t) FROM provisioning t WHERE tenant_id = $1),
    'app_user', (SELECT json_agg(t) FROM app_user t WHERE tenant_id = $1),
    'api_key', (SELECT json_agg(t) FROM api_key t WHERE tenant_id = $1),
    'login_settings', (SELECT json_agg(t) FROM login_settings t WHERE tenant_id = $1),
    'access_group', (SELECT json_agg(t) FROM access_group t WHERE tenant_id = $1),
    'audit', (SELECT json_agg(t ORDER BY t.id) FROM audit t WHERE tenant_id = $1)
);

-- name: put_tenant
-- The tenant's row, where there is none; nobody is let in before all of it is back.
INSERT INTO tenant SELECT r.* FROM json_populate_recordset(NULL::tenant, $1::text::json) r ON CONFLICT DO NOTHING RETURNING id;

-- name: put_provisioning
-- What the platform knows of it.
INSERT INTO provisioning SELECT r.* FROM json_populate_recordset(NULL::provisioning, $1::text::json) r ON CONFLICT DO NOTHING;

-- name: put_app_user
-- Users.
INSERT INTO app_user SELECT r.* FROM json_populate_recordset(NULL::app_user, $1::text::json) r ON CONFLICT DO NOTHING;

-- name: put_api_key
-- Keys, with the hashes of their secrets: what holders have goes on opening.
INSERT INTO api_key SELECT r.* FROM json_populate_recordset(NULL::api_key, $1::text::json) r ON CONFLICT DO NOTHING;

-- name: put_login_settings
-- How its people log in.
INSERT INTO login_settings SELECT r.* FROM json_populate_recordset(NULL::login_settings, $1::text::json) r ON CONFLICT DO NOTHING;

-- name: put_access_group
-- Access groups.
INSERT INTO access_group SELECT r.* FROM json_populate_recordset(NULL::access_group, $1::text::json) r ON CONFLICT DO NOTHING;

-- name: put_audit
-- The tenant's audit, in its order, with new numbers.
INSERT INTO audit (at, tenant_id, actor, action, object_kind, object_id, detail)
SELECT r.at, r.tenant_id, r.actor, r.action, r.object_kind, r.object_id, r.detail
FROM json_populate_recordset(NULL::audit, $1::text::json) r ORDER BY r.id;

-- name: after_control
-- A control database that was restored: processes and leases of then are over, and everybody logs in anew.
DELETE FROM preparation;
DELETE FROM rule_set_ready;
DELETE FROM process;
DELETE FROM session;
UPDATE decider_lease SET process_id = '00000000-0000-0000-0000-000000000000', epoch = epoch + 1000000;
UPDATE lease SET process_id = '00000000-0000-0000-0000-000000000000', epoch = epoch + 1000000;

-- name: after_tenant
-- A tenant's database that was restored. A new generation of the log: readers who have seen more rewind to the common point.
-- Epochs leap over all that may have been given since the backup. What may have gone out since then is not sent again by
-- itself: deliveries are parked, emails wait for a person.
UPDATE tenant_state SET generation = generation + 1;
UPDATE decider SET epoch = epoch + 1000000, process_id = NULL;
UPDATE capture_reader SET epoch = epoch + 1000000;
DELETE FROM capture_lease;
UPDATE router_state SET epoch = epoch + 1000000;
UPDATE mailbox_lease SET epoch = epoch + 1000000, expires_at = '-infinity';
UPDATE webhook_delivery SET state = 'parked', ended_at = now(),
    last_error = 'restored from a backup: may have been delivered since; replay it if it was not'
WHERE state = 'waiting';
UPDATE email SET state = 'unknown', error = 'restored from a backup: may have been sent since', revision = revision + 1
WHERE direction = 'out' AND state IN ('queued', 'sending', 'handingOver');
UPDATE agent SET states = '{}', session = NULL, seen_by = NULL, logged_in_at = NULL;
