-- What operators have done to orders and money by hand: who, when, to what, and why.
CREATE TABLE IF NOT EXISTS operator_acts (
    id      VARBINARY(64)  NOT NULL PRIMARY KEY,
    at      BIGINT         NOT NULL,
    actor   VARBINARY(255) NOT NULL,
    act     VARCHAR(32)    NOT NULL,
    subject VARBINARY(300) NOT NULL,
    note    VARCHAR(1000)  NOT NULL,
    INDEX operator_acts_by_subject (subject)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
