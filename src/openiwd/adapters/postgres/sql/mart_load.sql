-- name: work_tables
-- What one batch passes through; of this connection only, empty after each transaction.
CREATE TEMP TABLE IF NOT EXISTS staging (
    generation int, pos bigint, at timestamptz, event_type text, actor text, item_number bigint, item_id uuid, revision int,
    subject_id text, body jsonb, personal jsonb
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS refold (item_number bigint PRIMARY KEY) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS refold_agent (agent_id text PRIMARY KEY) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS resample (interval_start timestamptz PRIMARY KEY) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS chain (
    item_number bigint, at timestamptz, revision int, seed boolean, is_open boolean, is_last boolean, queued_first boolean,
    finishes boolean, offer_agent text, assigned_agent text, ended_agent text, category_id text, queue_id text, status text,
    prev_status text, prev_category text, capture_point text, media_type text, segment text, product_type text, value_range text,
    business_value int, assignments int, queue_since timestamptz, first_queued_at timestamptz, first_assigned_at timestamptz,
    work_us bigint, wrap_up_us bigint, finished_us bigint, received text, created text, due text, source_created text,
    event_type text, offer_outcome text, ended_outcome text, ended_queue text, ended_started_at timestamptz, ended_work_us bigint,
    wrap_us bigint, ended_focus_us bigint, priority_range text, granted_priority int, item_id uuid, changes jsonb
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS stretch (
    item_number bigint, revision int, seed boolean, from_at timestamptz, to_at timestamptz, began text, ended text, state text,
    category_id text, queue_id text, capture_point text, media_type text, segment text, product_type text, value_range text,
    due_at timestamptz, created_at timestamptz, received_at timestamptz, business_value int, source_created_at timestamptz,
    handle_us bigint, first_assigned_at timestamptz
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS agent_stretch (
    agent_id text, media_type text, started_at timestamptz, ended_at timestamptz, state text, reason text
) ON COMMIT DELETE ROWS;

-- name: erase
-- What was erased at the source goes here as well, from items and from the record of their events.
WITH erased AS (
    SELECT f.item_number FROM task_fact f JOIN (
        SELECT item_id FROM staging WHERE event_type = 'personalDataErased'
        UNION SELECT g.id::uuid FROM staging s, jsonb_array_elements_text(s.body -> 'items') AS g(id) WHERE s.event_type = 'contactErased'
    ) x ON x.item_id = f.item_id
), events AS (
    UPDATE task_event_fact e SET changes = e.changes - $1::text[] FROM erased x WHERE e.item_number = x.item_number AND e.changes ?| $1
)
UPDATE task_fact f SET {no_custom} FROM erased x WHERE f.item_number = x.item_number;

-- name: months
-- The parts of the record of events: from when up to when.
SELECT greatest(from_at, '0001-01-01 00:00:00+00') AS from_at, to_at FROM event_month;

-- name: make_month
-- Makes the part in which an instant lies.
SELECT make_event_month($1::timestamptz);

-- name: members
-- Members of dimensions that the batch tells of.
INSERT INTO dimension_member AS m (kind, id, detail, n)
SELECT t.kind, t.id, t.detail, count(*)
FROM staging s CROSS JOIN LATERAL told_members(s.body -> 'set') t
WHERE s.item_number IS NOT NULL AND s.body -> 'set' ?| '{capture_point,media_type,channel,ext}'
GROUP BY 1, 2, 3
ON CONFLICT (kind, id, detail) DO UPDATE SET n = m.n + excluded.n;

-- name: members_back
-- Takes back what events past a point told of; a member of which nothing tells any more goes.
WITH gone AS (
    SELECT t.kind, t.id, t.detail, count(*) AS n
    FROM task_event_fact e CROSS JOIN LATERAL told_members(e.changes) t
    WHERE (e.generation, e.pos) > ($1, $2) AND e.item_number IS NOT NULL AND e.changes ?| '{capture_point,media_type,channel,ext}'
    GROUP BY 1, 2, 3
), fewer AS (
    UPDATE dimension_member m SET n = m.n - g.n FROM gone g WHERE (m.kind, m.id, m.detail) = (g.kind, g.id, g.detail) AND m.n > g.n
)
DELETE FROM dimension_member m USING gone g WHERE (m.kind, m.id, m.detail) = (g.kind, g.id, g.detail) AND m.n <= g.n;

-- name: again
-- Items whose first new event is not later than the beginning of their present state: folded again from all their events. What is later
-- than everything that is loaded is later than that.
INSERT INTO refold
SELECT t.item_number
FROM (
    SELECT item_number, min(at) AS first_at FROM staging
    WHERE item_number IS NOT NULL AND at <= (SELECT as_of FROM mart_state) GROUP BY item_number
) t
JOIN task_fact f USING (item_number)
JOIN task_state_fact s ON s.item_number = t.item_number AND s.to_at IS NULL
WHERE s.from_at >= greatest(t.first_at, f.last_event_at)
    AND EXISTS (SELECT FROM task_event_fact e WHERE e.item_number = t.item_number AND e.revision = 1);

-- name: chain
-- Records the batch, and lays out each touched item's events in order with the state that each of them leaves.
WITH added AS (
    INSERT INTO task_event_fact
    SELECT generation, pos, at, event_type, actor, item_number, item_id, revision, subject_id, body ->> 'from', body ->> 'to',
        body ->> 'reason', body -> 'offer' ->> 'agent', body -> 'offer' ->> 'outcome', body -> 'assignmentStarted' ->> 'agent',
        body -> 'assignmentStarted' ->> 'how', body -> 'assignment' ->> 'agent', body -> 'assignment' ->> 'outcome',
        body -> 'assignment' ->> 'queue', (body -> 'assignment' ->> 'startedAt')::timestamptz,
        (body -> 'assignment' ->> 'wrapUpSeconds')::int,
        CASE WHEN item_number IS NULL THEN coalesce(body -> 'states', body -> 'waiting', '{}')
            ELSE coalesce(body -> 'set', '{}') - $1::text[]
                || CASE WHEN body ? 'offer' OR body ? 'assignmentStarted' THEN {granted} ELSE '{}' END
                || CASE WHEN personal IS NULL THEN '{}' ELSE coalesce(
                (SELECT jsonb_object_agg('c' || m.slot, personal #> ARRAY['data', m.attribute]) FROM etl_custom_map m
                WHERE personal #> ARRAY['data', m.attribute] IS NOT NULL), '{}') END END,
        (body -> 'assignment' ->> 'focusSeconds')::int
    FROM staging
    RETURNING item_number, item_id, revision, at, event_type, changes, {event_columns}
), events AS (
    SELECT item_number, item_id, revision, false AS seed, at, event_type, changes, {event_columns}, {told_fields}, {no_seed}
    FROM added WHERE item_number IS NOT NULL
    UNION ALL
    SELECT item_number, item_id, revision, false, at, event_type, changes, {event_columns}, {told_fields}, {no_seed}
    FROM refold JOIN task_event_fact USING (item_number)
    UNION ALL
    SELECT f.item_number, f.item_id, f.revision, true, f.last_event_at, NULL, NULL, {no_event}, {seed_fields}, {seed}
    FROM (SELECT DISTINCT item_number FROM staging WHERE item_number IS NOT NULL) t
    JOIN task_fact f USING (item_number)
    WHERE NOT EXISTS (SELECT FROM refold r WHERE r.item_number = f.item_number)
)
{laid_out};

-- name: chain_again
-- Lays out all events of the items that are folded again.
WITH events AS (
    SELECT item_number, item_id, revision, false AS seed, at, event_type, changes, {event_columns}, {told_fields}, {no_seed}
    FROM refold JOIN task_event_fact USING (item_number)
)
{laid_out};

-- name: laid_out
-- The common part of the two: state after each event, and what has run up to it. Instants that the state holds stay text until one of them
-- is needed: most are told once and would be read once per event.
, folded AS (
    SELECT item_number, item_id, revision, seed, max(at) OVER w AS at, event_type, changes, {event_columns}, {told_so_far}, {seed_names}
    FROM events WINDOW w AS (PARTITION BY item_number ORDER BY revision ROWS UNBOUNDED PRECEDING)
), typed AS (
    SELECT item_number, item_id, revision, seed, at, event_type, changes, {event_columns}, {seed_names},
        coalesce(status, 'new') AS status, coalesce(category_id, '') AS category_id, coalesce(queue_id, '') AS queue_id, capture_point,
        coalesce(media_type, 'workitem') AS media_type, coalesce(segment, '') AS segment, coalesce(product_type, '') AS product_type,
        coalesce(business_value::int, 0) AS business_value, due, created, received, source_created, granted::int AS granted_priority,
        micros(ended_started_at, at) AS ended_work_us, coalesce(wrap_up_seconds, 0) * 1000000::bigint AS wrap_us
    FROM folded
    WHERE received IS NOT NULL
), before AS (
    SELECT *, status NOT IN ('completed', 'canceled', 'rejected') AS is_open, lag(status) OVER w AS prev_status,
        lag(queue_id) OVER w AS prev_queue, lag(category_id) OVER w AS prev_category, lead(revision) OVER w IS NULL AS is_last
    FROM typed WINDOW w AS (PARTITION BY item_number ORDER BY revision)
), running AS (
    SELECT *,
        max(CASE WHEN seed THEN seed_queue_since WHEN status = 'queued' AND (prev_status IS DISTINCT FROM 'queued' OR queue_id <> prev_queue)
            THEN at END) OVER w AS queue_since,
        min(CASE WHEN seed THEN seed_first_queued_at WHEN status = 'queued' THEN at END) OVER w AS first_queued_at,
        min(CASE WHEN seed THEN seed_first_assigned_at WHEN assigned_agent IS NOT NULL THEN at END) OVER w AS first_assigned_at,
        sum(CASE WHEN seed THEN (seed_first_queued_at IS NOT NULL)::int WHEN status = 'queued' THEN 1 END) OVER w AS times_queued,
        total(CASE WHEN seed THEN seed_assignments WHEN assigned_agent IS NOT NULL THEN 1 ELSE 0 END) OVER w AS assignments,
        total(CASE WHEN seed THEN seed_work_us WHEN ended_agent IS NOT NULL THEN ended_work_us ELSE 0 END) OVER w AS work_us,
        total(CASE WHEN seed THEN seed_wrap_up_us WHEN ended_agent IS NOT NULL THEN wrap_us ELSE 0 END) OVER w AS wrap_up_us
    FROM before WINDOW w AS (PARTITION BY item_number ORDER BY revision ROWS UNBOUNDED PRECEDING)
)
INSERT INTO chain
SELECT item_number, at, revision, seed, is_open, is_last, NOT seed AND status = 'queued' AND times_queued = 1,
    NOT seed AND NOT is_open AND coalesce(prev_status, 'new') NOT IN ('completed', 'canceled', 'rejected'),
    offer_agent, assigned_agent, ended_agent, category_id, queue_id, status, prev_status, prev_category, capture_point, media_type,
    segment, product_type, value_range(business_value), business_value, assignments, queue_since, first_queued_at, first_assigned_at,
    work_us, wrap_up_us, seed_finished_work_us, received, created, due, source_created, event_type, offer_outcome, ended_outcome,
    ended_queue, ended_started_at, ended_work_us, wrap_us, focus_seconds * 1000000::bigint,
    CASE WHEN assigned_agent IS NOT NULL THEN
        priority_range(CASE WHEN offer_outcome = 'accepted' OR changes ? 'granted_priority' THEN granted_priority END) END,
    granted_priority, item_id, changes
FROM running

-- name: stretches
-- From the chain the stretches of open life; what lasted no time at all belongs to what followed at the same instant. The handle time of a
-- stretch that a finish ends is what was worked since the finish before.
INSERT INTO stretch
WITH kept AS (
    SELECT * FROM (
        SELECT item_number, revision, seed, at, is_open, status, CASE WHEN status IN ('held', 'errorheld') THEN status ELSE 'open' END AS state,
            {cell}, concat_ws(E'\x1f', {cell}) AS cell, business_value, due, created, received, source_created, first_assigned_at,
            work_us + wrap_up_us AS worked_us, CASE WHEN seed THEN finished_us WHEN finishes THEN work_us + wrap_up_us END AS finished_us,
            lead(at) OVER w AS next_at, lead(is_open) OVER w AS next_open
        FROM chain WINDOW w AS (PARTITION BY item_number ORDER BY revision)
    ) c
    WHERE seed OR NOT (is_open AND coalesce(next_open, false) AND next_at = at)
), compared AS (
    SELECT *, lag(is_open) OVER w AS was_open, lag(cell) OVER w AS was_cell, lag(state) OVER w AS was_state, lag(due) OVER w AS was_due
    FROM kept WINDOW w AS (PARTITION BY item_number ORDER BY revision)
), turning AS (
    SELECT * FROM compared
    WHERE seed OR was_open IS NULL OR is_open <> was_open
        OR (is_open AND (cell <> was_cell OR state <> was_state OR (due IS DISTINCT FROM was_due
            AND nullif(due, '')::timestamptz IS DISTINCT FROM nullif(was_due, '')::timestamptz)))
)
SELECT item_number, revision, seed, at, to_at,
    CASE WHEN was_open IS NULL THEN 'new' WHEN NOT was_open THEN 'reopened' WHEN cell <> was_cell THEN 'moved' ELSE 'changed' END,
    CASE WHEN to_at IS NULL THEN NULL WHEN NOT next_open THEN next_status WHEN next_cell <> cell THEN 'moved' ELSE 'changed' END,
    state, {cell}, nullif(due, '')::timestamptz, created::timestamptz, received::timestamptz, business_value,
    nullif(source_created, '')::timestamptz, next_worked_us - coalesce(finished_before_us, 0), next_first_assigned_at
FROM (
    SELECT item_number, revision, seed, at, is_open, was_open, cell, was_cell, state, {cell}, due, created, received,
        business_value, source_created, lead(at) OVER w AS to_at, lead(is_open) OVER w AS next_open, lead(status) OVER w AS next_status,
        lead(cell) OVER w AS next_cell, lead(worked_us) OVER w AS next_worked_us, max(finished_us) OVER w AS finished_before_us,
        lead(first_assigned_at) OVER w AS next_first_assigned_at
    FROM turning WINDOW w AS (PARTITION BY item_number ORDER BY revision ROWS UNBOUNDED PRECEDING)
) t
WHERE is_open;

-- name: sum_items
-- Adds (or takes back) what the stretches and milestones of the batch are to the quarters of an hour and to the days. Later than all that is
-- loaded there are no rows yet to be added to.
WITH delta AS (
    SELECT quarter(at) AS interval_start, {cell}, 1 AS n, {none_but_start}
    FROM (SELECT from_at AS at, * FROM stretch WHERE NOT seed AND began <> 'changed') x
    UNION ALL
    SELECT quarter(to_at), {cell}, 1, {none_but_end}
    FROM stretch WHERE ended <> 'changed'
    UNION ALL
    SELECT quarter(at), {cell}, 1, {none_but_queued}
    FROM chain WHERE queued_first
    UNION ALL
    SELECT quarter(at), {cell}, 1, {none_but_assigned}
    FROM chain WHERE NOT seed AND assigned_agent IS NOT NULL AND assignments = 1
), summed AS (
    SELECT interval_start, {cell}, {summed} FROM delta GROUP BY interval_start, {cell}
), by_day AS (
    INSERT INTO agg_task_day AS a (day, {cell}, n, {sums})
    SELECT (interval_start AT TIME ZONE (SELECT time_zone FROM mart_state))::date, {cell}, {signed_again}
    FROM summed GROUP BY 1, {cell}
    ON CONFLICT (day, {cell}) DO UPDATE SET {added}
), edge AS (
    SELECT coalesce(quarter(as_of), '-infinity') AS at FROM mart_state
), fresh AS (
    INSERT INTO agg_task_15min (interval_start, {cell}, n, {sums})
    SELECT interval_start, {cell}, {signed} FROM summed WHERE interval_start > (SELECT at FROM edge)
)
INSERT INTO agg_task_15min AS a (interval_start, {cell}, n, {sums})
SELECT interval_start, {cell}, {signed} FROM summed WHERE interval_start <= (SELECT at FROM edge)
ON CONFLICT (interval_start, {cell}) DO UPDATE SET {added};

-- name: sum_agents
-- The same for what agents were offered and did.
WITH delta AS (
    SELECT quarter(at) AS interval_start, offer_agent AS agent_id, queue_id, category_id, 1 AS n, {agent_offer}
    FROM chain WHERE NOT seed AND offer_agent IS NOT NULL
    UNION ALL
    SELECT quarter(at), assigned_agent, queue_id, category_id, 1, {agent_assigned}
    FROM chain WHERE NOT seed AND assigned_agent IS NOT NULL
    UNION ALL
    SELECT quarter(at), ended_agent, coalesce(ended_queue, ''), coalesce(prev_category, ''), 1, {agent_ended}
    FROM chain WHERE NOT seed AND ended_agent IS NOT NULL
    UNION ALL
    SELECT q, ended_agent, coalesce(ended_queue, ''), coalesce(prev_category, ''), 1, {agent_worked}
    FROM (SELECT * FROM chain WHERE NOT seed AND ended_agent IS NOT NULL AND ended_work_us > 0) c
    CROSS JOIN LATERAL generate_series(quarter(ended_started_at), quarter(at - interval '1 microsecond'), interval '15 minutes') q
), summed AS (
    SELECT interval_start, agent_id, queue_id, category_id, {agent_summed} FROM delta GROUP BY interval_start, agent_id, queue_id, category_id
), by_day AS (
    INSERT INTO agg_agent_day AS a (day, agent_id, queue_id, category_id, n, {agent_sums})
    SELECT (interval_start AT TIME ZONE (SELECT time_zone FROM mart_state))::date, agent_id, queue_id, category_id, {agent_signed_again}
    FROM summed GROUP BY 1, 2, 3, 4
    ON CONFLICT (day, agent_id, queue_id, category_id) DO UPDATE SET {agent_added}
), edge AS (
    SELECT coalesce(quarter(as_of), '-infinity') AS at FROM mart_state
), fresh AS (
    INSERT INTO agg_agent_15min (interval_start, agent_id, queue_id, category_id, n, {agent_sums})
    SELECT interval_start, agent_id, queue_id, category_id, {agent_signed} FROM summed WHERE interval_start > (SELECT at FROM edge)
)
INSERT INTO agg_agent_15min AS a (interval_start, agent_id, queue_id, category_id, n, {agent_sums})
SELECT interval_start, agent_id, queue_id, category_id, {agent_signed} FROM summed WHERE interval_start <= (SELECT at FROM edge)
ON CONFLICT (interval_start, agent_id, queue_id, category_id) DO UPDATE SET {agent_added};

-- name: sum_queues
-- The same for waits that an assignment ended, by the range of the priority that the item was given with.
WITH summed AS (
    SELECT quarter(at) AS interval_start, queue_id, priority_range, {queue_waits}
    FROM chain WHERE NOT seed AND assigned_agent IS NOT NULL AND prev_status = 'queued' AND queue_since IS NOT NULL
    GROUP BY 1, 2, 3
), by_day AS (
    INSERT INTO agg_queue_day AS a (day, queue_id, priority_range, n, {queue_sums})
    SELECT (interval_start AT TIME ZONE (SELECT time_zone FROM mart_state))::date, queue_id, priority_range, {queue_signed_again}
    FROM summed GROUP BY 1, 2, 3
    ON CONFLICT (day, queue_id, priority_range) DO UPDATE SET {queue_added}
)
INSERT INTO agg_queue_15min AS a (interval_start, queue_id, priority_range, n, {queue_sums})
SELECT interval_start, queue_id, priority_range, {queue_signed} FROM summed
ON CONFLICT (interval_start, queue_id, priority_range) DO UPDATE SET {queue_added};

-- name: write_states
-- Ends the stretches that were open before the batch, and adds those that it began.
WITH ended AS (
    UPDATE task_state_fact f SET to_at = s.to_at, ended = s.ended
    FROM stretch s WHERE s.seed AND s.to_at IS NOT NULL AND f.item_number = s.item_number AND f.to_at IS NULL
)
INSERT INTO task_state_fact (item_number, revision, from_at, to_at, began, ended, state, {cell}, due_at, created_at)
SELECT item_number, revision, from_at, to_at, began, ended, state, {cell}, due_at, created_at FROM stretch WHERE NOT seed;

-- name: write_work
-- Assignments that ended, and waits that an assignment ended.
WITH waited AS (
    INSERT INTO task_wait_fact
    SELECT item_number, revision, assigned_agent, queue_id, category_id, queue_since, at, micros(queue_since, at), assignments,
        priority_range
    FROM chain WHERE NOT seed AND assigned_agent IS NOT NULL AND prev_status = 'queued' AND queue_since IS NOT NULL
)
INSERT INTO task_work_fact
SELECT item_number, revision, ended_agent, coalesce(ended_queue, ''), coalesce(prev_category, ''), media_type, ended_started_at, at,
    ended_outcome, ended_work_us, wrap_us, ended_focus_us
FROM chain WHERE NOT seed AND ended_agent IS NOT NULL AND ended_work_us IS NOT NULL;

-- name: write_items
-- Each touched item as its last event leaves it: a known one is changed, another one added.
WITH item AS (
    SELECT item_number, bool_or(seed) AS known, {told_last},
        min(at) FILTER (WHERE finishes) AS first_finished_at, max(at) FILTER (WHERE finishes) AS last_finished_at,
        max(work_us + wrap_up_us) FILTER (WHERE finishes) AS finished_work_us,
        count(*) FILTER (WHERE is_open AND prev_status IN ('completed', 'canceled', 'rejected'))::int AS reopened,
        count(*) FILTER (WHERE event_type = 'offered')::int AS offers, count(*) FILTER (WHERE offer_outcome = 'declined')::int AS declines,
        count(*) FILTER (WHERE status = 'held' AND prev_status <> 'held')::int AS holds,
        total(ended_focus_us) FILTER (WHERE ended_agent IS NOT NULL) AS focus_us,
        max(at) FILTER (WHERE event_type = 'deleted') AS deleted_at
    FROM (SELECT * FROM chain ORDER BY item_number, revision) c GROUP BY item_number
), changed AS (
    UPDATE task_fact f SET {last_set}, {told_set},
        first_finished_at = least(f.first_finished_at, g.first_finished_at),
        last_finished_at = greatest(f.last_finished_at, g.last_finished_at), deleted_at = greatest(f.deleted_at, g.deleted_at),
        finished_work_us = greatest(f.finished_work_us, g.finished_work_us), reopened = f.reopened + g.reopened,
        offers = f.offers + g.offers, declines = f.declines + g.declines, holds = f.holds + g.holds, focus_us = f.focus_us + g.focus_us
    FROM item g JOIN chain l ON l.item_number = g.item_number AND l.is_last
    WHERE g.known AND f.item_number = g.item_number
)
INSERT INTO task_fact (item_number, item_id, {last_columns}, {told_columns}, first_finished_at, last_finished_at, deleted_at, finished_work_us,
    reopened, offers, declines, holds, focus_us)
SELECT g.item_number, l.item_id, {last_values}, {told_values}, g.first_finished_at, g.last_finished_at, g.deleted_at,
    coalesce(g.finished_work_us, 0), g.reopened, g.offers, g.declines, g.holds, g.focus_us
FROM item g JOIN chain l ON l.item_number = g.item_number AND l.is_last
WHERE NOT g.known;

-- name: take_back
-- Removes the facts of the items that are folded again; their sums have been taken back before.
WITH states AS (DELETE FROM task_state_fact f USING refold r WHERE f.item_number = r.item_number),
    work AS (DELETE FROM task_work_fact f USING refold r WHERE f.item_number = r.item_number),
    waits AS (DELETE FROM task_wait_fact f USING refold r WHERE f.item_number = r.item_number)
DELETE FROM task_fact f USING refold r WHERE f.item_number = r.item_number;

-- name: clear_chain
-- Makes room for laying out again.
TRUNCATE chain, stretch;

-- name: remove_empty
-- Rows of sums of which everything has been taken back; none lies before the earliest stretch that was.
WITH edge AS (
    SELECT coalesce(dirty_from, '-infinity') AS at, coalesce((dirty_from AT TIME ZONE time_zone)::date, '-infinity') AS day FROM mart_state
), d AS (DELETE FROM agg_task_day USING edge e WHERE agg_task_day.day >= e.day AND n = 0),
    q AS (DELETE FROM agg_task_15min USING edge e WHERE interval_start >= e.at AND n = 0),
    ad AS (DELETE FROM agg_agent_day USING edge e WHERE agg_agent_day.day >= e.day AND n = 0),
    qd AS (DELETE FROM agg_queue_day USING edge e WHERE agg_queue_day.day >= e.day AND n = 0),
    qq AS (DELETE FROM agg_queue_15min USING edge e WHERE interval_start >= e.at AND n = 0)
DELETE FROM agg_agent_15min USING edge e WHERE interval_start >= e.at AND n = 0;

-- name: withdraw
-- The events past a point that another generation of the log no longer has; whom and what they are of is folded again.
WITH gone AS (
    DELETE FROM task_event_fact WHERE (generation, pos) > ($1, $2) RETURNING item_number, event_type, subject_id, at
), samples AS (
    INSERT INTO resample SELECT DISTINCT sampled_interval(at) FROM gone WHERE event_type = 'backlogSampled'
), agents AS (
    INSERT INTO refold_agent SELECT DISTINCT subject_id FROM gone WHERE event_type = 'agentStateChanged'
), names AS (
    DELETE FROM dimension d USING gone g
    WHERE g.event_type = 'agentChanged' AND d.kind = 'agent' AND d.id = g.subject_id AND d.valid_from = g.at
)
SELECT array_agg(DISTINCT item_number) FILTER (WHERE item_number IS NOT NULL) FROM gone;

-- name: touched_after
-- The items that have events past a point.
INSERT INTO refold
SELECT DISTINCT item_number FROM task_event_fact WHERE (generation, pos) > ($1, $2) AND item_number IS NOT NULL;

-- name: agent_states
-- Stretches of agents' states per media type, from the batch and from what was open before; logging out ends them.
INSERT INTO agent_stretch
WITH news AS (
    SELECT e.subject_id AS agent_id, e.generation, e.pos, e.at, e.body -> 'states' AS states
    FROM staging e WHERE e.event_type = 'agentStateChanged' AND NOT EXISTS (SELECT FROM refold_agent r WHERE r.agent_id = e.subject_id)
    UNION ALL
    SELECT e.subject_id, e.generation, e.pos, e.at, e.changes FROM task_event_fact e
    JOIN refold_agent r ON r.agent_id = e.subject_id AND e.event_type = 'agentStateChanged'
), known AS (
    SELECT f.* FROM agent_state_fact f
    WHERE f.ended_at IS NULL AND f.agent_id IN (SELECT agent_id FROM news) AND f.agent_id NOT IN (SELECT agent_id FROM refold_agent)
), numbered AS (
    SELECT agent_id, row_number() OVER w AS seq, states,
        greatest(max(at) OVER w, (SELECT max(started_at) FROM known k WHERE k.agent_id = news.agent_id)) AS at
    FROM news WINDOW w AS (PARTITION BY agent_id ORDER BY generation, pos)
), exploded AS (
    SELECT agent_id, 0::bigint AS seq, started_at AS at, media_type, state, reason FROM known
    UNION ALL
    SELECT agent_id, seq, at, m.key, m.value ->> 'state', coalesce(m.value ->> 'reason', '')
    FROM numbered CROSS JOIN LATERAL jsonb_each(states) m WHERE m.value ->> 'state' <> 'loggedOut'
), marked AS (
    SELECT *, seq = 0 OR lag(seq) OVER w IS DISTINCT FROM seq - 1 OR (lag(state) OVER w, lag(reason) OVER w) IS DISTINCT FROM (state, reason) AS starts
    FROM exploded WINDOW w AS (PARTITION BY agent_id, media_type ORDER BY seq)
), islands AS (
    SELECT *, count(*) FILTER (WHERE starts) OVER (PARTITION BY agent_id, media_type ORDER BY seq) AS island FROM marked
), spans AS (
    SELECT agent_id, media_type, min(seq) AS first_seq, max(seq) AS last_seq, min(at) AS started_at, min(state) AS state, min(reason) AS reason
    FROM islands GROUP BY agent_id, media_type, island
)
SELECT s.agent_id, s.media_type, s.started_at, n.at, s.state, s.reason
FROM spans s LEFT JOIN numbered n ON n.agent_id = s.agent_id AND n.seq = s.last_seq + 1
WHERE n.at IS NULL OR n.at > s.started_at;

-- name: replace_agent_states
-- The open stretches of those agents make room for what was laid out anew.
DELETE FROM agent_state_fact f
WHERE f.agent_id IN (SELECT agent_id FROM refold_agent)
    OR (f.ended_at IS NULL AND f.agent_id IN (SELECT subject_id FROM staging WHERE event_type = 'agentStateChanged'));

-- name: write_agent_states
-- The laid out stretches of agents' states.
INSERT INTO agent_state_fact (agent_id, media_type, started_at, ended_at, state, reason) SELECT * FROM agent_stretch;

-- name: samples
-- The intervals of the batch's samples of the backlog.
INSERT INTO resample SELECT DISTINCT sampled_interval(at) FROM staging WHERE event_type = 'backlogSampled' ON CONFLICT DO NOTHING;

-- name: remove_samples
-- What was told of these intervals before.
WITH samples AS (DELETE FROM queue_sample s USING resample r WHERE s.interval_start = r.interval_start)
DELETE FROM agg_queue_priority_15min a USING resample r WHERE a.interval_start = r.interval_start;

-- name: write_samples
-- The last sample of each of these intervals; an empty backlog is one without lines.
WITH latest AS (
    SELECT DISTINCT ON (r.interval_start) r.interval_start, e.at, e.changes
    FROM resample r JOIN task_event_fact e ON e.event_type = 'backlogSampled'
        AND e.at >= r.interval_start + interval '1 minute' AND e.at < r.interval_start + interval '16 minutes'
    ORDER BY r.interval_start, e.generation DESC, e.pos DESC
), samples AS (
    INSERT INTO queue_sample SELECT interval_start, at FROM latest
)
INSERT INTO agg_queue_priority_15min
SELECT l.interval_start, q.key, p.key, p.value::bigint
FROM latest l CROSS JOIN LATERAL jsonb_each(l.changes) q CROSS JOIN LATERAL jsonb_each_text(q.value) p;

-- name: advance
-- The watermark, in the transaction of what it stands for; from where levels are to be made again.
UPDATE mart_state SET generation = $1, pos = $2,
    as_of = greatest(as_of, (SELECT max(at) FROM staging)),
    dirty_from = least(dirty_from, (SELECT min(quarter(least(from_at, coalesce(to_at, from_at)))) FROM stretch WHERE NOT seed),
        (SELECT min(quarter(to_at)) FROM stretch WHERE seed AND to_at IS NOT NULL));

-- name: latest_again
-- The latest event after some were taken back; those that retention has removed are in the sums.
UPDATE mart_state SET as_of = greatest((SELECT max(at) FROM task_event_fact), (SELECT max(interval_start) FROM agg_task_15min),
    (SELECT max(interval_start) FROM agg_agent_15min));

-- name: dirty
-- Levels from the earliest instant of the laid out stretches and assignments on are to be made again (before they are taken back).
UPDATE mart_state SET dirty_from = least(dirty_from, (SELECT min(quarter(from_at)) FROM stretch),
    (SELECT min(quarter(ended_started_at)) FROM chain));

-- name: state
-- How far the mart is.
SELECT * FROM mart_state;

-- name: lock
-- One run at a time; the second leaves at once.
SELECT pg_try_advisory_lock(7310984513);

-- name: unlock
-- The run is over.
SELECT pg_advisory_unlock(7310984513);

-- name: empty
-- A rebuild: everything that comes from the log goes, audit, mapping and names stay.
TRUNCATE task_event_fact, task_fact, task_state_fact, task_work_fact, task_wait_fact, agent_state_fact, agg_task_15min, agg_task_day,
    agg_agent_15min, agg_agent_day, agg_queue_15min, agg_queue_day, agg_task_level_15min, queue_sample, agg_queue_priority_15min,
    agg_agent_state_day, agg_agent_presence_day, dimension_member, balance_finding;

-- name: begin_again
-- The watermark of an empty mart.
UPDATE mart_state SET generation = 0, pos = 0, as_of = NULL, levels_to = NULL, dirty_from = NULL, balanced = NULL, balance_detail = NULL,
    closed_to = NULL, kept_from = NULL, summed_to = NULL;
