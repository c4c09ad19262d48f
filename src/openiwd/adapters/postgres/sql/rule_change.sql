-- name: last_number
-- The highest number of an item.
SELECT coalesce(max(number), 0) FROM item;

-- name: setting
-- What the tenant asks for before something goes live.
SELECT body, revision FROM rule_set_setting;

-- name: save_setting
-- Inserts or replaces it; with a revision: only if the stored one is that (0: none is stored).
INSERT INTO rule_set_setting (body) SELECT $1 WHERE $2::int IS NULL OR $2 = 0 OR EXISTS (SELECT FROM rule_set_setting)
ON CONFLICT (one) DO UPDATE SET body = excluded.body, revision = rule_set_setting.revision + 1
WHERE $2::int IS NULL OR rule_set_setting.revision = $2
RETURNING revision;

-- name: draft_edits
-- What was changed in a draft after a revision.
SELECT revision, body FROM rule_set_draft_edit WHERE draft_id = $1 AND revision > $2 ORDER BY revision;

-- name: add_draft_edit
-- What a revision has changed.
INSERT INTO rule_set_draft_edit (draft_id, revision, body) VALUES ($1, $2, $3);

-- name: impact
-- The last count of what a draft would do.
SELECT run_id, status, body, moved_at FROM rule_set_impact WHERE draft_id = $1;

-- name: impact_parts
-- What its items have in common.
SELECT part, body, cardinality(numbers) AS size FROM rule_set_impact_part WHERE draft_id = $1 ORDER BY part;

-- name: impact_numbers
-- Items of a part, from a place on.
SELECT numbers[$3 + 1 : $3 + $4] FROM rule_set_impact_part WHERE draft_id = $1 AND part = $2;

-- name: forget_impact
-- The count of before.
DELETE FROM rule_set_impact WHERE draft_id = $1;

-- name: begin_impact
-- A new count.
INSERT INTO rule_set_impact (draft_id, run_id, status, body, moved_at) VALUES ($1, $2, $3, $4, $5);

-- name: move_impact
-- How far a count is; one that has ended, or was replaced, stays.
UPDATE rule_set_impact SET status = $3, body = $4, moved_at = $5
WHERE draft_id = $1 AND run_id = $2 AND status = 'running' RETURNING 1;

-- name: add_impact_part
-- Items that go the same way.
INSERT INTO rule_set_impact_part (draft_id, part, body, numbers) VALUES ($1, $2, $3, $4);

-- name: forget_bulk_items
-- Of a run whose items are still being looked for.
DELETE FROM bulk_job_item USING bulk_job
WHERE bulk_job_item.job_id = $1 AND bulk_job.id = $1 AND NOT bulk_job.prepared;

-- name: begin_bulk
-- Who looks for them from now on.
UPDATE bulk_job SET total = 0, preparer = $2 WHERE id = $1 AND NOT prepared;

-- name: add_bulk_items
-- More of them, in order.
INSERT INTO bulk_job_item (job_id, ordinal, item_number)
SELECT $1, $2::int + u.n, u.number FROM unnest($3::bigint[]) WITH ORDINALITY AS u(number, n);

-- name: raise_bulk_total
-- As many more, if the run goes on and nobody else has begun to look.
UPDATE bulk_job SET total = total + $3 WHERE id = $1 AND preparer = $2 AND NOT prepared AND status = 'running' RETURNING 1;

-- name: bulk_prepared
-- All of them are found.
UPDATE bulk_job SET prepared = true WHERE id = $1 AND preparer = $2;
