-- name: append_events
-- Appends events at the end of the log; last in its transaction (see the function).
SELECT append_events($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: history
-- All events of one item with their personal parts.
SELECT e.generation, e.pos, e.type, e.at, e.actor, e.item_id, e.item_number, e.revision, e.subject_id, e.body,
    p.body AS personal
FROM event e LEFT JOIN event_personal p USING (generation, pos)
WHERE e.item_id = $1 ORDER BY e.generation, e.pos;

-- name: events
-- The log after a cursor. Generations follow each other, so a cursor past the end of an earlier one goes on with the next.
SELECT generation, pos, type, at, actor, item_id, item_number, revision, subject_id, body, NULL::json AS personal
FROM event WHERE (generation, pos) > ($1, $2) ORDER BY generation, pos LIMIT $3;

-- name: events_with_personal
-- The log after a cursor, with the values of persons.
SELECT e.generation, e.pos, e.type, e.at, e.actor, e.item_id, e.item_number, e.revision, e.subject_id, e.body,
    p.body AS personal
FROM event e LEFT JOIN event_personal p USING (generation, pos)
WHERE (e.generation, e.pos) > ($1, $2) ORDER BY e.generation, e.pos LIMIT $3;

-- name: head
-- The last place in the log.
SELECT s.generation, coalesce((SELECT e.pos FROM event e WHERE e.generation = s.generation ORDER BY e.pos DESC LIMIT 1), 0) AS pos
FROM tenant_state s;

-- name: oldest
-- The place before the oldest event kept.
SELECT e.generation, e.pos - 1 AS pos FROM event e ORDER BY e.generation, e.pos LIMIT 1;

-- name: last_busy
-- When agents last gave an item out of hand, by the last events of the present generation.
SELECT e.body #>> '{assignment,agent}' AS agent, max(e.at) AS at
FROM tenant_state s
CROSS JOIN LATERAL (SELECT max(h.pos) AS pos FROM event h WHERE h.generation = s.generation) head
JOIN event e ON e.generation = s.generation AND e.pos > head.pos - $1
WHERE e.body #>> '{assignment,agent}' IS NOT NULL
GROUP BY 1;
