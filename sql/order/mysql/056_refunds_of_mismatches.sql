-- Wrong amounts had no refund.
INSERT INTO refunds (id, payment_id, order_id, amount, currency, reason, state, next_at, detail, created_at, changed_at)
    SELECT CONCAT('rf_', LEFT(SHA2(p.id, 256), 32)), p.id, p.order_id, p.amount, p.currency, 'wrong_amount', 'needs_attention',
    p.received_at, 'recorded before refunds were sent: it may have been made by hand', p.received_at, p.received_at
    FROM payments p LEFT JOIN refunds r ON r.payment_id = p.id WHERE p.result = 'mismatch' AND p.amount > 0 AND r.payment_id IS NULL
