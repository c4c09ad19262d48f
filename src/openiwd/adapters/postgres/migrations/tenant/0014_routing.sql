-- Queues whose items an external router gives to its agents: what was handed over to it, and what came of it.

ALTER TABLE item ADD COLUMN routed_to text;

-- Connections to outside systems, their secrets sealed with the installation's key.
CREATE TABLE integration (id text PRIMARY KEY, body jsonb NOT NULL, revision int NOT NULL DEFAULT 1);

-- Who speaks to a router (each write of the loop holds the epoch), and how the router has been.
CREATE TABLE router_state (
    router text PRIMARY KEY,
    epoch bigint NOT NULL DEFAULT 1,
    away_since timestamptz,
    last_error text,
    last_success_at timestamptz
);

-- A row is there before its request goes out. Of each item one submission is open at most.
CREATE TABLE submission (
    id uuid PRIMARY KEY,
    item_id uuid NOT NULL,
    item_number bigint NOT NULL,
    external_id text NOT NULL UNIQUE,
    queue_id text NOT NULL,
    segment text,
    service text NOT NULL,
    state text NOT NULL CHECK (state IN ('submitting', 'submitted', 'working', 'recalling', 'ended')),
    revision int NOT NULL DEFAULT 1,
    interaction_id text,
    attempts int NOT NULL DEFAULT 0,
    absences int NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL,
    begun_at timestamptz NOT NULL,
    sent_at timestamptz,
    recall text,
    assignment_id uuid,
    assigned_to text,
    remote_state text,
    remote_at timestamptz,
    ending text,
    ended_at timestamptz,
    error text
);
CREATE UNIQUE INDEX submission_once ON submission (item_id) WHERE state <> 'ended';
CREATE INDEX submission_due ON submission (next_at, id) WHERE state <> 'ended';
CREATE INDEX submission_interaction ON submission (interaction_id) WHERE interaction_id IS NOT NULL;
CREATE INDEX submission_of_item ON submission (item_id, begun_at);
CREATE INDEX submission_refused ON submission (next_at) WHERE ending = 'refused';
CREATE INDEX submission_ended ON submission (ended_at) WHERE state = 'ended';
