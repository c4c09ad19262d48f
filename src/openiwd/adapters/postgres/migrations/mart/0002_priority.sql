-- Waiting items by range of priority: one sample per quarter of an hour, from the log. Outside the balance: priority is a curve,
-- and an item passes from range to range without any event.
CREATE TABLE queue_sample (
    interval_start timestamptz PRIMARY KEY,    -- the quarter of an hour at whose end the sample was taken, as a rule
    at timestamptz NOT NULL                    -- the instant of it
);
CREATE TABLE agg_queue_priority_15min (
    interval_start timestamptz NOT NULL,
    queue_id text NOT NULL,
    priority_range text NOT NULL,
    waiting bigint NOT NULL,
    PRIMARY KEY (interval_start, queue_id, priority_range)
);
CREATE INDEX task_event_sample ON task_event_fact (at) WHERE event_type = 'backlogSampled';

-- The interval of a sample: those of the first minute of a quarter of an hour tell of the end of the one before.
CREATE FUNCTION sampled_interval(p_at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN quarter(p_at - interval '1 minute');
