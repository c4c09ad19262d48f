-- Open items that do not wait in a queue, with what their priority is made of: a page in live order weighs all of them.
DROP INDEX item_open_rest;
CREATE INDEX item_open_rest ON item (status)
    INCLUDE (number, schema_id, clock_origin, clock_frozen, business_value, priority_fixed, priority_adjustment)
    WHERE status IN ('new','captured','assigned','held','errorheld');
