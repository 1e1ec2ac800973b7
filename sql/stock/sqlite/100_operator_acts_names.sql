-- What an operator is called by people, where the id is an identity provider's, and the process that was asked. Acts from before
-- have neither.
ALTER TABLE operator_acts ADD COLUMN actor_name TEXT NOT NULL DEFAULT '';
ALTER TABLE operator_acts ADD COLUMN process TEXT NOT NULL DEFAULT ''
