-- name: contacts_by_customer
-- Contacts by customerId.
SELECT customer_id, id FROM contact WHERE customer_id = ANY($1::text[]);

-- name: contacts_by_address
-- Contacts that have one of these addresses.
SELECT id, emails, phones FROM contact WHERE emails && $1::text[] OR phones && $2::text[];

-- name: lock_addresses
-- Makes intakes that bring the same new addresses wait for each other, in one order.
SELECT pg_advisory_xact_lock(hashtextextended(address, 731098451)) FROM unnest($1::text[]) AS address;

-- name: insert_contacts
-- New contacts; a customerId that another transaction has just inserted stays with that one.
INSERT INTO contact (id, customer_id, name, emails, phones, language, created_at)
SELECT id, customer_id, name, emails, phones, language, $2
FROM json_to_recordset($1::text::json)
    AS u(id uuid, customer_id text, name text, emails text[], phones text[], language text)
ON CONFLICT DO NOTHING;

-- name: contact
-- One contact.
SELECT id, customer_id, name, emails, phones, language, created_at FROM contact WHERE id = $1;

-- name: contacts
-- Contacts whose customerId or name holds a text, or that have it as an address; pages by id.
SELECT id, customer_id, name, emails, phones, language, created_at
FROM contact
WHERE ($1::text IS NULL OR name ILIKE $1 OR customer_id ILIKE $1 OR emails @> ARRAY[$2::text] OR phones @> ARRAY[$2::text])
    AND ($3::uuid IS NULL OR id > $3)
ORDER BY id LIMIT $4;
