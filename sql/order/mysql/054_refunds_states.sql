ALTER TABLE refunds
    DROP CONSTRAINT refunds_state,
    ADD CONSTRAINT refunds_state CHECK (amount > 0 AND state IN ('due', 'sent', 'done', 'failed', 'needs_attention', 'settled'))
