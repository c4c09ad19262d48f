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
SELECT u.id, u.customer_id, u.name, u.emails::text[], u.phones::text[], u.language, $7
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
    AS u(id, customer_id, name, emails, phones, language)
ON CONFLICT DO NOTHING RETURNING id;
