-- What an act changed, as JSON objects, and the acts of one operator. Acts from before have none.
ALTER TABLE operator_acts ADD COLUMN fields_before TEXT;
ALTER TABLE operator_acts ADD COLUMN fields_after TEXT;
CREATE INDEX operator_acts_by_actor ON operator_acts (actor)
