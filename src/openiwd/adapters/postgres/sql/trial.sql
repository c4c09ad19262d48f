-- name: live_rules
-- The version that judges, and the running canary's.
SELECT version, canary FROM live_rule_set;

-- name: share_live_rules
-- The same, kept from changing until this transaction ends. For the gate see lock_live_version.
SELECT version, canary FROM live_rule_set WHERE pg_advisory_xact_lock_shared(7310984513) IS NOT NULL FOR SHARE;

-- name: lock_live_rules
-- The same, about to be changed: waits for all who share it.
SELECT version, canary FROM live_rule_set WHERE pg_advisory_xact_lock(7310984513) IS NOT NULL FOR UPDATE;

-- name: running_canary
-- The canary that runs.
SELECT c.* FROM live_rule_set l JOIN canary c ON c.version = l.canary;

-- name: canary_of
-- A draft's last canary.
SELECT * FROM canary WHERE draft_id = $1 ORDER BY version DESC LIMIT 1;

-- name: rolled_back_canaries
-- Last canaries of drafts that are there and unchanged since, which have rolled themselves back.
SELECT c.* FROM rule_set_draft d
CROSS JOIN LATERAL (SELECT * FROM canary WHERE draft_id = d.id ORDER BY version DESC LIMIT 1) c
WHERE c.outcome = 'rolledBack' AND (c.body ->> 'draftRevision')::int = d.revision;

-- name: unfinished_canary
-- A canary that has ended, whose items are still to be judged again.
SELECT * FROM canary WHERE ended_at IS NOT NULL AND left_at IS NULL ORDER BY version LIMIT 1;

-- name: judged_by
-- Open items that a version has judged last.
SELECT number, id FROM item
WHERE number > $2 AND rule_set_version = $1 AND status IN ('new','captured','queued','assigned','held','errorheld')
ORDER BY number LIMIT $3;

-- name: last_rule_set
-- The highest number of a version.
SELECT coalesce((SELECT version FROM rule_set ORDER BY version DESC LIMIT 1), 0);

-- name: insert_trial_rules
-- What a canary judges by.
INSERT INTO rule_set (version, document, calendars, comment, published_at, published_by, trial)
VALUES ($1, $2, $3, $4, $5, $6, true);

-- name: insert_canary
-- A canary begins.
INSERT INTO canary (version, draft_id, body, started_at, first_number, generation, pos, sides)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: set_canary
-- From the commit on these rules judge their share; null: none.
UPDATE live_rule_set SET canary = $1;

-- name: end_canary
-- A canary ends by a stop or a rollback. What it has judged is judged again after that.
UPDATE canary SET ended_at = $4, outcome = $2, ended_by = $3, tripped = $5
WHERE version = $1 AND ended_at IS NULL;

-- name: left_canary
-- Its items have been judged again.
UPDATE canary SET left_at = $2 WHERE version = $1 AND left_at IS NULL;

-- name: count_canary
-- The counts and the place in the log up to which they go, unless somebody else was faster.
UPDATE canary SET sides = $2, generation = $5, pos = $6
WHERE version = $1 AND generation = $3 AND pos = $4 AND ended_at IS NULL RETURNING version;

-- name: shadows
-- Shadows that run.
SELECT * FROM shadow WHERE stopped_at IS NULL ORDER BY started_at, draft_id;

-- name: shadow
-- A draft's shadow.
SELECT * FROM shadow WHERE draft_id = $1;

-- name: shadow_counts
-- What a shadow has counted.
SELECT category_path, kind, items FROM shadow_count WHERE draft_id = $1;

-- name: shadow_divergences
-- What a shadow has listed, the latest first.
SELECT number, body FROM shadow_divergence
WHERE draft_id = $1 AND ($2::bigint IS NULL OR number < $2) AND ($4::text IS NULL OR $4 = ANY (kinds))
    AND ($5::text IS NULL OR category_path = $5)
ORDER BY number DESC LIMIT $3;

-- name: delete_shadow
-- Removes a shadow with all that it has found.
DELETE FROM shadow WHERE draft_id = $1;

-- name: insert_shadow
-- A shadow begins.
INSERT INTO shadow (draft_id, sample, started_at, started_by, draft_revision, live_version, counted_from)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: stop_shadow
-- A shadow stops; what it has found stays.
UPDATE shadow SET stopped_at = $2 WHERE draft_id = $1 AND stopped_at IS NULL RETURNING draft_id;

-- name: restart_shadow
-- Counts begin anew for another revision of the draft, or another live version; never for older ones.
UPDATE shadow SET draft_revision = $2, live_version = $3, counted_from = $4, looked = 0, diverged = 0, shed = 0, fault = NULL
WHERE draft_id = $1 AND stopped_at IS NULL AND draft_revision <= $2 AND live_version <= $3
    AND (draft_revision, live_version) <> ($2, $3) RETURNING draft_id;

-- name: forget_shadow_counts
-- What was counted before.
DELETE FROM shadow_count WHERE draft_id = $1;

-- name: forget_shadow_divergences
-- What was listed before.
DELETE FROM shadow_divergence WHERE draft_id = $1;

-- name: fault_shadow
-- Why the draft cannot be compiled at present.
UPDATE shadow SET fault = $2 WHERE draft_id = $1 AND fault IS DISTINCT FROM $2;

-- name: add_shadow_sums
-- Adds to the sums, if they are still those of this revision and version.
UPDATE shadow SET looked = looked + $4, diverged = diverged + $5, shed = shed + $6
WHERE draft_id = $1 AND draft_revision = $2 AND live_version = $3 AND stopped_at IS NULL RETURNING draft_id;

-- name: add_shadow_counts
-- Adds to the counts by category.
INSERT INTO shadow_count AS c (draft_id, category_path, kind, items)
SELECT $1, path, kind, n FROM unnest($2::text[], $3::text[], $4::bigint[]) AS u(path, kind, n)
ON CONFLICT (draft_id, category_path, kind) DO UPDATE SET items = c.items + excluded.items;

-- name: add_shadow_divergences
-- Lists items that diverge.
INSERT INTO shadow_divergence (draft_id, kinds, category_path, body)
SELECT $1, ARRAY(SELECT jsonb_array_elements_text(body -> 'kinds')), path, body
FROM unnest($2::text[], $3::jsonb[]) WITH ORDINALITY AS u(path, body, n) ORDER BY n;

-- name: trim_shadow_divergences
-- Keeps the latest so many.
DELETE FROM shadow_divergence WHERE draft_id = $1
    AND number <= (SELECT number FROM shadow_divergence WHERE draft_id = $1 ORDER BY number DESC OFFSET $2 LIMIT 1);
