-- What the platform has ordered for each tenant, and how far it is. A tenant without a row here is ready.
CREATE TABLE provisioning (
    tenant_id text PRIMARY KEY REFERENCES tenant,
    state text NOT NULL CHECK (state IN ('creating', 'ready', 'suspended', 'deleting')),
    state_at timestamptz NOT NULL,
    reason text,
    delete_after timestamptz,
    outside jsonb NOT NULL DEFAULT '{}',       -- addresses of other systems that serve this tenant
    sealed bytea                               -- their secrets
);

-- Where requests for a tenant came in lately, told by processes that have many tenants: others wake theirs.
CREATE TABLE tenant_use (
    tenant_id text PRIMARY KEY REFERENCES tenant,
    used_at timestamptz NOT NULL
);

-- Removes all that this database knows of a tenant, its own audit included: a later tenant of that id must not read it.
-- What the platform did stays in the platform's audit.
CREATE FUNCTION forget_tenant(p_id text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    held record;
BEGIN
    FOR held IN
        SELECT c.conrelid::regclass AS name, a.attname AS key
        FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE c.contype = 'f' AND c.confrelid = 'tenant'::regclass
        ORDER BY c.conrelid = 'app_user'::regclass, 1
    LOOP
        EXECUTE format('DELETE FROM %s WHERE %I = $1', held.name, held.key) USING p_id;
    END LOOP;
    DELETE FROM audit WHERE tenant_id = p_id;
    DELETE FROM tenant WHERE id = p_id;
END $$;
