-- name: queues
-- Waiting items by queue: how many are overdue, which was due first, which has waited longest. Reads what waits, nothing else.
SELECT queue_id, count(*) FILTER (WHERE due_at < $1) AS overdue, min(due_at) FILTER (WHERE due_at < $1) AS first_due,
    min(queued_at) AS first_queued
FROM item WHERE status = 'queued' AND queue_id IS NOT NULL GROUP BY queue_id;

-- name: consumers
-- The readers of the log that keep their place in this database, and the first event that each has not read.
WITH place AS (
    SELECT 'pastOfQueues' AS consumer, generation, pos FROM queue_stay_cursor
    UNION ALL
    SELECT 'webhooks', s.generation, s.pos FROM webhook_state s JOIN webhook w ON w.id = s.webhook_id
    WHERE coalesce((w.body ->> 'enabled')::boolean, true) AND coalesce(s.paused_until, $1) <= $1
    UNION ALL
    SELECT 'captureNotifications', r.cursor_generation, r.cursor_pos FROM capture_reader r
    JOIN capture_lease l ON l.capture_point = r.capture_point AND l.expires_at > $1
    WHERE r.cursor_pos IS NOT NULL
)
SELECT place.consumer, min(next.at) AS behind_since
FROM place LEFT JOIN LATERAL (
    SELECT e.at FROM event e WHERE e.generation = place.generation AND e.pos > place.pos ORDER BY e.pos LIMIT 1
) AS next ON true
GROUP BY place.consumer;

-- name: connections
-- How both directions of the enabled mailboxes are doing.
SELECT s.mailbox_id, s.direction, s.ok FROM mailbox_status s JOIN mailbox m ON m.id = s.mailbox_id
WHERE coalesce((m.body ->> 'enabled')::boolean, false);

-- name: outbound
-- Emails that wait to be sent, by mailbox.
SELECT mailbox_id, count(*) AS emails, min(at) AS first_at FROM email
WHERE direction = 'out' AND state IN ('queued', 'sending', 'handingOver') GROUP BY mailbox_id;

-- name: unknown_emails
-- Emails of unknown outcome, for somebody to look at.
SELECT count(*) FROM email WHERE state IN ('quarantined', 'dropped', 'unknown') AND state = 'unknown';

-- name: secret_ends
-- When client secrets of enabled mailboxes end, where people have told it.
SELECT id AS mailbox_id, (body ->> 'secretExpiresOn')::date AS ends_on FROM mailbox
WHERE coalesce((body ->> 'enabled')::boolean, false) AND body ->> 'secretExpiresOn' IS NOT NULL;
