-- What an operator is called by people, where the id is an identity provider's, and the process that was asked. Acts from before
-- have neither.
ALTER TABLE operator_acts
    ADD COLUMN actor_name VARCHAR(256) NOT NULL DEFAULT '',
    ADD COLUMN process VARBINARY(128) NOT NULL DEFAULT ''
