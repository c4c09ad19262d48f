-- Events by month, so that retention drops months. Members of dimensions, agents' names with history, days of agents that outlive
-- their stretches, and an audit that is read without reading all of it.

-- What was there stays together as the first part, found and attached without being copied: one reading checks that it fits.
ALTER TABLE task_event_fact RENAME TO task_event_fact_before;
ALTER INDEX task_event_fact_pkey RENAME TO task_event_fact_before_pkey;
ALTER INDEX task_event_item RENAME TO task_event_fact_before_item;
ALTER INDEX task_event_agent RENAME TO task_event_fact_before_agent;
ALTER INDEX task_event_sample RENAME TO task_event_fact_before_sample;
CREATE TABLE task_event_fact (LIKE task_event_fact_before INCLUDING DEFAULTS) PARTITION BY RANGE (at);
CREATE INDEX task_event_item ON task_event_fact (item_number, revision) WHERE item_number IS NOT NULL;
CREATE INDEX task_event_agent ON task_event_fact (subject_id, generation, pos) WHERE event_type = 'agentStateChanged';
CREATE INDEX task_event_sample ON task_event_fact (at) WHERE event_type = 'backlogSampled';

-- The parts that are there, each from its first instant up to one that is not in it.
CREATE TABLE event_month (
    name text PRIMARY KEY,
    from_at timestamptz NOT NULL,              -- -infinity: what was there before there were months
    to_at timestamptz NOT NULL
);

-- Makes the month of an instant where none of the parts holds it. Attached, not created in place: that stops no reader. The place of
-- an event in the log is unique in each part; it cannot be loaded twice, as the watermark moves in the transaction that loads it.
CREATE FUNCTION make_event_month(p_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_month timestamp := date_trunc('month', p_at AT TIME ZONE 'UTC');
    v_from timestamptz := v_month AT TIME ZONE 'UTC';
    v_to timestamptz := (v_month + interval '1 month') AT TIME ZONE 'UTC';
    v_name text := 'task_event_fact_' || to_char(v_month, 'YYYY_MM');
BEGIN
    IF EXISTS (SELECT FROM event_month m WHERE m.from_at <= p_at AND p_at < m.to_at) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE task_event_fact INCLUDING DEFAULTS, PRIMARY KEY (generation, pos))', v_name);
    EXECUTE format('ALTER TABLE task_event_fact ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', v_name, v_from, v_to);
    INSERT INTO event_month VALUES (v_name, v_from, v_to);
END $$;

-- Retention of events: of each month that lies wholly before the instant, what is of items that are open or have finished since stays. A
-- month of which nothing stays is dropped; one of which little stays is written anew, which leaves nothing to be vacuumed. What was there
-- before there were months loses its rows one by one. A month that somebody reads just now waits for the next time.
CREATE FUNCTION keep_events(p_before timestamptz) RETURNS bigint LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
    v_month event_month;
    v_stays CONSTANT text := 'EXISTS (SELECT FROM task_fact f WHERE f.item_number = e.item_number'
        ' AND (f.status NOT IN (''completed'', ''canceled'', ''rejected'') OR f.last_finished_at >= $1))';
    v_left bigint;
    v_gone bigint;
    v_total bigint := 0;
BEGIN
    FOR v_month IN SELECT * FROM event_month WHERE to_at <= p_before OR from_at = '-infinity' ORDER BY from_at LOOP
        BEGIN
            IF v_month.to_at > p_before THEN
                EXECUTE format('DELETE FROM %I e WHERE (item_number IS NOT NULL OR at < $1) AND NOT %s', v_month.name, v_stays)
                    USING p_before;
                GET DIAGNOSTICS v_gone = ROW_COUNT;
                v_total := v_total + v_gone;
                CONTINUE;
            END IF;
            EXECUTE format('SELECT count(*) FILTER (WHERE %s), count(*) FROM %I e', v_stays, v_month.name)
                INTO v_left, v_gone USING p_before;
            v_gone := v_gone - v_left;
            IF v_left = 0 THEN
                EXECUTE format('DROP TABLE %I', v_month.name);
                DELETE FROM event_month WHERE name = v_month.name;
            ELSIF v_gone > v_left THEN
                EXECUTE format('CREATE TEMP TABLE staying AS SELECT e.* FROM %I e WHERE %s', v_month.name, v_stays) USING p_before;
                EXECUTE format('TRUNCATE %I', v_month.name);
                EXECUTE format('INSERT INTO %I SELECT * FROM staying', v_month.name);
                DROP TABLE staying;
            ELSIF v_gone > 0 THEN
                EXECUTE format('DELETE FROM %I e WHERE NOT %s', v_month.name, v_stays) USING p_before;
            END IF;
            v_total := v_total + v_gone;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
    END LOOP;
    RETURN v_total;
END $$;

-- Two months ahead, so that a process of the version before finds a place for what it loads.
DO $$
DECLARE
    v_latest timestamptz := greatest(now(), (SELECT as_of FROM mart_state));
    v_end timestamptz := (date_trunc('month', v_latest AT TIME ZONE 'UTC') + interval '2 months') AT TIME ZONE 'UTC';
BEGIN
    IF EXISTS (SELECT FROM task_event_fact_before) THEN
        EXECUTE format('ALTER TABLE task_event_fact ATTACH PARTITION task_event_fact_before FOR VALUES FROM (MINVALUE) TO (%L)', v_end);
        INSERT INTO event_month VALUES ('task_event_fact_before', '-infinity', v_end);
    ELSE
        DROP VIEW IF EXISTS iwd_task_event_fact;
        DROP TABLE task_event_fact_before;
        PERFORM make_event_month(v_latest);
        PERFORM make_event_month(v_end - interval '1 second');
    END IF;
END $$;

-- Members of dimensions that items bring, with the number of events that told of each.
CREATE TABLE dimension_member (
    kind text NOT NULL,                        -- capture_point | media_type | channel | segment | product | result_code | …
    id text NOT NULL,
    detail text NOT NULL,                      -- subtype, where the dimension has two levels
    n bigint NOT NULL,
    PRIMARY KEY (kind, id, detail)
);
-- What a change of an item says of them. An item that comes without a media type is a work item.
CREATE FUNCTION told_members(p_changes jsonb) RETURNS TABLE (kind text, id text, detail text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 8 AS $$
    SELECT v.kind, coalesce(v.id, ''), coalesce(v.detail, '')
    FROM (VALUES ('capture_point', p_changes ->> 'capture_point', ''),
        ('media_type', coalesce(p_changes ->> 'media_type', CASE WHEN p_changes ? 'received_at' THEN 'workitem' END), ''),
        ('channel', p_changes ->> 'channel', ''),
        ('segment', p_changes #>> '{ext,customerSegment}', ''),
        ('product', p_changes #>> '{ext,productType}', p_changes #>> '{ext,productSubtype}'),
        ('result_code', p_changes #>> '{ext,resultCode}', ''),
        ('source_process', p_changes #>> '{ext,sourceProcessType}', p_changes #>> '{ext,sourceProcessSubtype}'),
        ('source_tenant', p_changes #>> '{ext,sourceTenant}', '')) v(kind, id, detail)
    WHERE v.id <> '' OR v.detail <> ''
$$;
INSERT INTO dimension_member
SELECT m.kind, m.id, m.detail, count(*)
FROM task_event_fact e CROSS JOIN LATERAL told_members(e.changes) m
WHERE e.item_number IS NOT NULL AND e.changes ?| '{capture_point,media_type,channel,ext}'
GROUP BY 1, 2, 3;
-- Of items whose events are past their retention.
INSERT INTO dimension_member
SELECT DISTINCT m.kind, m.id, m.detail, 1
FROM task_fact f CROSS JOIN LATERAL told_members(jsonb_build_object('capture_point', f.capture_point, 'media_type', f.media_type,
    'channel', f.channel, 'ext', f.ext)) m
UNION
SELECT DISTINCT m.kind, m.id, '', 1
FROM agg_task_day a CROSS JOIN LATERAL (VALUES ('capture_point', a.capture_point), ('media_type', a.media_type),
    ('segment', a.segment)) m(kind, id)
WHERE m.id <> ''
ON CONFLICT DO NOTHING;

-- Days of agents whose stretches are past their retention: the other days are made of the stretches.
CREATE TABLE agg_agent_state_day (
    day date NOT NULL,
    agent_id text NOT NULL,
    media_type text NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    duration_us bigint NOT NULL,
    PRIMARY KEY (day, agent_id, media_type, state, reason)
);
CREATE TABLE agg_agent_presence_day (
    day date NOT NULL,
    agent_id text NOT NULL,
    logged_in_us bigint NOT NULL,
    ready_us bigint NOT NULL,
    not_ready_us bigint NOT NULL,
    after_work_us bigint NOT NULL,
    busy_us bigint NOT NULL,
    available_us bigint NOT NULL,
    PRIMARY KEY (day, agent_id)
);
ALTER TABLE mart_state
    ADD COLUMN summed_to date,                 -- days before this one are in balance_sum; null: none are
    ADD COLUMN kept_from timestamptz,          -- from here on quarters of an hour and stretches are whole; null: from the beginning
    ADD COLUMN names_generation int NOT NULL DEFAULT 0,
    ADD COLUMN names_pos bigint NOT NULL DEFAULT 0;         -- names of agents are known up to this place of the log

-- The later one of two values: with it `told` is, in the order of an item's events, what was told last of a field.
CREATE FUNCTION later(p_before anyelement, p_told anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ BEGIN RETURN p_told; END $$;
CREATE AGGREGATE told (anyelement) (SFUNC = later, STYPE = anyelement, PARALLEL = SAFE);

-- What the closed days say of each place: came less went. The balance of a run in between adds the open days to it.
CREATE TABLE balance_sum (
    category_id text NOT NULL,
    queue_id text NOT NULL,
    net bigint NOT NULL,
    PRIMARY KEY (category_id, queue_id)
);

-- A sum of whole numbers that is one: `sum` of them goes by way of decimals.
CREATE AGGREGATE total (bigint) (SFUNC = int8pl, STYPE = bigint, INITCOND = '0', PARALLEL = SAFE);

-- The same whole number as before, without decimal arithmetic: a double tells microseconds apart over more than a hundred years.
CREATE OR REPLACE FUNCTION micros(p_from timestamptz, p_to timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (date_part('epoch', p_to - p_from) * 1000000)::bigint;

-- Runs of years are not read any more to count what was loaded, or to find what was lost.
CREATE INDEX etl_audit_parent ON etl_audit (parent) WHERE parent IS NOT NULL;
CREATE INDEX etl_audit_running ON etl_audit (run) WHERE status = 'running';
DELETE FROM etl_stats_general WHERE name IN ('events', 'avg_events', 'max_events');

-- Rows of sums are added to again and again: room beside them keeps that out of their indexes.
ALTER TABLE agg_task_15min SET (fillfactor = 80);
ALTER TABLE agg_task_day SET (fillfactor = 70);
ALTER TABLE agg_agent_15min SET (fillfactor = 80);
ALTER TABLE agg_agent_day SET (fillfactor = 70);
ALTER TABLE agg_queue_15min SET (fillfactor = 80);
ALTER TABLE agg_queue_day SET (fillfactor = 70);

-- Made again from this version's declarations: the one of events would go on reading what was there before.
DROP VIEW IF EXISTS iwd_task_event_fact;
UPDATE view_version SET hash = '';
