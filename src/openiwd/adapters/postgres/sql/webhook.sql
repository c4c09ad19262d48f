-- name: secrets
-- The secrets of a webhook, the latest first.
SELECT id, sealed, hint, made_at, valid_until FROM webhook_secret WHERE webhook_id = $1 ORDER BY made_at DESC, id DESC;

-- name: add_secret
-- A further secret.
INSERT INTO webhook_secret (webhook_id, id, sealed, hint, made_at, valid_until) VALUES ($1, $2, $3, $4, $5, $6);

-- name: limit_secrets
-- Secrets but one ($2) end at an instant at the latest.
UPDATE webhook_secret SET valid_until = least(valid_until, $3) WHERE webhook_id = $1 AND id <> $2;

-- name: drop_secrets
-- Removes, of the secrets but one ($2), those that were over when it was made and all but the latest of the others.
DELETE FROM webhook_secret WHERE webhook_id = $1 AND id <> $2 AND (
    valid_until <= (SELECT made_at FROM webhook_secret WHERE id = $2)
    OR id <> (SELECT id FROM webhook_secret WHERE webhook_id = $1 AND id <> $2 ORDER BY made_at DESC, id DESC LIMIT 1)
);

-- name: states
-- Where all webhooks stand.
SELECT webhook_id, generation, pos, failures, failing_since, paused_until, last_error, last_success_at FROM webhook_state;

-- name: begin
-- A webhook's place at the head of the log.
INSERT INTO webhook_state (webhook_id, generation, pos)
SELECT $1, s.generation, coalesce((SELECT e.pos FROM event e WHERE e.generation = s.generation ORDER BY e.pos DESC LIMIT 1), 0)
FROM tenant_state s
ON CONFLICT (webhook_id) DO UPDATE SET generation = excluded.generation, pos = excluded.pos;

-- name: move
-- Moves a webhook's place, if it is where the mover found it.
UPDATE webhook_state SET generation = $4, pos = $5 WHERE webhook_id = $1 AND generation = $2 AND pos = $3 RETURNING webhook_id;

-- name: save_receiver
-- How a receiver has been.
UPDATE webhook_state SET failures = $2, failing_since = $3, paused_until = $4, last_error = $5, last_success_at = $6
WHERE webhook_id = $1;

-- name: counts
-- What waits and what is parked, by webhook; by an index that has nothing else.
SELECT webhook_id, count(*) FILTER (WHERE state = 'waiting') AS waiting,
    count(*) FILTER (WHERE state = 'waiting' AND attempts > 0) AS failing,
    count(*) FILTER (WHERE state = 'parked') AS parked, min(ended_at) FILTER (WHERE state = 'parked') AS parked_since
FROM webhook_delivery WHERE state <> 'delivered' GROUP BY webhook_id;

-- name: due
-- What is to be sent next: of each subject the first that waits, when its time has come.
SELECT {columns} FROM webhook_delivery d
WHERE webhook_id = $1 AND state = 'waiting' AND next_at <= $2 AND NOT EXISTS (
    SELECT FROM webhook_delivery e WHERE e.webhook_id = d.webhook_id AND e.subject = d.subject AND e.state = 'waiting'
        AND (e.generation, e.pos) < (d.generation, d.pos)
)
ORDER BY generation, pos LIMIT $3;

-- name: deliveries
-- A webhook's deliveries, the latest events first.
SELECT {columns} FROM webhook_delivery
WHERE webhook_id = $1 AND ($2::text IS NULL OR state = $2) AND (NOT $3::boolean OR attempts > 0)
    AND ($4::int IS NULL OR (generation, pos) < ($4, $5::bigint))
ORDER BY generation DESC, pos DESC LIMIT $6;

-- name: delivery
-- One delivery.
SELECT {columns} FROM webhook_delivery WHERE webhook_id = $1 AND id = $2;

-- name: events_at
-- Events by their places, with the values of persons.
SELECT e.generation, e.pos, e.type, e.at, e.actor, e.item_id, e.item_number, e.revision, e.subject_id, e.body,
    p.body AS personal
FROM unnest($1::int[], $2::bigint[]) AS u(generation, pos)
JOIN event e USING (generation, pos) LEFT JOIN event_personal p USING (generation, pos);

-- name: head
-- The present generation, its first and its last place.
SELECT s.generation,
    coalesce((SELECT e.pos FROM event e WHERE e.generation = s.generation ORDER BY e.pos LIMIT 1), 1) AS first,
    coalesce((SELECT e.pos FROM event e WHERE e.generation = s.generation ORDER BY e.pos DESC LIMIT 1), 0) AS last
FROM tenant_state s;

-- name: instant_at
-- When the first event at or after a place happened.
SELECT at FROM event WHERE generation = $1 AND pos >= $2 ORDER BY pos LIMIT 1;

-- name: plan
-- Stores deliveries, except those of events that have one.
INSERT INTO webhook_delivery (id, webhook_id, generation, pos, subject, event_type, event_at, item_number, revision, planned_at, next_at)
SELECT id, $2, generation, pos, subject, event_type, event_at, item_number, revision, $3, $3
FROM json_to_recordset($1::text::json) AS u(id uuid, generation int, pos bigint, subject text, event_type text,
    event_at timestamptz, item_number bigint, revision int)
ON CONFLICT (webhook_id, generation, pos) DO NOTHING RETURNING id;

-- name: record
-- What became of attempts.
UPDATE webhook_delivery d SET state = u.state, attempts = u.attempts, next_at = u.next_at, last_at = u.last_at,
    last_status = u.last_status, last_error = u.last_error, last_milliseconds = u.last_milliseconds, ended_at = u.ended_at
FROM json_to_recordset($1::text::json) AS u(id uuid, state text, attempts int, next_at timestamptz, last_at timestamptz,
    last_status int, last_error text, last_milliseconds int, ended_at timestamptz)
WHERE d.id = u.id AND d.state = 'waiting';

-- name: park_expired
-- Parks what was planned before an instant and still waits.
UPDATE webhook_delivery SET state = 'parked', ended_at = $3
WHERE id IN (SELECT id FROM webhook_delivery WHERE webhook_id = $1 AND state = 'waiting' AND planned_at <= $2
    ORDER BY generation, pos LIMIT $4)
RETURNING id;

-- name: replay
-- Lets deliveries that have ended wait anew: these ($3), those of events since an instant ($4), or those parked ($5).
UPDATE webhook_delivery SET state = 'waiting', attempts = 0, planned_at = $2, next_at = $2, ended_at = NULL
WHERE id IN (SELECT id FROM webhook_delivery WHERE webhook_id = $1 AND state <> 'waiting'
    AND ($3::uuid[] IS NULL OR id = ANY($3)) AND ($4::timestamptz IS NULL OR event_at >= $4)
    AND (NOT $5::boolean OR state = 'parked')
    ORDER BY generation, pos LIMIT $6)
RETURNING id;

-- name: forget
-- Removes what was delivered before one instant and parked before another.
DELETE FROM webhook_delivery WHERE id IN (
    SELECT id FROM webhook_delivery
    WHERE state <> 'waiting' AND ended_at < $1 AND (state = 'delivered' OR ended_at < $2)
    ORDER BY ended_at LIMIT $3
) RETURNING id;

-- name: drop
-- Removes deliveries of a webhook, those that wait first.
DELETE FROM webhook_delivery WHERE id IN (
    SELECT id FROM webhook_delivery WHERE webhook_id = $1 ORDER BY state DESC LIMIT $2
) RETURNING id;
