-- name: iwd_task_fact
-- Items.
SELECT f.item_number, f.item_id, f.revision, f.status, f.capture_point, f.capture_id, f.media_type, f.channel, f.category_id,
    f.category_path, f.queue_id, q.name AS queue_name, f.schema_id, f.rule_set_version, f.business_value AS value,
    f.ext ->> 'customerSegment' AS segment, f.ext ->> 'productType' AS product_type, f.ext, f.received_at, f.created_at,
    f.activation_at, f.due_at, f.due_origin, f.hold_reason, f.assigned_to, f.assigned_at, f.last_event_at, f.first_queued_at,
    f.first_assigned_at, f.first_finished_at, f.last_finished_at, f.deleted_at, f.reopened AS times_reopened, f.assignments,
    f.offers, f.declines, f.holds, f.work_us, f.wrap_up_us, f.focus_us,
    (f.ext ->> 'sourceCreatedDateTime')::timestamptz AS source_created_at, f.ext ->> 'resultCode' AS result_code,
    f.ext ->> 'sourceProcessType' AS source_process, f.ext ->> 'sourceProcessSubtype' AS source_process_subtype,
    f.ext ->> 'sourceTenant' AS source_tenant, f.ext ->> 'productSubtype' AS product_subtype,
    split_part(coalesce(d.path, f.category_id, ''), '/', 1) AS department,
    split_part(coalesce(d.path, f.category_id, ''), '/', 2) AS process, f.custom_1, f.custom_2, f.custom_3, f.custom_4, f.custom_5, f.custom_6,
    f.custom_7, f.custom_8, f.custom_9, f.custom_10
FROM task_fact f LEFT JOIN dimension q ON q.kind = 'queue' AND q.id = f.queue_id AND q.valid_to IS NULL
LEFT JOIN dimension d ON d.kind = 'category' AND d.id = f.category_id AND d.valid_to IS NULL;

-- name: iwd_email_fact
-- Emails.
SELECT f.*, CASE WHEN f.capture_point = 'email' THEN split_part(f.capture_id, '/', 1) ELSE '' END AS mailbox
FROM iwd_task_fact f WHERE f.media_type = 'email';

-- name: iwd_task_event_fact
-- Events of items.
SELECT generation, pos, at, event_type, actor, item_number, item_id, revision, status_from, status_to, reason, changes
FROM task_event_fact WHERE item_number IS NOT NULL;

-- name: iwd_task_state_fact
-- Stretches of open life.
SELECT item_number, revision, from_at, to_at, began, ended, state, category_id, queue_id, capture_point, media_type, segment,
    product_type, value_range, due_at, created_at
FROM task_state_fact;

-- name: iwd_task_open
-- Open items as they stand.
SELECT a.item_number, a.state, a.category_id, d.path AS category_path, split_part(coalesce(d.path, a.category_id), '/', 1) AS department,
    split_part(coalesce(d.path, a.category_id), '/', 2) AS process, a.queue_id, q.name AS queue_name, a.capture_point, a.media_type,
    a.segment, a.product_type, a.value_range, a.due_at, a.created_at, e.t AS data_as_of, (a.due_at IS NOT NULL AND a.due_at < e.t)::int AS is_overdue,
    micros(a.created_at, e.t) AS age_us,
    CASE WHEN e.t - a.created_at < interval '1 hour' THEN 'up to 1 h' WHEN e.t - a.created_at < interval '4 hours' THEN '1 to 4 h'
        WHEN e.t - a.created_at < interval '24 hours' THEN '4 to 24 h' WHEN e.t - a.created_at < interval '72 hours' THEN '1 to 3 d'
        WHEN e.t - a.created_at < interval '168 hours' THEN '3 to 7 d' ELSE 'over 7 d' END AS age_range
FROM (SELECT greatest(as_of + interval '1 microsecond', fresh_at) AS t FROM mart_state) e CROSS JOIN task_state_fact a
LEFT JOIN dimension d ON d.kind = 'category' AND d.id = a.category_id AND d.valid_to IS NULL
LEFT JOIN dimension q ON q.kind = 'queue' AND q.id = a.queue_id AND q.valid_to IS NULL
WHERE a.to_at IS NULL;

-- name: iwd_task_work_fact
-- Assignments, those that last included.
SELECT w.item_number, w.agent_id, coalesce(r.name, w.agent_id) AS agent_name, w.queue_id, w.category_id, w.media_type, w.started_at,
    w.ended_at, w.outcome, w.work_us, w.wrap_up_us, w.focus_us
FROM (
    SELECT item_number, agent_id, queue_id, category_id, media_type, started_at, ended_at, outcome, work_us, wrap_up_us, focus_us
    FROM task_work_fact
    UNION ALL
    SELECT item_number, assigned_to, coalesce(queue_id, ''), coalesce(category_id, ''), media_type, assigned_at, NULL, NULL,
        micros(assigned_at, greatest(assigned_at, (SELECT greatest(as_of, fresh_at) FROM mart_state))), 0, NULL
    FROM task_fact WHERE assigned_to IS NOT NULL AND status NOT IN ('completed', 'canceled', 'rejected')
) w LEFT JOIN resource_ r USING (agent_id);

-- name: iwd_task_wait_fact
-- Waits.
SELECT item_number, agent_id, queue_id, category_id, from_at, to_at, wait_us, ordinal, priority_range FROM task_wait_fact;

-- name: iwd_agent_state_fact
-- States of agents.
SELECT f.agent_id, coalesce(r.name, f.agent_id) AS agent_name, f.media_type, f.state, f.reason, f.started_at, f.ended_at
FROM agent_state_fact f LEFT JOIN resource_ r USING (agent_id);

-- name: agent_state
-- Time in each state per quarter of an hour: the source of its aggregates.
SELECT i AS interval_start, f.agent_id, f.media_type, f.state, f.reason,
    sum(micros(greatest(i, f.started_at), least(i + interval '15 minutes', f.until)))::bigint AS duration_us
FROM (SELECT a.*, coalesce(a.ended_at, (SELECT greatest(as_of, fresh_at) FROM mart_state)) AS until FROM agent_state_fact a) f
CROSS JOIN LATERAL generate_series(quarter(f.started_at), quarter(f.until - interval '1 microsecond'), interval '15 minutes') i
GROUP BY 1, 2, 3, 4, 5;

-- name: agent_presence
-- Presence and occupancy per quarter of an hour: stretches cut there, overlapping ones put together. The source of its aggregates.
SELECT i AS interval_start, agent_id, us(range_agg(r) FILTER (WHERE kind <> 'work')) AS logged_in_us,
    us(range_agg(r) FILTER (WHERE kind = 'ready')) AS ready_us, us(range_agg(r) FILTER (WHERE kind = 'notReady')) AS not_ready_us,
    us(range_agg(r) FILTER (WHERE kind = 'afterWork')) AS after_work_us,
    {busy} AS busy_us, {available} AS available_us
FROM (
    SELECT i, s.agent_id, kind, tstzrange(from_at, to_at) * tstzrange(i, i + interval '15 minutes') AS r
    FROM (
        WITH fresh AS (SELECT greatest(as_of, fresh_at) AS t FROM mart_state)
        SELECT agent_id, state AS kind, started_at AS from_at, coalesce(ended_at, t) AS to_at FROM agent_state_fact, fresh
        UNION ALL
        SELECT agent_id, 'work', started_at, ended_at FROM task_work_fact
        UNION ALL
        SELECT assigned_to, 'work', assigned_at, t FROM task_fact, fresh WHERE assigned_to IS NOT NULL AND status = 'assigned'
    ) s CROSS JOIN LATERAL generate_series(quarter(from_at), quarter(to_at - interval '1 microsecond'), interval '15 minutes') i
    WHERE from_at < to_at
) cut GROUP BY 1, 2;

-- name: iwd_queue_priority_last
-- Priorities of what waits.
SELECT s.at AS sampled_at, a.queue_id, d.name AS queue_name, a.priority_range, a.waiting
FROM queue_sample s JOIN agg_queue_priority_15min a USING (interval_start)
LEFT JOIN dimension d ON d.kind = 'queue' AND d.id = a.queue_id AND d.valid_to IS NULL
WHERE s.interval_start = (SELECT max(interval_start) FROM queue_sample);

-- name: iwd_wfm_15min
-- For workforce management.
SELECT interval_start, category_id, max(d.path) AS category_path, sum(new)::bigint AS new, sum(backlog)::bigint AS backlog,
    sum(finished)::bigint AS finished, sum(handle_us)::bigint AS handle_time_us
FROM (
    SELECT interval_start, category_id, new, 0 AS backlog, completed + canceled + rejected AS finished, handle_us FROM agg_task_15min
    UNION ALL
    SELECT interval_start, category_id, 0, pending, 0, 0 FROM agg_task_level_15min
) x LEFT JOIN dimension d ON d.kind = 'category' AND d.id = category_id AND d.valid_to IS NULL
GROUP BY interval_start, category_id;

-- name: iwd_etl_audit
-- Runs.
SELECT run, parent, chain, job, status, started_at, finished_at, rows, first_event, last_event, watermark, error FROM etl_audit;

-- name: iwd_data_state
-- Freshness.
SELECT greatest(as_of, fresh_at) AS data_as_of, time_zone, balanced, balance_detail, closed_to FROM mart_state;
