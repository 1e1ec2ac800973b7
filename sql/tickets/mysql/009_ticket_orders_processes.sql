-- Which process made the tickets of an order, and which one made them void and when: host name and process number. Empty is
-- one from before, as is a void order without the time.
ALTER TABLE ticket_orders
    ADD COLUMN made_by VARBINARY(128) NOT NULL DEFAULT '',
    ADD COLUMN voided_at BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN voided_by VARBINARY(128) NOT NULL DEFAULT ''
