-- Earlier versions sent no refunds: the money of some has gone back by hand, and a person has to say of which.
UPDATE refunds SET id = CONCAT('rf_', LEFT(SHA2(payment_id, 256), 32)), state = 'needs_attention', next_at = created_at,
    changed_at = created_at, detail = 'recorded before refunds were sent: it may have been made by hand' WHERE id = ''
