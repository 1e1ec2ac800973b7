-- Whether it was said by refund-sent that the money is back.
ALTER TABLE refunds
    ADD COLUMN told SMALLINT NOT NULL DEFAULT 0,
    ADD INDEX refunds_untold (told, state, id)
