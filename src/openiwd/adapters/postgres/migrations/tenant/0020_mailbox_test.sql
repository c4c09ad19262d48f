-- With which settings the connections of a mailbox were last found to work: only those can be enabled.
CREATE TABLE mailbox_test (
    mailbox_id text PRIMARY KEY REFERENCES mailbox ON DELETE CASCADE,
    settings bytea NOT NULL,                   -- their digest, see domain/email/mailbox.py
    at timestamptz NOT NULL
);
