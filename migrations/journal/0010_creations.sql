-- Writes down all the creations of one statement together, for tables that many rows are put into at once: a trigger for each row
-- costs more than the row. A row of such a table gets its version by number_version and its later changes by record_change, as in
-- any other.
--
-- Arguments: the object's type, the column of its id. The rows are those of the transition table `created`.
CREATE FUNCTION record_creations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    WITH creation AS (
        SELECT clock_timestamp() AS at, to_jsonb(created) AS object FROM created
        -- Each row's time once: what stands for it is not calculated anew.
        OFFSET 0
    ), journaled AS (
        INSERT INTO journal (
            event_id, object_type, object_id, object_version, action,
            actor, request_id, traceparent, after, occurred_at)
        SELECT
            uuid7(at), TG_ARGV[0], object ->> TG_ARGV[1], (object ->> 'version')::bigint, 'created',
            coalesce(nullif(current_setting('configmgt.actor', true), ''), session_user),
            nullif(current_setting('configmgt.request_id', true), ''),
            nullif(current_setting('configmgt.traceparent', true), ''),
            object - 'version', at
        FROM creation
        RETURNING id
    )
    INSERT INTO outbox SELECT id FROM journaled;
    RETURN NULL;
END
$$;
