-- Where buyers want to be told. The address is nowhere else until something is sent to it.
CREATE TABLE IF NOT EXISTS contacts (
    buyer_id   VARBINARY(128) NOT NULL PRIMARY KEY,
    email      VARBINARY(254) NOT NULL,
    phone      VARBINARY(16)  NOT NULL,
    language   VARBINARY(8)   NOT NULL,
    changed_at BIGINT         NOT NULL,
    CONSTRAINT contacts_any CHECK (email <> '' OR phone <> ''),
    INDEX contacts_by_change (changed_at, buyer_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
