-- How many tickets of a screening there are by their state, which each door asks every few seconds.
CREATE INDEX IF NOT EXISTS tickets_by_state ON tickets (screening_id, state)
