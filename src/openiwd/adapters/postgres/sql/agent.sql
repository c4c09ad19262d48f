-- name: agents
-- All agents with their states.
SELECT id, revision, profile, states, session, seen_by, logged_in_at FROM agent ORDER BY id;

-- name: agent_names
-- The names of all agents.
SELECT id, profile ->> 'name' AS name FROM agent;

-- name: agents_by_id
-- Agents by id with their states.
SELECT id, revision, profile, states, session, seen_by, logged_in_at FROM agent WHERE id = ANY($1::text[]) ORDER BY id;

-- name: agents_found
-- A part of the agents that match, by name; what is null is not looked at.
SELECT id, revision, profile, states, session, seen_by, logged_in_at FROM agent
WHERE ($1::text IS NULL OR id ILIKE $1 OR profile ->> 'name' ILIKE $1 OR profile ->> 'employeeId' ILIKE $1
        OR profile ->> 'userLogin' ILIKE $1)
    AND ($2::text IS NULL OR profile -> 'groups' ? $2)
    AND ($3::text IS NULL OR profile -> 'skills' @> jsonb_build_array(jsonb_build_object('skill', $3::text)))
    AND ($4::bool IS NULL OR active = $4)
    AND ($5::text IS NULL OR coalesce(states #>> '{*,state}', 'loggedOut') = $5)
ORDER BY lower(profile ->> 'name'), id LIMIT $6 OFFSET $7;

-- name: agent_counts
-- How many of the agents that match are in each state, active ones and others.
SELECT active, coalesce(states #>> '{*,state}', 'loggedOut') AS state, count(*) AS size FROM agent
WHERE ($1::text IS NULL OR id ILIKE $1 OR profile ->> 'name' ILIKE $1 OR profile ->> 'employeeId' ILIKE $1
        OR profile ->> 'userLogin' ILIKE $1)
    AND ($2::text IS NULL OR profile -> 'groups' ? $2)
    AND ($3::text IS NULL OR profile -> 'skills' @> jsonb_build_array(jsonb_build_object('skill', $3::text)))
GROUP BY 1, 2;

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
