-- name: cursor
-- Up to where the log has been read.
SELECT generation, pos, at FROM queue_stay_cursor;

-- name: lock_cursor
-- The same, kept from moving until this transaction ends: two who read the log at once would write each stay twice.
SELECT generation, pos, at FROM queue_stay_cursor FOR UPDATE;

-- name: move_cursor
-- In the transaction of what was read.
UPDATE queue_stay_cursor SET generation = $1, pos = $2, at = greatest(at, $3);

-- name: waiting
-- The stays of these items that go on.
SELECT item_number, item_id, queue_id, schema_id, business_value, priority_adjustment, priority_fixed, anchor, pauses, from_at
FROM queue_stay WHERE item_number = ANY($1::bigint[]) AND to_at IS NULL;

-- name: end
-- Ends stays.
UPDATE queue_stay s SET to_at = u.at, span = u.span
FROM unnest($1::bigint[], $2::timestamptz[], $3::smallint[]) AS u(number, at, span)
WHERE s.item_number = u.number AND s.to_at IS NULL;

-- name: places
-- Queues and schemas that any stay has: a search of the index for each, however many stays there are.
WITH RECURSIVE ended AS (
    (SELECT queue_id, schema_id FROM queue_stay WHERE to_at IS NOT NULL ORDER BY queue_id, schema_id LIMIT 1)
    UNION ALL
    SELECT n.queue_id, n.schema_id FROM ended p CROSS JOIN LATERAL (
        SELECT s.queue_id, s.schema_id FROM queue_stay s
        WHERE s.to_at IS NOT NULL AND (s.queue_id, s.schema_id) > (p.queue_id, p.schema_id)
        ORDER BY s.queue_id, s.schema_id LIMIT 1
    ) n
), waiting AS (
    (SELECT queue_id, schema_id FROM queue_stay WHERE to_at IS NULL ORDER BY queue_id, schema_id LIMIT 1)
    UNION ALL
    SELECT n.queue_id, n.schema_id FROM waiting p CROSS JOIN LATERAL (
        SELECT s.queue_id, s.schema_id FROM queue_stay s
        WHERE s.to_at IS NULL AND (s.queue_id, s.schema_id) > (p.queue_id, p.schema_id)
        ORDER BY s.queue_id, s.schema_id LIMIT 1
    ) n
)
SELECT queue_id, schema_id FROM ended UNION SELECT queue_id, schema_id FROM waiting;

-- name: stays_at
-- The stays of some queues on one schema that hold an instant: those that go on, and of each span those that began in reach.
-- OFFSET 0 keeps it one range of the index for each, whatever the planner believes about sizes.
SELECT w.item_number, w.item_id, w.business_value, w.priority_adjustment, w.priority_fixed, w.anchor, w.pauses
FROM unnest({queues}) AS o(id)
CROSS JOIN LATERAL (
    SELECT * FROM queue_stay s
    WHERE s.to_at IS NULL AND s.queue_id = o.id AND s.schema_id = {schema} AND s.from_at <= {at}
    OFFSET 0
) AS w
UNION ALL
SELECT e.item_number, e.item_id, e.business_value, e.priority_adjustment, e.priority_fixed, e.anchor, e.pauses
FROM unnest({queues}) AS q(id) CROSS JOIN unnest({spans}, {lows}) AS l(span, low)
CROSS JOIN LATERAL (
    SELECT * FROM queue_stay s
    WHERE s.to_at IS NOT NULL AND s.queue_id = q.id AND s.schema_id = {schema} AND s.span = l.span
        AND s.from_at > l.low AND s.from_at <= {at} AND s.to_at > {at}
    OFFSET 0
) AS e

-- name: histories_until
-- Events of several items up to an instant, with their personal parts.
SELECT e.generation, e.pos, e.type, e.at, e.actor, e.item_id, e.item_number, e.revision, e.subject_id, e.body,
    p.body AS personal
FROM event e LEFT JOIN event_personal p USING (generation, pos)
WHERE e.item_id = ANY($1::uuid[]) AND e.at <= $2 ORDER BY e.generation, e.pos;

-- name: histories_before
-- Events of several items up to a place in the log, without what is of persons.
SELECT generation, pos, type, at, actor, item_id, item_number, revision, subject_id, body, NULL::json AS personal
FROM event WHERE item_id = ANY($1::uuid[]) AND (generation, pos) <= ($2, $3) ORDER BY generation, pos;

-- name: subject_history
-- Events of one subject that is no item, up to an instant.
SELECT e.generation, e.pos, e.type, e.at, e.actor, e.item_id, e.item_number, e.revision, e.subject_id, e.body,
    p.body AS personal
FROM event e LEFT JOIN event_personal p USING (generation, pos)
WHERE e.subject_id = $1 AND e.type = ANY($2::text[]) AND e.at <= $3 ORDER BY e.generation, e.pos;

-- name: version_at
-- The rule-set version that was live at an instant.
SELECT version FROM rule_set WHERE published_at <= $1 ORDER BY version DESC LIMIT 1;
