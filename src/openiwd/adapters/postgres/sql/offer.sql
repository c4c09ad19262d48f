-- name: claim
-- Grants items to agents in one autocommitted statement; null when the epoch is over (see the function).
SELECT claim($1::bigint, $2::text, $3::timestamptz, $4::text, $5::bigint[], $6::int[], $7::text[], $8::uuid[], $9::uuid[],
    $10::bigint[], $11::bytea[], $12::text);

-- name: take_over
-- Raises the epoch: waits for claims that run, and every later claim of the epoch before writes nothing.
UPDATE decider SET epoch = epoch + 1, process_id = $1 RETURNING epoch;

-- name: epoch
-- The epoch that may claim.
SELECT epoch FROM decider;

-- name: close_offers
-- Says how open offers ended.
UPDATE offer SET outcome = u.outcome, ended_at = u.at, reason = u.reason
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[]) AS u(id, outcome, at, reason)
WHERE offer.id = u.id AND offer.outcome IS NULL;

-- name: offer
-- One offer by its id.
SELECT id, item_number, item_id, agent_id, queue_id, kind, epoch, offered_at, expires_at, outcome, ended_at, reason, decision
FROM offer WHERE id = $1;

-- name: offers_of_item
-- The latest offers of an item.
SELECT id, item_number, item_id, agent_id, queue_id, kind, epoch, offered_at, expires_at, outcome, ended_at, reason, decision
FROM offer WHERE item_number = $1 ORDER BY offered_at DESC, id DESC LIMIT $2;

-- name: wrap_ups
-- Capacity that ended assignments still keep.
SELECT assignment_id, agent_id, item_number, media_type, weight, until FROM wrap_up ORDER BY until, assignment_id;

-- name: wrap_ups_of_agents
-- Capacity that ended assignments of these agents still keep.
SELECT assignment_id, agent_id, item_number, media_type, weight, until FROM wrap_up WHERE agent_id = ANY ($1::text[])
ORDER BY until, assignment_id;

-- name: add_wrap_ups
-- Keeps capacity after ended assignments.
INSERT INTO wrap_up (assignment_id, agent_id, item_number, media_type, weight, until)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::int[], $6::timestamptz[])
ON CONFLICT (assignment_id) DO NOTHING;

-- name: end_wrap_ups_of_agent
-- Ends an agent's wrap-ups.
DELETE FROM wrap_up WHERE agent_id = $1;

-- name: end_wrap_ups_over
-- Ends the wrap-ups whose time is over.
DELETE FROM wrap_up WHERE until <= $1;
