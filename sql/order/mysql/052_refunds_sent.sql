-- A refund has an id of its own, because a payment can go back in parts, and a state, because it is sent. sending counts
-- how often it was sent anew with another key, once its provider had spent one on a final no; next_at is when a worker may
-- take it, and changes with each claim.
ALTER TABLE refunds
    ADD COLUMN id VARBINARY(64) NOT NULL DEFAULT '' FIRST,
    ADD COLUMN provider VARCHAR(16) NOT NULL DEFAULT 'webhook' AFTER order_id,
    ADD COLUMN sending INT NOT NULL DEFAULT 0 AFTER state,
    ADD COLUMN spent SMALLINT NOT NULL DEFAULT 0 AFTER sending,
    ADD COLUMN tries INT NOT NULL DEFAULT 0 AFTER spent,
    ADD COLUMN next_at BIGINT NOT NULL DEFAULT 0 AFTER tries,
    ADD COLUMN reference VARBINARY(255) NOT NULL DEFAULT '' AFTER next_at,
    ADD COLUMN detail VARCHAR(1000) NOT NULL DEFAULT '' AFTER reference,
    ADD COLUMN changed_at BIGINT NOT NULL DEFAULT 0
