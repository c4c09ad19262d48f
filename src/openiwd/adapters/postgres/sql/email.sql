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

-- name: share_mailbox_lease
-- The lease, which cannot change hands before this transaction ends.
SELECT mailbox_id, holder, epoch, extract(epoch FROM expires_at - clock_timestamp())::float8 AS seconds
FROM mailbox_lease WHERE mailbox_id = $1 FOR SHARE;

-- name: mailbox_cursors
-- Up to where folders have been read.
SELECT mailbox_id, folder, uid_validity, last_uid FROM mailbox_cursor ORDER BY mailbox_id, folder;

-- name: save_mailbox_cursor
-- Forward only; another UIDVALIDITY begins anew.
INSERT INTO mailbox_cursor (mailbox_id, folder, uid_validity, last_uid) VALUES ($1, $2, $3, $4)
ON CONFLICT (mailbox_id, folder) DO UPDATE SET
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
SELECT id, mailbox_id, state, message_id, sender, recipients, size, attempts, attempt_epoch FROM email
WHERE mailbox_id = $1 AND direction = 'out' AND state IN ('queued', 'sending', 'handingOver')
    AND (state = 'queued' AND coalesce(next_try_at, at) <= $3 OR state <> 'queued' AND attempt_epoch < $2)
ORDER BY coalesce(next_try_at, at), id LIMIT $4;

-- name: update_email
-- Compare-and-set on the revision: what changes in the life of an email.
UPDATE email SET thread_id = $3, state = $4, kind = $5, evidence = $6, suggestions = $7, attempts = $8, attempt_epoch = $9,
    attempt_at = $10, next_try_at = $11, sent_at = $12, error = $13, deliveries = $14, message_id = $15, revision = revision + 1
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
