-- A change is written down in one statement: each one that a trigger runs costs as much as the row that it writes.
--
-- Arguments: the object's type, the column of its id, and the column that holds a secret, if one does.
CREATE OR REPLACE FUNCTION record_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    -- What is as it was has not changed.
    IF TG_OP = 'UPDATE' AND NEW.version = OLD.version THEN
        RETURN NULL;
    END IF;
    WITH change AS (
        SELECT clock_timestamp() AS at, to_jsonb(OLD) AS row_before, to_jsonb(NEW) AS row_after
    ), journaled AS (
        INSERT INTO journal (
            event_id, object_type, object_id, object_version, action,
            actor, request_id, traceparent,
            before, after, secrets_before, secrets_after, occurred_at)
        SELECT
            uuid7(at), TG_ARGV[0], coalesce(row_after, row_before) ->> TG_ARGV[1], coalesce(NEW.version, OLD.version + 1),
            CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'UPDATE' THEN 'updated' ELSE 'deleted' END,
            -- Whoever changes something by hand is named as the database knows him.
            coalesce(nullif(current_setting('configmgt.actor', true), ''), session_user),
            nullif(current_setting('configmgt.request_id', true), ''),
            nullif(current_setting('configmgt.traceparent', true), ''),
            row_before - ARRAY['version', TG_ARGV[2]],
            row_after - ARRAY['version', TG_ARGV[2]],
            CASE WHEN TG_NARGS > 2 AND row_before IS NOT NULL THEN jsonb_build_object(TG_ARGV[2], row_before -> TG_ARGV[2]) END,
            CASE WHEN TG_NARGS > 2 AND row_after IS NOT NULL THEN jsonb_build_object(TG_ARGV[2], row_after -> TG_ARGV[2]) END,
            at
        FROM change
        RETURNING id
    )
    INSERT INTO outbox SELECT id FROM journaled;
    RETURN NULL;
END
$$;

-- A write tells who asks when it begins its transaction, and keeps its key with its answer when it commits.
DROP FUNCTION begin_change;

DROP FUNCTION members_of;
