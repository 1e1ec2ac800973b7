UPDATE payments SET refunded = amount WHERE result IN ('refund_due', 'mismatch') AND amount > 0
