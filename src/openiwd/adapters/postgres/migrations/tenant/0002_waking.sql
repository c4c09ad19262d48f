-- What the timers look for: holds that wait for something else than time, and answers kept under idempotency keys.
CREATE INDEX item_wakes ON item (number) WHERE status = 'held' AND hold_wakes_on IS NOT NULL;
CREATE INDEX idempotency_key_at ON idempotency_key (at);
