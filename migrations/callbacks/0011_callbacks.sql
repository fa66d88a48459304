-- Callback lists with their requests and tickets, and the periods in which customers want to be called back.

-- Exactly one period is the default, always: at most one by the index, at least one by the trigger there_is_a_default, and whoever
-- makes another one the default makes it the only one by the trigger only_default.
CREATE TABLE preferred_callback_period (
    uuid         uuid    PRIMARY KEY,
    name         text    NOT NULL,
    period_start time(0) NOT NULL,
    period_end   time(0) NOT NULL,
    is_default   boolean NOT NULL DEFAULT false,
    version      bigint  NOT NULL DEFAULT 1,
    CONSTRAINT preferred_callback_period_name_key UNIQUE (name),
    CONSTRAINT preferred_callback_period_order    CHECK (period_start < period_end)
);
CREATE UNIQUE INDEX preferred_callback_period_default_key ON preferred_callback_period (is_default) WHERE is_default;

-- Fires after number_version: the period that becomes the default is the one that a write names, the other one follows. The lock
-- lets each one see who was the default before it.
CREATE FUNCTION only_default() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('configmgt default period'), hashtext(current_schema()));
    UPDATE preferred_callback_period SET is_default = false WHERE is_default AND uuid <> NEW.uuid;
    RETURN NEW;
END
$$;

CREATE FUNCTION there_is_a_default() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM preferred_callback_period WHERE is_default) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'preferred_callback_period_default',
            MESSAGE = 'one period is the default';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER only_default_inserted BEFORE INSERT ON preferred_callback_period
    FOR EACH ROW WHEN (NEW.is_default) EXECUTE FUNCTION only_default();
CREATE TRIGGER only_default_updated BEFORE UPDATE ON preferred_callback_period
    FOR EACH ROW WHEN (NEW.is_default AND NOT OLD.is_default) EXECUTE FUNCTION only_default();
-- At the end of the transaction, for until then none may be.
CREATE CONSTRAINT TRIGGER there_is_a_default AFTER UPDATE OR DELETE ON preferred_callback_period
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.is_default) EXECUTE FUNCTION there_is_a_default();

-- The queues that there are, as their own service tells of them. No object of this one.
CREATE TABLE known_queue (id integer PRIMARY KEY);

CREATE TABLE callback_list (
    uuid     uuid    PRIMARY KEY,
    name     text    NOT NULL,
    queue_id integer NOT NULL,
    version  bigint  NOT NULL DEFAULT 1,
    -- So that a request has its list's queue.
    CONSTRAINT callback_list_uuid_queue_id_key UNIQUE (uuid, queue_id)
);
CREATE INDEX callback_list_queue_id ON callback_list (queue_id);

CREATE TABLE callback_request (
    uuid                uuid    PRIMARY KEY,
    list_uuid           uuid    NOT NULL,
    queue_id            integer NOT NULL,
    phone_number        text,
    mobile_phone_number text,
    first_name          text,
    last_name           text,
    company             text,
    description         text,
    due_date            date    NOT NULL,
    period_uuid         uuid    NOT NULL
        CONSTRAINT callback_request_period_uuid REFERENCES preferred_callback_period,
    -- Who holds it, and since when.
    agent_id            integer,
    taken_at            timestamptz,
    clotured            boolean NOT NULL DEFAULT false,
    version             bigint  NOT NULL DEFAULT 1,
    -- Who deletes a list defers it: the list goes before its requests, for it is what the write names.
    CONSTRAINT callback_request_list_uuid FOREIGN KEY (list_uuid, queue_id) REFERENCES callback_list (uuid, queue_id)
        DEFERRABLE,
    CONSTRAINT callback_request_number CHECK (phone_number IS NOT NULL OR mobile_phone_number IS NOT NULL),
    CONSTRAINT callback_request_taken  CHECK ((agent_id IS NULL) = (taken_at IS NULL))
);
-- A list's requests, the open ones apart.
CREATE INDEX callback_request_list ON callback_request (list_uuid, clotured, uuid);
CREATE INDEX callback_request_phone_number ON callback_request (phone_number text_pattern_ops);
CREATE INDEX callback_request_mobile_phone_number ON callback_request (mobile_phone_number text_pattern_ops)
    WHERE mobile_phone_number IS NOT NULL;
CREATE INDEX callback_request_due_date ON callback_request (due_date);
CREATE INDEX callback_request_period_uuid ON callback_request (period_uuid);
CREATE INDEX callback_request_agent_id ON callback_request (agent_id) WHERE agent_id IS NOT NULL;
CREATE INDEX callback_request_taken_at ON callback_request (taken_at) WHERE taken_at IS NOT NULL AND NOT clotured;


-- A number without what only makes it easier to read.
CREATE FUNCTION dialled(number text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT translate(number, ' .-/()', '')
$$;

-- Who else wants to be called on a number.
CREATE INDEX callback_request_open_number ON callback_request (list_uuid, dialled(phone_number))
    WHERE NOT clotured AND phone_number IS NOT NULL;
CREATE INDEX callback_request_open_mobile_number ON callback_request (list_uuid, dialled(mobile_phone_number))
    WHERE NOT clotured AND mobile_phone_number IS NOT NULL;

-- A request as clients see it. Its period is always there, so counting need not look for it: the join is an outer one.
CREATE VIEW callback AS
SELECT r.uuid, r.list_uuid, r.queue_id, r.phone_number, r.mobile_phone_number, r.first_name, r.last_name, r.company,
       r.description, r.due_date, to_char(r.due_date, 'YYYY-MM-DD') AS due_day, r.period_uuid, r.agent_id, r.clotured,
       r.version, p.name AS period_name, to_char(p.period_start, 'HH24:MI:SS') AS period_start,
       to_char(p.period_end, 'HH24:MI:SS') AS period_end, p.is_default AS period_is_default
FROM callback_request r
LEFT JOIN preferred_callback_period p ON p.uuid = r.period_uuid;

CREATE TABLE callback_ticket (
    uuid         uuid        PRIMARY KEY,
    list_uuid    uuid        NOT NULL,
    request_uuid uuid        NOT NULL
        CONSTRAINT callback_ticket_request_uuid REFERENCES callback_request,
    agent_id     integer,
    status       text,
    comment      text,
    -- What a customer who was rescheduled wants.
    due_date     date,
    period_uuid  uuid CONSTRAINT callback_ticket_period_uuid REFERENCES preferred_callback_period,
    started_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    version      bigint      NOT NULL DEFAULT 1,
    CONSTRAINT callback_ticket_status CHECK (status IN ('NoAnswer', 'Answered', 'Email', 'Fax', 'Callback')),
    CONSTRAINT callback_ticket_rescheduled
        CHECK ((due_date IS NOT NULL AND period_uuid IS NOT NULL) = (coalesce(status, '') = 'Callback')
               AND (due_date IS NULL) = (period_uuid IS NULL))
);
CREATE INDEX callback_ticket_list_uuid ON callback_ticket (list_uuid, uuid);
CREATE INDEX callback_ticket_request_uuid ON callback_ticket (request_uuid);
CREATE INDEX callback_ticket_period_uuid ON callback_ticket (period_uuid) WHERE period_uuid IS NOT NULL;

-- How far an import has come. No object.
CREATE TABLE import (
    id         uuid        PRIMARY KEY,
    kind       text        NOT NULL,
    state      text        NOT NULL,
    rows_read  bigint      NOT NULL DEFAULT 0,
    imported   bigint,
    message    text,
    started_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT import_state CHECK (state IN ('running', 'done', 'failed'))
);

-- A request always has a period, so there always is one. It has always been there: its creation is no news.
INSERT INTO preferred_callback_period (uuid, name, period_start, period_end, is_default)
VALUES (uuid7(now()), 'Toute la journée', '09:00', '17:00', true);

CREATE TRIGGER number_version BEFORE INSERT OR UPDATE OR DELETE ON preferred_callback_period
    FOR EACH ROW EXECUTE FUNCTION number_version('preferred_callback_period', 'uuid');
CREATE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON preferred_callback_period
    FOR EACH ROW EXECUTE FUNCTION record_change('preferred_callback_period', 'uuid');
CREATE TRIGGER number_version BEFORE INSERT OR UPDATE OR DELETE ON callback_list
    FOR EACH ROW EXECUTE FUNCTION number_version('callback_list', 'uuid');
CREATE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON callback_list
    FOR EACH ROW EXECUTE FUNCTION record_change('callback_list', 'uuid');
CREATE TRIGGER number_version BEFORE INSERT OR UPDATE OR DELETE ON callback_request
    FOR EACH ROW EXECUTE FUNCTION number_version('callback_request', 'uuid');
-- An import puts many into it.
CREATE TRIGGER record_creations AFTER INSERT ON callback_request
    REFERENCING NEW TABLE AS created FOR EACH STATEMENT EXECUTE FUNCTION record_creations('callback_request', 'uuid');
CREATE TRIGGER record_change AFTER UPDATE OR DELETE ON callback_request
    FOR EACH ROW EXECUTE FUNCTION record_change('callback_request', 'uuid');
CREATE TRIGGER number_version BEFORE INSERT OR UPDATE OR DELETE ON callback_ticket
    FOR EACH ROW EXECUTE FUNCTION number_version('callback_ticket', 'uuid');
CREATE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON callback_ticket
    FOR EACH ROW EXECUTE FUNCTION record_change('callback_ticket', 'uuid');

GRANT SELECT, INSERT, UPDATE, DELETE ON
    preferred_callback_period, callback_list, callback_request, callback_ticket, import
    TO configmgt_callbacks;
GRANT SELECT, INSERT, DELETE ON known_queue TO configmgt_callbacks;
GRANT SELECT ON callback TO configmgt_callbacks;
