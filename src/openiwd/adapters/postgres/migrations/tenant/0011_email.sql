-- Mailboxes with their secrets, leases and places; emails with their threads; originals stored once.

CREATE TABLE mailbox (id text PRIMARY KEY, body jsonb NOT NULL, revision int NOT NULL DEFAULT 1);
CREATE TABLE email_filter (id text PRIMARY KEY, body jsonb NOT NULL, revision int NOT NULL DEFAULT 1);
CREATE TABLE standard_response (id text PRIMARY KEY, body jsonb NOT NULL, revision int NOT NULL DEFAULT 1);

-- Sealed by the keys of the settings (see ports/secret_box.py); never read but to be used.
CREATE TABLE mailbox_secret (
    mailbox_id text NOT NULL REFERENCES mailbox ON DELETE CASCADE,
    name text NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (mailbox_id, name)
);
CREATE TABLE tenant_secret (name text PRIMARY KEY, sealed bytea NOT NULL);

CREATE TABLE mailbox_status (
    mailbox_id text NOT NULL REFERENCES mailbox ON DELETE CASCADE,
    direction text NOT NULL CHECK (direction IN ('incoming', 'outgoing')),
    ok boolean NOT NULL,
    error text,
    since timestamptz NOT NULL,                -- of this state
    at timestamptz NOT NULL,                   -- last told
    PRIMARY KEY (mailbox_id, direction)
);

-- One process holds a mailbox. The epoch rises with each new holder: what an earlier one still does is refused.
CREATE TABLE mailbox_lease (
    mailbox_id text PRIMARY KEY REFERENCES mailbox ON DELETE CASCADE,
    holder uuid NOT NULL,
    epoch bigint NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE mailbox_cursor (
    mailbox_id text NOT NULL REFERENCES mailbox ON DELETE CASCADE,
    folder text NOT NULL,
    uid_validity bigint NOT NULL,
    last_uid bigint NOT NULL,
    PRIMARY KEY (mailbox_id, folder)
);

-- Raw messages by their SHA-256. Files of emails are found in them again, so nothing is stored twice.
CREATE TABLE email_content (sha256 bytea PRIMARY KEY, size int NOT NULL, content bytea NOT NULL);
ALTER TABLE email_content ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE email_thread (
    id uuid PRIMARY KEY,
    item_number bigint NOT NULL REFERENCES item ON DELETE CASCADE,
    created_at timestamptz NOT NULL
);
CREATE INDEX email_thread_item ON email_thread (item_number);

CREATE TABLE email (
    id uuid PRIMARY KEY,
    thread_id uuid REFERENCES email_thread ON DELETE CASCADE,   -- null: in quarantine, or dropped by a filter
    mailbox_id text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('in', 'out')),
    kind text NOT NULL,
    state text NOT NULL,                       -- in: stored | quarantined | dropped; out: see domain/email/outbound.py
    at timestamptz NOT NULL,                   -- received, or written
    dated_at timestamptz,                      -- by its own header
    message_id text,
    in_reply_to text[] NOT NULL DEFAULT '{}',
    refs text[] NOT NULL DEFAULT '{}',
    sender_name text,
    sender text,
    people jsonb NOT NULL DEFAULT '{}',        -- to, cc, bcc, replyTo
    subject text NOT NULL,
    text_new text NOT NULL,
    text_signature text NOT NULL DEFAULT '',
    text_quoted text NOT NULL DEFAULT '',
    html text,                                 -- sanitised
    files jsonb NOT NULL DEFAULT '[]',
    headers jsonb NOT NULL DEFAULT '{}',
    notes text[] NOT NULL DEFAULT '{}',
    size int NOT NULL,
    sha256 bytea NOT NULL REFERENCES email_content,
    evidence text,
    suggestions jsonb NOT NULL DEFAULT '[]',
    duplicate_of uuid REFERENCES email ON DELETE SET NULL,
    filter_id text,
    reports_on uuid REFERENCES email ON DELETE SET NULL,
    author text,
    recipients text[] NOT NULL DEFAULT '{}',   -- of the envelope
    attempts int NOT NULL DEFAULT 0,
    attempt_epoch bigint,
    attempt_at timestamptz,
    next_try_at timestamptz,
    sent_at timestamptz,
    error text,
    deliveries jsonb NOT NULL DEFAULT '[]',    -- what reports have said
    revision int NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX email_once ON email (mailbox_id, sha256) WHERE direction = 'in';
CREATE UNIQUE INDEX email_message_once ON email (mailbox_id, message_id)
    WHERE direction = 'in' AND state <> 'quarantined' AND message_id IS NOT NULL;
CREATE INDEX email_message_id ON email (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX email_of_thread ON email (thread_id, at);
CREATE INDEX email_outbound ON email (mailbox_id, next_try_at) WHERE direction = 'out' AND state IN ('queued', 'sending', 'handingOver');
CREATE INDEX email_aside ON email (at DESC) WHERE state IN ('quarantined', 'dropped', 'unknown');

-- What was merged or split, so that it can be undone.
CREATE TABLE email_move (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('merge', 'split')),
    emails uuid[] NOT NULL,
    from_thread uuid NOT NULL,
    to_thread uuid NOT NULL,
    reason text,
    undone_at timestamptz,
    undone_by text
);
