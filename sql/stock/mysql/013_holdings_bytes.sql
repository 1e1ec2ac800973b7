-- Identifiers compare byte by byte: utf8mb4_bin takes 'alice' and 'alice ' for the same.
ALTER TABLE holdings
    MODIFY screening_id VARBINARY(64) NOT NULL,
    MODIFY buyer_id     VARBINARY(255) NOT NULL
