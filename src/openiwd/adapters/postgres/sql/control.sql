-- name: tenants
-- All tenants.
SELECT {tenant_columns} FROM tenant ORDER BY id;

-- name: tenant
-- One tenant.
SELECT {tenant_columns} FROM tenant WHERE id = $1;

-- name: save_tenant
-- Inserts or replaces a tenant; its clock and its database stay as they were made.
INSERT INTO tenant ({tenant_columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, pushes = excluded.pushes, time_zone = excluded.time_zone,
    ccid = excluded.ccid, active = excluded.active, settings = excluded.settings;

-- name: users_by_login
-- Users of any tenant with a login.
SELECT {user_columns} FROM app_user u WHERE login = $1 AND ($2::text IS NULL OR tenant_id = $2) ORDER BY tenant_id LIMIT 2;

-- name: users
-- All users of a tenant.
SELECT {user_columns} FROM app_user u WHERE tenant_id = $1 ORDER BY login;

-- name: save_user
-- Inserts or replaces a user; with a revision: only if the stored one is that.
INSERT INTO app_user (id, tenant_id, login, name, role, access_groups, agent_id, language, time_zone, active, failed_logins,
    locked_until, password_hash)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
WHERE $14::int IS NULL OR EXISTS (SELECT FROM app_user WHERE id = $1)
ON CONFLICT (id) DO UPDATE SET login = excluded.login, name = excluded.name, role = excluded.role,
    access_groups = excluded.access_groups, agent_id = excluded.agent_id, language = excluded.language,
    time_zone = excluded.time_zone, active = excluded.active, failed_logins = excluded.failed_logins,
    locked_until = excluded.locked_until, password_hash = excluded.password_hash, revision = app_user.revision + 1
WHERE app_user.tenant_id = excluded.tenant_id AND ($14::int IS NULL OR app_user.revision = $14)
RETURNING revision;

-- name: record_login
-- How logins went; the time of the last good one only when nothing failed.
UPDATE app_user SET failed_logins = $2, locked_until = $3,
    last_login_at = CASE WHEN $2 = 0 AND $3::timestamptz IS NULL THEN $4 ELSE last_login_at END
WHERE id = $1;

-- name: create_session
-- A session; only the hash of its token is kept.
INSERT INTO session (token_hash, user_id, tenant_id, csrf_token, expires_at, over_at, idle_seconds, device, provider_token)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: session
-- A session with its user.
SELECT {user_columns}, s.csrf_token, s.expires_at, s.over_at, s.idle_seconds, s.provider_token
FROM session s JOIN app_user u ON u.id = s.user_id WHERE s.token_hash = $1;

-- name: sessions_of_user
-- The sessions of a user that are not over, the one used last first; which of them has this token's hash.
SELECT id, created_at, last_seen_at, expires_at, device, token_hash = $2::bytea AS is_current
FROM session WHERE user_id = $1 AND expires_at > $3 ORDER BY last_seen_at DESC, id LIMIT 200;

-- name: end_session_of_user
-- Ends one session of a user by its id; its token's hash.
DELETE FROM session WHERE user_id = $1 AND id = $2 RETURNING token_hash;

-- name: touch_session
-- Prolongs a session.
UPDATE session SET expires_at = $2, last_seen_at = clock_timestamp() WHERE token_hash = $1;

-- name: end_session
-- Ends one session.
DELETE FROM session WHERE token_hash = $1;

-- name: end_sessions
-- Ends all sessions of a user, except one.
DELETE FROM session WHERE user_id = $1 AND token_hash IS DISTINCT FROM $2::bytea;

-- name: forget_sessions
-- Removes sessions that were over at an instant.
DELETE FROM session WHERE expires_at <= $1;

-- name: user_by_subject
-- The user that the identity provider knows by this issuer and subject.
SELECT {user_columns} FROM app_user u WHERE tenant_id = $1 AND subject = $2;

-- name: link_subject
-- Makes a user the identity provider's, unless it is one's already.
UPDATE app_user SET subject = $3, revision = revision + 1 WHERE tenant_id = $1 AND id = $2 AND subject IS NULL RETURNING id;

-- name: replace_password_hash
-- The same password, hashed by today's parameters.
UPDATE app_user SET password_hash = $3 WHERE id = $1 AND password_hash = $2;

-- name: second_factor
-- What a user's second factor is checked with.
SELECT second_factor_sealed AS sealed, second_factor_at AS confirmed_at, second_factor_step AS step,
    cardinality(recovery_hashes) AS recovery_codes
FROM app_user WHERE id = $1;

-- name: begin_second_factor
-- A secret that is not confirmed yet; never in place of one that is.
UPDATE app_user SET second_factor_sealed = $2, second_factor_step = 0, recovery_hashes = '{}'
WHERE id = $1 AND second_factor_at IS NULL RETURNING id;

-- name: confirm_second_factor
-- From now on it is asked for.
UPDATE app_user SET second_factor_at = $2, second_factor_step = $3, recovery_hashes = $4
WHERE id = $1 AND second_factor_at IS NULL AND second_factor_sealed = $5 RETURNING id;

-- name: spend_step
-- A code is good once, for all processes: its step has to lie after the last one.
UPDATE app_user SET second_factor_step = $2 WHERE id = $1 AND second_factor_step < $2 RETURNING id;

-- name: spend_recovery_code
-- A recovery code is good once.
UPDATE app_user SET recovery_hashes = array_remove(recovery_hashes, $2) WHERE id = $1 AND $2 = ANY (recovery_hashes)
RETURNING id;

-- name: replace_recovery_codes
-- New recovery codes in place of all old ones.
UPDATE app_user SET recovery_hashes = $2 WHERE id = $1 AND second_factor_at IS NOT NULL RETURNING id;

-- name: end_second_factor
-- No second factor any more.
UPDATE app_user SET second_factor_sealed = NULL, second_factor_at = NULL, second_factor_step = 0, recovery_hashes = '{}'
WHERE id = $1;

-- name: login_settings
-- How a tenant's people log in.
SELECT settings, client_secret, revision FROM login_settings WHERE tenant_id = $1;

-- name: save_login_settings
-- Inserts or replaces them; with a revision: only if the stored one is that (0: there are none).
INSERT INTO login_settings (tenant_id, settings, client_secret)
SELECT $1, $2, $3 WHERE $4::int IS NULL OR $4 = 0 OR EXISTS (SELECT FROM login_settings WHERE tenant_id = $1)
ON CONFLICT (tenant_id) DO UPDATE SET settings = excluded.settings, client_secret = excluded.client_secret,
    revision = login_settings.revision + 1
WHERE $4::int IS NULL OR login_settings.revision = $4
RETURNING revision;

-- name: sealed_secrets
-- All sealed values of the control database.
SELECT 'user' AS kind, id::text AS owner, '' AS name, second_factor_sealed AS sealed FROM app_user
WHERE second_factor_sealed IS NOT NULL
UNION ALL SELECT 'login', tenant_id, '', client_secret FROM login_settings WHERE client_secret IS NOT NULL
UNION ALL SELECT 'tenant', tenant_id, '', sealed FROM provisioning WHERE sealed IS NOT NULL
UNION ALL SELECT 'session', encode(token_hash, 'hex'), user_id::text, provider_token FROM session
WHERE provider_token IS NOT NULL;

-- name: reseal_user
-- The same secret under another key, if it is still that one.
UPDATE app_user SET second_factor_sealed = $3 WHERE id = $1::text::uuid AND second_factor_sealed = $2 RETURNING id;

-- name: reseal_login
-- The same for the secret that we have with a provider.
UPDATE login_settings SET client_secret = $3 WHERE tenant_id = $1::text AND client_secret = $2 RETURNING tenant_id;

-- name: reseal_tenant
-- The same for what other systems have given for a tenant.
UPDATE provisioning SET sealed = $3 WHERE tenant_id = $1::text AND sealed = $2 RETURNING tenant_id;

-- name: reseal_session
-- The same for a session's token of the provider.
UPDATE session SET provider_token = $3 WHERE token_hash = decode($1::text, 'hex') AND provider_token = $2 RETURNING id;

-- name: api_key
-- A key by the hash of its secret.
SELECT {key_columns} FROM api_key WHERE key_hash = $1;

-- name: api_keys
-- The keys of a tenant, or of the platform.
SELECT {key_columns} FROM api_key WHERE tenant_id IS NOT DISTINCT FROM $1 ORDER BY created_at, id;

-- name: ending_api_keys
-- The active keys of a tenant that have an end.
SELECT {key_columns} FROM api_key WHERE tenant_id = $1 AND active AND expires_at IS NOT NULL ORDER BY created_at, id;

-- name: insert_api_key
-- A new key, or a key with a new secret.
INSERT INTO api_key ({key_columns}, key_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, key_hint = excluded.key_hint, role = excluded.role,
    privileges = excluded.privileges, access_groups = excluded.access_groups, agent_id = excluded.agent_id,
    expires_at = excluded.expires_at, active = excluded.active, key_hash = excluded.key_hash
WHERE api_key.tenant_id IS NOT DISTINCT FROM excluded.tenant_id
RETURNING id;

-- name: update_api_key
-- What a key may do; its secret stays.
UPDATE api_key SET name = $3, key_hint = $4, role = $5, privileges = $6, access_groups = $7, agent_id = $8,
    expires_at = $9, active = $10
WHERE id = $1 AND tenant_id IS NOT DISTINCT FROM $2
RETURNING id;

-- name: touch_api_keys
-- When keys were last used.
UPDATE api_key SET last_used_at = greatest(last_used_at, u.at)
FROM unnest($1::uuid[], $2::timestamptz[]) AS u(id, at) WHERE api_key.id = u.id;

-- name: delete_api_key
-- Removes a key.
DELETE FROM api_key WHERE id = $2 AND tenant_id IS NOT DISTINCT FROM $1 RETURNING id;

-- name: access_groups
-- Access groups of a tenant.
SELECT id, name, categories, queues, revision FROM access_group WHERE tenant_id = $1 ORDER BY id;

-- name: save_access_group
-- Inserts or replaces an access group; with a revision: only if the stored one is that, 0 being one that is not there yet.
INSERT INTO access_group (tenant_id, id, name, categories, queues)
SELECT $1, $2, $3, $4, $5
WHERE coalesce($6::int, 0) = 0 OR EXISTS (SELECT FROM access_group WHERE tenant_id = $1 AND id = $2)
ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, categories = excluded.categories,
    queues = excluded.queues, revision = access_group.revision + 1
WHERE $6::int IS NULL OR access_group.revision = $6
RETURNING revision;

-- name: delete_access_group
-- Removes an access group.
DELETE FROM access_group WHERE tenant_id = $1 AND id = $2 RETURNING id;

-- name: renew_process
-- Registers a process or prolongs its lease, by this database's clock.
INSERT INTO process (id, kind, address, expires_at, clock_at, renewed_at)
VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4), $5, clock_timestamp())
ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, address = excluded.address, expires_at = excluded.expires_at,
    clock_at = excluded.clock_at, renewed_at = excluded.renewed_at;

-- name: end_process
-- A process that stops.
DELETE FROM process WHERE id = $1;

-- name: forget_processes
-- Removes processes whose lease has been over for so many seconds.
DELETE FROM process WHERE expires_at < clock_timestamp() - make_interval(secs => $1);

-- name: live_processes
-- Processes whose lease has not run out.
SELECT id FROM process WHERE expires_at > clock_timestamp();

-- name: process_facts
-- All processes known: how long their leases still run, and how far their clocks were ahead of this database's.
SELECT id, kind, address, extract(epoch FROM expires_at - clock_timestamp())::float8 AS left,
    extract(epoch FROM clock_at - renewed_at)::float8 AS skew
FROM process ORDER BY started_at, id;

-- name: take_decider_lease
-- The lease of a tenant's decider for a live process: kept if it has it, taken if the holder's lease is over. The epoch
-- rises with each change of holder and never falls.
INSERT INTO decider_lease AS l (tenant_id, process_id, epoch)
SELECT $1, $2, 1 WHERE EXISTS (SELECT FROM process WHERE id = $2 AND expires_at > clock_timestamp())
ON CONFLICT (tenant_id) DO UPDATE SET
    process_id = excluded.process_id,
    epoch = CASE WHEN l.process_id = excluded.process_id THEN l.epoch ELSE l.epoch + 1 END,
    taken_at = CASE WHEN l.process_id = excluded.process_id THEN l.taken_at ELSE clock_timestamp() END
WHERE l.process_id = excluded.process_id
    OR NOT EXISTS (SELECT FROM process p WHERE p.id = l.process_id AND p.expires_at > clock_timestamp())
RETURNING epoch;

-- name: prepare
-- Announces what is about to go live in a tenant; nothing while another live process does so.
INSERT INTO preparation AS p (tenant_id, id, process_id)
SELECT $1, $2, $3 WHERE EXISTS (SELECT FROM process WHERE id = $3)
ON CONFLICT (tenant_id) DO UPDATE SET id = excluded.id, process_id = excluded.process_id
WHERE NOT EXISTS (SELECT FROM process o WHERE o.id = p.process_id AND o.expires_at > clock_timestamp())
RETURNING id;

-- name: preparations
-- What is about to go live where, by other processes that live.
SELECT p.tenant_id, p.id FROM preparation p JOIN process o ON o.id = p.process_id AND o.expires_at > clock_timestamp()
WHERE p.process_id <> $1;

-- name: acknowledge_preparation
-- A process has it ready, or says why it has not.
INSERT INTO rule_set_ready (tenant_id, process_id, version, preparation, fault)
SELECT p.tenant_id, $2, $3, p.id, $4 FROM preparation p WHERE p.id = $1
ON CONFLICT (tenant_id, process_id) DO UPDATE
SET version = excluded.version, preparation = excluded.preparation, fault = excluded.fault;

-- name: unprepared
-- Live processes that judge or decide and have not got it ready, with what they say.
SELECT o.id, r.fault FROM process o LEFT JOIN rule_set_ready r ON r.process_id = o.id AND r.preparation = $1
WHERE o.expires_at > clock_timestamp() AND o.id <> $2 AND o.kind IN ('serve', 'distribute')
    AND (r.process_id IS NULL OR r.fault IS NOT NULL);

-- name: end_preparation
-- It has gone live, or was given up.
DELETE FROM preparation WHERE id = $1;

-- name: deciding_process
-- The process that holds a tenant's decider lease, with its address; without an id when that process is gone.
SELECT p.id, p.address
FROM decider_lease l
LEFT JOIN process p ON p.id = l.process_id AND p.expires_at > clock_timestamp()
WHERE l.tenant_id = $1;

-- name: give_up_decider_leases
-- Frees the leases of a process, or that of one tenant; the rows stay, for their epochs.
UPDATE decider_lease SET process_id = '00000000-0000-0000-0000-000000000000'
WHERE process_id = $1 AND ($2::text IS NULL OR tenant_id = $2);

-- name: take_lease
-- As the decider's lease, by name: for what one process at a time does for a tenant.
INSERT INTO lease AS l (tenant_id, name, process_id, epoch)
SELECT $1, $2, $3, 1 WHERE EXISTS (SELECT FROM process WHERE id = $3 AND expires_at > clock_timestamp())
ON CONFLICT (tenant_id, name) DO UPDATE SET
    process_id = excluded.process_id,
    epoch = CASE WHEN l.process_id = excluded.process_id THEN l.epoch ELSE l.epoch + 1 END,
    taken_at = CASE WHEN l.process_id = excluded.process_id THEN l.taken_at ELSE clock_timestamp() END
WHERE l.process_id = excluded.process_id
    OR NOT EXISTS (SELECT FROM process p WHERE p.id = l.process_id AND p.expires_at > clock_timestamp())
RETURNING epoch;

-- name: audit
-- Appends to the audit log.
INSERT INTO audit (tenant_id, at, actor, action, object_kind, object_id, detail)
SELECT $1, at, actor, action, object_kind, object_id, detail
FROM json_to_recordset($2::text::json)
    AS u(at timestamptz, actor text, action text, object_kind text, object_id text, detail jsonb);

-- name: audit_log
-- The audit log of a tenant, newest first, before an entry; what is null is not looked at.
SELECT id, at, actor, action, object_kind, object_id, detail FROM audit
WHERE tenant_id = $1 AND ($2::bigint IS NULL OR id < $2)
    AND ($4::text IS NULL OR actor ILIKE $4) AND ($5::text IS NULL OR action = $5)
    AND ($6::text IS NULL OR object_kind = $6) AND ($7::text IS NULL OR object_id ILIKE $7)
    AND ($8::timestamptz IS NULL OR at >= $8) AND ($9::timestamptz IS NULL OR at < $9)
ORDER BY id DESC LIMIT $3;

-- name: audit_kinds
-- The kinds of objects that a tenant's audit log tells of.
SELECT DISTINCT object_kind FROM audit WHERE tenant_id = $1 ORDER BY object_kind;
