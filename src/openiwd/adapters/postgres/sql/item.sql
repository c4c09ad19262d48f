-- name: items_by_id
-- Items by their ids.
SELECT {columns} FROM item WHERE id = ANY($1::uuid[]);

-- name: items_by_number
-- Items by their numbers.
SELECT {columns} FROM item WHERE number = ANY($1::bigint[]);

-- name: items_by_capture
-- Items by (capture point, captureId), with the hash of what the source first sent. One index search per key.
SELECT {item_columns}, item.submission_hash
FROM unnest($1::text[], $2::text[]) AS k(capture_point, capture_id)
JOIN item ON item.capture_id = k.capture_id AND item.capture_point = k.capture_point;

-- name: items_by_capture_id
-- Items with this captureId at any capture point.
SELECT {columns} FROM item WHERE capture_id = $1 ORDER BY number LIMIT 20;

-- name: backlog_rows
-- Queued items after a number for the decider's load, by binary COPY: columns of fixed width, never null. Equal likeness:
-- nothing else differs that distribution looks at; odd ones have more than these columns say. The requirement is hashed as
-- text, as the hash of jsonb repeats itself. The lookup of who served the contact has a LIMIT so that it stays one search.
SELECT number, id, revision, business_value, priority_adjustment,
    coalesce(anchor_at, created_at) AS anchor_at, coalesce(queued_at, received_at) AS queued_at,
    hash_record_extended(
        ROW(queue_id, schema_id, category_id, media_type, requirement::text, segment, priority_fixed), $4::bigint
    ) AS likeness,
    (
        pauses <> '[]' OR excluded <> '[]' OR reopened_at IS NOT NULL OR reserved_for IS NOT NULL
        OR reserved_until IS NOT NULL OR offer_id IS NOT NULL OR assigned_to IS NOT NULL OR routed_to IS NOT NULL
        OR CASE WHEN contact_id IS NOT NULL AND queue_id = ANY($3::text[]) THEN (
            SELECT true FROM item s WHERE s.contact_id = item.contact_id AND s.assigned_at IS NOT NULL LIMIT 1
        ) IS NOT NULL ELSE false END
    ) AS odd
FROM item WHERE status = 'queued' AND number > $1::bigint ORDER BY number LIMIT $2::bigint;

-- name: held_by_agents
-- Items assigned or offered: what uses agents' capacity.
SELECT {columns} FROM item WHERE assigned_to IS NOT NULL
UNION ALL
SELECT {item_columns} FROM offer JOIN item ON item.number = offer.item_number AND item.offer_id = offer.id
WHERE offer.outcome IS NULL AND item.assigned_to IS NULL;

-- name: held_numbers
-- Numbers of the items assigned or offered.
SELECT number FROM item WHERE assigned_to IS NOT NULL
UNION ALL
SELECT item.number FROM offer JOIN item ON item.number = offer.item_number AND item.offer_id = offer.id
WHERE offer.outcome IS NULL AND item.assigned_to IS NULL;

-- name: due_timers
-- Items for which time alone does something by now: activation, end of a hold, of an offer, of a reservation.
SELECT {item_columns} FROM item JOIN (
    (SELECT number, activation_at AS at FROM item
     WHERE status = 'captured' AND activation_at <= $1 ORDER BY activation_at LIMIT $2)
    UNION ALL
    (SELECT number, hold_until FROM item
     WHERE status = 'held' AND hold_until <= $1 AND category_id IS NOT NULL ORDER BY hold_until LIMIT $2)
    UNION ALL
    (SELECT item_number, expires_at FROM offer
     WHERE outcome IS NULL AND expires_at <= $1 ORDER BY expires_at LIMIT $2)
    UNION ALL
    (SELECT number, reserved_until FROM item
     WHERE reserved_until IS NOT NULL AND reserved_until <= $1 AND status = 'queued' AND offer_id IS NULL
     ORDER BY reserved_until LIMIT $2)
) AS due USING (number)
ORDER BY due.at, number LIMIT $2;

-- name: woken_holds
-- Held items that wait for something else than time, which has come: all items linked to them are finished, or an item
-- that continues them (the customer's answer) has been linked since.
SELECT {item_columns} FROM item
WHERE status = 'held' AND hold_wakes_on IS NOT NULL AND category_id IS NOT NULL AND CASE hold_wakes_on
    WHEN 'linkedItems' THEN (
        SELECT bool_and(o.status IN ('completed', 'canceled', 'rejected'))
        FROM (
            SELECT l.other_number AS number FROM link l WHERE l.item_number = item.number
            UNION SELECT l.item_number FROM link l WHERE l.other_number = item.number
        ) linked JOIN item o ON o.number = linked.number
    )
    WHEN 'customerReply' THEN EXISTS (
        SELECT FROM link l WHERE l.other_number = item.number AND l.kind = 'continues' AND l.at >= item.held_at
    )
END
ORDER BY number LIMIT $1;

-- name: next_timer
-- When due_timers will have something next.
SELECT least(
    (SELECT min(activation_at) FROM item WHERE status = 'captured'),
    (SELECT min(hold_until) FROM item WHERE status = 'held' AND category_id IS NOT NULL),
    (SELECT min(expires_at) FROM offer WHERE outcome IS NULL),
    (SELECT min(reserved_until) FROM item WHERE reserved_until IS NOT NULL AND status = 'queued' AND offer_id IS NULL)
);

-- name: items_of_agent
-- Items assigned to, offered to, reserved for or kept for an agent.
SELECT {columns} FROM item WHERE number IN (
    SELECT number FROM item WHERE assigned_to = $1
    UNION ALL
    SELECT item_number FROM offer WHERE agent_id = $1 AND outcome IS NULL
    UNION ALL
    SELECT number FROM item WHERE reserved_for = $1 AND status IN ('queued', 'held', 'errorheld')
    UNION ALL
    SELECT number FROM item WHERE keep_for = $1 AND status IN ('held', 'errorheld')
) ORDER BY number;

-- name: expired_items
-- Final items whose time in the live store is over.
SELECT {columns} FROM item
WHERE status IN ('completed', 'canceled', 'rejected') AND expiration_at <= $1
ORDER BY expiration_at LIMIT $2;

-- name: open_counts
-- Open items and how many of them are overdue, by category, queue and status. Not in parallel, which it is not as soon as it
-- sets anything: the other cores are the pages' own, and it would end but a quarter sooner.
SELECT category_path, queue_id, status, count(*) AS items, count(*) FILTER (WHERE due_at < $1) AS overdue
FROM item WHERE status IN ('new','captured','queued','assigned','held','errorheld')
    AND (SELECT set_config('max_parallel_workers_per_gather', '0', true)) IS NOT NULL
GROUP BY category_path, queue_id, status;

-- name: status_counts
-- All items by status.
SELECT status, count(*) AS items FROM item GROUP BY status;

-- name: insert_items
-- New items in one statement. The lookup keeps numbers dense when captureIds exist already (a conflict alone would
-- burn one); ON CONFLICT settles what another transaction inserts at the same instant. The lookup is a subquery with
-- LIMIT so that it stays one index search per row whatever the planner believes about sizes.
INSERT INTO item ({insert_columns}, submission_hash)
SELECT {insert_columns}, submission_hash
FROM ROWS FROM (json_to_recordset($1::text::json) AS ({insert_types}), unnest($2::bytea[]))
    AS u({insert_columns}, submission_hash)
WHERE (SELECT true FROM item i WHERE i.capture_point = u.capture_point AND i.capture_id = u.capture_id LIMIT 1) IS NULL
ON CONFLICT DO NOTHING
RETURNING id, number;

-- name: reserve_numbers
-- Numbers for those of these (capture point, captureId) that are not there yet, by their place in the list.
SELECT k.place, nextval('item_number_seq') AS number
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k(capture_point, capture_id, place)
WHERE (SELECT true FROM item i WHERE i.capture_point = k.capture_point AND i.capture_id = k.capture_id LIMIT 1) IS NULL;

-- name: lock_items
-- Locks rows in the order of their numbers, so that two writers of the same rows never deadlock.
SELECT FROM item WHERE number = ANY($1::bigint[]) ORDER BY number FOR UPDATE;

-- name: update_items
-- Compare-and-set: writes the rows that still have the revision named.
UPDATE item SET {assignments}
FROM ROWS FROM (json_to_recordset($1::text::json) AS (number bigint, {update_types}), unnest($2::int[]))
    AS u(number, {update_columns}, expected)
WHERE item.number = u.number AND item.revision = u.expected
RETURNING item.number;

-- name: delete_items
-- Compare-and-set removal.
DELETE FROM item USING unnest($1::bigint[], $2::int[]) AS u(number, expected)
WHERE item.number = u.number AND item.revision = u.expected
RETURNING item.number;

-- name: last_services
-- Who last had an item of each contact, and since when.
SELECT DISTINCT ON (contact_id) contact_id, coalesce(assigned_to, last_agent) AS last_agent, assigned_at
FROM item WHERE contact_id = ANY($1::uuid[]) AND assigned_at IS NOT NULL AND coalesce(assigned_to, last_agent) IS NOT NULL
ORDER BY contact_id, assigned_at DESC, number DESC;
