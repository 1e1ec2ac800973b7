-- How many tickets of a screening there are by their state, which each door asks every few seconds.
ALTER TABLE tickets ADD INDEX tickets_by_state (screening_id, state)
