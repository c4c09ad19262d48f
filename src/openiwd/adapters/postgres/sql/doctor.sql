-- name: wanted
-- Waiting items by what decides who may take them. Reads all of them, so only where no picture is at hand.
SELECT queue_id, media_type, requirement, count(*) AS items, min(number) AS number
FROM item WHERE status = 'queued' GROUP BY queue_id, media_type, requirement;

-- name: ids_of
-- The ids of some items.
SELECT number, id FROM item WHERE number = ANY($1::bigint[]);

-- name: overdue
-- Waiting items past their due date by queue: by the dashboards' index alone.
SELECT queue_id, count(*) AS items, min(due_at) AS first_due
FROM item
WHERE status IN ('new','captured','queued','assigned','held','errorheld') AND status = 'queued' AND due_at < $1
    AND queue_id IS NOT NULL
GROUP BY queue_id;

-- name: overdue_first
-- The waiting items that were due first.
SELECT id, queue_id, capture_id FROM item
WHERE status IN ('new','captured','queued','assigned','held','errorheld') AND due_at < $1 AND status = 'queued'
ORDER BY due_at LIMIT $2;

-- name: error_causes
-- What the errors of errorheld items say, with some of the items.
SELECT coalesce(error, '') AS error, count(*) AS items, (array_agg(id ORDER BY number))[1:3] AS ids,
    (array_agg(capture_id ORDER BY number))[1:3] AS capture_ids
FROM (SELECT number, id, capture_id, error FROM item WHERE status = 'errorheld' ORDER BY number LIMIT $1) AS held
GROUP BY 1;

-- name: expired_offers
-- Open offers whose time has long been over.
SELECT item_id, agent_id FROM offer WHERE outcome IS NULL AND expires_at < $1 ORDER BY expires_at LIMIT $2;

-- name: log_end
-- The last positions of the log: how far they reach, how many there are.
SELECT coalesce(max(pos) - min(pos) + 1, 0) AS span, count(*) AS events FROM (
    SELECT e.pos FROM tenant_state s JOIN event e ON e.generation = s.generation ORDER BY e.pos DESC LIMIT $1
) AS last;

-- name: log_items
-- The items of the last events, with their revision and that of their last event; one statement sees both as of one instant.
SELECT i.id, i.revision AS revision, h.revision AS told
FROM (
    SELECT DISTINCT item_id FROM (
        SELECT e.item_id FROM tenant_state s JOIN event e ON e.generation = s.generation ORDER BY e.pos DESC LIMIT $1
    ) AS last WHERE item_id IS NOT NULL
) AS recent
JOIN item i ON i.id = recent.item_id
CROSS JOIN LATERAL (SELECT max(e.revision) AS revision FROM event e WHERE e.item_id = i.id) AS h;

-- name: running_bulk
-- Bulk runs that are not over.
SELECT j.id, j.action, j.created_at,
    (SELECT count(*) FROM (SELECT FROM bulk_job_item b WHERE b.job_id = j.id AND b.outcome IS NULL LIMIT 100000) AS w) AS "left"
FROM bulk_job j WHERE j.status = 'running';

-- name: tables
-- Rows and dead rows of the tables, as the statistics have them.
SELECT relname AS name, n_live_tup AS rows, n_dead_tup AS dead FROM pg_stat_user_tables ORDER BY relname;

-- name: server
-- Size, connections, age of transaction ids, autovacuum.
SELECT pg_database_size(current_database()) AS size,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
    current_setting('max_connections')::int AS most,
    (SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()) AS age,
    current_setting('autovacuum')::boolean AS autovacuum;

-- name: long_transactions
-- Transactions of this database that have been open for long.
SELECT extract(epoch FROM clock_timestamp() - xact_start)::int AS seconds, coalesce(application_name, '') AS application
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    AND xact_start < clock_timestamp() - make_interval(secs => $1)
ORDER BY xact_start LIMIT 5;

-- name: invalid_indexes
-- Indexes that were begun and not finished.
SELECT c.relname AS name FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid WHERE NOT x.indisvalid;

-- name: limit_statements
-- For the rest of this transaction a statement may take so long.
SELECT set_config('statement_timeout', $1, true);
