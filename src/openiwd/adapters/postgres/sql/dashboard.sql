-- name: backlog
-- Open items by category, queue and status; $1 is now, $2 in an hour, $3 the end of the day. By the index alone.
SELECT category_path, queue_id, status, count(*) AS items,
    count(*) FILTER (WHERE due_at < $1) AS overdue,
    count(*) FILTER (WHERE due_at >= $1 AND due_at < $2) AS due_hour,
    count(*) FILTER (WHERE due_at >= $1 AND due_at < $3) AS due_today,
    min(created_at) AS oldest, min(queued_at) AS longest
FROM item WHERE status IN ('new','captured','queued','assigned','held','errorheld')
GROUP BY category_path, queue_id, status;

-- name: arrivals
-- Items received between the first and the last of the instants $1, by the span between two of them.
SELECT width_bucket(received_at, $1::timestamptz[]) AS span, category_path, queue_id, capture_point,
    count(*) AS items, max(received_at) AS last_at
FROM item WHERE received_at >= $2 AND received_at < $3
GROUP BY 1, 2, 3, 4;

-- name: finished
-- Items finished between the first and the last of the instants $1: all, those completed with a due date, those in time.
SELECT width_bucket(completed_at, $1::timestamptz[]) AS span, category_path, queue_id, count(*) AS items,
    count(*) FILTER (WHERE status = 'completed' AND due_at IS NOT NULL) AS measured,
    count(*) FILTER (WHERE status = 'completed' AND completed_at <= due_at) AS in_time
FROM item WHERE completed_at >= $2 AND completed_at < $3
GROUP BY 1, 2, 3;

-- name: handled
-- Items completed since an instant by who had them last, with the seconds from assignment to completion.
SELECT last_agent AS agent, category_path, queue_id, count(*) AS items,
    sum(extract(epoch FROM completed_at - assigned_at))::float8 AS seconds
FROM item WHERE completed_at >= $1 AND status = 'completed' AND last_agent IS NOT NULL AND assigned_at IS NOT NULL
GROUP BY 1, 2, 3;

-- name: in_hand
-- Assigned and offered items by agent, and what of their queue and media type decides their weight.
SELECT agent, queue_id, media_type, count(*) AS items FROM (
    SELECT assigned_to AS agent, queue_id, media_type FROM item WHERE assigned_to IS NOT NULL
    UNION ALL
    SELECT offer.agent_id, item.queue_id, item.media_type
    FROM offer JOIN item ON item.number = offer.item_number AND item.offer_id = offer.id
    WHERE offer.outcome IS NULL AND item.assigned_to IS NULL
) AS held GROUP BY agent, queue_id, media_type;

-- name: samples
-- The backlog at the quarters of an hour since an instant, below a category and within access groups (null: all).
SELECT at, sum(waiting)::int AS waiting, sum(assigned)::int AS assigned, sum(held)::int AS held,
    sum(overdue)::int AS overdue, sum(due_hour)::int AS due_hour, sum(due_today)::int AS due_today
FROM backlog_sample
WHERE at >= $1
    AND ($2::text IS NULL OR category_path = $2 OR starts_with(category_path, $2 || '/'))
    AND (
        $3::text[] IS NULL OR queue_id = ANY($4::text[]) OR category_path = ANY($3)
        OR EXISTS (SELECT FROM unnest($3) AS c(path) WHERE starts_with(category_path, c.path || '/'))
    )
GROUP BY at ORDER BY at;

-- name: has_sample
-- Whether the backlog of a quarter is kept already.
SELECT EXISTS (SELECT FROM backlog_sample WHERE at = $1);

-- name: save_samples
-- Keeps the backlog of a quarter; nothing where another process has.
INSERT INTO backlog_sample (at, category_path, queue_id, waiting, assigned, held, overdue, due_hour, due_today)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::int[], $5::int[], $6::int[], $7::int[], $8::int[], $9::int[])
ON CONFLICT DO NOTHING;

-- name: forget_samples
-- Removes what was kept before an instant.
DELETE FROM backlog_sample WHERE at < $1;
