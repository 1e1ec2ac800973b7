-- Whether it was said by refund-sent that the money is back. Of refunds that were back before there was such a message nobody
-- is told.
ALTER TABLE refunds ADD COLUMN told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1));
UPDATE refunds SET told = 1 WHERE state IN ('done', 'settled');
CREATE INDEX refunds_untold ON refunds (told, state, id) WHERE told = 0
