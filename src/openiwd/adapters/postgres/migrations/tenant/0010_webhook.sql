-- Webhooks: receivers of events, their secrets, their places in the log, and their deliveries.

CREATE TABLE webhook (id text PRIMARY KEY, body jsonb NOT NULL, revision int NOT NULL DEFAULT 1);

-- Sealed with the installation's key. Two are valid while one is being replaced.
CREATE TABLE webhook_secret (
    id uuid PRIMARY KEY,
    webhook_id text NOT NULL REFERENCES webhook ON DELETE CASCADE,
    sealed bytea NOT NULL,
    hint text NOT NULL,
    made_at timestamptz NOT NULL,
    valid_until timestamptz
);
CREATE INDEX webhook_secret_of ON webhook_secret (webhook_id);

-- The last event that was looked at for a webhook, and how its receiver has been.
CREATE TABLE webhook_state (
    webhook_id text PRIMARY KEY REFERENCES webhook ON DELETE CASCADE,
    generation int NOT NULL,
    pos bigint NOT NULL,
    failures int NOT NULL DEFAULT 0,
    failing_since timestamptz,
    paused_until timestamptz,
    last_error text,
    last_success_at timestamptz
);

-- One row for each event that a webhook wants, until some days after it was delivered.
CREATE TABLE webhook_delivery (
    id uuid PRIMARY KEY,
    webhook_id text NOT NULL,
    generation int NOT NULL,
    pos bigint NOT NULL,
    subject text NOT NULL,                     -- the item's or alarm's id: what is of one subject is sent in order
    event_type text NOT NULL,
    event_at timestamptz NOT NULL,
    item_number bigint,
    revision int,
    state text NOT NULL DEFAULT 'waiting',     -- waiting | delivered | parked
    attempts int NOT NULL DEFAULT 0,
    planned_at timestamptz NOT NULL,
    next_at timestamptz NOT NULL,
    last_at timestamptz,
    last_status int,
    last_error text,
    last_milliseconds int,
    ended_at timestamptz,
    UNIQUE (webhook_id, generation, pos)
) WITH (fillfactor = 80);
CREATE INDEX webhook_delivery_waiting ON webhook_delivery (webhook_id, generation, pos) WHERE state = 'waiting';
CREATE INDEX webhook_delivery_subject ON webhook_delivery (webhook_id, subject, generation, pos) WHERE state = 'waiting';
-- What is counted all the time: what was delivered is no part of it.
CREATE INDEX webhook_delivery_open ON webhook_delivery (webhook_id, state) INCLUDE (attempts, ended_at) WHERE state <> 'delivered';
CREATE INDEX webhook_delivery_ended ON webhook_delivery (ended_at) WHERE state <> 'waiting';
