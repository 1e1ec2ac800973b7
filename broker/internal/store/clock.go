package store

// clockSlack is by how many ms a stored time may lie ahead of the clock before
// the clock counts as set back.
const clockSlack = 1000
