UPDATE refunds SET payment_id = CONCAT('webhook:', payment_id)
    WHERE provider = 'webhook' AND payment_id LIKE '%:%' AND payment_id NOT LIKE 'webhook:%' AND LENGTH(payment_id) <= 247
