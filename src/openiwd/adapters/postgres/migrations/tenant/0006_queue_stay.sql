-- The past of the queues: from when to when an item waited where, with what its order there depended on. Derived from the
-- log alone, in its order, and never read by anything that decides: dropped and made again it is the same (ADR 0012).
CREATE TABLE queue_stay (
    item_number bigint NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz,                         -- null: it waits still; a stay does not include its end
    anchor bigint NOT NULL,                    -- microseconds, as all arithmetic on ages: a cast per row would cost more than the rest
    business_value int NOT NULL,
    priority_adjustment int NOT NULL,
    priority_fixed int,
    span smallint,                             -- of an ended one: it lasted 2^span microseconds or longer, but not twice as long
    item_id uuid NOT NULL,
    queue_id text NOT NULL,
    schema_id text NOT NULL,                   -- empty: none
    pauses bigint[]                            -- start, end, start, end, …; null: none
);
-- Who waits still: found again when the wait ends, and by queue. The first is a hash, so that nobody is tempted to walk it:
-- measured, the planner prefers it to the second for its order, and reads all queues for each.
CREATE INDEX queue_stay_open ON queue_stay USING hash (item_number) WHERE to_at IS NULL;
CREATE INDEX queue_stay_waiting ON queue_stay (queue_id, schema_id, from_at) WHERE to_at IS NULL;
-- Who waited at an instant: stays of one span that hold it began within twice that span before it, so a look at each span
-- reads little more than what it is after, however long the past is.
CREATE INDEX queue_stay_ended ON queue_stay (queue_id, schema_id, span, from_at) WHERE to_at IS NOT NULL;

-- One row: up to where the log has been read for it, and the instant of the last event read.
CREATE TABLE queue_stay_cursor (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    generation int NOT NULL DEFAULT 1,
    pos bigint NOT NULL DEFAULT 0,
    at timestamptz
);
INSERT INTO queue_stay_cursor DEFAULT VALUES;

-- The history of an agent; events of items have no subject and cost no entry.
CREATE INDEX event_subject ON event (subject_id, generation, pos) WHERE subject_id IS NOT NULL;
