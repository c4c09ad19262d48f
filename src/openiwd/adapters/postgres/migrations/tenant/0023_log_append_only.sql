-- The event log and the certificates of erasure are append-only, and the database holds to it, whatever code a change comes from. Two acts need more:
-- erasure and retention blank personal values: known by what they write, so that the code of before does it as well.
-- What is past the log's own retention is removed by a transaction that says so: set_config('openiwd.act', 'log retention', true).
CREATE FUNCTION keep_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF TG_TABLE_NAME = 'event_personal' THEN
            IF NEW.body::text = '{}' AND (NEW.generation, NEW.pos) = (OLD.generation, OLD.pos) THEN
                RETURN NEW;
            END IF;
        END IF;
    ELSIF TG_OP = 'DELETE' THEN
        IF TG_TABLE_NAME <> 'erasure' AND current_setting('openiwd.act', true) = 'log retention' THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege', HINT = 'Erasure blanks personal values; retention of the log says that it is that.';
END $$;

CREATE TRIGGER event_is_kept BEFORE UPDATE OR DELETE ON event FOR EACH ROW EXECUTE FUNCTION keep_log();
CREATE TRIGGER event_is_kept_whole BEFORE TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION keep_log();
CREATE TRIGGER personal_is_kept BEFORE UPDATE OR DELETE ON event_personal FOR EACH ROW EXECUTE FUNCTION keep_log();
CREATE TRIGGER personal_is_kept_whole BEFORE TRUNCATE ON event_personal FOR EACH STATEMENT EXECUTE FUNCTION keep_log();
CREATE TRIGGER erasure_is_kept BEFORE UPDATE OR DELETE ON erasure FOR EACH ROW EXECUTE FUNCTION keep_log();
CREATE TRIGGER erasure_is_kept_whole BEFORE TRUNCATE ON erasure FOR EACH STATEMENT EXECUTE FUNCTION keep_log();
-- Also where a session says that it only repeats what another server did.
ALTER TABLE event ENABLE ALWAYS TRIGGER event_is_kept;
ALTER TABLE event ENABLE ALWAYS TRIGGER event_is_kept_whole;
ALTER TABLE event_personal ENABLE ALWAYS TRIGGER personal_is_kept;
ALTER TABLE event_personal ENABLE ALWAYS TRIGGER personal_is_kept_whole;
ALTER TABLE erasure ENABLE ALWAYS TRIGGER erasure_is_kept;
ALTER TABLE erasure ENABLE ALWAYS TRIGGER erasure_is_kept_whole;
