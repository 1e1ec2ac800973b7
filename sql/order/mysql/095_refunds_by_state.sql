-- Refunds that are not back are looked for among all that ever were.
ALTER TABLE refunds ADD INDEX refunds_by_state (state, id)
