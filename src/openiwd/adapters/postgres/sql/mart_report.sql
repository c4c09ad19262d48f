-- name: items_by
-- Sums of what happened, by one or two keys; keys of categories are their paths as they are now.
SELECT {key}, {key_2} AS key_2, sum(new)::bigint AS new, sum(reopened)::bigint AS reopened, sum(moved_in - moved_out)::bigint AS moved,
    sum(completed)::bigint AS completed, sum(canceled)::bigint AS canceled, sum(rejected)::bigint AS rejected,
    sum(completed + canceled + rejected)::bigint AS finished, sum(completed_due)::bigint AS completed_due,
    sum(completed_in_time)::bigint AS completed_in_time, sum(completed_due - completed_in_time)::bigint AS finished_overdue,
    sum(finish_us)::bigint AS finish_us, sum(handle_us)::bigint AS handle_us, sum(business_value)::bigint AS business_value,
    sum(source_n)::bigint AS source_n, sum(source_us)::bigint AS source_us, sum(queued_n)::bigint AS queued_n,
    sum(queued_us)::bigint AS queued_us, sum(assigned_n)::bigint AS assigned_n, sum(accept_us)::bigint AS accept_us,
    sum(assigned_us)::bigint AS assigned_us, sum(worked_n)::bigint AS worked_n, sum(worked_us)::bigint AS worked_us
FROM agg_task_15min a LEFT JOIN dimension d ON d.kind = 'category' AND d.id = a.category_id AND d.valid_to IS NULL
WHERE interval_start >= :from_at AND interval_start < :to_at AND {filters}
    AND (:capture_point::text IS NULL OR capture_point = :capture_point) AND (:media_type::text IS NULL OR media_type = :media_type)
GROUP BY 1, 2;

-- name: due_by
-- Of the items whose due date lies in the period: how many, and how many had finished by it.
SELECT {key}, {key_2} AS key_2, count(*) AS due, count(*) FILTER (WHERE last_finished_at <= due_at
    AND status IN ('completed', 'canceled', 'rejected')) AS due_in_time
FROM (SELECT coalesce(category_id, '') AS category_id, coalesce(queue_id, '') AS queue_id, capture_point, media_type, due_at, status,
        last_finished_at, coalesce(ext ->> 'customerSegment', '') AS segment, value_range(business_value) AS value_range
    FROM task_fact WHERE due_at >= :from_at AND due_at < :to_at) a
LEFT JOIN dimension d ON d.kind = 'category' AND d.id = a.category_id AND d.valid_to IS NULL
WHERE {filters}
    AND (:capture_point::text IS NULL OR capture_point = :capture_point) AND (:media_type::text IS NULL OR media_type = :media_type)
GROUP BY 1, 2;

-- name: levels_by
-- How things stood at the end of the period, or now, where it lasts.
SELECT {key}, {key_2} AS key_2, count(*) AS pending, count(*) FILTER (WHERE state = 'held') AS held,
    count(*) FILTER (WHERE state = 'errorheld') AS errorheld, count(*) FILTER (WHERE due_at < t) AS overdue,
    sum(micros(created_at, t))::float8 AS age_us, count(*) FILTER (WHERE t - created_at < interval '1 hour') AS age_1h,
    count(*) FILTER (WHERE t - created_at >= interval '1 hour' AND t - created_at < interval '4 hours') AS age_4h,
    count(*) FILTER (WHERE t - created_at >= interval '4 hours' AND t - created_at < interval '24 hours') AS age_1d,
    count(*) FILTER (WHERE t - created_at >= interval '24 hours' AND t - created_at < interval '72 hours') AS age_3d,
    count(*) FILTER (WHERE t - created_at >= interval '72 hours' AND t - created_at < interval '168 hours') AS age_7d,
    count(*) FILTER (WHERE t - created_at >= interval '168 hours') AS age_more
FROM (SELECT {at_end} AS t) e CROSS JOIN task_state_fact a
LEFT JOIN dimension d ON d.kind = 'category' AND d.id = a.category_id AND d.valid_to IS NULL
WHERE from_at < t AND (to_at IS NULL OR to_at >= t) AND {filters}
    AND (:capture_point::text IS NULL OR capture_point = :capture_point) AND (:media_type::text IS NULL OR media_type = :media_type)
GROUP BY 1, 2;

-- name: over_time
-- New and finished, and those in time, per step of the period in the zone of its days.
SELECT date_trunc(:step::text, interval_start AT TIME ZONE :zone::text) AS local, sum(new + reopened)::bigint AS new,
    sum(completed + canceled + rejected)::bigint AS finished, sum(completed_due)::bigint AS completed_due,
    sum(completed_in_time)::bigint AS completed_in_time
FROM agg_task_15min a LEFT JOIN dimension d ON d.kind = 'category' AND d.id = a.category_id AND d.valid_to IS NULL
WHERE interval_start >= :from_at AND interval_start < :to_at AND {filters}
    AND (:capture_point::text IS NULL OR capture_point = :capture_point) AND (:media_type::text IS NULL OR media_type = :media_type)
GROUP BY 1 ORDER BY 1;

-- name: agents_by
-- Offers, assignments, waits and work by agent or queue.
SELECT {key_of_agent}, NULL::text AS key_2, sum(offered)::bigint AS offered, sum(accepted)::bigint AS accepted,
    sum(declined)::bigint AS declined, sum(timed_out)::bigint AS timed_out, sum(assigned)::bigint AS assigned,
    sum(completed)::bigint AS completed, sum(returned)::bigint AS returned, sum(transferred)::bigint AS transferred,
    sum(first_waits)::bigint AS first_waits, sum(first_wait_us)::bigint AS first_wait_us,
    sum(later_waits)::bigint AS later_waits, sum(later_wait_us)::bigint AS later_wait_us, sum(work_us)::bigint AS work_us,
    sum(ended_work_us)::bigint AS ended_work_us, sum(focus_us)::bigint AS focus_us, sum(wrap_up_us)::bigint AS wrap_up_us,
    sum(completed + returned + transferred + taken_back)::bigint AS ended_n
FROM agg_agent_15min a LEFT JOIN dimension d ON d.kind = 'category' AND d.id = a.category_id AND d.valid_to IS NULL
WHERE interval_start >= :from_at AND interval_start < :to_at AND {filters} AND (:agent::text IS NULL OR agent_id = :agent)
GROUP BY 1;

-- name: extremes_by
-- The shortest and the longest assignment by agent or queue: each assignment of the period is looked at.
SELECT {key_of_agent}, NULL::text AS key_2, min(work_us) AS shortest_us, max(work_us) AS longest_us
FROM task_work_fact a LEFT JOIN dimension d ON d.kind = 'category' AND d.id = a.category_id AND d.valid_to IS NULL
WHERE ended_at >= :from_at AND ended_at < :to_at AND {filters} AND (:agent::text IS NULL OR agent_id = :agent)
GROUP BY 1;

-- name: agent_states
-- Time logged in, not ready, and busy (work and after-work put together, nothing counted twice), per agent.
WITH period AS (
    SELECT tstzrange(:from_at, least(:to_at, (SELECT greatest(as_of, fresh_at) FROM mart_state))) AS p
    WHERE :from_at < (SELECT greatest(as_of, fresh_at) FROM mart_state)
), states AS (
    SELECT agent_id, state, tstzrange(started_at, coalesce(ended_at, 'infinity')) * p AS r
    FROM agent_state_fact, period WHERE tstzrange(started_at, coalesce(ended_at, 'infinity')) && p
), work AS (
    SELECT agent_id, tstzrange(started_at, ended_at) * p AS r FROM task_work_fact, period WHERE tstzrange(started_at, ended_at) && p
    UNION ALL
    SELECT assigned_to, tstzrange(assigned_at, 'infinity') * p FROM task_fact, period
    WHERE assigned_to IS NOT NULL AND status = 'assigned' AND tstzrange(assigned_at, 'infinity') && p
), merged AS (
    SELECT agent_id, range_agg(r) FILTER (WHERE kind <> 'work') AS logged_in, range_agg(r) FILTER (WHERE kind = 'notReady') AS not_ready,
        range_agg(r) FILTER (WHERE kind IN ('work', 'afterWork')) AS busy
    FROM (SELECT agent_id, state AS kind, r FROM states UNION ALL SELECT agent_id, 'work', r FROM work) x GROUP BY agent_id
)
SELECT agent_id AS key, us(logged_in) AS logged_in_us, us(not_ready) AS not_ready_us,
    us(coalesce(busy, '{}') * (coalesce(logged_in, '{}') - coalesce(not_ready, '{}'))) AS busy_us,
    us(coalesce(logged_in, '{}') - coalesce(not_ready, '{}')) AS available_us
FROM merged WHERE :agent::text IS NULL OR agent_id = :agent;

-- name: work
-- Assignments of the period, the newest first.
SELECT w.item_number, f.item_id, f.capture_id, f.category_path, w.queue_id, w.agent_id, coalesce(r.name, w.agent_id) AS agent_name,
    w.started_at, w.ended_at, w.outcome, w.work_us, w.wrap_up_us, w.focus_us
FROM (SELECT a.* FROM task_work_fact a LEFT JOIN dimension d ON d.kind = 'category' AND d.id = a.category_id AND d.valid_to IS NULL
    WHERE ended_at >= :from_at AND ended_at < :to_at AND {filters} AND (:agent::text IS NULL OR agent_id = :agent)
        AND (:media_type::text IS NULL OR media_type = :media_type)
    ORDER BY ended_at DESC, item_number LIMIT :limit OFFSET :offset) w
JOIN task_fact f USING (item_number) LEFT JOIN resource_ r ON r.agent_id = w.agent_id
ORDER BY w.ended_at DESC, w.item_number;

-- name: items_behind
-- The items behind a number of a report.
SELECT f.item_number, f.item_id, f.capture_id, f.capture_point, f.status, f.category_path, f.queue_id, f.received_at, f.due_at,
    f.last_finished_at, f.assigned_to, f.work_us, a.at, count(*) OVER () AS found
FROM (
    SELECT a.item_number, CASE WHEN :measure IN ('new', 'reopened') THEN a.from_at WHEN :level THEN NULL ELSE a.to_at END AS at
    FROM task_state_fact a LEFT JOIN dimension d ON d.kind = 'category' AND d.id = a.category_id AND d.valid_to IS NULL
    WHERE {filters}
        AND (:capture_point::text IS NULL OR capture_point = :capture_point) AND (:media_type::text IS NULL OR media_type = :media_type)
        AND (:segment::text IS NULL OR segment = :segment) AND (:value_range::text IS NULL OR value_range = :value_range)
        AND CASE
            WHEN :measure IN ('new', 'reopened') THEN began = :measure AND from_at >= :from_at AND from_at < :to_at
            WHEN :measure IN ('completed', 'canceled', 'rejected') THEN ended = :measure AND to_at >= :from_at AND to_at < :to_at
            WHEN :measure = 'finished' THEN ended IN ('completed', 'canceled', 'rejected') AND to_at >= :from_at AND to_at < :to_at
            WHEN :measure = 'finished_overdue' THEN ended = 'completed' AND to_at >= :from_at AND to_at < :to_at AND to_at > a.due_at
            WHEN :measure = 'completed_in_time' THEN ended = 'completed' AND to_at >= :from_at AND to_at < :to_at AND to_at <= a.due_at
            ELSE from_at < {at_end} AND (to_at IS NULL OR to_at >= {at_end})
                AND (:measure = 'pending' OR state = :measure OR (:measure = 'overdue' AND a.due_at < {at_end}))
        END
) a JOIN task_fact f USING (item_number)
ORDER BY a.at DESC NULLS LAST, f.item_number LIMIT :limit OFFSET :offset;

-- name: mailboxes_by
-- What became of the emails received in the period, by the mailbox that they came by. How they stand now.
SELECT {mailbox} AS key, NULL::text AS key_2, count(*) AS mail_received,
    count(*) FILTER (WHERE status NOT IN ('completed', 'canceled', 'rejected')) AS mail_open,
    count(*) FILTER (WHERE status = 'completed') AS mail_completed,
    count(*) FILTER (WHERE status IN ('canceled', 'rejected')) AS mail_dropped,
    count(*) FILTER (WHERE status = 'completed' AND due_at IS NOT NULL) AS mail_due_n,
    count(*) FILTER (WHERE status = 'completed' AND last_finished_at <= due_at) AS mail_in_time_n,
    count(first_assigned_at) AS mail_assigned_n, coalesce(sum(micros(received_at, first_assigned_at)), 0)::bigint AS mail_wait_us,
    count(*) FILTER (WHERE status IN ('completed', 'canceled', 'rejected')) AS mail_finished_n,
    coalesce(sum(micros(received_at, last_finished_at)) FILTER (WHERE status IN ('completed', 'canceled', 'rejected')), 0)::bigint
        AS mail_finish_us
FROM {emails}
GROUP BY 1;

-- name: emails_behind
-- The items behind a number of the report of mailboxes.
SELECT f.item_number, f.item_id, f.capture_id, f.capture_point, f.status, f.category_path, f.queue_id, f.received_at, f.due_at,
    f.last_finished_at, f.assigned_to, f.work_us, f.received_at AS at, count(*) OVER () AS found
FROM {emails} AND (:mailbox::text IS NULL OR {mailbox} = :mailbox)
    AND CASE :measure::text
        WHEN 'mail_open' THEN status NOT IN ('completed', 'canceled', 'rejected')
        WHEN 'mail_completed' THEN status = 'completed'
        WHEN 'mail_dropped' THEN status IN ('canceled', 'rejected')
        ELSE true
    END
ORDER BY f.received_at DESC, f.item_number LIMIT :limit OFFSET :offset;

-- name: priorities_by
-- By queue and range of priority: what waits in the last sample of the period and in the mean of all, and the waits that have ended.
WITH taken AS (
    SELECT interval_start FROM queue_sample WHERE interval_start >= :from_at AND interval_start < :to_at
), sampled AS (
    SELECT queue_id AS key, priority_range AS key_2,
        coalesce(sum(waiting) FILTER (WHERE interval_start = (SELECT max(interval_start) FROM taken)), 0)::bigint AS waiting,
        sum(waiting)::float8 / (SELECT count(*) FROM taken) AS mean_waiting
    FROM agg_queue_priority_15min
    WHERE interval_start >= :from_at AND interval_start < :to_at AND (:queue::text IS NULL OR queue_id = :queue)
    GROUP BY 1, 2
), waited AS (
    SELECT queue_id AS key, priority_range AS key_2, sum(first_waits + later_waits)::bigint AS waits,
        sum(first_wait_us + later_wait_us)::bigint AS wait_us
    FROM agg_queue_15min
    WHERE interval_start >= :from_at AND interval_start < :to_at AND (:queue::text IS NULL OR queue_id = :queue)
    GROUP BY 1, 2
)
SELECT key, key_2, coalesce(waiting, 0) AS waiting, coalesce(mean_waiting, CASE WHEN EXISTS (SELECT FROM taken) THEN 0 END) AS mean_waiting,
    coalesce(waits, 0) AS waits, coalesce(wait_us, 0) AS wait_us
FROM sampled FULL JOIN waited USING (key, key_2);

-- name: choices
-- What filters can be set to.
SELECT 'queue' AS kind, id, name FROM dimension WHERE kind = 'queue' AND valid_to IS NULL
UNION ALL SELECT 'department', path, name FROM dimension WHERE kind = 'category' AND level <= 2 AND valid_to IS NULL
UNION ALL SELECT 'agent', agent_id, name FROM resource_
UNION ALL SELECT kind, id, id FROM dimension_member WHERE kind IN ('capture_point', 'media_type')
ORDER BY 1, 3;

-- name: workforce
-- For workforce management: the view of it, for a period and a category with all below it.
SELECT interval_start, category_id, coalesce(category_path, category_id) AS category_path, new, backlog, finished, handle_time_us
FROM iwd_wfm_15min
WHERE interval_start >= :from_at AND interval_start < :to_at
    AND (:category::text IS NULL OR coalesce(category_path, category_id) = :category OR category_path LIKE :below::text)
ORDER BY interval_start, 3, category_id LIMIT :limit;
