-- Forgets published changes older than `keep`, the oldest first, at most `most` of them; answers how many. What is not
-- published is never forgotten. While a relay puts changes back into the outbox, nothing is: which ones these are is not
-- to be seen before it commits.
CREATE OR REPLACE FUNCTION prune_journal(keep interval, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    pruned bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('configmgt journal'), hashtext(current_schema())) THEN
        RETURN 0;
    END IF;
    -- A statement of its own sees what was committed until now.
    DELETE FROM journal WHERE id IN (
        SELECT j.id FROM journal j
        WHERE j.occurred_at < now() - keep AND NOT EXISTS (SELECT FROM outbox o WHERE o.journal_id = j.id)
        ORDER BY j.id LIMIT most);
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END
$$;
