-- Capture points: who reads each, how far it has come in its source, and what could not be taken.

-- The reader of a capture point and what it tells of itself; prolonged every second. Apart from the epoch, whose row the
-- reader's transactions hold.
CREATE TABLE capture_lease (
    capture_point text PRIMARY KEY,
    process_id uuid NOT NULL,
    host text NOT NULL,
    expires_at timestamptz NOT NULL,
    status jsonb NOT NULL DEFAULT '{}',
    at timestamptz NOT NULL DEFAULT now()
);

-- Raised with each change of reader: a frozen one that wakes up commits nothing. The cursor of notifications beside it.
CREATE TABLE capture_reader (
    capture_point text PRIMARY KEY,
    epoch bigint NOT NULL DEFAULT 1,
    cursor_generation int,
    cursor_pos bigint
);

-- How far ordered streams of a source (a file, a partition) were taken; moved with what was taken.
CREATE TABLE capture_offset (
    capture_point text NOT NULL,
    stream text NOT NULL,
    last bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (capture_point, stream)
);

-- What was taken of sources that have no order.
CREATE TABLE capture_key (
    capture_point text NOT NULL,
    stream text NOT NULL,
    key text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (capture_point, stream, key)
);
CREATE INDEX capture_key_at ON capture_key (at);

-- The error inbox.
CREATE TABLE capture_error (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY, -- the order in which they came
    capture_point text NOT NULL,
    stream text NOT NULL,
    place text NOT NULL,
    position text NOT NULL,
    at timestamptz NOT NULL,
    message text,
    named text,                                -- the message that the record's form named
    capture_id text,
    fields jsonb,
    raw text NOT NULL,
    code text NOT NULL,
    reason text NOT NULL,
    field text,
    hint text,
    tries int NOT NULL DEFAULT 1,
    state text NOT NULL DEFAULT 'open',        -- open | done | discarded
    tried_at timestamptz,
    by text
);
CREATE INDEX capture_error_open ON capture_error (capture_point, number DESC) WHERE state = 'open';
CREATE INDEX capture_error_all ON capture_error (capture_point, number DESC);
CREATE INDEX capture_error_place ON capture_error (capture_point, stream, place);
