-- What operators have done to notifications by hand: who, when, to what, why, and what it changed, as JSON objects.
CREATE TABLE IF NOT EXISTS operator_acts (
    id            VARBINARY(64)  NOT NULL PRIMARY KEY,
    at            BIGINT         NOT NULL,
    actor         VARBINARY(255) NOT NULL,
    act           VARCHAR(32)    NOT NULL,
    subject       VARBINARY(300) NOT NULL,
    note          VARCHAR(1000)  NOT NULL,
    fields_before MEDIUMTEXT,
    fields_after  MEDIUMTEXT,
    INDEX operator_acts_by_subject (subject),
    INDEX operator_acts_by_actor (actor)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
