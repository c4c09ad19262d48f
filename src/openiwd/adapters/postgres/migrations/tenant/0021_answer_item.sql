-- Which item an answer kept for an idempotency key is about: what it tells is erased with the item's contact.
ALTER TABLE idempotency_key ADD COLUMN item_number bigint;
CREATE INDEX idempotency_key_item ON idempotency_key (item_number) WHERE item_number IS NOT NULL;
