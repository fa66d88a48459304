-- A write that made a new object is answered with its place, also when it is answered again.
ALTER TABLE idempotency ADD COLUMN created text;
