-- name: live_version
-- The version that judges.
SELECT version FROM live_rule_set;

-- name: share_live_version
-- The version that judges, kept from changing until this transaction ends.
SELECT version FROM live_rule_set FOR SHARE;

-- name: lock_live_version
-- The version that judges, about to be replaced: waits for all who share it.
SELECT version FROM live_rule_set FOR UPDATE;

-- name: rule_set
-- One version in full.
SELECT version, document, calendars, source, comment, published_at, published_by FROM rule_set WHERE version = $1;

-- name: rule_set_versions
-- All versions without their bodies, newest first.
SELECT version, '{}'::jsonb AS document, '{}'::jsonb AS calendars, NULL::text AS source, comment, published_at, published_by
FROM rule_set ORDER BY version DESC;

-- name: insert_rule_set
-- Stores a version.
INSERT INTO rule_set (version, document, calendars, source, comment, published_at, published_by)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING version;

-- name: make_live
-- From the commit on this version judges.
UPDATE live_rule_set SET version = $1;
