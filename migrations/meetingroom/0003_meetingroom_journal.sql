ALTER TABLE meetingroom ADD COLUMN version bigint NOT NULL DEFAULT 1;

CREATE TRIGGER number_version BEFORE INSERT OR UPDATE OR DELETE ON meetingroom
    FOR EACH ROW EXECUTE FUNCTION number_version('meetingroom', 'id');
CREATE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON meetingroom
    FOR EACH ROW EXECUTE FUNCTION record_change('meetingroom', 'id', 'user_pin');

-- The rooms that are there already: their history begins here.
INSERT INTO object_version (object_type, object_id, version) SELECT 'meetingroom', id::text, 1 FROM meetingroom;
WITH known AS (
    INSERT INTO journal (event_id, object_type, object_id, object_version, action, actor, after, secrets_after, occurred_at)
    SELECT uuid7(clock_timestamp()), 'meetingroom', id::text, 1, 'created', 'migration',
           to_jsonb(m) - 'version' - 'user_pin', members_of(to_jsonb(m), '{user_pin}'), clock_timestamp()
    FROM meetingroom m ORDER BY id
    RETURNING id)
INSERT INTO outbox SELECT id FROM known;
