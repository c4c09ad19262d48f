-- name: agents
-- All agents with their states.
SELECT id, revision, profile, states, session, seen_by, logged_in_at FROM agent ORDER BY id;

-- name: agent_names
-- The names of all agents.
SELECT id, profile ->> 'name' AS name FROM agent;

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

-- name: lock_agent
-- One agent, locked against other changes of its states.
SELECT id, revision, profile, states, session, seen_by, logged_in_at FROM agent WHERE id = $1 FOR UPDATE;

-- name: agents_seen
-- Which process holds the streams of these agents.
UPDATE agent SET seen_by = $2 WHERE id = ANY($1::text[]) AND seen_by IS DISTINCT FROM $2;

-- name: stranded_agents
-- Agents logged in whose stream was with none of these processes, and who are not marked as lost yet.
SELECT id, seen_by FROM agent
WHERE logged_in_at IS NOT NULL AND seen_by <> ALL($1::uuid[]) AND states #>> '{*,reason}' IS DISTINCT FROM 'connectionLost';

-- name: delete_agent
-- Removes an agent.
DELETE FROM agent WHERE id = $1 RETURNING id;
