-- An id with a colon of the default provider could be taken for that of another provider, whose name stands before its own.
UPDATE payments SET id = 'webhook:' || id
    WHERE provider = 'webhook' AND id LIKE '%:%' AND id NOT LIKE 'webhook:%' AND length(id) <= 247;
UPDATE refunds SET payment_id = 'webhook:' || payment_id
    WHERE provider = 'webhook' AND payment_id LIKE '%:%' AND payment_id NOT LIKE 'webhook:%' AND length(payment_id) <= 247;
UPDATE reused_payments SET payment_id = 'webhook:' || payment_id
    WHERE payment_id LIKE '%:%' AND payment_id NOT LIKE 'webhook:%' AND length(payment_id) <= 247
