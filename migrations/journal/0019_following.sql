-- How far this service has read the events of other services' objects of one kind. What the objects were up to there is in its copy
-- of them: both are written in one transaction.
CREATE TABLE following (
    service     text   NOT NULL,
    object_type text   NOT NULL,
    -- The life of the stream in which the sequence number counts.
    epoch       text   NOT NULL,
    sequence    bigint NOT NULL,
    PRIMARY KEY (service, object_type)
);

DO $$
BEGIN
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON following TO %I', 'configmgt_' || current_schema());
END
$$;
