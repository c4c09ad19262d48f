-- Open items that do not wait in a queue: few beside those that do. Pages in live order begin with the decider's order of
-- the waiting ones and add these.
CREATE INDEX item_open_rest ON item (status) WHERE status IN ('new','captured','assigned','held','errorheld');
