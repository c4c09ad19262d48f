-- A rule set that is about to go live in a tenant: every live process has it compiled before it judges. One at a time; it ends with
-- its publication, or with the process that publishes.
CREATE TABLE preparation (
    tenant_id text PRIMARY KEY REFERENCES tenant,
    id uuid NOT NULL UNIQUE,
    process_id uuid NOT NULL REFERENCES process ON DELETE CASCADE
);
ALTER TABLE rule_set_ready ADD COLUMN preparation uuid, ADD COLUMN fault text;
