-- Identifiers compare byte by byte: utf8mb4_bin takes 'alice' and 'alice ' for the same.
ALTER TABLE fences
    MODIFY tx_id VARBINARY(64) NOT NULL
