-- name: alarms
-- Alarms with what their items are like now: open ($1 null) or cleared ones, by filters, within a scope, newest first.
-- {order} is since or cleared_at; whether alarms are open stands in the text, so that the index of the open ones serves.
SELECT a.id, a.kind, a.object, a.object_id, coalesce(i.subject, a.detail ->> 'name') AS object_name, i.category_path,
    CASE a.object WHEN 'queue' THEN a.object_id ELSE i.queue_id END AS queue_id, i.status, a.since, a.raised_at,
    a.cleared_at, a.detail, a.owner, a.acknowledged_by, a.acknowledged_at, a.revision, a.item_number
FROM alarm a LEFT JOIN item i ON i.number = a.item_number
WHERE a.cleared_at IS {state} AND {condition}
    AND ($9::timestamptz IS NULL OR (a.{order}, a.id) < ($9, $10::uuid))
ORDER BY a.{order} DESC, a.id DESC LIMIT $11;

-- name: count
-- The same, counted by kind up to a limit.
SELECT kind, count(*) AS alarms FROM (
    SELECT a.kind FROM alarm a LEFT JOIN item i ON i.number = a.item_number
    WHERE a.cleared_at IS {state} AND {condition} LIMIT $9
) AS found GROUP BY kind;

-- name: condition
-- What both ask: kinds, acknowledged, owner, subscribed categories and queues, those in scope, whether agents count.
($1::text[] IS NULL OR a.kind = ANY($1))
    AND ($2::boolean IS NULL OR (a.acknowledged_at IS NOT NULL) = $2)
    AND ($3::text IS NULL OR a.owner = $3)
    AND (
        $4::text[] IS NULL OR i.queue_id = ANY($5::text[]) OR (a.object = 'queue' AND a.object_id = ANY($5))
        OR EXISTS (SELECT FROM unnest($4) AS c(path) WHERE i.category_path = c.path OR starts_with(i.category_path, c.path || '/'))
    )
    AND (
        $6::text[] IS NULL OR a.object = 'agent' OR i.queue_id = ANY($7::text[]) OR (a.object = 'queue' AND a.object_id = ANY($7))
        OR EXISTS (SELECT FROM unnest($6) AS c(path) WHERE i.category_path = c.path OR starts_with(i.category_path, c.path || '/'))
    )
    AND ($8::boolean OR a.object <> 'agent')

-- name: alarm
-- One alarm.
SELECT a.id, a.kind, a.object, a.object_id, coalesce(i.subject, a.detail ->> 'name') AS object_name, i.category_path,
    CASE a.object WHEN 'queue' THEN a.object_id ELSE i.queue_id END AS queue_id, i.status, a.since, a.raised_at,
    a.cleared_at, a.detail, a.owner, a.acknowledged_by, a.acknowledged_at, a.revision, a.item_number
FROM alarm a LEFT JOIN item i ON i.number = a.item_number WHERE a.id = $1;

-- name: open_alarms
-- Open alarms of these kinds.
SELECT kind, object_id, id FROM alarm WHERE cleared_at IS NULL AND kind = ANY($1::text[]);

-- name: count_open
-- Open alarms by kind.
SELECT kind, count(*) AS alarms FROM alarm WHERE cleared_at IS NULL GROUP BY kind;

-- name: due_causes
-- Open items due in a span without an open alarm of the kind, earliest first.
SELECT number, id, due_at AS since FROM item
WHERE status IN ('new','captured','queued','assigned','held','errorheld') AND due_at <= $3
    AND ($2::timestamptz IS NULL OR due_at > $2)
    AND NOT EXISTS (SELECT FROM alarm a WHERE a.cleared_at IS NULL AND a.kind = $1 AND a.object_id = item.id::text)
ORDER BY due_at LIMIT $4;

-- name: errorheld_causes
-- Items held for an error without an open alarm.
SELECT number, id, coalesce(held_at, received_at) AS since, error FROM item
WHERE status = 'errorheld'
    AND NOT EXISTS (SELECT FROM alarm a WHERE a.cleared_at IS NULL AND a.kind = 'errorheld' AND a.object_id = item.id::text)
ORDER BY number LIMIT $1;

-- name: declined_causes
-- Waiting items declined as often as their queue allows ($1, $2: by queue; $3: elsewhere) without an open alarm.
SELECT item.number, item.id, item.declines FROM item LEFT JOIN unnest($1::text[], $2::int[]) AS q(id, allowed) ON q.id = item.queue_id
WHERE item.status = 'queued' AND item.declines > 0 AND item.declines >= coalesce(q.allowed, $3)
    AND NOT EXISTS (SELECT FROM alarm a WHERE a.cleared_at IS NULL AND a.kind = 'declined' AND a.object_id = item.id::text)
ORDER BY item.number LIMIT $4;

-- name: ended_item_alarms
-- Open alarms of items whose cause is over: $1 now, $2 until when an item is due soon, $3 to $5 declines, $6 kinds off.
SELECT a.id FROM alarm a LEFT JOIN item i ON i.number = a.item_number
    LEFT JOIN unnest($3::text[], $4::int[]) AS q(id, allowed) ON q.id = i.queue_id
WHERE a.cleared_at IS NULL AND a.object = 'item' AND (
    a.kind = ANY($6::text[]) OR (CASE a.kind
        WHEN 'overdue' THEN i.status IN ('new','captured','queued','assigned','held','errorheld') AND i.due_at <= $1
        WHEN 'dueSoon' THEN i.status IN ('new','captured','queued','assigned','held','errorheld') AND i.due_at > $1 AND i.due_at <= $2
        WHEN 'errorheld' THEN i.status = 'errorheld'
        WHEN 'declined' THEN i.status = 'queued' AND i.declines >= coalesce(q.allowed, $5)
    END) IS NOT TRUE
) LIMIT $7;

-- name: longest_waiting
-- Of each queue the first items that have waited since an instant and are offered to nobody.
SELECT found.* FROM unnest($1::text[]) AS q(id) CROSS JOIN LATERAL (
    SELECT id, queue_id, queued_at, media_type, requirement, reserved_for, reserved_until FROM item
    WHERE status = 'queued' AND queue_id = q.id AND queued_at <= $2 AND offer_id IS NULL
    ORDER BY queued_at LIMIT $3
) AS found;

-- name: raise
-- Opens alarms, except those that are open.
INSERT INTO alarm (id, kind, object, object_id, item_number, since, raised_at, detail)
SELECT id, kind, object, object_id, item_number, since, $8, detail
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::jsonb[])
    AS u(id, kind, object, object_id, item_number, since, detail)
ON CONFLICT DO NOTHING RETURNING id;

-- name: clear
-- Ends open alarms.
UPDATE alarm SET cleared_at = $2, revision = revision + 1 WHERE id = ANY($1::uuid[]) AND cleared_at IS NULL
RETURNING id, kind, object, object_id, since, raised_at, cleared_at, detail, owner, acknowledged_by, acknowledged_at,
    revision, item_number;

-- name: save
-- Owner and acknowledgement, if nothing else has changed it.
UPDATE alarm SET owner = $2, acknowledged_by = $3, acknowledged_at = $4, revision = revision + 1
WHERE id = $1 AND revision = $5 RETURNING id;

-- name: acknowledge
-- Acknowledges those of these open alarms that nobody has acknowledged yet.
UPDATE alarm SET acknowledged_by = $2, acknowledged_at = $3, revision = revision + 1
WHERE id = ANY($1::uuid[]) AND cleared_at IS NULL AND acknowledged_at IS NULL
RETURNING id, kind, object, object_id, since, raised_at, cleared_at, detail, owner, acknowledged_by, acknowledged_at,
    revision, item_number;

-- name: setting
-- What raises alarms, where the tenant has changed it.
SELECT body, revision FROM alarm_setting;

-- name: save_setting
-- Replaces the settings; with a revision: only if the stored one is that.
INSERT INTO alarm_setting (body) SELECT $1 WHERE $2::int IS NULL OR $2 = 0 OR EXISTS (SELECT FROM alarm_setting)
ON CONFLICT (one) DO UPDATE SET body = excluded.body, revision = alarm_setting.revision + 1
WHERE $2::int IS NULL OR alarm_setting.revision = $2
RETURNING revision;

-- name: subscription
-- What a user wants to be told of.
SELECT body, revision FROM alarm_subscription WHERE owner = $1;

-- name: subscriptions
-- What everybody wants to be told of who has said so.
SELECT owner, body FROM alarm_subscription;

-- name: save_subscription
-- Replaces a user's subscription.
INSERT INTO alarm_subscription (owner, body) VALUES ($1, $2)
ON CONFLICT (owner) DO UPDATE SET body = excluded.body, revision = alarm_subscription.revision + 1 RETURNING revision;

-- name: forget
-- Removes alarms cleared before an instant.
DELETE FROM alarm WHERE id IN (SELECT id FROM alarm WHERE cleared_at < $1 ORDER BY cleared_at LIMIT $2) RETURNING id;
