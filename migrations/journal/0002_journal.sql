-- The journal: one row for each committed change, written by the database itself in the statement that makes the change, and so
-- in its transaction and under the lock of the object's row. Events, history, undo and the live feed are views of it.
--
-- Every schema gets the same. A table whose rows are objects is journaled by two triggers: number_version and record_change.

CREATE TABLE journal (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id       uuid        NOT NULL,
    object_type    text        NOT NULL,
    object_id      text        NOT NULL,
    object_version bigint      NOT NULL,
    action         text        NOT NULL,
    actor          text        NOT NULL,
    request_id     text,
    traceparent    text,
    -- The row as JSON without its secrets, which stand apart: only an undo needs them.
    before         jsonb,
    after          jsonb,
    secrets_before jsonb,
    secrets_after  jsonb,
    occurred_at    timestamptz NOT NULL,
    CONSTRAINT journal_event_id_key       UNIQUE (event_id),
    CONSTRAINT journal_object_version_key UNIQUE (object_type, object_id, object_version),
    CONSTRAINT journal_action             CHECK (action IN ('created', 'updated', 'deleted'))
);

-- Rows come in the order of their time: a few pages of such an index serve a table of any size.
CREATE INDEX journal_occurred_at ON journal USING brin (occurred_at);

-- What of the journal is not yet published. A table of its own, so that publishing does not rewrite the journal.
CREATE TABLE outbox (journal_id bigint PRIMARY KEY);
-- Rows come and go: a scan from the lowest id must not wade through what is gone.
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- The last version of each object, also of a deleted one: when it is created again, its versions go on.
CREATE TABLE object_version (
    object_type text   NOT NULL,
    object_id   text   NOT NULL,
    version     bigint NOT NULL,
    PRIMARY KEY (object_type, object_id)
);

-- What is in the stream, as the relay left it.
CREATE TABLE relay_state (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch    text   NOT NULL,
    sequence bigint NOT NULL,
    event_id uuid
);

-- The writes that were carried out, by the keys their clients gave them, with their answers.
CREATE TABLE idempotency (
    actor       text        NOT NULL,
    key         text        NOT NULL,
    fingerprint bytea       NOT NULL,
    reply       bytea,
    version     bigint,
    occurred_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_occurred_at ON idempotency USING brin (occurred_at);

-- How far this service has followed the objects of other services.
CREATE TABLE followed (
    service     text   NOT NULL,
    object_type text   NOT NULL,
    object_id   text   NOT NULL,
    version     bigint NOT NULL,
    PRIMARY KEY (service, object_type, object_id)
);

-- RFC 9562, version 7: the time in milliseconds, then chance.
CREATE FUNCTION uuid7(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM at) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
            52, 1), 53, 1),
        'hex')::uuid
$$;

-- Begins a write: says who changes what follows in this transaction, and claims the write's key. A write of the same key that is
-- under way is waited for.
--
-- Answers `new`, `done` with the answer that was given, or `other` where the key belongs to another write.
CREATE FUNCTION begin_change(
    IN  actor text, IN request_id text, IN traceparent text, IN expected text, IN key text, IN fingerprint bytea,
    OUT claim text, OUT reply bytea, OUT version bigint
) LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    known idempotency;
BEGIN
    PERFORM set_config('configmgt.actor', begin_change.actor, true),
            set_config('configmgt.request_id', coalesce(begin_change.request_id, ''), true),
            set_config('configmgt.traceparent', coalesce(begin_change.traceparent, ''), true),
            set_config('configmgt.expected', coalesce(begin_change.expected, ''), true);
    claim := 'new';
    IF begin_change.key IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO idempotency (actor, key, fingerprint)
    VALUES (begin_change.actor, begin_change.key, begin_change.fingerprint)
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT * INTO known FROM idempotency i WHERE i.actor = begin_change.actor AND i.key = begin_change.key;
    IF known.fingerprint = begin_change.fingerprint THEN
        claim := 'done';
        reply := known.reply;
        version := known.version;
    ELSE
        claim := 'other';
    END IF;
END
$$;

-- Gives the row its version. The first object that a write changes is the one it names: if the write expects certain versions
-- of it, it must have one of them.
--
-- Arguments: the object's type, the column of its id.
CREATE FUNCTION number_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    expected text := current_setting('configmgt.expected', true);
    found    bigint;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        found := OLD.version;
    END IF;
    IF expected <> '' THEN
        PERFORM set_config('configmgt.expected', '', true);
        IF found IS NULL OR (expected <> '*' AND NOT found = ANY (('{' || expected || '}')::bigint[])) THEN
            RAISE EXCEPTION USING
                ERRCODE = 'CM412',
                MESSAGE = coalesce('the object has version ' || found, 'there is no such object yet');
        END IF;
    END IF;
    CASE TG_OP
        WHEN 'INSERT' THEN
            INSERT INTO object_version AS known (object_type, object_id, version)
            VALUES (TG_ARGV[0], to_jsonb(NEW) ->> TG_ARGV[1], 1)
            ON CONFLICT (object_type, object_id) DO UPDATE SET version = known.version + 1
            RETURNING known.version INTO NEW.version;
        WHEN 'UPDATE' THEN
            -- What is as it was has not changed.
            IF NEW IS DISTINCT FROM OLD THEN
                NEW.version := OLD.version + 1;
            END IF;
        WHEN 'DELETE' THEN
            INSERT INTO object_version AS known (object_type, object_id, version)
            VALUES (TG_ARGV[0], to_jsonb(OLD) ->> TG_ARGV[1], OLD.version + 1)
            ON CONFLICT (object_type, object_id) DO UPDATE SET version = excluded.version;
            RETURN OLD;
    END CASE;
    RETURN NEW;
END
$$;

-- Writes the change down.
--
-- Arguments: the object's type, the column of its id, and the columns that hold secrets.
CREATE FUNCTION record_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    secret     text[] := TG_ARGV[2:];
    row_before jsonb;
    row_after  jsonb;
    now_at     timestamptz := clock_timestamp();
    made       bigint;
    journal_id bigint;
BEGIN
    CASE TG_OP
        WHEN 'INSERT' THEN
            row_after := to_jsonb(NEW) - 'version';
            made := NEW.version;
        WHEN 'UPDATE' THEN
            IF NEW.version = OLD.version THEN
                RETURN NULL;
            END IF;
            row_before := to_jsonb(OLD) - 'version';
            row_after := to_jsonb(NEW) - 'version';
            made := NEW.version;
        WHEN 'DELETE' THEN
            row_before := to_jsonb(OLD) - 'version';
            made := OLD.version + 1;
    END CASE;
    INSERT INTO journal (
        event_id, object_type, object_id, object_version, action,
        actor, request_id, traceparent,
        before, after, secrets_before, secrets_after, occurred_at)
    VALUES (
        uuid7(now_at), TG_ARGV[0], coalesce(row_after, row_before) ->> TG_ARGV[1], made,
        CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'UPDATE' THEN 'updated' ELSE 'deleted' END,
        -- Whoever changes something by hand is named as the database knows him.
        coalesce(nullif(current_setting('configmgt.actor', true), ''), session_user),
        nullif(current_setting('configmgt.request_id', true), ''),
        nullif(current_setting('configmgt.traceparent', true), ''),
        row_before - secret, row_after - secret, members_of(row_before, secret), members_of(row_after, secret), now_at)
    RETURNING id INTO journal_id;
    INSERT INTO outbox VALUES (journal_id);
    RETURN NULL;
END
$$;

-- The members of an object that have these names.
CREATE FUNCTION members_of(object jsonb, names text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN cardinality(names) > 0 THEN
        (SELECT jsonb_object_agg(member.key, member.value) FROM jsonb_each(object) AS member WHERE member.key = ANY (names))
    END
$$;

-- Forgets published changes older than `keep`, the oldest first, at most `most` of them; answers how many. What is not
-- published is never forgotten.
CREATE FUNCTION prune_journal(keep interval, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    WITH pruned AS (
        DELETE FROM journal WHERE id IN (
            SELECT j.id FROM journal j
            WHERE j.occurred_at < now() - keep AND NOT EXISTS (SELECT FROM outbox o WHERE o.journal_id = j.id)
            ORDER BY j.id LIMIT most)
        RETURNING 1)
    SELECT count(*) FROM pruned
$$;

-- The service adds to the journal through its triggers only, and can change nothing in it.
DO $$
DECLARE
    service text := 'configmgt_' || current_schema();
BEGIN
    EXECUTE format('GRANT SELECT ON journal TO %I', service);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON outbox TO %I', service);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON relay_state TO %I', service);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency, followed TO %I', service);
    REVOKE EXECUTE ON FUNCTION prune_journal FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION prune_journal TO %I', service);
END
$$;
