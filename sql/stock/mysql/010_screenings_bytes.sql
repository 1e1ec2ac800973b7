-- Identifiers compare byte by byte: utf8mb4_bin takes 'alice' and 'alice ' for the same.
ALTER TABLE screenings
    MODIFY id       VARBINARY(64) NOT NULL,
    MODIFY currency VARBINARY(3) NOT NULL
