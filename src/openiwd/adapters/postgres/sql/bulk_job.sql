-- name: bulk_job
-- One bulk job.
SELECT id, action, request, actor, dry_run, status, prepared, total, done, failed, created_at, finished_at, error
FROM bulk_job WHERE id = $1;

-- name: bulk_jobs
-- The latest bulk jobs; of one actor where it is named.
SELECT id, action, request, actor, dry_run, status, prepared, total, done, failed, created_at, finished_at, error
FROM bulk_job WHERE $2::text IS NULL OR actor = $2
ORDER BY created_at DESC, id LIMIT $1;

-- name: bulk_results
-- Outcomes of a job after an ordinal; of one kind where it is named.
SELECT b.ordinal, b.item_number, i.id AS item_id, b.outcome, b.detail
FROM bulk_job_item b LEFT JOIN item i ON i.number = b.item_number
WHERE b.job_id = $1 AND b.ordinal > $2 AND b.outcome IS NOT NULL AND ($4::text IS NULL OR b.outcome = $4)
ORDER BY b.ordinal LIMIT $3;

-- name: bulk_waiting
-- What a job has still to do.
SELECT ordinal, item_number FROM bulk_job_item WHERE job_id = $1 AND outcome IS NULL ORDER BY ordinal LIMIT $2;

-- name: unfinished_bulk_jobs
-- Jobs to go on with after a restart, oldest first.
SELECT id FROM bulk_job WHERE status = 'running' ORDER BY created_at, id;

-- name: create_bulk_job
-- A new job; its id, nothing where a job of this id is there.
INSERT INTO bulk_job (id, action, request, actor, dry_run, total, created_at, prepared) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING RETURNING id;

-- name: add_bulk_items
-- The items of a new job, in order.
INSERT INTO bulk_job_item (job_id, ordinal, item_number)
SELECT $1, u.n, u.number FROM unnest($2::bigint[]) WITH ORDINALITY AS u(number, n);

-- name: record_bulk_items
-- Outcomes; one that is recorded already stays.
UPDATE bulk_job_item b SET outcome = u.outcome, detail = u.detail
FROM unnest($2::int[], $3::text[], $4::jsonb[]) AS u(ordinal, outcome, detail)
WHERE b.job_id = $1 AND b.ordinal = u.ordinal AND b.outcome IS NULL
RETURNING u.outcome;

-- name: count_bulk
-- Moves a job's counts.
UPDATE bulk_job SET done = done + $2, failed = failed + $3 WHERE id = $1;

-- name: finish_bulk_job
-- The end of a job; one that has ended stays as it ended.
UPDATE bulk_job SET status = $2, error = $3, finished_at = $4 WHERE id = $1 AND status = 'running';
