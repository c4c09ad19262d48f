-- name: items_of_contact
-- The items of a contact that are there.
SELECT id, number, status FROM item WHERE contact_id = $1 ORDER BY number;

-- name: gone_items_of_contact
-- Items of a contact that were deleted: the log still knows them.
SELECT DISTINCT e.item_id FROM event e
WHERE e.item_id IS NOT NULL AND e.body #>> '{set,contact_id}' = $1 AND NOT EXISTS (SELECT FROM item i WHERE i.id = e.item_id);

-- name: around_counts
-- What lies around items, to be erased with them.
SELECT (SELECT count(*) FROM note n WHERE n.item_number = ANY($2::bigint[])) AS notes,
    (SELECT count(*) FROM attachment a WHERE a.item_number = ANY($2::bigint[])) AS attachments,
    (SELECT count(*) FROM event e JOIN event_personal p USING (generation, pos) WHERE e.item_id = ANY($1::uuid[])) AS events,
    (SELECT count(*) FROM email m LEFT JOIN email_thread t ON t.id = m.thread_id
        WHERE t.item_number = ANY($2::bigint[]) OR (m.thread_id IS NULL AND lower(m.sender) = ANY($3::text[]))) AS emails,
    (SELECT count(*) FROM idempotency_key k WHERE k.item_number = ANY($2::bigint[]) AND k.response <> 'null') AS answers,
    (SELECT count(*) FROM automatic_mail a WHERE lower(a.address) = ANY($3::text[])) AS "automaticMails";

-- name: erase_events
-- Blanks the personal parts of events; the events stay.
UPDATE event_personal p SET body = '{}' FROM event e
WHERE e.item_id = ANY($1::uuid[]) AND p.generation = e.generation AND p.pos = e.pos AND p.body::text <> '{}';

-- name: erase_notes
-- Blanks notes.
UPDATE note SET text = '' WHERE item_number = ANY($1::bigint[]) AND text <> '';

-- name: erase_attachments
-- Removes files.
DELETE FROM attachment WHERE item_number = ANY($1::bigint[]);

-- name: erase_records
-- Blanks records of sources that failed for these items.
UPDATE capture_error c SET raw = '', fields = NULL, reason = ''
FROM item i WHERE i.number = ANY($1::bigint[]) AND c.capture_point = i.capture_point AND c.capture_id = i.capture_id AND c.raw <> '';

-- name: answers_with
-- The keys of answers that hold one of some values, whatever they are about. Reads all that are kept.
SELECT key FROM idempotency_key k WHERE k.response::text ILIKE ANY($1) ORDER BY key;

-- name: erase_answers
-- Blanks answers kept for idempotency keys: about items, and some by their keys. The keys stay: nothing is done a second time.
UPDATE idempotency_key SET response = 'null'
WHERE (item_number = ANY($1::bigint[]) OR key = ANY($2::text[])) AND response <> 'null';

-- name: erase_automatic_mails
-- Forgets that these addresses were written to of late; the worst that follows is one more acknowledgement.
DELETE FROM automatic_mail WHERE lower(address) = ANY($1::text[]);

-- name: emails_on_the_way
-- Whether an email of a contact's items is being handed over in this instant.
SELECT EXISTS (SELECT FROM email e JOIN email_thread t ON t.id = e.thread_id JOIN item i ON i.number = t.item_number
    WHERE i.contact_id = $1 AND e.state IN ('sending', 'handingOver'));

-- name: erase_contact
-- Blanks a contact; its id stays, for the items that name it.
UPDATE contact SET customer_id = NULL, name = NULL, emails = '{}', phones = '{}', language = NULL, erased_at = $2,
    revision = revision + 1
WHERE id = $1;

-- name: save_erasure
-- The certificate.
INSERT INTO erasure (id, contact_id, at, actor, reason, counts, remaining) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: erasures
-- Certificates, newest first; of one contact where it is named.
SELECT id, contact_id, at, actor, reason, counts, remaining FROM erasure
WHERE $1::uuid IS NULL OR contact_id = $1 ORDER BY at DESC, id LIMIT $2;

-- name: places_of_values
-- The proof: in how many rows of each place one of some values is found, whoever it belongs to. Reads everything.
SELECT place, n FROM (
    SELECT 'contacts' AS place, count(*) AS n FROM contact c WHERE c::text ILIKE ANY($1)
    UNION ALL SELECT 'items', count(*) FROM item i WHERE concat_ws(' ', i.subject, i.description, i.contact, i.ext, i.data,
        i.overridden, i.attached_data) ILIKE ANY($1)
    UNION ALL SELECT 'events', count(*) FROM event_personal p WHERE p.body::text ILIKE ANY($1)
    UNION ALL SELECT 'notes', count(*) FROM note n WHERE n.text ILIKE ANY($1)
    UNION ALL SELECT 'attachments', count(*) FROM attachment a WHERE a.file_name ILIKE ANY($1)
        OR position($2::bytea IN a.content) > 0
    UNION ALL SELECT 'emails', count(*) FROM email m WHERE concat_ws(' ', m.sender_name, m.sender, m.people, m.subject, m.text_new,
        m.text_signature, m.text_quoted, m.html, m.headers, m.recipients, m.deliveries) ILIKE ANY($1)
    UNION ALL SELECT 'originals', count(*) FROM email_content o WHERE position($2::bytea IN o.content) > 0
    UNION ALL SELECT 'answers', count(*) FROM idempotency_key k WHERE k.response::text ILIKE ANY($1)
    UNION ALL SELECT 'automaticMails', count(*) FROM automatic_mail b WHERE b.address ILIKE ANY($1)
    UNION ALL SELECT 'records', count(*) FROM capture_error x WHERE concat_ws(' ', x.raw, x.fields, x.reason) ILIKE ANY($1)
) found WHERE n > 0 ORDER BY place;

-- name: retention
-- The rules of retention.
SELECT body, revision FROM retention;

-- name: save_retention
-- Stores the rules; with a revision, only over that one.
INSERT INTO retention AS r (body) SELECT $1 WHERE $2::int IS NULL OR $2 = 0 OR EXISTS (SELECT FROM retention)
ON CONFLICT (one) DO UPDATE SET body = excluded.body, revision = r.revision + 1 WHERE $2::int IS NULL OR r.revision = $2
RETURNING revision;

-- name: kept_too_long
-- Final items of some statuses in some categories that ended before an instant, oldest first; those of earlier rules left out.
SELECT i.number, i.id, i.revision, i.status, i.category_path, i.completed_at FROM item i
WHERE i.status = ANY($1::text[]) AND i.completed_at <= $2
    AND ($3::text IS NULL OR i.category_path = $3 OR i.category_path LIKE $4)
    AND NOT EXISTS (SELECT FROM unnest($5::text[], $6::text[]) AS earlier(status, path)
        WHERE (earlier.status IS NULL OR earlier.status = i.status)
            AND (earlier.path IS NULL OR i.category_path = earlier.path OR i.category_path LIKE earlier.path || '/%'))
ORDER BY i.completed_at LIMIT $7;

-- name: personal_of_gone
-- Blanks personal parts of events of items that were deleted before an instant; how many events.
WITH gone AS (
    SELECT d.item_id FROM event d WHERE d.type = 'deleted' AND d.at <= $1
        AND EXISTS (SELECT FROM event e JOIN event_personal p USING (generation, pos)
            WHERE e.item_id = d.item_id AND p.body::text <> '{}')
    LIMIT $2
), blanked AS (
    UPDATE event_personal p SET body = '{}' FROM event e JOIN gone USING (item_id)
    WHERE p.generation = e.generation AND p.pos = e.pos AND p.body::text <> '{}' RETURNING 1
)
SELECT count(*) FROM blanked;
