-- name: live_version
-- The version that judges.
SELECT version FROM live_rule_set;

-- name: lock_live_version
-- The version that judges, about to be replaced: waits for all who share it. Sharers of a row let each other in past who waits to
-- change it, under load without end; so both come through a gate first, where who waits keeps later ones waiting.
SELECT version FROM live_rule_set WHERE pg_advisory_xact_lock(7310984513) IS NOT NULL FOR UPDATE;

-- name: rule_set
-- One version in full.
SELECT version, document, calendars, source, comment, published_at, published_by, preparation FROM rule_set WHERE version = $1;

-- name: rule_set_versions
-- All versions that have been live, without their bodies, newest first.
SELECT version, '{}'::jsonb AS document, '{}'::jsonb AS calendars, NULL::text AS source, comment, published_at, published_by
FROM rule_set WHERE NOT trial ORDER BY version DESC;

-- name: insert_rule_set
-- Stores a version.
INSERT INTO rule_set (version, document, calendars, source, comment, published_at, published_by, preparation)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING version;

-- name: prepare_rules
-- Keeps what is about to go live, for all processes to compile; what a dead process had left goes.
WITH left_over AS (DELETE FROM rule_set_prepared)
INSERT INTO rule_set_prepared (id, version, document, calendars) VALUES ($1, $2, $3, $4);

-- name: prepared_rules
-- What is about to go live; when, by whom and why is told once it is.
SELECT version, document, calendars, NULL::text AS source, NULL::text AS comment, now() AS published_at, '' AS published_by,
    id AS preparation
FROM rule_set_prepared WHERE id = $1;

-- name: forget_prepared
-- It has gone live, or was given up.
DELETE FROM rule_set_prepared WHERE id = $1;

-- name: make_live
-- From the commit on this version judges, alone.
UPDATE live_rule_set SET version = $1, canary = NULL;

-- name: overtake_canary
-- A running canary ends with a publication: promoted if it tries the draft that is published.
UPDATE canary SET ended_at = $1, ended_by = $2, left_at = $1,
    outcome = CASE WHEN draft_id = $3 THEN 'promoted' ELSE 'overtaken' END
WHERE ended_at IS NULL;
