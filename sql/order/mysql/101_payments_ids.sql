-- An id with a colon of the default provider could be taken for that of another provider, whose name stands before its own.
UPDATE payments SET id = CONCAT('webhook:', id)
    WHERE provider = 'webhook' AND id LIKE '%:%' AND id NOT LIKE 'webhook:%' AND LENGTH(id) <= 247
