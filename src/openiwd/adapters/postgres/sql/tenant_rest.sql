-- name: reasons_to_wake
-- What is in progress in a tenant, or falls due between two instants, though nobody asks.
SELECT array_remove(ARRAY[
    CASE WHEN EXISTS (SELECT FROM agent WHERE logged_in_at IS NOT NULL) THEN 'agents' END,
    CASE WHEN EXISTS (SELECT FROM offer WHERE outcome IS NULL) THEN 'offers' END,
    CASE WHEN EXISTS (SELECT FROM item WHERE status = 'captured' AND activation_at <= $2) THEN 'activation' END,
    CASE WHEN EXISTS (SELECT FROM item WHERE status = 'held' AND hold_until <= $2) THEN 'holds' END,
    CASE WHEN EXISTS (SELECT FROM item WHERE reserved_until <= $2) THEN 'reservations' END,
    CASE WHEN EXISTS (SELECT FROM item WHERE status IN ('new', 'captured', 'queued', 'assigned', 'held', 'errorheld')
        AND due_at BETWEEN $1::timestamptz - interval '5 minutes' AND $2) THEN 'due' END,
    CASE WHEN EXISTS (SELECT FROM item WHERE status IN ('completed', 'canceled', 'rejected') AND expiration_at <= $1)
        THEN 'expiry' END,
    CASE WHEN EXISTS (SELECT FROM webhook_delivery WHERE state = 'waiting') OR EXISTS (
        SELECT FROM webhook_state w WHERE (w.generation, w.pos) < (
            SELECT s.generation, coalesce((SELECT max(e.pos) FROM event e WHERE e.generation = s.generation), 0) FROM tenant_state s))
        THEN 'webhooks' END,
    CASE WHEN EXISTS (SELECT FROM bulk_job WHERE status = 'running') THEN 'bulk runs' END,
    CASE WHEN EXISTS (SELECT FROM canary WHERE ended_at IS NULL) OR EXISTS (SELECT FROM shadow WHERE stopped_at IS NULL)
        THEN 'trials' END,
    CASE WHEN EXISTS (SELECT FROM capture_point WHERE coalesce((body->>'enabled')::boolean, true)
        AND body->>'kind' NOT IN ('rest', 'webhook')) THEN 'capture' END,
    CASE WHEN EXISTS (SELECT FROM integration WHERE (body->>'enabled')::boolean) THEN 'routing' END,
    CASE WHEN EXISTS (SELECT FROM report_schedule s LEFT JOIN report_run r ON r.schedule_id = s.id
        WHERE (s.body->>'active')::boolean AND (r.schedule_id IS NULL OR r.next_at <= $2)) THEN 'reports' END
], NULL);
