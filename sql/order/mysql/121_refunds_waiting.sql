-- The oldest refunds that wait to be sent, or for a person, are read without the others.
ALTER TABLE refunds ADD INDEX refunds_waiting (state, created_at, id)
