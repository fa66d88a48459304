-- What rights and forwards may name of the queue-dissuasion service, as far as its events have come. No objects.
CREATE TABLE known_queue (id integer PRIMARY KEY, number text);
CREATE INDEX known_queue_number ON known_queue (number);
CREATE TABLE known_agent (id integer PRIMARY KEY, numgroup integer NOT NULL);
CREATE INDEX known_agent_numgroup ON known_agent (numgroup);

-- The forwards that take effect. While a user has an unconditional one, no call rings there, and the others wait. A user without a
-- line gets no calls.
CREATE VIEW forward AS
SELECT s.user_id, f.place, f.kind, f.destination, l.extension, l.context
FROM services s
JOIN line l ON l.user_id = s.user_id
CROSS JOIN LATERAL (VALUES
    (1, 'unconditional', s.unconditional_destination, s.unconditional_enabled),
    (2, 'busy',          s.busy_destination,          s.busy_enabled     AND NOT s.unconditional_enabled),
    (3, 'noanswer',      s.noanswer_destination,      s.noanswer_enabled AND NOT s.unconditional_enabled))
    AS f (place, kind, destination, takes_effect)
WHERE f.takes_effect;

GRANT SELECT, INSERT, UPDATE, DELETE ON known_queue, known_agent TO configmgt_users;
GRANT SELECT ON forward TO configmgt_users;
