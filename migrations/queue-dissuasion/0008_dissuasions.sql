-- Where callers go whom no agent of a queue answers: to a sound file or to another queue. A queue without a row has `other`.
CREATE TABLE dissuasion (
    queue_id       integer PRIMARY KEY REFERENCES queue ON DELETE CASCADE,
    -- Its name without the extension.
    sound_file     text,
    target_id      integer CONSTRAINT dissuasion_target REFERENCES queue,
    -- The name of the queue that was the target until it was deleted: the dissuasion is `other` then, and what is wrong can be told.
    deleted_target text,
    version        bigint  NOT NULL DEFAULT 1,
    CONSTRAINT dissuasion_destination CHECK (num_nonnulls(sound_file, target_id, deleted_target) = 1)
);
CREATE INDEX dissuasion_target_id ON dissuasion (target_id);

-- No caller goes round in a circle, whoever writes the dissuasion (an undo is a writer, too). One change of a target at a time:
-- otherwise two could each look before the other is committed, and make a circle together. What is looked at after the lock is
-- what is committed.
CREATE FUNCTION check_circle() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    -- A message names so many queues of a circle.
    named constant integer := 10;
    round boolean;
    steps integer;
    names text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('configmgt dissuasion'), hashtext(current_schema()));
    WITH RECURSIVE way (id, step) AS (
        SELECT NEW.queue_id, 0
        UNION ALL
        SELECT d.target_id, way.step + 1
        FROM way JOIN dissuasion d ON d.queue_id = way.id
        WHERE d.target_id IS NOT NULL AND (way.step = 0 OR way.id <> NEW.queue_id)
    )
    SELECT bool_or(step > 0 AND id = NEW.queue_id), max(step),
           string_agg(name, ' -> ' ORDER BY step) FILTER (WHERE step < named AND (step = 0 OR id <> NEW.queue_id))
    INTO round, steps, names
    FROM way JOIN queue USING (id);
    IF round THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            CONSTRAINT = 'dissuasion_circle',
            MESSAGE = CASE WHEN steps = 1 THEN format('the queue ''%s'' would dissuade to itself', names)
                ELSE format('callers would go round in a circle: %s -> %s%s', names,
                            CASE WHEN steps > named THEN '… -> ' ELSE '' END,
                            (SELECT name FROM queue WHERE id = NEW.queue_id))
            END;
    END IF;
    RETURN NULL;
END
$$;

-- A dissuasion whose target is deleted becomes `other`. The queue's row is locked by now: it can become no target any more, and
-- those who have it as theirs are committed.
CREATE FUNCTION lose_target() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE dissuasion SET target_id = NULL, deleted_target = OLD.name WHERE target_id = OLD.id;
    RETURN OLD;
END
$$;

CREATE TRIGGER no_circle AFTER INSERT OR UPDATE ON dissuasion
    FOR EACH ROW WHEN (NEW.target_id IS NOT NULL) EXECUTE FUNCTION check_circle();
-- Its name comes after number_version: what the deletion expects is the queue's version.
CREATE TRIGGER queue_is_lost_as_target BEFORE DELETE ON queue FOR EACH ROW EXECUTE FUNCTION lose_target();

CREATE TRIGGER number_version BEFORE INSERT OR UPDATE OR DELETE ON dissuasion
    FOR EACH ROW EXECUTE FUNCTION number_version('dissuasion', 'queue_id');
CREATE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON dissuasion
    FOR EACH ROW EXECUTE FUNCTION record_change('dissuasion', 'queue_id');

GRANT SELECT, INSERT, UPDATE, DELETE ON dissuasion TO configmgt_queue_dissuasion;
