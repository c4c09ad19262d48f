-- Alarms, what dashboards count by index alone, and how the backlog stood every quarter of an hour.

-- Once per cause: an alarm is open until its cause ends. What can be read from the item (subject, category, queue) is not
-- repeated here. `detail` tells what raised it: the due date, the number of declines, the state of the agent.
CREATE TABLE alarm (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    object text NOT NULL,                      -- item | agent | queue
    object_id text NOT NULL,
    item_number bigint,
    since timestamptz NOT NULL,                -- when the cause began
    raised_at timestamptz NOT NULL,
    cleared_at timestamptz,
    detail jsonb NOT NULL DEFAULT '{}',
    owner text,
    acknowledged_by text,
    acknowledged_at timestamptz,
    revision int NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX alarm_open ON alarm (kind, object_id) WHERE cleared_at IS NULL;
CREATE INDEX alarm_since ON alarm (since DESC, id) WHERE cleared_at IS NULL;
CREATE INDEX alarm_cleared ON alarm (cleared_at DESC, id) WHERE cleared_at IS NOT NULL;

-- One row: what raises alarms, where the tenant has changed the defaults.
CREATE TABLE alarm_setting (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    body jsonb NOT NULL,
    revision int NOT NULL DEFAULT 1
);

-- Which alarms a user wants to be told of; without a row: all.
CREATE TABLE alarm_subscription (owner text PRIMARY KEY, body jsonb NOT NULL, revision int NOT NULL DEFAULT 1);

-- The open items at the quarters of an hour, for the lines of the dashboards; kept for some days.
CREATE TABLE backlog_sample (
    at timestamptz NOT NULL,
    category_path text,
    queue_id text,
    waiting int NOT NULL,
    assigned int NOT NULL,
    held int NOT NULL,
    overdue int NOT NULL,
    due_hour int NOT NULL,
    due_today int NOT NULL,
    UNIQUE NULLS NOT DISTINCT (at, category_path, queue_id)
);

-- Dashboards count open items by one scan of this index, the tree too. None of its columns changes with an offer.
DROP INDEX item_open_category;
CREATE INDEX item_open_category ON item (category_path text_pattern_ops, status) INCLUDE (queue_id, due_at, created_at, queued_at)
    WHERE status IN ('new','captured','queued','assigned','held','errorheld');
-- What has waited longest in a queue.
DROP INDEX item_queue;
CREATE INDEX item_queue ON item (queue_id, queued_at) WHERE status = 'queued';
-- What was finished when, by whom, in time or not.
CREATE INDEX item_completed ON item (completed_at) INCLUDE (status, category_path, queue_id, due_at, last_agent, assigned_at)
    WHERE completed_at IS NOT NULL;
-- What came in when, from where.
DROP INDEX item_received;
CREATE INDEX item_received ON item (received_at DESC, number DESC) INCLUDE (category_path, queue_id, capture_point);
-- What the alarms look for.
CREATE INDEX item_declined ON item (queue_id) WHERE status = 'queued' AND declines > 0;
CREATE INDEX item_errorheld ON item (number) WHERE status = 'errorheld';
