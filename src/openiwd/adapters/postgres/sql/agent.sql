-- name: agents
-- All agents with their states.
SELECT id, revision, profile, states, session, seen_by, logged_in_at FROM agent ORDER BY id;

-- name: agents_by_id
-- Agents by id with their states.
SELECT id, revision, profile, states, session, seen_by, logged_in_at FROM agent WHERE id = ANY($1::text[]) ORDER BY id;

-- name: save_agent
-- Inserts or replaces a profile; states stay. With a revision: only if the stored one is that.
INSERT INTO agent (id, active, profile) SELECT $1, $2, $3
WHERE $4::int IS NULL OR EXISTS (SELECT FROM agent WHERE id = $1)
ON CONFLICT (id) DO UPDATE SET active = excluded.active, profile = excluded.profile, revision = agent.revision + 1
WHERE $4::int IS NULL OR agent.revision = $4
RETURNING id, revision, profile, states, session, seen_by, logged_in_at;

-- name: save_agent_state
-- States and presence of an agent.
UPDATE agent SET states = $2, session = $3, seen_by = $4, logged_in_at = $5 WHERE id = $1 RETURNING id;

-- name: delete_agent
-- Removes an agent.
DELETE FROM agent WHERE id = $1 RETURNING id;
