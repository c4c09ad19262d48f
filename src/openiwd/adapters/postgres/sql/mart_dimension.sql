-- name: iwd_dim_tenant
-- The tenant.
SELECT tenant_id, time_zone FROM mart_state;

-- name: iwd_dim_department
-- First levels.
SELECT id AS category_id, name, valid_from, valid_to FROM dimension WHERE kind = 'category' AND level = 1;

-- name: iwd_dim_process
-- Second levels.
SELECT id AS category_id, name, split_part(path, '/', 1) AS department, valid_from, valid_to
FROM dimension WHERE kind = 'category' AND level = 2;

-- name: iwd_dim_category
-- Categories.
SELECT id AS category_id, name, path AS category_path, level, target_handle_seconds, valid_from, valid_to
FROM dimension WHERE kind = 'category';

-- name: iwd_dim_queue
-- Queues.
SELECT id AS queue_id, name, valid_from, valid_to FROM dimension WHERE kind = 'queue';

-- name: iwd_dim_agent
-- Names of agents.
SELECT id AS agent_id, name, valid_from, valid_to FROM dimension WHERE kind = 'agent';

-- name: iwd_dim_metric
-- Targets: versions of a category that say the same one after the other are one row.
WITH told AS (
    SELECT id, valid_from, valid_to, target_handle_seconds AS target,
        lag(target_handle_seconds) OVER w IS DISTINCT FROM target_handle_seconds AS starts
    FROM dimension WHERE kind = 'category' WINDOW w AS (PARTITION BY id ORDER BY valid_from)
), islands AS (
    SELECT *, count(*) FILTER (WHERE starts) OVER (PARTITION BY id ORDER BY valid_from) AS island FROM told
)
SELECT 'handle_time' AS metric, id AS category_id, target AS target_handle_seconds, min(valid_from) AS valid_from,
    CASE WHEN count(valid_to) = count(*) THEN max(valid_to) END AS valid_to
FROM islands WHERE target IS NOT NULL GROUP BY id, island, target;

-- name: iwd_resource
-- Agents.
SELECT agent_id, name, employee_id, active, first_name, last_name FROM resource_;

-- name: iwd_resource_skill
-- What agents can do.
SELECT agent_id, skill, skill_level FROM resource_skill;

-- name: iwd_dim_skill
-- Skills.
SELECT DISTINCT skill FROM resource_skill;

-- name: iwd_dim_capture_point
-- Capture points.
SELECT id AS capture_point FROM dimension_member WHERE kind = 'capture_point';

-- name: iwd_dim_media_type
-- Media types.
SELECT id AS media_type FROM dimension_member WHERE kind = 'media_type';

-- name: iwd_dim_channel
-- Channels.
SELECT id AS channel FROM dimension_member WHERE kind = 'channel';

-- name: iwd_dim_segment
-- Segments.
SELECT id AS segment FROM dimension_member WHERE kind = 'segment';

-- name: iwd_dim_product
-- Products.
SELECT nullif(id, '') AS product_type, nullif(detail, '') AS product_subtype FROM dimension_member WHERE kind = 'product';

-- name: iwd_dim_result_code
-- Dispositions.
SELECT id AS result_code FROM dimension_member WHERE kind = 'result_code';

-- name: iwd_dim_source_process
-- Processes of sources.
SELECT nullif(id, '') AS source_process, nullif(detail, '') AS source_process_subtype
FROM dimension_member WHERE kind = 'source_process';

-- name: iwd_dim_source_tenant
-- Tenants of sources.
SELECT id AS source_tenant FROM dimension_member WHERE kind = 'source_tenant';

-- name: iwd_dim_status
-- Statuses.
SELECT * FROM (VALUES {statuses}) v(status, is_final, is_held);

-- name: iwd_dim_event_type
-- Types of events.
SELECT * FROM (VALUES {event_types}) v(event_type);

-- name: iwd_dim_priority_range
-- Priorities.
SELECT * FROM (VALUES {priorities}) v(priority_range, place, from_value, to_value);

-- name: iwd_dim_value_range
-- Business values.
SELECT * FROM (VALUES {values}) v(value_range, place, from_value, to_value);

-- name: iwd_dim_age_range
-- Ages.
SELECT * FROM (VALUES {ages}) v(age_range, place, from_value, to_value);

-- name: iwd_dim_date
-- Days.
SELECT at::date AS day, extract(year FROM at)::int AS year, extract(quarter FROM at)::int AS quarter, extract(month FROM at)::int AS month,
    extract(week FROM at)::int AS week, extract(isodow FROM at)::int AS weekday, starts_at, ends_at,
    (extract(epoch FROM ends_at - starts_at) / 900)::int AS quarter_hours, coalesce(at::date < closed_to, false) AS is_closed
FROM mart_state s CROSS JOIN LATERAL generate_series((SELECT min(day) FROM agg_task_day)::timestamp,
    date_trunc('day', greatest(s.as_of, s.fresh_at) AT TIME ZONE s.time_zone), interval '1 day') at
CROSS JOIN LATERAL (SELECT at AT TIME ZONE s.time_zone AS starts_at, (at + interval '1 day') AT TIME ZONE s.time_zone AS ends_at) ends;

-- name: iwd_dim_time_of_day
-- Quarters of an hour.
SELECT to_char(at, 'HH24:MI') AS time_of_day, extract(hour FROM at)::int AS hour, extract(minute FROM at)::int AS minute
FROM generate_series(timestamp '2000-01-01 00:00', timestamp '2000-01-01 23:45', interval '15 minutes') at;

-- name: iwd_dim_time_zone
-- Time zones.
SELECT z.name AS time_zone, extract(epoch FROM z.utc_offset)::int AS utc_offset_seconds, z.name = s.time_zone AS is_reporting_zone
FROM pg_timezone_names z CROSS JOIN mart_state s;

-- name: iwd_dim_custom
-- Slots.
SELECT slot, attribute, mapped_at FROM etl_custom_map;
