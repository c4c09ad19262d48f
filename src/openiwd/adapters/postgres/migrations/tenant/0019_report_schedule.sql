-- Reports that go out by email: when, to whom, and what came of the last time.
CREATE TABLE report_schedule (id text PRIMARY KEY, body jsonb NOT NULL, revision int NOT NULL DEFAULT 1);
CREATE TABLE report_run (
    schedule_id text PRIMARY KEY REFERENCES report_schedule ON DELETE CASCADE,
    next_at timestamptz,                       -- when it must be looked at again; null: not by itself
    due_at timestamptz,                        -- when it fell due last
    at timestamptz,                            -- when that was run
    outcome text CHECK (outcome IN ('queued', 'waiting', 'failed')),
    detail text,
    email_id uuid                              -- no reference: the email is removed earlier
);
-- Emails of reports are the only ones of ours without an item; they are removed by age.
CREATE INDEX email_without_item ON email (at) WHERE direction = 'out' AND thread_id IS NULL;
