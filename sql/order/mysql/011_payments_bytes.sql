-- Identifiers compare byte by byte: utf8mb4_bin takes 'alice' and 'alice ' for the same.
ALTER TABLE payments
    MODIFY id         VARBINARY(255) NOT NULL,
    MODIFY order_id   VARBINARY(255) NOT NULL,
    MODIFY currency   VARBINARY(8) NOT NULL,
    MODIFY webhook_id VARBINARY(255) NOT NULL
