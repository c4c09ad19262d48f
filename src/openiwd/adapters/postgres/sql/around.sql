-- name: notes
-- Notes of an item, oldest first.
SELECT id, at, author, text FROM note WHERE item_number = $1 ORDER BY at, id;

-- name: add_note
-- One more note; its id, nothing where a note of this id is there.
INSERT INTO note (id, item_number, at, author, text) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id;

-- name: attachments
-- Attachments of an item without their content.
SELECT id, at, author, file_name, content_type, size FROM attachment WHERE item_number = $1 ORDER BY at, id;

-- name: attachment
-- One attachment with its content.
SELECT id, at, author, file_name, content_type, size, content FROM attachment WHERE item_number = $1 AND id = $2;

-- name: add_attachment
-- One more attachment.
INSERT INTO attachment (id, item_number, at, author, file_name, content_type, size, sha256, content)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: links
-- Links of an item in both directions.
SELECT l.kind, i.id AS item_id, i.subject, i.status, false AS incoming, l.at
FROM link l JOIN item i ON i.number = l.other_number WHERE l.item_number = $1
UNION ALL
SELECT l.kind, i.id, i.subject, i.status, true, l.at
FROM link l JOIN item i ON i.number = l.item_number WHERE l.other_number = $1
ORDER BY at, item_id;

-- name: add_link
-- One more link; the same link again changes nothing.
INSERT INTO link (item_number, kind, other_number, at, author) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING;
