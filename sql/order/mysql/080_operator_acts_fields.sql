-- What an act changed, as JSON objects, and the acts of one operator. Acts from before have none.
ALTER TABLE operator_acts
    ADD COLUMN fields_before MEDIUMTEXT,
    ADD COLUMN fields_after MEDIUMTEXT,
    ADD INDEX operator_acts_by_actor (actor)
