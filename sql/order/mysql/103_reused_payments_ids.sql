UPDATE reused_payments SET payment_id = CONCAT('webhook:', payment_id)
    WHERE payment_id LIKE '%:%' AND payment_id NOT LIKE 'webhook:%' AND LENGTH(payment_id) <= 247
