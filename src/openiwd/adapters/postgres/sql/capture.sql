-- name: offsets
-- How far some streams were taken.
SELECT stream, last FROM capture_offset WHERE capture_point = $1 AND stream = ANY ($2);

-- name: keys
-- Which of these were taken before.
SELECT k.stream, k.key FROM capture_key k JOIN unnest($2::text[], $3::text[]) AS u(stream, key)
    ON k.stream = u.stream AND k.key = u.key
WHERE k.capture_point = $1;

-- name: failures
-- What the inbox says of some places.
SELECT {columns} FROM capture_error e JOIN unnest($2::text[], $3::text[]) AS u(stream, place)
    ON e.stream = u.stream AND e.place = u.place
WHERE e.capture_point = $1;

-- name: errors
-- The inbox, newest first; what is null is not looked at.
SELECT {columns} FROM capture_error e
WHERE ($1::text IS NULL OR e.capture_point = $1) AND ($2::text IS NULL OR e.state = $2)
    AND ($3::text IS NULL OR e.reason ILIKE $3 OR e.capture_id ILIKE $3 OR e.position ILIKE $3)
    AND ($4::uuid IS NULL OR e.number < (SELECT number FROM capture_error WHERE id = $4))
ORDER BY e.number DESC LIMIT $5;

-- name: error
-- One entry of the inbox.
SELECT {columns} FROM capture_error e WHERE e.id = $1;

-- name: error_counts
-- Open errors by capture point.
SELECT capture_point, count(*) AS errors FROM capture_error WHERE state = 'open' GROUP BY capture_point;

-- name: leases
-- Who reads what.
SELECT capture_point, process_id, host, expires_at > clock_timestamp() AS live, status, at FROM capture_lease;

-- name: cursor
-- Up to where a point's source was notified.
SELECT cursor_generation, cursor_pos FROM capture_reader WHERE capture_point = $1 AND cursor_pos IS NOT NULL;

-- name: points_of_items
-- What notifications need of the items of a capture point.
SELECT number, id, capture_point, capture_id, category_path, queue_id FROM item
WHERE number = ANY ($1::bigint[]) AND capture_point = $2;

-- name: announce
-- A point that is to be read from now on, by nobody yet.
INSERT INTO capture_lease AS l (capture_point, process_id, host, expires_at, status, at)
VALUES ($1, $2, '', clock_timestamp(), '{"state": "waiting"}', clock_timestamp())
ON CONFLICT (capture_point) DO UPDATE SET host = '', status = excluded.status, at = excluded.at
WHERE l.expires_at <= clock_timestamp();

-- name: take_leases
-- Takes or prolongs leases, by this database's clock, where no other live reader has them.
INSERT INTO capture_lease AS l (capture_point, process_id, host, expires_at, status, at)
SELECT point, $1, $2, clock_timestamp() + make_interval(secs => $5), status::jsonb, clock_timestamp()
FROM unnest($3::text[], $4::text[]) AS u(point, status) ORDER BY point
ON CONFLICT (capture_point) DO UPDATE SET process_id = excluded.process_id, host = excluded.host,
    expires_at = excluded.expires_at, status = excluded.status, at = excluded.at
WHERE l.process_id = excluded.process_id OR l.expires_at <= clock_timestamp()
RETURNING capture_point;

-- name: give_up_leases
-- Frees the leases of a process; what it told of itself stays to be read.
UPDATE capture_lease SET expires_at = clock_timestamp()
WHERE process_id = $1 AND ($2::text[] IS NULL OR capture_point = ANY ($2));

-- name: take_over
-- A new reader's epoch.
INSERT INTO capture_reader AS r (capture_point) VALUES ($1)
ON CONFLICT (capture_point) DO UPDATE SET epoch = r.epoch + 1 RETURNING epoch;

-- name: hold_epoch
-- The epoch, kept until this transaction ends.
SELECT epoch FROM capture_reader WHERE capture_point = $1 FOR SHARE;

-- name: save_offsets
-- How far streams were taken; never back.
INSERT INTO capture_offset AS o (capture_point, stream, last)
SELECT $1, stream, last FROM unnest($2::text[], $3::bigint[]) AS u(stream, last) ORDER BY stream
ON CONFLICT (capture_point, stream) DO UPDATE SET last = greatest(o.last, excluded.last), at = now();

-- name: save_keys
-- What was taken of sources without an order.
INSERT INTO capture_key (capture_point, stream, key)
SELECT DISTINCT $1, stream, key FROM unnest($2::text[], $3::text[]) AS u(stream, key) ORDER BY 2, 3
ON CONFLICT DO NOTHING;

-- name: forget_streams
-- Streams that are over.
DELETE FROM capture_offset WHERE capture_point = $1 AND stream = ANY ($2);

-- name: forget_keys
-- Keys taken before an instant, so many at most.
DELETE FROM capture_key WHERE ctid = ANY (ARRAY(SELECT ctid FROM capture_key WHERE at < $1 LIMIT $2)) RETURNING key;

-- name: add_errors
-- Records that could not be taken.
INSERT INTO capture_error (id, capture_point, stream, place, position, at, message, named, capture_id, fields, raw, code,
    reason, field, hint, tries, state, tried_at, by)
SELECT id, capture_point, stream, place, position, at, message, named, capture_id, fields, raw, code,
    reason, field, hint, tries, state, tried_at, by
FROM json_to_recordset($1::text::json) AS u(id uuid, capture_point text, stream text, place text, position text,
    at timestamptz, message text, named text, capture_id text, fields jsonb, raw text, code text, reason text, field text,
    hint text, tries int, state text, tried_at timestamptz, by text);

-- name: trim_errors
-- Drops the oldest open entries of a capture point beyond so many, and counts them.
WITH gone AS (
    DELETE FROM capture_error WHERE capture_point = $1 AND state = 'open' AND number <= (
        SELECT number FROM capture_error WHERE capture_point = $1 AND state = 'open' ORDER BY number DESC OFFSET $2 LIMIT 1
    ) RETURNING capture_point
)
INSERT INTO capture_dropped AS d (capture_point, errors)
SELECT capture_point, count(*) FROM gone GROUP BY capture_point
ON CONFLICT (capture_point) DO UPDATE SET errors = d.errors + excluded.errors, at = excluded.at;

-- name: forget_errors
-- Closed entries before $1 and open ones before $2, so many at most; the open ones are counted as dropped.
WITH gone AS (
    DELETE FROM capture_error WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM capture_error WHERE (state <> 'open' AND tried_at < $1) OR (state = 'open' AND at < $2) LIMIT $3
    )) RETURNING capture_point, state
), counted AS (
    INSERT INTO capture_dropped AS d (capture_point, errors)
    SELECT capture_point, count(*) FROM gone WHERE state = 'open' GROUP BY capture_point
    ON CONFLICT (capture_point) DO UPDATE SET errors = d.errors + excluded.errors, at = excluded.at
)
SELECT count(*) FROM gone;

-- name: dropped
-- How many open entries of capture points have made room, or were too old.
SELECT capture_point, errors FROM capture_dropped;

-- name: save_error
-- What has become of an entry, if nobody else has tried or closed it meanwhile.
UPDATE capture_error SET fields = $3, message = $4, capture_id = $5, code = $6, reason = $7, field = $8, hint = $9,
    tries = $10, state = $11, tried_at = $12, by = $13
WHERE id = $1 AND tries = $2 AND state = 'open' RETURNING id;

-- name: save_cursor
-- Up to where a point's source was notified.
UPDATE capture_reader SET cursor_generation = $2, cursor_pos = $3 WHERE capture_point = $1;

-- name: forget_offsets_of
-- All streams of a capture point that is gone.
DELETE FROM capture_offset WHERE capture_point = $1;

-- name: forget_keys_of
-- All keys of a capture point that is gone.
DELETE FROM capture_key WHERE capture_point = $1;

-- name: forget_errors_of
-- The inbox of a capture point that is gone.
DELETE FROM capture_error WHERE capture_point = $1;

-- name: forget_dropped_of
-- What was dropped of a capture point that is gone.
DELETE FROM capture_dropped WHERE capture_point = $1;

-- name: forget_lease_of
-- The lease of a capture point that is gone.
DELETE FROM capture_lease WHERE capture_point = $1;

-- name: close_reader_of
-- Fences the reader of a capture point that is gone; its epoch stays.
UPDATE capture_reader SET epoch = epoch + 1, cursor_generation = NULL, cursor_pos = NULL WHERE capture_point = $1;
