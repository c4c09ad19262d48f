-- name: sealed_values
-- Every sealed value of the tenant with the table that it lies in.
SELECT 'webhook' AS kind, webhook_id AS owner, id::text AS name, sealed FROM webhook_secret
UNION ALL SELECT 'mailbox', mailbox_id, name, sealed FROM mailbox_secret
UNION ALL SELECT 'consent', mailbox_id, encode(state, 'hex'), sealed FROM mailbox_consent
UNION ALL SELECT 'tenant', '', name, sealed FROM tenant_secret;

-- name: reseal_webhook
-- Another seal on a webhook's secret, if it is still that one.
UPDATE webhook_secret SET sealed = $4 WHERE webhook_id = $1::text AND id = $2::text::uuid AND sealed = $3 RETURNING 1;

-- name: reseal_mailbox
-- The same for a mailbox's.
UPDATE mailbox_secret SET sealed = $4 WHERE mailbox_id = $1::text AND name = $2::text AND sealed = $3 RETURNING 1;

-- name: reseal_consent
-- The same for the verifier of a consent on its way.
UPDATE mailbox_consent SET sealed = $4 WHERE mailbox_id = $1::text AND state = decode($2::text, 'hex') AND sealed = $3 RETURNING 1;

-- name: reseal_tenant
-- The same for one of the tenant itself.
UPDATE tenant_secret SET sealed = $4 WHERE $1::text = '' AND name = $2::text AND sealed = $3 RETURNING 1;
