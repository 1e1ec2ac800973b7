-- Identifiers compare byte by byte: utf8mb4_bin takes 'alice' and 'alice ' for the same.
ALTER TABLE reservations
    MODIFY order_id     VARBINARY(26) NOT NULL,
    MODIFY request_id   VARBINARY(26) NOT NULL,
    MODIFY screening_id VARBINARY(64) NOT NULL,
    MODIFY buyer_id     VARBINARY(255) NOT NULL,
    MODIFY currency     VARBINARY(3) NOT NULL
