-- The audit is append-only, and the database holds to it: a change, a deletion or a truncation is refused whatever code it comes from. One act needs it:
-- a tenant that is forgotten takes its own audit along. The transaction says so by a setting that ends with it, for the rows of that tenant alone.
CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.tenant_id = current_setting('openiwd.forgotten_tenant', true) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit is append-only: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege', HINT = 'Only forgetting a tenant removes entries: those of the tenant.';
END $$;

CREATE TRIGGER audit_is_kept BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER audit_is_kept_whole BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();
-- Also where a session says that it only repeats what another server did.
ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_is_kept;
ALTER TABLE audit ENABLE ALWAYS TRIGGER audit_is_kept_whole;

CREATE OR REPLACE FUNCTION forget_tenant(p_id text) RETURNS void LANGUAGE plpgsql AS $$
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
    PERFORM set_config('openiwd.forgotten_tenant', p_id, true);
    DELETE FROM audit WHERE tenant_id = p_id;
    PERFORM set_config('openiwd.forgotten_tenant', '', true);
    DELETE FROM tenant WHERE id = p_id;
END $$;
