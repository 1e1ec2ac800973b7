-- An order that is being paid: until ask_until it is cancelled only after its payment provider was asked, and its deadline
-- has been extended once or not at all.
ALTER TABLE orders
    ADD COLUMN ask_until BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN extended SMALLINT NOT NULL DEFAULT 0
