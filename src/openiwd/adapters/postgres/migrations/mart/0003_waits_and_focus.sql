-- Waits by range of priority, focus apart from work and wrap-up, closed days, skills of agents. Nothing that was loaded before
-- told of a priority or of focus: those waits stand under the range '', as a rebuild puts them.
CREATE FUNCTION priority_range(p_priority int) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN p_priority < 0 THEN 'below 0' WHEN p_priority < 200 THEN '0 to 200' WHEN p_priority < 400 THEN '200 to 400'
        WHEN p_priority < 600 THEN '400 to 600' WHEN p_priority < 800 THEN '600 to 800' WHEN p_priority < 1000 THEN '800 to 1000'
        WHEN p_priority >= 1000 THEN '1000 and more' ELSE '' END;

ALTER TABLE task_event_fact ADD COLUMN focus_seconds int;
ALTER TABLE task_fact ADD COLUMN granted_priority int, ADD COLUMN focus_us bigint NOT NULL DEFAULT 0;
ALTER TABLE task_work_fact ADD COLUMN focus_us bigint;     -- null: not told
ALTER TABLE task_wait_fact ADD COLUMN priority_range text NOT NULL DEFAULT '';
ALTER TABLE agg_agent_15min ADD COLUMN focus_n bigint NOT NULL DEFAULT 0, ADD COLUMN focus_us numeric NOT NULL DEFAULT 0;
ALTER TABLE agg_agent_day ADD COLUMN focus_n bigint NOT NULL DEFAULT 0, ADD COLUMN focus_us numeric NOT NULL DEFAULT 0;
ALTER TABLE mart_state ADD COLUMN closed_to date;           -- days before this one are closed

CREATE TABLE agg_queue_15min (
    interval_start timestamptz NOT NULL,
    queue_id text NOT NULL,
    priority_range text NOT NULL,
    n bigint NOT NULL,
    first_waits bigint NOT NULL,
    first_wait_us numeric NOT NULL,
    later_waits bigint NOT NULL,
    later_wait_us numeric NOT NULL,
    PRIMARY KEY (interval_start, queue_id, priority_range)
);
CREATE TABLE agg_queue_day (LIKE agg_queue_15min INCLUDING DEFAULTS);
ALTER TABLE agg_queue_day DROP COLUMN interval_start, ADD COLUMN day date NOT NULL, ADD PRIMARY KEY (day, queue_id, priority_range);
INSERT INTO agg_queue_15min
SELECT interval_start, queue_id, '', sum(first_waits + later_waits), sum(first_waits), sum(first_wait_us), sum(later_waits), sum(later_wait_us)
FROM agg_agent_15min WHERE first_waits + later_waits > 0 GROUP BY interval_start, queue_id;
INSERT INTO agg_queue_day (day, queue_id, priority_range, n, first_waits, first_wait_us, later_waits, later_wait_us)
SELECT day, queue_id, '', sum(first_waits + later_waits), sum(first_waits), sum(first_wait_us), sum(later_waits), sum(later_wait_us)
FROM agg_agent_day WHERE first_waits + later_waits > 0 GROUP BY day, queue_id;

CREATE TABLE resource_skill (
    agent_id text NOT NULL,
    skill text NOT NULL,
    skill_level int NOT NULL,
    PRIMARY KEY (agent_id, skill)
);
CREATE TABLE etl_stats_dimensions (dimension text PRIMARY KEY, distinct_n bigint NOT NULL, new_n bigint NOT NULL);

-- Names are read again: targets that were written as durations (`6m`) had been left out.
DELETE FROM dimension;
UPDATE mart_state SET rule_set_version = 0;
