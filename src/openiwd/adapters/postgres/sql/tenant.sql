-- name: virtual_now
-- Where the virtual clock stands.
SELECT virtual_now FROM tenant_state;

-- name: set_virtual_now
-- Moves the virtual clock forward, never back.
UPDATE tenant_state SET virtual_now = greatest(virtual_now, $1) RETURNING virtual_now;

-- name: checkpoint
-- Where a reader of an outside source stands.
SELECT value FROM checkpoint WHERE name = $1;

-- name: save_checkpoint
-- Moves a reader's place, in the transaction of what it has read.
INSERT INTO checkpoint (name, value) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = now();

-- name: idempotent
-- The answer recorded under an idempotency key.
SELECT request_hash, status, response FROM idempotency_key WHERE key = $1;

-- name: save_idempotent
-- Records an answer; nothing when the key is taken. About an item whose contact has been erased meanwhile: without what it told.
INSERT INTO idempotency_key (key, request_hash, status, response, item_number)
SELECT $1, $2, $3, CASE WHEN EXISTS (
    SELECT FROM item i JOIN contact c ON c.id = i.contact_id WHERE i.number = $5 AND c.erased_at IS NOT NULL
) THEN 'null' ELSE $4::jsonb END, $5
ON CONFLICT DO NOTHING RETURNING key;

-- name: forget_idempotent
-- Removes answers recorded before an instant, oldest first.
DELETE FROM idempotency_key WHERE key IN (SELECT key FROM idempotency_key WHERE at < $1 ORDER BY at LIMIT $2) RETURNING key;
