package broker

import "time"

// Clock is where the broker's time comes from.
type Clock interface{ Now() time.Time }

// clockSlack is by how many ms a stored time may lie ahead of the clock before
// the clock counts as set back.
const clockSlack = 1000

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }
