-- name: make_levels
-- How things stood at the end of each quarter of an hour from $1 up to $2, from the stretches of open life: each enters at the
-- first end of an interval after its beginning and leaves at the first one after its end. Overdue and range of age come in and go with it;
-- what changes in between is a step of its own, at the first end of an interval at which it is so.
WITH spans AS (
    SELECT category_id, queue_id, (state = 'held')::int AS held, (state = 'errorheld')::int AS errorheld, due_at, created_at,
        (date_part('epoch', created_at) * 1000000)::bigint AS created,
        greatest(quarter(from_at) + q, $1::timestamptz + q) AS enters, coalesce(quarter(to_at) + q, 'infinity') AS leaves
    FROM task_state_fact, (SELECT interval '15 minutes' AS q) i
    WHERE from_at < $2::timestamptz AND (to_at IS NULL OR to_at >= $1::timestamptz + q)
), lives AS (
    SELECT *, CASE WHEN due_at IS NOT NULL THEN greatest(enters, quarter(due_at) + interval '15 minutes') END AS late,
        {age_in} AS age_in, {age_out} AS age_out
    FROM spans WHERE enters < leaves
), steps AS (
    SELECT enters AS t, category_id, queue_id, 1 AS pending, held, errorheld, coalesce(late = enters, false)::int AS overdue, created,
        (age_in = 1)::int AS a1, (age_in = 2)::int AS a2, (age_in = 3)::int AS a3, (age_in = 4)::int AS a4, (age_in = 5)::int AS a5,
        (age_in = 6)::int AS a6
    FROM lives
    UNION ALL
    SELECT leaves, category_id, queue_id, -1, -held, -errorheld, -coalesce(late < leaves, false)::int, -created,
        -(age_out = 1)::int, -(age_out = 2)::int, -(age_out = 3)::int, -(age_out = 4)::int, -(age_out = 5)::int, -(age_out = 6)::int
    FROM lives WHERE leaves <= $2::timestamptz
    UNION ALL
    SELECT late, category_id, queue_id, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0
    FROM lives WHERE late > enters AND late < leaves AND late <= $2::timestamptz
    UNION ALL
    SELECT quarter(created_at + low + interval '15 minutes' - interval '1 microsecond'), category_id, queue_id, 0, 0, 0, 0, 0,
        -(r = 2)::int, (r = 2)::int - (r = 3)::int, (r = 3)::int - (r = 4)::int, (r = 4)::int - (r = 5)::int, (r = 5)::int - (r = 6)::int,
        (r = 6)::int
    FROM lives JOIN (VALUES {age_bounds}) bounds(r, low)
        ON created_at + low > enters AND created_at + low <= leaves - interval '15 minutes' AND created_at + low <= $2::timestamptz
), stepped AS (
    SELECT t, category_id, queue_id, sum(pending) AS pending, sum(held) AS held, sum(errorheld) AS errorheld, sum(overdue) AS overdue,
        sum(created) AS created, sum(a1) AS a1, sum(a2) AS a2, sum(a3) AS a3, sum(a4) AS a4, sum(a5) AS a5, sum(a6) AS a6
    FROM steps GROUP BY t, category_id, queue_id
), grid AS (
    SELECT c.category_id, c.queue_id, t
    FROM (SELECT category_id, queue_id, min(t) AS first FROM stepped GROUP BY category_id, queue_id) c
    CROSS JOIN LATERAL generate_series(c.first, $2::timestamptz, interval '15 minutes') t
), levels AS (
    SELECT t, category_id, queue_id, total(pending) OVER w AS pending, total(held) OVER w AS held, total(errorheld) OVER w AS errorheld,
        total(overdue) OVER w AS overdue, sum(created) OVER w AS created, total(a1) OVER w AS a1, total(a2) OVER w AS a2,
        total(a3) OVER w AS a3, total(a4) OVER w AS a4, total(a5) OVER w AS a5, total(a6) OVER w AS a6
    FROM grid LEFT JOIN stepped USING (t, category_id, queue_id)
    WINDOW w AS (PARTITION BY category_id, queue_id ORDER BY t ROWS UNBOUNDED PRECEDING)
)
INSERT INTO agg_task_level_15min
SELECT t - interval '15 minutes', category_id, queue_id, pending, held, errorheld, overdue,
    pending::numeric * (date_part('epoch', t) * 1000000)::bigint - created, a1, a2, a3, a4, a5, a6
FROM levels WHERE pending > 0;

-- name: remove_levels
-- Levels from $1 on.
DELETE FROM agg_task_level_15min WHERE interval_start >= $1::timestamptz;

-- name: levels_made
-- Levels are there up to $1. Where a closed day was touched, the sum of closed days holds no more.
UPDATE mart_state SET levels_to = $1::timestamptz, dirty_from = NULL,
    summed_to = CASE WHEN (dirty_from AT TIME ZONE time_zone)::date < summed_to THEN NULL ELSE summed_to END;

-- name: fresh
-- The end of the log was reached at $1.
UPDATE mart_state SET fresh_at = greatest(fresh_at, $1::timestamptz);

-- name: balance
-- What does not balance from $1 up to $2: each level is the one before it plus what came minus what went, per category and
-- queue; and all that ever came is what has finished and what is open. With $3 all days are added up, else closed ones are known.
INSERT INTO balance_finding
WITH level AS (
    SELECT interval_start, category_id, queue_id, pending FROM agg_task_level_15min
    WHERE interval_start >= $1::timestamptz - interval '15 minutes' AND interval_start < $2::timestamptz
), flow AS (
    SELECT interval_start, category_id, queue_id, sum(new + reopened + moved_in - moved_out - completed - canceled - rejected) AS net
    FROM agg_task_15min WHERE interval_start >= $1::timestamptz AND interval_start < $2::timestamptz GROUP BY 1, 2, 3
), expected AS (
    SELECT interval_start, category_id, queue_id, sum(pending) AS pending FROM (
        SELECT interval_start + interval '15 minutes' AS interval_start, category_id, queue_id, pending FROM level
        UNION ALL
        SELECT interval_start, category_id, queue_id, net FROM flow
    ) x GROUP BY 1, 2, 3
)
SELECT interval_start, category_id, queue_id, coalesce(e.pending, 0), coalesce(l.pending, 0), 'level'
FROM expected e FULL JOIN (SELECT * FROM level WHERE interval_start >= $1::timestamptz) l USING (interval_start, category_id, queue_id)
WHERE interval_start >= $1::timestamptz AND interval_start < $2::timestamptz AND coalesce(e.pending, 0) <> coalesce(l.pending, 0)
UNION ALL
SELECT NULL, category_id, queue_id, coalesce(s.net, 0), coalesce(o.open, 0), 'entered = finished + open'
FROM (
    SELECT category_id, queue_id, sum(net) AS net FROM (
        SELECT category_id, queue_id, net FROM balance_sum, mart_state WHERE summed_to IS NOT NULL AND NOT $3::boolean
        UNION ALL
        SELECT category_id, queue_id, sum(new + reopened + moved_in - moved_out - completed - canceled - rejected) FROM agg_task_day
        WHERE day >= coalesce((SELECT summed_to FROM mart_state WHERE NOT $3::boolean), '-infinity') GROUP BY 1, 2
    ) x GROUP BY 1, 2
) s
FULL JOIN (SELECT coalesce(category_id, '') AS category_id, coalesce(queue_id, '') AS queue_id, count(*) AS open
    FROM task_fact WHERE status NOT IN ('completed', 'canceled', 'rejected') GROUP BY 1, 2) o USING (category_id, queue_id)
WHERE coalesce(s.net, 0) <> coalesce(o.open, 0);

-- name: forget_balance
-- Before each balance.
DELETE FROM balance_finding;

-- name: balanced
-- The verdict, for all who look.
UPDATE mart_state SET balanced = NOT EXISTS (SELECT FROM balance_finding),
    balance_detail = (SELECT format('%s: %s / %s %s: expected %s, found %s', what, category_id, queue_id, interval_start, expected, found)
        FROM balance_finding ORDER BY interval_start NULLS FIRST, category_id, queue_id LIMIT 1)
RETURNING balanced, balance_detail, (SELECT count(*) FROM balance_finding) AS findings;

-- name: begin_job
-- A chain or a job of it begins.
INSERT INTO etl_audit (parent, chain, job) VALUES ($1, $2, $3) RETURNING run;

-- name: end_job
-- It is over.
UPDATE etl_audit SET status = $2, finished_at = clock_timestamp(), rows = $3, first_event = $4, last_event = $5, error = $6,
    watermark = (SELECT generation || '.' || pos FROM mart_state)
WHERE run = $1;

-- name: lost_runs
-- What an earlier process began and did not live to end.
UPDATE etl_audit SET status = 'lost', finished_at = clock_timestamp() WHERE status = 'running';

-- name: set_tenant
-- Whose mart it is. Another reporting zone needs other days: the row says whether it has changed.
UPDATE mart_state s SET tenant_id = $1, time_zone = $2 FROM mart_state old
RETURNING old.time_zone <> $2 AND old.pos > 0 AS changed, old.time_zone AS before;

-- name: days_again
-- Day rows of items in another reporting zone, as far back as quarter hours are kept: added to what is left of the day before.
INSERT INTO agg_task_day AS a (day, {cell}, n, {sums})
SELECT (interval_start AT TIME ZONE s.time_zone)::date, {cell}, {resummed}
FROM agg_task_15min CROSS JOIN mart_state s WHERE s.kept_from IS NULL OR interval_start >= s.kept_from GROUP BY 1, {cell}
ON CONFLICT (day, {cell}) DO UPDATE SET {added};

-- name: agent_days_again
-- Day rows of agents in another reporting zone.
INSERT INTO agg_agent_day AS a (day, agent_id, queue_id, category_id, n, {agent_sums})
SELECT (interval_start AT TIME ZONE s.time_zone)::date, agent_id, queue_id, category_id, {agent_resummed}
FROM agg_agent_15min CROSS JOIN mart_state s WHERE s.kept_from IS NULL OR interval_start >= s.kept_from GROUP BY 1, 2, 3, 4
ON CONFLICT (day, agent_id, queue_id, category_id) DO UPDATE SET {agent_added};

-- name: queue_days_again
-- Day rows of waits in another reporting zone.
INSERT INTO agg_queue_day AS a (day, queue_id, priority_range, n, {queue_sums})
SELECT (interval_start AT TIME ZONE s.time_zone)::date, queue_id, priority_range, {queue_resummed}
FROM agg_queue_15min CROSS JOIN mart_state s WHERE s.kept_from IS NULL OR interval_start >= s.kept_from GROUP BY 1, 2, 3
ON CONFLICT (day, queue_id, priority_range) DO UPDATE SET {queue_added};

-- name: forget_days
-- Before they are made again: of days of the zone $1, those whose quarters of an hour are still there.
WITH unsummed AS (UPDATE mart_state SET summed_to = NULL), edge AS (SELECT coalesce((kept_from AT TIME ZONE $1::text)::date, '-infinity') AS day FROM mart_state),
    t AS (DELETE FROM agg_task_day USING edge e WHERE agg_task_day.day >= e.day),
    q AS (DELETE FROM agg_queue_day USING edge e WHERE agg_queue_day.day >= e.day)
DELETE FROM agg_agent_day USING edge e WHERE agg_agent_day.day >= e.day;

-- name: close_days
-- Days of the reporting zone whose levels are all there are closed; how many have become so. What comes late still corrects them.
UPDATE mart_state s SET closed_to = (s.levels_to AT TIME ZONE s.time_zone)::date FROM mart_state old
RETURNING coalesce(s.closed_to - coalesce(old.closed_to, (SELECT min(day) FROM agg_task_day), s.closed_to), 0);

-- name: forget_sum
-- Before it is made again.
DELETE FROM balance_sum;

-- name: sum_closed_days
-- What the closed days say, for the balances of the runs until more are closed.
WITH known AS (UPDATE mart_state SET summed_to = closed_to RETURNING closed_to)
INSERT INTO balance_sum
SELECT category_id, queue_id, sum(new + reopened + moved_in - moved_out - completed - canceled - rejected)
FROM agg_task_day, known WHERE day < closed_to GROUP BY 1, 2;

-- name: map_attribute
-- A declared attribute gets the next slot that was never used.
INSERT INTO etl_custom_map (slot, attribute)
SELECT coalesce(max(slot), 0) + 1, $1 FROM etl_custom_map HAVING coalesce(max(slot), 0) < 10
ON CONFLICT (attribute) DO NOTHING;

-- name: custom_map
-- Slots and what they hold.
SELECT slot, attribute FROM etl_custom_map ORDER BY slot;

-- name: add_dimension
-- A name as of a version; the one before it ends there. Versions come in their order.
INSERT INTO dimension (kind, id, valid_from, name, path, level, target_handle_seconds)
SELECT n.* FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::int[], $7::int[])
    AS n(kind, id, valid_from, name, path, level, target)
WHERE NOT EXISTS (SELECT FROM dimension d WHERE d.kind = n.kind AND d.id = n.id AND d.valid_to IS NULL
    AND (d.name, d.path, d.level, d.target_handle_seconds) IS NOT DISTINCT FROM (n.name, n.path, n.level, n.target))
ON CONFLICT (kind, id, valid_from) DO UPDATE SET name = excluded.name, path = excluded.path, level = excluded.level,
    target_handle_seconds = excluded.target_handle_seconds;

-- name: end_dimensions
-- Each row is valid until the next one of the same object.
UPDATE dimension d SET valid_to = n.next
FROM (SELECT kind, id, valid_from, lead(valid_from) OVER (PARTITION BY kind, id ORDER BY valid_from) AS next FROM dimension) n
WHERE n.kind = d.kind AND n.id = d.id AND n.valid_from = d.valid_from AND d.valid_to IS DISTINCT FROM n.next;

-- name: name_agents
-- Names of agents as of the instants of their changes; one that says what the one before said is none. Who was listed before the log told
-- of the beginning has one now.
WITH told AS (
    SELECT DISTINCT ON (id, at) id, at, name, is_first
    FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::boolean[]) WITH ORDINALITY AS n(id, at, name, is_first, place)
    ORDER BY id, at, place DESC
), listed AS (
    DELETE FROM dimension d USING told t WHERE t.is_first AND d.kind = 'agent' AND d.id = t.id AND d.valid_from = 'epoch'
), laid AS (
    SELECT id, at, name, lag(name) OVER (PARTITION BY id ORDER BY at) AS before
    FROM (
        SELECT id, at, name FROM told
        UNION ALL
        SELECT d.id, d.valid_from, d.name FROM dimension d
        WHERE d.kind = 'agent' AND d.id IN (SELECT id FROM told)
            AND NOT EXISTS (SELECT FROM told t WHERE t.id = d.id AND (t.at = d.valid_from OR t.is_first AND d.valid_from = 'epoch'))
    ) x
)
INSERT INTO dimension (kind, id, valid_from, name)
SELECT 'agent', id, at, name FROM laid WHERE name IS DISTINCT FROM before
ON CONFLICT (kind, id, valid_from) DO UPDATE SET name = excluded.name;

-- name: name_others
-- Agents of whose names the log no longer tells: since when they are called so is not known.
INSERT INTO dimension (kind, id, valid_from, name)
SELECT 'agent', n.id, 'epoch', n.name FROM unnest($1::text[], $2::text[]) AS n(id, name)
WHERE NOT EXISTS (SELECT FROM dimension d WHERE d.kind = 'agent' AND d.id = n.id);

-- name: names_known
-- Names of agents are known up to this place of the log.
UPDATE mart_state SET names_generation = $1, names_pos = $2;

-- name: names_known_at_most
-- Events past this point are gone, and with them the names that they told.
UPDATE mart_state SET names_generation = $1, names_pos = $2 WHERE (names_generation, names_pos) > ($1, $2);

-- name: rule_set_known
-- Names are known up to this version.
UPDATE mart_state SET rule_set_version = $1;

-- name: save_agents
-- Agents as IWD has them; names of Info Mart stay until the next look there.
INSERT INTO resource_ AS r (agent_id, name, employee_id, active)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[])
ON CONFLICT (agent_id) DO UPDATE SET name = CASE WHEN r.info_mart_key IS NULL THEN excluded.name ELSE r.name END,
    employee_id = excluded.employee_id, active = excluded.active;

-- name: forget_skills
-- Before they are saved again.
DELETE FROM resource_skill;

-- name: save_skills
-- Skills of agents as IWD has them.
INSERT INTO resource_skill (agent_id, skill, skill_level) SELECT * FROM unnest($1::text[], $2::text[], $3::int[]);

-- name: save_info_mart
-- Names of Info Mart for the agents with that employee id.
UPDATE resource_ r SET info_mart_key = n.key, first_name = n.first, last_name = n.last, name = n.name
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[]) AS n(employee_id, key, name, first, last)
WHERE r.employee_id = n.employee_id;

-- name: publish_stats
-- Numbers about the mart itself.
WITH sizes AS (
    INSERT INTO database_stats
    SELECT coalesce(p.relname, s.relname), sum(s.n_live_tup), sum(pg_total_relation_size(s.relid))
    FROM pg_stat_user_tables s LEFT JOIN pg_inherits i ON i.inhrelid = s.relid LEFT JOIN pg_class p ON p.oid = i.inhparent
    WHERE s.schemaname = 'public' GROUP BY 1
    ON CONFLICT (table_name) DO UPDATE SET rows = excluded.rows, size_bytes = excluded.size_bytes
)
INSERT INTO etl_stats_general
SELECT 'pending', count(*) FROM task_fact WHERE status NOT IN ('completed', 'canceled', 'rejected')
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: count_loads
-- Batches since those that were counted last: what is added to the numbers about loading.
INSERT INTO etl_stats_general AS s
SELECT v.name, v.value
FROM (
    SELECT max(run) AS run, sum(rows) AS events, count(*) FILTER (WHERE rows > 0) AS batches, max(rows) AS most
    FROM etl_audit
    WHERE run > coalesce((SELECT value FROM etl_stats_general WHERE name = 'counted_run'), 0) AND job = 'load events' AND status <> 'running'
) a CROSS JOIN LATERAL (VALUES ('counted_run', a.run), ('events', a.events), ('batches', a.batches), ('max_events', a.most)) v(name, value)
WHERE a.run IS NOT NULL
ON CONFLICT (name) DO UPDATE
SET value = CASE WHEN s.name IN ('events', 'batches') THEN s.value + excluded.value ELSE greatest(s.value, excluded.value) END;

-- name: mean_load
-- Events per batch, of all batches.
INSERT INTO etl_stats_general
SELECT 'avg_events', coalesce(e.value / nullif(b.value, 0), 0) FROM etl_stats_general e JOIN etl_stats_general b ON b.name = 'batches'
WHERE e.name = 'events'
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: publish_dimensions
-- How many members each dimension has, and how many of them are new since the last look.
INSERT INTO etl_stats_dimensions AS known
SELECT dimension, count(*), count(*) FROM (
    SELECT kind AS dimension, id FROM dimension WHERE valid_to IS NULL AND kind <> 'agent'
    UNION ALL SELECT 'agent', agent_id FROM resource_
    UNION ALL SELECT DISTINCT 'skill', skill FROM resource_skill
    UNION ALL SELECT kind, id FROM dimension_member
) members GROUP BY dimension
ON CONFLICT (dimension) DO UPDATE SET distinct_n = excluded.distinct_n,
    new_n = greatest(0, excluded.distinct_n - known.distinct_n);

-- name: stats
-- The same, read.
SELECT 'rows' AS kind, table_name AS name, rows AS value FROM database_stats
UNION ALL SELECT 'size', table_name, size_bytes FROM database_stats
UNION ALL SELECT 'general', name, value FROM etl_stats_general
UNION ALL SELECT 'distinct', dimension, distinct_n FROM etl_stats_dimensions
UNION ALL SELECT 'new', dimension, new_n FROM etl_stats_dimensions;

-- name: keep_events
-- Retention of events: what lies before $1, but for items that are open or have finished since.
SELECT keep_events($1::timestamptz);

-- name: keep_agent_states
-- Days whose stretches of agents' states are about to go, up to the midnight $1.
INSERT INTO agg_agent_state_day AS a (day, agent_id, media_type, state, reason, duration_us)
SELECT d.day, f.agent_id, f.media_type, f.state, f.reason, sum(micros(greatest(d.starts_at, f.from_at), least(d.ends_at, f.to_at)))
FROM {cut_states} f CROSS JOIN LATERAL {days_of} d
GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (day, agent_id, media_type, state, reason) DO UPDATE SET duration_us = a.duration_us + excluded.duration_us;

-- name: keep_agent_presence
-- The same for presence and occupancy: overlapping stretches are put together, as in the view of what is not gone.
INSERT INTO agg_agent_presence_day AS a (day, agent_id, logged_in_us, ready_us, not_ready_us, after_work_us, busy_us, available_us)
SELECT day, agent_id, us(range_agg(r) FILTER (WHERE kind <> 'work')), us(range_agg(r) FILTER (WHERE kind = 'ready')),
    us(range_agg(r) FILTER (WHERE kind = 'notReady')), us(range_agg(r) FILTER (WHERE kind = 'afterWork')), {busy}, {available}
FROM (
    SELECT d.day, f.agent_id, f.state AS kind, tstzrange(greatest(d.starts_at, f.from_at), least(d.ends_at, f.to_at)) AS r
    FROM {cut_states} f CROSS JOIN LATERAL {days_of} d
    UNION ALL
    SELECT d.day, f.agent_id, 'work', tstzrange(greatest(d.starts_at, f.from_at), least(d.ends_at, f.to_at))
    FROM {cut_work} f CROSS JOIN LATERAL {days_of} d
) cut
GROUP BY 1, 2
ON CONFLICT (day, agent_id) DO UPDATE SET logged_in_us = a.logged_in_us + excluded.logged_in_us,
    ready_us = a.ready_us + excluded.ready_us, not_ready_us = a.not_ready_us + excluded.not_ready_us,
    after_work_us = a.after_work_us + excluded.after_work_us, busy_us = a.busy_us + excluded.busy_us,
    available_us = a.available_us + excluded.available_us;

-- name: edge
-- The midnight of the reporting zone before which quarters of an hour go: that of the day that lies $2 days before $1. Null: they have gone.
SELECT at FROM (
    SELECT date_trunc('day', ($1::timestamptz - $2 * interval '1 day') AT TIME ZONE time_zone) AT TIME ZONE time_zone AS at, kept_from
    FROM mart_state
) e WHERE kept_from IS NULL OR at > kept_from;

-- name: keep_for
-- Retention of items and of quarters of an hour: those before the midnight $1 go. Levels and samples of the last quarter of an hour of each
-- day stay, as day rows do: of days that had gone before, whatever zone they were of.
WITH forgotten AS (
    SELECT item_number FROM task_fact
    WHERE status IN ('completed', 'canceled', 'rejected') AND last_finished_at < $1::timestamptz
), states AS (
    DELETE FROM task_state_fact f USING forgotten o WHERE f.item_number = o.item_number RETURNING 1
), work AS (
    DELETE FROM task_work_fact f USING forgotten o WHERE f.item_number = o.item_number RETURNING 1
), waits AS (
    DELETE FROM task_wait_fact f USING forgotten o WHERE f.item_number = o.item_number RETURNING 1
), items AS (
    DELETE FROM task_fact f USING forgotten o WHERE f.item_number = o.item_number RETURNING 1
), sums AS (
    DELETE FROM agg_task_15min WHERE interval_start < $1::timestamptz RETURNING 1
), agents AS (
    DELETE FROM agg_agent_15min WHERE interval_start < $1::timestamptz RETURNING 1
), queues AS (
    DELETE FROM agg_queue_15min WHERE interval_start < $1::timestamptz RETURNING 1
), agent_states AS (
    DELETE FROM agent_state_fact WHERE ended_at <= $1::timestamptz RETURNING 1
), levels AS (
    DELETE FROM agg_task_level_15min l USING mart_state s
    WHERE interval_start < $1::timestamptz AND interval_start >= coalesce(s.kept_from, '-infinity')
        AND ((interval_start + interval '15 minutes') AT TIME ZONE s.time_zone)::time <> '00:00' RETURNING 1
), samples AS (
    DELETE FROM queue_sample q USING mart_state s
    WHERE interval_start < $1::timestamptz AND interval_start >= coalesce(s.kept_from, '-infinity')
        AND ((interval_start + interval '15 minutes') AT TIME ZONE s.time_zone)::time <> '00:00' RETURNING 1
), priorities AS (
    DELETE FROM agg_queue_priority_15min a USING mart_state s
    WHERE interval_start < $1::timestamptz AND interval_start >= coalesce(s.kept_from, '-infinity')
        AND ((interval_start + interval '15 minutes') AT TIME ZONE s.time_zone)::time <> '00:00' RETURNING 1
), kept AS (
    UPDATE mart_state SET kept_from = $1::timestamptz
)
SELECT (SELECT count(*) FROM states) + (SELECT count(*) FROM work) + (SELECT count(*) FROM waits) + (SELECT count(*) FROM items)
    + (SELECT count(*) FROM sums) + (SELECT count(*) FROM agents) + (SELECT count(*) FROM queues)
    + (SELECT count(*) FROM agent_states) + (SELECT count(*) FROM levels) + (SELECT count(*) FROM samples)
    + (SELECT count(*) FROM priorities);

-- name: keep_audit
-- The audit of chains that began more than $1 days ago, with their jobs.
WITH gone AS (
    DELETE FROM etl_audit WHERE parent IS NULL AND started_at < now() - $1 * interval '1 day' RETURNING 1
)
SELECT count(*) FROM gone;

-- name: last_runs
-- The newest chains and jobs.
SELECT run, parent, chain, job, status, started_at, finished_at, rows, first_event, last_event, watermark, error
FROM etl_audit ORDER BY run DESC LIMIT $1;
