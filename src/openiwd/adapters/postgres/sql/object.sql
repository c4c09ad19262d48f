-- name: named
-- Skills or agent groups.
SELECT id, name, description, revision FROM {table} ORDER BY id;

-- name: save_named
-- Inserts or replaces a skill or agent group; with a revision: only if the stored one is that.
INSERT INTO {table} (id, name, description) SELECT $1, $2, $3
WHERE $4::int IS NULL OR EXISTS (SELECT FROM {table} WHERE id = $1)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, description = excluded.description, revision = {table}.revision + 1
WHERE $4::int IS NULL OR {table}.revision = $4
RETURNING revision;

-- name: bodies
-- Objects of a kind that are kept as one JSON body.
SELECT id, body, revision FROM {table} ORDER BY id;

-- name: save_body
-- Inserts or replaces an object; with a revision: only if the stored one is that.
INSERT INTO {table} (id, body) SELECT $1, $2
WHERE $3::int IS NULL OR EXISTS (SELECT FROM {table} WHERE id = $1)
ON CONFLICT (id) DO UPDATE SET body = excluded.body, revision = {table}.revision + 1
WHERE $3::int IS NULL OR {table}.revision = $3
RETURNING revision;

-- name: views
-- Saved queue views.
SELECT id, owner, shared, body, revision FROM saved_view ORDER BY id;

-- name: save_view
-- Inserts or replaces a saved view, which keeps its owner; with a revision: only if the stored one is that.
INSERT INTO saved_view (id, owner, shared, body) SELECT $1, $2, $3, $4
WHERE $5::int IS NULL OR EXISTS (SELECT FROM saved_view WHERE id = $1)
ON CONFLICT (id) DO UPDATE SET shared = excluded.shared, body = excluded.body, revision = saved_view.revision + 1
WHERE $5::int IS NULL OR saved_view.revision = $5
RETURNING revision;

-- name: delete
-- Removes an object.
DELETE FROM {table} WHERE id = $1 RETURNING id;
