-- What is told, once each: the id is made of order, kind, what it is about and channel. about is the reason of a
-- cancellation or the id of a refund, whose amount and currency stand beside it. next_at is when a worker may take it, and
-- changes with each claim.
CREATE TABLE IF NOT EXISTS notifications (
    id           TEXT    NOT NULL PRIMARY KEY,
    order_id     TEXT    NOT NULL,
    screening_id TEXT    NOT NULL,
    buyer_id     TEXT    NOT NULL,
    kind         TEXT    NOT NULL CHECK (kind IN ('reserved', 'paid', 'cancelled', 'refunded')),
    channel      TEXT    NOT NULL CHECK (channel IN ('mail', 'sms')),
    about        TEXT    NOT NULL,
    amount       INTEGER NOT NULL DEFAULT 0,
    currency     TEXT    NOT NULL DEFAULT '',
    state        TEXT    NOT NULL CHECK (state IN ('due', 'sent', 'dead', 'skipped')),
    sent_to      TEXT    NOT NULL DEFAULT '',
    tries        INTEGER NOT NULL DEFAULT 0,
    last_error   TEXT    NOT NULL DEFAULT '',
    created_at   INTEGER NOT NULL,
    next_at      INTEGER NOT NULL,
    sent_at      INTEGER,
    CHECK ((state = 'sent') = (sent_at IS NOT NULL))
) STRICT;
CREATE INDEX IF NOT EXISTS notifications_by_order ON notifications (order_id);
CREATE INDEX IF NOT EXISTS notifications_by_buyer ON notifications (buyer_id, created_at);
CREATE INDEX IF NOT EXISTS notifications_by_screening ON notifications (screening_id, order_id);
CREATE INDEX IF NOT EXISTS notifications_due ON notifications (state, channel, next_at);
CREATE INDEX IF NOT EXISTS notifications_by_state ON notifications (state, id)
