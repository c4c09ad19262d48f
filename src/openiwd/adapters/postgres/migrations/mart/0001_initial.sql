-- Data mart of one tenant: facts per item, event and assignment, 15-minute and day sums, levels, audit. Sums are integers
-- (microseconds); keys are the ids of IWD, never numbers by load order. UTC everywhere; days are of the reporting zone.

-- One row: how far the log is loaded, and what the last balance said.
CREATE TABLE mart_state (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    tenant_id text,
    time_zone text NOT NULL DEFAULT 'UTC',
    generation int NOT NULL DEFAULT 0,
    pos bigint NOT NULL DEFAULT 0,
    as_of timestamptz,                         -- the latest event loaded
    fresh_at timestamptz,                      -- when the end of the log was last reached
    levels_to timestamptz,                     -- levels are there for every quarter of an hour up to here
    dirty_from timestamptz,                    -- levels from here on are to be made again
    rule_set_version int NOT NULL DEFAULT 0,
    balanced boolean,
    balance_detail text
);
INSERT INTO mart_state DEFAULT VALUES;

-- Which declaration of the views is in force; they are made again when it has changed.
CREATE TABLE view_version (one boolean PRIMARY KEY DEFAULT true CHECK (one), hash text NOT NULL DEFAULT '');
INSERT INTO view_version DEFAULT VALUES;

CREATE TABLE etl_audit (
    run bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent bigint REFERENCES etl_audit ON DELETE CASCADE,
    chain text NOT NULL,
    job text NOT NULL,
    status text NOT NULL DEFAULT 'running',    -- running | done | failed | lost
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    rows bigint NOT NULL DEFAULT 0,
    first_event text,
    last_event text,
    watermark text,
    error text
);
CREATE INDEX etl_audit_chain ON etl_audit (chain, run DESC) WHERE parent IS NULL;

CREATE TABLE etl_custom_map (
    slot smallint PRIMARY KEY CHECK (slot BETWEEN 1 AND 10),
    attribute text NOT NULL UNIQUE,
    mapped_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE etl_stats_general (name text PRIMARY KEY, value bigint NOT NULL);
CREATE TABLE database_stats (table_name text PRIMARY KEY, rows bigint NOT NULL, size_bytes bigint NOT NULL);

-- Names of categories and queues with their history: from the rule-set versions, by the instant of their publication.
CREATE TABLE dimension (
    kind text NOT NULL,                        -- category | queue
    id text NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,                      -- null: valid now
    name text NOT NULL,
    path text,
    level int,
    target_handle_seconds int,
    PRIMARY KEY (kind, id, valid_from)
);
CREATE INDEX dimension_now ON dimension (kind, id) WHERE valid_to IS NULL;

CREATE TABLE resource_ (
    agent_id text PRIMARY KEY,
    name text NOT NULL,
    employee_id text,
    active boolean NOT NULL DEFAULT true,
    info_mart_key bigint,
    first_name text,
    last_name text
);

-- Every event of the log, and of its body what the mart uses.
CREATE TABLE task_event_fact (
    generation int NOT NULL,
    pos bigint NOT NULL,
    at timestamptz NOT NULL,
    event_type text NOT NULL,
    actor text NOT NULL,
    item_number bigint,
    item_id uuid,
    revision int,
    subject_id text,
    status_from text,
    status_to text,
    reason text,
    offer_agent text,
    offer_outcome text,
    assigned_agent text,
    assigned_how text,
    ended_agent text,
    ended_outcome text,
    ended_queue text,
    ended_started_at timestamptz,
    wrap_up_seconds int,
    changes jsonb NOT NULL,
    PRIMARY KEY (generation, pos)
);
CREATE INDEX task_event_item ON task_event_fact (item_number, revision) WHERE item_number IS NOT NULL;
CREATE INDEX task_event_agent ON task_event_fact (subject_id, generation, pos) WHERE event_type = 'agentStateChanged';

-- One row per item: as it is, and its milestones.
CREATE TABLE task_fact (
    item_number bigint PRIMARY KEY,
    item_id uuid NOT NULL,
    revision int NOT NULL,
    status text NOT NULL,
    capture_point text NOT NULL,
    capture_id text NOT NULL,
    media_type text NOT NULL,
    channel text,
    category_id text,
    category_path text,
    queue_id text,
    schema_id text,
    rule_set_version int,
    business_value int NOT NULL,
    ext jsonb NOT NULL,
    received_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    activation_at timestamptz,
    due_at timestamptz,
    due_origin text,
    hold_reason text,
    assigned_to text,
    assigned_at timestamptz,
    last_event_at timestamptz NOT NULL,
    queue_since timestamptz,
    first_queued_at timestamptz,
    first_assigned_at timestamptz,
    first_finished_at timestamptz,
    last_finished_at timestamptz,
    deleted_at timestamptz,
    reopened int NOT NULL,
    assignments int NOT NULL,
    offers int NOT NULL,
    declines int NOT NULL,
    holds int NOT NULL,
    work_us bigint NOT NULL,
    wrap_up_us bigint NOT NULL,
    finished_work_us bigint NOT NULL,          -- work and wrap-up up to the last finish
    custom_1 text, custom_2 text, custom_3 text, custom_4 text, custom_5 text,
    custom_6 text, custom_7 text, custom_8 text, custom_9 text, custom_10 text
);
CREATE INDEX task_fact_due ON task_fact (due_at);
CREATE INDEX task_fact_received ON task_fact (received_at);
CREATE INDEX task_fact_finished ON task_fact (last_finished_at);
CREATE INDEX task_fact_open ON task_fact (item_number) WHERE status NOT IN ('completed', 'canceled', 'rejected');

-- A stretch of an open item's life in which category, queue, due date, hold and reporting attributes stay the same.
CREATE TABLE task_state_fact (
    item_number bigint NOT NULL,
    revision int NOT NULL,                     -- of the event that began it
    from_at timestamptz NOT NULL,
    to_at timestamptz,                         -- null: still so
    began text NOT NULL,                       -- new | reopened | moved | changed
    ended text,                                -- completed | canceled | rejected | moved | changed
    state text NOT NULL,                       -- open | held | errorheld
    category_id text NOT NULL,                 -- '' = unclassified
    queue_id text NOT NULL,                    -- '' = no queue
    capture_point text NOT NULL,
    media_type text NOT NULL,
    segment text NOT NULL,
    product_type text NOT NULL,
    value_range text NOT NULL,
    due_at timestamptz,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (item_number, revision)
);
CREATE INDEX task_state_from ON task_state_fact (from_at);
CREATE INDEX task_state_to ON task_state_fact (to_at);

-- One row per assignment that has ended; the one that lasts is in task_fact.
CREATE TABLE task_work_fact (
    item_number bigint NOT NULL,
    revision int NOT NULL,                     -- of the event that ended it
    agent_id text NOT NULL,
    queue_id text NOT NULL,
    category_id text NOT NULL,
    media_type text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    outcome text NOT NULL,
    work_us bigint NOT NULL,
    wrap_up_us bigint NOT NULL,
    PRIMARY KEY (item_number, revision)
);
CREATE INDEX task_work_agent ON task_work_fact (agent_id, ended_at);
CREATE INDEX task_work_ended ON task_work_fact (ended_at);

-- One row per wait in a queue that an assignment ended.
CREATE TABLE task_wait_fact (
    item_number bigint NOT NULL,
    revision int NOT NULL,                     -- of the assignment
    agent_id text NOT NULL,
    queue_id text NOT NULL,
    category_id text NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    wait_us bigint NOT NULL,
    ordinal int NOT NULL,                      -- 1 = the item's first assignment
    PRIMARY KEY (item_number, revision)
);

CREATE TABLE agent_state_fact (
    agent_id text NOT NULL,
    media_type text NOT NULL,                  -- '*' = all without a state of their own
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    state text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (agent_id, media_type, started_at)
);
CREATE INDEX agent_state_open ON agent_state_fact (agent_id) WHERE ended_at IS NULL;

-- What happened in each quarter of an hour. `n` counts what has been added, so that a row that is taken back goes.
CREATE TABLE agg_task_15min (
    interval_start timestamptz NOT NULL,
    category_id text NOT NULL,
    queue_id text NOT NULL,
    capture_point text NOT NULL,
    media_type text NOT NULL,
    segment text NOT NULL,
    product_type text NOT NULL,
    value_range text NOT NULL,
    n bigint NOT NULL,
    new bigint NOT NULL,
    reopened bigint NOT NULL,
    moved_in bigint NOT NULL,
    moved_out bigint NOT NULL,
    completed bigint NOT NULL,
    canceled bigint NOT NULL,
    rejected bigint NOT NULL,
    completed_due bigint NOT NULL,
    completed_in_time bigint NOT NULL,
    finish_us numeric NOT NULL,
    handle_us numeric NOT NULL,
    business_value bigint NOT NULL,
    source_n bigint NOT NULL,
    source_us numeric NOT NULL,
    queued_n bigint NOT NULL,
    queued_us numeric NOT NULL,
    assigned_n bigint NOT NULL,
    accept_us numeric NOT NULL,
    assigned_us numeric NOT NULL,
    worked_n bigint NOT NULL,
    worked_us numeric NOT NULL,
    PRIMARY KEY (interval_start, category_id, queue_id, capture_point, media_type, segment, product_type, value_range)
);
CREATE TABLE agg_task_day (LIKE agg_task_15min INCLUDING DEFAULTS);
ALTER TABLE agg_task_day DROP COLUMN interval_start, ADD COLUMN day date NOT NULL,
    ADD PRIMARY KEY (day, category_id, queue_id, capture_point, media_type, segment, product_type, value_range);

CREATE TABLE agg_agent_15min (
    interval_start timestamptz NOT NULL,
    agent_id text NOT NULL,
    queue_id text NOT NULL,
    category_id text NOT NULL,
    n bigint NOT NULL,
    offered bigint NOT NULL,
    accepted bigint NOT NULL,
    declined bigint NOT NULL,
    timed_out bigint NOT NULL,
    withdrawn bigint NOT NULL,
    lost bigint NOT NULL,
    assigned bigint NOT NULL,
    first_waits bigint NOT NULL,
    first_wait_us numeric NOT NULL,
    later_waits bigint NOT NULL,
    later_wait_us numeric NOT NULL,
    completed bigint NOT NULL,
    returned bigint NOT NULL,
    transferred bigint NOT NULL,
    taken_back bigint NOT NULL,
    ended_work_us numeric NOT NULL,
    wrap_up_us numeric NOT NULL,
    work_us numeric NOT NULL,                  -- the part of each assignment that lies in the interval
    PRIMARY KEY (interval_start, agent_id, queue_id, category_id)
);
CREATE TABLE agg_agent_day (LIKE agg_agent_15min INCLUDING DEFAULTS);
ALTER TABLE agg_agent_day DROP COLUMN interval_start, ADD COLUMN day date NOT NULL, ADD PRIMARY KEY (day, agent_id, queue_id, category_id);

-- How things stood at the end of each quarter of an hour.
CREATE TABLE agg_task_level_15min (
    interval_start timestamptz NOT NULL,
    category_id text NOT NULL,
    queue_id text NOT NULL,
    pending bigint NOT NULL,
    held bigint NOT NULL,
    errorheld bigint NOT NULL,
    overdue bigint NOT NULL,
    age_us numeric NOT NULL,
    age_1h bigint NOT NULL,
    age_4h bigint NOT NULL,
    age_1d bigint NOT NULL,
    age_3d bigint NOT NULL,
    age_7d bigint NOT NULL,
    age_more bigint NOT NULL,
    PRIMARY KEY (interval_start, category_id, queue_id)
);

-- What the last balance found to be wrong; empty when all is well.
CREATE TABLE balance_finding (
    interval_start timestamptz,
    category_id text,
    queue_id text,
    expected bigint NOT NULL,
    found bigint NOT NULL,
    what text NOT NULL
);

CREATE AGGREGATE jsonb_merge (jsonb) (SFUNC = jsonb_concat, STYPE = jsonb, INITCOND = '{}', PARALLEL = SAFE);

CREATE FUNCTION quarter(p_at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN date_bin('15 minutes', p_at, timestamptz '2000-01-01 00:00:00+00');

CREATE FUNCTION micros(p_from timestamptz, p_to timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (extract(epoch FROM p_to - p_from) * 1000000)::bigint;

CREATE FUNCTION value_range(p_value int) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN p_value < 0 THEN 'below 0' WHEN p_value = 0 THEN '0' WHEN p_value < 100 THEN '1-99'
        WHEN p_value < 1000 THEN '100-999' WHEN p_value < 10000 THEN '1000-9999' ELSE '10000 and more' END;

CREATE FUNCTION us(p_ranges tstzmultirange) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT coalesce(sum(micros(lower(r), upper(r))), 0)::bigint FROM unnest(p_ranges) r);
