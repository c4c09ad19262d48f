-- name: mailbox_secrets
-- Sealed secrets of all mailboxes.
SELECT mailbox_id, name, sealed FROM mailbox_secret;

-- name: save_mailbox_secret
-- One secret of a mailbox.
INSERT INTO mailbox_secret (mailbox_id, name, sealed) VALUES ($1, $2, $3)
ON CONFLICT (mailbox_id, name) DO UPDATE SET sealed = excluded.sealed;

-- name: delete_mailbox_secret
-- Forgets one.
DELETE FROM mailbox_secret WHERE mailbox_id = $1 AND name = $2;

-- name: tenant_secret
-- A sealed secret of the tenant.
SELECT sealed FROM tenant_secret WHERE name = $1;

-- name: keep_tenant_secret
-- Stores it unless there is one.
INSERT INTO tenant_secret (name, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: mailbox_statuses
-- How mailboxes are doing.
SELECT mailbox_id, direction, ok, error, since, at FROM mailbox_status ORDER BY mailbox_id, direction;

-- name: save_mailbox_status
-- Told again, or changed: then since now. Of a mailbox that is gone: nothing.
INSERT INTO mailbox_status (mailbox_id, direction, ok, error, since, at)
SELECT $1, $2, $3, $4, $5, $5 WHERE EXISTS (SELECT FROM mailbox WHERE id = $1)
ON CONFLICT (mailbox_id, direction) DO UPDATE SET
    ok = excluded.ok, error = excluded.error, at = excluded.at,
    since = CASE WHEN mailbox_status.ok = excluded.ok THEN mailbox_status.since ELSE excluded.since END;

-- name: mailbox_leases
-- Who holds which mailbox, and for how long still.
SELECT mailbox_id, holder, epoch, extract(epoch FROM expires_at - clock_timestamp())::float8 AS seconds
FROM mailbox_lease ORDER BY mailbox_id;

-- name: take_mailbox_leases
-- Takes what is free or over, prolongs one's own; the epoch rises with another holder, and when a lease had run out.
INSERT INTO mailbox_lease (mailbox_id, holder, epoch, expires_at)
SELECT m.id, $1, 1, clock_timestamp() + make_interval(secs => $3)
FROM mailbox m WHERE m.id = ANY($2::text[]) ORDER BY m.id
ON CONFLICT (mailbox_id) DO UPDATE SET
    holder = excluded.holder,
    expires_at = excluded.expires_at,
    epoch = mailbox_lease.epoch
        + CASE WHEN mailbox_lease.holder = excluded.holder AND mailbox_lease.expires_at > clock_timestamp() THEN 0 ELSE 1 END
WHERE mailbox_lease.holder = excluded.holder OR mailbox_lease.expires_at <= clock_timestamp()
RETURNING mailbox_id, holder, epoch, extract(epoch FROM expires_at - clock_timestamp())::float8 AS seconds;

-- name: end_mailbox_leases
-- Gives back what a holder has.
UPDATE mailbox_lease SET expires_at = clock_timestamp() WHERE holder = $1 AND expires_at > clock_timestamp();

-- name: note_email_holder
-- A process that asks for mailboxes.
INSERT INTO email_holder (holder, most, seen_at) VALUES ($1, $2, clock_timestamp())
ON CONFLICT (holder) DO UPDATE SET most = excluded.most, seen_at = excluded.seen_at;

-- name: email_holders
-- Those that have asked not long ago.
SELECT holder, most FROM email_holder WHERE seen_at > clock_timestamp() - make_interval(secs => $1) ORDER BY holder;

-- name: end_email_holder
-- It asks no more; and those that have not asked for long are forgotten.
DELETE FROM email_holder WHERE holder = $1 OR seen_at < clock_timestamp() - interval '1 day';

-- name: note_mailbox_test
-- The connections of a mailbox work with these settings.
INSERT INTO mailbox_test (mailbox_id, settings, at) SELECT $1, $2, $3 WHERE EXISTS (SELECT FROM mailbox WHERE id = $1)
ON CONFLICT (mailbox_id) DO UPDATE SET settings = excluded.settings, at = excluded.at;

-- name: mailbox_tests
-- With which settings they have worked.
SELECT mailbox_id, settings FROM mailbox_test;

-- name: add_mailbox_consent
-- A way to the provider begins.
INSERT INTO mailbox_consent (state, mailbox_id, actor, session, sealed, expires_at) VALUES ($1, $2, $3, $4, $5, $6);

-- name: forget_mailbox_consents
-- Those that are over.
DELETE FROM mailbox_consent WHERE expires_at <= $1;

-- name: take_mailbox_consent
-- It ends, once.
DELETE FROM mailbox_consent WHERE state = $1 AND expires_at > $2
RETURNING state, mailbox_id, actor, session, sealed, expires_at;

-- name: claim_automatic_mail
-- One automatic mail for an address within a time.
INSERT INTO automatic_mail (address, at) VALUES ($1, $2)
ON CONFLICT (address) DO UPDATE SET at = excluded.at WHERE automatic_mail.at <= $3 RETURNING address;

-- name: last_automatic_mail
-- When an address got one.
SELECT at FROM automatic_mail WHERE address = $1;

-- name: forget_automatic_mail
-- What counts no more.
DELETE FROM automatic_mail WHERE at < $1;

-- name: emails_in_review
-- What waits for somebody else's eyes, oldest first.
SELECT {columns} FROM email WHERE state = 'inReview' ORDER BY at, id LIMIT $1;

-- name: release_email
-- One that lay aside belongs to a thread now.
UPDATE email SET thread_id = $3, state = 'stored', kind = $4, message_id = $5, notes = $6, suggestions = '[]', revision = revision + 1
WHERE id = $1 AND revision = $2 AND state IN ('quarantined', 'dropped') RETURNING id;

-- name: age_emails
-- Removes what has lain aside for too long; originals that nothing names any more go with it.
WITH gone AS (
    DELETE FROM email WHERE id IN (
        SELECT id FROM email WHERE state = 'dropped' AND at < $1 OR state = 'quarantined' AND at < $2 ORDER BY at LIMIT $3
    ) RETURNING id, sha256
), contents AS (
    DELETE FROM email_content c USING gone g
    WHERE c.sha256 = g.sha256 AND NOT EXISTS (SELECT FROM email e WHERE e.sha256 = c.sha256 AND e.id NOT IN (SELECT id FROM gone))
)
SELECT count(*) FROM gone;

-- name: threads_of_contact
-- All threads of the items of a contact.
SELECT t.id FROM email_thread t JOIN item i ON i.number = t.item_number WHERE i.contact_id = $1;

-- name: erase_emails
-- Blanks who wrote and what; rows, kinds, instants and sizes stay for reports.
UPDATE email SET sender_name = NULL, sender = NULL, people = '{}', subject = '', text_new = '', text_signature = '', text_quoted = '',
    html = NULL, language = NULL, files = '[]', headers = '{}', in_reply_to = '{}', refs = '{}', recipients = '{}', deliveries = '[]',
    suggestions = '[]', error = NULL, notes = ARRAY['erased'],
    state = CASE WHEN direction = 'out' AND state IN ('queued', 'inReview', 'returned') THEN 'withdrawn' ELSE state END,
    revision = revision + 1
WHERE (thread_id = ANY($2::uuid[]) OR thread_id IS NULL AND sender = ANY($1::text[]))
    AND state NOT IN ('sending', 'handingOver')
RETURNING id, sha256;

-- name: blank_email_contents
-- Originals of erased emails, unless another email still has them.
UPDATE email_content c SET content = '', size = 0
WHERE c.sha256 = ANY($1::bytea[])
    AND NOT EXISTS (SELECT FROM email e WHERE e.sha256 = c.sha256 AND NOT 'erased' = ANY(e.notes));

-- name: share_mailbox_lease
-- The lease, which cannot change hands before this transaction ends.
SELECT mailbox_id, holder, epoch, extract(epoch FROM expires_at - clock_timestamp())::float8 AS seconds
FROM mailbox_lease WHERE mailbox_id = $1 FOR SHARE;

-- name: mailbox_cursors
-- Up to where folders have been read.
SELECT mailbox_id, folder, uid_validity, last_uid, token FROM mailbox_cursor ORDER BY mailbox_id, folder;

-- name: save_mailbox_cursor
-- Forward only; another UIDVALIDITY begins anew.
INSERT INTO mailbox_cursor (mailbox_id, folder, uid_validity, last_uid, token) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (mailbox_id, folder) DO UPDATE SET
    token = coalesce(excluded.token, mailbox_cursor.token),
    uid_validity = excluded.uid_validity,
    last_uid = CASE WHEN mailbox_cursor.uid_validity = excluded.uid_validity
        THEN greatest(mailbox_cursor.last_uid, excluded.last_uid) ELSE excluded.last_uid END;

-- name: keep_email_content
-- A raw message, once.
INSERT INTO email_content (sha256, size, content) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: email_content
-- A raw message.
SELECT content FROM email_content WHERE sha256 = $1;

-- name: add_email_thread
-- A thread of an item.
INSERT INTO email_thread (id, item_number, created_at) VALUES ($1, $2, $3);

-- name: add_email
-- One more email; the very same message of a mailbox is stored once.
INSERT INTO email ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING RETURNING id;

-- name: email
-- One email.
SELECT {columns} FROM email WHERE id = $1;

-- name: lock_email
-- One email, which nobody else changes before this transaction ends.
SELECT {columns} FROM email WHERE id = $1 FOR UPDATE;

-- name: emails_of_item
-- The emails of an item.
SELECT {columns} FROM email WHERE thread_id IN (SELECT id FROM email_thread WHERE item_number = $1) ORDER BY at, id;

-- name: emails_aside
-- The latest in quarantine, dropped, or of unknown outcome.
SELECT {columns} FROM email WHERE state = $1 AND state IN ('quarantined', 'dropped', 'unknown') ORDER BY at DESC, id LIMIT $2;

-- name: inbound_email
-- The same message, else one of the same Message-ID that is not in quarantine.
SELECT {columns} FROM email
WHERE mailbox_id = $1 AND direction = 'in' AND (sha256 = $2 OR message_id = $3 AND state <> 'quarantined')
ORDER BY sha256 = $2 DESC LIMIT 1;

-- name: known_by_id
-- Emails of threads by id.
SELECT id, thread_id, direction FROM email WHERE id = ANY($1::uuid[]) AND thread_id IS NOT NULL;

-- name: known_by_message_id
-- Emails of threads by Message-ID; of several the newest.
SELECT DISTINCT ON (message_id) message_id, id, thread_id, direction FROM email
WHERE message_id = ANY($1::text[]) AND thread_id IS NOT NULL ORDER BY message_id, at DESC;

-- name: known_threads
-- Threads, their items, and the addresses that have a part in them.
SELECT t.id AS thread_id, i.id AS item_id,
    coalesce((SELECT c.emails FROM contact c WHERE c.id = i.contact_id), '{}') AS contact_addresses,
    coalesce((
        SELECT array_agg(DISTINCT a.address) FROM email e
        CROSS JOIN LATERAL (
            SELECT e.sender AS address WHERE e.direction = 'in'
            UNION SELECT p ->> 'address' FROM jsonb_array_elements(coalesce(e.people -> 'replyTo', '[]')) p WHERE e.direction = 'in'
            UNION SELECT unnest(e.recipients) WHERE e.direction = 'out'
            UNION SELECT p ->> 'address' FROM jsonb_array_elements(coalesce(e.people -> 'cc', '[]')) p
            UNION SELECT p ->> 'address' FROM jsonb_array_elements(coalesce(e.people -> 'to', '[]')) p
        ) a
        WHERE e.thread_id = t.id AND a.address IS NOT NULL
    ), '{}') AS addresses
FROM email_thread t JOIN item i ON i.number = t.item_number WHERE t.id = ANY($1::uuid[]);

-- name: threads_of_item
-- The threads of an item, oldest first.
SELECT id FROM email_thread WHERE item_number = $1 ORDER BY created_at, id;

-- name: outbound_emails
-- What is due to be sent, and what holders before this epoch have left in between.
SELECT id, mailbox_id, state, kind, message_id, recipients, size, attempts, attempt_epoch, coalesce(queued_at, at) AS since,
    -- automatic mail has no envelope sender: what cannot be delivered comes back to nobody, and no machine answers it
    CASE WHEN kind IN ('OutboundAcknowledgement', 'OutboundAutoResponse', 'OutboundReport') THEN '' ELSE sender END AS sender
FROM email
WHERE mailbox_id = $1 AND direction = 'out' AND state IN ('queued', 'sending', 'handingOver')
    AND (state = 'queued' AND coalesce(next_try_at, at) <= $3 OR state <> 'queued' AND attempt_epoch < $2)
ORDER BY coalesce(next_try_at, at), id LIMIT $4;

-- name: update_email
-- Compare-and-set on the revision: what changes in the life of an email.
UPDATE email SET thread_id = $3, state = $4, kind = $5, evidence = $6, suggestions = $7, attempts = $8, attempt_epoch = $9,
    attempt_at = $10, next_try_at = $11, sent_at = $12, error = $13, deliveries = $14, message_id = $15, queued_at = $16, revision = revision + 1
WHERE id = $1 AND revision = $2 RETURNING id;

-- name: move_emails
-- From one thread to another.
UPDATE email SET thread_id = $3, revision = revision + 1 WHERE id = ANY($1::uuid[]) AND thread_id = $2 RETURNING id;

-- name: add_email_move
-- What was moved, by whom and why.
INSERT INTO email_move (id, at, actor, kind, emails, from_thread, to_thread, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: end_email_move
-- It is undone, once.
UPDATE email_move SET undone_at = $2, undone_by = $3 WHERE id = $1 AND undone_at IS NULL RETURNING id;

-- name: email_move
-- One move.
SELECT id, at, actor, kind, emails, from_thread, to_thread, reason, undone_at, undone_by FROM email_move WHERE id = $1;

-- name: email_moves
-- The moves from or to threads, newest first.
SELECT id, at, actor, kind, emails, from_thread, to_thread, reason, undone_at, undone_by FROM email_move
WHERE from_thread = ANY($1::uuid[]) OR to_thread = ANY($1::uuid[]) ORDER BY at DESC LIMIT 100;
