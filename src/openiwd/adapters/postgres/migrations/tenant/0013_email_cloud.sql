-- Mailboxes at Gmail and Microsoft 365, automatic mail, review before sending, and a fair share of mailboxes for each process.

-- Where a provider without uids says that reading goes on.
ALTER TABLE mailbox_cursor ADD COLUMN token text;

-- A person on the way to the provider and back. `session`: of which log-in; `sealed`: the verifier of PKCE.
CREATE TABLE mailbox_consent (
    state bytea PRIMARY KEY,
    mailbox_id text NOT NULL REFERENCES mailbox ON DELETE CASCADE,
    actor text NOT NULL,
    session bytea NOT NULL,
    sealed bytea NOT NULL,
    expires_at timestamptz NOT NULL
);

-- When an address last got an automatic mail: one a day.
CREATE TABLE automatic_mail (address text PRIMARY KEY, at timestamptz NOT NULL);

-- Processes of the email service that ask for mailboxes, also those that have none.
CREATE TABLE email_holder (holder uuid PRIMARY KEY, most int NOT NULL, seen_at timestamptz NOT NULL);

CREATE INDEX email_review ON email (at) WHERE state = 'inReview';
CREATE INDEX email_aside_sender ON email (sender) WHERE thread_id IS NULL;
