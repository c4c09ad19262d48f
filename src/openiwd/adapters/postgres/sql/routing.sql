-- name: take_over
-- A new epoch of who speaks to the router.
INSERT INTO router_state AS r (router) VALUES ($1)
ON CONFLICT (router) DO UPDATE SET epoch = r.epoch + 1 RETURNING epoch;

-- name: hold_epoch
-- The epoch, kept until this transaction ends.
SELECT epoch FROM router_state WHERE router = $1 FOR SHARE;

-- name: router_state
-- How the router has been.
SELECT router, epoch, away_since, last_error, last_success_at FROM router_state WHERE router = $1;

-- name: note_router
-- How the router is now; it has been away since the first of several failures.
UPDATE router_state SET
    away_since = CASE WHEN $2::text IS NULL THEN NULL ELSE coalesce(away_since, $3) END,
    last_error = coalesce($2, last_error),
    last_success_at = CASE WHEN $2::text IS NULL THEN $3 ELSE last_success_at END
WHERE router = $1;

-- name: open
-- All submissions that have not ended.
SELECT {columns} FROM submission WHERE state <> 'ended' ORDER BY begun_at, id;

-- name: due
-- Open submissions whose time has come, those first that have waited longest.
SELECT {columns} FROM submission WHERE state <> 'ended' AND next_at <= $1 ORDER BY next_at, id LIMIT $2;

-- name: refused
-- Items that the router has refused and that are not to be submitted yet, with the queue that they were in.
SELECT item_number, queue_id FROM submission WHERE ending = 'refused' AND next_at > $1;

-- name: listed
-- Submissions, the latest first.
SELECT {columns} FROM submission
WHERE ($1::text IS NULL OR state = $1) AND ($2::uuid IS NULL OR item_id = $2)
    AND ($3::timestamptz IS NULL OR (begun_at, id) < ($3, $4::uuid))
ORDER BY begun_at DESC, id DESC LIMIT $5;

-- name: counts
-- Open submissions by state.
SELECT state, count(*) AS submissions FROM submission WHERE state <> 'ended' GROUP BY state;

-- name: endings
-- Submissions that ended since an instant, by how they ended.
SELECT ending, count(*) AS submissions FROM submission
WHERE state = 'ended' AND ended_at >= $1 AND ending IS NOT NULL GROUP BY ending;

-- name: waiting
-- Items of these queues that wait here for their turn at the router.
SELECT count(*) FROM item WHERE status = 'queued' AND queue_id = ANY($1::text[]) AND routed_to IS NULL;

-- name: add
-- New submissions.
INSERT INTO submission ({columns})
SELECT {columns} FROM json_to_recordset($1::text::json) AS u({types});

-- name: save
-- What became of submissions, where nobody else has written them since they were read.
UPDATE submission s SET {assignments}
FROM json_to_recordset($1::text::json) AS u({types})
WHERE s.id = u.id AND s.revision = u.revision - 1 RETURNING s.id;

-- name: hint
-- These are to be asked about now.
UPDATE submission SET next_at = $2
WHERE state <> 'ended' AND next_at > $2 AND (interaction_id = ANY($1::text[]) OR external_id = ANY($1::text[])) RETURNING id;

-- name: forget
-- Removes what ended before an instant.
DELETE FROM submission WHERE id IN (
    SELECT id FROM submission WHERE state = 'ended' AND ended_at < $1 ORDER BY ended_at LIMIT $2
) RETURNING id;
