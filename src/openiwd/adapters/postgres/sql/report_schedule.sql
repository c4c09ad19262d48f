-- name: report_runs
-- What came of schedules the last time, and how far their emails are.
SELECT r.schedule_id, r.next_at, r.due_at, r.at, r.outcome, r.detail, r.email_id, e.state AS email_state, e.error AS email_error
FROM report_run r LEFT JOIN email e ON e.id = r.email_id ORDER BY r.schedule_id;

-- name: save_report_run
-- Of a schedule that is gone meanwhile: nothing. Never back to an earlier instant.
INSERT INTO report_run (schedule_id, next_at, due_at, at, outcome, detail, email_id)
SELECT $1, $2, $3, $4, $5, $6, $7 WHERE EXISTS (SELECT FROM report_schedule WHERE id = $1)
ON CONFLICT (schedule_id) DO UPDATE SET next_at = excluded.next_at, due_at = excluded.due_at, at = excluded.at,
    outcome = excluded.outcome, detail = excluded.detail, email_id = excluded.email_id
WHERE report_run.due_at IS NULL OR excluded.due_at >= report_run.due_at;

-- name: age_report_emails
-- Removes emails of reports that are no longer on their way; originals that nothing names any more go with them.
WITH gone AS (
    DELETE FROM email WHERE id IN (
        SELECT id FROM email WHERE direction = 'out' AND thread_id IS NULL AND at < $1
            AND state NOT IN ('queued', 'sending', 'handingOver') ORDER BY at LIMIT $2
    ) RETURNING id, sha256
), contents AS (
    DELETE FROM email_content c USING gone g
    WHERE c.sha256 = g.sha256 AND NOT EXISTS (SELECT FROM email e WHERE e.sha256 = c.sha256 AND e.id NOT IN (SELECT id FROM gone))
)
SELECT count(*) FROM gone;
