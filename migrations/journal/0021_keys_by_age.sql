-- Keys are forgotten in batches, by their age; those that the edge made long before those of clients. An index of the oldest leads
-- each batch past what is young and what is gone already, which an index of block ranges cannot.
CREATE INDEX idempotency_of_edge ON idempotency (occurred_at) WHERE key LIKE 'edge/%';
CREATE INDEX idempotency_of_clients ON idempotency (occurred_at) WHERE key NOT LIKE 'edge/%';
DROP INDEX idempotency_occurred_at;
